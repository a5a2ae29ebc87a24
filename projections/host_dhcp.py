"""The DHCP service of a network, as values and as the files that dnsmasq reads (nova-network.md 13.5).

One process serves one network. Its hosts live in a directory that dnsmasq watches by inotify: an added file
counts at once, without a signal, while taking a host away needs a restart (SIGHUP is never sent: 2.90 died of
it with tagged hosts). Leases are not kept in a file by dnsmasq but told to a script, which appends them to a
file that the agent reads, and ends.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from shlex import quote

HOSTNAME_MAX = 63
"""Longest name that goes into a DHCP reply and a DNS label (RFC 1035 section 2.3.4)."""
_HEAD = 2
_TAIL = 60

CONFIG = "dnsmasq.conf"
HOSTS_DIRECTORY = "hosts.d"
OPTIONS = "options"
LEASES = "leases"
SCRIPT = "dhcp-script"
FACTS = "facts"
PID = "pid"
LOG = "log"


@dataclass(frozen=True, slots=True)
class DhcpHost:
    """A NIC that is given one address."""

    mac: str
    address: str
    hostname: str | None


@dataclass(frozen=True, slots=True)
class DhcpService:
    """What one dnsmasq serves, on one bridge."""

    network_id: str
    interface: str
    first: str
    """Lowest address of the range; it only tells dnsmasq the subnet, because hosts are all it serves."""
    netmask: str
    router: str
    mtu: int | None
    lease_time_s: int
    lease_max: int
    domain: str
    """Empty: names go out without one."""
    servers: tuple[str, ...]
    """Name servers to ask; none: those of the host's own resolver."""
    hosts: tuple[DhcpHost, ...]
    """In the order of their addresses."""


def shortened(hostname: str) -> str:
    """Return at most 63 characters: of a longer name the first 2, a hyphen and the last 60, as nova did."""
    if len(hostname) <= HOSTNAME_MAX:
        return hostname
    return f"{hostname[:_HEAD]}-{hostname[-_TAIL:]}"


def host_line(host: DhcpHost, domain: str) -> str:
    """Return a NIC's dhcp-host line: `mac,hostname.domain,address`; without a name `mac,address`."""
    if host.hostname is None:
        return f"{host.mac},{host.address}"
    name = shortened(host.hostname)
    return f"{host.mac},{name}.{domain},{host.address}" if domain else f"{host.mac},{name},{host.address}"


def host_lines(service: DhcpService) -> tuple[str, ...]:
    """Return all dhcp-host lines of a service."""
    return tuple(host_line(host, service.domain) for host in service.hosts)


def config(service: DhcpService, directory: str) -> str:
    """Return dnsmasq's configuration file; `directory` is the service's own."""
    lines = [
        "# Written by netledger; changes are overwritten.",
        "strict-order",
        "bind-dynamic",
        f"interface={service.interface}",
        "except-interface=lo",  # or guests would be told 127.0.0.1 (nova's bug 1201873)
        "user=root",
        "group=",
        "no-hosts",
        f"pid-file={directory}/{PID}",
        f"log-facility={directory}/{LOG}",
        "quiet-dhcp",
        f"dhcp-range={service.first},static,{service.netmask},{service.lease_time_s}s",
        f"dhcp-lease-max={service.lease_max}",
        f"dhcp-hostsdir={directory}/{HOSTS_DIRECTORY}",
        f"dhcp-optsfile={directory}/{OPTIONS}",
        f"dhcp-script={directory}/{SCRIPT}",
        "leasefile-ro",
        "dhcp-authoritative",
    ]
    if service.domain:
        lines += [f"domain={service.domain}", f"local=/{service.domain}/"]
    if service.servers:
        lines += ["no-resolv", *(f"server={server}" for server in service.servers)]
    return "\n".join(lines) + "\n"


def options(service: DhcpService) -> str:
    """Return the DHCP options file: 3 is the router, 26 the MTU (RFC 2132)."""
    lines = [f"3,{service.router}"]
    if service.mtu is not None:
        lines.append(f"26,{service.mtu}")
    return "\n".join(lines) + "\n"


def leases(held: Iterable[DhcpHost], expires_s: int) -> str:
    """Return the leases that dnsmasq starts with, as a lease file of its; `expires_s` is Unix time."""
    return "".join(
        f"{expires_s} {host.mac} {host.address} {shortened(host.hostname) if host.hostname else '*'} *\n"
        for host in held
    )


def script(directory: str) -> str:
    """Return the program that dnsmasq calls: `add|old|del MAC ADDRESS [NAME]`, and `init` at its start.

    It appends a line and ends, starting no other program: dnsmasq runs these calls one after the other,
    hundreds in a row after a restart. Renewals end here.
    """
    return f"""#!/bin/sh
# Written by netledger; changes are overwritten.
case "$1" in
add | del) printf '%s %s %s\\n' "$1" "$2" "$3" >>{quote(f"{directory}/{FACTS}")} ;;
init) exec cat {quote(f"{directory}/{LEASES}")} ;;
esac
"""


def generation(service: DhcpService, directory: str) -> str:
    """Return a digest of everything that dnsmasq reads only at its start."""
    text = "\0".join((config(service, directory), options(service), script(directory)))
    return blake2b(text.encode(), digest_size=8).hexdigest()
