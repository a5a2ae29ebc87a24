"""Floating IPs: pools as ranges, owners, and what each points at (nova-network.md section 9)."""

from bisect import bisect_left, bisect_right

from netaddr import AddrFormatError, IPNetwork

from events.addresses import IPV4_BITS, ipv4_number, ipv4_text, parse_ipv4
from events.errors import InvariantBroken
from events.floating_ips import (
    AllocateFloatingIp,
    AssociateFloatingIp,
    CreateFloatingIps,
    DisassociateFloatingIp,
    FloatingIpAllocated,
    FloatingIpAssociated,
    FloatingIpDisassociated,
    FloatingIpReleased,
    FloatingIpsCreated,
    ReleaseFloatingIp,
)
from events.model import Actor, Event
from events.refusals import Code, Refusal
from projections.cell import quotas
from projections.cell.networks import forbidden, network_at
from projections.cell.pool import AddressPool, Range
from projections.cell.state import Allocation, CellState, FloatingIp, FloatingPool, Rules

_PREFIX_LENGTH_MAX = 30
"""A block must hold at least four addresses, as in nova; its network and broadcast addresses are left out."""


def decide_create(state: CellState, command: CreateFloatingIps) -> tuple[Event, ...] | Refusal:
    """Add addresses to a pool, all or none."""
    if not command.actor.is_admin:
        return Refusal(
            code=Code.FORBIDDEN, field="actor.is_admin", message="Only an admin may create floating IPs."
        )
    wanted = _parse_range(command.ip_range)
    if isinstance(wanted, Refusal):
        return wanted
    taken = _overlapping(state, wanted)
    if taken is not None:
        message = (
            f"Some of {command.ip_range} are floating IPs of pool {taken!r} already; nothing was created."
        )
        return Refusal(code=Code.FLOATING_IP_EXISTS, field="ip_range", message=message)
    return (
        FloatingIpsCreated(
            pool=command.pool,
            interface=command.interface,
            first=ipv4_text(wanted.first),
            last=ipv4_text(wanted.last),
        ),
    )


def _overlapping(state: CellState, wanted: Range) -> str | None:
    """Return the pool of a range that overlaps `wanted`."""
    index = bisect_left(state.floating_blocks, (wanted.first,))
    for first, last, pool in state.floating_blocks[max(index - 1, 0) : index + 1]:
        if first <= wanted.last and wanted.first <= last:
            return pool
    return None


def _parse_range(text: str) -> Range | Refusal:
    """Return a single address, or the host addresses of a block."""
    try:
        if "/" not in text:
            address = ipv4_number(parse_ipv4(text))
            return Range(address, address)
        block = IPNetwork(text, version=4)
    except (AddrFormatError, ValueError) as error:
        message = f"{text!r} is neither an IPv4 address nor a block: {error}."
        return Refusal(code=Code.INVALID_INPUT, field="ip_range", message=message)
    if block.prefixlen > _PREFIX_LENGTH_MAX:
        message = f"Block {text} is smaller than a /{_PREFIX_LENGTH_MAX}; name single addresses instead."
        return Refusal(code=Code.INVALID_INPUT, field="ip_range", message=message)
    first = int(block.network)
    return Range(first + 1, first + (1 << (IPV4_BITS - block.prefixlen)) - 2)


def apply_created(state: CellState, event: FloatingIpsCreated) -> None:
    """Add a range to a pool."""
    addresses = Range(ipv4_number(event.first), ipv4_number(event.last))
    if _overlapping(state, addresses) is not None:
        message = f"some of {event.first} to {event.last} are floating IPs already"
        raise InvariantBroken(message)
    pool = state.floating_pools.setdefault(event.pool, FloatingPool())
    pool.ranges.append((addresses, event.interface, AddressPool((addresses,))))
    entry = (addresses.first, addresses.last, event.pool)
    state.floating_blocks.insert(bisect_left(state.floating_blocks, entry), entry)


