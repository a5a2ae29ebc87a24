"""Readers stop where the log is not what it was (sentences S10 and S11 of the ledger protocol)."""

from typing import Any

import pytest

from events.errors import LedgerAlarm, LedgerMissing, LogUnavailable, OffsetOutOfRange, TopicMissing
from events.ledger import follow
from events.ledger.fold import Alarm
from events.ledger.follow import CHECK_INTERVAL_S, LedgerReader, check_position
from events.log.memory import MemoryLog, MemoryStore
from events.log.port import Headers, Message
from events.refusals import Code
from tests.unit.ledger.scribe import CELL, LEDGER, ODD_HEADERS, B, Scribe, beside, foreign


class Desk:
    """A ledger in a log in memory, a pen to write it, and a clock."""

    def __init__(self) -> None:
        """Begin with a ledger that A owns."""
        self.store = MemoryStore()
        self.store.create(LEDGER.topic, 1)
        self.log = MemoryLog(self.store)
        self.now = 0.0
        self.scribe = Scribe()
        self.write("genesis")
        self.write("claim")

    def write(self, what: str = "decide", **fields: Any) -> Message:  # noqa: ANN401 - any field
        """Write a record, judge it, and append it."""
        getattr(self.scribe, what)(**fields)
        self.append(self.scribe.last)
        return self.scribe.last

    def append(self, *messages: Message) -> None:
        """Append records that nobody judges."""
        appender = self.log.appender(LEDGER)
        appender.append(messages)
        appender.flush(0)

    def replace_tail(self, length: int, *messages: Message) -> None:
        """Lose the last records, and let others grow in their place."""
        self.store.truncate(LEDGER, self.log.bounds(LEDGER).end - length)
        self.append(*messages)

    def reader(self, **arguments: Any) -> LedgerReader:  # noqa: ANN401 - what a reader takes
        """Return a reader with this desk's clock."""
        return LedgerReader(self.log, LEDGER, CELL, clock=lambda: self.now, **arguments)


@pytest.fixture
def desk() -> Desk:
    """Return a ledger with three decisions."""
    desk = Desk()
    for _ in range(3):
        desk.write()
    return desk


def seqs(reader: LedgerReader) -> list[int]:
    """Return what the reader can read now."""
    return [decided.seq for decided in reader.poll(timeout_s=0)]


def reason(reader: LedgerReader) -> str:
    """Return why the reader stops."""
    with pytest.raises(LedgerAlarm, match=r"ledger recover|read the ledger from its start") as alarm:
        reader.poll(timeout_s=0)
    return alarm.value.reason


def test_a_reader_yields_what_counts(desk: Desk) -> None:
    """In order, without claims and without what is skipped; values are decoded when they are asked for."""
    desk.append(foreign())
    desk.write()
    with desk.reader() as reader:
        decided = reader.poll(timeout_s=0)

        assert [one.seq for one in decided] == [1, 2, 3, 4]
        assert (decided[0].events, decided[0].refusal, decided[0].outcome.command) == ((), None, {})
        assert seqs(reader) == []
        desk.write()
        assert seqs(reader) == [5]


def test_a_reader_goes_on_from_its_position(desk: Desk) -> None:
    """What it has read it does not read again."""
    with desk.reader() as reader:
        assert seqs(reader) == [1, 2, 3]
        position = reader.fold.position()
    desk.write()
    with desk.reader(position=position) as again:
        assert seqs(again) == [4]


def test_catching_up_ends_at_the_end_of_now(desk: Desk) -> None:
    """What is appended meanwhile is for later; batches may be empty."""
    found = []
    with desk.reader() as reader:
        for batch in reader.catch_up(limit=1):
            found.append([decided.seq for decided in batch])
            desk.write()

    assert found == [[], [], [1], [2], [3]]


def test_a_ledger_must_have_been_initialised() -> None:
    """An empty topic is no ledger, and a topic that is not there even less (S11)."""
    store = MemoryStore()
    log = MemoryLog(store)
    with pytest.raises(TopicMissing):
        LedgerReader(log, LEDGER, CELL)
    store.create(LEDGER.topic, 1)
    with LedgerReader(log, LEDGER, CELL) as reader:
        reader.poll(timeout_s=0)
        with pytest.raises(LedgerMissing, match="ledger init"):
            reader.require_genesis()


def test_a_ledger_that_was_initialised_is_one(desk: Desk) -> None:
    """Nothing is raised."""
    with desk.reader() as reader:
        reader.poll(timeout_s=0)
        reader.require_genesis()


# --- Lost data --------------------------------------------------------------------------------------


def test_a_lost_tail_stops_a_reader_at_its_start(desk: Desk) -> None:
    """Before it reads anything."""
    with desk.reader() as reader:
        reader.poll(timeout_s=0)
        position = reader.fold.position()
    desk.replace_tail(1)

    with pytest.raises(LedgerAlarm) as alarm:
        desk.reader(position=position)
    assert alarm.value.reason == Alarm.LOG_TRUNCATED


def test_a_lost_tail_that_grew_back_stops_a_reader_at_its_start(desk: Desk) -> None:
    """Another record lies where it was (the model's first counterexample)."""
    with desk.reader() as reader:
        reader.poll(timeout_s=0)
        position = reader.fold.position()
    desk.replace_tail(1, foreign(), foreign())

    with pytest.raises(LedgerAlarm) as alarm:
        desk.reader(position=position)
    assert alarm.value.reason == Alarm.RECORD_CHANGED


def test_a_lost_tail_that_grew_back_stops_a_running_reader(desk: Desk) -> None:
    """It compares now and then; the position never moves past what it cannot stand for."""
    with desk.reader() as reader:
        assert seqs(reader) == [1, 2, 3]
        desk.replace_tail(1, foreign(), foreign())
        desk.now += CHECK_INTERVAL_S + 1

        assert reason(reader) == Alarm.RECORD_CHANGED
        assert reader.fold.seq == 3


