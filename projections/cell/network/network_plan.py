"""Creating networks (nova-network.md section 4).

A request and the existing plan go in, the complete plans of all networks or a refusal come out.
"""

from itertools import repeat
from typing import NamedTuple

from events.addresses import IPV6_BITS, cidr4_netmask, cidr4_text, cidr6_text, ipv4_text, ipv6_text
from events.ids import Draws
from events.model import Event
from events.networks import LABEL_LENGTH_MAX, AddressRange, CreateNetworks, NetworkCreated
from events.refusals import Code, Refusal
from projections.cell.address.pool import Range
from projections.cell.network.address_plan import (
    AddressPlan,
    NoRoom,
    gaps,
    gateway6,
    network_count,
    plan_addresses,
    subnets,
    subnets6,
)
from projections.cell.network.blocks import Block, Blocks
from projections.cell.network.networks import admin_only
from projections.cell.network.vlan_plan import Vlan, plan_vlans
from projections.cell.state import CellState

_OF_ONE = (
    *("uuid", "bridge", "vlan", "gateway", "gateway_v6", "dhcp_server"),
    *("allowed_start", "allowed_end", "fixed_cidr"),
)
"""What can be asked for one network only."""
_OF_IPV4 = ("gateway", "dhcp_server", "allowed_start", "allowed_end", "fixed_cidr")
_OF_VLAN = ("vlan", "vlan_start", "vpn_start", "vpn_public_address", "cnt_vpn_clients")

MTU_V6_MIN = 1280
"""RFC 8200 section 5."""


class _Identity(NamedTuple):
    """What a network is known by."""

    network_id: str
    label: str
    bridge: str
    vlan: Vlan | None


def decide_create(state: CellState, command: CreateNetworks, draws: Draws) -> tuple[Event, ...] | Refusal:
    """Plan networks and create all of them, unless a block, bridge, VLAN or identity is taken."""
    if not command.actor.is_admin:
        return admin_only("create networks")
    refusal = _contradiction(command)
    if refusal is not None:
        return refusal
    identities = _identities(state, command, draws)
    if isinstance(identities, Refusal):
        return identities
    blocks = _blocks(state, command)
    if isinstance(blocks, Refusal):
        return blocks
    blocks_v6 = _blocks_v6(state, command)
    if isinstance(blocks_v6, Refusal):
        return blocks_v6
    created: list[Event] = []
    for identity, block, block_v6 in zip(identities, blocks, blocks_v6, strict=False):
        network = _network(command, identity, block, block_v6)
        if isinstance(network, Refusal):
            return network
        created.append(network)
    return tuple(created)


def _contradiction(command: CreateNetworks) -> Refusal | None:
    """Refuse what makes no sense whatever exists."""
    if command.cidr is None and command.cidr_v6 is None:
        message = "A network needs an IPv4 block (cidr), an IPv6 block (cidr_v6) or both."
        return Refusal(code=Code.NETWORK_NOT_CREATED, field="cidr", message=message)
    if command.kind == "vlan" and command.bridge_interface is None:
        message = "A VLAN needs the interface that it is made on; name bridge_interface."
        return Refusal(code=Code.NETWORK_NOT_CREATED, field="bridge_interface", message=message)
    count = network_count(command)
    reasons: tuple[tuple[bool, tuple[str, ...], str], ...] = (
        (
            count > 1,
            _OF_ONE,
            f"can be that of one network only; leave it out, or create the {count} one by one",
        ),
        (command.cidr is None, _OF_IPV4, "is of IPv4; name cidr too, or leave it out"),
        (command.cidr_v6 is None, ("gateway_v6",), "is of IPv6; name cidr_v6 too, or leave it out"),
        (command.kind != "vlan", _OF_VLAN, f"is of kind vlan; leave it out for kind {command.kind}"),
        (command.kind == "vlan", ("bridge",), "of a VLAN is always br<vlan>; leave it out"),
    )
    for applies, fields, reason in reasons:
        for field in fields if applies else ():
            if getattr(command, field) is not None:
                return Refusal(code=Code.INVALID_INPUT, field=field, message=f"{field} {reason}.")
    if command.cidr_v6 is not None and command.mtu is not None and command.mtu < MTU_V6_MIN:
        message = f"IPv6 needs an MTU of at least {MTU_V6_MIN}."
        return Refusal(code=Code.INVALID_INPUT, field="mtu", message=message)
    return None


