"""What comes in to a guest: the ordered rules of each port on a host (nova-network.md section 15.3). Pure.

The agent does not apply them yet. They are nova's chain of an instance, made for each port: DHCP servers,
neighbours and router advertisements are those of the port's own network. What guests send is not filtered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from events.networks import NetworkCreated
from projections.host_groups import GroupsView, Rule
from projections.host_view import HostView, Port

ICMP_ANY = -1


@dataclass(frozen=True, slots=True)
class Match:
    """One rule: what it is about, and what becomes of it. None matches anything."""

    verdict: Literal["accept", "drop"]
    family: Literal[4, 6] | None = None
    state: Literal["invalid", "established,related"] | None = None
    protocol: Literal["tcp", "udp", "icmp", "icmpv6"] | None = None
    source: str | None = None
    source_port: int | None = None
    ports: tuple[int, int] | None = None
    """First and last destination port."""
    icmp: tuple[int, int | None] | None = None
    """Type, and code if not any."""


@dataclass(frozen=True, slots=True)
class PortFilter:
    """What is let in to a port: the first rule that matches decides."""

    vif_id: str
    instance_uuid: str
    rules: tuple[Match, ...]


def filters(view: HostView, *, allow_same_net_traffic: bool = True) -> dict[str, PortFilter]:
    """Return the filter of each port that the host has, by VIF id.

    Args:
        view: What the host knows.
        allow_same_net_traffic: nova's option: whether neighbours on a network are let in whatever the groups
            say; in VLAN networks they are of the same project.

    """
    provided = tuple(_provider(view.groups))
    found: dict[str, PortFilter] = {}
    for vif_id, port in view.ports.items():
        network = view.networks[port.network_id].definition
        rules = (
            Match("drop", state="invalid"),
            Match("accept", state="established,related"),
            *provided,
            *_of_network(network, allow_same_net_traffic=allow_same_net_traffic),
            *_of_groups(view.groups, port),
            Match("drop"),
        )
        found[vif_id] = PortFilter(vif_id, port.instance_uuid, tuple(dict.fromkeys(rules)))
    return found


def _provider(groups: GroupsView) -> Iterator[Match]:
    for rule in groups.provider.values():
        yield _match("drop", rule, str(rule.cidr))


def _of_network(network: NetworkCreated, *, allow_same_net_traffic: bool) -> Iterator[Match]:
    """Yield what a network's own services and neighbours may send."""
    if network.enable_dhcp and network.dhcp_server is not None:
        server = f"{network.dhcp_server}/32"
        yield Match("accept", 4, protocol="udp", source=server, source_port=67, ports=(68, 68))
    if allow_same_net_traffic:
        if network.cidr is not None:
            yield Match("accept", 4, source=network.cidr)
        if network.cidr_v6 is not None:
            yield Match("accept", 6, source=network.cidr_v6)
    if network.gateway_v6 is not None:
        yield Match("accept", 6, protocol="icmpv6", source=f"{network.gateway_v6}/128")


def _of_groups(groups: GroupsView, port: Port) -> Iterator[Match]:
    """Yield what the groups of a port's instance let in; a source group is one rule for each address."""
    for group_id in groups.groups_of(port.instance_uuid):
        for rule in groups.rules.get(group_id, {}).values():
            if rule.source_group_id is None:
                yield _match("accept", rule, str(rule.cidr))
                continue
            for _, addresses in groups.members_of(rule.source_group_id):
                yield from (_match("accept", rule, f"{address}/32") for address in addresses)


def _match(verdict: Literal["accept", "drop"], rule: Rule, source: str) -> Match:
    family: Literal[4, 6] = 6 if ":" in source else 4
    if rule.protocol is None:
        return Match(verdict, family, source=source)
    first, last = int(rule.from_port or 0), int(rule.to_port or 0)
    if rule.protocol == "icmp":
        icmp = None if first == ICMP_ANY else (first, None if last == ICMP_ANY else last)
        return Match(verdict, family, protocol="icmp" if family == 4 else "icmpv6", source=source, icmp=icmp)  # noqa: PLR2004 - IPv4
    protocol: Literal["tcp", "udp"] = "tcp" if rule.protocol == "tcp" else "udp"
    return Match(verdict, family, protocol=protocol, source=source, ports=(first, last))
