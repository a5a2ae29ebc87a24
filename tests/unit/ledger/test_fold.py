"""Which records count: sentences S1 to S12 of the ledger protocol, as far as they concern a reader."""

from collections.abc import Callable
from typing import Any

import pytest

from events.errors import InvariantBroken, LedgerAlarm, LedgerMissing, LedgerTooNew
from events.ledger.fold import Alarm, LedgerFold, Skip, Verdict
from events.ledger.position import Position
from events.log.port import Headers, LogRecord, Message
from events.record import (
    EPOCH_TYPE,
    GENESIS_TYPE,
    LEVEL,
    InputMark,
    chain_hash,
    record_digest,
)
from tests.unit.ledger.scribe import (
    CELL,
    COMMANDS,
    INCARNATION,
    LEDGER,
    MANY_HEADERS,
    ODD_HEADERS,
    A,
    B,
    Scribe,
    beside,
    foreign,
    owned,
)

MARK = InputMark("commands", COMMANDS.incarnation, 0, "0" * 32)


# --- What counts ----------------------------------------------------------------------------------


def test_genesis_then_claim_then_decisions() -> None:
    """The ordinary life of a ledger; a claim takes no seq."""
    scribe = owned(3)

    assert (scribe.fold.term, scribe.fold.owner, scribe.fold.seq) == (1, A, 3)
    assert scribe.fold.inputs["commands"].offset == 2
    assert not scribe.fold.skipped


def test_seq_runs_on_across_terms() -> None:
    """The next owner continues where the last one stopped."""
    scribe = owned(2)
    scribe.claim(B)

    assert scribe.decide().kind == "decision"
    assert (scribe.fold.term, scribe.fold.owner, scribe.fold.seq) == (2, B, 3)


def test_a_claim_may_build_on_less_than_was_decided() -> None:
    """The old owner was still deciding when the new one claimed."""
    scribe = owned(2)

    assert scribe.claim(B, base_seq=0).kind == "claim"
    assert scribe.decide().kind == "decision"


def test_a_timer_decides_no_input() -> None:
    """It copies the offsets, and that is no decision on an input again (S7)."""
    scribe = owned(1)
    marks = tuple(scribe.fold.inputs.values())

    assert scribe.decide(inputs=marks, body_digest=None).kind == "decision"


def test_inputs_that_leave_no_record_may_be_passed_over() -> None:
    """The offsets go up, not by one."""
    assert owned(1).decide(inputs=(MARK._replace(offset=9),)).kind == "decision"


def test_a_second_input_may_come_with_a_claim() -> None:
    """It begins at its start."""
    scribe = owned(1)
    reports = COMMANDS.model_copy(update={"name": "reports", "incarnation": "reports-topic"})
    scribe.claim(B, inputs=(COMMANDS, reports))

    assert scribe.fold.inputs["reports"] == InputMark("reports", "reports-topic", -1, "")
    assert scribe.fold.inputs["commands"].offset == 0


def test_the_chain_holds_every_record_that_counts() -> None:
    """Claims and epochs, too, and nothing that is skipped (S9)."""
    scribe = Scribe()
    chain = bytes(32)
    steps: list[Callable[[], Verdict]] = [scribe.genesis, scribe.claim, scribe.decide, scribe.epoch]
    for write in (*steps, scribe.claim, scribe.decide):
        write()
        chain = chain_hash(chain, record_digest(scribe.last))
        scribe.judge(foreign())
        assert scribe.fold.chain == chain


def test_recorded_time_is_the_last_decisions() -> None:
    """It is what no later decision may precede (S7)."""
    scribe = owned()
    scribe.decide(time_ms=1_790_000_000_042)

    assert scribe.fold.time_ms == 1_790_000_000_042


# --- What is skipped ------------------------------------------------------------------------------

