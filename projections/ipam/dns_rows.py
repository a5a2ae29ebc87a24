"""DNS decisions become changes of rows."""

from collections.abc import Callable
from typing import Any

from events.dns import (
    DnsDomainChanged,
    DnsDomainDeleted,
    DnsDomainRegistered,
    DnsEntryChanged,
    DnsEntryCreated,
    DnsEntryDeleted,
    InstanceDnsEntriesCreated,
    InstanceDnsEntriesDeleted,
)
from events.model import Event
from projections.ipam.changes import Changes
from projections.ipam.tables import Row


def registered(changes: Changes, seq: int, time: str, event: DnsDomainRegistered | DnsDomainChanged) -> None:
    """Begin a domain."""
    row: Row = [event.domain, event.scope, event.availability_zone, event.project_id, seq, time]
    changes.holds["dns_domains"].begin((event.domain,), row)


def changed(changes: Changes, seq: int, time: str, event: DnsDomainChanged) -> None:
    """End a domain as it was, and begin it as it is."""
    changes.holds["dns_domains"].end((event.domain,), [], seq, time)
    registered(changes, seq, time, event)


def deleted(changes: Changes, seq: int, time: str, event: DnsDomainDeleted) -> None:
    """End a domain."""
    changes.holds["dns_domains"].end((event.domain,), [], seq, time)


def entry_created(changes: Changes, seq: int, time: str, event: DnsEntryCreated | DnsEntryChanged) -> None:
    """Begin an entry of a floating IP."""
    row: Row = [event.domain, event.name, event.address, None, None, seq, time]
    changes.holds["dns_entries"].begin((event.domain, event.name), row)


def entry_changed(changes: Changes, seq: int, time: str, event: DnsEntryChanged) -> None:
    """End an entry as it was, and begin it as it is."""
    changes.holds["dns_entries"].end((event.domain, event.name), [], seq, time)
    entry_created(changes, seq, time, event)


def entry_deleted(changes: Changes, seq: int, time: str, event: DnsEntryDeleted) -> None:
    """End an entry."""
    changes.holds["dns_entries"].end((event.domain, event.name), [], seq, time)


def instance_named(changes: Changes, seq: int, time: str, event: InstanceDnsEntriesCreated) -> None:
    """Begin an instance's entries."""
    for name in event.names:
        row: Row = [event.domain, name, event.address, event.allocation_id, event.instance_uuid, seq, time]
        changes.holds["dns_entries"].begin((event.domain, name), row)


def instance_unnamed(changes: Changes, seq: int, time: str, event: InstanceDnsEntriesDeleted) -> None:
    """End an instance's entries."""
    for name in event.names:
        changes.holds["dns_entries"].end((event.domain, name), [], seq, time)


HANDLERS: dict[type[Event], Callable[[Changes, int, str, Any], None]] = {
    DnsDomainRegistered: registered,
    DnsDomainChanged: changed,
    DnsDomainDeleted: deleted,
    DnsEntryCreated: entry_created,
    DnsEntryChanged: entry_changed,
    DnsEntryDeleted: entry_deleted,
    InstanceDnsEntriesCreated: instance_named,
    InstanceDnsEntriesDeleted: instance_unnamed,
}
"""What each event changes, as `projections.ipam.rows` uses it."""
