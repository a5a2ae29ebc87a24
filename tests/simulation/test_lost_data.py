"""The counterexamples in which the log loses records: what the real reader does, and what the mutant.

Offsets in comments: G is the genesis record, C2 the claim of term 2, D3 the decision of seq 3.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import pytest

from events.addresses import ipv4_number
from events.ledger import follow
from services.allocator import runner_attempt
from tests.simulation.disasters import truncate
from tests.simulation.line import COMMANDS, LEDGER
from tests.simulation.mutants import allocators, judges
from tests.simulation.parts import Parts
from tests.simulation.script import (
    alarm_of,
    decide,
    deliver,
    end,
    line_of,
    own,
    owned_world,
    spawn,
    turn,
    want,
)
from tests.simulation.wishes import NETWORKS
from tests.simulation.world import World

ADDRESS = "10.0.0.4"


@contextmanager
def nobody_looks_back() -> Iterator[None]:
    """Leave out S10."""
    with ExitStack() as stack:
        for module in (follow, runner_attempt):
            stack.enter_context(patch.object(module, "check_position", lambda *_: None))
        yield


def holder(world: World) -> str | None:
    """Return which instance the reader believes to hold the address."""
    state = world.reader.state
    held = state.networks[NETWORKS[0]].pool.held if state is not None else {}
    allocation = held.get(ipv4_number(ADDRESS))
    return None if allocation is None else allocation.instance_uuid


# --- Lost tail that grows back --------------------------------------------------------------------------


def lost_tail_that_grew_back(parts: Parts | None = None) -> World:
    """G C1 D1 D2 D3 is read; D2 and D3 are lost; another owner writes C2 D2 D3 in their place, then C3 D4."""
    world = owned_world(parts)
    want(world, spawn(0), spawn(1, ADDRESS))
    decide(world, world.nodes[0])
    world.reader.poll()
    world.lossy = True
    world.nodes[0].crash()
    truncate(world, LEDGER, 2)
    world.store.truncate(COMMANDS, 1)
    world.callers[0].pending.clear()
    own(world, world.nodes[1])
    want(world, spawn(2, ADDRESS), spawn(3))
    decide(world, world.nodes[1])
    own(world, world.nodes[0])
    want(world, spawn(4))
    decide(world, world.nodes[0])
    assert end(world) == 8
    return world


def test_lost_tail_that_grows_back_stops_who_read_it() -> None:
    """The reader never saw the claim of term 2: a decision of it can only mean that records were lost."""
    world = lost_tail_that_grew_back()

    with nobody_looks_back():
        world.reader.poll()

    assert alarm_of(world.reader) == "TermNeverClaimed"
    assert holder(world) == spawn(1)["instance_uuid"]


def test_lost_tail_that_grows_back_is_found_by_looking_back_alone() -> None:
    """Without any alarm of the fold the record at the reader's own position is another one."""
    world = lost_tail_that_grew_back(Parts(fold=judges.SkipsInsteadOfAlarms))
    world.now_ms += 31_000

    world.reader.poll()

    assert alarm_of(world.reader) == "RecordChanged"


def test_lost_tail_that_grows_back_is_silent_without_alarms_and_looking_back() -> None:
    """The reader goes on and says that one instance has the address, a fresh one says another."""
    world = lost_tail_that_grew_back(Parts(fold=judges.SkipsInsteadOfAlarms))
    with nobody_looks_back():
        world.reader.poll()
        known = (alarm_of(world.reader), world.reader.reader.fold.seq, holder(world))
        world.reader.start_over()
        world.reader.poll()

    assert known == (None, 4, spawn(1)["instance_uuid"])
    assert holder(world) == spawn(2)["instance_uuid"]


def old_backup_with_the_same_terms(parts: Parts | None = None) -> World:
    """G C1 D1 C2 D2 D3 is read; G C1 D1 comes back and grows by C2 D2 D3, C3 D4 of others."""
    world = owned_world(parts)
    backup = world.store.backup()
    own(world, world.nodes[1])
    want(world, spawn(0), spawn(1, ADDRESS))
    decide(world, world.nodes[1])
    world.reader.poll()
    world.lossy = True
    for node in world.nodes:
        node.crash()
    world.callers[0].pending.clear()
    world.store.restore(backup)
    own(world, world.nodes[0])
    want(world, spawn(2, ADDRESS), spawn(3))
    decide(world, world.nodes[0])
    own(world, world.nodes[1])
    want(world, spawn(4))
    decide(world, world.nodes[1])
    return world


