"""Sessions that end, many writers, and waking up: what the log on PostgreSQL keeps beyond the contract."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from threading import Event

import psycopg
import pytest

from events.errors import (
    AppenderClosed,
    LogError,
    LogUnavailable,
)
from events.log import postgres_append, postgres_feed
from events.log.port import LogRecord
from events.log.postgres import PostgresLog
from tests.eventually import eventually
from tests.integration.postgres_steps import SPEC, WHERE, append, message, take, values
from tests.postgres_line import PostgresLine


def sessions(postgres_admin: psycopg.Connection) -> int:
    """Return how many sessions of ours the server has."""
    row = postgres_admin.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND application_name LIKE 'netledger %'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def terminate(postgres_admin: psycopg.Connection, application: str = "netledger %") -> int:
    """End sessions on the server, as an administrator or a crash would; return how many."""
    return len(
        postgres_admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE %s",
            (application,),
        ).fetchall()
    )


# Sessions that end ------------------------------------------------------------------------------------------


def test_killed_sessions_lose_nothing_acknowledged(database: str, postgres_admin: psycopg.Connection) -> None:
    """While sessions are killed again and again, what was acknowledged is there, and a feed skips nothing."""
    enough = Event()

    def produce() -> dict[int, str]:
        acknowledged: dict[int, str] = {}
        number = 0
        with PostgresLog(database) as log:
            while not enough.is_set():
                appender = log.appender(WHERE)
                sent: list[str] = []
                try:
                    while not enough.is_set():
                        sent.append(f"{number}")
                        number += 1
                        appender.append([message(sent[-1])])
                        assert appender.flush(30)
                except AppenderClosed:
                    sent.pop()
                for text, outcome in zip(sent, appender.outcomes(), strict=True):
                    if outcome.offset is not None:
                        acknowledged[outcome.offset] = text
                appender.close()
        return acknowledged

    with PostgresLog(database) as log, ThreadPoolExecutor(1) as pool:
        log.ensure_topic(SPEC)
        feed = log.follow({WHERE: 0})
        producing = pool.submit(produce)
        records: list[LogRecord] = []
        try:
            for _ in range(5):
                records += take(feed, 20)
                assert eventually(lambda: sessions(postgres_admin) >= 2)  # the producer may be between two
                assert terminate(postgres_admin) >= 2
        finally:
            enough.set()
        acknowledged = producing.result()
        records += take(feed, log.bounds(WHERE).end - len(records))

    assert [record.offset for record in records] == list(range(len(records)))
    by_offset = {record.offset: record.value.decode() for record in records}
    assert acknowledged.items() <= by_offset.items()
    assert len(set(by_offset.values())) == len(by_offset)


def test_idle_log_survives_the_end_of_its_session(
    postgres_log: PostgresLog, postgres_admin: psycopg.Connection
) -> None:
    """A question that finds its session ended is asked again in a new one."""
    append(postgres_log, "a")
    terminate(postgres_admin)

    assert postgres_log.bounds(WHERE) == (0, 1)
    assert values(postgres_log.read(WHERE, 0, 10)) == ["a"]


def test_feed_says_when_the_server_is_away_and_goes_on_after_it(
    database: str, postgres_log: PostgresLog
) -> None:
    """While nobody can connect, polling fails in its time; afterwards nothing is missing."""
    append(postgres_log, "a")
    with PostgresLine(database) as line, PostgresLog(line.dsn) as far:
        feed = far.follow({WHERE: 0})
        assert values(take(feed, 1)) == ["a"]
        line.refuse(refusing=True)
        line.cut()

        with pytest.raises(LogUnavailable):
            feed.poll(10, 0.2)
        with pytest.raises(LogUnavailable):
            feed.poll(10, 0.0)

        append(postgres_log, "b")
        line.refuse(refusing=False)
        assert values(take(feed, 1)) == ["b"]


def test_appender_does_not_wait_for_a_stuck_server(
    postgres_log: PostgresLog, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handing over is not held up, flushing and closing end in their time, and nothing later gets through."""
    monkeypatch.setattr(postgres_append, "CLOSE_S_MAX", 0.1)
    appender = postgres_log.appender(WHERE)
    with psycopg.connect(database) as blocking:
        blocking.execute("SELECT FROM netledger_log.partitions FOR UPDATE")
        appender.append([message("a")])
        appender.append([message("b")])

        assert not appender.flush(0.05)
        appender.close()

        assert [type(outcome.error) for outcome in appender.outcomes()] == [LogUnavailable, LogUnavailable]
        with pytest.raises(AppenderClosed):
            appender.append([message("c")])
    there = values(postgres_log.read(WHERE, 0, 10))
    assert there == ["a", "b"][: len(there)]


