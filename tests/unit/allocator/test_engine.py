"""One owner decides, ahead of what is read back, once its claim has come back (S1, S11, S12)."""

import pytest

from events.errors import InvariantBroken, LedgerAlarm, LedgerMissing
from events.ledger.fold import Alarm
from events.log.port import Message
from events.record import record_digest
from events.refusals import Code
from services.allocator.engine import READBACK_TIMEOUT_MS, Phase
from tests.unit.allocator.hand import (
    PAUSE_MS,
    STRANGER,
    Hand,
    ask,
    headers_of,
    identities,
    owner_id,
    recovery,
    rival,
)
from tests.unit.wishes import create

# --- Claiming -------------------------------------------------------------------------------------------


def test_an_owner_claims_and_owns_when_its_claim_comes_back() -> None:
    """Not when it is appended (S1)."""
    hand = Hand().start()
    hand.read_back()
    hand.tick()
    assert hand.phase() is Phase.CLAIMING
    assert hand.engine.room == 0
    hand.land()
    assert hand.phase() is Phase.CLAIMING
    hand.read_back()

    assert hand.phase() is Phase.OWNING
    assert (hand.engine.fold.term, hand.engine.fold.owner) == (1, owner_id(1))


@pytest.mark.parametrize(("assigned", "caught_up"), [(False, True), (True, False), (False, False)])
def test_nobody_claims_unasked_or_half_read(assigned: bool, caught_up: bool) -> None:  # noqa: FBT001 - a table
    """Only who is assigned the cell and has read its ledger to the end."""
    hand = Hand().start()
    hand.read_back()
    hand.tick(assigned=assigned, caught_up=caught_up)

    assert hand.phase() is Phase.FOLLOWING
    assert hand.take() == []


def test_a_successor_waits_before_it_claims() -> None:
    """Until the time that it was given."""
    hand = Hand()
    hand.start(claim_not_before_ms=hand.now_ms + 100).read_back()
    hand.tick(99)
    assert hand.phase() is Phase.FOLLOWING
    hand.tick(1)

    assert hand.phase() is Phase.CLAIMING


def test_a_ledger_that_was_never_initialised_is_not_claimed() -> None:
    """An empty topic does not make a ledger (S11)."""
    hand = Hand(genesis=False).start()
    hand.read_back()

    with pytest.raises(LedgerMissing, match="ledger init"):
        hand.tick()


def test_each_claim_has_an_owner_of_its_own() -> None:
    """Also of the same process (S1)."""
    hand = Hand().own()
    hand.own()

    assert [headers_of(hand.ledger[offset])["ce_id"] for offset in (1, 2)] == [owner_id(1), owner_id(2)]
    assert hand.engine.fold.term == 2


def test_the_loser_of_a_race_follows_and_waits() -> None:
    """Somebody else's claim of the same term came first; ours comes back stale."""
    hand = Hand().start()
    hand.read_back()
    hand.tick()
    hand.take()
    hand.append(rival(hand, term=1))
    hand.land()
    hand.read_back()
    assert hand.phase() is Phase.FOLLOWING
    assert hand.engine.fold.owner == STRANGER

    hand.tick(PAUSE_MS - 1)
    assert hand.phase() is Phase.FOLLOWING
    hand.tick(1)
    assert hand.phase() is Phase.CLAIMING
    hand.land()
    hand.read_back()
    assert (hand.phase(), hand.engine.fold.term) == (Phase.OWNING, 2)


def test_a_claim_that_comes_back_stale_is_lost() -> None:
    """Its term was taken before it was written."""
    hand = Hand().start()
    hand.read_back()
    hand.tick()
    (claim,) = hand.lose()
    hand.append(rival(hand, term=1))
    hand.append(claim)
    hand.read_back()

    assert hand.phase() is Phase.FOLLOWING


def test_somebody_elses_stale_claim_changes_nothing() -> None:
    """It was late; ours is still on its way."""
    hand = Hand().own()
    hand.start().read_back()
    hand.tick()
    hand.append(rival(hand, term=1))
    hand.read_back()
    assert hand.phase() is Phase.CLAIMING
    hand.land()
    hand.read_back()

    assert hand.phase() is Phase.OWNING


def test_a_claim_that_a_new_epoch_overtakes_is_given_up() -> None:
    """An operator led on while it was on its way; a successor claims anew."""
    hand = Hand().own()
    position = hand.engine.fold.position()
    hand.start().read_back()
    hand.tick()
    hand.take()
    hand.append(recovery(position, hand.now_ms))
    hand.land()
    hand.read_back()

    assert hand.phase() is Phase.STEPPED_DOWN
    hand.own()
    assert hand.engine.fold.epoch == 1


def test_a_claim_that_never_comes_back_is_given_up() -> None:
    """Its outcome is unknown (S4)."""
    hand = Hand().start()
    hand.read_back()
    hand.tick()
    hand.lose()
    hand.tick(READBACK_TIMEOUT_MS)
    assert hand.phase() is Phase.CLAIMING
    hand.tick(1)

    assert hand.phase() is Phase.STEPPED_DOWN
    assert "claim" in hand.engine.stepped_down_because


def test_a_claim_that_lands_after_it_was_given_up_owns_nothing() -> None:
    """Its successor has another owner id, sees a term claimed by nobody it knows, and claims the next one."""
    hand = Hand().start()
    hand.read_back()
    hand.tick()
    (late,) = hand.lose()
    hand.tick(READBACK_TIMEOUT_MS + 1)
    hand.append(late)
    hand.own()

    assert (hand.engine.fold.term, hand.engine.fold.owner) == (2, owner_id(2))


