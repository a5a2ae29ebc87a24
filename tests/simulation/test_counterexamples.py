"""The counterexamples that the protocol's sentences are for: what the real one does, and what the mutant."""

from unittest.mock import patch

import pytest

from events.ids import uuid7
from events.ledger.fold import LedgerFold
from events.record import record_kind
from projections.cell import state as cell_state
from projections.cell.window import Window
from tests.simulation.caller import Caller
from tests.simulation.line import COMMANDS, LEDGER
from tests.simulation.mutants import allocators, judges, readers
from tests.simulation.parts import Parts
from tests.simulation.plan import Plan
from tests.simulation.script import (
    decide,
    deliver,
    end,
    line_of,
    own,
    owned_world,
    spawn,
    want,
)
from tests.simulation.truth import Valid, valid_records
from tests.simulation.wishes import ADMIN, FLOATING_BLOCK, Body
from tests.simulation.world import World

CREATE_FLOATING: Body = {"type": "CreateFloatingIps.v1", "actor": ADMIN, "ip_range": FLOATING_BLOCK}
FLOAT: Body = {"type": "AllocateFloatingIp.v1", "actor": ADMIN, "project_id": "red"}


def decisions(world: World) -> list[Valid]:
    """Return the decisions that count."""
    return [one for one in valid_records(world.log.read(LEDGER, 0, end(world))) if one.is_decision]


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
    """Tell two nodes for 10 s that they should own the cell; return the share of decisions that count."""
    world = owned_world(parts)
    for node in world.nodes:
        node.ownership.assign()
    for number in range(500):
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
