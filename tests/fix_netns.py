"""Network namespaces for a test: uniquely named, wired to each other only, and always deleted.

Nothing here touches the machine's own network or its resolver: guests run udhcpc with a script of ours.
"""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from host_agent.namespace import Namespace
from host_agent.programs import SEARCH_PATH
from tests import needs

PROGRAMS = {
    "ip": "iproute2",
    "nft": "nftables",
    "dnsmasq": "dnsmasq-base",
    "udhcpc": "udhcpc",
    "conntrack": "conntrack",
    "ping": "iputils-ping",
}
"""What the tests of this directory start, and the package that has it."""

_UDHCPC_SCRIPT = """#!/bin/sh
# What a guest does with its lease: an address, a route, and a note for the test.
case "$1" in
bound | renew)
    ip address flush dev "$interface"
    ip address add "$ip/$mask" dev "$interface"
    [ -z "$router" ] || ip route replace default via "${router%% *}" dev "$interface"
    given="router=$router mtu=$mtu domain=$domain dns=$dns hostname=$hostname"
    printf '%s\\n' "$1 $ip/$mask $given" >>"$NOTES"
    ;;
deconfig) ip address flush dev "$interface"; ip link set "$interface" up ;;
esac
"""


class Netns:
    """One network namespace of a test."""

    def __init__(self, name: str, directory: Path) -> None:
        """Wrap a namespace that exists; `directory` is for the notes of its DHCP client."""
        self.name = name
        self.inside = Namespace(name)
        self.notes = directory / f"{name}.dhcp"
        self._script = directory / f"{name}.udhcpc"
        self._clients: list[subprocess.Popen[bytes]] = []

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program inside and return what it said."""
        environment = {"PATH": SEARCH_PATH, "LC_ALL": "C"}
        return self.inside.call(
            lambda: subprocess.run(
                arguments, capture_output=True, text=True, check=check, timeout=60, env=environment
            )
        )

    def ip(self, words: str) -> str:
        """Run `ip` with words separated by spaces."""
        return self.run("ip", *words.split()).stdout

    def works(self, *arguments: str) -> bool:
        """Tell whether a program succeeds inside."""
        return self.run(*arguments, check=False).returncode == 0

    def pings(self, address: str, *options: str) -> bool:
        """Tell whether an address answers within a second or two."""
        return self.works("ping", "-n", "-q", "-c", "1", "-W", "2", *options, address)

    def start_dhcp(self, interface: str = "eth0") -> subprocess.Popen[bytes]:
        """Start a DHCP client that stays; SIGUSR1 lets it renew, SIGUSR2 release."""
        if not self._script.exists():
            self._script.write_text(_UDHCPC_SCRIPT)
            self._script.chmod(0o755)
        arguments = [
            "udhcpc",
            "-i",
            interface,
            "-f",
            "-t",
            "20",
            "-T",
            "1",
            "-A",
            "1",
            "-s",
            str(self._script),
        ]
        arguments += ["-O", "mtu", "-O", "hostname"]
        environment = {"PATH": SEARCH_PATH, "NOTES": str(self.notes)}
        client = self.inside.call(
            lambda: subprocess.Popen(
                arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )
        self._clients.append(client)
        return client

    def leases(self) -> Sequence[str]:
        """Return what the DHCP client noted, oldest first."""
        return self.notes.read_text().splitlines() if self.notes.exists() else ()

    def close(self) -> None:
        """End everything inside and delete the namespace."""
        for client in self._clients:
            client.kill()
            client.wait()
        listed = subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False
        )
        for pid in listed.stdout.split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", self.name], check=False)


MakeNetns = Callable[[str], Netns]
"""Makes a namespace; the word says what it is for."""


@pytest.fixture
def make_netns(tmp_path: Path) -> Iterator[MakeNetns]:
    """Give a maker of namespaces, which are deleted after the test whatever happened."""
    for program, package in PROGRAMS.items():
        if shutil.which(program, path=SEARCH_PATH) is None:
            needs.absent(program, f"not on PATH; apt-get install {package}")
    made: list[Netns] = []

    def make(word: str) -> Netns:
        name = f"nltest-{secrets.token_hex(4)}-{word}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        made.append(Netns(name, tmp_path))
        made[-1].ip("link set lo up")
        return made[-1]

    try:
        yield make
    finally:
        for each in reversed(made):
            each.close()


def wire(one: Netns, name: str, other: Netns, other_name: str, mac: str | None = None) -> None:
    """Join two namespaces by a cable; `mac` is that of the other end. Both ends are up."""
    address = f" address {mac}" if mac else ""
    one.ip(f"link add {name} type veth peer name {other_name}{address} netns {other.name}")
    one.ip(f"link set {name} up")
    other.ip(f"link set {other_name} up")


def plug(host: Netns, bridge: str, guest: Netns, mac: str, interface: str = "eth0") -> None:
    """Do what a hypervisor does: give a guest a NIC with a MAC, on a bridge of its host."""
    port = f"tap{secrets.token_hex(4)}"
    wire(host, port, guest, interface, mac)
    host.ip(f"link set {port} master {bridge}")
