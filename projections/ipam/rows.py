"""Decisions become changes of rows. Pure: no database, no clock.

A batch of decisions is folded in memory, so that what begins and ends within it costs one row and what
changes several times is written once. Holds are told apart by what is held *and* by whom, never by what is
held alone: two holders of one address stay two rows, and the database's constraints see both.

The rows of the present (networks, hosts, instances, vifs, fixed_ips, fixed_ip_reservations, floating_ranges,
floating_ips, quotas) are those of `projections.cell.canonical`: `projections.ipam.digest` reads them back in
that form, so that the tables can be compared with a fold of the ledger.
"""

from collections.abc import Callable, Iterable
from typing import Any

from pydantic_core import to_json

from events.addresses import cidr4_bounds, ipv4_number, ipv4_text
from events.clock import time_text
from events.fixed_ips import (
    FixedIpAllocated,
    FixedIpDeallocated,
    FixedIpDisassociated,
    FixedIpLeased,
    FixedIpReleased,
    FixedIpReserved,
    FixedIpUnreserved,
)
from events.floating_ips import (
    FloatingIpAllocated,
    FloatingIpAssociated,
    FloatingIpDisassociated,
    FloatingIpReleased,
    FloatingIpsCreated,
    FloatingIpsDeleted,
)
from events.hosts import HostApplied, HostFenced, HostRegistered
from events.instances import InstanceDeleted, InstanceSpawned, VifCreated, VifDeleted
from events.ledger.follow import Decided
from events.model import Event
from events.moves import InstanceBound, InstancePrepared, InstanceUnbound, InstanceUnprepared
from events.networks import NetworkClaimed, NetworkCreated, NetworkDeleted, NetworkVpnChanged
from events.ownership import (
    HostAddressClaimed,
    HostAddressReleased,
    NetworkHostAssigned,
    NetworkHostReleased,
)
from events.projects import NetworkProjectAssigned, NetworkProjectReleased
from events.quotas import QuotaSet
from events.record import DecisionHead, Outcome, decode_outcome
from events.repeats import CommandRepeated
from projections.ipam import dns_rows, group_rows, moves, rows_hosts
from projections.ipam.changes import Changes
from projections.ipam.tables import (
    FIXED_IPS,
    NETWORKS,
    Row,
    Value,
)
from projections.ipam.vpn_rows import vpn_changed

TEXT_MAX = 255
"""Longest text kept of a field of a command as it was received, which may not have been checked."""

_LEASED = FIXED_IPS.columns.index("leased")
_DRAINING = FIXED_IPS.columns.index("draining")
_DRAIN_END = FIXED_IPS.columns.index("drain_until") + 1
_NETWORK_PROJECT = NETWORKS.columns.index("project_id")


def fold(batch: Iterable[Decided]) -> Changes:
    """Return what decisions, in their order, change."""
    changes = Changes()
    for decided in batch:
        # Decoded here and not kept: thousands of live events slow the garbage collector down.
        outcome = decode_outcome(decided.record.value)
        time = time_text(decided.head.time_ms)
        changes.decisions.append(decision_row(decided.head, decided.record.offset, time, outcome))
        for rank, event in enumerate(outcome.events):
            fold_event(changes, decided.head.seq, time, rank, event)
    return changes


def fold_event(changes: Changes, seq: int, time: str, rank: int, event: Event) -> None:
    """Add what one event changes; `rank` counts the events of its decision from 0."""
    handle = _HANDLERS.get(type(event))
    if handle is not None:
        handle(changes, seq, time, event)
    elif isinstance(event, NetworkCreated):
        _network_created(changes, seq, time, rank, event)
    elif type(event) in group_rows.HANDLERS:
        group_rows.HANDLERS[type(event)](changes, seq, time, rank, event)


def decision_row(head: DecisionHead, offset: int, time: str, outcome: Outcome) -> Row:
    """Return what is remembered of a decision: who asked for what, and what was answered."""
    said = outcome.command if isinstance(outcome.command, dict) else {}
    actor = said.get("actor")
    if not isinstance(actor, dict):
        actor = {}
    refusal = outcome.refusal
    first = outcome.events[0] if outcome.events else None
    is_admin = actor.get("is_admin")
    return [
        head.seq,
        offset,
        head.term,
        time,
        storable(head.cause),
        storable(head.subject),
        storable(head.command_id),
        storable(head.correlation_id),
        storable(head.actor or actor.get("user")),
        storable(actor.get("project")),
        is_admin if isinstance(is_admin, bool) else None,
        str(refusal.code) if refusal is not None else None,
        storable(refusal.field) if refusal is not None else None,
        refusal.message.replace("\0", "\\0") if refusal is not None else None,
        first.first_seq if isinstance(first, CommandRepeated) else None,
    ]


def storable(said: object) -> str | None:
    """Return text of bounded length without NUL, which PostgreSQL cannot hold; None for what is no text."""
    if not isinstance(said, str):
        return None
    return said[:TEXT_MAX].replace("\0", "\\0")


