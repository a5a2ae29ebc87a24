"""Building a cell's tables anew beside the live ones, comparing them, and swapping them in one transaction.

The live projector goes on meanwhile. It waits only while the last decisions are read and both sets of tables
are compared; then it finds the new ones under the old name, at the position where it left the old ones.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from events.errors import LedgerAlarm
from events.ledger.follow import LedgerReader, check_position
from events.log.port import Log, TopicPartition
from projections.ipam.connection import connect, schema_name
from projections.ipam.digest import digests
from projections.ipam.errors import IpamDiffers, IpamError, IpamMissing, IpamOutdated, translated
from projections.ipam.schema import check_layout
from projections.ipam.writer import IpamProjection, Outcome, read_position

BATCH = 1000
_POLL_S = 5.0
_CLOSE_ENOUGH = 1000
"""Records that may be left to read when the live tables are locked."""

Progress = Callable[[int, int], None]
"""Told how many records have been read, and of how many."""


class Rebuilt(NamedTuple):
    """What came of a rebuild."""

    seq: int
    compared: bool
    """Whether there were live tables, of this ledger and layout, to compare with."""
    differing: tuple[str, ...]
    """Tables in which the live ones were different."""


def rebuild(
    log: Log,
    where: TopicPartition,
    dsn: str,
    cell: str,
    *,
    accept_differences: bool = False,
    progress: Progress = lambda _read, _total: None,
) -> Rebuilt:
    """Build the tables of a cell anew from its ledger and put them in the place of the live ones.

    Raises:
        IpamDiffers: they differ from the live ones and that was not accepted; nothing was swapped.
        LedgerAlarm: the log lost or changed records; where only the live tables have seen them, that can be
            accepted, too.
        LedgerMissing: the ledger was never initialised.

    """
    live = schema_name(cell)
    beside, retired = f"{live}_rebuild", f"{live}_retired"
    with _session(dsn, live) as connection, LedgerReader(log, where, cell) as reader:
        _alone(connection, live)
        _drop(connection, beside)
        _drop(connection, retired)
        comparable = _comparable(connection, live, cell, log.topic(where.topic).incarnation)
        try:
            ahead = _end(connection, log, where, comparable=comparable)
        except LedgerAlarm:
            if not accept_differences:
                raise
            comparable, ahead = False, log.bounds(where).end
        with IpamProjection(dsn, cell, beside) as tables:
            _read_to(reader, tables, ahead - _CLOSE_ENOUGH, progress)
            with translated(), connection.transaction():
                if comparable:
                    connection.execute("LOCK TABLE position IN EXCLUSIVE MODE")
                end = _end(connection, log, where, comparable=comparable)
                _read_to(reader, tables, end, progress)
                reader.require_genesis()
                comparable = comparable and tables.position() == read_position(connection)
                differing = _differing(connection, dsn, beside) if comparable else ()
                if differing and not accept_differences:
                    raise IpamDiffers(
                        f"Rebuilt to position {reader.fold.seq}, the tables differ from the live ones in"
                        f" {', '.join(differing)}. Nothing was swapped; the rebuilt ones are in schema"
                        f" {beside!r}. Compare them, then rebuild again and accept the differences."
                    )
                _swap(connection, live, beside, retired)
        _drop(connection, retired)
    return Rebuilt(reader.fold.seq, comparable, differing)


@contextmanager
def _session(dsn: str, schema: str) -> Iterator[psycopg.Connection[DictRow]]:
    connection = connect(dsn, schema)
    try:
        yield connection
    finally:
        connection.close()


def _alone(connection: psycopg.Connection[DictRow], live: str) -> None:
    with translated():
        got = connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended('netledger rebuild ' || %s, 0)) AS got", [live]
        ).fetchone()
    if got != {"got": True}:
        raise IpamError(
            f"Another process is rebuilding the tables in schema {live!r}; wait until it is done."
        )


def _drop(connection: psycopg.Connection[DictRow], schema: str) -> None:
    with translated():
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def _comparable(connection: psycopg.Connection[DictRow], live: str, cell: str, incarnation: str) -> bool:
    """Return whether there are live tables of our layout, built from a ledger in this log."""
    try:
        check_layout(connection, live, cell)
    except (IpamMissing, IpamOutdated):
        return False
    with translated():
        there = read_position(connection)
    return there is not None and there.topic_incarnation == incarnation


def _end(
    connection: psycopg.Connection[DictRow], log: Log, where: TopicPartition, *, comparable: bool
) -> int:
    """Return the offset up to which to read: as far as the live tables are, or to the end.

    Raises:
        LedgerAlarm: the log no longer holds what the live tables were built from.

    """
    with translated():
        there = read_position(connection) if comparable else None
    if there is None:
        return log.bounds(where).end
    check_position(log, where, there)
    return there.next_offset


def _read_to(reader: LedgerReader, tables: IpamProjection, end: int, progress: Progress) -> None:
    """Write all records below an offset, and not one more."""
    while (left := end - reader.fold.next_offset) > 0:
        decided = reader.poll(min(left, BATCH), _POLL_S)
        if reader.fold.genesis is None:
            continue
        outcome = tables.apply(decided, reader.fold.position()).outcome
        if outcome is not Outcome.APPLIED:
            raise IpamError(f"Another process writes to the tables that are being rebuilt ({outcome}).")
        progress(reader.fold.next_offset, end)


def _differing(connection: psycopg.Connection[DictRow], dsn: str, beside: str) -> tuple[str, ...]:
    """Return the tables in which the live ones, which wait, are not as the rebuilt ones."""
    with _session(dsn, beside) as rebuilt:
        ours = digests(rebuilt)
    theirs = digests(connection)
    return tuple(table for table, digest in ours.items() if theirs[table] != digest)


def _swap(connection: psycopg.Connection[DictRow], live: str, beside: str, retired: str) -> None:
    there = connection.execute("SELECT to_regclass('host_status') AS there").fetchone()
    if there != {"there": None}:
        for table in ("host_status", "report_position"):
            connection.execute(
                sql.SQL("INSERT INTO {}.{} SELECT * FROM {}").format(
                    sql.Identifier(beside), sql.Identifier(table), sql.Identifier(table)
                )
            )
    rename = sql.SQL("ALTER SCHEMA {} RENAME TO {}")
    if connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [live]).fetchone() is not None:
        connection.execute(rename.format(sql.Identifier(live), sql.Identifier(retired)))
    connection.execute(rename.format(sql.Identifier(beside), sql.Identifier(live)))
