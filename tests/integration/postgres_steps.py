"""The ledger topic on PostgreSQL, and what its tests do again and again."""

from collections.abc import Sequence

from events.log.port import Feed, Log, LogRecord, Message, TopicPartition, TopicSpec

WHERE = TopicPartition("ledger", 0)
SPEC = TopicSpec("ledger", 1, "ledger")


def message(text: str) -> Message:
    """Return a message that can be recognised."""
    return Message((("h", b"1"),), text.encode())


def append(log: Log, *texts: str) -> None:
    """Append, and see it acknowledged."""
    appender = log.appender(WHERE)
    appender.append([message(text) for text in texts])
    assert appender.flush(30)
    assert all(outcome.error is None for outcome in appender.outcomes())
    appender.close()


def take(feed: Feed, count: int) -> list[LogRecord]:
    """Poll until so many records came."""
    records: list[LogRecord] = []
    while len(records) < count:
        records += feed.poll(count - len(records), 10.0)
    return records


def values(records: Sequence[LogRecord]) -> list[str]:
    """Return what the records carry."""
    return [record.value.decode() for record in records]
