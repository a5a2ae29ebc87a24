"""The address plan of new networks (nova-network.md section 4).

A block is split into the first free subnets from its start, and each is given its gateway, its DHCP server
and the addresses that it may hand out. Nothing is listed address by address: a /8 costs what a /29 costs.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from events.addresses import (
    IPV4_BITS,
    IPV6_BITS,
    cidr4_bounds,
    cidr4_text,
    cidr6_bounds,
    cidr6_text,
    ipv4_number,
    ipv6_number,
)
from events.networks import NETWORK_SIZE_MIN, CreateNetworks, Kind
from events.refusals import Code, Refusal
from projections.cell.address.pool import Range
from projections.cell.network.blocks import Block

LOW_RESERVED: dict[Kind, int] = {"flat": 2, "flatdhcp": 2, "vlan": 3}
"""Addresses from a block's start that are never handed out: the network's own, the one for a gateway, also
where the gateway is elsewhere, and the VPN server's of kind vlan (nova-network.md sections 3 and 4.5)."""

SLAAC_PREFIX = 64
"""Prefix length under which guests form their own addresses (RFC 4862); nova's since its bug 1011122."""

_LINK_LOCAL = Range(*cidr6_bounds("fe80::/10"))

InTheWay = Callable[[Range], Block | None]
"""Returns a block that forbids a network to have this one, or None."""


class NoRoom(NamedTuple):
    """Too much of a block is in use."""

    found: int
    """How many of the networks asked for find room."""
    network_id: str
    """The last network that was in the way."""


class AddressPlan(NamedTuple):
    """The IPv4 addresses of one network."""

    gateway: int
    dhcp_server: int
    dhcp_start: int
    vpn_private_address: int | None
    usable: list[Range]
    """What may be handed out, ascending; everything else of the block is reserved."""


def network_count(asked: CreateNetworks) -> int:
    """Return how many networks a command asks for."""
    return 1 if asked.ipam or asked.num_networks is None else asked.num_networks


def subnets(asked: CreateNetworks, cidr: str, in_the_way: InTheWay) -> list[Range] | NoRoom | Refusal:
    """Return the IPv4 block of each network: the first that are free, all of one size and aligned to it."""
    block = Range(*cidr4_bounds(cidr))
    room = block.last - block.first + 1
    count = network_count(asked)
    size = _size(asked, room, count)
    if room < NETWORK_SIZE_MIN:
        longest = IPV4_BITS + 1 - NETWORK_SIZE_MIN.bit_length()
        message = f"Block {cidr} is too small; a network needs at least a /{longest}."
        return Refusal(code=Code.INVALID_CIDR, field="cidr", message=message)
    if size < NETWORK_SIZE_MIN or count * size > room:
        message = (
            f"Block {cidr} has {room} addresses, too few for {count} networks of"
            f" {max(size, NETWORK_SIZE_MIN)}."
        )
        return Refusal(code=Code.INVALID_CIDR, field="cidr", message=message)
    return _first_free(block, size, count, in_the_way)


def subnets6(asked: CreateNetworks, cidr: str, in_the_way: InTheWay) -> list[Range] | NoRoom | Refusal:
    """Return the IPv6 block of each network: the first free /64s, or with `ipam` the block as it is."""
    block = Range(*cidr6_bounds(cidr))
    room = block.last - block.first + 1
    slaac = 1 << IPV6_BITS - SLAAC_PREFIX
    count = network_count(asked)
    size = room if asked.ipam else slaac
    if room < count * slaac:
        message = (
            f"Block {cidr} is too small for {count} networks; each needs a /{SLAAC_PREFIX}, under which"
            " guests form their own addresses."
        )
        return Refusal(code=Code.INVALID_CIDR, field="cidr_v6", message=message)
    return _first_free(block, size, count, in_the_way)


