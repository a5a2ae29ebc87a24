"""The I/O of one attempt to own a cell, a step at a time: read, read back, append, look again.

`services.allocator.runner` takes the steps in a loop; the simulation takes the same ones in any order that
the loop allows, with crashes and pauses in between.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from time import monotonic
from typing import Self

from events.errors import LedgerAlarm, LogError, OffsetOutOfRange
from events.ledger.fold import Alarm
from events.ledger.follow import CHECK_INTERVAL_S, check_position, struck_out
from events.log.ownership import Ownership
from events.log.port import Feed, Log, LogRecord, TopicPartition
from events.record import InputIdentity
from services.allocator.engine import Engine, Phase
from services.allocator.topics import INPUTS, CellTopics

BATCH_MAX = 500
"""Records taken from a feed at once."""


def input_identities(log: Log, topics: CellTopics) -> tuple[InputIdentity, ...]:
    """Return what the input topics are now."""
    infos = [(name, log.topic(topics.input(name).topic)) for name in INPUTS]
    return tuple(
        InputIdentity(name=name, topic=info.name, incarnation=info.incarnation, partitions=info.partitions)
        for name, info in infos
    )


class Attempt:
    """Feeds and appender of one engine. A context manager."""

    def __init__(
        self,
        engine: Engine,
        log: Log,
        topics: CellTopics,
        ownership: Ownership,
        clock_ms: Callable[[], int],
        clock_s: Callable[[], float] = monotonic,
    ) -> None:
        """Begin to follow the ledger from its start."""
        self.engine = engine
        self._log = log
        self._topics = topics
        self._ownership = ownership
        self._clock_ms = clock_ms
        self._clock_s = clock_s
        self._stack = ExitStack()
        self._ledger = log.follow({topics.ledger: 0})
        self._stack.callback(self._ledger.close)
        self._appender = log.appender(topics.ledger)
        self._stack.callback(self._appender.close)
        self._inputs: Feed | None = None
        self._end = log.bounds(topics.ledger).end
        self._idle = False
        self._checked_at = clock_s()

    def follow(self, limit: int, timeout_s: float) -> None:
        """Read on in the ledger, and claim the cell when it is ours to claim.

        Raises:
            LedgerAlarm: the log lost or changed records.

        """
        records = self._poll_ledger(limit, timeout_s)
        self._read_ledger(records)
        self._idle = not records
        if self._idle and not self._is_caught_up:
            self._end = self._log.bounds(self._topics.ledger).end  # it may have lost its tail since we looked
        self.tick()

    @property
    def _is_caught_up(self) -> bool:
        return self.engine.fold.next_offset >= self._end

    def decide(self, limit: int, timeout_s: float) -> bool:
        """Read inputs and decide on them, as many as there is room for; return whether more may be waiting.

        Raises:
            LedgerAlarm: an input is not the one that was decided so far, or lost undecided records.

        """
        if self._inputs is None:
            self._inputs = self._open_inputs()
        room = min(self.engine.room, limit)
        if not room:
            return False
        try:
            records = self._inputs.poll(room, timeout_s)
        except OffsetOutOfRange as error:
            message = f"An input of cell {self._topics.cell!r} no longer holds what is to be decided: {error}"
            raise LedgerAlarm(Alarm.INPUT_TRIMMED, message) from error
        now_ms = self._clock_ms()
        for name in INPUTS:
            where = self._topics.input(name)
            batch = [record for record in records if record.where == where]
            if batch:
                self.engine.read_input(name, batch, now_ms)
        self._append()
        return len(records) == room

    def read_back(self, limit: int, timeout_s: float) -> None:
        """Read on in the ledger.

        Raises:
            LedgerAlarm: the log lost or changed records.

        """
        self._read_ledger(self._poll_ledger(limit, timeout_s))

    def tick(self) -> None:
        """Let time pass, and look at the log again now and then.

        Raises:
            LedgerAlarm: the log lost or changed records.

        """
        owning = self.engine.phase is Phase.OWNING
        caught_up = owning or (self._idle and self._is_caught_up)
        self.engine.tick(self._clock_ms(), assigned=self._ownership.assigned(), caught_up=caught_up)
        self._append()
        if self._clock_s() - self._checked_at >= CHECK_INTERVAL_S:
            self._checked_at = self._clock_s()
            self._check()

    def close(self) -> None:
        """Stop reading and appending. What is on its way may still land."""
        self._stack.close()

    def _poll_ledger(self, limit: int, timeout_s: float) -> Sequence[LogRecord]:
        try:
            return self._ledger.poll(limit, timeout_s)
        except OffsetOutOfRange as error:
            message = f"The ledger of cell {self._topics.cell!r} is shorter than what was read of it: {error}"
            raise LedgerAlarm(Alarm.LOG_TRUNCATED, message) from error

    def _read_ledger(self, records: Sequence[LogRecord]) -> None:
        try:
            self.engine.read_ledger(records, self._clock_ms())
        except LedgerAlarm:
            struck = struck_out(self._log, self._topics.ledger, self.engine.fold)
            if struck is None:
                raise
            self.engine.fold.strike_out(struck)
            self._read_ledger([record for record in records if record.offset >= struck.start])

    def _append(self) -> None:
        appends = self.engine.take_appends()
        try:
            if appends:
                self._appender.append(appends)
            errors = (outcome.error for outcome in self._appender.outcomes())
            failure = next((error for error in errors if error is not None), None)
        except LogError as error:
            failure = error
        if failure is not None:
            self.engine.append_failed(str(failure))

    def _open_inputs(self) -> Feed:
        """Resume the inputs after the last decided ones, if they are still the same."""
        self._check_inputs()
        positions: dict[TopicPartition, int] = {
            self._topics.input(name): self.engine.resume_offset(name) for name in INPUTS
        }
        feed = self._log.follow(positions)
        self._stack.callback(feed.close)
        return feed

    def _check_inputs(self) -> None:
        """Compare the inputs with what was claimed and decided (S11, S12)."""
        if input_identities(self._log, self._topics) != self.engine.settings.inputs:
            message = f"An input topic of cell {self._topics.cell!r} was deleted and created again."
            raise LedgerAlarm(Alarm.INPUT_REPLACED, message)
        for name in INPUTS:
            where = self._topics.input(name)
            bounds = self._log.bounds(where)
            last = self.engine.resume_offset(name) - 1
            there = self._log.read(where, last, 1) if bounds.start <= last < bounds.end else ()
            self.engine.check_resume(name, bounds.start, there[0] if there else None)

    def _check(self) -> None:
        """Compare the log with what was read of it (S10)."""
        if self.engine.fold.genesis is not None:
            check_position(self._log, self._topics.ledger, self.engine.position())
        if self.engine.phase is Phase.OWNING:
            self._check_inputs()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()
