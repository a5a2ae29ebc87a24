"""Floating IPs: pools as ranges, owners, and what each points at (nova-network.md section 9)."""

from bisect import bisect_right

from events.addresses import ipv4_number, ipv4_text
from events.dns import DnsEntryDeleted
from events.errors import InvariantBroken
from events.floating_ips import (
    AllocateFloatingIp,
    AssociateFloatingIp,
    DisassociateFloatingIp,
    FloatingIpAllocated,
    FloatingIpAssociated,
    FloatingIpDisassociated,
    FloatingIpReleased,
    ReleaseFloatingIp,
)
from events.model import Actor, Event
from events.refusals import Code, Refusal
from projections.cell import quotas
from projections.cell.network.networks import forbidden
from projections.cell.network.overlaps import held_at
from projections.cell.state import Allocation, CellState, FloatingIp, FloatingRange, Rules

FLOATING_IPS_MAX = 256
"""Floating IPs that point at one instance: deleting it disassociates them all in one decision."""


def range_of(state: CellState, address: int) -> FloatingRange | None:
    """Return the range that an address belongs to."""
    index = bisect_right(state.floating_ranges, address, key=lambda one: one.first) - 1
    if index < 0 or address > state.floating_ranges[index].last:
        return None
    return state.floating_ranges[index]


