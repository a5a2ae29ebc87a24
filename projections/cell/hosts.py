"""Hosts: who takes part, and how far each has let go of what was released."""

from events.hosts import HostApplied, HostRegistered, RegisterHost, ReportApplied
from events.model import Event
from events.refusals import Code, Refusal
from projections.cell import moves
from projections.cell.fixed_ips import disassociated
from projections.cell.state import CellState, Host

FREED_PER_DECISION_MAX = 1000
"""Bound on the facts of one decision (design section 4); the rest is freed at the host's next report."""


def decide_register(state: CellState, report: RegisterHost) -> tuple[Event, ...]:
    """Register a host; what is known already leaves no trace."""
    known = state.hosts.get(report.host)
    reaches = tuple(sorted(set(report.physical_networks)))
    if known is not None and known.physical_networks == set(reaches):
        return ()
    return (HostRegistered(host=report.host, physical_networks=reaches),)


def apply_registered(state: CellState, event: HostRegistered) -> None:
    """Let a host take part."""
    known = state.hosts.get(event.host)
    if known is None:
        state.hosts[event.host] = Host(frozenset(event.physical_networks))
    else:
        known.physical_networks = frozenset(event.physical_networks)


def decide_applied(state: CellState, report: ReportApplied) -> tuple[Event, ...] | Refusal:
    """Free the addresses that waited for this host alone; no trace unless something waits for it."""
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
    let_go: list[tuple[str, int]] = []
    for allocation_id, released_seq in host.awaited.items():
        if released_seq > report.seq or (
            len(let_go) >= FREED_PER_DECISION_MAX and released_seq != let_go[-1][1]
        ):
            break
        let_go.append((allocation_id, released_seq))
    seq = let_go[-1][1] if let_go else 0
    if len(let_go) < FREED_PER_DECISION_MAX:
        seq = max(seq, moves.let_go_until(host, report.seq))
    if not seq:
        return ()
    freed = [
        disassociated(state.allocations[allocation_id], "applied")
        for allocation_id, _ in let_go
        if state.allocations[allocation_id].waits_for == (report.host,)
    ]
    return (HostApplied(host=report.host, seq=seq), *freed)


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
