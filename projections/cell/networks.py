"""Networks: planning a block, creating, claiming, deleting (nova-network.md sections 4 and 5)."""

from bisect import bisect_left

from events.addresses import cidr4_bounds, cidr4_netmask, ipv4_number, ipv4_text
from events.errors import InvariantBroken
from events.ids import Draws
from events.model import Actor, Event
from events.networks import (
    AddressRange,
    ClaimNetwork,
    CreateNetworks,
    DeleteNetwork,
    NetworkClaimed,
    NetworkCreated,
    NetworkDeleted,
)
from events.refusals import Code, Refusal
from projections.cell.fixed_ips import disassociated
from projections.cell.pool import AddressPool, Range
from projections.cell.state import SELECTABLE_BY_ALL, Allocation, CellState, Network

PREFIX_LENGTH_MAX = 29
"""Smallest network: network, gateway and broadcast address and some for guests."""

_LOW_RESERVED = 2
"""Addresses from a block's start that are never handed out: the network's own, and the one for a gateway,
also where the gateway is elsewhere (nova-network.md section 4.5)."""

DRAINING_PER_DELETE_MAX = 1000
"""Draining addresses that one decision may free when their network is deleted (design section 4)."""


def decide_create(state: CellState, command: CreateNetworks, draws: Draws) -> tuple[Event, ...] | Refusal:
    """Plan a network and create it, unless its block, bridge or identity is taken."""
    if not command.actor.is_admin:
        return _admin_only("create networks")
    network_id = command.uuid or draws.uuid("network", 0)
    if network_id in state.networks:
        return Refusal(
            code=Code.NETWORK_EXISTS, field="uuid", message=f"A network {network_id} exists already."
        )
    bridge = command.bridge or f"br{network_id[-12:]}"
    if bridge in state.bridges:
        message = f"Bridge {bridge!r} belongs to network {state.bridges[bridge]}; name another one."
        return Refusal(code=Code.NETWORK_NOT_CREATED, field="bridge", message=message)
    plan = plan_network(command, network_id, bridge)
    if isinstance(plan, Refusal):
        return plan
    taken = overlapping(state, *cidr4_bounds(command.cidr))
    if taken is not None:
        other = state.networks[taken].plan
        message = f"Block {command.cidr} overlaps {other.cidr} of network {other.label!r} ({taken})."
        return Refusal(code=Code.CIDR_CONFLICT, field="cidr", message=message, details={"network_id": taken})
    return (plan,)


def plan_network(command: CreateNetworks, network_id: str, bridge: str) -> NetworkCreated | Refusal:
    """Return the complete address plan of a network (nova-network.md section 4.4), or why there is none."""
    first, last = cidr4_bounds(command.cidr)
    if int(command.cidr.split("/")[1]) > PREFIX_LENGTH_MAX:
        message = f"Block {command.cidr} is too small; a network needs at least a /{PREFIX_LENGTH_MAX}."
        return Refusal(code=Code.INVALID_CIDR, field="cidr", message=message)
    for field in ("allowed_start", "allowed_end", "dhcp_server"):
        text = getattr(command, field)
        if text is not None and not first < ipv4_number(text) < last:
            message = f"Address {text} is not a host address of {command.cidr}."
            return Refusal(code=Code.ADDRESS_OUT_OF_RANGE, field=field, message=message)
    bottom = first + 1 if command.allowed_start is None else ipv4_number(command.allowed_start)
    top = last - 1 if command.allowed_end is None else ipv4_number(command.allowed_end)
    gateway = bottom if command.gateway is None else ipv4_number(command.gateway)
    if command.gateway is not None and not first < gateway < last:
        message = (
            f"Gateway {command.gateway} is not a host address of {command.cidr}; guests could not reach it."
        )
        return Refusal(code=Code.ADDRESS_OUT_OF_RANGE, field="gateway", message=message)
    dhcp_server = gateway if command.dhcp_server is None else ipv4_number(command.dhcp_server)
    dhcp_start = gateway + 1 if command.gateway is None else bottom
    if dhcp_start == dhcp_server:
        dhcp_start += 1
    lowest = first + _LOW_RESERVED if command.allowed_start is None else bottom
    usable = _usable(lowest, top, {gateway, dhcp_server})
    if not usable:
        message = f"No address of {command.cidr} is left for guests; widen allowed_start and allowed_end."
        return Refusal(code=Code.ADDRESS_OUT_OF_RANGE, field="allowed_end", message=message)
    return NetworkCreated(
        network_id=network_id,
        kind=command.kind,
        label=command.label,
        cidr=command.cidr,
        netmask=cidr4_netmask(command.cidr),
        broadcast=ipv4_text(last),
        gateway=ipv4_text(gateway),
        dhcp_server=ipv4_text(dhcp_server),
        dhcp_start=ipv4_text(dhcp_start),
        enable_dhcp=command.enable_dhcp,
        dns1=command.dns1,
        dns2=command.dns2,
        bridge=bridge,
        bridge_interface=command.bridge_interface,
        mtu=command.mtu,
        reserved=tuple(
            AddressRange(first=ipv4_text(a), last=ipv4_text(b)) for a, b in _gaps(first, last, usable)
        ),
        project_id=command.project_id,
        physical_network=command.physical_network,
    )


