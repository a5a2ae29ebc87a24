"""The log in PostgreSQL 15 or later: the default, and for small clouds that want one dependency.

Any database will do: everything is in a schema of its own, `netledger_log` (see `postgres_schema.sql`).
Connections must be direct: a pooler that changes sessions between transactions loses LISTEN and the session's
settings. Fail over only to a synchronous standby (S15), or acknowledged records can be lost; the ledger's
readers would notice, and stop.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Self, TypeVar

from events.errors import (
    LogError,
    LogUnavailable,
    WrongDatabase,
    WrongLogSettings,
    WrongTopicSettings,
)
from events.log.port import Bounds, LogRecord, TopicInfo, TopicPartition, TopicSpec
from events.log.postgres_append import PostgresAppender
from events.log.postgres_connection import Connection, Server, lock_key, retrying, translated
from events.log.postgres_feed import PostgresFeed
from events.log.postgres_read import find_bounds, find_place, find_topic, has_schema, read_page

SCHEMA_VERSION = 1

RETRY_S = 5.0
"""How long a call repeats itself while the server does not answer."""

SETTINGS_ON = ("fsync", "full_page_writes")
"""Without these a server may lose what it has acknowledged when it crashes."""

_SCHEMA_LOCK = lock_key("log schema")

_CREATE_TOPIC = """
WITH made AS (
    INSERT INTO netledger_log.topics (name) VALUES (%s) ON CONFLICT DO NOTHING RETURNING topic_id
)
INSERT INTO netledger_log.partitions (topic_id, partition)
SELECT topic_id, generate_series(0, %s - 1) FROM made
"""

_T = TypeVar("_T")


class PostgresLog:
    """The `Log` port on a PostgreSQL database. Nothing is connected before it is needed."""

    def __init__(self, dsn: str) -> None:
        self._server = Server(dsn)
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._opened: set[PostgresAppender | PostgresFeed] = set()
        self._closed = False

    def ensure_topic(self, spec: TopicSpec) -> TopicInfo:
        """Create the schema and the topic if they are missing, and check them.

        Raises:
            WrongDatabase: the schema of our name in this database is not ours, or of a later version.
            WrongLogSettings: the server is set up to lose commits when it crashes.
            WrongTopicSettings: the topic has too few partitions.

        """
        return self._ask(
            lambda connection: self._ensure_topic(connection, spec), f"creating topic {spec.name}"
        )

    def topic(self, name: str) -> TopicInfo:
        """Describe an existing topic."""
        return self._ask(
            lambda connection: find_topic(connection, self._server, name)[1], f"looking for topic {name}"
        )

    def bounds(self, where: TopicPartition) -> Bounds:
        """Return the offsets that the partition holds now."""
        return self._ask(lambda connection: find_bounds(connection, self._server, where), "asking for bounds")

    def read(self, where: TopicPartition, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on: fewer when they are many or large."""

        def ask(connection: Connection) -> Sequence[LogRecord]:
            place = find_place(connection, self._server, where)
            return read_page(connection, self._server, place, offset, limit).records

        return self._ask(ask, f"reading {where.topic}")

    def follow(self, positions: Mapping[TopicPartition, int]) -> PostgresFeed:
        """Follow partitions, each from the offset given."""

        def ask(connection: Connection) -> PostgresFeed:
            places = [(find_place(connection, self._server, where), at) for where, at in positions.items()]
            for place, offset in places:
                read_page(connection, self._server, place, offset, 0)
            return PostgresFeed(self._server, places, self._opened.discard)

        feed = self._ask(ask, "following")
        self._opened.add(feed)
        return feed

    def appender(self, where: TopicPartition) -> PostgresAppender:
        """Open an ordered stream of appends to one partition."""
        place = self._ask(
            lambda connection: find_place(connection, self._server, where), "opening an appender"
        )
        connection = retrying(RETRY_S, "opening an appender")(self._server.connect, "appender")
        appender = PostgresAppender(connection, self._server, place, self._opened.discard)
        self._opened.add(appender)
        return appender

    def close(self) -> None:
        """Close every connection that was opened through this log, with appenders and feeds."""
        self._closed = True
        for opened in tuple(self._opened):
            opened.close()
        with self._lock:
            self._disconnect()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()

    def _ask(self, action: Callable[[Connection], _T], doing: str) -> _T:
        """Do something that can be repeated, over the one connection that all threads share."""
        with self._lock:
            for attempt in retrying(RETRY_S, doing):
                with attempt:
                    connection = self._connected()
                    try:
                        return action(connection)
                    except LogUnavailable:
                        self._disconnect()
                        raise
        raise AssertionError("the loop ends by returning or raising")  # pragma: no cover

    def _connected(self) -> Connection:
        if self._closed:
            raise LogError("this log was closed")
        if self._connection is None:
            connection = self._server.connect("log")
            try:
                self._check(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _check(self, connection: Connection) -> None:
        """Check that the server keeps what it acknowledges, and that the schema, if there is one, is ours."""
        with translated(self._server, "checking the database"):
            for name in SETTINGS_ON:
                if connection.execute("SELECT current_setting(%s)", (name,)).fetchone() == ("off",):
                    raise WrongLogSettings(
                        f"{self._server.name} runs with {name} = off and may lose what it has acknowledged: "
                        f"run `ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf()`"
                    )
            if not has_schema(connection):
                return
            about = connection.execute("SELECT version FROM netledger_log.about").fetchone()
        if about != (SCHEMA_VERSION,):
            found = "nothing" if about is None else f"version {about[0]}"
            raise WrongDatabase(
                f"the log in {self._server.name} is of {found}; this program knows version {SCHEMA_VERSION}: "
                "use the program that made it, or a later one"
            )

    def _ensure_topic(self, connection: Connection, spec: TopicSpec) -> TopicInfo:
        with translated(self._server, f"creating topic {spec.name}"), connection.transaction():
            # Several processes may start at once: the first makes what is missing, the others find it.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
            if not has_schema(connection):
                connection.execute(files("events.log").joinpath("postgres_schema.sql").read_bytes())
            connection.execute(_CREATE_TOPIC, (spec.name, spec.partitions))
        info = find_topic(connection, self._server, spec.name)[1]
        if info.partitions < spec.partitions:
            raise WrongTopicSettings(
                f"topic {spec.name!r} in {self._server.name} has {info.partitions} partitions; "
                f"{spec.partitions} are needed"
            )
        return info