def _identities(state: CellState, command: CreateNetworks, draws: Draws) -> list[_Identity] | Refusal:
    """Return id, label, bridge and VLAN of each network; ids, bridges and VLANs must be new."""
    count = network_count(command)
    labels = [command.label] if count == 1 else [f"{command.label}_{index}" for index in range(count)]
    if len(labels[-1]) > LABEL_LENGTH_MAX:
        message = (
            f"With its index the label is longer than {LABEL_LENGTH_MAX} characters; choose a shorter one."
        )
        return Refusal(code=Code.LABEL_TOO_LONG, field="label", message=message)
    vlans = plan_vlans(state, command, count) if command.kind == "vlan" else [None] * count
    if isinstance(vlans, Refusal):
        return vlans
    identities: list[_Identity] = []
    bridges: dict[str, str] = {}
    for index, (label, vlan) in enumerate(zip(labels, vlans, strict=True)):
        network_id = command.uuid or draws.uuid("network", index)
        if network_id in state.networks:
            message = f"A network {network_id} exists already."
            return Refusal(code=Code.NETWORK_EXISTS, field="uuid", message=message)
        bridge = vlan.bridge if vlan else command.bridge or f"br{network_id[-12:]}"
        owner = state.bridges.get(bridge) or bridges.get(bridge)
        if owner is not None:
            message = f"Bridge {bridge!r} belongs to network {owner}; name another one."
            return Refusal(code=Code.NETWORK_NOT_CREATED, field="bridge", message=message)
        bridges[bridge] = network_id
        identities.append(_Identity(network_id, label, bridge, vlan))
    return identities


def _blocks(state: CellState, command: CreateNetworks) -> "list[Range] | repeat[None] | Refusal":
    """Return the IPv4 block of each network, or None for each."""
    if command.cidr is None:
        return repeat(None)
    blocks = subnets(command, command.cidr, lambda block: _in_the_way(state.blocks, command, block))
    return _no_room(state, command, "cidr", blocks) if isinstance(blocks, NoRoom) else blocks


def _blocks_v6(state: CellState, command: CreateNetworks) -> "list[Range] | repeat[None] | Refusal":
    """Return the IPv6 block of each network, or None for each."""
    if command.cidr_v6 is None:
        return repeat(None)
    blocks = subnets6(command, command.cidr_v6, lambda block: _in_the_way(state.blocks_v6, command, block))
    return _no_room(state, command, "cidr_v6", blocks) if isinstance(blocks, NoRoom) else blocks


def _in_the_way(blocks: Blocks, command: CreateNetworks, block: Range) -> Block | None:
    """Return a block that forbids the networks of a command to have this one."""
    owner = None if command.multi_host else command.project_id
    return next(blocks.conflicts(block, owner), None)


def _no_room(state: CellState, command: CreateNetworks, field: str, room: NoRoom) -> Refusal:
    other = state.networks[room.network_id].plan
    count = network_count(command)
    message = (
        f"Block {getattr(command, field)} overlaps {getattr(other, field)} of network {other.label!r}"
        f" ({room.network_id})"
    )
    message += "." if count == 1 else f", and only {room.found} of {count} networks find room."
    details: dict[str, str | int | None] = {"network_id": room.network_id}
    return Refusal(code=Code.CIDR_CONFLICT, field=field, message=message, details=details)


def _network(
    command: CreateNetworks, identity: _Identity, block: Range | None, block_v6: Range | None
) -> NetworkCreated | Refusal:
    """Return one network with all its addresses."""
    plan = None if block is None else plan_addresses(block, command)
    if isinstance(plan, Refusal):
        return plan
    gateway_v6 = None if block_v6 is None else gateway6(block_v6, command)
    if isinstance(gateway_v6, Refusal):
        return gateway_v6
    cidr = None if block is None else cidr4_text(*block)
    vlan = identity.vlan
    return NetworkCreated(
        network_id=identity.network_id,
        kind=command.kind,
        label=identity.label,
        injected=command.injected,
        cidr=cidr,
        netmask=cidr4_netmask(cidr) if cidr else None,
        broadcast=ipv4_text(block.last) if block else None,
        gateway=ipv4_text(plan.gateway) if plan else None,
        dhcp_start=ipv4_text(plan.dhcp_start) if plan else None,
        dhcp_server=ipv4_text(plan.dhcp_server) if plan else None,
        enable_dhcp=command.enable_dhcp,
        share_address=command.share_address,
        cidr_v6=cidr6_text(*block_v6) if block_v6 else None,
        gateway_v6=ipv6_text(gateway_v6) if gateway_v6 else None,
        netmask_v6=_prefix_length(block_v6) if block_v6 else None,
        multi_host=command.multi_host,
        bridge=identity.bridge,
        bridge_interface=command.bridge_interface,
        vlan=vlan.id if vlan else None,
        mtu=command.mtu,
        dns1=command.dns1,
        dns2=command.dns2,
        vpn_public_address=command.vpn_public_address,
        vpn_public_port=vlan.vpn_public_port if vlan else None,
        vpn_private_address=_text(plan.vpn_private_address) if plan else None,
        rxtx_base=command.rxtx_base,
        project_id=command.project_id,
        priority=command.priority,
        physical_network=command.physical_network,
        reserved=_reserved(block, plan) if block and plan else (),
    )


def _reserved(block: Range, plan: AddressPlan) -> tuple[AddressRange, ...]:
    """Return what of a block is never handed out."""
    return tuple(
        AddressRange(first=ipv4_text(one.first), last=ipv4_text(one.last)) for one in gaps(block, plan.usable)
    )


def _prefix_length(block: Range) -> str:
    return str(IPV6_BITS - (block.last - block.first).bit_length())


def _text(address: int | None) -> str | None:
    return None if address is None else ipv4_text(address)
