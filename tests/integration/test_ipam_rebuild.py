"""Tables can be thrown away: what is built anew from the ledger equals them and takes their place at once."""

from threading import Event, Thread

import psycopg
import pytest

from events.errors import LedgerAlarm, LedgerMissing
from events.hosts import ReportApplied
from events.ids import uuid7
from events.ledger.fold import Alarm
from events.ledger.follow import LedgerReader
from events.log.memory import MemoryLog, MemoryStore
from events.log.port import TopicSpec
from projections.cell.apply import apply_decision
from projections.cell.canonical import canonical_rows as rows_of_state
from projections.cell.state import CellState
from projections.ipam import queries
from projections.ipam.digest import TABLES, canonical_rows, digests
from projections.ipam.errors import IpamDiffers, IpamError
from projections.ipam.liveness import ReportPosition, write_reports
from projections.ipam.rebuild import Rebuilt, rebuild
from projections.ipam.waiting import wait_for
from projections.ipam.writer import Applied, IpamProjection, Outcome
from tests.ipam import CELL, look, project, reader_of, step
from tests.written_ledger import (
    LEDGER,
    WrittenLedger,
    allocated,
    delete,
    floating,
    floating_range,
    freed,
    leased,
    network,
    network_id,
    spawn,
)

NET = network_id(1)


@pytest.fixture
def ledger() -> WrittenLedger:
    """Return a ledger that the cell's own state can fold, too."""
    ledger = WrittenLedger()
    ledger.decide(network(1, bridge_interface="eth1"), network(2, kind="flat", mtu=1400))
    ledger.decide(floating_range("203.0.113.1", "203.0.113.14"))
    for number in range(30):
        ledger.decide(*spawn(number, (NET, f"10.1.0.{number + 2}"), (network_id(2), f"10.2.0.{number + 2}")))
    ledger.decide(leased(7, 0, NET, "10.1.0.9"))
    ledger.decide(floating("203.0.113.7"))
    for number in range(5):
        ledger.decide(
            *delete(
                number,
                (NET, f"10.1.0.{number + 2}"),
                (network_id(2), f"10.2.0.{number + 2}"),
                waits_for=(),
            )
        )
        ledger.decide(freed(number, 0, NET, f"10.1.0.{number + 2}"))
    ledger.flush()
    return ledger


def state_of(ledger: WrittenLedger) -> CellState:
    """Fold a ledger into the cell's state."""
    state = CellState(1000)
    for decided in reader_of(ledger).poll(10_000, 0.0):
        apply_decision(state, decided.seq, decided.head.time_ms, None, decided.refusal or decided.events)
    return state


def test_the_tables_equal_the_cells_own_state(ledger: WrittenLedger, database: str) -> None:
    """Two projections of one ledger, written apart, say the same about the world."""
    project(ledger, database, batch=7)
    with look(database) as reader:
        assert canonical_rows(reader.connection) == rows_of_state(state_of(ledger))


def test_rebuilt_tables_equal_live_ones_digest_for_digest(ledger: WrittenLedger, database: str) -> None:
    """Live ones written one decision at a time, rebuilt ones in great batches."""
    project(ledger, database, batch=1)
    assert rebuild(ledger.log, LEDGER, database, CELL) == Rebuilt(ledger.seq, compared=True, differing=())


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("fixed_ips", "UPDATE ipam.fixed_ips SET leased = NOT leased WHERE address = '10.1.0.20'"),
        ("fixed_ip_history", "DELETE FROM ipam.fixed_ip_history WHERE address = '10.1.0.2'"),
        ("decisions", "UPDATE ipam.decisions SET user_name = 'eve' WHERE seq = 3"),
        ("networks", "UPDATE ipam.networks SET mtu = 9000"),
    ],
)
def test_a_difference_is_named_and_nothing_swapped(
    ledger: WrittenLedger, database: str, table: str, change: str
) -> None:
    """Somebody who edited the tables by hand is found out; the operator decides what happens."""
    project(ledger, database)
    with psycopg.connect(database) as connection:
        connection.execute(change.encode())
    with look(database) as reader:
        damaged = digests(reader.connection)
    with pytest.raises(IpamDiffers, match=table):
        rebuild(ledger.log, LEDGER, database, CELL)
    with look(database) as reader:
        assert digests(reader.connection) == damaged
    accepted = rebuild(ledger.log, LEDGER, database, CELL, accept_differences=True)
    assert accepted == Rebuilt(ledger.seq, compared=True, differing=(table,))
    with look(database) as reader:
        assert digests(reader.connection)[table] != damaged[table]
    assert rebuild(ledger.log, LEDGER, database, CELL).differing == ()


def test_a_live_projector_goes_on_in_the_new_tables(ledger: WrittenLedger, database: str) -> None:
    """It neither stops nor notices, and read sessions find the new tables under the old name."""
    with IpamProjection(database, CELL) as tables, look(database) as reader:
        records = reader_of(ledger)
        step(tables, records, 20)
        assert len(queries.networks(reader)) == 2
        rebuilt = rebuild(ledger.log, LEDGER, database, CELL)
        assert (rebuilt.seq, rebuilt.compared, rebuilt.differing) == (18, True, ())
        assert step(tables, records) == Applied(Outcome.APPLIED)
        assert (queries.status(reader) or {})["seq"] == ledger.seq
    assert rebuild(ledger.log, LEDGER, database, CELL).differing == ()


