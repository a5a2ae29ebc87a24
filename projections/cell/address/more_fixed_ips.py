"""More addresses for an instance, and fewer: several on one NIC (nova-network.md sections 7.6 and 8.6)."""

from events.addresses import ipv4_number, mac_text
from events.fixed_ips import AddFixedIp, RemoveFixedIp
from events.ids import Draws
from events.instances import NICS_MAX
from events.model import Actor, Event
from events.refusals import Code, Refusal
from projections.cell import quotas
from projections.cell.address.fixed_ips import release
from projections.cell.floating.floating_ips import unpoint
from projections.cell.host import host_addresses
from projections.cell.instance import macs, moves, nics
from projections.cell.instance.selection import reached
from projections.cell.names import instance_dns
from projections.cell.network.networks import forbidden, not_found, not_reachable
from projections.cell.network.visibility import visible
from projections.cell.state import CellState, Instance, Network, Rules

FIXED_IPS_MAX = 256
"""Addresses of one instance: deleting it frees them all in one decision (design section 4)."""


def decide_add(
    state: CellState, command: AddFixedIp, rules: Rules, draws: Draws, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Give an instance another address of a network, on its NIC there or on a new one."""
    instance = _instance(state, command.actor, command.instance_uuid, "add an address to")
    if isinstance(instance, Refusal):
        return instance
    network = _network(state, command.network_id, instance)
    if isinstance(network, Refusal):
        return network
    if sum(len(vif.allocations) for vif in instance.vifs) >= FIXED_IPS_MAX:
        message = f"Instance {instance.uuid} has {FIXED_IPS_MAX} addresses, as many as an instance may have."
        return Refusal(code=Code.INVALID_INPUT, field="instance_uuid", message=message)
    over = quotas.over(state, rules, instance.project_id, "fixed_ips", 1, "instance_uuid")
    if over is not None:
        return over
    address = _address(network, command, now_ms)
    if isinstance(address, Refusal):
        return address
    owner = nics.Owner(instance.uuid, instance.project_id, instance.host, instance.hostname)
    found = _nic(state, owner, instance, network, rules, draws)
    if isinstance(found, Refusal):
        return found
    nic, made = found
    joined = moves.joined(instance, made)
    allocated = nics.allocated(owner, network, nic, address, draws, 0)
    named = instance_dns.recorded_if_first(state, rules, instance, allocated)
    hosts = host_addresses.claimed(
        (network,), (instance.host, *instance.prepared), (allocated,), draws, now_ms
    )
    if isinstance(hosts, Refusal):
        return hosts
    return (*made, *joined, allocated, *hosts, *named)


def _instance(state: CellState, actor: Actor, uuid: str, what: str) -> Instance | Refusal:
    """Return an instance that the actor may change."""
    instance = state.instances.get(uuid)
    if instance is None:
        message = f"Instance {uuid} has no networking here."
        return Refusal(code=Code.INSTANCE_NOT_FOUND, field="instance_uuid", message=message)
    if not actor.is_admin and actor.project != instance.project_id:
        return forbidden(actor, f"{what} instance {uuid}", "instance_uuid")
    return instance


def _network(state: CellState, network_id: str, instance: Instance) -> Network | Refusal:
    """Return a network that the instance's project sees, and every host that has its ports reaches."""
    network = state.networks.get(network_id)
    if network is None:
        return not_found(network_id)
    if not visible(network, instance.project_id):
        message = f"Network {network_id} is not one of project {instance.project_id!r}."
        return Refusal(code=Code.NETWORK_NOT_FOUND_FOR_PROJECT, field="network_id", message=message)
    for host in (instance.host, *instance.prepared):
        if host is not None and not reached(network, state.hosts.get(host)):
            return not_reachable(network, host, "network_id")
    return network


def _address(network: Network, command: AddFixedIp, now_ms: int) -> int | Refusal:
    plan = network.plan
    if command.vpn and plan.vpn_private_address is None:
        message = f"Network {plan.label!r} keeps no address for a VPN server; only VLAN networks do."
        return Refusal(code=Code.NOT_IMPLEMENTED_FOR_KIND, field="vpn", message=message)
    address = nics.address_for(network, command.address, "", now_ms, vpn=command.vpn)
    if address is None:
        message = (
            f"Network {plan.label!r} ({plan.cidr_v6}) has IPv6 only: a NIC's one address there is derived"
            " from its MAC, and there is no other to add."
        )
        return Refusal(code=Code.NO_MORE_FIXED_IPS, field="network_id", message=message)
    return address


def _nic(
    state: CellState, owner: nics.Owner, instance: Instance, network: Network, rules: Rules, draws: Draws
) -> tuple[nics.Nic, list[Event]] | Refusal:
    """Return the instance's NIC on a network, and the events that create it if it has none."""
    for vif in instance.vifs:
        if vif.network_id == network.plan.network_id:
            return nics.Nic(vif.id, mac_text(vif.mac)), []
    if len(instance.vifs) >= NICS_MAX:
        message = f"Instance {instance.uuid} has {NICS_MAX} NICs, as many as an instance may have."
        return Refusal(code=Code.INVALID_INPUT, field="network_id", message=message)
    place = macs.Place(network, instance.project_id, "network_id")
    hardware = macs.draw(state, place, (), rules, draws, 0)
    if isinstance(hardware, Refusal):
        return hardware
    nic = nics.Nic(draws.uuid("vif", 0), mac_text(hardware.mac))
    return nic, nics.created(owner, network, nic, hardware, len(instance.vifs), None)


def decide_remove(
    state: CellState, command: RemoveFixedIp, rules: Rules, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Take an address from an instance, with the floating IPs that point there; its NIC stays."""
    instance = _instance(state, command.actor, command.instance_uuid, "remove an address from")
    if isinstance(instance, Refusal):
        return instance
    address = ipv4_number(command.address)
    held = (one for vif in instance.vifs for one in vif.allocations.values() if one.address == address)
    allocation = next(held, None)
    if allocation is None:
        message = f"{command.address} is not a fixed IP of instance {instance.uuid}."
        return Refusal(code=Code.FIXED_IP_NOT_FOUND_FOR_SPECIFIC_INSTANCE, field="address", message=message)
    names = instance_dns.passed_on(state, instance, allocation)
    return (*unpoint(state, allocation), *names, *release(state, allocation, rules, now_ms))
