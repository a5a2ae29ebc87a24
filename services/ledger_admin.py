"""What an operator does to a ledger as a whole: begin it, check it, and lead on after lost data."""

from collections.abc import Callable, Sequence
from time import time_ns
from typing import NamedTuple

from events.errors import LedgerAlarm, LedgerError, LedgerMissing, LogUnavailable
from events.ids import uuid7
from events.ledger.fold import LedgerFold
from events.ledger.follow import Decided, LedgerReader
from events.log.port import Log, Message, TopicPartition
from events.record import (
    LEVEL,
    Genesis,
    HistoryEpochBegun,
    InputMark,
    body_digest,
    encode_epoch,
    encode_genesis,
)
from projections.cell.apply import apply_decision
from projections.cell.canonical import digest
from projections.cell.state import CellState
from services.allocator.runner import CellTopics

PAGE = 1000
APPEND_TIMEOUT_S = 15.0
_ATTEMPTS = 10

Progress = Callable[[int, int], None]
"""Told how many records have been read, and of how many."""


class LedgerExists(LedgerError):
    """The ledger was initialised before; nothing was changed."""

    code = "LedgerExists"


class NothingToRecover(LedgerError):
    """A fresh reader finds nothing wrong with the ledger or its inputs; nothing was changed."""

    code = "NothingToRecover"


class Verified(NamedTuple):
    """What a reader that begins at the start finds."""

    ledger_id: str
    seq: int
    term: int
    epoch: int
    next_offset: int
    end: int
    skipped: dict[str, int]
    state_digest: str
    alarm: LedgerAlarm | None
    """Where and why it had to stop; None: it read to the end."""


class Recovered(NamedTuple):
    """The history epoch that was begun."""

    epoch: int
    seq: int
    struck_out: int
    """Records behind the kept past that do not count any more."""
    inputs: tuple[str, ...]
    """Inputs that are not the ones that were decided so far."""


def begin(log: Log, topics: CellTopics, window_commands: int) -> Genesis:
    """Write the first record of a ledger. Its topics must exist.

    Raises:
        LedgerExists: there is a record already.
        LogError: the log did not take it.

    """
    if log.bounds(topics.ledger).end > 0:
        raise LedgerExists(
            f"Topic {topics.ledger.topic!r}, partition {topics.ledger.partition}, holds records already. "
            "`netledger ledger verify` says what they are."
        )
    now_ms = _now_ms()
    genesis = Genesis(ledger_id=uuid7(now_ms), cell=topics.cell, level=LEVEL, window_commands=window_commands)
    _append(log, topics.ledger, encode_genesis(genesis, now_ms))
    return genesis


def is_begun(log: Log, topics: CellTopics) -> bool:
    """Tell whether the ledger holds any record."""
    return log.bounds(topics.ledger).end > 0


def verify(log: Log, topics: CellTopics, progress: Progress = lambda _read, _total: None) -> Verified:
    """Read the whole ledger as a new reader would: judge every record, apply every decision.

    Raises:
        LedgerMissing: it was never initialised.
        InvariantBroken: a valid decision contradicts those before it.

    """
    end = log.bounds(topics.ledger).end
    alarm: LedgerAlarm | None = None
    state: CellState | None = None
    with LedgerReader(log, topics.ledger, topics.cell) as reader:
        try:
            for batch in reader.catch_up(PAGE):
                if state is None and reader.fold.genesis is not None:
                    state = CellState(reader.fold.genesis.window_commands)
                if state is not None:
                    _apply(state, batch)
                progress(reader.fold.next_offset, end)
        except LedgerAlarm as error:
            alarm = error
        fold = reader.fold
    if fold.genesis is None:
        raise LedgerMissing(f"Cell {topics.cell!r} has no ledger yet: run `netledger ledger init`.")
    return Verified(
        ledger_id=fold.genesis.ledger_id,
        seq=fold.seq,
        term=fold.term,
        epoch=fold.epoch,
        next_offset=fold.next_offset,
        end=end,
        skipped={str(reason): count for reason, count in fold.skipped.items()},
        state_digest=digest(state) if state is not None else "",
        alarm=alarm,
    )