def test_a_projector_that_writes_all_the_while_waits_for_the_swap(
    ledger: WrittenLedger, database: str
) -> None:
    """Rebuilding again and again under a projector that never pauses loses and doubles nothing."""
    stop = Event()
    outcomes: set[Outcome] = set()

    def write() -> None:
        with IpamProjection(database, CELL) as tables, reader_of(ledger) as records:
            for number in range(1000, 3000):
                if stop.is_set():
                    break
                ledger.decide(*spawn(number, (NET, f"10.1.{number // 250}.{number % 250 + 2}")))
                outcomes.add(step(tables, records).outcome)

    project_thread = Thread(target=write)
    project_thread.start()
    with look(database) as reader:
        assert wait_for(reader, 20, 30.0)
    for _ in range(3):
        assert rebuild(ledger.log, LEDGER, database, CELL).differing == ()
    stop.set()
    project_thread.join()
    assert outcomes == {Outcome.APPLIED}
    project(ledger, database)
    assert rebuild(ledger.log, LEDGER, database, CELL) == Rebuilt(ledger.seq, compared=True, differing=())


def test_tables_of_another_layout_are_replaced(ledger: WrittenLedger, database: str) -> None:
    """A rebuild is the migration: there is nothing to compare with."""
    project(ledger, database)
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE ipam.about SET layout = 0")
        connection.execute("ALTER TABLE ipam.fixed_ips DROP COLUMN leased")
    rebuilt = rebuild(ledger.log, LEDGER, database, CELL)
    assert rebuilt == Rebuilt(ledger.seq, compared=False, differing=())
    project(ledger, database)


def test_tables_of_another_ledger_are_replaced(ledger: WrittenLedger, database: str) -> None:
    """After a ledger was begun anew, the tables are too."""
    other = WrittenLedger(MemoryLog(MemoryStore("elsewhere")), ledger_id="ledger-2")
    other.decide(network(9))
    project(other, database)
    rebuilt = rebuild(ledger.log, LEDGER, database, CELL)
    assert rebuilt == Rebuilt(ledger.seq, compared=False, differing=())


def test_there_need_be_no_tables_before(ledger: WrittenLedger, database: str) -> None:
    """A rebuild is also a way to build."""
    assert rebuild(ledger.log, LEDGER, database, CELL).seq == ledger.seq
    with look(database) as reader:
        assert (queries.status(reader) or {})["seq"] == ledger.seq


def test_what_hosts_said_is_kept(ledger: WrittenLedger, database: str) -> None:
    """Liveness is not in the ledger, so it cannot be rebuilt; it is carried over."""
    project(ledger, database)
    report = ReportApplied(id=uuid7(1_780_000_000_000), reporter="host-1", host="host-1", seq=7)
    with look(database) as reader:
        write_reports(reader, [report], ReportPosition("topic-1", 1))
        rebuild(ledger.log, LEDGER, database, CELL)
        assert reader.rows("SELECT host, seq FROM host_status") == [{"host": "host-1", "seq": 7}]


def test_a_log_that_lost_its_tail_stops_a_rebuild(ledger: WrittenLedger, database: str) -> None:
    """Tables that have seen more than the log holds are evidence, and are not thrown away."""
    project(ledger, database)
    assert isinstance(ledger.log, MemoryLog)
    ledger.log.store.truncate(LEDGER, 20)
    with pytest.raises(LedgerAlarm) as alarm:
        rebuild(ledger.log, LEDGER, database, CELL)
    assert alarm.value.reason == Alarm.LOG_TRUNCATED
    with look(database) as reader:
        assert (queries.status(reader) or {})["seq"] == ledger.seq
    accepted = rebuild(ledger.log, LEDGER, database, CELL, accept_differences=True)
    assert accepted == Rebuilt(18, compared=False, differing=())


def test_a_ledger_that_was_never_initialised_is_named(database: str) -> None:
    """Nothing is swapped for nothing."""
    log = MemoryLog()
    log.ensure_topic(TopicSpec(LEDGER.topic, 1, "ledger"))
    with pytest.raises(LedgerMissing):
        rebuild(log, LEDGER, database, CELL)


def test_one_rebuild_at_a_time(ledger: WrittenLedger, database: str) -> None:
    """A second one is told to wait."""
    project(ledger, database)

    def again(_read: int, _total: int) -> None:
        with pytest.raises(IpamError, match="Another process is rebuilding"):
            rebuild(ledger.log, LEDGER, database, CELL)

    assert rebuild(ledger.log, LEDGER, database, CELL, progress=again).differing == ()


def test_digests_cover_every_table_that_the_ledger_determines(ledger: WrittenLedger, database: str) -> None:
    """A table added to the layout must be added to the digests, or be known to be none of theirs."""
    project(ledger, database)
    with look(database) as reader:
        made = {row["relname"] for row in reader.rows("SELECT relname FROM pg_stat_user_tables")}
        assert set(digests(reader.connection)) == set(TABLES)
    assert made - set(TABLES) == {"about", "position", "host_status", "report_position"}


def test_waiting_ends_when_the_position_is_there(ledger: WrittenLedger, database: str) -> None:
    """Who wrote something reads it back, woken by the projector's commit."""
    with look(database) as reader:
        assert not wait_for(reader, 1, 0.0)
        with IpamProjection(database, CELL) as tables:
            records = reader_of(ledger)
            thread = Thread(target=lambda: step(tables, records))
            thread.start()
            assert wait_for(reader, ledger.seq, 30.0)
            thread.join()
        assert not wait_for(reader, ledger.seq + 1, 0.05)
        assert wait_for(reader, 1, 0.0)


def test_a_reader_of_the_ledger_at_the_tables_position_goes_on(ledger: WrittenLedger, database: str) -> None:
    """The position that is stored is all that a reader needs."""
    project(ledger, database)
    with IpamProjection(database, CELL) as tables:
        reader = LedgerReader(ledger.log, LEDGER, CELL, tables.position())
        ledger.decide(allocated(77, 0, NET, "10.1.77.77"))
        assert [decided.seq for decided in reader.poll(10, 0.0)] == [ledger.seq]