def _size(asked: CreateNetworks, room: int, count: int) -> int:
    """Return how many addresses each network has, a power of two: as asked, rounded up, or an equal share."""
    if asked.ipam:
        return room
    if asked.network_size is not None:
        return 1 << (asked.network_size - 1).bit_length()
    return 1 << max((room // count).bit_length() - 1, 0)


def _first_free(block: Range, size: int, count: int, in_the_way: InTheWay) -> list[Range] | NoRoom:
    found: list[Range] = []
    last_in_the_way = ""
    start = block.first
    while len(found) < count and start + size - 1 <= block.last:
        candidate = Range(start, start + size - 1)
        taken = in_the_way(candidate)
        if taken is None:
            found.append(candidate)
            start += size
        else:
            last_in_the_way = taken.network_id
            start = block.first + -(-(taken.last + 1 - block.first) // size) * size
    return found if len(found) == count else NoRoom(len(found), last_in_the_way)


def gateway6(block: Range, asked: CreateNetworks) -> int | Refusal:
    """Return the IPv6 gateway of a network: the one asked for, or the first address of its block."""
    if asked.gateway_v6 is None:
        return block.first + 1
    gateway = ipv6_number(asked.gateway_v6)
    if block.first < gateway <= block.last or _LINK_LOCAL.first < gateway <= _LINK_LOCAL.last:
        return gateway
    message = (
        f"Address {asked.gateway_v6} is neither in {cidr6_text(*block)} nor a link-local one; guests could"
        " not reach it."
    )
    return Refusal(code=Code.ADDRESS_OUT_OF_RANGE, field="gateway_v6", message=message)


def plan_addresses(block: Range, asked: CreateNetworks) -> AddressPlan | Refusal:
    """Return the addresses of one network (nova-network.md sections 4.4 and 4.5), or why there are none."""
    refusal = _out_of_range(block, asked)
    if refusal is not None:
        return refusal
    bottom = block.first + 1 if asked.allowed_start is None else ipv4_number(asked.allowed_start)
    gateway = bottom if asked.gateway is None else ipv4_number(asked.gateway)
    dhcp_server = gateway if asked.dhcp_server is None else ipv4_number(asked.dhcp_server)
    dhcp_start = gateway + 1 if asked.gateway is None else bottom
    if dhcp_start == dhcp_server:
        dhcp_start += 1
    kept = {gateway, dhcp_server}
    vpn_private_address = None
    if asked.kind == "vlan":
        vpn_private_address = _after(dhcp_start, kept)
        dhcp_start = _after(vpn_private_address + 1, kept)
        kept.add(vpn_private_address)
    usable = _without(_allowed(block, asked), kept)
    if not usable:
        message = (
            f"No address of {cidr4_text(*block)} is left for guests; widen allowed_start, allowed_end and"
            " fixed_cidr."
        )
        field = "allowed_end" if asked.fixed_cidr is None else "fixed_cidr"
        return Refusal(code=Code.ADDRESS_OUT_OF_RANGE, field=field, message=message)
    return AddressPlan(gateway, dhcp_server, dhcp_start, vpn_private_address, usable)


def _after(address: int, kept: set[int]) -> int:
    """Return the first address from this one on that is not kept for something else."""
    while address in kept:
        address += 1
    return address


def _out_of_range(block: Range, asked: CreateNetworks) -> Refusal | None:
    """Refuse addresses that do not lie inside the network's block."""
    cidr = cidr4_text(*block)
    for field in ("allowed_start", "allowed_end", "dhcp_server", "gateway"):
        text = getattr(asked, field)
        if text is not None and not block.first < ipv4_number(text) < block.last:
            message = f"Address {text} is not a host address of {cidr}; guests could not reach it."
            return Refusal(code=Code.ADDRESS_OUT_OF_RANGE, field=field, message=message)
    if asked.fixed_cidr is not None:
        first, last = cidr4_bounds(asked.fixed_cidr)
        if first < block.first or block.last < last:
            message = f"Block {asked.fixed_cidr} does not lie inside {cidr}."
            return Refusal(code=Code.ADDRESS_OUT_OF_RANGE, field="fixed_cidr", message=message)
    return None


def _allowed(block: Range, asked: CreateNetworks) -> Range:
    """Return from where to where addresses may be handed out; of two bounds, the stricter one."""
    within = block if asked.fixed_cidr is None else Range(*cidr4_bounds(asked.fixed_cidr))
    low = within.first + LOW_RESERVED[asked.kind]
    high = within.last - 1 - (asked.cnt_vpn_clients or 0)
    if asked.allowed_start is not None:
        start = ipv4_number(asked.allowed_start)
        low = start if asked.fixed_cidr is None else max(low, start)
    if asked.allowed_end is not None:
        high = min(within.last - 1, ipv4_number(asked.allowed_end))
    return Range(low, high)


def _without(allowed: Range, excluded: set[int]) -> list[Range]:
    """Return the ranges that are left of one without some single addresses."""
    ranges: list[Range] = []
    start = allowed.first
    for address in sorted(a for a in excluded if allowed.first <= a <= allowed.last):
        if start < address:
            ranges.append(Range(start, address - 1))
        start = address + 1
    if start <= allowed.last:
        ranges.append(Range(start, allowed.last))
    return ranges


def gaps(block: Range, ranges: Sequence[Range]) -> list[Range]:
    """Return what lies between and around ascending ranges inside a block."""
    left: list[Range] = []
    start = block.first
    for one in ranges:
        if start < one.first:
            left.append(Range(start, one.first - 1))
        start = one.last + 1
    if start <= block.last:
        left.append(Range(start, block.last))
    return left
