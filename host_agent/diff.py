"""Plan against observation: the smallest set of idempotent steps, in the order that keeps guests safe. Pure.

The order: stop answering for a floating IP, then change the translation, then end the connections of what
went away; stop services and remove bridges that do not belong; then build: bridges and their addresses;
answer for new floating IPs, whose translation is there by now; DHCP last, on bridges that are there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from host_agent.observed import ADDRESS_LABEL, BRIDGE_MARK, Address, DhcpDirectory, Link, Observed
from host_agent.steps import (
    AddAddress,
    AddDhcpHosts,
    BindAddress,
    ChangeElements,
    CreateBridge,
    DeleteAddress,
    DeleteLink,
    DeleteTable,
    EndFlows,
    Enslave,
    MendBridge,
    ReplaceTable,
    RestartDhcp,
    SetSysctl,
    Step,
    StopDhcp,
    UnbindAddress,
)
from projections.host_dhcp import DhcpService, generation, host_lines
from projections.host_nat import MAP_TYPES, Elements, Nat, chains, elements
from projections.host_plan import BoundAddress, Bridge, HostPlan

NO_LINK = -1
"""Index that no interface has."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What has to be done, and what cannot be done until somebody mends the host."""

    steps: tuple[Step, ...]
    problems: tuple[str, ...]


def diff(plan: HostPlan, observed: Observed, networks_path: str) -> Difference:
    """Return what makes the host like the plan; `networks_path` holds a directory for each DHCP service."""
    problems: list[str] = []
    kept = tuple(bridge for bridge in plan.bridges if _may_use(bridge, observed, problems))
    services = tuple(
        service for service in plan.dhcp if any(bridge.name == service.interface for bridge in kept)
    )
    unbound = tuple(_unbound(plan, observed))
    ended = {step.address for step in unbound} | set(_gone_or_moved(plan.nat, observed))
    steps: list[Step] = [
        *unbound,
        *_nat(plan.nat, observed),
        *(EndFlows(address) for address in sorted(ended)),
        *(
            StopDhcp(network_id)
            for network_id in sorted(observed.dhcp.keys() - {s.network_id for s in services})
        ),
        *_removed_bridges(plan, observed),
        *(step for bridge in kept for step in _bridge(bridge, observed, problems)),
        *(SetSysctl(name, value) for name, value in plan.sysctls if observed.sysctls.get(name) != value),
        *_bound(plan.floating, observed, problems),
        *(step for service in services for step in _dhcp(service, observed, networks_path)),
    ]
    return Difference(tuple(steps), tuple(problems))


def _may_use(bridge: Bridge, observed: Observed, problems: list[str]) -> bool:
    """Tell whether the bridge's name is free, or ours, or that of an operator's bridge that will do."""
    there = observed.links.get(bridge.name)
    if there is None or (there.is_ours and there.kind == "bridge"):
        return True
    if there.kind == "bridge" and not bridge.addresses:
        return True
    what = f"a {there.kind}" if there.kind else "an interface"
    problems.append(
        f"{bridge.name}, which network {bridge.network_id} needs, is {what} that netledger did not make; "
        "remove it, or give the network another bridge name"
    )
    return False


def _unbound(plan: HostPlan, observed: Observed) -> Iterator[UnbindAddress]:
    wanted = set(plan.floating)
    for there in observed.addresses:
        address = there.address.partition("/")[0]
        if _floats(there) and BoundAddress(address, there.interface) not in wanted:
            yield UnbindAddress(address, there.interface)


def _bound(
    floating: tuple[BoundAddress, ...], observed: Observed, problems: list[str]
) -> Iterator[BindAddress]:
    there = {(each.address.partition("/")[0], each.interface) for each in observed.addresses}
    absent = sorted({each.interface for each in floating} - observed.links.keys())
    problems += [
        f"public interface {name} does not exist on this host; name the right one in public_interface"
        for name in absent
    ]
    for each in floating:
        if each.interface not in absent and (each.address, each.interface) not in there:
            yield BindAddress(each.address, each.interface)


def _nat(nat: Nat | None, observed: Observed) -> Iterator[DeleteTable | ReplaceTable | ChangeElements]:
    there = observed.nat
    if nat is None:
        if there is not None:
            yield DeleteTable()
    elif there is None or there.chains != chains(nat) or there.maps != MAP_TYPES:
        yield ReplaceTable(nat)
    else:
        wanted = elements(nat)
        surplus, missing = _without(there.elements, wanted), _without(wanted, there.elements)
        if surplus or missing:
            yield ChangeElements(surplus, missing)