def test_what_waits_is_committed_together(
    postgres_log: PostgresLog, database: str, postgres_admin: psycopg.Connection
) -> None:
    """Appends that come while the server is busy make one transaction, not one each."""
    appender = postgres_log.appender(WHERE)
    with psycopg.connect(database) as blocking:
        blocking.execute("SELECT FROM netledger_log.partitions FOR UPDATE")
        for number in range(100):
            appender.append([message(str(number))])
    assert appender.flush(30)

    assert values(postgres_log.read(WHERE, 0, 200)) == [str(number) for number in range(100)]
    row = postgres_admin.execute("SELECT count(DISTINCT xmin::text) FROM netledger_log.records").fetchone()
    assert row is not None
    assert row[0] <= 2


# Many writers -----------------------------------------------------------------------------------------------


def _produce(dsn: str, name: str, count: int) -> list[int]:
    with PostgresLog(dsn) as log:
        appender = log.appender(WHERE)
        for number in range(count):
            appender.append([message(f"{name}:{number}")])
        assert appender.flush(60)
        return [outcome.offset for outcome in appender.outcomes() if outcome.offset is not None]


@pytest.mark.slow
def test_processes_that_write_at_once(postgres_log: PostgresLog, database: str) -> None:
    """A reader beside several writing processes sees every offset once, in order."""
    writers, each = 3, 400
    feed = postgres_log.follow({WHERE: 0})
    with ProcessPoolExecutor(writers, mp_context=get_context("spawn")) as pool:
        written = [pool.submit(_produce, database, str(number), each) for number in range(writers)]
        records = take(feed, writers * each)
        offsets = [offset for future in written for offset in future.result()]

    assert [record.offset for record in records] == list(range(writers * each))
    assert sorted(offsets) == list(range(writers * each))
    for number in range(writers):
        own = [value for value in values(records) if value.startswith(f"{number}:")]
        assert own == [f"{number}:{count}" for count in range(each)]


# Waking up --------------------------------------------------------------------------------------------------


def test_append_is_announced(postgres_log: PostgresLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that never looks by itself learns of an append all the same."""
    monkeypatch.setattr(postgres_feed, "LOOK_S", 1e9)
    feed = postgres_log.follow({WHERE: 0})
    assert list(feed.poll(1, 0.0)) == []
    append(postgres_log, "a")

    assert values(take(feed, 1)) == ["a"]


def test_feed_looks_by_itself(
    postgres_log: PostgresLog, postgres_admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not announced is found too."""
    monkeypatch.setattr(postgres_feed, "LOOK_S", 0.02)
    append(postgres_log, "a")
    feed = postgres_log.follow({WHERE: 1})
    assert list(feed.poll(1, 0.0)) == []
    with postgres_admin.transaction():
        postgres_admin.execute("UPDATE netledger_log.partitions SET end_offset = 2")
        postgres_admin.execute(
            "INSERT INTO netledger_log.records (topic_id, partition, record_offset, headers, value)"
            " SELECT topic_id, partition, 1, headers, 'b' FROM netledger_log.records"
        )

    assert values(take(feed, 1)) == ["b"]


def test_closed_log_is_closed(database: str, postgres_admin: psycopg.Connection) -> None:
    """Closing ends every session that was opened through the log."""
    log = PostgresLog(database)
    log.ensure_topic(SPEC)
    feed, appender = log.follow({WHERE: 0}), log.appender(WHERE)
    feed.poll(1, 0.0)
    log.close()

    with pytest.raises(LogError):
        feed.poll(1, 0.0)
    with pytest.raises(AppenderClosed):
        appender.append([message("a")])
    with pytest.raises(LogError, match="closed"):
        log.topic("ledger")
    eventually(lambda: terminate(postgres_admin) == 0)
