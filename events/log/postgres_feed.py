"""Following partitions in PostgreSQL: woken by NOTIFY, and looking by itself now and then all the same."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg import sql

from events.errors import LogError, LogUnavailable
from events.log.port import LogRecord
from events.log.postgres_connection import Connection, Server, retrying, translated
from events.log.postgres_read import Place, read_page

LOOK_S = 1.0
"""A partition that was not announced is looked at this often."""


@dataclass(slots=True)
class _Cursor:
    """Where the feed is in one partition; `dirty` when there may be more."""

    place: Place
    offset: int
    dirty: bool = True


class PostgresFeed:
    """Follows partitions over a connection of its own, which it makes anew when it breaks.

    The order matters: LISTEN first, then read. What is committed before that is read, what is committed after
    it is announced.
    """

    def __init__(
        self,
        server: Server,
        places: Sequence[tuple[Place, int]],
        when_closed: Callable[["PostgresFeed"], None],
    ) -> None:
        self._server = server
        self._cursors = {place.channel: _Cursor(place, offset) for place, offset in places}
        self._turn = deque(self._cursors.values())
        self._looked_at = 0.0
        self._connection: Connection | None = None
        self._when_closed = when_closed
        self._closed = False

    def poll(self, limit: int, timeout_s: float) -> Sequence[LogRecord]:
        """Return up to `limit` next records, waiting at most `timeout_s` for the first, or for the server."""
        deadline = time.monotonic() + timeout_s
        try:
            return self._poll(limit, deadline)
        except LogUnavailable:
            if timeout_s <= 0:
                raise
        for attempt in retrying(deadline - time.monotonic(), "following"):
            with attempt:
                return self._poll(limit, deadline)
        raise AssertionError("the loop ends by returning or raising")  # pragma: no cover

    def close(self) -> None:
        """Stop following."""
        self._closed = True
        self._disconnect()
        self._when_closed(self)

    def _poll(self, limit: int, deadline: float) -> list[LogRecord]:
        connection = self._connected()
        try:
            while True:
                self._notice(connection, deadline)
                records = self._take(connection, limit)
                if records or time.monotonic() >= deadline:
                    return records
        except LogUnavailable:
            self._disconnect()
            raise

    def _notice(self, connection: Connection, deadline: float) -> None:
        """Learn where there is more; wait for it where there is not."""
        now = time.monotonic()
        if now >= self._looked_at + LOOK_S:
            self._look_everywhere()
        if any(cursor.dirty for cursor in self._turn):
            return
        wait_s = max(0.0, min(deadline, self._looked_at + LOOK_S) - now)
        with translated(self._server, "waiting for appends"):
            for announced in connection.notifies(timeout=wait_s, stop_after=1):
                cursor = self._cursors.get(announced.channel)
                if cursor is not None and int(announced.payload) > cursor.offset:
                    cursor.dirty = True

    def _take(self, connection: Connection, limit: int) -> list[LogRecord]:
        records: list[LogRecord] = []
        for cursor in tuple(self._turn):
            if not cursor.dirty:
                continue
            try:
                page = read_page(connection, self._server, cursor.place, cursor.offset, limit - len(records))
            except LogError:
                if records:
                    break  # these must not be lost; the error comes again with the next poll
                raise
            records += page.records
            cursor.offset += len(page.records)
            cursor.dirty = cursor.offset < page.bounds.end
            self._turn.remove(cursor)  # to the back: a busy partition must not starve the others
            self._turn.append(cursor)
            if len(records) >= limit:
                break
        return records

    def _look_everywhere(self) -> None:
        self._looked_at = time.monotonic()
        for cursor in self._turn:
            cursor.dirty = True

    def _connected(self) -> Connection:
        if self._closed:
            raise LogError("this feed was closed")
        if self._connection is None:
            self._connection = self._server.connect("feed")
            with translated(self._server, "listening for appends"):
                for channel in self._cursors:
                    self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self._look_everywhere()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