SKIPPED: dict[str, tuple[Skip, Callable[[Scribe], object]]] = {
    "another program's record": (Skip.FOREIGN, lambda s: s.judge(Message((("x", b"y"),), b"hello"))),
    "a record without headers": (Skip.FOREIGN, lambda s: s.judge(Message((), b""))),
    "a type that is no text": (Skip.FOREIGN, lambda s: s.judge(Message((("ce_type", b"\xff"),), b""))),
    "a genesis that is none": (Skip.FOREIGN, lambda s: s.judge(foreign(b"{}", GENESIS_TYPE))),
    "a claim that is none": (Skip.FOREIGN, lambda s: s.judge(foreign(b"claim!"))),
    "an epoch that is none": (Skip.FOREIGN, lambda s: s.judge(foreign(b"[]", EPOCH_TYPE))),
    "a decision without headers": (Skip.FOREIGN, lambda s: s.judge(foreign(b"{}", "netledger.decided.X.v1"))),
    "a claim with too many headers": (
        Skip.FOREIGN,
        lambda s: s.judge(beside(s.claim_record(B), MANY_HEADERS)),
    ),
    "a claim of another cell": (Skip.FOREIGN, lambda s: s.claim(B, cell="other")),
    "a decision of another cell": (Skip.FOREIGN, lambda s: s.decide(cell="other")),
    "an epoch of another ledger": (Skip.FOREIGN, lambda s: s.epoch(ledger_id="other")),
    "a claim of the current term": (Skip.STALE_CLAIM, lambda s: s.claim(B, term=2)),
    "a claim of an old term": (Skip.STALE_CLAIM, lambda s: s.claim(B, term=1)),
    "a decision of an old term": (Skip.LOWER_TERM, lambda s: s.decide(term=1, owner=A)),
    "a decision twice": (Skip.DUPLICATE, lambda s: s.judge(s.last)),
    "a decision of the past": (Skip.DUPLICATE, lambda s: s.decide(seq=1)),
    "a decision after a lost one": (Skip.AFTER_A_GAP, lambda s: s.decide(seq=s.fold.seq + 2)),
    "the genesis twice": (Skip.DUPLICATE, lambda s: s.genesis()),
    "the epoch before": (Skip.DUPLICATE, lambda s: s.epoch(epoch=0)),
}


@pytest.mark.parametrize("headers", ODD_HEADERS.values(), ids=ODD_HEADERS)
def test_headers_that_ours_cannot_have_make_a_record_foreign(headers: Headers) -> None:
    """Whatever it says besides; reading goes on behind it."""
    scribe = owned(1)

    assert scribe.judge(beside(scribe.decision(), headers)).skip is Skip.FOREIGN
    assert scribe.decide().skip is None


@pytest.mark.parametrize(("reason", "write"), SKIPPED.values(), ids=SKIPPED)
def test_what_does_not_count_is_skipped_and_counted(reason: Skip, write: Callable[[Scribe], Any]) -> None:
    """By every reader alike: nothing changes but how far it has read."""
    scribe = owned(1)
    scribe.claim(B)
    scribe.decide()
    before, read = scribe.place(), scribe.fold.next_offset

    assert write(scribe).skip is reason
    assert scribe.place() == before
    assert scribe.fold.next_offset == read + 1
    assert scribe.fold.skipped == {reason: 1}
    assert scribe.decide().kind == "decision"


def test_every_reason_to_skip_is_tested() -> None:
    """Here, or under recovery."""
    assert {reason for reason, _ in SKIPPED.values()} | {Skip.STRUCK_OUT} == set(Skip)


def test_nothing_counts_before_the_genesis() -> None:
    """Not even what would be valid after it."""
    scribe = Scribe()

    assert scribe.claim(A).skip is Skip.FOREIGN
    assert scribe.decide(term=0, owner="").skip is Skip.FOREIGN
    assert scribe.epoch().skip is Skip.FOREIGN
    assert scribe.genesis(cell="other").skip is Skip.FOREIGN
    assert scribe.genesis().kind == "genesis"


def test_a_claim_of_the_same_term_again_is_stale() -> None:
    """A late duplicate of one's own claim does not renew it (S1)."""
    scribe = owned()
    claim = scribe.last
    scribe.decide()

    assert scribe.judge(claim).skip is Skip.STALE_CLAIM


def test_gaps_in_the_log_itself_are_no_gap() -> None:
    """Kafka's offsets may jump; only seq is dense."""
    scribe = owned(1)
    scribe.offset += 5

    assert scribe.decide().kind == "decision"


