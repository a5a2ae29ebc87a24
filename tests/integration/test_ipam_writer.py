"""The tables are moved from one position to the next, once and whole, whatever happens in between."""

from collections.abc import Iterator

import psycopg
import pytest

from events.ledger.follow import LedgerReader
from events.log.memory import MemoryLog
from events.refusals import Code, Refusal
from projections.ipam import history
from projections.ipam.changes import Changes
from projections.ipam.connection import Reader
from projections.ipam.digest import canonical_rows, digests
from projections.ipam.errors import IpamOutdated, IpamServerUnfit, IpamUnavailable
from projections.ipam.rows import fold
from projections.ipam.writer import Applied, IpamProjection, Outcome
from tests.ipam import CELL, look, project, reader_of, step
from tests.written_ledger import (
    LEDGER,
    WrittenLedger,
    allocated,
    associated,
    delete,
    floating,
    freed,
    leased,
    network,
    network_id,
    spawn,
    unassociated,
)

NET = network_id(1)


@pytest.fixture
def ledger() -> WrittenLedger:
    """Return a ledger with some of everything in it."""
    ledger = WrittenLedger()
    ledger.decide(network(1), network(2))
    for number in range(20):
        ledger.decide(*spawn(number, (NET, f"10.1.0.{number + 2}"), (network_id(2), f"10.2.0.{number + 2}")))
    ledger.decide(leased(3, 0, NET, "10.1.0.5"))
    ledger.decide(leased(7, 0, NET, "10.1.0.9"))
    ledger.decide(floating("203.0.113.7"))
    there = allocated(7, 0, NET, "10.1.0.9")
    ledger.decide(associated("203.0.113.7", there))
    ledger.decide(unassociated("203.0.113.7", there))
    for number in range(5):
        ledger.decide(*delete(number, (NET, f"10.1.0.{number + 2}"), (network_id(2), f"10.2.0.{number + 2}")))
        ledger.decide(freed(number, 0, NET, f"10.1.0.{number + 2}"))
    ledger.decide(
        refusal=Refusal(code=Code.NO_MORE_FIXED_IPS, field="requested_networks", message="It is full.")
    )
    return ledger


@pytest.fixture
def tables(database: str) -> Iterator[IpamProjection]:
    """Return a writer of empty tables."""
    with IpamProjection(database, CELL) as tables:
        yield tables


def all_digests(dsn: str) -> dict[str, str]:
    """Return the digests of all tables."""
    with look(dsn) as reader:
        return digests(reader.connection)


def reference(ledger: WrittenLedger, dsn: str) -> dict[str, str]:
    """Return the digests of tables that are written in one go, in a schema of their own."""
    with (
        IpamProjection(dsn, CELL, "reference") as tables,
        LedgerReader(ledger.log, LEDGER, CELL) as reader,
    ):
        assert step(tables, reader, 10_000) == Applied(Outcome.APPLIED)
    with Reader(dsn, CELL, "reference") as written:
        return digests(written.connection)


def test_batches_of_any_size_come_to_the_same(ledger: WrittenLedger, database: str) -> None:
    """Folding a batch in memory changes nothing about what is in the tables afterwards."""
    project(ledger, database, batch=1)
    assert all_digests(database) == reference(ledger, database)


def test_the_position_moves_with_claims_and_skipped_records_too(
    ledger: WrittenLedger, tables: IpamProjection
) -> None:
    """A reader that starts again must know the term, also when no decision came after its claim."""
    reader = reader_of(ledger)
    assert step(tables, reader, 2) == Applied(Outcome.APPLIED)
    stored = tables.position()
    assert stored is not None
    assert (stored.seq, stored.term, stored.next_offset) == (0, 1, 2)