def _usable(bottom: int, top: int, excluded: set[int]) -> list[Range]:
    """Return the ranges from `bottom` to `top` without some single addresses."""
    ranges: list[Range] = []
    start = bottom
    for address in sorted(a for a in excluded if bottom <= a <= top):
        if start < address:
            ranges.append(Range(start, address - 1))
        start = address + 1
    if start <= top:
        ranges.append(Range(start, top))
    return ranges


def _gaps(first: int, last: int, ranges: list[Range]) -> list[Range]:
    """Return what lies between and around ascending ranges inside `first` to `last`."""
    gaps: list[Range] = []
    start = first
    for used in ranges:
        if start < used.first:
            gaps.append(Range(start, used.first - 1))
        start = used.last + 1
    if start <= last:
        gaps.append(Range(start, last))
    return gaps


def overlapping(state: CellState, first: int, last: int) -> str | None:
    """Return the id of a network whose block overlaps `first` to `last`."""
    index = bisect_left(state.blocks, (first,))
    for block in state.blocks[max(index - 1, 0) : index + 1]:
        if block[0] <= last and first <= block[1]:
            return block[2]
    return None


def apply_created(state: CellState, event: NetworkCreated) -> None:
    """Add a network with all its addresses free."""
    block = Range(*cidr4_bounds(event.cidr))
    if (
        event.network_id in state.networks
        or event.bridge in state.bridges
        or overlapping(state, block.first, block.last) is not None
    ):
        message = f"network {event.network_id}, its bridge {event.bridge} or its block {event.cidr} is taken"
        raise InvariantBroken(message)
    reserved = [Range(ipv4_number(r.first), ipv4_number(r.last)) for r in event.reserved]
    pool: AddressPool[Allocation] = AddressPool(tuple(_gaps(block.first, block.last, reserved)))
    state.networks[event.network_id] = Network(event, block, pool)
    state.bridges[event.bridge] = event.network_id
    entry = (block.first, block.last, event.network_id)
    state.blocks.insert(bisect_left(state.blocks, entry), entry)
    state.selectable.setdefault(event.project_id, {})[event.network_id] = None


def decide_claim(state: CellState, report: ClaimNetwork) -> tuple[Event, ...] | Refusal:
    """Give an unhosted network to a host that reaches it; the loser is told the real owner."""
    network = state.networks.get(report.network_id)
    if network is None:
        return not_found(report.network_id)
    host = state.hosts.get(report.host)
    if host is None:
        message = f"Host {report.host!r} is not registered; its agent must register before it claims."
        return Refusal(code=Code.HOST_NOT_FOUND, field="host", message=message)
    if network.host == report.host:
        return ()
    if network.host is not None:
        message = f"Network {report.network_id} belongs to host {network.host!r}."
        details: dict[str, str | int | None] = {"host": network.host, "epoch": network.epoch}
        return Refusal(
            code=Code.NETWORK_ALREADY_CLAIMED, field="network_id", message=message, details=details
        )
    if network.plan.kind == "flat":
        message = "A flat network has no network host: its gateway and DHCP are the operator's."
        return Refusal(code=Code.NOT_IMPLEMENTED_FOR_KIND, field="network_id", message=message)
    if network.plan.physical_network not in host.physical_networks:
        return not_reachable(network, report.host, "host")
    return (NetworkClaimed(network_id=report.network_id, host=report.host, epoch=network.epoch + 1),)