def decide_allocate(
    state: CellState, command: AllocateFloatingIp, rules: Rules, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Give a project the next address of a pool."""
    if not command.actor.is_admin and command.actor.project != command.project_id:
        return forbidden(
            command.actor, f"allocate floating IPs for project {command.project_id!r}", "project_id"
        )
    if command.auto_assigned and not command.actor.is_admin:
        return _admins_affect("auto_assigned")
    over = None
    if not command.auto_assigned:
        over = quotas.over(state, rules, command.project_id, "floating_ips", 1, "project_id")
    if over is not None:
        return over
    allocated = allocation_of(
        state, command.pool, command.project_id, now_ms, auto_assigned=command.auto_assigned
    )
    return allocated if isinstance(allocated, Refusal) else (allocated,)


def allocation_of(
    state: CellState, pool: str, project_id: str, now_ms: int, *, auto_assigned: bool
) -> FloatingIpAllocated | Refusal:
    """Return the event that gives a project the next address of a pool."""
    addresses = state.floating_pools.get(pool)
    if addresses is None:
        message = (
            f"There is no floating IP pool {pool!r}; an admin creates one with `netledger floating create`."
        )
        return Refusal(code=Code.FLOATING_IP_POOL_NOT_FOUND, field="pool", message=message)
    for address in addresses.candidates(now_ms):
        found = range_of(state, address)
        return FloatingIpAllocated(
            address=ipv4_text(address),
            pool=pool,
            interface=None if found is None else found.interface,
            project_id=project_id,
            auto_assigned=auto_assigned,
        )
    message = f"No floating IP of pool {pool!r} is free: all {addresses.capacity} are in use."
    return Refusal(code=Code.NO_MORE_FLOATING_IPS, field="pool", message=message)


def apply_allocated(state: CellState, event: FloatingIpAllocated) -> None:
    """Let a project own a floating IP."""
    address = ipv4_number(event.address)
    found = range_of(state, address)
    if found is None or found.pool != event.pool:
        message = f"floating IP {event.address} is allocated but belongs to no range of pool {event.pool!r}"
        raise InvariantBroken(message)
    state.floating_pools[event.pool].take(address)
    state.floating_ips[address] = FloatingIp(
        address, event.pool, event.interface, event.project_id, event.auto_assigned
    )
    if not event.auto_assigned:
        quotas.count(state, "floating_ips", event.project_id, 1)


def _admins_affect(field: str) -> Refusal:
    message = f"Only an admin may say {field}: the cloud assigns such addresses and takes them back."
    return Refusal(code=Code.FORBIDDEN, field=field, message=message)


def owned(state: CellState, actor: Actor, text: str, field: str) -> FloatingIp | Refusal:
    """Return a floating IP that the actor may change."""
    address = ipv4_number(text)
    floating = state.floating_ips.get(address)
    if floating is None and range_of(state, address) is None:
        message = f"{text} is not a floating IP of any pool."
        return Refusal(code=Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, field=field, message=message)
    if floating is None:
        message = (
            f"Floating IP {text} belongs to no project; allocate one with `netledger floating allocate`."
        )
        return Refusal(code=Code.FORBIDDEN, field=field, message=message)
    if not actor.is_admin and actor.project != floating.project_id:
        return forbidden(actor, f"use floating IP {text}", field)
    return floating


def _untouched(
    command: AssociateFloatingIp | DisassociateFloatingIp | ReleaseFloatingIp, floating: FloatingIp
) -> bool | Refusal:
    """Return whether a floating IP was assigned automatically and the command is not meant for such ones."""
    if command.affect_auto_assigned and not command.actor.is_admin:
        return _admins_affect("affect_auto_assigned")
    return floating.auto_assigned and not command.affect_auto_assigned


def decide_associate(state: CellState, command: AssociateFloatingIp) -> tuple[Event, ...] | Refusal:
    """Point a floating IP at a fixed IP of the same project, away from where it points now.

    One that was assigned automatically stays as it is without a word, as in nova.
    """
    floating = owned(state, command.actor, command.floating_address, "floating_address")
    if isinstance(floating, Refusal):
        return floating
    untouched = _untouched(command, floating)
    if untouched:
        return untouched if isinstance(untouched, Refusal) else ()
    allocation = _target(state, command, floating)
    if isinstance(allocation, Refusal):
        return allocation
    events: list[Event] = []
    if floating.association is not None:
        if floating.association.allocation_id == allocation.id:
            return ()
        events.append(disassociate(state, floating.address))
    instance = state.instances[allocation.instance_uuid]
    pointing = [
        address for vif in instance.vifs for one in vif.allocations.values() for address in one.floating
    ]
    if len(pointing) - (floating.address in pointing) >= FLOATING_IPS_MAX:
        message = (
            f"{FLOATING_IPS_MAX} floating IPs point at instance {instance.uuid}, as many as may; disassociate"
            " one first."
        )
        return Refusal(code=Code.FLOATING_IP_ASSOCIATE_FAILED, field="fixed_address", message=message)
    events.append(association(floating.address, floating.interface, floating.project_id, allocation))
    return tuple(events)


def association(
    address: int, interface: str | None, project_id: str, allocation: Allocation
) -> FloatingIpAssociated:
    """Return the event that points a floating IP at a fixed one."""
    return FloatingIpAssociated(
        address=ipv4_text(address),
        interface=interface,
        allocation_id=allocation.id,
        network_id=allocation.network_id,
        fixed_address=ipv4_text(allocation.address),
        instance_uuid=allocation.instance_uuid,
        project_id=project_id,
    )


def _target(state: CellState, command: AssociateFloatingIp, floating: FloatingIp) -> Allocation | Refusal:
    """Return the allocation that a floating IP may point at."""
    allocation = _active(state, command, floating.project_id)
    if isinstance(allocation, Refusal):
        return allocation
    if allocation.project_id != floating.project_id:
        message = (
            f"Fixed IP {command.fixed_address} is not of project {floating.project_id!r}, whose floating IP"
            f" {command.floating_address} is."
        )
        return Refusal(code=Code.FORBIDDEN, field="fixed_address", message=message)
    if state.networks[allocation.network_id].plan.kind == "flat":
        message = (
            f"{command.fixed_address} is of a flat network, whose gateway is the operator's: no host of ours"
            " could translate to it."
        )
        return Refusal(code=Code.NOT_IMPLEMENTED_FOR_KIND, field="fixed_address", message=message)
    return allocation


def _active(state: CellState, command: AssociateFloatingIp, project_id: str) -> Allocation | Refusal:
    """Return the allocation that a fixed address names, on the network named or one that the project sees."""
    address = ipv4_number(command.fixed_address)
    if command.network_id is not None:
        named = state.networks.get(command.network_id)
        allocation = None if named is None else named.pool.held.get(address)
    else:
        allocation = held_at(state, address, project_id)
    if allocation is None or allocation.draining:
        message = f"{command.fixed_address} is no instance's fixed IP."
        return Refusal(code=Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, field="fixed_address", message=message)
    return allocation


def apply_associated(state: CellState, event: FloatingIpAssociated) -> None:
    """Point a floating IP at an allocation."""
    address = ipv4_number(event.address)
    floating = state.floating_ips.get(address)
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
    floating = owned(state, command.actor, command.address, "address")
    if isinstance(floating, Refusal):
        return floating
    untouched = _untouched(command, floating)
    if isinstance(untouched, Refusal):
        return untouched
    if untouched:
        message = (
            f"Floating IP {command.address} was assigned automatically; it points at its instance until that"
            " is deleted."
        )
        return Refusal(code=Code.CANNOT_DISASSOCIATE_AUTO_ASSIGNED, field="address", message=message)
    if floating.association is None:
        message = f"Floating IP {command.address} points at nothing."
        return Refusal(code=Code.FLOATING_IP_NOT_ASSOCIATED, field="address", message=message)
    return (disassociate(state, floating.address),)


def disassociate(state: CellState, address: int) -> FloatingIpDisassociated:
    """Return the event that stops an associated floating IP from pointing anywhere."""
    floating = state.floating_ips.get(address)
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
    floating = state.floating_ips.get(address)
    if floating is None or floating.association is None:
        message = f"floating IP {event.address} is disassociated but points at nothing"
        raise InvariantBroken(message)
    del state.allocations[floating.association.allocation_id].floating[address]
    floating.association = None


def decide_release(state: CellState, command: ReleaseFloatingIp) -> tuple[Event, ...] | Refusal:
    """Give a floating IP back to its pool.

    One that was assigned automatically stays as it is without a word, as in nova.
    """
    floating = owned(state, command.actor, command.address, "address")
    if isinstance(floating, Refusal):
        return floating
    untouched = _untouched(command, floating)
    if untouched:
        return untouched if isinstance(untouched, Refusal) else ()
    if floating.association is not None:
        target = floating.association.fixed_address
        message = f"Floating IP {command.address} points at {target}; disassociate it first."
        return Refusal(code=Code.FLOATING_IP_ASSOCIATED, field="address", message=message)
    return tuple(let_go(state, floating))


def let_go(state: CellState, floating: FloatingIp) -> list[Event]:
    """Return the events that take a floating IP from what it points at, from its names and its project."""
    events: list[Event] = []
    if floating.association is not None:
        events.append(disassociate(state, floating.address))
    for name in state.names.of_address.get(floating.address, ()):
        entry = state.names.entries[name]
        events.append(
            DnsEntryDeleted(domain=entry.domain, name=entry.name, address=ipv4_text(floating.address))
        )
    events.append(
        FloatingIpReleased(
            address=ipv4_text(floating.address), pool=floating.pool, project_id=floating.project_id
        )
    )
    return events


def unpoint(state: CellState, allocation: Allocation) -> list[Event]:
    """Return the events that take an ending allocation its floating IPs.

    Its project keeps them, but for those that were assigned automatically: they go back to their pools.
    """
    events: list[Event] = []
    for address in allocation.floating:
        floating = state.floating_ips[address]
        events += let_go(state, floating) if floating.auto_assigned else [disassociate(state, address)]
    return events


def apply_released(state: CellState, event: FloatingIpReleased, time_ms: int) -> None:
    """Take a floating IP from its project."""
    address = ipv4_number(event.address)
    floating = state.floating_ips.pop(address, None)
    if floating is None or floating.association is not None or address in state.names.of_address:
        message = (
            f"floating IP {event.address} is released while it points somewhere or has names, or is nobody's"
        )
        raise InvariantBroken(message)
    state.floating_pools[floating.pool].give_back(address, time_ms)
    if not floating.auto_assigned:
        quotas.count(state, "floating_ips", event.project_id, -1)