# --- What stops the reader ------------------------------------------------------------------------

ALARMS: dict[str, tuple[Alarm, Callable[[Scribe], object]]] = {
    "a claim builds on lost decisions": (Alarm.BASE_AHEAD, lambda s: s.claim(B, base_seq=3)),
    "a stale claim does, too": (Alarm.BASE_AHEAD, lambda s: s.claim(B, base_seq=3, term=1)),
    "a claim skips a term": (Alarm.TERM_SKIPPED, lambda s: s.claim(B, term=3)),
    "a decision of a term never claimed": (Alarm.TERM_NEVER_CLAIMED, lambda s: s.decide(term=2)),
    "another owner in the term": (Alarm.TWO_OWNERS, lambda s: s.decide(owner=B)),
    "a decision after other records": (Alarm.CHAIN_MISMATCH, lambda s: s.decide(previous="0" * 64)),
    "an input decided again": (
        Alarm.INPUT_NOT_ABOVE,
        lambda s: s.decide(inputs=tuple(s.fold.inputs.values())),
    ),
    "an input gone back": (Alarm.INPUT_NOT_ABOVE, lambda s: s.decide(inputs=(MARK._replace(offset=0),))),
    "a timer gone back": (
        Alarm.INPUT_NOT_ABOVE,
        lambda s: s.decide(inputs=(MARK._replace(offset=0),), body_digest=None),
    ),
    "an input of another topic": (
        Alarm.INPUT_REPLACED,
        lambda s: s.decide(inputs=(MARK._replace(incarnation="new", offset=9),)),
    ),
    "an input never claimed": (
        Alarm.INPUT_REPLACED,
        lambda s: s.decide(inputs=(MARK._replace(name="reports", offset=9),)),
    ),
    "a claim with another topic": (
        Alarm.INPUT_REPLACED,
        lambda s: s.claim(B, inputs=(COMMANDS.model_copy(update={"incarnation": "new"}),)),
    ),
    "a claim of another ledger": (Alarm.LEDGER_CHANGED, lambda s: s.claim(B, ledger_id="other")),
    "another genesis": (Alarm.LEDGER_CHANGED, lambda s: s.genesis(ledger_id="other")),
    "an epoch of another past": (Alarm.EPOCH_DIVERGED, lambda s: s.epoch(base_seq=1)),
    "an epoch after other records": (Alarm.EPOCH_DIVERGED, lambda s: s.epoch(base_chain="0" * 64)),
    "an epoch after a lost one": (Alarm.EPOCH_DIVERGED, lambda s: s.epoch(epoch=2)),
}


@pytest.mark.parametrize(("reason", "write"), ALARMS.values(), ids=ALARMS)
def test_lost_or_changed_records_stop_the_reader(reason: Alarm, write: Callable[[Scribe], Any]) -> None:
    """It says why and how to go on, changes nothing, and stops again when it is asked again."""
    scribe = owned(2)
    before, read = scribe.place(), scribe.fold.next_offset

    for _ in range(2):
        with pytest.raises(LedgerAlarm, match="ledger recover") as alarm:
            write(scribe)
        assert alarm.value.reason == reason
        assert scribe.place() == before
        assert scribe.fold.next_offset == read
        assert not scribe.fold.skipped


def test_a_stored_position_of_another_ledger_stops_the_reader() -> None:
    """Another cell, or a topic that was deleted and created again."""
    position = owned(1).fold.position()

    for cell, incarnation in (("other", INCARNATION), (CELL, "new")):
        with pytest.raises(LedgerAlarm) as alarm:
            LedgerFold(cell, incarnation, position)
        assert alarm.value.reason == Alarm.LEDGER_CHANGED


ELSEWHERE = {Alarm.LOG_TRUNCATED, Alarm.RECORD_CHANGED, Alarm.INPUT_TRIMMED}
"""Alarms for which one must look at the log again: `test_follow.py` and the engine's tests."""


def test_every_alarm_is_tested() -> None:
    """Here, or where it is raised."""
    assert {reason for reason, _ in ALARMS.values()} | ELSEWHERE == set(Alarm)


