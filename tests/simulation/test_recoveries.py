"""What the simulation found: lost data that was noticed too late, and recoveries that did not last."""

import pytest

from events.errors import LedgerAlarm
from events.ledger.follow import LedgerReader
from events.log.port import Message
from tests.simulation.disasters import recover, truncate
from tests.simulation.line import CELL, COMMANDS, LEDGER, REPORTS
from tests.simulation.script import (
    alarm_of,
    calm_world,
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
from tests.simulation.world import World


def lost_tail() -> World:
    """Return a world whose ledger lost two decisions that the reader had read; nobody owns the cell."""
    world = owned_world()
    want(world, spawn(0), spawn(1))
    decide(world, world.nodes[0])
    world.reader.poll()
    world.lossy = True
    truncate(world, LEDGER, 2)
    return world


def test_a_reader_keeps_what_it_judged_before_an_alarm() -> None:
    """Good records and a bad one come in one batch: the good ones are handed over, then the alarm is met."""
    world = owned_world()
    want(world, spawn(0), spawn(1))
    decide(world, world.nodes[0])
    of_another_term = world.log.read(LEDGER, 4, 1)[0]
    headers = tuple((name, b"9" if name == "ce_term" else value) for name, value in of_another_term.headers)
    world.append(LEDGER, Message(headers, of_another_term.value))

    with LedgerReader(world.log, LEDGER, CELL) as reader:
        assert [decided.seq for decided in reader.poll(timeout_s=0.0)] == [1, 2, 3]
        for _ in range(2):
            with pytest.raises(LedgerAlarm, match="term 9"):
                reader.poll(timeout_s=0.0)


def test_a_new_epoch_deposes_a_living_owner() -> None:
    """What the owner has in flight when an operator begins a new epoch does not count, and stops nobody."""
    world = owned_world()
    node = world.nodes[0]
    want(world, spawn(0))
    deliver(world)
    node.decide()
    recover(world)
    line_of(node).land()
    node.read_back()
    world.reader.poll()

    assert alarm_of(world.reader) is None
    assert world.reader.reader.fold.seq == 1
    assert node.engine is not None
    assert node.engine.stepped_down_because == "an operator began a new history epoch"
    own(world, node)
    decide(world, node)
    world.reader.poll()
    assert world.reader.reader.fold.seq == 2


def test_what_is_left_of_lost_terms_does_not_count() -> None:
    """A claim and a decision of terms that were lost land after the recovery: they are late, no alarm."""
    world = owned_world()
    zombie, claimant = world.nodes
    world.reader.poll()
    want(world, spawn(0))
    decide(world, zombie)
    own(world, claimant)
    claimant.crash()
    zombie.read_back()
    own(world, zombie)
    want(world, spawn(1))
    deliver(world)
    zombie.decide()
    claimant.down = False
    claimant.begin()
    claimant.follow()
    claimant.follow()
    truncate(world, LEDGER, 3)
    recover(world)
    world.reader.poll()
    for node in world.nodes:
        line_of(node).land()
    world.reader.poll()

    assert end(world) == 6
    assert alarm_of(world.reader) is None
    assert world.reader.reader.fold.skipped == {"lower_term": 1, "stale_claim": 1}


def test_a_reader_that_lost_its_place_rebuilds_after_a_recovery() -> None:
    """Its own position holds another record; the operator's epoch tells it to read from the start."""
    world = lost_tail()
    node = world.nodes[0]
    node.crash()
    own(world, node)
    want(world, *(spawn(number) for number in (2, 3, 4)))
    decide(world, node)
    world.now_ms += 31_000
    world.reader.poll()
    assert alarm_of(world.reader) == "RecordChanged"

    recover(world)
    world.reader.poll()
    world.reader.poll()

    assert alarm_of(world.reader) is None
    assert world.reader.state is not None
    assert spawn(4)["instance_uuid"] in world.reader.state.instances


def test_a_reader_ahead_of_a_cut_ledger_rebuilds_after_a_recovery() -> None:
    """The ledger ends before its position."""
    world = lost_tail()
    world.now_ms += 31_000
    world.reader.poll()
    assert alarm_of(world.reader) == "LogTruncated"

    recover(world)
    world.reader.poll()
    world.reader.poll()

    assert alarm_of(world.reader) is None
    assert world.reader.reader.fold.seq == 1


def test_a_lost_record_that_did_not_count_is_noticed() -> None:
    """A decision came in its place, which the reader never sees; all that follows is after a gap."""
    world = owned_world()
    world.reader.poll()
    world.echo(1)
    world.reader.poll()
    truncate(world, LEDGER, 1)
    want(world, spawn(0), spawn(1))
    decide(world, world.nodes[0])
    world.reader.poll()
    assert world.reader.reader.fold.skipped == {"stale_claim": 1, "after_a_gap": 1}

    world.now_ms += 31_000
    world.reader.poll()

    assert alarm_of(world.reader) == "RecordChanged"


def test_an_allocator_does_not_wait_for_a_tail_that_was_lost_while_it_caught_up() -> None:
    """Where the ledger ended when it began is no longer there; what is there now is all there is."""
    world = owned_world()
    want(world, *(spawn(number) for number in range(4)))
    decide(world, world.nodes[0])
    world.nodes[0].crash()
    late = world.nodes[1]
    late.begin()
    late.follow(limit=2)
    truncate(world, LEDGER, 3)

    own(world, late)

    assert late.engine is not None
    assert late.engine.fold.seq == 2


def test_an_owner_whose_ledger_is_cut_stops() -> None:
    """The log adapter says that the next offset is not there."""
    world = owned_world()
    truncate(world, LEDGER, 1)
    world.nodes[0].read_back()

    assert alarm_of(world.nodes[0]) == "LogTruncated"


def test_an_owner_whose_undecided_input_is_cut_stops() -> None:
    """Commands that nobody decided are gone."""
    world = owned_world()
    want(world, spawn(0), spawn(1))
    deliver(world)
    world.store.trim(COMMANDS, 2)
    world.nodes[0].decide()

    assert alarm_of(world.nodes[0]) == "InputTrimmed"


@pytest.mark.parametrize("where", [COMMANDS, REPORTS])
def test_an_owner_notices_a_replaced_input(where: object) -> None:
    """The topic of its offsets is another one: it looks again now and then (S11)."""
    world = owned_world()
    topic = COMMANDS if where == COMMANDS else REPORTS
    world.store.replace_topic(topic.topic)
    world.append(topic, Message((), b"{}"))
    world.now_ms += 31_000
    world.nodes[0].tick()

    assert alarm_of(world.nodes[0]) == "InputReplaced"


def test_an_allocator_claims_nothing_in_a_replaced_ledger() -> None:
    """It holds no genesis record; only an operator begins a ledger."""
    world = calm_world()
    world.store.replace_topic(LEDGER.topic)
    node = world.nodes[0]
    node.ownership.assign()
    for _ in range(4):
        if node.stopped_by is None:
            turn(world, node)

    assert alarm_of(node) == "LedgerMissing"
