"""How each event changes the state of a cell."""

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
from events.errors import InvariantBroken
from events.fixed_ips import (
    FixedIpAllocated,
    FixedIpDeallocated,
    FixedIpDisassociated,
    FixedIpLeased,
    FixedIpReleased,
    FixedIpReserved,
    FixedIpUnreserved,
    StaleLeaseReported,
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
from events.instances import InstanceDeleted, InstanceSpawned, MacGenerated, VifCreated, VifDeleted
from events.model import Event
from events.moves import InstanceBound, InstancePrepared, InstanceUnbound, InstanceUnprepared
from events.networks import NetworkClaimed, NetworkCreated, NetworkDeleted, NetworkVpnChanged
from events.ownership import (
    HostAddressClaimed,
    HostAddressReleased,
    NetworkHostAssigned,
    NetworkHostLetGo,
    NetworkHostReleased,
)
from events.projects import NetworkProjectAssigned, NetworkProjectReleased
from events.quotas import QuotaSet
from events.refusals import Refusal
from events.repeats import CommandRepeated
from projections.cell import quotas
from projections.cell.address import fixed_ips, reservations
from projections.cell.floating import floating_ips, floating_ranges
from projections.cell.group import groups
from projections.cell.host import host_addresses, hosts, ownership
from projections.cell.instance import instances, macs, moves, nics
from projections.cell.names import dns, instance_dns
from projections.cell.network import networks, projects, vpn
from projections.cell.state import CellState
from projections.cell.window import Remembered

_APPLY: dict[type[Event], Callable[[CellState, Any], None]] = {
    NetworkCreated: networks.apply_created,
    NetworkDeleted: networks.apply_deleted,
    NetworkVpnChanged: vpn.apply_changed,
    NetworkProjectAssigned: projects.apply_assigned,
    NetworkProjectReleased: projects.apply_released,
    NetworkClaimed: ownership.apply_owned,
    NetworkHostAssigned: ownership.apply_owned,
    NetworkHostReleased: lambda state, event: ownership.apply_released(state, event, state.seq),
    NetworkHostLetGo: ownership.apply_let_go,
    HostAddressClaimed: host_addresses.apply_claimed,
    HostAddressReleased: lambda state, event: host_addresses.apply_released(state, event, state.time_ms),
    HostRegistered: hosts.apply_registered,
    HostFenced: lambda state, event: hosts.apply_fenced(state, event, state.seq),
    HostApplied: hosts.apply_applied,
    InstanceSpawned: instances.apply_spawned,
    InstanceDeleted: instances.apply_deleted,
    InstanceUnbound: moves.apply_unbound,
    InstanceBound: moves.apply_bound,
    InstancePrepared: moves.apply_prepared,
    InstanceUnprepared: moves.apply_unprepared,
    MacGenerated: macs.apply_generated,
    VifCreated: nics.apply_created,
    VifDeleted: nics.apply_deleted,
    FixedIpAllocated: fixed_ips.apply_allocated,
    FixedIpDeallocated: lambda state, event: fixed_ips.apply_deallocated(state, event, state.seq),
    FixedIpDisassociated: lambda state, event: fixed_ips.apply_disassociated(state, event, state.time_ms),
    FixedIpLeased: fixed_ips.apply_lease,
    FixedIpReleased: fixed_ips.apply_lease,
    StaleLeaseReported: lambda _state, _event: None,
    FixedIpReserved: reservations.apply_reserved,
    FixedIpUnreserved: lambda state, event: reservations.apply_unreserved(state, event, state.time_ms),
    FloatingIpsCreated: floating_ranges.apply_created,
    FloatingIpsDeleted: floating_ranges.apply_deleted,
    FloatingIpAllocated: floating_ips.apply_allocated,
    FloatingIpAssociated: floating_ips.apply_associated,
    FloatingIpDisassociated: floating_ips.apply_disassociated,
    FloatingIpReleased: lambda state, event: floating_ips.apply_released(state, event, state.time_ms),
    QuotaSet: quotas.apply_set,
    DnsDomainRegistered: dns.apply_registered,
    DnsDomainChanged: dns.apply_changed_domain,
    DnsDomainDeleted: dns.apply_deleted,
    DnsEntryCreated: dns.apply_created,
    DnsEntryChanged: dns.apply_changed,
    DnsEntryDeleted: dns.apply_deleted_entry,
    InstanceDnsEntriesCreated: instance_dns.apply_created,
    InstanceDnsEntriesDeleted: instance_dns.apply_deleted,
    **groups.APPLY,
    CommandRepeated: lambda _state, _event: None,
}


def apply_decision(
    state: CellState,
    seq: int,
    time_ms: int,
    cause: tuple[str, str] | None,
    decision: tuple[Event, ...] | Refusal,
) -> None:
    """Change the state by one decision; `cause` is its command's (id, body digest), None for a timer.

    Raises:
        InvariantBroken: the decision contradicts the state. The state is then of no use any more.

    """
    if seq != state.seq + 1 or time_ms < state.time_ms:
        message = f"decision {seq} at {time_ms} ms cannot follow {state.seq} at {state.time_ms} ms"
        raise InvariantBroken(message)
    state.seq = seq
    state.time_ms = time_ms
    refusal = decision if isinstance(decision, Refusal) else None
    if not isinstance(decision, Refusal):
        for event in decision:
            try:
                _APPLY[type(event)](state, event)
            except InvariantBroken as error:
                raise InvariantBroken(f"{_place(seq, event)}: {error}") from error
            except (LookupError, StopIteration) as error:
                message = f"{_place(seq, event)}: it names something that does not exist: {error!r}"
                raise InvariantBroken(message) from error
            except (ValueError, OSError) as error:
                message = f"{_place(seq, event)}: it holds a text that is not canonical: {error!r}"
                raise InvariantBroken(message) from error
    if cause is not None:
        state.window.remember(cause[0], Remembered(seq, cause[1], refusal))


def _place(seq: int, event: Event) -> str:
    return f"decision {seq}, {type(event).__name__}"
