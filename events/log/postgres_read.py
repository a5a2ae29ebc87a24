"""Reading from PostgreSQL: where a partition is, its bounds, and one page of it."""

from typing import NamedTuple

from events.errors import OffsetOutOfRange, TopicMissing
from events.log.framing import unpack_headers
from events.log.port import Bounds, LogRecord, TopicInfo, TopicPartition
from events.log.postgres_connection import Connection, Server, translated

PAGE_RECORDS_MAX = 500
PAGE_BYTES_MAX = 16 * 1024 * 1024
"""A page ends after the record that reaches this; it holds one record at least."""

_SCHEMA = "SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'netledger_log'"

_TOPIC = """
SELECT topic_id, incarnation, (SELECT count(*) FROM netledger_log.partitions p WHERE p.topic_id = t.topic_id)
FROM netledger_log.topics t WHERE name = %s
"""

_BOUNDS = """
SELECT start_offset, end_offset FROM netledger_log.partitions
JOIN netledger_log.topics USING (topic_id) WHERE name = %s AND partition = %s
"""

# One snapshot holds the bounds and the records: what was lost is told apart from what is not there yet.
_PAGE = """
SELECT p.start_offset, p.end_offset, r.record_offset, r.headers, r.value
FROM netledger_log.partitions p
LEFT JOIN LATERAL (
    SELECT record_offset, headers, value, sum(octet_length(value)) OVER (
        ORDER BY record_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS bytes_before
    FROM (
        SELECT record_offset, headers, value FROM netledger_log.records s
        WHERE s.topic_id = p.topic_id AND s.partition = p.partition AND record_offset >= %(offset)s
        ORDER BY record_offset LIMIT %(limit)s
    ) next_ones
) r ON bytes_before IS NULL OR bytes_before < %(bytes_max)s
WHERE p.topic_id = %(topic_id)s AND p.partition = %(partition)s
ORDER BY r.record_offset
"""


class Place(NamedTuple):
    """A partition as the tables name it. A topic made again under the same name has another `topic_id`."""

    where: TopicPartition
    topic_id: int

    @property
    def channel(self) -> str:
        """Return the channel on which appends are announced."""
        return f"netledger_log:{self.topic_id}:{self.where.partition}"


class Page(NamedTuple):
    """Records from one offset on, and the partition's bounds at the same instant."""

    bounds: Bounds
    records: list[LogRecord]


def has_schema(connection: Connection) -> bool:
    """Tell whether a log was ever made in this database."""
    # Not to_regnamespace: its cache may not have heard yet of what another process has just made.
    return connection.execute(_SCHEMA, prepare=True).fetchone() is not None


def find_topic(connection: Connection, server: Server, name: str) -> tuple[int, TopicInfo]:
    """Return a topic's id and description.

    Raises:
        TopicMissing: there is none of this name, or no log in this database.

    """
    with translated(server, f"looking for topic {name}"):
        row = connection.execute(_TOPIC, (name,), prepare=True).fetchone() if has_schema(connection) else None
    if row is None:
        raise TopicMissing(f"there is no topic {name!r} in {server.name}")
    topic_id, incarnation, partitions = row
    return topic_id, TopicInfo(name, str(incarnation), partitions)


def find_place(connection: Connection, server: Server, where: TopicPartition) -> Place:
    """Return where a partition is.

    Raises:
        TopicMissing: the topic or the partition does not exist.

    """
    topic_id, info = find_topic(connection, server, where.topic)
    if not 0 <= where.partition < info.partitions:
        raise _partition_missing(server, where)
    return Place(where, topic_id)


def find_bounds(connection: Connection, server: Server, where: TopicPartition) -> Bounds:
    """Return the offsets that a partition holds.

    Raises:
        TopicMissing: the topic or the partition does not exist.

    """
    with translated(server, f"asking for the bounds of {where.topic}/{where.partition}"):
        row = connection.execute(_BOUNDS, where, prepare=True).fetchone() if has_schema(connection) else None
    if row is None:
        raise _partition_missing(server, where)
    return Bounds(*row)


def _partition_missing(server: Server, where: TopicPartition) -> TopicMissing:
    return TopicMissing(
        f"there is no partition {where.partition} of a topic {where.topic!r} in {server.name}"
    )


def read_page(connection: Connection, server: Server, place: Place, offset: int, limit: int) -> Page:
    """Return up to `limit` records from `offset` on; fewer when they are many or large.

    Raises: OffsetOutOfRange: the partition does not hold `offset` nor ends there, or is not the one that was
    found.

    """
    where = place.where
    parameters = {
        "offset": offset,
        "limit": min(limit, PAGE_RECORDS_MAX),
        "bytes_max": PAGE_BYTES_MAX,
        "topic_id": place.topic_id,
        "partition": where.partition,
    }
    with (
        translated(server, f"reading {where.topic}/{where.partition}"),
        connection.cursor(binary=True) as cursor,
    ):
        rows = cursor.execute(_PAGE, parameters, prepare=True).fetchall()
    if not rows:
        raise OffsetOutOfRange(f"topic {where.topic!r} in {server.name} was deleted or replaced meanwhile")
    bounds = Bounds(rows[0][0], rows[0][1])
    if not bounds.start <= offset <= bounds.end:
        raise OffsetOutOfRange(
            f"{where.topic}/{where.partition} in {server.name} holds the offsets {bounds.start} to "
            f"{bounds.end}, not {offset}"
        )
    records = [
        LogRecord(where, at, unpack_headers(headers), value)
        for _, _, at, headers, value in rows
        if at is not None
    ]
    is_cut = not records and offset < bounds.end and limit > 0
    if is_cut or any(record.offset != at for at, record in enumerate(records, offset)):
        raise OffsetOutOfRange(
            f"records of {where.topic}/{where.partition} in {server.name} were deleted at or after {offset}"
        )
    return Page(bounds, records)