@pytest.mark.parametrize("headers", ODD_HEADERS.values(), ids=ODD_HEADERS)
def test_a_record_that_cannot_be_ours_stops_no_reader(desk: Desk, headers: Headers) -> None:
    """Neither when it is read nor when it is compared; once it is lost, that is noticed."""
    desk.append(beside(foreign(), headers))
    with desk.reader() as reader:
        assert seqs(reader) == [1, 2, 3]
        position = reader.fold.position()
    check_position(desk.log, LEDGER, position)
    desk.replace_tail(1, beside(foreign(b"other"), headers))

    with pytest.raises(LedgerAlarm) as alarm:
        check_position(desk.log, LEDGER, position)
    assert alarm.value.reason == Alarm.RECORD_CHANGED


def test_a_replaced_topic_stops_a_reader(desk: Desk) -> None:
    """Even if it holds the same records."""
    with desk.reader() as reader:
        reader.poll(timeout_s=0)
        records = desk.log.read(LEDGER, 0, 100)
        desk.store.replace_topic(LEDGER.topic)
        desk.append(*(Message(record.headers, record.value) for record in records))
        desk.now += CHECK_INTERVAL_S + 1

        assert reason(reader) == Alarm.LEDGER_CHANGED


def test_a_log_without_the_position_at_its_start_stops_a_reader(desk: Desk) -> None:
    """Retention must never have cut a ledger."""
    with desk.reader() as reader:
        reader.poll(timeout_s=0)
        position = reader.fold.position()
    desk.write()
    desk.write()
    desk.store.trim(LEDGER, desk.log.bounds(LEDGER).end - 1)

    with pytest.raises(LedgerAlarm) as alarm:
        check_position(desk.log, LEDGER, position)
    assert alarm.value.reason == Alarm.LOG_TRUNCATED


def test_what_was_read_before_an_alarm_counts(desk: Desk) -> None:
    """The alarm comes with the next poll, and with every one after it."""
    desk.append(desk.scribe.decision(previous="0" * 64))
    with desk.reader() as reader:
        assert seqs(reader) == [1, 2, 3]
        assert reason(reader) == reason(reader) == Alarm.CHAIN_MISMATCH
        assert reader.fold.seq == 3


def test_an_outage_is_no_loss(desk: Desk) -> None:
    """The reader says that the log is away, and goes on at the same place when it is back."""
    with desk.reader() as reader:
        assert seqs(reader) == [1, 2, 3]
        desk.write()
        desk.log.faults.outage()
        with pytest.raises(LogUnavailable):
            reader.poll(timeout_s=0)
        desk.log.faults.end_outage()

        assert seqs(reader) == [4]


def test_a_log_cut_while_it_is_followed_is_compared_first(desk: Desk) -> None:
    """What the log says first is that the offset is gone; the next poll tells why."""
    with desk.reader() as reader:
        assert seqs(reader) == [1, 2, 3]
        desk.replace_tail(2)
        with pytest.raises((LedgerAlarm, OffsetOutOfRange)):
            reader.poll(timeout_s=0)

        assert reason(reader) == Alarm.LOG_TRUNCATED


# --- Recovery ---------------------------------------------------------------------------------------


def test_an_epoch_strikes_out_what_made_readers_stop(desk: Desk) -> None:
    """A reader at the place from which the operator led on goes on by itself."""
    bad = desk.scribe.decision(previous="0" * 64)
    desk.append(bad, foreign())
    desk.write("epoch")
    desk.write("claim", owner=B)
    desk.write()

    with desk.reader() as reader:
        assert seqs(reader) == [1, 2, 3, 4]
        assert reader.fold.epoch == 1
    with desk.reader() as one_by_one:
        assert [one.seq for batch in one_by_one.catch_up(limit=1) for one in batch] == [1, 2, 3, 4]


def test_an_epoch_from_elsewhere_does_not(desk: Desk) -> None:
    """A reader that knows more than the operator found must read anew, and is told so."""
    with desk.reader() as reader:
        assert seqs(reader) == [1, 2, 3]
        records = desk.log.read(LEDGER, 0, 100)
        desk.replace_tail(1)
        desk.scribe = Scribe()
        for record in records[:-1]:
            desk.scribe.judge(Message(record.headers, record.value))
        desk.write("epoch")
        desk.write("claim", owner=B)
        desk.now += CHECK_INTERVAL_S + 1

        assert reason(reader) == Alarm.EPOCH_DIVERGED
    with desk.reader() as anew:
        assert seqs(anew) == [1, 2]
        assert anew.fold.epoch == 1


def test_a_page_is_no_limit_for_finding_an_epoch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much was appended between the loss and the recovery."""
    monkeypatch.setattr(follow, "_PAGE", 2)
    desk.append(desk.scribe.decision(previous="0" * 64), *(foreign() for _ in range(7)))
    desk.write("epoch")
    with desk.reader() as reader:
        found = [one.seq for batch in reader.catch_up(limit=3) for one in batch]

        assert found == [1, 2, 3]
        assert reader.fold.epoch == 1


def test_a_reader_tells_a_refusal_from_a_grant(desk: Desk) -> None:
    """A refusal has no events."""
    message = desk.scribe.decision()
    told = Message(message.headers, b'{"command":{},"refusal":{"code":"NetworkInUse","message":"It is."}}')
    desk.append(told)
    with desk.reader() as reader:
        refusal = reader.poll(timeout_s=0)[-1].refusal

        assert refusal is not None
        assert refusal.code is Code.NETWORK_IN_USE
