"""When hosts count as silent, by the allocator's own monotonic clock."""

from events.hosts import HostFenced
from projections.cell.host.fences import NO_SILENCE, Silence, wait_ms
from projections.cell.host.ownership import release_host
from projections.cell.state import Rules
from services.allocator.liveness import LOOK_EVERY_MS, Liveness
from tests.unit.given import Scenario, given
from tests.unit.wishes import claim, create, register, uid

RULES = Rules(lease_margin=10)
START = 5_000
WAIT = 40_000
"""Lease and margin."""


def cell() -> Scenario:
    """Return a cell with two hosts, of which one owns a network."""
    return given(create(), register("h1"), register("h2"), claim("h1"), rules=RULES)


def fenced(scenario: Scenario) -> int:
    """Fence the first host; returns the seq of the fence."""
    scenario.happens(HostFenced(host="h1", epoch=1, until="2027-01-01T00:00:00.000Z"))
    return scenario.state.seq


def test_a_host_is_silent_after_its_lease_and_the_margin() -> None:
    """Counted from when it was heard last."""
    state, liveness = cell().state, Liveness(RULES, START)
    liveness.hear("h2", START + 1_000)

    assert wait_ms(state.hosts["h1"], RULES) == WAIT
    assert liveness.look(state, state.seq, START + WAIT - LOOK_EVERY_MS) == NO_SILENCE
    assert liveness.look(state, state.seq, START + WAIT) == Silence(hosts=("h1",))
    assert liveness.look(state, state.seq, START + WAIT + 1_000) == Silence(hosts=("h1", "h2"))


def test_an_allocator_that_begins_counts_from_its_own_beginning() -> None:
    """A restart only delays: nobody was heard by it, and nobody is silent yet."""
    state = cell().state

    assert Liveness(RULES, START).look(state, state.seq, START + WAIT - 1) == NO_SILENCE


def test_a_fence_runs_out_by_the_clock_of_who_saw_it_in_the_ledger() -> None:
    """Not before it was read back, and not by the time that it names."""
    scenario, liveness = cell(), Liveness(RULES, START)
    seq = fenced(scenario)
    liveness.hear("h2", START + 10 * WAIT)
    assert liveness.look(scenario.state, seq - 1, START + WAIT).fences == ()
    assert liveness.look(scenario.state, seq, START + 2 * WAIT).fences == ()
    assert liveness.look(scenario.state, seq, START + 3 * WAIT - 1).fences == ()
    assert liveness.look(scenario.state, seq, START + 4 * WAIT).fences == ("h1",)


def test_the_next_fence_of_a_host_is_counted_anew() -> None:
    """A fence that ended leaves nothing behind."""
    scenario, liveness = cell(), Liveness(RULES, START)
    liveness.hear("h1", START + 10 * WAIT)
    liveness.hear("h2", START + 10 * WAIT)
    seq = fenced(scenario)
    liveness.look(scenario.state, seq, START + WAIT)
    scenario.happens(register("h1"))
    liveness.look(scenario.state, scenario.state.seq, START + 2 * WAIT)
    scenario.happens(HostFenced(host="h1", epoch=2, until="2027-01-01T00:00:00.000Z"))

    assert liveness.look(scenario.state, scenario.state.seq, START + 3 * WAIT).fences == ()


def test_a_release_by_hand_runs_out_likewise() -> None:
    """For the owner that reads nothing: after its lease it serves nothing."""
    scenario, liveness = cell(), Liveness(RULES, START)
    scenario.happens(*release_host(scenario.state.networks[uid("net")]))
    for host in ("h1", "h2"):
        liveness.hear(host, START + 10 * WAIT)
    seq = scenario.state.seq

    assert liveness.look(scenario.state, seq, START + 1_000).leavings == ()
    assert liveness.look(scenario.state, seq, START + 1_000 + WAIT).leavings == (uid("net"),)
