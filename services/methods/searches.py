"""Finding instances by address, and what DHCP hosts have leased (nova-network.md 12.2, 12.3, 13.5)."""

from time import time

from events.addresses import parse_ipv4, parse_ipv6
from events.ids import parse_uuid
from events.model import Actor, Name
from events.refusals import Code
from projections.ipam import searches
from projections.ipam.searches import BadPattern
from services.methods.base import Args, Defaults, Method, Read, checked
from services.outcomes import refused
from services.tables import Row, Tables


class IpFilterArgs(Args):
    """Addresses to look for; what matches one of the filters is found."""

    fixed_ip: str | None = None
    """Exactly this fixed address."""
    ip: str | None = None
    """A regular expression that all of a fixed or floating address matches."""
    ip6: str | None = None
    """A regular expression that all of an IPv6 address matches."""


class LeasesArgs(Args):
    """A network by id, and a host if only its instances count."""

    network: str
    host: Name | None = None


def _by_ip_filter(args: IpFilterArgs, actor: Actor, tables: Tables) -> list[Row]:
    if args.fixed_ip is None and args.ip is None and args.ip6 is None:
        raise refused(Code.INVALID_INPUT, "Name what to look for: fixed_ip, ip or ip6.", "fixed_ip")
    if not actor.is_admin and actor.project is None:
        return []
    fixed_ip = None if args.fixed_ip is None else _address(args.fixed_ip)
    patterns = {"ip": args.ip, "ip6": args.ip6}
    for name, pattern in patterns.items():
        if pattern is not None:
            try:
                searches.checked_pattern(pattern)
            except BadPattern as error:
                raise refused(Code.INVALID_INPUT, f"{name}: {error}.", name) from None
    project = None if actor.is_admin else actor.project
    try:
        return tables.ask(
            lambda reader: searches.instances_by_ip(
                reader, fixed_ip=fixed_ip, ip=args.ip, ip6=args.ip6, project_id=project
            )
        )
    except BadPattern as error:
        raise refused(Code.INVALID_INPUT, f"{error}.", "ip6" if args.ip is None else "ip") from None


def _address(text: str) -> str:
    try:
        return parse_ipv6(text) if ":" in text else parse_ipv4(text)
    except ValueError as error:
        raise refused(Code.FIXED_IP_INVALID, f"fixed_ip: {error}.", "fixed_ip") from None


def _leases(args: LeasesArgs, actor: Actor, tables: Tables) -> list[Row]:
    if not actor.is_admin:
        raise refused(Code.FORBIDDEN, "Only an admin sees the leases of a network.", "actor.is_admin")
    network = checked(parse_uuid, args.network, Code.INVALID_INPUT, "network")
    found = tables.ask(lambda reader: searches.leases(reader, network, args.host))
    if found is None:
        message = f"There is no network {network}; `netledger network list` shows those that exist."
        raise refused(Code.NETWORK_NOT_FOUND, message, "network")
    return found


def _lease_file(rows: list[Row], defaults: Defaults) -> str:
    """Return what dnsmasq reads at its start: expiry, MAC, address, host name, client id."""
    expiry = int(time()) + defaults.dhcp_lease_time
    return "".join(f"{expiry} {row['mac']} {row['address']} {row['hostname'] or '*'} *\n" for row in rows)


METHODS: dict[str, Method] = {
    "get_instance_uuids_by_ip_filter": Read(IpFilterArgs, _by_ip_filter),
    "get_dhcp_leases": Read(LeasesArgs, _leases, _lease_file),
}
