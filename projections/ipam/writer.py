"""Writing a cell's tables: decisions and the position after them in one transaction, by compare-and-set.

The fast way writes a folded batch in a few statements. Whatever the database finds wrong with it (a key held
twice, positions that overlap, the end of something that nobody holds) rolls it back, and the batch goes the
careful way: event by event, each oddity to `conflicts`.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Self

import psycopg
from psycopg import errors as pg
from psycopg.rows import DictRow

from events.ledger.follow import Decided
from events.ledger.position import Position
from projections.ipam import statements
from projections.ipam.careful import write_carefully, write_quotas
from projections.ipam.changes import Changes, Holds
from projections.ipam.connection import connect, schema_name
from projections.ipam.errors import translated
from projections.ipam.rows import fold
from projections.ipam.schema import ensure_schema
from projections.ipam.tables import DECISION_COLUMNS, Row

CHANNEL = "netledger_ipam"
"""Notified with `<schema> <seq>` when a position is committed."""

_SESSION = b"""
    SET synchronous_commit = off;  -- effects and position are lost together, and read again
    SET jit = off;
    SET enable_seqscan = off;      -- every statement goes by key, however old the planner's figures are
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
"""


class Outcome(StrEnum):
    """What became of a batch."""

    APPLIED = "applied"
    ALREADY_THERE = "already there"
    """The tables are at the new position: an earlier attempt was committed although it seemed to fail."""
    SOMEBODY_AHEAD = "somebody ahead"
    """Another projector has moved the tables; begin again from where they are."""
    MISMATCH = "mismatch"
    """The tables are of another ledger, or behind where this projector left them: somebody replaced them."""


class Applied(NamedTuple):
    """What became of a batch, and how many conflicts it brought to light."""

    outcome: Outcome
    conflicts: int = 0


class Irregular(Exception):
    """A folded batch does not fit the tables."""


class IpamProjection:
    """The tables of one cell, as a writer sees them. Not for use by several threads at once.

    Several writers are harmless: all but one will find somebody ahead.
    """

    def __init__(self, dsn: str, cell: str, schema: str | None = None) -> None:
        """Connect, and make the tables if they are missing.

        Raises:
            IpamUnavailable: the server does not answer or does not let us in.
            IpamServerUnfit: the server cannot hold the tables.
            IpamOutdated: there are tables, of another layout.

        """
        self.schema = schema or schema_name(cell)
        self._connection = connect(dsn, self.schema)
        try:
            ensure_schema(self._connection, self.schema, cell)
            with translated():
                self._connection.execute(_SESSION)
        except BaseException:
            self._connection.close()
            raise
        self._at = self.position()

    @property
    def backend_pid(self) -> int:
        """Process of the server that serves us, for `pg_stat_activity`."""
        return self._connection.info.backend_pid

    def position(self) -> Position | None:
        """Return where the tables are, and go on from there; None when nothing was written yet."""
        with translated():
            self._at = read_position(self._connection)
        return self._at

    def undisturbed(self) -> bool:
        """Tell whether the tables are still where we left them; who has nothing to write asks now and then.

        Raises:
            IpamUnavailable: the server does not answer.

        """
        with translated():
            return read_position(self._connection) == self._at

    def apply(self, batch: Sequence[Decided], to: Position, changes: Changes | None = None) -> Applied:
        """Write what a batch of decisions changes, together with the position after it.

        Args:
            batch: Decisions that follow the position of the last call or of `position`, in order.
            to: The reader's position after them.
            changes: `fold(batch)`, where the caller has made it already.

        Raises:
            IpamUnavailable: the server gave up; all or nothing was written. Begin again from `position`.
            IpamUnstorable: a decision says something that the tables cannot hold.

        """
        if changes is None:
            changes = fold(batch)
        with translated():
            if not changes.irregular:
                try:
                    return self._write(to, _Fast(changes))
                except (pg.UniqueViolation, pg.ExclusionViolation, Irregular):
                    pass
            return self._write(to, _Careful(batch, changes))

    def _write(self, to: Position, way: "_Fast | _Careful") -> Applied:
        with self._connection.transaction():
            outcome = self._move(to)
            if outcome is not Outcome.APPLIED:
                return Applied(outcome)
            conflicts = way.write(self._connection)
            self._connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{self.schema} {to.seq}"])
        self._at = to
        return Applied(outcome, conflicts)

    def _move(self, to: Position) -> Outcome:
        """Move the stored position from where we left it, if it is there."""
        new = {
            "seq": to.seq,
            "next_offset": to.next_offset,
            "chain": to.chain,
            "position": to.model_dump_json(),
        }
        if self._at is None:
            moved = self._connection.execute(
                "INSERT INTO position (seq, next_offset, chain, position)"
                " VALUES (%(seq)s, %(next_offset)s, %(chain)s, %(position)s) ON CONFLICT DO NOTHING",
                new,
            )
        else:
            at = {"at_seq": self._at.seq, "at_offset": self._at.next_offset, "at_chain": self._at.chain}
            moved = self._connection.execute(
                "UPDATE position SET seq = %(seq)s, next_offset = %(next_offset)s, chain = %(chain)s,"
                " position = %(position)s, written_at = now()"
                " WHERE seq = %(at_seq)s AND next_offset = %(at_offset)s AND chain = %(at_chain)s",
                new | at,
            )
        return (
            Outcome.APPLIED if moved.rowcount == 1 else compare(self._at, to, read_position(self._connection))
        )

    def close(self) -> None:
        """Close the session. Safe to call twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()


