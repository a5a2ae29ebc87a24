"""Networks: created, claimed, deleted (nova-network.md section 5)."""

from events.addresses import cidr4_bounds, cidr6_bounds, ipv4_number, ipv4_text
from events.errors import InvariantBroken
from events.fixed_ips import FixedIpUnreserved
from events.model import Actor, Event
from events.networks import DeleteNetwork, NetworkCreated, NetworkDeleted
from events.refusals import Code, Refusal
from projections.cell.address.fixed_ips import disassociated
from projections.cell.address.pool import AddressPool, Range
from projections.cell.host import host_addresses, hosting
from projections.cell.network import visibility
from projections.cell.network.address_plan import gaps
from projections.cell.network.overlaps import overlapping_if
from projections.cell.state import Allocation, CellState, Network

DRAINING_PER_DELETE_MAX = 1000
"""Draining addresses that one decision may free when their network is deleted (design section 4)."""

RESERVED_PER_DELETE_MAX = 1000
"""Reserved addresses, likewise."""


def apply_created(state: CellState, event: NetworkCreated) -> None:
    """Add a network with all its addresses free."""
    block = None if event.cidr is None else Range(*cidr4_bounds(event.cidr))
    block_v6 = None if event.cidr_v6 is None else Range(*cidr6_bounds(event.cidr_v6))
    reserved = [Range(ipv4_number(r.first), ipv4_number(r.last)) for r in event.reserved]
    pool: AddressPool[Allocation] = AddressPool(() if block is None else tuple(gaps(block, reserved)))
    network = Network(
        plan=event,
        block=block,
        block_v6=block_v6,
        pool=pool,
        project_id=event.project_id,
        vpn_public_address=event.vpn_public_address,
        vpn_public_port=event.vpn_public_port,
    )
    if (
        event.network_id in state.networks
        or event.bridge in state.bridges
        or (event.vlan is not None and event.vlan in state.vlans)
        or overlapping_if(state, network, network.project_id) is not None
    ):
        message = f"network {event.network_id}, its bridge {event.bridge}, its VLAN or a block of it is taken"
        raise InvariantBroken(message)
    state.networks[event.network_id] = network
    hosting.offer(state, network)
    state.bridges[event.bridge] = event.network_id
    if event.vlan is not None:
        state.vlans[event.vlan] = event.network_id
    visibility.enter(state, network)
    state.vlan_networks += event.kind == "vlan"


def decide_delete(state: CellState, command: DeleteNetwork) -> tuple[Event, ...] | Refusal:
    """Delete a network that nothing uses; addresses that still drain are freed with it."""
    if not command.actor.is_admin:
        return admin_only("delete networks")
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
            f"Network {network.plan.label!r} is in use: {network.nics} NICs, {network.active} fixed IPs are"
            " allocated. Delete their instances first."
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
    freed: list[Event] = [
        disassociated(state.allocations[allocation_id], "network_deleted")
        for allocation_id in network.draining
    ]
    unreserved = [
        FixedIpUnreserved(network_id=command.network_id, address=ipv4_text(address))
        for address in sorted(network.pool.reserved)
    ]
    left = () if network.host is None else (hosting.released(network, "network_deleted"),)
    gone = NetworkDeleted(network_id=command.network_id)
    return (
        *freed,
        *unreserved,
        *visibility.released(network),
        *left,
        *host_addresses.released(network),
        gone,
    )


def apply_deleted(state: CellState, event: NetworkDeleted) -> None:
    """Forget a network."""
    network = state.networks.pop(event.network_id)
    if network.pool.held or network.pool.reserved or network.pool.kept or network.nics:
        message = f"network {event.network_id} is deleted while {len(network.pool.held)} addresses are in use"
        raise InvariantBroken(message)
    hosting.forget(state, network)
    del state.bridges[network.plan.bridge]
    if network.plan.vlan is not None:
        del state.vlans[network.plan.vlan]
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
    of = "no project" if actor.project is None else f"project {actor.project!r}"
    message = f"User {actor.user!r} of {of} may not {what}."
    return Refusal(code=Code.FORBIDDEN, field=field, message=message)


def admin_only(what: str) -> Refusal:
    """Refuse an actor that is not an admin."""
    return Refusal(code=Code.FORBIDDEN, field="actor.is_admin", message=f"Only an admin may {what}.")
