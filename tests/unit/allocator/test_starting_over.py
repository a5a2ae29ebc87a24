"""An allocator that starts over still knows what it had read: lost records stay found (S10, S11)."""

from collections.abc import Iterator
from threading import Event, Thread

import pytest
from pydantic_core import to_json

from events.errors import LedgerAlarm
from events.ids import uuid7
from events.ledger.fold import TERMS_PER_EPOCH, Alarm
from events.log.memory import MemoryLog, ScriptedOwnership
from events.log.port import Message
from projections.cell.state import Rules
from services import ledger_admin
from services.allocator.runner import Allocator
from services.allocator.topics import CellTopics
from tests.eventually import eventually
from tests.unit.wishes import create

TOPICS = CellTopics("default")
JOIN_S = 10.0


class Cell:
    """A cell in memory and the one process that decides for it."""

    def __init__(self) -> None:
        """Begin a ledger."""
        self.log = MemoryLog()
        for where in (TOPICS.ledger, TOPICS.commands, TOPICS.reports):
            self.log.store.create(where.topic, 1)
        ledger_admin.begin(self.log, TOPICS, 1000)
        ownership = ScriptedOwnership(assigned=True)
        self.allocator = Allocator(self.log, ownership, TOPICS, Rules(), claim_pause_ms_max=0)
        self.stop = Event()
        self.alarms: list[str] = []
        self._thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.allocator.run(self.stop)
        except LedgerAlarm as alarm:
            self.alarms.append(alarm.reason)

    @property
    def end(self) -> int:
        """Where the ledger ends."""
        return self.log.bounds(TOPICS.ledger).end

    def begin(self) -> None:
        """Let the allocator work in a thread of its own."""
        self._thread = Thread(target=self._run)
        self._thread.start()

    def wait(self) -> None:
        """Wait until it has ended."""
        self._thread.join(JOIN_S)
        assert not self._thread.is_alive()

    def decide(self, count: int) -> None:
        """Have so many networks created."""
        appender = self.log.appender(TOPICS.commands)
        networks = [create(f"n{number}", f"10.0.{number}.0/24") for number in range(count)]
        commands = [one.model_copy(update={"id": uuid7(number)}) for number, one in enumerate(networks)]
        appender.append([Message((), to_json(command, exclude_none=True)) for command in commands])
        eventually(lambda: self.allocator.engine is not None and self.allocator.engine.fold.seq == count)

    def lose_tail(self, count: int) -> None:
        """Lose the ledger's last records."""
        store = self.log.store
        store.truncate(TOPICS.ledger, store.partition(TOPICS.ledger).end - count)


@pytest.fixture
def cell() -> Iterator[Cell]:
    """Return a cell with three decisions, which is stopped at the end."""
    cell = Cell()
    cell.begin()
    cell.decide(3)
    yield cell
    cell.stop.set()
    cell.wait()


def test_started_again_it_does_not_decide_over_a_lost_tail(cell: Cell) -> None:
    """A fresh reader finds nothing wrong with the shorter ledger; this process knows better, each time."""
    cell.lose_tail(2)
    cell.wait()
    left = cell.end
    for _ in range(2):
        cell.begin()
        cell.wait()

    assert cell.alarms == [Alarm.LOG_TRUNCATED] * 3
    assert cell.end == left


def test_after_an_outage_it_looks_at_its_own_place_first(cell: Cell) -> None:
    """What was lost while the log was away is found before anything is claimed; meanwhile it owns nothing."""
    cell.log.faults.outage()
    eventually(lambda: cell.allocator.problem)
    owning = cell.allocator.owning
    cell.lose_tail(2)
    cell.log.faults.end_outage()
    cell.wait()

    assert not owning
    assert cell.alarms == [Alarm.LOG_TRUNCATED]
    assert cell.end == len(("genesis", "claim", "decision"))


def test_an_operator_leads_on(cell: Cell) -> None:
    """After `ledger recover` the same process owns the cell again, in the new history epoch."""
    cell.lose_tail(2)
    cell.wait()
    ledger_admin.recover(cell.log, TOPICS, "root", "a drill", force=True)
    cell.begin()
    eventually(lambda: cell.allocator.owning)

    assert cell.allocator.engine is not None
    assert cell.allocator.engine.fold.term == TERMS_PER_EPOCH + 1
    assert cell.alarms == [Alarm.LOG_TRUNCATED]


def test_an_intact_ledger_is_no_reason_to_stay_stopped(cell: Cell) -> None:
    """Told to stop and run again, it goes on where it was."""
    cell.stop.set()
    cell.wait()
    cell.stop.clear()
    cell.begin()
    eventually(lambda: cell.allocator.owning)

    assert cell.alarms == []
    assert cell.allocator.engine is not None
    assert cell.allocator.engine.fold.seq == 3