def apply_claimed(state: CellState, event: NetworkClaimed) -> None:
    """Let a host own a network."""
    network = state.networks[event.network_id]
    if event.epoch != network.epoch + 1:
        message = f"network {event.network_id} is claimed for epoch {event.epoch}, now {network.epoch}"
        raise InvariantBroken(message)
    network.host = event.host
    network.epoch = event.epoch


def decide_delete(state: CellState, command: DeleteNetwork) -> tuple[Event, ...] | Refusal:
    """Delete a network that nothing uses; addresses that still drain are freed with it."""
    if not command.actor.is_admin:
        return _admin_only("delete networks")
    network = state.networks.get(command.network_id)
    if network is None:
        return not_found(command.network_id)
    if network.plan.project_id is not None and command.require_disassociated:
        message = (
            f"Network {network.plan.label!r} belongs to project {network.plan.project_id!r}; disassociate it"
            " first, or delete it with require_disassociated=false."
        )
        return Refusal(code=Code.NETWORK_HAS_PROJECT, field="network_id", message=message)
    if network.active or network.nics:
        message = (
            f"Network {network.plan.label!r} is in use: {network.active} fixed IPs are allocated. Delete"
            " their instances first."
        )
        return Refusal(code=Code.NETWORK_IN_USE, field="network_id", message=message)
    if len(network.draining) > DRAINING_PER_DELETE_MAX:
        message = (
            f"{len(network.draining)} addresses of network {network.plan.label!r} are still draining; try"
            " again in a moment."
        )
        return Refusal(code=Code.NETWORK_IN_USE, field="network_id", message=message)
    freed = [
        disassociated(state.allocations[allocation_id], "network_deleted")
        for allocation_id in network.draining
    ]
    return (*freed, NetworkDeleted(network_id=command.network_id))


def apply_deleted(state: CellState, event: NetworkDeleted) -> None:
    """Forget a network."""
    network = state.networks.pop(event.network_id)
    if network.pool.held or network.nics:
        message = f"network {event.network_id} is deleted while {len(network.pool.held)} addresses are in use"
        raise InvariantBroken(message)
    del state.bridges[network.plan.bridge]
    state.blocks.remove((network.block.first, network.block.last, event.network_id))
    mine = state.selectable[network.plan.project_id]
    del mine[event.network_id]
    if not mine and network.plan.project_id is not SELECTABLE_BY_ALL:
        del state.selectable[network.plan.project_id]


def visible(network: Network, project_id: str) -> bool:
    """Return whether a project may use a network."""
    return network.plan.project_id in (None, project_id)


def not_found(network_id: str, field: str = "network_id") -> Refusal:
    """Refuse for a network that does not exist."""
    message = f"There is no network {network_id}; `netledger network list` shows those that exist."
    return Refusal(code=Code.NETWORK_NOT_FOUND, field=field, message=message)


def not_reachable(network: Network, host: str, field: str) -> Refusal:
    """Refuse for a host that is not attached to the network's physical network."""
    message = (
        f"Host {host!r} does not reach physical network {network.plan.physical_network!r}, on which network"
        f" {network.plan.label!r} lives."
    )
    return Refusal(code=Code.NETWORK_NOT_REACHABLE, field=field, message=message)


def forbidden(actor: Actor, what: str, field: str) -> Refusal:
    """Refuse an actor that is neither an admin nor of the project concerned."""
    message = f"User {actor.user!r} of project {actor.project!r} may not {what}."
    return Refusal(code=Code.FORBIDDEN, field=field, message=message)


def _admin_only(what: str) -> Refusal:
    return Refusal(code=Code.FORBIDDEN, field="actor.is_admin", message=f"Only an admin may {what}.")