def _apply(state: CellState, batch: Sequence[Decided]) -> None:
    for decided in batch:
        head = decided.head
        cause = (head.command_id, head.body_digest) if head.command_id and head.body_digest else None
        decision = decided.refusal or decided.events
        apply_decision(state, head.seq, head.time_ms, cause, decision)


def recover(log: Log, topics: CellTopics, operator: str, reason: str, *, force: bool = False) -> Recovered:
    """Begin a new history epoch behind the last record that a fresh reader finds good (S11).

    Everything after that record does not count any more. Inputs go on where the kept past left them, or at
    their beginning where they were replaced.

    Args:
        log: Holds the ledger.
        topics: The cell's place in it.
        operator: Who does this.
        reason: Why, for the auditor.
        force: Begin one even if a fresh reader finds nothing wrong, because other readers do.

    Raises:
        NothingToRecover: a fresh reader finds nothing wrong, and `force` was not given.
        LedgerMissing: it was never initialised.
        LogError: the log did not take the record.

    """
    for _ in range(_ATTEMPTS):
        fold, alarm = _read_as_far_as_good(log, topics)
        marks = {name: _mark(log, topics, name, mark) for name, mark in fold.inputs.items()}
        changed = tuple(name for name, mark in marks.items() if mark != fold.inputs[name])
        if alarm is None and not changed and not force:
            raise NothingToRecover(
                f"A fresh reader finds nothing wrong with the ledger of cell {topics.cell!r} (position "
                f"{fold.seq}) or its inputs. If the tables differ from it, run `netledger ledger rebuild`; "
                "--force begins a new epoch all the same."
            )
        begun = HistoryEpochBegun(
            ledger_id=fold.position().ledger_id,
            cell=topics.cell,
            epoch=fold.epoch + 1,
            base_offset=fold.last_offset,
            base_seq=fold.seq,
            base_chain=fold.chain.hex(),
            operator=operator,
            reason=reason,
            inputs=tuple(marks.values()),
        )
        struck = log.bounds(topics.ledger).end - fold.next_offset
        _append(log, topics.ledger, encode_epoch(begun, _now_ms()))
        after, alarm = _read_as_far_as_good(log, topics)
        if alarm is None and after.epoch >= begun.epoch:
            return Recovered(begun.epoch, begun.base_seq, max(0, struck), changed)
    raise LedgerError(f"The allocators of cell {topics.cell!r} go on writing meanwhile: stop them first.")


def _read_as_far_as_good(log: Log, topics: CellTopics) -> tuple[LedgerFold, LedgerAlarm | None]:
    with LedgerReader(log, topics.ledger, topics.cell) as reader:
        try:
            for _ in reader.catch_up(PAGE):
                pass
        except LedgerAlarm as alarm:
            return reader.fold, alarm
        reader.require_genesis()
        return reader.fold, None


def _mark(log: Log, topics: CellTopics, name: str, known: InputMark) -> InputMark:
    """Return up to where an input is decided, if it is still the same one; else where to begin."""
    where = topics.commands if name == "commands" else topics.reports
    incarnation = log.topic(where.topic).incarnation
    bounds = log.bounds(where)
    if incarnation != known.incarnation or bounds.start > known.offset + 1:
        return InputMark(name, incarnation, bounds.start - 1, "")
    offset = min(known.offset, bounds.end - 1)
    if offset < bounds.start:
        return known if offset == known.offset else InputMark(name, incarnation, offset, "")
    there = log.read(where, offset, 1)
    return InputMark(name, incarnation, offset, body_digest(there[0].value) if there else "")


def _append(log: Log, where: TopicPartition, message: Message) -> None:
    appender = log.appender(where)
    try:
        appender.append([message])
        arrived = appender.flush(APPEND_TIMEOUT_S)
        failure = next((one.error for one in appender.outcomes() if one.error is not None), None)
    finally:
        appender.close()
    if failure is not None:
        raise failure
    if not arrived:
        raise LogUnavailable(f"{where.topic} did not take the record in {APPEND_TIMEOUT_S:g} s")


def _now_ms() -> int:
    return time_ns() // 1_000_000
