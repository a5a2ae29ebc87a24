"""Appending to PostgreSQL: one statement, and so one transaction, for everything that is waiting."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain
from struct import Struct

from psycopg import pq
from psycopg.adapt import Dumper

from events.errors import AppenderClosed, LogError, RecordTooLarge, TopicMissing
from events.log.framing import pack_headers
from events.log.port import RECORD_BYTES_MAX, AppendOutcome, Message
from events.log.postgres_connection import Connection, Server, cut, translated
from events.log.postgres_read import Place

BATCH_RECORDS_MAX = 1000
BATCH_BYTES_MAX = 8 * 1024 * 1024
"""A batch takes no more records once it has reached this."""

WAITING_BYTES_MAX = 64 * 1024 * 1024
"""With more than this waiting to be sent, `append` waits for the server after all."""

CLOSE_S_MAX = 2.0
"""How long closing waits for the batch that is being written, before it cuts the connection."""

_APPEND = """
WITH place AS (
    UPDATE netledger_log.partitions SET end_offset = end_offset + %(count)s
    WHERE topic_id = %(topic_id)s AND partition = %(partition)s
    RETURNING end_offset - %(count)s AS first_offset
), stored AS (
    INSERT INTO netledger_log.records (topic_id, partition, record_offset, headers, value)
    SELECT %(topic_id)s, %(partition)s, first_offset + number - 1, headers, value
    FROM place, unnest(%(headers)s, %(values)s) WITH ORDINALITY AS batch (headers, value, number)
)
SELECT first_offset, pg_notify(%(channel)s, (first_offset + %(count)s)::text) FROM place
"""

_ARRAY = Struct("!iiIii")
_SIZE = Struct("!i")
_BYTEA_OID = 17
_BYTEA_ARRAY_OID = 1001


class _ByteaArray(list[bytes]):
    """Byte strings to be sent as one array."""


class _ByteaArrayDumper(Dumper):
    """The binary form of bytea[], four times as fast as psycopg's own for lists of anything."""

    format = pq.Format.BINARY
    oid = _BYTEA_ARRAY_OID

    def dump(self, obj: _ByteaArray) -> bytes:
        sized = chain.from_iterable((_SIZE.pack(len(item)), item) for item in obj)
        return b"".join((_ARRAY.pack(1, 0, _BYTEA_OID, len(obj), 1), *sized))


class PostgresAppender:
    """Hands messages to a thread that writes all that wait in one transaction each time (group commit)."""

    def __init__(
        self,
        connection: Connection,
        server: Server,
        place: Place,
        when_closed: Callable[["PostgresAppender"], None],
    ) -> None:
        self._connection = connection
        self._server = server
        self._place = place
        self._when_closed = when_closed
        self._changed = threading.Condition()
        self._waiting: deque[Message] = deque()
        self._waiting_bytes = 0
        self._pending = 0
        self._outcomes: list[AppendOutcome] = []
        self._failure: LogError | None = None
        self._closed = False
        connection.adapters.register_dumper(_ByteaArray, _ByteaArrayDumper)
        name = f"append to {place.where.topic}/{place.where.partition}"
        self._writer = threading.Thread(target=self._write, name=name, daemon=True)
        self._writer.start()

    def append(self, messages: Sequence[Message]) -> None:
        """Hand over messages; waits only while `WAITING_BYTES_MAX` are waiting already."""
        for message in messages:
            if len(message.value) > RECORD_BYTES_MAX:
                raise RecordTooLarge(
                    f"a record of {len(message.value)} bytes; at most {RECORD_BYTES_MAX} are taken"
                )
        size = sum(len(message.value) for message in messages)
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting_bytes <= WAITING_BYTES_MAX or self._failure is not None or self._closed
            )
            if self._failure is not None or self._closed:
                where = self._place.where
                raise AppenderClosed(
                    f"this appender to {where.topic}/{where.partition} has failed or was closed"
                )
            self._waiting.extend(messages)
            self._waiting_bytes += size
            self._pending += len(messages)
            self._changed.notify_all()

    def outcomes(self) -> Sequence[AppendOutcome]:
        """Return what has become known since the last call."""
        if not self._outcomes:
            return ()
        with self._changed:
            known, self._outcomes = self._outcomes, []
        return known

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything handed over has an outcome."""
        with self._changed:
            return self._changed.wait_for(lambda: self._pending == 0, timeout_s)

    def close(self) -> None:
        """Give up what waits. What is being written right now gets `CLOSE_S_MAX` to be acknowledged."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._writer.join(CLOSE_S_MAX)
        if self._writer.is_alive():
            cut(self._connection)
            self._writer.join(CLOSE_S_MAX)
        self._when_closed(self)

    # The writer's thread ------------------------------------------------------------------------------------

    def _write(self) -> None:
        try:
            while batch := self._next_batch():
                first = self._store(batch)
                with self._changed:
                    self._pending -= len(batch)
                    self._outcomes.extend(AppendOutcome(first + at, None) for at in range(len(batch)))
                    self._changed.notify_all()
            self._fail(AppenderClosed("the appender was closed before this was written"))
        except LogError as error:
            self._fail(error)
        except Exception as error:
            # Nobody waits for this thread: without this a bug here would leave the appender silent for ever.
            self._fail(LogError(f"writing to {self._server.name} failed: {error!r}"))
            raise
        finally:
            self._connection.close()

    def _next_batch(self) -> list[Message]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return []
            batch: list[Message] = []
            size = 0
            while self._waiting and len(batch) < BATCH_RECORDS_MAX and size < BATCH_BYTES_MAX:
                message = self._waiting.popleft()
                batch.append(message)
                size += len(message.value)
            self._waiting_bytes -= size
            return batch

    def _store(self, batch: list[Message]) -> int:
        """Write the batch in one transaction; return the offset of its first record once it is committed."""
        where = self._place.where
        parameters = {
            "count": len(batch),
            "topic_id": self._place.topic_id,
            "partition": where.partition,
            "channel": self._place.channel,
            "headers": _ByteaArray(pack_headers(message.headers) for message in batch),
            "values": _ByteaArray(message.value for message in batch),
        }
        with translated(self._server, f"appending to {where.topic}/{where.partition}"):
            row = self._connection.execute(_APPEND, parameters, prepare=True).fetchone()
        if row is None:
            raise TopicMissing(f"topic {where.topic!r} in {self._server.name} was deleted or replaced")
        first: int = row[0]
        return first

    def _fail(self, error: LogError) -> None:
        """Give everything without an outcome this one. What was being written may be there all the same."""
        with self._changed:
            self._failure = error
            self._outcomes.extend([AppendOutcome(None, error)] * self._pending)
            self._waiting.clear()
            self._pending = self._waiting_bytes = 0
            self._changed.notify_all()
