"""What the log on PostgreSQL keeps beyond the contract: broken sessions, damaged tables, wrong servers."""

import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from threading import Event
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from events.errors import (
    AppenderClosed,
    LogAccessDenied,
    LogError,
    LogUnavailable,
    OffsetOutOfRange,
    TopicMissing,
    WrongDatabase,
    WrongLogSettings,
)
from events.log import postgres, postgres_append, postgres_connection, postgres_feed
from events.log.port import Feed, Log, LogRecord, Message, TopicPartition, TopicSpec
from events.log.postgres import PostgresLog
from events.log.postgres_connection import Server
from tests.eventually import eventually
from tests.postgres_line import PostgresLine

WHERE = TopicPartition("ledger", 0)
SPEC = TopicSpec("ledger", 1, "ledger")


@pytest.fixture
def log(database: str) -> Iterator[PostgresLog]:
    """Return a log with one topic of one partition."""
    with PostgresLog(database) as log:
        log.ensure_topic(SPEC)
        yield log


@pytest.fixture
def admin(database: str) -> Iterator[psycopg.Connection]:
    """Return an administrator's connection to the log's database."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


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


def terminate(admin: psycopg.Connection, application: str = "netledger %") -> int:
    """End sessions on the server, as an administrator or a crash would; return how many."""
    return len(
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE %s",
            (application,),
        ).fetchall()
    )


# Sessions that end ------------------------------------------------------------------------------------------


def test_killed_sessions_lose_nothing_acknowledged(database: str, admin: psycopg.Connection) -> None:
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
        for _ in range(5):
            records += take(feed, 20)
            assert terminate(admin) >= 2
        enough.set()
        acknowledged = producing.result()
        records += take(feed, log.bounds(WHERE).end - len(records))

    assert [record.offset for record in records] == list(range(len(records)))
    by_offset = {record.offset: record.value.decode() for record in records}
    assert acknowledged.items() <= by_offset.items()
    assert len(set(by_offset.values())) == len(by_offset)


def test_idle_log_survives_the_end_of_its_session(log: PostgresLog, admin: psycopg.Connection) -> None:
    """A question that finds its session ended is asked again in a new one."""
    append(log, "a")
    terminate(admin)

    assert log.bounds(WHERE) == (0, 1)
    assert values(log.read(WHERE, 0, 10)) == ["a"]


def test_feed_says_when_the_server_is_away_and_goes_on_after_it(database: str, log: PostgresLog) -> None:
    """While nobody can connect, polling fails in its time; afterwards nothing is missing."""
    append(log, "a")
    with PostgresLine(database) as line, PostgresLog(line.dsn) as far:
        feed = far.follow({WHERE: 0})
        assert values(take(feed, 1)) == ["a"]
        line.refuse(refusing=True)
        line.cut()

        with pytest.raises(LogUnavailable):
            feed.poll(10, 0.2)
        with pytest.raises(LogUnavailable):
            feed.poll(10, 0.0)

        append(log, "b")
        line.refuse(refusing=False)
        assert values(take(feed, 1)) == ["b"]


def test_appender_does_not_wait_for_a_stuck_server(
    log: PostgresLog, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Handing over is not held up, flushing and closing end in their time, and nothing later gets through."""
    monkeypatch.setattr(postgres_append, "CLOSE_S_MAX", 0.1)
    appender = log.appender(WHERE)
    with psycopg.connect(database) as blocking:
        blocking.execute("SELECT FROM netledger_log.partitions FOR UPDATE")
        appender.append([message("a")])
        appender.append([message("b")])

        assert not appender.flush(0.05)
        appender.close()

        assert [type(outcome.error) for outcome in appender.outcomes()] == [LogUnavailable, LogUnavailable]
        with pytest.raises(AppenderClosed):
            appender.append([message("c")])
    there = values(log.read(WHERE, 0, 10))
    assert there == ["a", "b"][: len(there)]


def test_what_waits_is_committed_together(log: PostgresLog, database: str, admin: psycopg.Connection) -> None:
    """Appends that come while the server is busy make one transaction, not one each."""
    appender = log.appender(WHERE)
    with psycopg.connect(database) as blocking:
        blocking.execute("SELECT FROM netledger_log.partitions FOR UPDATE")
        for number in range(100):
            appender.append([message(str(number))])
    assert appender.flush(30)

    assert values(log.read(WHERE, 0, 200)) == [str(number) for number in range(100)]
    row = admin.execute("SELECT count(DISTINCT xmin::text) FROM netledger_log.records").fetchone()
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
def test_processes_that_write_at_once(log: PostgresLog, database: str) -> None:
    """A reader beside several writing processes sees every offset once, in order."""
    writers, each = 3, 400
    feed = log.follow({WHERE: 0})
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