def _without(some: Elements, others: Elements) -> dict[str, dict[tuple[str, ...], str]]:
    """Return the pairs of `some` that `others` does not hold; a key that leads elsewhere is another pair."""
    left = {
        name: {key: value for key, value in pairs.items() if others.get(name, {}).get(key) != value}
        for name, pairs in some.items()
    }
    return {name: pairs for name, pairs in left.items() if pairs}


def _gone_or_moved(nat: Nat | None, observed: Observed) -> Iterator[str]:
    """Yield floating IPs whose traffic went to another fixed IP until now."""
    if observed.nat is None:
        return
    wanted: Mapping[tuple[str, ...], str] = {} if nat is None else elements(nat)["floating_dnat"]
    for key, fixed in observed.nat.elements.get("floating_dnat", {}).items():
        if wanted.get(key) != fixed:
            yield key[0]


def _removed_bridges(plan: HostPlan, observed: Observed) -> Iterator[DeleteLink]:
    wanted = {bridge.name for bridge in plan.bridges}
    for name, link in sorted(observed.links.items()):
        if link.is_ours and link.kind == "bridge" and name not in wanted:
            yield DeleteLink(name)


def _bridge(bridge: Bridge, observed: Observed, problems: list[str]) -> Iterator[Step]:
    there = observed.links.get(bridge.name)
    if there is not None and not there.is_ours:
        return  # the operator's own, with an uplink of the operator's
    if there is None:
        yield CreateBridge(bridge)
    elif not _is_right(there, bridge):
        yield MendBridge(bridge)
    yield from _uplink(bridge, there, observed, problems)
    has = {each.address for each in observed.addresses if each.interface == bridge.name and not _floats(each)}
    yield from (DeleteAddress(bridge.name, address) for address in sorted(has - set(bridge.addresses)))
    yield from (AddAddress(bridge.name, address) for address in bridge.addresses if address not in has)


def _is_right(link: Link, bridge: Bridge) -> bool:
    return (
        link.up
        and link.mac == bridge.mac
        and bridge.mtu in (None, link.mtu)
        and link.alias == f"{BRIDGE_MARK}{bridge.network_id}"
    )


def _uplink(bridge: Bridge, there: Link | None, observed: Observed, problems: list[str]) -> Iterator[Enslave]:
    name = bridge.interface
    if name is None:
        return
    link = observed.links.get(name)
    if link is None:
        problems.append(
            f"interface {name}, which bridge {bridge.name} needs, does not exist on this host; "
            "name another one in flat_interface"
        )
    elif there is not None and link.master == there.index:
        if not link.up:
            yield Enslave(name, bridge.name)
    elif link.master:
        problems.append(f"interface {name} is a port of another bridge; bridge {bridge.name} cannot have it")
    elif own := _global_addresses(name, observed.addresses):
        problems.append(
            f"interface {name} carries this host's own address {own[0]}; bridge {bridge.name} would cut "
            "it off. Give the network an interface of its own"
        )
    else:
        yield Enslave(name, bridge.name)


def _floats(address: Address) -> bool:
    return address.label == ADDRESS_LABEL


def _global_addresses(interface: str, addresses: tuple[Address, ...]) -> list[str]:
    return [each.address for each in addresses if each.interface == interface]


def _dhcp(
    service: DhcpService, observed: Observed, networks_path: str
) -> Iterator[RestartDhcp | AddDhcpHosts]:
    there = observed.dhcp.get(service.network_id, DhcpDirectory(None, frozenset()))
    lines = host_lines(service)
    reason = _restart_reason(service, there, observed, networks_path)
    if reason is None and not there.hosts <= set(lines):
        reason = "hosts left"
    if reason is not None:
        yield RestartDhcp(service, reason)
    elif missing := tuple(line for line in lines if line not in there.hosts):
        yield AddDhcpHosts(service.network_id, missing)


def _restart_reason(
    service: DhcpService, there: DhcpDirectory, observed: Observed, networks_path: str
) -> str | None:
    if there.process is None:
        return "it does not run"
    if there.process.generation != generation(service, f"{networks_path}/{service.network_id}"):
        return "its settings changed"
    bridge = observed.links.get(service.interface)
    if there.process.interface_index != (bridge.index if bridge else NO_LINK):
        return "its bridge was made anew"
    return None
