"""NICs and their addresses: what a spawn and an added address share (nova-network.md section 7.3)."""

from typing import NamedTuple

from events.addresses import ipv4_number, ipv4_text, ipv6_number, ipv6_text, mac_number, mac_text
from events.errors import InvariantBroken
from events.fixed_ips import FixedIpAllocated
from events.ids import Draws
from events.instances import MacGenerated, RequestedNetwork, SpawnInstance, VifCreated, VifDeleted
from events.model import Event, stated
from events.refusals import Code, Refusal
from projections.cell.instance import ipv6, macs
from projections.cell.state import CellState, Instance, Network, Rules, Vif


class Owner(NamedTuple):
    """The instance that gets a NIC or an address; also one that is about to be spawned."""

    instance_uuid: str
    project_id: str
    host: str | None
    hostname: str | None


class Nic(NamedTuple):
    """A NIC: one that is there, or is about to be created."""

    vif_id: str
    mac: str


def spawned(
    state: CellState,
    command: SpawnInstance,
    wanted: list[tuple[Network, RequestedNetwork]],
    rules: Rules,
    draws: Draws,
    now_ms: int,
) -> list[Event] | Refusal:
    """Return the events of a new instance's NICs in their order: MAC, NIC, address of each."""
    owner = Owner(command.instance_uuid, command.project_id, command.host, command.hostname)
    supplied = command.macs
    if supplied is not None and len(supplied) < len(wanted):
        return _too_few_macs(len(supplied), len(wanted))
    events: list[Event] = []
    taken: set[int] = set()
    for index, (network, asked) in enumerate(wanted):
        path = f"requested_networks.{index}"
        address = address_for(network, asked.address, f"{path}.", now_ms, vpn=command.vpn)
        if isinstance(address, Refusal):
            return address
        if supplied is None:
            place = macs.Place(network, command.project_id, path)
            hardware = macs.draw(state, place, taken, rules, draws, index)
        else:
            place = macs.Place(network, command.project_id, "macs")
            hardware = macs.supplied(state, place, supplied[index], rules)
        if isinstance(hardware, Refusal):
            return hardware
        taken.add(hardware.mac)
        nic = Nic(draws.uuid("vif", index), mac_text(hardware.mac))
        events += created(owner, network, nic, hardware, index, asked.tag)
        if address is not None:
            events.append(allocated(owner, network, nic, address, draws, index))
    return events


def _too_few_macs(supplied: int, nics: int) -> Refusal:
    message = (
        f"{supplied} MACs are supplied for {nics} NICs; supply one for each, or none to have them drawn."
    )
    return Refusal(code=Code.VIRTUAL_INTERFACE_CREATE, field="macs", message=message)


def created(
    owner: Owner, network: Network, nic: Nic, hardware: macs.Hardware, index: int, tag: str | None
) -> list[Event]:
    """Return the events of a new NIC, the `index`th of its instance."""
    events: list[Event] = []
    if hardware.draws != macs.SUPPLIED:
        events.append(stated(MacGenerated, mac=nic.mac, vif_id=nic.vif_id, draws=hardware.draws))
    address_v6 = hardware.address_v6
    events.append(
        stated(
            VifCreated,
            vif_id=nic.vif_id,
            mac=nic.mac,
            instance_uuid=owner.instance_uuid,
            network_id=network.plan.network_id,
            host=owner.host,
            index=index,
            tag=tag,
            address_v6=None if address_v6 is None else ipv6_text(address_v6),
        )
    )
    return events


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