def test_append_is_announced(log: PostgresLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that never looks by itself learns of an append all the same."""
    monkeypatch.setattr(postgres_feed, "LOOK_S", 1e9)
    feed = log.follow({WHERE: 0})
    assert list(feed.poll(1, 0.0)) == []
    append(log, "a")

    assert values(take(feed, 1)) == ["a"]


def test_feed_looks_by_itself(
    log: PostgresLog, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not announced is found too."""
    monkeypatch.setattr(postgres_feed, "LOOK_S", 0.02)
    append(log, "a")
    feed = log.follow({WHERE: 1})
    assert list(feed.poll(1, 0.0)) == []
    with admin.transaction():
        admin.execute("UPDATE netledger_log.partitions SET end_offset = 2")
        admin.execute(
            "INSERT INTO netledger_log.records (topic_id, partition, record_offset, headers, value)"
            " SELECT topic_id, partition, 1, headers, 'b' FROM netledger_log.records"
        )

    assert values(take(feed, 1)) == ["b"]


# Damage -----------------------------------------------------------------------------------------------------


def test_truncated_log_is_noticed(log: PostgresLog, admin: psycopg.Connection) -> None:
    """After a fail-over that lost the tail, a reader beyond the new end stops instead of waiting."""
    append(log, "a", "b", "c")
    feed = log.follow({WHERE: 3})
    admin.execute("UPDATE netledger_log.partitions SET end_offset = 1")
    admin.execute("DELETE FROM netledger_log.records WHERE record_offset >= 1")

    with pytest.raises(OffsetOutOfRange, match="0 to 1, not 3"):
        feed.poll(1, 10.0)
    with pytest.raises(OffsetOutOfRange):
        feed.poll(1, 10.0)


def test_trimmed_front_is_told(log: PostgresLog, admin: psycopg.Connection) -> None:
    """Records below the start are gone by intention, and asking for them says so."""
    append(log, "a", "b", "c")
    admin.execute("UPDATE netledger_log.partitions SET start_offset = 2")
    admin.execute("DELETE FROM netledger_log.records WHERE record_offset < 2")

    assert log.bounds(WHERE) == (2, 3)
    assert values(log.read(WHERE, 2, 10)) == ["c"]
    with pytest.raises(OffsetOutOfRange):
        log.read(WHERE, 1, 10)
    with pytest.raises(OffsetOutOfRange):
        log.follow({WHERE: 0})


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_deleted_record_is_never_skipped(log: PostgresLog, admin: psycopg.Connection, missing: int) -> None:
    """A row that somebody deleted by hand stops the reader."""
    append(log, "a", "b", "c")
    admin.execute("DELETE FROM netledger_log.records WHERE record_offset = %s", (missing,))
    feed = log.follow({WHERE: 0})

    with pytest.raises(OffsetOutOfRange):
        take(feed, 3)


def test_replaced_topic_stops_its_feeds_and_appenders(log: PostgresLog, admin: psycopg.Connection) -> None:
    """Who opened the old topic neither reads from nor writes to the new one."""
    append(log, "a")
    feed, appender = log.follow({WHERE: 1}), log.appender(WHERE)
    admin.execute("DELETE FROM netledger_log.topics")
    log.ensure_topic(SPEC)
    appender.append([message("b")])

    assert appender.flush(30)
    assert isinstance(appender.outcomes()[0].error, TopicMissing)
    with pytest.raises(OffsetOutOfRange, match="replaced"):
        feed.poll(1, 10.0)
    assert log.bounds(WHERE) == (0, 0)
    count = admin.execute("SELECT count(*) FROM netledger_log.records").fetchone()
    assert count == (0,)


def test_large_records_are_read_in_pages(log: PostgresLog) -> None:
    """A page ends when it is large enough, and the next goes on behind it."""
    large = "x" * (3 * 1024 * 1024)
    append(log, *[large] * 10)

    page = log.read(WHERE, 0, 10)

    assert 0 < len(page) < 10
    assert [record.offset for record in take(log.follow({WHERE: 0}), 10)] == list(range(10))


# Wrong servers and settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://us:se/cret@host/db",
        "postgresql://us:1/se/cret@host/db",
        "postgresql://us:se@cret@host/db",
        "host=x password='secret",
        "nonsense secret",
        "postgresql://us:secret@[::1/db",
    ],
)
def test_connection_string_is_refused_without_repeating_it(dsn: str) -> None:
    """What cannot be understood may hold a password anywhere."""
    with pytest.raises(WrongLogSettings) as caught:
        PostgresLog(dsn)
    error: BaseException | None = caught.value
    assert error is not None
    assert "cret" not in str(error)
    assert error.__suppress_context__ or error.__context__ is None