def _network_created(changes: Changes, seq: int, time: str, rank: int, event: NetworkCreated) -> None:
    usable = 0
    if event.cidr is not None:
        first, last = cidr4_bounds(event.cidr)
        usable = last - first + 1
    for reserved in event.reserved:
        usable -= ipv4_number(reserved.last) - ipv4_number(reserved.first) + 1
    row: Row = [
        *(event.network_id, event.kind, event.label, event.injected, event.cidr, event.netmask),
        *(event.broadcast, event.gateway, event.dhcp_start, event.dhcp_server, event.enable_dhcp),
        *(event.share_address, event.cidr_v6, event.gateway_v6, event.netmask_v6, event.multi_host),
        *(event.bridge, event.bridge_interface, event.vlan, event.mtu, event.dns1, event.dns2),
        *(event.vpn_public_address, event.vpn_public_port, event.vpn_private_address, event.rxtx_base),
        *(event.project_id, event.priority, event.physical_network, to_json(event.reserved).decode(), usable),
        *(None, 0, rank, seq, time),
    ]
    changes.holds["networks"].begin((event.network_id,), row)
    if event.project_id is not None:
        _belongs(changes, seq, time, event.network_id, event.project_id)


def _belongs(changes: Changes, seq: int, time: str, network_id: str, project_id: str) -> None:
    where = (network_id, project_id)
    changes.holds["network_projects"].begin(where, [*where, seq, time])


def _project_assigned(changes: Changes, seq: int, time: str, event: NetworkProjectAssigned) -> None:
    _belongs(changes, seq, time, event.network_id, event.project_id)
    _project(changes, event.network_id, event.project_id)


def _project_released(changes: Changes, seq: int, time: str, event: NetworkProjectReleased) -> None:
    changes.holds["network_projects"].end((event.network_id, event.project_id), [], seq, time)
    _project(changes, event.network_id, None)


def _project(changes: Changes, network_id: str, project_id: str | None) -> None:
    row = changes.holds["networks"].began.get((network_id,))
    if row is not None:
        row[_NETWORK_PROJECT] = project_id
    else:
        changes.projects[network_id] = project_id


def _network_deleted(changes: Changes, seq: int, time: str, event: NetworkDeleted) -> None:
    changes.claimed.pop(event.network_id, None)
    changes.projects.pop(event.network_id, None)
    changes.vpns.pop(event.network_id, None)
    changes.holds["networks"].end((event.network_id,), [], seq, time)


def _quota_set(changes: Changes, seq: int, time: str, event: QuotaSet) -> None:
    changes.quotas[event.project_id, event.resource] = [event.limit, seq, time]


def _spawned(changes: Changes, seq: int, time: str, event: InstanceSpawned) -> None:
    row: Row = [
        *(event.instance_uuid, event.project_id, event.host, 1, seq, event.hostname),
        *(
            storable(event.display_name),
            event.availability_zone,
            event.rxtx_factor,
            event.request_digest,
            seq,
            time,
        ),
    ]
    changes.holds["instances"].begin((event.instance_uuid,), row)
    group_rows.spawned(changes, seq, time, event)


def _deleted(changes: Changes, seq: int, time: str, event: InstanceDeleted) -> None:
    changes.holds["instances"].end((event.instance_uuid,), [], seq, time)
    group_rows.deleted(changes, seq, time, event)


def _vif_created(changes: Changes, seq: int, time: str, event: VifCreated) -> None:
    row: Row = [
        *(event.mac, event.vif_id, event.instance_uuid, event.network_id, event.host, event.index),
        *(storable(event.tag), seq, time),
    ]
    changes.holds["vifs"].begin((event.mac, event.vif_id), row)
    if event.address_v6 is not None:
        where = (event.network_id, event.address_v6, event.vif_id)
        changes.holds["ipv6_addresses"].begin(where, [*where, event.mac, event.instance_uuid, seq, time])


def _vif_deleted(changes: Changes, seq: int, time: str, event: VifDeleted) -> None:
    changes.holds["vifs"].end((event.mac, event.vif_id), [], seq, time)
    if event.address_v6 is not None:
        where = (event.network_id, event.address_v6, event.vif_id)
        changes.holds["ipv6_addresses"].end(where, [], seq, time)


def _allocated(changes: Changes, seq: int, time: str, event: FixedIpAllocated) -> None:
    row: Row = [
        *(event.network_id, event.address, event.allocation_id, event.vif_id, event.mac, event.instance_uuid),
        *(event.project_id, event.host, event.hostname, False, False, None, None, None, None, seq, time),
    ]
    changes.holds["fixed_ips"].begin((event.network_id, event.address, event.allocation_id), row)


def _deallocated(changes: Changes, seq: int, time: str, event: FixedIpDeallocated) -> None:
    where = (event.network_id, event.address, event.allocation_id)
    draining: Row = [seq, time, rows_hosts.array_text(event.waits_for), event.drain_until]
    row = changes.holds["fixed_ips"].began.get(where)
    if row is not None:
        row[_DRAINING:_DRAIN_END] = [True, *draining]
    else:
        changes.released[where] = draining