def test_a_batch_that_was_committed_unnoticed_is_already_there(
    ledger: WrittenLedger, tables: IpamProjection, database: str
) -> None:
    """When the answer to a commit is lost, the same batch comes again and changes nothing."""
    with IpamProjection(database, CELL) as twin:
        assert step(twin, reader_of(ledger)) == Applied(Outcome.APPLIED)
    before = all_digests(database)
    assert step(tables, reader_of(ledger)) == Applied(Outcome.ALREADY_THERE)
    assert all_digests(database) == before


def test_the_slower_of_two_projectors_finds_somebody_ahead(
    ledger: WrittenLedger, tables: IpamProjection, database: str
) -> None:
    """Two projectors are harmless: one changes nothing, and goes on from where the other is."""
    slow, fast = reader_of(ledger), reader_of(ledger)
    with IpamProjection(database, CELL) as ahead:
        step(ahead, fast, 10)
        assert step(tables, slow, 5) == Applied(Outcome.SOMEBODY_AHEAD)
        resumed = reader_of(ledger, tables)
        assert step(tables, resumed) == Applied(Outcome.APPLIED)
        assert step(ahead, fast, 3) == Applied(Outcome.SOMEBODY_AHEAD)
    assert all_digests(database) == reference(ledger, database)


def test_tables_of_another_ledger_are_a_mismatch(
    ledger: WrittenLedger, tables: IpamProjection, database: str
) -> None:
    """A projector of one ledger never writes into the tables of another."""
    other = WrittenLedger(MemoryLog(), ledger_id="ledger-2")
    other.decide(network(9))
    reader = reader_of(ledger)
    project(other, database)
    assert step(tables, reader) == Applied(Outcome.MISMATCH)


def test_tables_that_fell_back_are_a_mismatch(
    ledger: WrittenLedger, tables: IpamProjection, database: str
) -> None:
    """A restored backup under a running projector is noticed; what follows is not written on top of it."""
    reader = reader_of(ledger)
    step(tables, reader, 10)
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE ipam.position SET seq = seq - 3, next_offset = next_offset - 3, chain = 'x'"
        )
        connection.execute('UPDATE ipam.position SET position = position || \'{"next_offset": 7, "seq": 5}\'')
    assert step(tables, reader) == Applied(Outcome.MISMATCH)


def test_tables_at_the_same_place_of_another_past_are_a_mismatch(
    ledger: WrittenLedger, tables: IpamProjection, database: str
) -> None:
    """The position that counts is the whole of it, chain hash included; equal numbers are not enough."""
    reader = reader_of(ledger)
    step(tables, reader, 10)
    with psycopg.connect(database) as connection:
        connection.execute(
            "UPDATE ipam.position SET chain = 'x', position = position || '{\"chain\": \"x\"}'"
        )
    assert step(tables, reader) == Applied(Outcome.MISMATCH)


