"""Networks: creating, claiming, deleting (nova-network.md sections 4 and 5)."""

from bisect import bisect_left, bisect_right

from events.addresses import cidr4_bounds, cidr4_netmask, cidr4_text, ipv4_number, ipv4_text
from events.errors import InvariantBroken
from events.fixed_ips import FixedIpUnreserved
from events.ids import Draws
from events.model import Actor, Event
from events.networks import (
    LABEL_LENGTH_MAX,
    AddressRange,
    CreateNetworks,
    DeleteNetwork,
    NetworkCreated,
    NetworkDeleted,
)
from events.refusals import Code, Refusal
from projections.cell import hosting, visibility
from projections.cell.address_plan import (
    AddressPlan,
    NoRoom,
    gaps,
    network_count,
    overlapped,
    plan_addresses,
    subnets,
)
from projections.cell.fixed_ips import disassociated
from projections.cell.pool import AddressPool, Range
from projections.cell.state import Allocation, CellState, Network

_OF_ONE = ("uuid", "bridge", "gateway", "dhcp_server", "allowed_start", "allowed_end", "fixed_cidr")
"""What can be asked for one network only."""

DRAINING_PER_DELETE_MAX = 1000
"""Draining addresses that one decision may free when their network is deleted (design section 4)."""

RESERVED_PER_DELETE_MAX = 1000
"""Reserved addresses, likewise."""


def decide_create(state: CellState, command: CreateNetworks, draws: Draws) -> tuple[Event, ...] | Refusal:
    """Plan networks and create all of them, unless a block, bridge or identity is taken."""
    if not command.actor.is_admin:
        return _admin_only("create networks")
    labels = _labels(command)
    if isinstance(labels, Refusal):
        return labels
    identities = _identities(state, command, draws)
    if isinstance(identities, Refusal):
        return identities
    blocks = subnets(command, state.blocks)
    if isinstance(blocks, NoRoom):
        return _no_room(state, command, blocks)
    if isinstance(blocks, Refusal):
        return blocks
    created: list[Event] = []
    for label, (network_id, bridge), block in zip(labels, identities, blocks, strict=True):
        plan = plan_addresses(block, command)
        if isinstance(plan, Refusal):
            return plan
        created.append(_created(command, label, network_id, bridge, block, plan))
    return tuple(created)


def _labels(command: CreateNetworks) -> list[str] | Refusal:
    """Return the label of each network; refuse what several cannot have in common."""
    count = network_count(command)
    if count == 1:
        return [command.label]
    for field in _OF_ONE:
        if getattr(command, field) is not None:
            message = (
                f"{field} can be that of one network only; leave it out, or create the {count} one by one."
            )
            return Refusal(code=Code.INVALID_INPUT, field=field, message=message)
    labels = [f"{command.label}_{index}" for index in range(count)]
    if len(labels[-1]) > LABEL_LENGTH_MAX:
        message = (
            f"With its index the label is longer than {LABEL_LENGTH_MAX} characters; choose a shorter one."
        )
        return Refusal(code=Code.INVALID_INPUT, field="label", message=message)
    return labels


def _identities(state: CellState, command: CreateNetworks, draws: Draws) -> list[tuple[str, str]] | Refusal:
    """Return the id and the bridge of each network; they must be new."""
    bridges: dict[str, str] = {}
    for index in range(network_count(command)):
        network_id = command.uuid or draws.uuid("network", index)
        if network_id in state.networks:
            message = f"A network {network_id} exists already."
            return Refusal(code=Code.NETWORK_EXISTS, field="uuid", message=message)
        bridge = command.bridge or f"br{network_id[-12:]}"
        owner = state.bridges.get(bridge) or bridges.get(bridge)
        if owner is not None:
            message = f"Bridge {bridge!r} belongs to network {owner}; name another one."
            return Refusal(code=Code.NETWORK_NOT_CREATED, field="bridge", message=message)
        bridges[bridge] = network_id
    return [(network_id, bridge) for bridge, network_id in bridges.items()]


def _no_room(state: CellState, command: CreateNetworks, room: NoRoom) -> Refusal:
    other = state.networks[room.network_id].plan
    count = network_count(command)
    message = f"Block {command.cidr} overlaps {other.cidr} of network {other.label!r} ({room.network_id})"
    message += "." if count == 1 else f", and only {room.found} of {count} networks find room."
    details: dict[str, str | int | None] = {"network_id": room.network_id}
    return Refusal(code=Code.CIDR_CONFLICT, field="cidr", message=message, details=details)


