"""What contract tests do again and again: append and see it settled, poll until enough came."""

from collections.abc import Sequence

from events.log.port import Appender, AppendOutcome, Feed, Log, LogRecord, Message, TopicPartition

FLUSH_S = 30.0
"""Longer than any append takes; no test waits that long unless it fails."""


def messages(name: str, count: int) -> list[Message]:
    """Return messages that tell who sent them and in which order."""
    return [Message((("from", name.encode()),), f"{name}:{number}".encode()) for number in range(count)]


def settled(appender: Appender) -> Sequence[AppendOutcome]:
    """Wait for and return every outcome."""
    assert appender.flush(FLUSH_S)
    return appender.outcomes()


def append(log: Log, where: TopicPartition, batch: Sequence[Message]) -> list[int]:
    """Append through an appender of its own; return the acknowledged offsets."""
    appender = log.appender(where)
    appender.append(batch)
    outcomes = settled(appender)
    appender.close()
    assert [outcome.error for outcome in outcomes] == [None] * len(batch)
    return [outcome.offset for outcome in outcomes if outcome.offset is not None]


def take(feed: Feed, count: int, limit: int = 100) -> list[LogRecord]:
    """Poll until `count` records came; the run's own timeout guards against waiting for ever."""
    records: list[LogRecord] = []
    while len(records) < count:
        page = feed.poll(min(limit, count - len(records)), 10.0)
        assert len(page) <= limit
        records += page
    return records


def values(records: Sequence[LogRecord]) -> list[bytes]:
    """Return what the records carry."""
    return [record.value for record in records]
