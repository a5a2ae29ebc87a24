"""NICs and their addresses: what a spawn and an added address share (nova-network.md section 7.3)."""

from typing import NamedTuple

from events.addresses import ipv4_number, ipv4_text, mac_number, mac_text
from events.errors import InvariantBroken
from events.fixed_ips import FixedIpAllocated
from events.ids import Draws
from events.instances import MacGenerated, RequestedNetwork, VifCreated, VifDeleted
from events.model import Event, stated
from events.refusals import Code, Refusal
from projections.cell import macs
from projections.cell.state import CellState, Network, Rules, Vif


class Owner(NamedTuple):
    """The instance that gets a NIC or an address; also one that is about to be spawned."""

    instance_uuid: str
    project_id: str
    host: str
    hostname: str | None


class Nic(NamedTuple):
    """A NIC: one that is there, or is about to be created."""

    vif_id: str
    mac: str


def spawned(
    state: CellState,
    owner: Owner,
    wanted: list[tuple[Network, RequestedNetwork]],
    rules: Rules,
    draws: Draws,
    now_ms: int,
) -> list[Event] | Refusal:
    """Return the events of a new instance's NICs in their order: MAC, NIC, address of each."""
    events: list[Event] = []
    taken: set[int] = set()
    for index, (network, asked) in enumerate(wanted):
        field = f"requested_networks.{index}"
        address = address_for(network, asked.address, f"{field}.", now_ms)
        if isinstance(address, Refusal):
            return address
        drawn = macs.draw(state, taken, rules, draws, index, field)
        if isinstance(drawn, Refusal):
            return drawn
        taken.add(drawn.mac)
        nic, made = created(owner, network, drawn, draws, index, index, asked.tag)
        events += (*made, allocated(owner, network, nic, address, draws, index))
    return events


def created(
    owner: Owner,
    network: Network,
    drawn: macs.Drawn,
    draws: Draws,
    drawing: int,
    index: int,
    tag: str | None,
) -> tuple[Nic, tuple[Event, ...]]:
    """Return a new NIC, the `drawing`th of its decision, `index`th of its instance, and its events."""
    nic = Nic(draws.uuid("vif", drawing), mac_text(drawn.mac))
    return nic, (
        stated(MacGenerated, mac=nic.mac, vif_id=nic.vif_id, draws=drawn.draws),
        stated(
            VifCreated,
            vif_id=nic.vif_id,
            mac=nic.mac,
            instance_uuid=owner.instance_uuid,
            network_id=network.plan.network_id,
            host=owner.host,
            index=index,
            tag=tag,
        ),
    )


def allocated(
    owner: Owner, network: Network, nic: Nic, address: int, draws: Draws, drawing: int
) -> FixedIpAllocated:
    """Return the event that gives a NIC an address, the `drawing`th of its decision."""
    return stated(
        FixedIpAllocated,
        allocation_id=draws.uuid("fixed ip", drawing),
        network_id=network.plan.network_id,
        address=ipv4_text(address),
        vif_id=nic.vif_id,
        mac=nic.mac,
        instance_uuid=owner.instance_uuid,
        project_id=owner.project_id,
        host=owner.host,
        hostname=owner.hostname,
    )


def address_for(network: Network, wanted: str | None, path: str, now_ms: int) -> int | Refusal:
    """Return the address for a NIC: the wanted one, or the next of the pool.

    `path` is the path of the fields that ask for it, as far as `network_id` and `address`.
    """
    if wanted is None:
        for address in network.pool.candidates(now_ms):
            return address
        message = (
            f"No address of network {network.plan.label!r} is free: {network.active} allocated,"
            f" {len(network.draining)} draining, {len(network.pool.reserved)} reserved."
        )
        return Refusal(code=Code.NO_MORE_FIXED_IPS, field=f"{path}network_id", message=message)
    field = f"{path}address"
    address = ipv4_number(wanted)
    if address not in network.pool:
        plan = network.plan
        message = f"Address {wanted} is not one that network {plan.label!r} ({plan.cidr}) hands out."
        return Refusal(code=Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, field=field, message=message)
    if address in network.pool.held:
        message = f"Address {wanted} of network {network.plan.label!r} is in use."
        return Refusal(code=Code.FIXED_IP_ALREADY_IN_USE, field=field, message=message)
    if address in network.pool.reserved:
        message = f"Address {wanted} of network {network.plan.label!r} is reserved: it is never handed out."
        return Refusal(code=Code.FIXED_IP_ALREADY_IN_USE, field=field, message=message)
    return address


def apply_created(state: CellState, event: VifCreated) -> None:
    """Add a NIC to an instance."""
    mac = mac_number(event.mac)
    macs.claim(state, mac, event.vif_id)
    instance, network = state.instances[event.instance_uuid], state.networks[event.network_id]
    vif = Vif(event.vif_id, mac, instance.uuid, network.plan.network_id, event.index, event.tag)
    instance.vifs.append(vif)
    network.nics += 1


def apply_deleted(state: CellState, event: VifDeleted) -> None:
    """Take a NIC from its instance; its MAC may be used again."""
    instance = state.instances[event.instance_uuid]
    vif = instance.vif(event.vif_id)
    if vif.allocations:
        message = f"NIC {vif.id} is deleted while it holds addresses"
        raise InvariantBroken(message)
    macs.give_back(state, vif.mac, vif.id)
    instance.vifs.remove(vif)
    state.networks[vif.network_id].nics -= 1
