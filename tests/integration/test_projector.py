"""The projector as a role: it follows, survives what breaks around it, and stops where it must."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import psycopg
import pytest
from pydantic_core import to_json

from events.errors import LedgerAlarm, LedgerMissing, LogUnavailable, NetledgerError
from events.hosts import ReportApplied
from events.ids import uuid7
from events.ledger.fold import Alarm
from events.log.memory import MemoryLog, MemoryStore
from events.log.port import Message, TopicSpec
from projections.ipam import queries
from projections.ipam.errors import IpamOtherLedger, IpamOutdated, IpamUnavailable
from projections.ipam.rebuild import rebuild
from services.allocator.topics import CellTopics
from services.roles.projecting import Projector
from tests.eventually import eventually
from tests.host_events import registered
from tests.ipam import CELL, look, project
from tests.written_ledger import LEDGER, REPORTS, WrittenLedger, allocated, network, network_id, spawn

NET = network_id(1)
TOPICS = CellTopics(CELL)


@pytest.fixture
def ledger() -> WrittenLedger:
    """Return a ledger with a network and some instances."""
    ledger = WrittenLedger()
    ledger.decide(network(1))
    more(ledger, 20)
    return ledger


def more(ledger: WrittenLedger, count: int) -> None:
    """Let so many instances be spawned."""
    for number in range(ledger.seq, ledger.seq + count):
        ledger.decide(*spawn(number, (NET, f"10.1.{number // 250}.{number % 250 + 2}")))


class Running:
    """A projector in a thread of its own."""

    def __init__(self, projector: Projector) -> None:
        self.projector = projector
        self.stop = Event()
        self.error: NetledgerError | None = None
        self._thread = Thread(target=self._run, name="projector under test")
        self._thread.start()

    def _run(self) -> None:
        try:
            self.projector.run(self.stop)
        except NetledgerError as error:
            self.error = error

    def at(self, seq: int) -> None:
        """Wait until it is ready at a position."""
        eventually(lambda: self.projector.health().ready and self.projector.health().seq == seq)

    def end(self) -> NetledgerError | None:
        """Wait until it ends by itself; return what it raised."""
        self._thread.join(30.0)
        assert not self._thread.is_alive()
        return self.error

    def close(self) -> None:
        """Tell it to stop and wait until it has."""
        self.stop.set()
        self._thread.join(30.0)
        assert not self._thread.is_alive()


@contextmanager
def running(ledger: WrittenLedger, dsn: str) -> Iterator[Running]:
    """Run a projector for the time of the block."""
    ledger.flush()
    run = Running(Projector(ledger.log, TOPICS, dsn))
    try:
        yield run
    finally:
        run.close()


def same_when_rebuilt(ledger: WrittenLedger, dsn: str) -> bool:
    """Tell whether the tables are what the ledger says, to the last row."""
    rebuilt = rebuild(ledger.log, LEDGER, dsn, CELL)
    return rebuilt.compared and not rebuilt.differing and rebuilt.seq == ledger.seq


def raised_by(ledger: WrittenLedger, dsn: str) -> NetledgerError | None:
    """Return what a projector cannot start for."""
    with running(ledger, dsn) as run:
        return run.end()


def end_sessions(dsn: str) -> int:
    """End every other session of the database, as a restart of the server does."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended is not None
    return int(ended[0])


def test_it_follows_and_says_so(ledger: WrittenLedger, database: str) -> None:
    """It is ready when the tables have been at the end, and keeps them there."""
    with running(ledger, database) as run:
        run.at(21)
        health = run.projector.health()
        assert (health.phase, health.lag, health.term, health.conflicts) == ("following", 0, 1, 0)
        more(ledger, 5)
        run.at(26)
    assert same_when_rebuilt(ledger, database)


def test_it_starts_again_where_it_stopped(ledger: WrittenLedger, database: str) -> None:
    """Stopping and starting at any time loses and doubles nothing."""
    for _ in range(4):
        with running(ledger, database) as run:
            more(ledger, 50)
        assert run.error is None
    with running(ledger, database) as run:
        run.at(ledger.seq)
    assert same_when_rebuilt(ledger, database)


def test_sessions_that_end_again_and_again(ledger: WrittenLedger, database: str) -> None:
    """A server that throws its sessions out in the middle of everything is an outage, and no more."""
    for _ in range(5):
        with running(ledger, database) as run:
            run.at(ledger.seq)
            more(ledger, 30)
            end_sessions(database)
            assert isinstance(run.end(), IpamUnavailable)
    with running(ledger, database) as run:
        run.at(ledger.seq)
    assert same_when_rebuilt(ledger, database)