# --- Deciding ahead -------------------------------------------------------------------------------------


def test_decisions_run_ahead_of_what_is_read_back() -> None:
    """Each builds on the one before, which is still on its way."""
    hand = Hand().own()
    ask(hand, 1, 2, 3)

    assert len(hand.take()) == 3
    assert len(hand.engine.in_flight) == 3
    assert hand.engine.fold.seq == 0
    hand.land()
    hand.read_back()
    assert (hand.engine.fold.seq, hand.engine.decided, len(hand.engine.in_flight)) == (3, 3, 0)


def test_what_is_in_flight_is_bounded() -> None:
    """There is room again when something has been read back."""
    hand = Hand().own(in_flight_max=2)
    ask(hand, 1, 2, 3, 4)
    assert (hand.engine.room, len(hand.take())) == (0, 2)
    hand.land(1)
    hand.read_back()
    assert hand.engine.room == 1
    hand.settle()

    assert hand.engine.fold.seq == 4


def test_reading_back_goes_record_by_record() -> None:
    """In pieces of any size."""
    hand = Hand().own()
    ask(hand, 1, 2, 3)
    for seq in (1, 2, 3):
        hand.land(1)
        hand.read_back()
        assert hand.engine.fold.seq == seq

    assert hand.phase() is Phase.OWNING


def test_an_input_that_was_decided_is_not_decided_again() -> None:
    """The driver may give it twice."""
    hand = Hand().own()
    ask(hand, 1)
    hand.engine.read_input("commands", hand.inputs["commands"], hand.now_ms)

    assert len(hand.take()) == 1


def test_only_an_owner_decides() -> None:
    """Whoever follows is given inputs in vain."""
    hand = Hand().start()
    hand.read_back()
    record = hand.put_wish(create())
    hand.engine.read_input("commands", [record], hand.now_ms)

    assert hand.take() == []
    with pytest.raises(InvariantBroken, match="before the cell is owned"):
        hand.engine.resume_offset("commands")


# --- The inputs -----------------------------------------------------------------------------------------


def test_a_replaced_input_topic_stops_the_cell() -> None:
    """Its offsets mean something else; an operator has to look (S11)."""
    hand = Hand().own()
    hand.say(create())
    hand.start(inputs=identities(commands="new")).read_back()

    with pytest.raises(LedgerAlarm, match="deleted and created again") as alarm:
        hand.tick()
    assert alarm.value.reason == Alarm.INPUT_REPLACED


def test_an_input_that_is_what_it_was_may_be_resumed() -> None:
    """The record at the last decided offset has the digest that was recorded (S12)."""
    hand = Hand().own()
    hand.say(create())
    hand.own()

    hand.engine.check_resume("commands", 0, hand.inputs["commands"][0])
    hand.engine.check_resume("reports", 0, None)


def test_an_input_trimmed_up_to_what_was_decided_may_be_resumed() -> None:
    """Retention took what was not needed any more."""
    hand = Hand().own()
    hand.say(create())
    hand.own()

    hand.engine.check_resume("commands", 1, None)


def test_an_input_that_lost_what_was_not_decided_stops_the_cell() -> None:
    """Commands are gone that nobody answered (S12)."""
    hand = Hand().own()
    hand.say(create())
    hand.own()

    with pytest.raises(LedgerAlarm, match="1 is not decided yet") as alarm:
        hand.engine.check_resume("commands", 2, None)
    assert alarm.value.reason == Alarm.INPUT_TRIMMED


def test_an_input_that_holds_something_else_stops_the_cell() -> None:
    """It lost records, and others grew in their place; or it ends before (S12)."""
    hand = Hand().own()
    hand.say(create())
    other = hand.put_wish(create("other", "10.1.0.0/24"))
    hand.own()

    for record in (other, None):
        with pytest.raises(LedgerAlarm, match="ledger recover") as alarm:
            hand.engine.check_resume("commands", 0, record)
        assert alarm.value.reason == Alarm.INPUT_REPLACED


def test_an_alarm_of_the_ledger_reaches_the_driver() -> None:
    """The cell stops; the engine does not go on by itself."""
    hand = Hand().own()
    hand.append(rival(hand, term=9))

    with pytest.raises(LedgerAlarm) as alarm:
        hand.read_back()
    assert alarm.value.reason == Alarm.TERM_SKIPPED


def test_counters_tell_refusals_by_code() -> None:
    """For metrics; of the present term."""
    hand = Hand().own()
    hand.say(create(), create(), create())
    hand.say_raw("commands", b"x")
    hand.say_raw("commands", hand.inputs["commands"][0].value)

    assert hand.engine.counters == {
        f"refused.{Code.NETWORK_EXISTS}": 2,
        f"refused.{Code.MALFORMED_COMMAND}": 1,
        "repeated": 1,
    }


def test_the_position_is_what_was_read_back() -> None:
    """Not what was decided ahead; its digest is that of the record there."""
    hand = Hand().own()
    ask(hand, 1)
    assert hand.engine.position().seq == 0
    hand.land()
    hand.read_back()
    last = hand.ledger[-1]

    assert hand.engine.position().seq == 1
    assert hand.engine.position().last_digest == record_digest(Message(last.headers, last.value)).hex()
