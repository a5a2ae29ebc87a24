"""A log on PostgreSQL that lost or changed records says so instead of skipping them."""

import psycopg
import pytest

from events.errors import (
    OffsetOutOfRange,
    TopicMissing,
)
from events.log.port import TopicPartition, TopicSpec
from events.log.postgres import PostgresLog
from tests.integration.postgres_steps import SPEC, WHERE, append, message, take, values


def test_truncated_log_is_noticed(postgres_log: PostgresLog, postgres_admin: psycopg.Connection) -> None:
    """After a fail-over that lost the tail, a reader beyond the new end stops instead of waiting."""
    append(postgres_log, "a", "b", "c")
    feed = postgres_log.follow({WHERE: 3})
    postgres_admin.execute("UPDATE netledger_log.partitions SET end_offset = 1")
    postgres_admin.execute("DELETE FROM netledger_log.records WHERE record_offset >= 1")

    with pytest.raises(OffsetOutOfRange, match="0 to 1, not 3"):
        feed.poll(1, 10.0)
    with pytest.raises(OffsetOutOfRange):
        feed.poll(1, 10.0)


def test_error_in_one_partition_loses_nothing_of_another(
    postgres_log: PostgresLog, postgres_admin: psycopg.Connection
) -> None:
    """What was read before the error is given first, and the error comes with the next poll."""
    postgres_log.ensure_topic(TopicSpec("wide", 2, "ledger"))
    whole, damaged = TopicPartition("wide", 0), TopicPartition("wide", 1)
    for where in (whole, damaged):
        appender = postgres_log.appender(where)
        appender.append([message("a")])
        assert appender.flush(30)
    feed = postgres_log.follow({whole: 0, damaged: 1})
    postgres_admin.execute("UPDATE netledger_log.partitions SET end_offset = 0 WHERE partition = 1")

    assert [record.where for record in feed.poll(10, 10.0)] == [whole]
    with pytest.raises(OffsetOutOfRange):
        feed.poll(10, 10.0)


def test_trimmed_front_is_told(postgres_log: PostgresLog, postgres_admin: psycopg.Connection) -> None:
    """Records below the start are gone by intention, and asking for them says so."""
    append(postgres_log, "a", "b", "c")
    postgres_admin.execute("UPDATE netledger_log.partitions SET start_offset = 2")
    postgres_admin.execute("DELETE FROM netledger_log.records WHERE record_offset < 2")

    assert postgres_log.bounds(WHERE) == (2, 3)
    assert values(postgres_log.read(WHERE, 2, 10)) == ["c"]
    with pytest.raises(OffsetOutOfRange):
        postgres_log.read(WHERE, 1, 10)
    with pytest.raises(OffsetOutOfRange):
        postgres_log.follow({WHERE: 0})


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_deleted_record_is_never_skipped(
    postgres_log: PostgresLog, postgres_admin: psycopg.Connection, missing: int
) -> None:
    """A row that somebody deleted by hand stops the reader."""
    append(postgres_log, "a", "b", "c")
    postgres_admin.execute("DELETE FROM netledger_log.records WHERE record_offset = %s", (missing,))
    feed = postgres_log.follow({WHERE: 0})

    with pytest.raises(OffsetOutOfRange):
        take(feed, 3)


def test_replaced_topic_stops_its_feeds_and_appenders(
    postgres_log: PostgresLog, postgres_admin: psycopg.Connection
) -> None:
    """Who opened the old topic neither reads from nor writes to the new one."""
    append(postgres_log, "a")
    feed, appender = postgres_log.follow({WHERE: 1}), postgres_log.appender(WHERE)
    postgres_admin.execute("DELETE FROM netledger_log.topics")
    postgres_log.ensure_topic(SPEC)
    appender.append([message("b")])

    assert appender.flush(30)
    assert isinstance(appender.outcomes()[0].error, TopicMissing)
    with pytest.raises(OffsetOutOfRange, match="replaced"):
        feed.poll(1, 10.0)
    assert postgres_log.bounds(WHERE) == (0, 0)
    count = postgres_admin.execute("SELECT count(*) FROM netledger_log.records").fetchone()
    assert count == (0,)


def test_large_records_are_read_in_pages(postgres_log: PostgresLog) -> None:
    """A page ends when it is large enough, and the next goes on behind it."""
    large = "x" * (3 * 1024 * 1024)
    append(postgres_log, *[large] * 10)

    page = postgres_log.read(WHERE, 0, 10)

    assert 0 < len(page) < 10
    assert [record.offset for record in take(postgres_log.follow({WHERE: 0}), 10)] == list(range(10))
