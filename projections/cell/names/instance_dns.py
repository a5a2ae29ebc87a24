"""DNS records of instances: two names for its first fixed IP (nova-network.md section 11.2).

nova made two records for each address, so that a second NIC, or a display name that somebody else has,
failed the boot with a real driver. Here an instance has one pair of names: its display name, if that can be
one label of a name and nobody has it, and its id. They stand for its first address, and move on when that is
removed.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from events.addresses import ipv4_number, ipv4_text
from events.dns import InstanceDnsEntriesCreated, InstanceDnsEntriesDeleted
from events.errors import InvariantBroken
from events.fixed_ips import FixedIpAllocated
from events.model import Event, stated
from projections.cell.names.dns_names import Entry, full_name
from projections.cell.state import Allocation, CellState, Instance, Rules

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII).fullmatch


class Named(NamedTuple):
    """What an instance is called, and where it runs."""

    instance_uuid: str
    display_name: str | None
    availability_zone: str | None


def recorded(state: CellState, rules: Rules, named: Named, made: Sequence[Event]) -> list[Event]:
    """Return the event that names the first address among `made`, where instances are named at all."""
    domain = rules.instance_dns_domain
    if not domain:
        return []
    registered = state.names.domains.get(domain)
    if registered is not None and registered.availability_zone not in {None, named.availability_zone}:
        return []
    first = next((event for event in made if isinstance(event, FixedIpAllocated)), None)
    names = _free_names(state, domain, named)
    if first is None or not names:
        return []
    return [
        stated(
            InstanceDnsEntriesCreated,
            domain=domain,
            names=names,
            address=first.address,
            allocation_id=first.allocation_id,
            instance_uuid=named.instance_uuid,
        )
    ]


def recorded_if_first(
    state: CellState, rules: Rules, instance: Instance, allocated: FixedIpAllocated
) -> list[Event]:
    """Return the event that names an instance's address if it had none before."""
    if not rules.instance_dns_domain or any(vif.allocations for vif in instance.vifs):
        return []
    named = Named(instance.uuid, instance.display_name, instance.availability_zone)
    return recorded(state, rules, named, (allocated,))


def _free_names(state: CellState, domain: str, named: Named) -> tuple[str, ...]:
    """Return the names that an instance may have: one that is taken stays with who has it."""
    names = [named.instance_uuid]
    display_name = (named.display_name or "").lower()
    if _LABEL(display_name) and display_name != named.instance_uuid:
        names.insert(0, display_name)
    known = state.names
    return tuple(
        name
        for name in names
        if (full := full_name(name, domain)) not in known.entries and full not in known.domains
    )


def forgotten(state: CellState, allocation: Allocation) -> list[Event]:
    """Return the event that takes an ending allocation its names, if it has some."""
    if allocation.id not in state.names.of_allocation:
        return []
    entries = [state.names.entries[name] for name in state.names.of_allocation[allocation.id]]
    return [
        InstanceDnsEntriesDeleted(
            domain=entries[0].domain,
            names=tuple(entry.name for entry in entries),
            address=ipv4_text(allocation.address),
            allocation_id=allocation.id,
            instance_uuid=allocation.instance_uuid,
        )
    ]


def passed_on(state: CellState, instance: Instance, allocation: Allocation) -> list[Event]:
    """Return the events that let the names of an ending allocation stand for the instance's next address."""
    ended = forgotten(state, allocation)
    others = (one for vif in instance.vifs for one in vif.allocations.values() if one is not allocation)
    heir = next(others, None)
    if heir is None:
        return ended
    return ended + [
        InstanceDnsEntriesCreated(
            domain=event.domain,
            names=event.names,
            address=ipv4_text(heir.address),
            allocation_id=heir.id,
            instance_uuid=instance.uuid,
        )
        for event in ended
        if isinstance(event, InstanceDnsEntriesDeleted)
    ]


def apply_created(state: CellState, event: InstanceDnsEntriesCreated) -> None:
    """Let names stand for an allocation."""
    allocation = state.allocations[event.allocation_id]
    if allocation.draining or allocation.id in state.names.of_allocation:
        message = f"allocation {allocation.id} gets names while it drains or has some"
        raise InvariantBroken(message)
    for name in event.names:
        state.names.add(Entry(event.domain, name, ipv4_number(event.address), allocation.id))


def apply_deleted(state: CellState, event: InstanceDnsEntriesDeleted) -> None:
    """Let names stand for nothing."""
    for name in event.names:
        if state.names.remove(full_name(name, event.domain)).allocation_id != event.allocation_id:
            message = f"name {name} of domain {event.domain} is not allocation {event.allocation_id}'s"
            raise InvariantBroken(message)
