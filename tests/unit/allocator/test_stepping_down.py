"""An owner that cannot be sure steps down, and its successor goes on where the ledger ends (S3, S4)."""

from collections.abc import Callable

import pytest

from events.errors import InvariantBroken
from events.log.port import Message
from services.allocator import engine as engines
from services.allocator.engine import READBACK_TIMEOUT_MS, Phase
from tests.unit.allocator.hand import STRANGER, Hand, ask, recovery, rival
from tests.unit.wishes import create, register

# --- Stepping down ----------------------------------------------------------------------------------------


def deposed(hand: Hand) -> None:
    """Let somebody else claim the next term."""
    hand.append(rival(hand, term=2))
    hand.read_back()


def led_on(hand: Hand) -> None:
    """Let an operator begin a new history epoch."""
    hand.append(recovery(hand.engine.fold.position(), hand.now_ms))
    hand.read_back()


STEPS_DOWN: dict[str, tuple[str, Callable[[Hand], None]]] = {
    "somebody claims a higher term": (STRANGER, deposed),
    "an operator leads on": ("history epoch", led_on),
    "it is no longer assigned": ("assigned", lambda hand: hand.tick(assigned=False)),
    "an append fails": ("disk full", lambda hand: hand.engine.append_failed("disk full")),
    "an append is not read back": ("read back in time", lambda hand: hand.tick(READBACK_TIMEOUT_MS + 1)),
}


@pytest.mark.parametrize(("because", "happens"), STEPS_DOWN.values(), ids=STEPS_DOWN)
def test_an_owner_in_doubt_steps_down(because: str, happens: Callable[[Hand], None]) -> None:
    """It appends nothing more, decides nothing more, and says why."""
    hand = Hand().own()
    ask(hand, 1)
    happens(hand)

    assert hand.phase() is Phase.STEPPED_DOWN
    assert because in hand.engine.stepped_down_because
    assert hand.engine.room == 0
    assert hand.engine.take_appends() == []
    ask(hand, 2)
    hand.tick(1)
    assert hand.engine.take_appends() == []


def test_an_append_within_its_time_is_waited_for() -> None:
    """Up to the limit, counted from the decision."""
    hand = Hand().own()
    ask(hand, 1)
    hand.tick(READBACK_TIMEOUT_MS)
    assert hand.phase() is Phase.OWNING
    hand.land()
    hand.read_back()
    hand.tick(READBACK_TIMEOUT_MS)

    assert hand.phase() is Phase.OWNING


def test_an_idle_owner_waits_for_nothing() -> None:
    """However long."""
    hand = Hand().own()
    hand.tick(100 * READBACK_TIMEOUT_MS)

    assert hand.phase() is Phase.OWNING


def test_a_lost_append_makes_the_next_one_come_back_invalid() -> None:
    """A hole in the seq: the rest does not count, and the owner steps down (S3)."""
    hand = Hand().own()
    ask(hand, 1, 2)
    hand.take()
    del hand.on_their_way[0]
    hand.land()
    hand.read_back()

    assert hand.phase() is Phase.STEPPED_DOWN
    assert "after_a_gap" in hand.engine.stepped_down_because
    hand.own().settle()
    assert [refusal for refusal in hand.refusals() if refusal] == []
    assert hand.engine.fold.seq == 2


def test_a_deposed_owners_late_append_is_decided_again_by_the_next() -> None:
    """Once: its own record does not count."""
    hand = Hand().own()
    ask(hand, 1)
    (late,) = hand.lose()
    hand.append(rival(hand, term=2))
    hand.append(late)
    hand.read_back()
    assert hand.phase() is Phase.STEPPED_DOWN
    hand.own().settle()

    assert len(hand.outcomes()) == 1
    assert hand.engine.fold.term == 3