def _created(
    command: CreateNetworks, label: str, network_id: str, bridge: str, block: Range, plan: AddressPlan
) -> NetworkCreated:
    cidr = cidr4_text(*block)
    return NetworkCreated(
        network_id=network_id,
        kind=command.kind,
        label=label,
        cidr=cidr,
        netmask=cidr4_netmask(cidr),
        broadcast=ipv4_text(block.last),
        gateway=ipv4_text(plan.gateway),
        dhcp_server=ipv4_text(plan.dhcp_server),
        dhcp_start=ipv4_text(plan.dhcp_start),
        enable_dhcp=command.enable_dhcp,
        dns1=command.dns1,
        dns2=command.dns2,
        bridge=bridge,
        bridge_interface=command.bridge_interface,
        mtu=command.mtu,
        multi_host=command.multi_host,
        share_address=command.share_address,
        injected=command.injected,
        rxtx_base=command.rxtx_base,
        priority=command.priority,
        reserved=tuple(
            AddressRange(first=ipv4_text(one.first), last=ipv4_text(one.last))
            for one in gaps(block, plan.usable)
        ),
        project_id=command.project_id,
        physical_network=command.physical_network,
    )


def network_at(state: CellState, address: int) -> Network | None:
    """Return the network whose block has an address."""
    index = bisect_right(state.blocks, address, key=lambda block: block[0]) - 1
    if index < 0 or address > state.blocks[index][1]:
        return None
    return state.networks[state.blocks[index][2]]


def apply_created(state: CellState, event: NetworkCreated) -> None:
    """Add a network with all its addresses free."""
    block = None if event.cidr is None else Range(*cidr4_bounds(event.cidr))
    if (
        event.network_id in state.networks
        or event.bridge in state.bridges
        or (block is not None and overlapped(state.blocks, block) is not None)
    ):
        message = f"network {event.network_id}, its bridge {event.bridge} or its block {event.cidr} is taken"
        raise InvariantBroken(message)
    reserved = [Range(ipv4_number(r.first), ipv4_number(r.last)) for r in event.reserved]
    pool: AddressPool[Allocation] = AddressPool(() if block is None else tuple(gaps(block, reserved)))
    network = state.networks[event.network_id] = Network(event, block, pool, event.project_id)
    hosting.offer(state, network)
    state.bridges[event.bridge] = event.network_id
    if block is not None:
        entry = (block.first, block.last, event.network_id)
        state.blocks.insert(bisect_left(state.blocks, entry), entry)
    visibility.enter(state, network)
    state.vlan_networks += event.kind == "vlan"


def decide_delete(state: CellState, command: DeleteNetwork) -> tuple[Event, ...] | Refusal:
    """Delete a network that nothing uses; addresses that still drain are freed with it."""
    if not command.actor.is_admin:
        return _admin_only("delete networks")
    network = state.networks.get(command.network_id)
    if network is None:
        return not_found(command.network_id)
    if network.project_id is not None and command.require_disassociated:
        message = (
            f"Network {network.plan.label!r} belongs to project {network.project_id!r}; disassociate it"
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
    if len(network.pool.reserved) > RESERVED_PER_DELETE_MAX:
        message = (
            f"{len(network.pool.reserved)} addresses of network {network.plan.label!r} are reserved;"
            f" unreserve them first, but for {RESERVED_PER_DELETE_MAX}."
        )
        return Refusal(code=Code.NETWORK_IN_USE, field="network_id", message=message)
    freed = [
        disassociated(state.allocations[allocation_id], "network_deleted")
        for allocation_id in network.draining
    ]
    unreserved = [
        FixedIpUnreserved(network_id=command.network_id, address=ipv4_text(address))
        for address in sorted(network.pool.reserved)
    ]
    left = () if network.host is None else (hosting.released(network, "network_deleted"),)
    gone = NetworkDeleted(network_id=command.network_id)
    return (*freed, *unreserved, *visibility.released(network), *left, gone)


def apply_deleted(state: CellState, event: NetworkDeleted) -> None:
    """Forget a network."""
    network = state.networks.pop(event.network_id)
    if network.pool.held or network.pool.reserved or network.nics:
        message = f"network {event.network_id} is deleted while {len(network.pool.held)} addresses are in use"
        raise InvariantBroken(message)
    hosting.forget(state, network)
    del state.bridges[network.plan.bridge]
    if network.block is not None:
        state.blocks.remove((network.block.first, network.block.last, event.network_id))
    visibility.leave(state, network)
    state.vlan_networks -= network.plan.kind == "vlan"


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