def test_two_at_once_are_harmless(ledger: WrittenLedger, database: str) -> None:
    """One writes, the other stands by and takes over when it is gone."""
    with running(ledger, database) as one:
        with running(ledger, database) as two:
            more(ledger, 200)
            eventually(lambda: ledger.seq in {run.projector.health().seq for run in (one, two)})
        more(ledger, 20)
        one.at(ledger.seq)
    assert (one.error, two.error) == (None, None)
    assert same_when_rebuilt(ledger, database)


def test_a_double_holding_is_counted_and_stops_nothing(ledger: WrittenLedger, database: str) -> None:
    """The alarm is a number that somebody watches; the tables go on."""
    ledger.decide(allocated(999, 0, NET, "10.1.0.3"))
    more(ledger, 3)
    with running(ledger, database) as run:
        run.at(ledger.seq)
        assert run.projector.health().conflicts == 1


def test_a_log_that_lost_records_stops_it(ledger: WrittenLedger, database: str) -> None:
    """Nothing is written on top of what cannot be trusted."""
    project(ledger, database)
    assert isinstance(ledger.log, MemoryLog)
    ledger.log.store.truncate(LEDGER, 10)
    error = raised_by(ledger, database)
    assert isinstance(error, LedgerAlarm)
    assert error.reason == Alarm.LOG_TRUNCATED
    with look(database) as reader:
        assert (queries.status(reader) or {})["seq"] == 21


def test_tables_of_another_ledger_ask_for_a_rebuild(ledger: WrittenLedger, database: str) -> None:
    """It says what to do, and writes nothing."""
    other = WrittenLedger(MemoryLog(MemoryStore("elsewhere")), ledger_id="ledger-2")
    other.decide(network(9))
    project(other, database)
    error = raised_by(ledger, database)
    assert isinstance(error, IpamOtherLedger)
    assert "netledger ledger rebuild" in str(error)
    rebuild(ledger.log, LEDGER, database, CELL)
    with running(ledger, database) as run:
        run.at(21)


def test_tables_of_another_layout_ask_for_a_rebuild(ledger: WrittenLedger, database: str) -> None:
    """An upgraded program does not guess at older tables."""
    project(ledger, database)
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE ipam.about SET layout = 0")
    assert isinstance(raised_by(ledger, database), IpamOutdated)


def test_a_ledger_that_was_never_initialised(database: str) -> None:
    """An empty topic is no ledger, and is not taken for one."""
    log = MemoryLog()
    for topic in (LEDGER.topic, REPORTS.topic):
        log.ensure_topic(TopicSpec(topic, 1, "ledger"))
    run = Running(Projector(log, TOPICS, database))
    assert isinstance(run.end(), LedgerMissing)


def test_a_database_that_is_away(ledger: WrittenLedger, tmp_path: object) -> None:
    """Whoever runs the role tries again."""
    assert isinstance(raised_by(ledger, f"host={tmp_path} dbname=nowhere"), IpamUnavailable)


def test_a_log_that_goes_away_and_comes_back(ledger: WrittenLedger, database: str) -> None:
    """An outage of the log ends the run; the next one goes on."""
    assert isinstance(ledger.log, MemoryLog)
    with running(ledger, database) as run:
        run.at(21)
        ledger.log.faults.outage()
        assert isinstance(run.end(), LogUnavailable)
        ledger.log.faults.end_outage()
    with running(ledger, database) as run:
        run.at(21)


@pytest.fixture
def say(ledger: WrittenLedger) -> Callable[[bytes], None]:
    """Return what puts something into the reports input."""
    appender = ledger.log.appender(REPORTS)

    def say(value: bytes) -> None:
        appender.append([Message((), value)])
        assert appender.flush(10.0)

    return say


def report(host: str, seq: int, reporter: str | None = None) -> bytes:
    """Return a host's report about its applied position."""
    said = ReportApplied(
        id=uuid7(1_780_000_000_000 + seq, seq), reporter=reporter or host, host=host, seq=seq, failures=1
    )
    return to_json(said)


def test_what_hosts_say_is_kept(ledger: WrittenLedger, database: str, say: Callable[[bytes], None]) -> None:
    """The newest report of each host counts; what is none, or about another host, is passed over."""
    ledger.decide(registered("host-1", ("default",)))
    for value in (
        report("host-1", 4),
        b"nonsense",
        b'{"type": "ReportApplied.v1"}',
        report("host-1", 9, "evil"),
    ):
        say(value)

    def applied() -> list[int | None]:
        with look(database) as reader:
            return [host["applied_seq"] for host in queries.hosts(reader)]

    with running(ledger, database) as run:
        run.at(22)
        eventually(lambda: applied() == [4])
        say(report("host-1", 7))
        eventually(lambda: applied() == [7])
    with running(ledger, database) as run:
        say(report("host-1", 8))
        eventually(lambda: applied() == [8])