def test_a_ledger_of_a_higher_level_is_not_read() -> None:
    """The text names both levels, so that one knows which program to upgrade."""
    with pytest.raises(LedgerTooNew, match=rf"level {LEVEL + 1}.*up to {LEVEL}"):
        Scribe().genesis(level=LEVEL + 1)


def test_an_adapter_that_goes_back_is_a_bug() -> None:
    """Also when what it repeats would be skipped."""
    scribe = owned(1)
    scribe.judge(foreign())

    with pytest.raises(InvariantBroken, match="broke the order"):
        scribe.fold.judge(LogRecord(LEDGER, 1, *foreign()))


# --- Recovery -------------------------------------------------------------------------------------


def test_a_new_epoch_goes_on_from_where_the_reader_is() -> None:
    """Seq runs on; a new owner claims."""
    scribe = owned(2)

    assert scribe.epoch().kind == "epoch"
    assert (scribe.fold.epoch, scribe.fold.seq) == (1, 2)
    assert scribe.claim(B).kind == "claim"
    assert scribe.decide().kind == "decision"


def test_no_owner_of_the_past_decides_in_a_new_epoch() -> None:
    """What it had appended and what it still appends does not count, however late it comes."""
    scribe = owned(2)
    late = scribe.decision()
    scribe.epoch()

    assert scribe.judge(late).skip is Skip.LOWER_TERM
    assert scribe.claim(A, term=2).skip is Skip.STALE_CLAIM
    scribe.claim(B)
    assert scribe.judge(late).skip is Skip.LOWER_TERM


def test_struck_out_records_do_not_count() -> None:
    """Whatever they are; the epoch behind them does."""
    scribe = owned(2)
    scribe.fold.strike_out(range(scribe.offset, scribe.offset + 2))
    before = scribe.place()

    assert scribe.decide(previous="0" * 64).skip is Skip.STRUCK_OUT
    assert scribe.claim(B, term=9).skip is Skip.STRUCK_OUT
    assert scribe.place() == before
    assert scribe.epoch().kind == "epoch"


def test_an_epoch_may_accept_another_input_topic() -> None:
    """That is how an operator leads on after one was replaced (S11)."""
    scribe = owned(2)
    scribe.epoch(inputs=(InputMark("commands", "new", -1, ""),))
    new = COMMANDS.model_copy(update={"incarnation": "new"})

    assert scribe.claim(B, inputs=(new,)).kind == "claim"
    assert scribe.decide(inputs=(InputMark("commands", "new", 0, "0" * 32),)).kind == "decision"


def test_an_epoch_is_begun_once() -> None:
    """A duplicate of its record is skipped."""
    scribe = owned(1)
    scribe.epoch()

    assert scribe.judge(scribe.last).skip is Skip.DUPLICATE


# --- Positions ------------------------------------------------------------------------------------


def test_a_reader_goes_on_from_its_stored_position() -> None:
    """It judges like one that never stopped: after each record, through JSON (S2)."""
    scribe = Scribe()
    steps: list[Callable[[Scribe], Any]] = [
        Scribe.genesis,
        Scribe.claim,
        Scribe.decide,
        lambda s: s.judge(foreign()),
        Scribe.decide,
        lambda s: s.claim(B),
        Scribe.epoch,
        lambda s: s.claim(B),
        Scribe.decide,
    ]
    for number, step in enumerate(steps):
        step(scribe)
        kept = Position.model_validate_json(scribe.fold.position().model_dump_json())
        other = Scribe(LedgerFold(CELL, INCARNATION, kept))
        other.offset, other.last = scribe.offset, scribe.last
        assert other.fold.position() == scribe.fold.position() == kept
        for later in steps[number + 1 :]:
            later(other)
        assert other.fold.seq == 3


def test_a_reader_that_has_read_nothing_has_no_position() -> None:
    """Its ledger was never initialised, or not read yet."""
    with pytest.raises(LedgerMissing, match="ledger init"):
        LedgerFold(CELL, INCARNATION).position()


@pytest.mark.parametrize("window", [0, -1])
def test_a_ledger_remembers_at_least_one_command(window: int) -> None:
    """A genesis that says otherwise is none."""
    assert Scribe().genesis(window_commands=window).skip is Skip.FOREIGN
