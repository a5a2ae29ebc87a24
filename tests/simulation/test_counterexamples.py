"""The counterexamples that the protocol's sentences are for: what the real one does, and what the mutant.

Offsets in comments: G is the genesis record, C2 the claim of term 2, D3 the decision of seq 3.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import pytest

from events.addresses import ipv4_number
from events.ids import uuid7
from events.ledger import follow
from events.ledger.fold import LedgerFold
from events.record import record_kind
from projections.cell import state as cell_state
from projections.cell.window import Window
from services.allocator import runner_attempt
from tests.simulation.caller import Caller
from tests.simulation.disasters import truncate
from tests.simulation.line import COMMANDS, LEDGER
from tests.simulation.mutants import allocators, judges, readers
from tests.simulation.parts import Parts
from tests.simulation.plan import Plan
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
from tests.simulation.truth import Valid, valid_records
from tests.simulation.wishes import ADMIN, FLOATING_BLOCK, NETWORKS, Body
from tests.simulation.world import World

ADDRESS = "10.0.0.4"
CREATE_FLOATING: Body = {"type": "CreateFloatingIps.v1", "actor": ADMIN, "ip_range": FLOATING_BLOCK}
FLOAT: Body = {"type": "AllocateFloatingIp.v1", "actor": ADMIN, "project_id": "red"}


@contextmanager
def nobody_looks_back() -> Iterator[None]:
    """Leave out S10."""
    with ExitStack() as stack:
        for module in (follow, runner_attempt):
            stack.enter_context(patch.object(module, "check_position", lambda *_: None))
        yield


def decisions(world: World) -> list[Valid]:
    """Return the decisions that count."""
    return [one for one in valid_records(world.log.read(LEDGER, 0, end(world))) if one.is_decision]


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


# --- One owner id for two processes ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "owners"),
    [(Parts(), 1), (Parts(new_owner=allocators.one_owner_id_for_all), 2)],
    ids=["real", "mutant"],
)
def test_one_owner_id_for_two_processes(parts: Parts, owners: int) -> None:
    """Both claim term 1; with one id for both, both believe that the claim which counts is theirs."""
    world = World(0, parts, Plan())
    world.calm = True
    for node in world.nodes:
        node.ownership.assign()
        node.begin()
        node.follow()
        node.follow()
    for node in world.nodes:
        line_of(node).land()
    for node in world.nodes:
        node.follow()

    assert sum(node.owning for node in world.nodes) == owners


# --- Late duplicates ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fold", [Parts().fold, judges.ClaimsOfAnyTerm], ids=["real", "mutant"])
def test_late_duplicate_of_an_old_claim(fold: type[LedgerFold]) -> None:
    """It changes nothing: the term check of claims holds it off."""
    world = owned_world(Parts(fold=fold))
    own(world, world.nodes[1])
    world.echo(1)
    world.nodes[1].read_back()
    world.reader.poll()

    unharmed = world.nodes[1].owning and world.reader.reader.fold.term == 2
    assert unharmed == (fold is Parts().fold)


@pytest.mark.parametrize("forgetful", [False, True])
def test_late_duplicate_after_eviction(*, forgetful: bool) -> None:
    """An id older than the window is refused; who forgot that it forgot decides it twice."""
    window = allocators.ForgetsThatItForgot if forgetful else Window
    with patch.object(cell_state, "Window", window):
        world = owned_world(plan=Plan(window_commands=3))
        want(world, CREATE_FLOATING, FLOAT)
        decide(world, world.nodes[0])
        late = world.log.read(COMMANDS, 2, 1)[0].value
        want(world, *(spawn(number) for number in range(3)))
        decide(world, world.nodes[0])
        world.post(COMMANDS, late)
        decide(world, world.nodes[0])

    last = decisions(world)[-1].body
    if forgetful:
        assert last["events"][0]["type"] == "FloatingIpAllocated.v1"
    else:
        assert last["refusal"]["code"] == "CommandTooOld"


@pytest.mark.parametrize(
    ("parts", "granted"), [(Parts(), 1), (Parts(caller=readers.StampsRetriesAnew), 2)], ids=["real", "mutant"]
)
def test_a_retry_keeps_its_id(parts: Parts, granted: int) -> None:
    """A repeat is known for one; under a new id it is another wish."""
    world = owned_world(parts)
    caller = world.callers[0]
    caller.pending.clear()
    want(world, CREATE_FLOATING, FLOAT)
    caller.repeat(list(caller.pending)[-1])
    decide(world, world.nodes[0])

    kinds = [event["type"] for one in decisions(world) for event in one.body.get("events", ())]
    assert kinds.count("FloatingIpAllocated.v1") == granted


def test_a_zombies_timer_frees_nothing_twice() -> None:
    """Two owners' timers find the same deadline; the one of the lower term does not count."""
    world = owned_world()
    zombie, successor = world.nodes
    world.hosts[0].report("RegisterHost.v1")
    body = {**spawn(0), "host": "h1"}
    want(world, body, {"type": "DeleteInstance.v1", "actor": ADMIN, "instance_uuid": body["instance_uuid"]})
    decide(world, zombie)
    own(world, successor)
    world.now_ms += 60_000
    zombie.tick()
    successor.tick()
    for node in (successor, zombie):
        line_of(node).land()
    successor.read_back()
    zombie.read_back()

    freed = [event["type"] for one in decisions(world) for event in one.body.get("events", ())]
    assert freed.count("FixedIpDisassociated.v1") == 1
    assert zombie.engine is not None
    assert zombie.engine.phase == "stepped_down"