def test_old_backup_breaks_the_chain() -> None:
    """Terms, owner and seq fit; the chain hash of the next decision does not."""
    world = old_backup_with_the_same_terms()

    with nobody_looks_back():
        world.reader.poll()

    assert alarm_of(world.reader) == "ChainMismatch"


def test_old_backup_is_silent_without_chain_and_looking_back() -> None:
    """Without them the reader goes on as if nothing had happened."""
    world = old_backup_with_the_same_terms(Parts(fold=judges.NoChain))
    with nobody_looks_back():
        world.reader.poll()

    assert (alarm_of(world.reader), holder(world)) == (None, spawn(1)["instance_uuid"])


def old_backup_with_lower_terms() -> World:
    """G C1 D1 C2 C3 D2 is read; G C1 D1 comes back and grows by C2 and seven decisions."""
    world = owned_world()
    backup = world.store.backup()
    for node in (world.nodes[1], world.nodes[0]):
        world.nodes[0].read_back()
        own(world, node)
    want(world, spawn(1, ADDRESS))
    decide(world, world.nodes[0])
    world.reader.poll()
    world.lossy = True
    for node in world.nodes:
        node.crash()
    world.callers[0].pending.clear()
    world.store.restore(backup)
    own(world, world.nodes[1])
    want(world, spawn(2, ADDRESS), *(spawn(number) for number in range(3, 9)))
    decide(world, world.nodes[1])
    world.now_ms += 31_000
    return world


def test_old_backup_is_found_by_looking_back() -> None:
    """All that comes is of a lower term than the reader's: only its own record tells."""
    world = old_backup_with_lower_terms()
    world.reader.poll()

    assert alarm_of(world.reader) == "RecordChanged"


def test_old_backup_is_silent_without_looking_back() -> None:
    """Terms and chain alone let it skip one decision after the other (S10)."""
    world = old_backup_with_lower_terms()
    with nobody_looks_back():
        world.reader.poll()

    assert (alarm_of(world.reader), holder(world)) == (None, spawn(1)["instance_uuid"])
    assert world.reader.reader.fold.skipped == {"lower_term": 5}


@pytest.mark.parametrize("stale", [False, True])
def test_a_claim_on_lost_decisions_stops_every_reader(*, stale: bool) -> None:
    """Its base is ahead of what the log holds, whether or not the claim itself comes too late."""
    alarms: list[str | None] = []
    for fold in (Parts().fold, judges.ClaimsOnAnyBase):
        world = owned_world(Parts(fold=fold))
        claimant = world.nodes[1]
        world.reader.poll()
        want(world, spawn(0), spawn(1))
        decide(world, world.nodes[0])
        claimant.ownership.assign()
        claimant.begin()
        claimant.follow()
        claimant.follow()
        assert line_of(claimant).waiting == 1
        truncate(world, LEDGER, 2)
        world.nodes[0].crash()
        if stale:
            own(world, world.nodes[0])
        line_of(claimant).land()
        world.reader.poll()
        world.reader.poll()
        alarms.append(alarm_of(world.reader))

    assert alarms == ["BaseAhead", None]


# --- Lost tail that nobody follows ----------------------------------------------------------------------


def turns_until_answered(parts: Parts | None = None) -> int | None:
    """Lose the last append without an error; return after how many turns the caller is answered."""
    world = owned_world(parts)
    node, caller = world.nodes[0], world.callers[0]
    want(world, spawn(0))
    deliver(world)
    node.decide()
    line_of(node).lose(None, silently=True)
    for number in range(100):
        turn(world, node)
        if node.line is not None:
            node.line.land()
        caller.poll()
        if not caller.pending:
            return number
    return None


def test_lost_tail_that_nobody_follows_is_given_up_in_time() -> None:
    """The owner steps down when an append is not read back, and its successor decides the input again."""
    turns = turns_until_answered()

    assert turns is not None
    assert turns > 20  # ten seconds, half a second each


def test_lost_tail_that_nobody_follows_is_waited_for_without_a_timeout() -> None:
    """Without S4 nothing ever exposes the gap."""
    assert turns_until_answered(Parts(engine=allocators.WaitsForEver)) is None