def test_its_own_duplicate_is_no_reason_to_step_down() -> None:
    """A log may take an append twice; identical bytes of a seq that was read back are ignored (S3)."""
    hand = Hand().own()
    ask(hand, 1, 2)
    first, second = hand.land()
    hand.append(Message(first.headers, first.value))
    hand.append(Message(second.headers, second.value))
    hand.read_back()

    assert hand.phase() is Phase.OWNING
    assert hand.engine.fold.skipped.total() == 2


def test_its_own_seq_with_other_bytes_is() -> None:
    """A seq is never used twice in a term; who sees it used twice is not alone (S3)."""
    hand = Hand().own()
    ask(hand, 1)
    (record,) = hand.land()
    hand.read_back()
    hand.append(Message(record.headers, record.value + b" "))
    hand.read_back()

    assert hand.phase() is Phase.STEPPED_DOWN
    assert "duplicate" in hand.engine.stepped_down_because


def test_a_duplicate_beyond_memory_makes_it_step_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of own records is bounded, and doubt is safe."""
    monkeypatch.setattr(engines, "_OWN_DIGESTS_MAX", 1)
    hand = Hand().own()
    ask(hand, 1, 2)
    first, _ = hand.land()
    hand.append(Message(first.headers, first.value))
    hand.read_back()

    assert hand.phase() is Phase.STEPPED_DOWN


def test_a_late_duplicate_of_its_own_claim_is_nothing() -> None:
    """It owns already."""
    hand = Hand().own()
    hand.append(Message(hand.ledger[1].headers, hand.ledger[1].value))
    hand.read_back()

    assert hand.phase() is Phase.OWNING


def test_other_programs_records_are_nothing() -> None:
    """They are skipped and counted."""
    hand = Hand().own()
    hand.append(Message((("ce_type", b"weather.Changed.v1"),), b"{}"))
    hand.append(Message((), b""))
    hand.read_back()
    ask(hand, 1)
    hand.land()
    hand.read_back()

    assert (hand.phase(), hand.engine.fold.seq) == (Phase.OWNING, 1)


def test_a_valid_record_that_differs_from_what_was_appended_is_a_bug() -> None:
    """Nobody else can write one (S3)."""
    hand = Hand().own()
    ask(hand, 1)
    (message,) = hand.lose()
    hand.append(Message(message.headers, message.value + b" "))

    with pytest.raises(InvariantBroken, match="differs from what was appended"):
        hand.read_back()


def test_what_was_stepped_down_reads_no_further() -> None:
    """Its successor reads from the start."""
    hand = Hand().own()
    ask(hand, 1)
    hand.append(rival(hand, term=2))
    hand.land()
    hand.read_back()

    assert hand.phase() is Phase.STEPPED_DOWN
    assert hand.engine.fold.next_offset == 3


# --- The successor --------------------------------------------------------------------------------------


def test_a_successor_goes_on_where_the_ledger_ends() -> None:
    """What was read back is kept, what was lost on its way is decided again, everything once."""
    hand = Hand().own()
    ask(hand, 1, 2)
    hand.land(1)
    hand.read_back()
    hand.lose()
    hand.own().settle()

    assert [refusal for refusal in hand.refusals() if refusal] == []
    assert hand.engine.state is not None
    assert len(hand.engine.state.networks) == 2
    assert hand.engine.fold.seq == 2


def test_a_successor_resumes_after_what_was_considered() -> None:
    """Reports that left no record are considered again at most."""
    hand = Hand().own()
    hand.say(register("h1"))
    hand.say(register("h1"))
    hand.own()

    assert (hand.engine.resume_offset("commands"), hand.engine.resume_offset("reports")) == (0, 1)
    hand.settle()
    assert len(hand.outcomes()) == 1


def test_a_repeat_across_owners_is_known() -> None:
    """The window is part of what is folded (S5)."""
    hand = Hand().own()
    hand.say(create())
    hand.own()
    hand.say_raw("commands", hand.inputs["commands"][0].value)

    assert [len(outcome.events) for outcome in hand.outcomes()] == [1, 1]
    assert hand.engine.state is not None
    assert len(hand.engine.state.networks) == 1