def _disassociated(changes: Changes, seq: int, time: str, event: FixedIpDisassociated) -> None:
    where = (event.network_id, event.address, event.allocation_id)
    holds = changes.holds["fixed_ips"]
    row = holds.began.get(where)
    released: list[Value] = [None, None]
    if row is not None:
        released = row[_DRAINING + 1 : _DRAINING + 3]
    elif where in changes.released:
        released = changes.released.pop(where)[:2]
    changes.leased.pop(where, None)
    holds.end(where, [*released, event.reason], seq, time)


def _leased(changes: Changes, _seq: int, _time: str, event: FixedIpLeased | FixedIpReleased) -> None:
    where = (event.network_id, event.address, event.allocation_id)
    leased = isinstance(event, FixedIpLeased)
    row = changes.holds["fixed_ips"].began.get(where)
    if row is not None:
        row[_LEASED] = leased
    else:
        changes.leased[where] = leased


def _reserved(changes: Changes, seq: int, time: str, event: FixedIpReserved) -> None:
    where = (event.network_id, event.address)
    changes.holds["fixed_ip_reservations"].begin(where, [*where, seq, time])


def _unreserved(changes: Changes, seq: int, time: str, event: FixedIpUnreserved) -> None:
    changes.holds["fixed_ip_reservations"].end((event.network_id, event.address), [], seq, time)


def _range_created(changes: Changes, seq: int, time: str, event: FloatingIpsCreated) -> None:
    _begin_range(changes, seq, time, event, event.first, event.last)


def _begin_range(
    changes: Changes,
    seq: int,
    time: str,
    event: FloatingIpsCreated | FloatingIpsDeleted,
    first: str,
    last: str,
) -> None:
    row: Row = [event.pool, event.interface, first, last, seq, time]
    changes.holds["floating_ranges"].begin((first, last), row)


def _range_deleted(changes: Changes, seq: int, time: str, event: FloatingIpsDeleted) -> None:
    changes.holds["floating_ranges"].end((event.range_first, event.range_last), [], seq, time)
    if event.range_first != event.first:
        _begin_range(changes, seq, time, event, event.range_first, ipv4_text(ipv4_number(event.first) - 1))
    if event.range_last != event.last:
        _begin_range(changes, seq, time, event, ipv4_text(ipv4_number(event.last) + 1), event.range_last)


def _floating_allocated(changes: Changes, seq: int, time: str, event: FloatingIpAllocated) -> None:
    row: Row = [
        *(event.address, event.project_id, event.pool, event.interface, event.auto_assigned, seq, time)
    ]
    changes.holds["floating_ips"].begin((event.address, event.project_id), row)


def _floating_released(changes: Changes, seq: int, time: str, event: FloatingIpReleased) -> None:
    changes.holds["floating_ips"].end((event.address, event.project_id), [], seq, time)


def _associated(changes: Changes, seq: int, time: str, event: FloatingIpAssociated) -> None:
    row: Row = [
        *(event.address, event.allocation_id, event.network_id, event.fixed_address, event.instance_uuid),
        *(event.project_id, event.interface, seq, time),
    ]
    changes.holds["floating_associations"].begin((event.address, event.allocation_id), row)


def _unassociated(changes: Changes, seq: int, time: str, event: FloatingIpDisassociated) -> None:
    changes.holds["floating_associations"].end((event.address, event.allocation_id), [], seq, time)


_HANDLERS: dict[type[Event], Callable[[Changes, int, str, Any], None]] = {
    NetworkDeleted: _network_deleted,
    NetworkVpnChanged: vpn_changed,
    NetworkProjectAssigned: _project_assigned,
    NetworkProjectReleased: _project_released,
    NetworkClaimed: rows_hosts.network_owned,
    NetworkHostAssigned: rows_hosts.network_owned,
    NetworkHostReleased: rows_hosts.network_released,
    HostFenced: rows_hosts.host_fenced,
    QuotaSet: _quota_set,
    HostRegistered: rows_hosts.host_registered,
    HostApplied: rows_hosts.host_applied,
    HostAddressClaimed: rows_hosts.address_claimed,
    HostAddressReleased: rows_hosts.address_released,
    InstanceSpawned: _spawned,
    InstanceDeleted: _deleted,
    InstanceUnbound: moves.unbound,
    InstanceBound: moves.bound,
    InstancePrepared: moves.prepared,
    InstanceUnprepared: moves.unprepared,
    VifCreated: _vif_created,
    VifDeleted: _vif_deleted,
    FixedIpAllocated: _allocated,
    FixedIpDeallocated: _deallocated,
    FixedIpDisassociated: _disassociated,
    FixedIpLeased: _leased,
    FixedIpReleased: _leased,
    FixedIpReserved: _reserved,
    FixedIpUnreserved: _unreserved,
    FloatingIpsCreated: _range_created,
    FloatingIpsDeleted: _range_deleted,
    FloatingIpAllocated: _floating_allocated,
    FloatingIpReleased: _floating_released,
    FloatingIpAssociated: _associated,
    FloatingIpDisassociated: _unassociated,
    **dns_rows.HANDLERS,
}
"""What is not here changes no row: `MacGenerated` (`VifCreated` begins the hold), what is stale or repeated,
and that a network was let go."""