class Killed:
    """Ends the writer's session in the middle of its transaction, at the nth statement after the position."""

    def __init__(self, dsn: str, pid: int, after: str) -> None:
        self._dsn = dsn
        self._pid = pid
        self._after = after

    def arm(self) -> None:
        """Let the server end the session as soon as it writes to a table."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(
                f"""
                CREATE FUNCTION ipam.end_session() RETURNS trigger LANGUAGE plpgsql
                AS 'BEGIN PERFORM pg_terminate_backend({self._pid}); RETURN NULL; END';
                CREATE TRIGGER end_session AFTER INSERT OR UPDATE OR DELETE ON ipam.{self._after}
                FOR EACH STATEMENT EXECUTE FUNCTION ipam.end_session();
                """.encode()
            )

    def disarm(self) -> None:
        """Let sessions live again."""
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute("DROP FUNCTION ipam.end_session CASCADE")


@pytest.mark.parametrize(
    "table", ["position", "vifs", "fixed_ips", "fixed_ip_history", "floating_ips", "decisions"]
)
def test_a_session_that_ends_in_the_middle_loses_and_doubles_nothing(
    ledger: WrittenLedger, tables: IpamProjection, database: str, table: str
) -> None:
    """Whichever table was written last when the session broke: all of the batch is there, or none of it."""
    pid = tables.backend_pid
    killed = Killed(database, pid, table)
    reader = reader_of(ledger)
    step(tables, reader, 12)
    before = all_digests(database)
    killed.arm()
    with pytest.raises(IpamUnavailable):
        step(tables, reader)
    killed.disarm()
    assert all_digests(database) == before
    project(ledger, database)
    assert all_digests(database) == reference(ledger, database)


def test_the_present_is_what_the_ledger_says(ledger: WrittenLedger, database: str) -> None:
    """A few rows by hand: a draining address is still held, a freed one is not, a lease shows."""
    project(ledger, database)
    with look(database) as reader:
        rows = canonical_rows(reader.connection)
        held = {row[2]: (row[8], row[9]) for row in rows["fixed_ips"]}
    assert "10.1.0.2" not in held
    assert held["10.2.0.2"] == (False, True)
    assert held["10.1.0.9"] == (True, False)
    assert len(rows["instances"]) == 15
    assert rows["floating_ips"] == [("203.0.113.7", "nova", None, "blue", False, None)]


def test_refusals_are_kept_with_field_and_sentence(ledger: WrittenLedger, database: str) -> None:
    """An operator can ask why a command was refused, long after its caller is gone."""
    project(ledger, database)
    with look(database) as reader:
        asked = history.command(reader, ledger.command_id(ledger.seq))
    assert asked is not None
    assert asked["refusal"] == {
        "code": "NoMoreFixedIps",
        "field": "requested_networks",
        "message": "It is full.",
    }
    assert (asked["user"], asked["project"], asked["is_admin"]) == ("ann", "blue", False)


@pytest.mark.parametrize(
    "command",
    [
        b'"a text"',
        b"[]",
        b'{"actor": 5}',
        b'{"actor": {"user": ["x"], "project": {}, "is_admin": "yes"}}',
        b'{"actor": {"user": "nul\\u0000nul", "project": "\\ud83d\\ude00"}}',
        b'{"actor": {"user": "' + b"x" * 5000 + b'"}}',
    ],
)
def test_what_a_refused_command_says_cannot_stop_the_projector(database: str, command: bytes) -> None:
    """A refused command is kept as received, and was never checked."""
    ledger = WrittenLedger()
    ledger.decide(command=command, refusal=Refusal(code=Code.INVALID_COMMAND, message="no\0thing"))
    assert project(ledger, database) == 0
    with look(database) as reader:
        asked = history.command(reader, ledger.command_id(1))
    assert asked is not None
    assert asked["refusal"]["message"] == "no\\0thing"


def test_tables_of_another_layout_are_not_touched(tables: IpamProjection, database: str) -> None:
    """An older or newer program's tables are rebuilt, never guessed at."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE ipam.about SET layout = layout + 1")
    with pytest.raises(IpamOutdated, match="rebuild"):
        IpamProjection(database, CELL)


def test_a_schema_belongs_to_one_cell(tables: IpamProjection, database: str) -> None:
    """Two cells in one database never write into each other's tables."""
    with pytest.raises(IpamServerUnfit, match="'default'"):
        IpamProjection(database, "other", "ipam")
    with IpamProjection(database, "other") as other:
        assert (other.schema, other.position()) == ("ipam_other", None)


def test_a_server_that_is_not_there_is_named(tmp_path: object) -> None:
    """Nobody has to read a stack trace to learn that the database is away."""
    with pytest.raises(IpamUnavailable, match="did not answer"):
        IpamProjection(f"host={tmp_path} dbname=nowhere", CELL)


def test_a_fold_given_beforehand_is_used(ledger: WrittenLedger, tables: IpamProjection) -> None:
    """The projector folds the next batch while the database writes this one."""
    reader = reader_of(ledger)
    decided = reader.poll(1000, 0.0)
    assert isinstance(changes := fold(decided), Changes)
    assert tables.apply(decided, reader.fold.position(), changes) == Applied(Outcome.APPLIED)
