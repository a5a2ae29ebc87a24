"""Connections to PostgreSQL as the log needs them, and every error of psycopg as one of ours."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import psycopg
import structlog
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from events.errors import LogAccessDenied, LogError, LogUnavailable, WrongDatabase, WrongLogSettings

SERVER_VERSION_MIN = 15

CONNECTION_DEFAULTS = {
    "connect_timeout": "5",
    "target_session_attrs": "read-write",  # of several servers, the one that is no standby
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""What a connection string may leave out: a peer that has vanished is noticed within about ten seconds."""

SESSION = (
    # S15: whatever the server's default, a commit is on the disk (and at a synchronous standby) when
    # acknowledged.
    "SET synchronous_commit = on",
    # A server that does not get on counts as one that does not answer.
    "SET statement_timeout = '30s'",
    # The same the other way round: what a vanished client has locked is set free within seconds.
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
)

_NO_ANSWER = (errors.OperationalError, errors.InterfaceError, errors.ReadOnlySqlTransaction)
_DENIED = (errors.InsufficientPrivilege, errors.InvalidAuthorizationSpecification)
_NOT_OURS = (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName, errors.DuplicateSchema)

Connection = psycopg.Connection[tuple[Any, ...]]

log = structlog.get_logger()


class Server:
    """Where a database is and how to get in. Its `name` may be shown: it never holds the password."""

    def __init__(self, dsn: str) -> None:
        """Understand a connection string of either form: a URL, or `name=value` pairs.

        Raises:
            WrongLogSettings: it is neither. The text does not repeat it: it may hold a password.

        """
        try:
            self._parameters = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
        except psycopg.ProgrammingError:
            raise _not_understood() from None
        host = str(self._parameters.get("host") or os.environ.get("PGHOST") or "the local socket")
        port = str(self._parameters.get("port") or os.environ.get("PGPORT") or "5432")
        database = str(
            self._parameters.get("dbname") or os.environ.get("PGDATABASE") or "the user's database"
        )
        # A password with a slash or an at sign ends up in these when it is not encoded.
        if not port.replace(",", "").isdigit() or "@" in host + database:
            raise _not_understood()
        self.name = f"PostgreSQL at {host}:{port}/{database}"

    def connect(self, purpose: str) -> Connection:
        """Open a connection that commits every statement by itself.

        Args:
            purpose: shown to the server's administrator beside our name.

        Raises:
            LogUnavailable: no answer, or none that lets us in.
            WrongDatabase: the server is too old.

        """
        defaults = {"fallback_application_name": f"netledger {purpose}", **CONNECTION_DEFAULTS}
        conninfo = make_conninfo(**(defaults | self._parameters | {"client_encoding": "UTF8"}))
        with translated(self, "connecting"):
            connection = psycopg.connect(conninfo, autocommit=True)
        try:
            self._check_version(connection.info.server_version // 10_000)
            with translated(self, "setting up a session"):
                for statement in SESSION:
                    connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check_version(self, version: int) -> None:
        if version < SERVER_VERSION_MIN:
            raise WrongDatabase(
                f"{self.name} is version {version}, and {SERVER_VERSION_MIN} or later is needed: upgrade it"
            )


def _not_understood() -> WrongLogSettings:
    return WrongLogSettings(
        "the connection string of the database is not understood; write postgresql://user@host:port/database "
        "with special characters percent-encoded (a slash in a password is %2F), or `host=... dbname=...`"
    )


@contextmanager
def translated(server: Server, doing: str) -> Iterator[None]:
    """Turn psycopg's errors into ours.

    Args:
        server: named in the text.
        doing: what is being done, in the form "reading topic x".

    """
    try:
        yield
    except psycopg.Error as error:
        raise _translate(error, server, doing) from error


def _translate(error: psycopg.Error, server: Server, doing: str) -> LogError:
    said = " ".join(str(error).split())
    if isinstance(error, _DENIED):
        return LogAccessDenied(f"{doing}: {server.name} does not let us: {said}. Grant what is missing")
    if isinstance(error, _NOT_OURS):
        return WrongDatabase(
            f"{doing}: the schema netledger_log in {server.name} is not ours: use another database ({said})"
        )
    if isinstance(error, _NO_ANSWER):
        return LogUnavailable(f"{doing}: {server.name} does not answer: {said}")
    return LogError(f"{doing}: {server.name} says: {said}")


def retrying(within_s: float, doing: str) -> Retrying:
    """Return a loop that repeats what raises `LogUnavailable`, with growing pauses, within `within_s`."""

    def say(state: RetryCallState) -> None:
        why = state.outcome.exception() if state.outcome else None
        log.warning("the log does not answer; trying again", doing=doing, why=str(why))

    return Retrying(
        retry=retry_if_exception_type(LogUnavailable),
        stop=stop_after_delay(within_s),
        wait=wait_random_exponential(multiplier=0.05, max=1.0),
        before_sleep=say,
        reraise=True,
    )


def cut(connection: Connection) -> None:
    """Break a connection on which another thread waits, so that its wait ends with an error."""
    try:
        with socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
    except (OSError, psycopg.Error):
        return  # closed meanwhile


def lock_key(purpose: str) -> int:
    """Return the number of the advisory lock for a purpose."""
    digest = blake2b(f"netledger/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
