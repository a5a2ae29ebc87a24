"""The log in memory: exact semantics for tests and simulation, and every fault on demand.

A `MemoryStore` holds the records and outlives the logs opened on it, as a broker outlives its clients. Each
process of a simulation opens a `MemoryLog` of its own on the same store. What can go wrong between one
process and the log is in that log's `faults`; what can happen to the records is a method of the store.
Nothing goes wrong by itself and nothing is random: the test or the simulation says what happens when.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Self

from events.errors import (
    AppenderClosed,
    LogError,
    LogUnavailable,
    RecordTooLarge,
    TopicMissing,
    WrongTopicSettings,
)
from events.log.memory_faults import MemoryFaults
from events.log.memory_store import Backup, MemoryStore
from events.log.port import (
    RECORD_BYTES_MAX,
    AppendOutcome,
    Bounds,
    LogRecord,
    Message,
    TopicInfo,
    TopicPartition,
    TopicSpec,
)

__all__ = [
    "Backup",
    "MemoryAppender",
    "MemoryFaults",
    "MemoryFeed",
    "MemoryLog",
    "MemoryStore",
    "ScriptedOwnership",
]


class MemoryLog:
    """The `Log` port on a store in memory: its own, unless one is given."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = MemoryStore() if store is None else store
        self.faults = MemoryFaults(self.store)
        self.closed = False

    def ensure_topic(self, spec: TopicSpec) -> TopicInfo:
        """Create the topic if it is missing, and check its number of partitions."""
        self.check()
        with self.store.lock:
            try:
                info = self.store.topic(spec.name)
            except TopicMissing:
                return self.store.create(spec.name, spec.partitions)
        if info.partitions < spec.partitions:
            raise WrongTopicSettings(
                f"the topic {spec.name!r} has {info.partitions} partitions; {spec.partitions} are needed"
            )
        return info

    def topic(self, name: str) -> TopicInfo:
        """Describe an existing topic."""
        self.check()
        return self.store.topic(name)

    def bounds(self, where: TopicPartition) -> Bounds:
        """Return the offsets that the partition holds now."""
        self.check()
        with self.store.lock:
            partition = self.store.partition(where)
            return Bounds(partition.start, partition.end)

    def read(self, where: TopicPartition, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on that are there now."""
        self.check()
        with self.store.lock:
            return self.store.partition(where).read(where, offset, limit)

    def follow(self, positions: Mapping[TopicPartition, int]) -> "MemoryFeed":
        """Follow partitions, each from the offset given."""
        self.check()
        return MemoryFeed(self, positions)

    def appender(self, where: TopicPartition) -> "MemoryAppender":
        """Open an ordered stream of appends to one partition."""
        self.check()
        self.store.partition(where)
        return MemoryAppender(self, where)

    def close(self) -> None:
        """Close this log with its appenders and feeds; the store stays."""
        self.closed = True

    def check(self) -> None:
        """Do nothing, or fail when this log cannot be used.

        Raises:
            LogUnavailable: it was closed, or an outage was asked for.

        """
        if self.closed:
            raise LogUnavailable("this log was closed")
        self.faults.check()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()


class MemoryAppender:
    """Appends to one partition; acknowledged at once unless a fault was asked for."""

    def __init__(self, log: MemoryLog, where: TopicPartition) -> None:
        self._log = log
        self._where = where
        self._outcomes: list[AppendOutcome] = []
        self._pending = 0
        self._failure: LogError | None = None
        self._closed = False

    def append(self, messages: Sequence[Message]) -> None:
        """Land the messages now, unless a fault says otherwise."""
        where, store = self._where, self._log.store
        if self._closed or self._failure is not None or self._log.closed:
            raise AppenderClosed(f"this appender to {where.topic}/{where.partition} has failed or was closed")
        for message in messages:
            if len(message[1]) > RECORD_BYTES_MAX:
                raise RecordTooLarge(
                    f"a record of {len(message[1])} bytes; at most {RECORD_BYTES_MAX} are taken"
                )
        with store.lock:
            if self._log.faults.armed:
                for message in messages:
                    self._append_with_faults(message)
            else:
                self._append_plainly(messages)
            store.wake()

    def _append_plainly(self, messages: Sequence[Message]) -> None:
        try:
            partition = self._log.store.partition(self._where)
        except TopicMissing as error:
            self._failure = error
            self._outcomes.extend([AppendOutcome(None, error)] * len(messages))
            return
        where, offset = self._where, partition.end
        for headers, value in messages:
            partition.records.append(LogRecord(where, offset, headers, value))
            self._outcomes.append(AppendOutcome(offset, None))
            offset += 1

    def _append_with_faults(self, message: Message) -> None:
        self._pending += 1
        if self._log.faults.catch(self._where, self, message):
            return
        fault = self._log.faults.take(self._where)
        if fault == "fail" or (fault is None and self._failure is not None):
            self.settle(None)
            return
        offset = self.land(message)
        if fault == "duplicate":
            self.land(message)
        self.settle(None if fault == "lose acknowledgement" else offset)

    def land(self, message: Message) -> int:
        """Append the message now; its offset. The store's lock must be held."""
        partition = self._log.store.partition(self._where)
        offset = partition.end
        partition.records.append(LogRecord(self._where, offset, message.headers, message.value))
        return offset

    def settle(self, offset: int | None) -> None:
        """Take the outcome of the oldest message without one: its offset, or None for unknown.

        After one unknown outcome every later one is unknown too. The store's lock must be held.
        """
        self._pending -= 1
        if self._failure is None and offset is None:
            self._failure = LogUnavailable(
                f"an append to {self._where.topic}/{self._where.partition} was not acknowledged: fate unknown"
            )
        self._outcomes.append(AppendOutcome(None if self._failure else offset, self._failure))

    def outcomes(self) -> Sequence[AppendOutcome]:
        """Return what has become known since the last call."""
        if not self._outcomes:
            return ()
        with self._log.store.lock:
            known, self._outcomes = self._outcomes, []
        return known

    def flush(self, timeout_s: float) -> bool:
        """Wait until nothing is held back."""
        return self._pending == 0 or self._log.store.wait_for(lambda: self._pending == 0, timeout_s)

    def close(self) -> None:
        """Refuse further appends. What a fault holds may still land."""
        self._closed = True


class MemoryFeed:
    """Follows partitions of a store. Does not notice a replaced topic as long as its offset exists there."""

    def __init__(self, log: MemoryLog, positions: Mapping[TopicPartition, int]) -> None:
        self._log = log
        self._next = dict(positions)
        self._turn = deque(positions)
        self._closed = False
        with log.store.lock:
            for where, offset in positions.items():
                log.store.partition(where).read(where, offset, 0)

    def poll(self, limit: int, timeout_s: float) -> Sequence[LogRecord]:
        """Return up to `limit` next records, waiting at most `timeout_s` for the first."""
        records = self._take(limit)
        if not records and timeout_s > 0 and self._log.store.wait_for(self._is_anything_new, timeout_s):
            records = self._take(limit)
        return records

    def _take(self, limit: int) -> list[LogRecord]:
        if self._closed:
            raise LogUnavailable("this feed was closed")
        self._log.check()
        store, records = self._log.store, list[LogRecord]()
        with store.lock:
            for where in tuple(self._turn):
                try:
                    page = store.partition(where).read(where, self._next[where], limit - len(records))
                except LogError:
                    if records:
                        break  # these must not be lost; the error comes again with the next poll
                    raise
                if not page:
                    continue
                records += page
                self._next[where] = page[-1].offset + 1
                self._turn.remove(where)  # to the back: a busy partition must not starve the others
                self._turn.append(where)
                if len(records) == limit:
                    break
        return records

    def _is_anything_new(self) -> bool:
        try:
            return self._log.faults.away or any(
                self._log.store.partition(where).end != offset for where, offset in self._next.items()
            )
        except TopicMissing:
            return True

    def close(self) -> None:
        """Stop following."""
        self._closed = True


class ScriptedOwnership:
    """The `Ownership` port as told: a simulation says who should own the cell, also wrongly or twice."""

    def __init__(self, *, assigned: bool = False) -> None:
        self.closed = False
        self._assigned = assigned

    def assign(self) -> None:
        """From now on this process should own the cell."""
        self._assigned = True

    def revoke(self) -> None:
        """From now on it should not."""
        self._assigned = False

    def assigned(self) -> bool:
        """Return what was told last."""
        return self._assigned and not self.closed

    def close(self) -> None:
        """Give up the assignment for good."""
        self.closed = True
