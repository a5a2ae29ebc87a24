"""Reserved addresses: never handed out, whoever holds them (nova-network.md section 8.1)."""

from events.addresses import ipv4_number
from events.fixed_ips import FixedIpReserved, FixedIpUnreserved, ReserveFixedIp, UnreserveFixedIp
from events.model import Event
from events.refusals import Code, Refusal
from projections.cell.network.networks import admin_only, not_found
from projections.cell.network.overlaps import networks_at
from projections.cell.state import CellState, Network


def decide_reserve(state: CellState, command: ReserveFixedIp) -> tuple[Event, ...] | Refusal:
    """Reserve an address whatever its state; a held one stays held, and is reserved when it is given back."""
    network = _network(state, command)
    if isinstance(network, Refusal):
        return network
    address = ipv4_number(command.address)
    if address not in network.pool or address in network.pool.reserved:
        return ()
    return (FixedIpReserved(network_id=network.plan.network_id, address=command.address),)


def decide_unreserve(state: CellState, command: UnreserveFixedIp) -> tuple[Event, ...] | Refusal:
    """Let an address be handed out again, unless the network's plan keeps it for itself."""
    network = _network(state, command)
    if isinstance(network, Refusal):
        return network
    address = ipv4_number(command.address)
    if address not in network.pool:
        plan = network.plan
        message = (
            f"Address {command.address} is kept by the plan of network {plan.label!r} ({plan.cidr}) itself,"
            " for its gateway or outside its allowed range; it cannot be unreserved."
        )
        return Refusal(code=Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, field="address", message=message)
    if address not in network.pool.reserved:
        return ()
    return (FixedIpUnreserved(network_id=network.plan.network_id, address=command.address),)


def _network(state: CellState, command: ReserveFixedIp | UnreserveFixedIp) -> Network | Refusal:
    if not command.actor.is_admin:
        return admin_only("reserve and unreserve fixed IPs")
    having = networks_at(state, ipv4_number(command.address))
    if command.network_id is not None:
        if command.network_id not in state.networks:
            return not_found(command.network_id)
        having = [network for network in having if network.plan.network_id == command.network_id]
    if not having:
        where = "any network" if command.network_id is None else f"network {command.network_id}"
        message = f"Address {command.address} does not belong to {where}."
        return Refusal(code=Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, field="address", message=message)
    if len(having) > 1:
        message = (
            f"{len(having)} networks of different projects have the address {command.address}, such as"
            f" {having[0].plan.label!r} ({having[0].plan.network_id}); name one by network_id."
        )
        return Refusal(code=Code.INVALID_INPUT, field="network_id", message=message)
    return having[0]


def apply_reserved(state: CellState, event: FixedIpReserved) -> None:
    """Keep an address out of its pool."""
    state.networks[event.network_id].pool.reserve(ipv4_number(event.address))


def apply_unreserved(state: CellState, event: FixedIpUnreserved, time_ms: int) -> None:
    """Put an address back into its pool."""
    state.networks[event.network_id].pool.unreserve(ipv4_number(event.address), time_ms)
