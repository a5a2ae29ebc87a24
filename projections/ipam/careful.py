"""The careful way of writing: event by event, in the order of the ledger.

What violates a constraint is kept beside what it violates, marked, and reported in `conflicts`. Slow, and
needed only when the ledger says something that cannot be.
"""

from collections.abc import Sequence

import psycopg
from psycopg import errors as pg
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from events.clock import time_text
from events.ledger.follow import Decided
from projections.ipam import statements
from projections.ipam.changes import Changes
from projections.ipam.rows import fold_event
from projections.ipam.tables import (
    BINDING_COLUMNS,
    CONFLICT_COLUMNS,
    FIXED_IPS,
    GROUPS,
    INSTANCES,
    NETWORKS,
    VIFS,
    HeldTable,
    Row,
    Value,
)

_HELD_TWICE = "held twice"
_NOT_HELD = "not held"
_MOVED = ("was_host", "was_epoch", "host", "epoch", "host_seq", "resized", "rxtx_factor")


def write_carefully(connection: psycopg.Connection[DictRow], batch: Sequence[Decided]) -> int:
    """Write what the events of a batch change, in the caller's transaction; returns how many conflicted."""
    writer = CarefulWriter(connection)
    for decided in batch:
        time = time_text(decided.head.time_ms)
        for rank, event in enumerate(decided.events):
            changes = Changes()
            fold_event(changes, decided.head.seq, time, rank, event)
            writer.write(changes, decided.head.seq, time)
    return writer.conflicts


def write_quotas(cursor: psycopg.Cursor[DictRow], changes: Changes) -> None:
    """Write the limits of projects that changed."""
    for of_what, (limit, *since) in changes.quotas.items():
        if limit is None:
            cursor.execute(statements.RESET_QUOTA, of_what)
        else:
            cursor.execute(statements.SET_QUOTA, [*of_what, limit, *since])


