"""Servers, databases and settings that the log on PostgreSQL does not take, each with its reason."""

import socket
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from events.errors import (
    LogAccessDenied,
    LogUnavailable,
    TopicMissing,
    WrongDatabase,
    WrongLogSettings,
)
from events.log import postgres, postgres_connection
from events.log.postgres import PostgresLog
from events.log.postgres_connection import Server
from tests.integration.postgres_steps import SPEC


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


def test_synchronous_commit_is_forced(database: str, postgres_admin: psycopg.Connection) -> None:
    """A database whose sessions may lose commits is overruled for ours."""
    name = postgres_admin.info.dbname
    postgres_admin.execute(
        sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
    )

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
def test_foreign_schema_is_left_alone(
    database: str, postgres_admin: psycopg.Connection, foreign: str
) -> None:
    """A schema of our name that is not ours is an error for every call, and nothing is made in it."""
    postgres_admin.execute(foreign.replace("(version) AS SELECT 2", "(version int DEFAULT 2)").encode())
    if "AS SELECT" in foreign:
        postgres_admin.execute("INSERT INTO netledger_log.about DEFAULT VALUES")
    with PostgresLog(database) as log:
        with pytest.raises(WrongDatabase):
            log.topic("ledger")
        with pytest.raises(WrongDatabase):
            log.ensure_topic(SPEC)
    assert postgres_admin.execute("SELECT to_regclass('netledger_log.records')").fetchone() == (None,)


def test_missing_rights_are_said(database: str, postgres_admin: psycopg.Connection) -> None:
    """Who may not create the schema learns that it is a matter of rights."""
    role = f"netledger_guest_{uuid4().hex[:8]}"
    postgres_admin.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    try:
        with PostgresLog(make_conninfo(database, options=f"-c role={role}")) as guest:
            with pytest.raises(LogAccessDenied, match="permission denied"):
                guest.ensure_topic(SPEC)
            with pytest.raises(TopicMissing):
                guest.topic("ledger")
    finally:
        postgres_admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