# --- Duel -----------------------------------------------------------------------------------------------


def valid_in_a_duel(parts: Parts) -> float:
    """Tell two nodes for 20 s that they should own the cell; return the share of decisions that count."""
    world = owned_world(parts)
    for node in world.nodes:
        node.ownership.assign()
    for number in range(1000):
        world.now_ms += 20
        world.post(COMMANDS, b'{"number": %d}' % number)
        deliver(world)
        for node in world.nodes:
            if node.owning:
                node.decide()
                node.read_back()
            else:
                node.step()
        for node in world.nodes:
            if node.line is not None:
                node.line.land()
    kinds = [record_kind(record.headers) for record in world.log.read(LEDGER, 0, end(world))]
    return len(decisions(world)) / kinds.count("decision")


def test_a_duel_is_bearable_with_a_random_pause() -> None:
    """Of owners that claim again at once many decisions do not count; after a random pause nearly all do."""
    paused, at_once = (valid_in_a_duel(parts) for parts in (Parts(), Parts(pause_ms=allocators.no_pause)))

    assert paused > 0.95
    assert at_once < 0.8


# --- Callers --------------------------------------------------------------------------------------------


def told_by_a_zombie(caller: type[Caller]) -> tuple[int, int]:
    """A deposed owner's decision on a command lands first, under another seq than the one that counts.

    Returns the seq that the caller believes, and the true one.
    """
    world = owned_world(Parts(caller=caller))
    one, (zombie, successor) = world.callers[0], world.nodes
    one.poll()
    world.hosts[0].report("RegisterHost.v1")
    deliver(world)
    zombie.decide()
    (key,) = want(world, spawn(0))
    deliver(world)
    zombie.decide()
    own(world, successor)
    one.restart()
    line_of(zombie).land()
    one.poll()
    decide(world, successor)
    one.poll()
    true = next(one.seq for one in decisions(world) if one.fields.get("ce_commandid") == key.command_id)
    return next(answer.seq for answer in one.answers if answer.key == key), true


def test_a_caller_judges() -> None:
    """Its answer is the valid record."""
    assert told_by_a_zombie(Caller) == (2, 2)


@pytest.mark.parametrize("caller", [readers.DoesNotJudge, readers.StartsAnywhere])
def test_a_caller_that_cannot_judge_is_told_something_else(caller: type[Caller]) -> None:
    """It believes every record with its id, or starts in the middle without a stored position."""
    assert told_by_a_zombie(caller) == (3, 2)


@pytest.mark.parametrize("caller", [Caller, readers.MatchesTheIdAlone])
def test_a_caller_compares_the_body(caller: type[Caller]) -> None:
    """Another body was decided under its id: without the digest it takes that answer for its own."""
    world = owned_world(Parts(caller=caller))
    one, other = world.callers
    command_id = uuid7(world.now_ms, 1)
    other.send(0, spawn(0), command_id)
    key = one.send(1, spawn(1), command_id)
    decide(world, world.nodes[0])
    one.poll()
    one.poll()

    answer = next(answer for answer in one.answers if answer.key == key)
    assert (answer.seq, answer.granted) == ((3, False) if caller is Caller else (2, True))