def read_position(connection: psycopg.Connection[DictRow]) -> Position | None:
    """Return the position that the tables hold."""
    row = connection.execute("SELECT position FROM position").fetchone()
    return None if row is None else Position.model_validate(row["position"])


def compare(at: Position | None, to: Position, there: Position | None) -> Outcome:
    """Return why the tables were not moved from `at` to `to`, when `there` is where they are."""
    if there == to:
        return Outcome.ALREADY_THERE
    if there is None or (there.ledger_id, there.topic_incarnation) != (to.ledger_id, to.topic_incarnation):
        return Outcome.MISMATCH
    if at is not None and there.next_offset <= at.next_offset:
        return Outcome.MISMATCH
    return Outcome.SOMEBODY_AHEAD


class _Careful:
    """Event by event."""

    def __init__(self, batch: Sequence[Decided], changes: Changes) -> None:
        self._batch = batch
        self._changes = changes

    def write(self, connection: psycopg.Connection[DictRow]) -> int:
        """Write a batch; returns how many conflicts it brought to light."""
        with connection.cursor() as cursor:
            copy_rows(cursor, "decisions", DECISION_COLUMNS, self._changes.decisions)
        return write_carefully(connection, self._batch)


class _Fast:
    """All changes of one kind at once; what changes comes before what ends, what ends before what begins."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def write(self, connection: psycopg.Connection[DictRow]) -> int:
        """Write a batch, in which nothing is contested.

        Raises:
            Irregular: something does not fit.

        """
        changes = self._changes
        with connection.cursor() as cursor:
            write_updates(cursor, changes)
            for holds in changes.holds.values():
                if holds.ended:
                    self._end(cursor, holds)
                copy_rows(cursor, holds.table.name, holds.table.columns, holds.began.values())
                copy_rows(cursor, holds.table.history, holds.table.history_columns, holds.passed)
                if holds.table.contested and (holds.ended or holds.passed):
                    self._check_overlaps(cursor, holds)
            copy_rows(cursor, "decisions", DECISION_COLUMNS, changes.decisions)
        return 0

    def _end(self, cursor: psycopg.Cursor[DictRow], holds: Holds) -> None:
        # The constraint on the history does not see contested holds; they are ended the careful way.
        contested = [False, False] if holds.table.contested else []
        cursor.execute(statements.end_holds(holds.table), [*columns_of(holds.ended), *contested])
        if cursor.rowcount != len(holds.ended):
            raise Irregular
        if holds.table.contested:
            cursor.execute(statements.move_up(holds.table))

    def _check_overlaps(self, cursor: psycopg.Cursor[DictRow], holds: Holds) -> None:
        """Compare ended holds with current ones; constraints compare either with their own kind."""
        keys = len(holds.table.key)
        ended = [[*row[:keys], row[-2]] for row in (*holds.ended, *holds.passed)]
        cursor.execute(statements.overlaps(holds.table), columns_of(ended))
        if cursor.fetchone() != {"found": 0}:
            raise Irregular


def write_updates(cursor: psycopg.Cursor[DictRow], changes: Changes) -> None:
    """Write what changes in rows that were there before.

    Raises:
        Irregular: one is not there.

    """
    for host, row in changes.registered.items():
        cursor.execute(statements.REGISTER, [host, *row[1:]])
    for host, until in changes.fenced.items():
        cursor.execute(statements.FENCE, [until, host])
    for host, seq in changes.let_go.items():
        cursor.execute(statements.LET_GO, [seq, host])
    write_quotas(cursor, changes)
    if changes.bindings:
        cursor.execute(statements.END_BINDING, [False, *columns_of(changes.bindings)])
        if cursor.rowcount != len(changes.bindings):
            raise Irregular
    if changes.default_groups:
        cursor.execute(statements.DEFAULT_GROUP, columns_of(list(changes.default_groups.values())))
    updates: list[tuple[bytes, list[Row]]] = [
        (statements.RENAME_GROUP, [[group_id, *row] for group_id, row in changes.renamed.items()]),
        (statements.CLAIM, [[network_id, *row] for network_id, row in changes.claimed.items()]),
        (statements.VPN, [[network_id, *row] for network_id, row in changes.vpns.items()]),
        (statements.BELONG, [[network_id, project] for network_id, project in changes.projects.items()]),
        (statements.RELEASE, [[*where, *row] for where, row in changes.released.items()]),
        (statements.LEASE, [[*where, leased] for where, leased in changes.leased.items()]),
        (statements.MOVE_INSTANCE, [[uuid, *row] for uuid, row in changes.moved.items()]),
        (statements.MOVE_VIF, [[*where, host] for where, host in changes.moved_vifs.items()]),
        (statements.MOVE_FIXED_IP, [[*where, host] for where, host in changes.moved_fixed_ips.items()]),
    ]
    for statement, rows in updates:
        if rows:
            cursor.execute(statement, columns_of(rows))
            if cursor.rowcount != len(rows):
                raise Irregular


def columns_of(rows: Sequence[Row]) -> list[list[Any]]:
    """Return rows as columns, which is how `unnest` takes them."""
    return [list(column) for column in zip(*rows, strict=True)]


def copy_rows(
    cursor: psycopg.Cursor[DictRow], table: str, columns: Iterable[str], rows: Iterable[Row]
) -> None:
    """Write new rows of a table."""
    rows = tuple(rows)
    if rows:
        with cursor.copy(statements.copy_into(table, columns)) as copy:
            for row in rows:
                copy.write_row(row)
