"""Hosts that fell silent: fenced first, and relieved of what they served once they cannot do it any more.

When a host was last heard is no fact of the ledger. Who decides keeps it beside the state, on a monotonic
clock (`services.allocator.liveness`), and says what is due; too late is always safe (docs/adr/0021).
"""

from typing import NamedTuple

from events.clock import time_text
from events.hosts import HostFenced
from events.model import Event
from projections.cell.host.hosting import released
from projections.cell.host.hosts import addresses_let_go
from projections.cell.host.ownership import after_letting_go
from projections.cell.state import CellState, Host, Rules

RELEASED_PER_DECISION_MAX = 1000
"""Bound on the facts of one decision (design section 4); the timer comes again at once for the rest."""


class Silence(NamedTuple):
    """What has lasted long enough, by the clock of who decides."""

    hosts: tuple[str, ...] = ()
    """Live hosts that were not heard for their lease and the margin."""
    fences: tuple[str, ...] = ()
    """Hosts whose fence has been in the ledger for their lease and the margin."""
    leavings: tuple[str, ...] = ()
    """Networks whose release has been in the ledger for their last owner's lease and the margin."""


NO_SILENCE = Silence()


def wait_ms(host: Host, rules: Rules) -> int:
    """Return how long a host that reads nothing may go on with what only one host may do, and the margin."""
    return (host.lease_s + rules.lease_margin) * 1000


def decide(state: CellState, rules: Rules, now_ms: int, silence: Silence) -> tuple[Event, ...]:
    """Fence who is silent; once a fence has run out, free what waits for its host and offer its networks."""
    fenced = [
        HostFenced(host=name, epoch=host.epoch, until=time_text(now_ms + wait_ms(host, rules)))
        for name in silence.hosts
        if (host := state.hosts[name]).fenced_until is None
    ]
    if fenced:
        return tuple(fenced[:RELEASED_PER_DECISION_MAX])
    for name in silence.fences:
        relieved = _relieved(state, name) if name in state.fenced else []
        if relieved:
            return tuple(relieved)
    events: list[Event] = []
    for network_id in silence.leavings:
        if network_id in state.leaving and len(events) < RELEASED_PER_DECISION_MAX:
            events += after_letting_go(state, state.networks[network_id], "timeout", events)
    return tuple(events)


def _relieved(state: CellState, name: str) -> list[Event]:
    """Return the next events that take from a fenced host what it served: its addresses first."""
    host = state.hosts[name]
    freed = addresses_let_go(state, name, host, state.seq, "fenced")
    if freed:
        return freed
    owned = list(host.networks)[:RELEASED_PER_DECISION_MAX]
    return [released(state.networks[network_id], "fenced") for network_id in owned]
