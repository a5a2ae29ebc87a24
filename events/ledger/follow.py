"""Reading a ledger: judged, decoded, and stopped where the log is not what it was (S10, S11).

Used by every reader but the allocator's own engine, which is fed by hand: projector, host agents, callers,
command line.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from time import monotonic
from typing import Self

from pydantic import ValidationError

from events.catalog import AnyEvent
from events.errors import LedgerAlarm, LedgerMissing, LogUnavailable, OffsetOutOfRange
from events.ledger.fold import Alarm, LedgerFold, Verdict
from events.ledger.position import Position
from events.log.port import Feed, Log, LogRecord, Message, TopicPartition
from events.record import (
    DecisionHead,
    HistoryEpochBegun,
    Outcome,
    chain_hash,
    decode_outcome,
    read_digest,
    record_kind,
)
from events.refusals import Refusal

CHECK_INTERVAL_S = 30.0
"""How often a reader compares the record at its own position with the log."""
_PAGE = 1000


class Decided:
    """A valid decision; its value is decoded when first asked for."""

    def __init__(self, head: DecisionHead, record: LogRecord) -> None:
        """Wrap a record that was judged valid."""
        self.head = head
        self.record = record

    @property
    def seq(self) -> int:
        """Position in the cell."""
        return self.head.seq

    @cached_property
    def outcome(self) -> Outcome:
        """The command as received, and its events or refusal."""
        return decode_outcome(self.record.value)

    @property
    def events(self) -> tuple[AnyEvent, ...]:
        """What was decided; empty for a refusal."""
        return self.outcome.events

    @property
    def refusal(self) -> Refusal | None:
        """Why it was refused, if it was."""
        return self.outcome.refusal


def check_position(log: Log, where: TopicPartition, position: Position) -> None:
    """Compare what was read last with what the log holds there now (S10).

    That is the last valid record, to which all before it are chained, and the records behind it that did not
    count: where one of them was lost, a valid one may have come in its place.

    Raises:
        LedgerAlarm: the topic was replaced, the log ends before the position, or holds other records there.

    """
    if log.topic(where.topic).incarnation != position.topic_incarnation:
        raise _alarm(Alarm.LEDGER_CHANGED, f"topic {where.topic} was deleted and created again")
    if log.bounds(where).end < position.next_offset:
        raise _alarm(
            Alarm.LOG_TRUNCATED,
            f"{where.topic} ends before offset {position.next_offset}, which was read before",
        )
    digest = b""
    offset = position.last_offset
    while offset < position.next_offset:
        try:
            page = log.read(where, offset, min(_PAGE, position.next_offset - offset))
        except OffsetOutOfRange as error:
            raise _alarm(Alarm.LOG_TRUNCATED, f"offset {offset} of {where.topic} is gone") from error
        if not page:
            raise _alarm(Alarm.LOG_TRUNCATED, f"offset {offset} of {where.topic} is gone")
        for record in page:
            one = read_digest(Message(record.headers, record.value))
            digest = chain_hash(digest, one) if digest else one
        offset = page[-1].offset + 1
    if digest.hex() != position.last_digest:
        raise _alarm(
            Alarm.RECORD_CHANGED,
            f"{where.topic} holds other records from offset {position.last_offset} on than were read there",
        )


def struck_out(log: Log, where: TopicPartition, fold: LedgerFold) -> range | None:
    """Return the offsets that an epoch strikes out, if one goes on where an alarmed fold stopped (S11).

    Raises:
        LedgerAlarm: an operator has begun an epoch that goes on from elsewhere: `EPOCH_DIVERGED`.

    """
    diverged = False
    for offset, begun in _later_epochs(log, where, fold, fold.next_offset):
        if fold.continues(begun):
            return range(fold.next_offset, offset)
        diverged = True
    if diverged:
        raise _rebuild(fold)
    return None


def _later_epochs(
    log: Log, where: TopicPartition, fold: LedgerFold, offset: int
) -> Iterator[tuple[int, HistoryEpochBegun]]:
    """Yield the epochs that an operator has begun since the one that a fold is in."""
    while page := log.read(where, offset, _PAGE):
        for record in page:
            begun = _epoch(record) if record_kind(record.headers) == "epoch" else None
            if begun is not None and fold.is_later(begun):
                yield record.offset, begun
        offset = page[-1].offset + 1


def _epoch(record: LogRecord) -> HistoryEpochBegun | None:
    try:
        return HistoryEpochBegun.model_validate_json(record.value)
    except ValidationError:
        return None


def _rebuild(fold: LedgerFold) -> LedgerAlarm:
    message = (
        f"An operator has begun a new history epoch of cell {fold.cell!r}, which does not go on from seq"
        f" {fold.seq} as this reader knows it. Drop what it built and read the ledger from its start."
    )
    return LedgerAlarm(Alarm.EPOCH_DIVERGED, message)


def _alarm(reason: Alarm, what: str) -> LedgerAlarm:
    message = (
        f"The log lost or changed records: {what}. Nothing was changed. Find out why, then run"
        " `netledger ledger recover`."
    )
    return LedgerAlarm(reason, message)


class LedgerReader:
    """Follows the valid decisions of one cell from the start, or from a stored position."""

    def __init__(
        self,
        log: Log,
        where: TopicPartition,
        cell: str,
        position: Position | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Open the ledger.

        Raises:
            LedgerAlarm: it is not the ledger of `position`, or no longer holds what was read from it.
            TopicMissing: there is no such topic.

        """
        self._log = log
        self._where = where
        self._clock = clock
        self.fold = LedgerFold(cell, log.topic(where.topic).incarnation, position)
        self._feed: Feed | None = None
        self._check()

    def _check(self) -> None:
        if self.fold.genesis is not None:
            try:
                check_position(self._log, self._where, self.fold.position())
            except LedgerAlarm as alarm:
                if alarm.reason != Alarm.LEDGER_CHANGED:
                    self._check_for_a_recovery(alarm)
                raise
        self._checked_at = self._clock()

    def _check_for_a_recovery(self, alarm: LedgerAlarm) -> None:
        """Say so if an operator has led on from the loss: a reader that lost its place can read anew."""
        start = self._log.bounds(self._where).start
        for _ in _later_epochs(self._log, self._where, self.fold, start):
            raise _rebuild(self.fold) from alarm

    def poll(self, limit: int = _PAGE, timeout_s: float = 1.0) -> Sequence[Decided]:
        """Return the valid decisions of up to `limit` records; wait at most `timeout_s` for the first record.

        Raises:
            LedgerAlarm: the log lost or changed records.
            LogUnavailable: the log did not answer; polling again checks the position and goes on.

        """
        if self._feed is None or self._clock() - self._checked_at > CHECK_INTERVAL_S:
            self._check()
        if self._feed is None:
            self._feed = self._log.follow({self._where: self.fold.next_offset})
        try:
            records = self._feed.poll(limit, timeout_s)
        except (LogUnavailable, OffsetOutOfRange):
            self._reconnect()
            raise
        return self._judge(records)

    def _reconnect(self) -> None:
        """Begin anew at the own position, and compare before going on."""
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    def _judge(self, records: Sequence[LogRecord]) -> list[Decided]:
        decided: list[Decided] = []
        for record in records:
            try:
                verdict = self._judge_one(record)
            except LedgerAlarm:
                self._reconnect()
                if decided:
                    return decided  # they count; the next poll meets the alarm again
                raise
            if verdict.kind == "decision" and verdict.head is not None:
                decided.append(Decided(verdict.head, record))
        return decided

    def _judge_one(self, record: LogRecord) -> Verdict:
        try:
            return self.fold.judge(record)
        except LedgerAlarm:
            struck = struck_out(self._log, self._where, self.fold)
            if struck is None:
                raise
            self.fold.strike_out(struck)
            return self.fold.judge(record)

    @property
    def next_offset(self) -> int:
        """Offset up to which the log was read."""
        return self.fold.next_offset

    def end(self) -> int:
        """Ask the log where it ends now.

        Raises:
            LogUnavailable: it did not answer.

        """
        return self._log.bounds(self._where).end

    def catch_up(self, limit: int = _PAGE) -> "CatchUp":
        """Iterate over all decisions up to the end that the log has now."""
        return CatchUp(self, self._log.bounds(self._where).end, limit)

    def require_genesis(self) -> None:
        """Make sure that the ledger was initialised.

        Raises:
            LedgerMissing: it was not.

        """
        if self.fold.genesis is None:
            raise LedgerMissing(
                f"Cell {self.fold.cell!r} has no ledger in topic {self._where.topic!r} yet: run"
                " `netledger ledger init`."
            )

    def close(self) -> None:
        """Stop following."""
        self._reconnect()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()


class CatchUp:
    """Batches of decisions up to a fixed end of the log."""

    def __init__(self, reader: LedgerReader, end: int, limit: int) -> None:
        """Read with `reader` up to offset `end`."""
        self._reader = reader
        self._end = end
        self._limit = limit

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> Sequence[Decided]:
        """Return the next batch, which may be empty (records that do not count)."""
        if self._reader.fold.next_offset >= self._end:
            raise StopIteration
        return self._reader.poll(self._limit, 1.0)
