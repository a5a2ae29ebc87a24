"""Ledgers begun, verified and led on, with a real allocator before and after."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from events.errors import LedgerMissing
from events.ids import uuid7
from events.ledger.fold import Alarm
from events.ledger.follow import LedgerReader
from events.log.memory import MemoryLog
from events.log.ownership import AlwaysAssigned
from events.log.port import Message, TopicSpec
from events.model import Actor
from events.networks import CreateNetworks
from events.record import DecisionHead, decided_value, encode_decision
from projections.cell.canonical import digest
from projections.cell.state import Rules
from services import ledger_admin
from services.allocator.runner import Allocator, CellTopics, now_ms
from services.answers import Answers
from services.ledger_admin import LedgerExists, NothingToRecover

TOPICS = CellTopics("default")
PATIENCE_S = 30.0


class Cell:
    """A cell in memory."""

    def __init__(self) -> None:
        """Make its topics; there is no ledger yet."""
        self.log = MemoryLog()
        self.log.ensure_topic(TopicSpec(TOPICS.ledger.topic, 1, "ledger"))
        self.log.ensure_topic(TopicSpec(TOPICS.commands.topic, 1, "input"))
        self.log.ensure_topic(TopicSpec(TOPICS.reports.topic, 1, "input"))
        self._networks = 0

    @contextmanager
    def allocator(self) -> Iterator[Allocator]:
        """Run an allocator; what ends it is raised at the end."""
        running = Allocator(self.log, AlwaysAssigned(), TOPICS, Rules(), claim_pause_ms_max=0)
        stop = Event()
        thread = Thread(target=running.run, args=(stop,))
        thread.start()
        try:
            yield running
        finally:
            stop.set()
            thread.join()

    def create_network(self) -> int:
        """Create a network of its own; returns the position of the decision."""
        self._networks += 1
        command = CreateNetworks(
            id=uuid7(now_ms()),
            actor=Actor(user="root", is_admin=True),
            kind="flat",
            label="x",
            cidr=f"10.{self._networks}.0.0/24",
        )
        answers = Answers(self.log, TOPICS.commands, lambda: LedgerReader(self.log, TOPICS.ledger, "default"))
        try:
            decided = answers.send(command.id, command.model_dump_json().encode()).decision(PATIENCE_S)
        finally:
            answers.close()
        assert decided.refusal is None
        return decided.seq

    def append(self, message: Message) -> None:
        """Append to the ledger whatever is given."""
        self.log.appender(TOPICS.ledger).append([message])


@pytest.fixture
def cell() -> Cell:
    """Return a cell with three networks; its allocator has stopped."""
    made = Cell()
    ledger_admin.begin(made.log, TOPICS, 100)
    with made.allocator():
        assert [made.create_network() for _ in range(3)] == [1, 2, 3]
    return made


def strange_decision() -> Message:
    """Return a decision of term 1 by somebody else, as if two had owned the cell."""
    head = DecisionHead(
        *("netledger.decided.CreateNetworks.v1", "x", now_ms(), 1, "somebody else", 4, "00", ()),
        *(None, None, None, None),
    )
    return encode_decision("default", head, decided_value(None, ()))


def test_a_ledger_is_begun_once() -> None:
    """The second time nothing happens, and it is said."""
    cell = Cell()
    assert not ledger_admin.is_begun(cell.log, TOPICS)
    with pytest.raises(LedgerMissing):
        ledger_admin.verify(cell.log, TOPICS)
    with pytest.raises(LedgerMissing):
        ledger_admin.recover(cell.log, TOPICS, "op", "why")

    genesis = ledger_admin.begin(cell.log, TOPICS, 100)

    with pytest.raises(LedgerExists):
        ledger_admin.begin(cell.log, TOPICS, 100)
    assert ledger_admin.verify(cell.log, TOPICS).ledger_id == genesis.ledger_id
    assert cell.log.bounds(TOPICS.ledger).end == 1


def test_verifying_finds_the_state_that_the_allocator_had(cell: Cell) -> None:
    """Digest for digest; records that do not count are counted."""
    with cell.allocator() as allocator:
        cell.create_network()
        engine = allocator.engine
    cell.append(Message((), b"somebody else's"))
    seen: list[tuple[int, int]] = []

    found = ledger_admin.verify(cell.log, TOPICS, lambda read, total: seen.append((read, total)))

    assert engine is not None
    assert engine.state is not None
    assert (found.state_digest, found.seq, found.alarm) == (digest(engine.state), 4, None)
    assert found.skipped == {"foreign": 1}
    assert seen[-1] == (found.end, found.end)


def test_nothing_is_recovered_where_nothing_is_wrong(cell: Cell) -> None:
    """An epoch is no toy; --force begins one all the same, and the cell goes on in it."""
    with pytest.raises(NothingToRecover):
        ledger_admin.recover(cell.log, TOPICS, "op", "just so")

    done = ledger_admin.recover(cell.log, TOPICS, "op", "other readers stopped", force=True)

    assert (done.epoch, done.seq, done.inputs) == (1, 3, ())
    with cell.allocator():
        assert cell.create_network() == 4
    assert ledger_admin.verify(cell.log, TOPICS).epoch == 1


def test_what_follows_the_last_good_record_is_struck_out(cell: Cell) -> None:
    """After the operator's record the allocator owns the cell again, and decides on what it had decided."""
    cell.append(strange_decision())
    alarmed = ledger_admin.verify(cell.log, TOPICS)
    assert alarmed.alarm is not None
    assert (alarmed.alarm.reason, alarmed.seq) == (Alarm.TWO_OWNERS, 3)

    done = ledger_admin.recover(cell.log, TOPICS, "op", "two programs wrote to it")

    assert (done.epoch, done.seq, done.struck_out) == (1, 3, 1)
    with cell.allocator():
        assert cell.create_network() == 4
    found = ledger_admin.verify(cell.log, TOPICS)
    assert (found.alarm, found.seq, found.skipped) == (None, 4, {"struck_out": 1})


@pytest.mark.parametrize("name", ["commands", "reports"])
def test_a_replaced_input_is_read_from_its_start(cell: Cell, name: str) -> None:
    """The new topic's records are decided, and none of the old one's again."""
    where = TOPICS.commands if name == "commands" else TOPICS.reports
    cell.log.store.replace_topic(where.topic)

    done = ledger_admin.recover(cell.log, TOPICS, "op", f"{name} was deleted")

    assert (done.inputs, done.struck_out) == ((name,), 0)
    with cell.allocator():
        assert [cell.create_network() for _ in range(2)] == [4, 5]


def test_an_input_that_lost_its_end_goes_on_at_its_end(cell: Cell) -> None:
    """What was decided and lost stays decided; what comes at the same offsets is decided too."""
    cell.log.store.truncate(TOPICS.commands, 1)

    done = ledger_admin.recover(cell.log, TOPICS, "op", "commands lost records")

    assert done.inputs == ("commands",)
    with cell.allocator():
        assert [cell.create_network() for _ in range(3)] == [4, 5, 6]


def test_an_input_that_was_cut_at_the_front_goes_on_where_it_begins(cell: Cell) -> None:
    """Commands that nobody decided are gone; the operator has said so."""
    with cell.allocator():
        pass
    appender = cell.log.appender(TOPICS.commands)
    appender.append([Message((), b"lost"), Message((), b"lost too")])
    cell.log.store.trim(TOPICS.commands, 5)

    done = ledger_admin.recover(cell.log, TOPICS, "op", "commands expired")

    assert done.inputs == ("commands",)
    with cell.allocator():
        assert cell.create_network() == 4