def address_for(
    network: Network, wanted: str | None, path: str, now_ms: int, *, vpn: bool
) -> int | Refusal | None:
    """Return the address for a NIC: the wanted one, the VPN server's, or the next of the pool.

    None where the network has no IPv4. `path` is the path of the fields that ask for it, as far as
    `network_id` and `address`.
    """
    plan, pool = network.plan, network.pool
    field = f"{path}address"
    if vpn and plan.vpn_private_address is not None:
        return _vpn_address(network, wanted, plan.vpn_private_address, field)
    if wanted is None:
        if network.block is None:
            return None
        for address in pool.candidates(now_ms):
            return address
        message = (
            f"No address of network {plan.label!r} is free: {network.active} allocated,"
            f" {len(network.draining)} draining, {len(pool.reserved)} reserved."
        )
        return Refusal(code=Code.NO_MORE_FIXED_IPS, field=f"{path}network_id", message=message)
    address = ipv4_number(wanted)
    if address not in pool:
        message = f"Address {wanted} is not one that network {plan.label!r} ({plan.cidr}) hands out."
        if network.block is None:
            message = f"Network {plan.label!r} ({plan.cidr_v6}) has IPv6 only; ask for no address."
        return Refusal(code=Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, field=field, message=message)
    if address in pool.kept:
        message = f"Address {wanted} of network {plan.label!r} is one of its hosts' own."
        return Refusal(code=Code.FIXED_IP_ALREADY_IN_USE, field=field, message=message)
    if address in pool.held:
        message = f"Address {wanted} of network {plan.label!r} is in use."
        return Refusal(code=Code.FIXED_IP_ALREADY_IN_USE, field=field, message=message)
    if address in pool.reserved:
        message = f"Address {wanted} of network {plan.label!r} is reserved: it is never handed out."
        return Refusal(code=Code.FIXED_IP_ALREADY_IN_USE, field=field, message=message)
    return address


def _vpn_address(network: Network, wanted: str | None, kept: str, field: str) -> int | Refusal:
    """Return the address that a network keeps for its VPN server, of which there is one."""
    if wanted not in (None, kept):
        message = f"A VPN server takes address {kept} of network {network.plan.label!r}, not {wanted}."
        return Refusal(code=Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, field=field, message=message)
    address = ipv4_number(kept)
    if address in network.pool.held:
        holder = network.pool.held[address].instance_uuid
        message = f"Address {kept} of network {network.plan.label!r} is in use: its VPN server is {holder}."
        return Refusal(code=Code.FIXED_IP_ALREADY_IN_USE, field=field, message=message)
    return address


def deleted(instance: Instance) -> list[Event]:
    """Return the events that take an instance's NICs from it, addresses that were derived included."""
    return [
        VifDeleted(
            vif_id=vif.id,
            mac=mac_text(vif.mac),
            instance_uuid=instance.uuid,
            network_id=vif.network_id,
            host=instance.host,
            address_v6=None if vif.address_v6 is None else ipv6_text(vif.address_v6),
        )
        for vif in instance.vifs
    ]


def apply_created(state: CellState, event: VifCreated) -> None:
    """Add a NIC to an instance."""
    mac = mac_number(event.mac)
    macs.claim(state, mac, event.vif_id)
    network = state.networks[event.network_id]
    network.nics += 1
    address_v6 = None if event.address_v6 is None else ipv6_number(event.address_v6)
    if address_v6 is not None:
        ipv6.hold(network, address_v6, event.vif_id)
    vif = Vif(event.vif_id, mac, event.instance_uuid, event.network_id, event.index, event.tag, address_v6)
    state.instances[event.instance_uuid].vifs.append(vif)


def apply_deleted(state: CellState, event: VifDeleted) -> None:
    """Take a NIC from its instance; its MAC may be used again."""
    instance = state.instances[event.instance_uuid]
    vif = instance.vif(event.vif_id)
    network = state.networks[vif.network_id]
    if vif.allocations:
        message = f"NIC {vif.id} is deleted while it holds addresses"
        raise InvariantBroken(message)
    macs.give_back(state, vif.mac, vif.id)
    if vif.address_v6 is not None:
        ipv6.give_back(network, vif.address_v6, vif.id)
    instance.vifs.remove(vif)
    network.nics -= 1