def decide_allocate(
    state: CellState, command: AllocateFloatingIp, rules: Rules, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Give a project the next address of a pool."""
    if not command.actor.is_admin and command.actor.project != command.project_id:
        return forbidden(
            command.actor, f"allocate floating IPs for project {command.project_id!r}", "project_id"
        )
    over = quotas.over(state, rules, command.project_id, "floating_ips", 1, "project_id")
    if over is not None:
        return over
    pool = state.floating_pools.get(command.pool)
    if pool is None:
        message = (
            f"There is no floating IP pool {command.pool!r}; an admin creates one with"
            " `netledger floating create`."
        )
        return Refusal(code=Code.FLOATING_IP_POOL_NOT_FOUND, field="pool", message=message)
    for _, interface, addresses in pool.ranges:
        for address in addresses.candidates(now_ms):
            return (
                FloatingIpAllocated(
                    address=ipv4_text(address),
                    pool=command.pool,
                    interface=interface,
                    project_id=command.project_id,
                ),
            )
    message = f"No floating IP of pool {command.pool!r} is free."
    return Refusal(code=Code.NO_MORE_FLOATING_IPS, field="pool", message=message)


def apply_allocated(state: CellState, event: FloatingIpAllocated) -> None:
    """Let a project own a floating IP."""
    address = ipv4_number(event.address)
    addresses = _pool_of(state, address)
    if addresses is None:
        message = f"floating IP {event.address} is allocated but belongs to no range"
        raise InvariantBroken(message)
    addresses.take(address, FloatingIp(address, event.pool, event.interface, event.project_id))
    quotas.count(state, "floating_ips", event.project_id, 1)


def _pool_of(state: CellState, address: int) -> AddressPool[FloatingIp] | None:
    index = bisect_right(state.floating_blocks, address, key=lambda block: block[0]) - 1
    if index < 0 or address > state.floating_blocks[index][1]:
        return None
    first, _, name = state.floating_blocks[index]
    return next(
        addresses for block, _, addresses in state.floating_pools[name].ranges if block.first == first
    )


def find(state: CellState, address: int) -> FloatingIp | None:
    """Return an allocated floating IP."""
    addresses = _pool_of(state, address)
    return None if addresses is None else addresses.held.get(address)


def _owned(state: CellState, actor: Actor, text: str, field: str) -> FloatingIp | Refusal:
    """Return a floating IP that the actor may change."""
    address = ipv4_number(text)
    if _pool_of(state, address) is None:
        message = f"{text} is not a floating IP of any pool."
        return Refusal(code=Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, field=field, message=message)
    floating = find(state, address)
    if floating is None:
        message = (
            f"Floating IP {text} belongs to no project; allocate one with `netledger floating allocate`."
        )
        return Refusal(code=Code.FORBIDDEN, field=field, message=message)
    if not actor.is_admin and actor.project != floating.project_id:
        return forbidden(actor, f"use floating IP {text}", field)
    return floating


def decide_associate(state: CellState, command: AssociateFloatingIp) -> tuple[Event, ...] | Refusal:
    """Point a floating IP at a fixed IP of the same project, away from where it points now."""
    floating = _owned(state, command.actor, command.floating_address, "floating_address")
    if isinstance(floating, Refusal):
        return floating
    allocation = _active(state, command)
    if isinstance(allocation, Refusal):
        return allocation
    if allocation.project_id != floating.project_id:
        message = (
            f"Fixed IP {command.fixed_address} is not of project {floating.project_id!r}, whose floating IP"
            f" {command.floating_address} is."
        )
        return Refusal(code=Code.FORBIDDEN, field="fixed_address", message=message)
    events: list[Event] = []
    if floating.association is not None:
        if floating.association.allocation_id == allocation.id:
            return ()
        events.append(disassociate(state, floating.address))
    events.append(
        FloatingIpAssociated(
            address=command.floating_address,
            interface=floating.interface,
            allocation_id=allocation.id,
            network_id=allocation.network_id,
            fixed_address=command.fixed_address,
            instance_uuid=allocation.instance_uuid,
            project_id=floating.project_id,
        )
    )
    return tuple(events)


def _active(state: CellState, command: AssociateFloatingIp) -> Allocation | Refusal:
    """Return the allocation that a fixed address names."""
    address = ipv4_number(command.fixed_address)
    network = network_at(state, address)
    allocation = None
    if network is not None:
        allocation = network.pool.held.get(address)
        if command.network_id is not None and command.network_id != network.plan.network_id:
            allocation = None
    if allocation is None or allocation.draining:
        message = f"{command.fixed_address} is no instance's fixed IP."
        return Refusal(code=Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, field="fixed_address", message=message)
    return allocation


def apply_associated(state: CellState, event: FloatingIpAssociated) -> None:
    """Point a floating IP at an allocation."""
    address = ipv4_number(event.address)
    floating = find(state, address)
    allocation = state.allocations[event.allocation_id]
    if floating is None or floating.association is not None or allocation.draining:
        message = (
            f"floating IP {event.address} cannot point at {event.fixed_address}: not free to, or draining"
        )
        raise InvariantBroken(message)
    floating.association = event
    allocation.floating[address] = None


def decide_disassociate(state: CellState, command: DisassociateFloatingIp) -> tuple[Event, ...] | Refusal:
    """Stop pointing a floating IP at anything."""
    floating = _owned(state, command.actor, command.address, "address")
    if isinstance(floating, Refusal):
        return floating
    if floating.association is None:
        message = f"Floating IP {command.address} points at nothing."
        return Refusal(code=Code.FLOATING_IP_NOT_ASSOCIATED, field="address", message=message)
    return (disassociate(state, floating.address),)


def disassociate(state: CellState, address: int) -> FloatingIpDisassociated:
    """Return the event that stops an associated floating IP from pointing anywhere."""
    floating = find(state, address)
    if floating is None or floating.association is None:
        message = f"floating IP {ipv4_text(address)} is not associated"
        raise InvariantBroken(message)
    return FloatingIpDisassociated(
        address=ipv4_text(address),
        allocation_id=floating.association.allocation_id,
        network_id=floating.association.network_id,
        fixed_address=floating.association.fixed_address,
        instance_uuid=floating.association.instance_uuid,
        project_id=floating.project_id,
    )


def apply_disassociated(state: CellState, event: FloatingIpDisassociated) -> None:
    """Stop pointing a floating IP at its allocation."""
    address = ipv4_number(event.address)
    floating = find(state, address)
    if floating is None or floating.association is None:
        message = f"floating IP {event.address} is disassociated but points at nothing"
        raise InvariantBroken(message)
    del state.allocations[floating.association.allocation_id].floating[address]
    floating.association = None


def decide_release(state: CellState, command: ReleaseFloatingIp) -> tuple[Event, ...] | Refusal:
    """Give a floating IP back to its pool."""
    floating = _owned(state, command.actor, command.address, "address")
    if isinstance(floating, Refusal):
        return floating
    if floating.association is not None:
        target = floating.association.fixed_address
        message = f"Floating IP {command.address} points at {target}; disassociate it first."
        return Refusal(code=Code.FLOATING_IP_ASSOCIATED, field="address", message=message)
    return (FloatingIpReleased(address=command.address, pool=floating.pool, project_id=floating.project_id),)


def apply_released(state: CellState, event: FloatingIpReleased, time_ms: int) -> None:
    """Take a floating IP from its project."""
    address = ipv4_number(event.address)
    addresses = _pool_of(state, address)
    if addresses is None or addresses.give_back(address, time_ms).association is not None:
        message = f"floating IP {event.address} is released while it points somewhere, or belongs to no range"
        raise InvariantBroken(message)
    quotas.count(state, "floating_ips", event.project_id, -1)
