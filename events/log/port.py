"""The port to an ordered log: append to a partition, read from an offset, follow, bounds.

A log knows bytes and headers, not meanings. What every adapter must keep, and `tests/contract/` checks:

* records of one partition have one order, the same for every reader, and it never changes;
* offsets of one partition are dense: the first is 0, each next one is one higher (see `Bounds`);
* a reader never skips a record, however many producers append at once;
* what `Appender.append` was given in one call or in successive calls keeps that order if it arrives at all.
  After a failure the fate of everything not yet acknowledged is unknown, the appender refuses further
  appends, and nothing given to it later can arrive before something given to it earlier.

Errors are `events.errors.LogError` and its subclasses.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, Self

from events.errors import LogError

Headers = tuple[tuple[str, bytes], ...]

RECORD_BYTES_MAX = 4 * 1024 * 1024
"""Largest value of a record (design section 4)."""


class TopicPartition(NamedTuple):
    """One ordered sequence of records. One cell is one partition of each topic; we name it, nobody hashes."""

    topic: str
    partition: int


class Message(NamedTuple):
    """What is appended: headers in order and a value."""

    headers: Headers
    value: bytes


class LogRecord(NamedTuple):
    """What is read: a message at its place. `offset` counts from 0 within the partition."""

    where: TopicPartition
    offset: int
    headers: Headers
    value: bytes


class TopicSpec(NamedTuple):
    """What a topic must be. A `ledger` is kept for ever, an `input` at least until it has been decided."""

    name: str
    partitions: int
    purpose: Literal["ledger", "input"]


class TopicInfo(NamedTuple):
    """What a topic is. `incarnation` changes when a topic is deleted and created again under its old name."""

    name: str
    incarnation: str
    partitions: int


class Bounds(NamedTuple):
    """Offsets that a partition holds: from `start` up to but not including `end`."""

    start: int
    end: int


class AppendOutcome(NamedTuple):
    """What became of one message: its offset, or the error after which its fate is unknown."""

    offset: int | None
    error: LogError | None


class Appender(Protocol):
    """An ordered stream of appends to one partition, acknowledged later.

    Not for use by several threads at once.
    """

    def append(self, messages: Sequence[Message]) -> None:
        """Hand over messages without waiting for the log.

        Raises:
            RecordTooLarge: one is larger than `RECORD_BYTES_MAX`; none of this call was taken.
            AppenderClosed: an earlier append failed, or `close` was called.

        """

    def outcomes(self) -> Sequence[AppendOutcome]:
        """Return what has become known since the last call, in order of appending. Never waits."""

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything handed over has an outcome; False when `timeout_s` passed first."""

    def close(self) -> None:
        """Give up what is not yet sent and free resources. Safe to call twice."""


class Feed(Protocol):
    """Follows partitions from given offsets. Not for use by several threads at once."""

    def poll(self, limit: int, timeout_s: float) -> Sequence[LogRecord]:
        """Return up to `limit` next records, each partition in order; wait at most `timeout_s` for the first.

        Returns what is there as soon as anything is. An empty answer means that nothing came in time.

        Raises:
            OffsetOutOfRange: the log does not hold the next offset, nor ends there (trimmed or truncated).
            LogUnavailable: the log did not answer; polling again goes on at the same place.

        """

    def close(self) -> None:
        """Stop following. Safe to call twice."""


class Log(Protocol):
    """An ordered, partitioned log. Safe for use by several threads; appenders and feeds are not."""

    def ensure_topic(self, spec: TopicSpec) -> TopicInfo:
        """Create the topic if it is missing, and check it.

        Raises:
            WrongTopicSettings: it could lose or reorder records, or has too few partitions.

        """

    def topic(self, name: str) -> TopicInfo:
        """Describe an existing topic.

        Raises:
            TopicMissing: there is none of this name.

        """

    def bounds(self, where: TopicPartition) -> Bounds:
        """Return the offsets that the partition holds now.

        Raises:
            TopicMissing: the topic or the partition does not exist.

        """

    def read(self, where: TopicPartition, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on that are there now; empty at the end of the log.

        Raises:
            OffsetOutOfRange: `offset` is below the start or above the end.

        """

    def follow(self, positions: Mapping[TopicPartition, int]) -> Feed:
        """Follow partitions, each from the offset given.

        A topic that is replaced while it is followed may go unnoticed: `topic` tells its incarnation.

        Raises:
            TopicMissing: one does not exist.
            OffsetOutOfRange: one does not hold its offset, nor ends there.

        """

    def appender(self, where: TopicPartition) -> Appender:
        """Open an ordered stream of appends to one partition.

        Raises:
            TopicMissing: the topic or the partition does not exist.

        """

    def close(self) -> None:
        """Close connections. Safe to call twice."""

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
