"""Ranges of floating IPs: created and deleted by admins, in pools (nova-network.md section 9.1)."""

from bisect import bisect_left, bisect_right

from netaddr import AddrFormatError, IPNetwork

from events.addresses import IPV4_BITS, ipv4_number, ipv4_text, parse_ipv4
from events.errors import InvariantBroken
from events.floating_ips import CreateFloatingIps, DeleteFloatingIps, FloatingIpsCreated, FloatingIpsDeleted
from events.model import Event
from events.refusals import Code, Refusal
from projections.cell.address.pool import Range
from projections.cell.floating.floating_ips import let_go
from projections.cell.floating.floating_pool import FloatingPool
from projections.cell.network.networks import admin_only
from projections.cell.state import CellState, FloatingIp, FloatingRange

_PREFIX_LENGTH_MAX = 30
"""A block must hold at least four addresses, as in nova; its network and broadcast addresses are left out."""

FACTS_PER_DELETE_MAX = 1000
"""What one decision may disassociate, release and delete (design section 4)."""


def decide_create(state: CellState, command: CreateFloatingIps) -> tuple[Event, ...] | Refusal:
    """Add addresses to a pool, all or none."""
    if not command.actor.is_admin:
        return admin_only("create floating IPs")
    wanted = _parse_range(command.ip_range)
    if isinstance(wanted, Refusal):
        return wanted
    taken = overlapping(state, wanted)
    if taken:
        message = (
            f"Some of {command.ip_range} are floating IPs of pool {taken[0].pool!r} already; nothing was"
            " created."
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


def overlapping(state: CellState, wanted: Range) -> list[FloatingRange]:
    """Return the ranges that have some of the wanted addresses, ascending."""
    ranges = state.floating_ranges
    index = max(bisect_right(ranges, wanted.first, key=_first) - 1, 0)
    found: list[FloatingRange] = []
    while index < len(ranges) and ranges[index].first <= wanted.last:
        if wanted.first <= ranges[index].last:
            found.append(ranges[index])
        index += 1
    return found


def _first(one: FloatingRange) -> int:
    return one.first


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
    """Add a range to a pool, which comes to be with its first one."""
    addresses = Range(ipv4_number(event.first), ipv4_number(event.last))
    if overlapping(state, addresses):
        message = f"some of {event.first} to {event.last} are floating IPs already"
        raise InvariantBroken(message)
    state.floating_pools.setdefault(event.pool, FloatingPool()).add(addresses)
    _keep(state, FloatingRange(*addresses, event.pool, event.interface))


def _keep(state: CellState, one: FloatingRange) -> None:
    state.floating_ranges.insert(bisect_left(state.floating_ranges, one.first, key=_first), one)


def decide_delete(state: CellState, command: DeleteFloatingIps) -> tuple[Event, ...] | Refusal:
    """Take whatever floating IPs a block has out of their pools; none of them may be in use unless forced."""
    if not command.actor.is_admin:
        return admin_only("delete floating IPs")
    wanted = _parse_range(command.ip_range)
    if isinstance(wanted, Refusal):
        return wanted
    ranges = overlapping(state, wanted)
    if not ranges:
        message = f"No pool has any address of {command.ip_range}."
        return Refusal(code=Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, field="ip_range", message=message)
    held = _held(state, wanted)
    if held and not command.force:
        return _in_use(command, held)
    if len(held) + len(ranges) > FACTS_PER_DELETE_MAX:
        return _too_much(command)
    events: list[Event] = []
    for floating in held:
        events += let_go(state, floating)
    events += [_deleted(one, wanted) for one in ranges]
    return tuple(events) if len(events) <= FACTS_PER_DELETE_MAX else _too_much(command)


def _held(state: CellState, wanted: Range) -> list[FloatingIp]:
    """Return the floating IPs of a range that projects own, ascending."""
    if wanted.last - wanted.first < len(state.floating_ips):
        addresses = range(wanted.first, wanted.last + 1)
        return [state.floating_ips[address] for address in addresses if address in state.floating_ips]
    mine = [address for address in state.floating_ips if wanted.first <= address <= wanted.last]
    return [state.floating_ips[address] for address in sorted(mine)]


def _in_use(command: DeleteFloatingIps, held: list[FloatingIp]) -> Refusal:
    pointing = next((floating for floating in held if floating.association is not None), None)
    floating = pointing or held[0]
    address = ipv4_text(floating.address)
    use = (
        f"{len(held)} of {command.ip_range} are in use: {address} belongs to project {floating.project_id!r}"
    )
    if floating.association is not None:
        use += f" and points at {floating.association.fixed_address}"
    return Refusal(
        code=Code.FLOATING_IP_IN_USE if pointing is None else Code.FLOATING_IP_ASSOCIATED,
        field="ip_range",
        message=f"{use}. Release them first, or delete with force=true, which takes them away.",
        details={"address": address, "in_use": len(held)},
    )


def _too_much(command: DeleteFloatingIps) -> Refusal:
    message = (
        f"Deleting {command.ip_range} would take away more than the {FACTS_PER_DELETE_MAX} things that one"
        " decision may; delete a smaller part at a time."
    )
    return Refusal(code=Code.DECISION_TOO_LARGE, field="ip_range", message=message)


def _deleted(one: FloatingRange, wanted: Range) -> FloatingIpsDeleted:
    return FloatingIpsDeleted(
        pool=one.pool,
        interface=one.interface,
        first=ipv4_text(max(one.first, wanted.first)),
        last=ipv4_text(min(one.last, wanted.last)),
        range_first=ipv4_text(one.first),
        range_last=ipv4_text(one.last),
    )


def apply_deleted(state: CellState, event: FloatingIpsDeleted) -> None:
    """Cut addresses out of their range; a pool is gone with its last one."""
    gone = Range(ipv4_number(event.first), ipv4_number(event.last))
    whole = FloatingRange(
        ipv4_number(event.range_first), ipv4_number(event.range_last), event.pool, event.interface
    )
    ranges = state.floating_ranges
    index = bisect_left(ranges, whole.first, key=_first)
    known = index < len(ranges) and ranges[index] == whole and whole.first <= gone.first <= gone.last
    if not known or gone.last > whole.last or _held(state, gone):
        message = (
            f"floating IPs {event.first} to {event.last} are deleted, but are in use or of no such range"
        )
        raise InvariantBroken(message)
    del ranges[index]
    if whole.first < gone.first:
        _keep(state, whole._replace(last=gone.first - 1))
    if gone.last < whole.last:
        _keep(state, whole._replace(first=gone.last + 1))
    pool = state.floating_pools[event.pool]
    pool.remove(gone)
    if not pool.capacity:
        del state.floating_pools[event.pool]