def test_unreachable_server_is_named_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried for a bounded time; then the error says where, and never how, one gets in."""
    monkeypatch.setattr(postgres, "RETRY_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    log = PostgresLog(f"postgresql://somebody:secret@127.0.0.1:{port}/cloud")

    with pytest.raises(LogUnavailable, match=f"127.0.0.1:{port}/cloud") as caught:
        log.topic("ledger")
    assert "secret" not in str(caught.value)


def test_unknown_database_is_said(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own sentence comes through."""
    monkeypatch.setattr(postgres, "RETRY_S", 0.0)

    with pytest.raises(LogUnavailable, match="no_such_database"):
        PostgresLog(make_conninfo(database, dbname="no_such_database")).topic("ledger")


def test_too_old_server_is_refused(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version that is needed is named."""
    monkeypatch.setattr(postgres_connection, "SERVER_VERSION_MIN", 99)

    with pytest.raises(WrongDatabase, match="99 or later"):
        PostgresLog(database).topic("ledger")


def test_server_that_may_lose_commits_is_refused(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not force commits to the disk is no place for a ledger."""
    monkeypatch.setattr(postgres, "SETTINGS_ON", ("zero_damaged_pages",))

    with pytest.raises(WrongLogSettings, match="ALTER SYSTEM SET zero_damaged_pages = on"):
        PostgresLog(database).topic("ledger")


def test_synchronous_commit_is_forced(database: str, admin: psycopg.Connection) -> None:
    """A database whose sessions may lose commits is overruled for ours."""
    name = admin.info.dbname
    admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))

    connection = Server(database).connect("test")
    answer = connection.execute("SHOW synchronous_commit").fetchone()
    connection.close()
    assert answer == ("on",)


@pytest.mark.parametrize(
    "foreign",
    [
        "CREATE SCHEMA netledger_log",
        "CREATE SCHEMA netledger_log CREATE TABLE about (colour text)",
        "CREATE SCHEMA netledger_log CREATE TABLE about (version) AS SELECT 2",
        "CREATE SCHEMA netledger_log CREATE TABLE about (version int)",
    ],
    ids=["empty", "other tables", "later version", "no version"],
)
def test_foreign_schema_is_left_alone(database: str, admin: psycopg.Connection, foreign: str) -> None:
    """A schema of our name that is not ours is an error for every call, and nothing is made in it."""
    admin.execute(foreign.replace("(version) AS SELECT 2", "(version int DEFAULT 2)").encode())
    if "AS SELECT" in foreign:
        admin.execute("INSERT INTO netledger_log.about DEFAULT VALUES")
    with PostgresLog(database) as log:
        with pytest.raises(WrongDatabase):
            log.topic("ledger")
        with pytest.raises(WrongDatabase):
            log.ensure_topic(SPEC)
    assert admin.execute("SELECT to_regclass('netledger_log.records')").fetchone() == (None,)


def test_missing_rights_are_said(database: str, admin: psycopg.Connection) -> None:
    """Who may not create the schema learns that it is a matter of rights."""
    role = f"netledger_guest_{uuid4().hex[:8]}"
    admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    try:
        with PostgresLog(make_conninfo(database, options=f"-c role={role}")) as guest:
            with pytest.raises(LogAccessDenied, match="permission denied"):
                guest.ensure_topic(SPEC)
            with pytest.raises(TopicMissing):
                guest.topic("ledger")
    finally:
        admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def test_closed_log_is_closed(database: str, admin: psycopg.Connection) -> None:
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
    eventually(lambda: terminate(admin) == 0)
