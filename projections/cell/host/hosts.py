"""Hosts: who takes part, and how far each has let go of what was released."""

from events.clock import parse_time
from events.errors import InvariantBroken
from events.fixed_ips import DisassociateReason
from events.hosts import HostApplied, HostFenced, HostRegistered, RegisterHost, ReportApplied
from events.model import Event
from events.refusals import Code, Refusal
from projections.cell.address.fixed_ips import disassociated
from projections.cell.host import hosting
from projections.cell.host.ownership import after_letting_go
from projections.cell.instance import moves
from projections.cell.state import CellState, Host

FREED_PER_DECISION_MAX = 1000
"""Bound on the facts of one decision (design section 4); the rest is freed at the host's next report."""


def decide_register(state: CellState, report: RegisterHost) -> tuple[Event, ...]:
    """Register a host, or let a fenced one be live again; what is known already leaves no trace."""
    known = state.hosts.get(report.host)
    reaches = tuple(sorted(set(report.physical_networks)))
    epoch = 1
    if known is not None:
        is_now = (known.physical_networks, known.lease_s, known.network_host)
        if known.fenced_until is None and is_now == (
            frozenset(reaches),
            report.lease_s,
            report.network_host,
        ):
            return ()
        epoch = known.epoch + (known.fenced_until is not None)
    registered = HostRegistered(
        host=report.host,
        physical_networks=reaches,
        lease_s=report.lease_s,
        network_host=report.network_host,
        epoch=epoch,
    )
    return (registered,)


def apply_registered(state: CellState, event: HostRegistered) -> None:
    """Let a host take part, and be live."""
    reaches = frozenset(event.physical_networks)
    known = state.hosts.get(event.host)
    if known is None:
        known = state.hosts[event.host] = Host(reaches, event.lease_s, event.network_host, event.epoch)
    else:
        hosting.unrank(state, event.host, known)
        known.physical_networks, known.lease_s = reaches, event.lease_s
        known.network_host, known.epoch, known.fenced_until = event.network_host, event.epoch, None
        state.fenced.pop(event.host, None)
    hosting.rank(state, event.host, known)


def apply_fenced(state: CellState, event: HostFenced, seq: int) -> None:
    """Let a host that fell silent be given nothing any more."""
    host = state.hosts[event.host]
    if host.fenced_until is not None or host.epoch != event.epoch:
        message = f"host {event.host} is fenced twice, or in epoch {event.epoch}, now {host.epoch}"
        raise InvariantBroken(message)
    hosting.unrank(state, event.host, host)
    host.fenced_until = parse_time(event.until)
    state.fenced[event.host] = seq


def decide_applied(state: CellState, report: ReportApplied) -> tuple[Event, ...] | Refusal:
    """Free the addresses and networks that waited for this host; no trace unless something does."""
    host = state.hosts.get(report.host)
    if host is None:
        message = f"Host {report.host!r} is not registered; its agent must register before it reports."
        return Refusal(code=Code.HOST_NOT_FOUND, field="host", message=message)
    if report.seq > state.seq:
        message = (
            f"Host {report.host!r} reports position {report.seq}, but the ledger ends at {state.seq}: the"
            " host follows another ledger, or this one lost records."
        )
        return Refusal(code=Code.POSITION_AHEAD, field="seq", message=message)
    events = addresses_let_go(state, report.host, host, report.seq, "applied")
    for network_id, released_seq in host.giving_up.items():
        if released_seq > report.seq or len(events) >= FREED_PER_DECISION_MAX:
            break
        events += after_letting_go(state, state.networks[network_id], "applied")
    return tuple(events)


def addresses_let_go(
    state: CellState, name: str, host: Host, up_to: int, reason: DisassociateReason
) -> list[Event]:
    """Return the events that free the addresses released up to a position that waited for this host alone."""
    let_go: list[tuple[str, int]] = []
    for allocation_id, released_seq in host.awaited.items():
        if released_seq > up_to or (len(let_go) >= FREED_PER_DECISION_MAX and released_seq != let_go[-1][1]):
            break
        let_go.append((allocation_id, released_seq))
    seq = let_go[-1][1] if let_go else 0
    if len(let_go) < FREED_PER_DECISION_MAX:
        seq = max(seq, moves.let_go_until(host, up_to))
    if not seq:
        return []
    freed = [
        disassociated(allocation, reason)
        for allocation_id, _ in let_go
        if (allocation := state.allocations[allocation_id]).waits_for == (name,)
        and not allocation.until_deadline
    ]
    return [HostApplied(host=name, seq=seq), *freed]


def apply_applied(state: CellState, event: HostApplied) -> None:
    """Let nothing that was released or moved away up to a position wait for this host any longer."""
    awaited = state.hosts[event.host].awaited
    while awaited:
        allocation_id, released_seq = next(iter(awaited.items()))
        if released_seq > event.seq:
            break
        del awaited[allocation_id]
        allocation = state.allocations[allocation_id]
        allocation.waits_for = tuple(host for host in allocation.waits_for if host != event.host)
    moves.apply_let_go(state, event.host, event.seq)