class CarefulWriter:
    """Writes the changes of single events and reports what does not fit."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        """Write inside the transaction that `connection` is in."""
        self.conflicts = 0
        self._connection = connection
        self._seq = 0
        self._time = ""

    def write(self, changes: Changes, seq: int, time: str) -> None:
        """Write what one event changes."""
        self._seq, self._time = seq, time
        for host, row in changes.registered.items():
            self._connection.execute(statements.REGISTER, [host, *row[1:]])
        for host, until in changes.fenced.items():
            self._connection.execute(statements.FENCE, [until, host])
        for host, let_go_seq in changes.let_go.items():
            self._connection.execute(statements.LET_GO, [let_go_seq, host])
        with self._connection.cursor() as cursor:
            write_quotas(cursor, changes)
        self._write_groups(changes)
        for network_id, row in changes.claimed.items():
            self._update(NETWORKS, statements.CLAIM, [network_id, *row])
        for network_id, project_id in changes.projects.items():
            self._update(NETWORKS, statements.BELONG, [network_id, project_id])
        for network_id, row in changes.vpns.items():
            self._update(NETWORKS, statements.VPN, [network_id, *row])
        for where, row in changes.released.items():
            self._update(FIXED_IPS, statements.RELEASE, [*where, *row])
        for where, leased in changes.leased.items():
            self._update(FIXED_IPS, statements.LEASE, [*where, leased])
        self._write_moves(changes)
        for holds in changes.holds.values():
            for row in holds.ended:
                self._end(holds.table, row)
            for row in holds.began.values():
                self._begin(holds.table, row)

    def _write_groups(self, changes: Changes) -> None:
        for row in changes.default_groups.values():
            self._connection.execute(statements.DEFAULT_GROUP, [[value] for value in row])
        for group_id, row in changes.renamed.items():
            self._update(GROUPS, statements.RENAME_GROUP, [group_id, *row])

    def _update(self, table: HeldTable, statement: bytes, row: Row) -> None:
        if self._connection.execute(statement, [[value] for value in row]).rowcount == 0:
            where = dict(zip(table.where, row, strict=False))
            self._report(_NOT_HELD, table, row[: len(table.key)], None, where)

    def _write_moves(self, changes: Changes) -> None:
        for uuid, row in changes.moved.items():
            self._move(uuid, row, changes.bindings)
        for where, to in changes.moved_vifs.items():
            self._update(VIFS, statements.MOVE_VIF, [*where, to])
        for where, to in changes.moved_fixed_ips.items():
            self._update(FIXED_IPS, statements.MOVE_FIXED_IP, [*where, to])

    def _move(self, uuid: str, row: Row, ended: Sequence[Row]) -> None:
        """Change an instance's host; where the tables know another one, that is a conflict, and the row wins.

        A binding that the tables do not know ends nowhere and changes nothing.
        """
        holder = self._connection.execute(statements.holder_of(INSTANCES), [uuid]).fetchone()
        known = None if holder is None else holder["holder"]
        expected = known is not None and [known["host"], known["epoch"]] == row[:2]
        if not expected:
            other = dict(zip(_MOVED, row, strict=True))
            self._report(
                _NOT_HELD if ended or known is None else _HELD_TWICE, INSTANCES, [uuid], holder, other
            )
        if known is None or (ended and not expected):
            return
        for _, host, epoch, _, seq in ended:
            self._end_binding([uuid, host, epoch, known["host_seq"], seq])
        move = (uuid, known["host"], known["epoch"], *row[2:])
        self._connection.execute(statements.MOVE_INSTANCE, [[value] for value in move])

    def _end_binding(self, binding: Row) -> None:
        columns = [[value] for value in binding]
        try:
            with self._connection.transaction():
                self._connection.execute(statements.END_BINDING, [False, *columns])
        except pg.ExclusionViolation:
            other = dict(zip(BINDING_COLUMNS, binding, strict=True))
            self._report(_HELD_TWICE, INSTANCES, [binding[0]], None, other)
            self._connection.execute(statements.END_BINDING, [True, *columns])

    def _begin(self, table: HeldTable, row: Row) -> None:
        try:
            with self._connection.transaction():
                self._connection.execute(statements.insert_into(table.name, table.columns), row)
            return
        except pg.UniqueViolation:
            pass
        began = dict(zip(table.columns, row, strict=True))
        key = [began[name] for name in table.key]
        holder = self._connection.execute(statements.holder_of(table), key).fetchone()
        if table.contested:
            self._connection.execute(statements.insert_beside(table), [*row, *key])
        self._report(_HELD_TWICE, table, key, holder, began)

    def _end(self, table: HeldTable, row: Row) -> None:
        where = dict(zip(table.where, row, strict=False))
        key = row[: len(table.key)]
        arrays = [[value] for value in row]
        contested = [True, False] if table.contested else []
        try:
            with self._connection.transaction():
                ended = self._connection.execute(statements.end_holds(table), [*arrays, *contested]).rowcount
        except pg.ExclusionViolation:
            past = self._connection.execute(statements.overlapped_by(table), [*key, *key, row[-2]]).fetchone()
            self._report(_HELD_TWICE, table, key, past, where)
            ended = self._connection.execute(statements.end_holds(table), [*arrays, True, True]).rowcount
        if ended == 0:
            self._report(_NOT_HELD, table, key, None, where)
        elif table.contested:
            self._connection.execute(statements.move_up(table))

    def _report(
        self,
        problem: str,
        table: HeldTable,
        key: Sequence[Value],
        holder: DictRow | None,
        other: dict[str, Value],
    ) -> None:
        self.conflicts += 1
        held = dict(zip(table.key, key, strict=True))
        row = [
            *(self._seq, self._time, problem, table.name, Jsonb(held)),
            *(Jsonb(holder["holder"]) if holder is not None else None, Jsonb(other)),
        ]
        self._connection.execute(statements.insert_into("conflicts", CONFLICT_COLUMNS), row)
