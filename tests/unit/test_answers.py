"""Answers in the ledger: found by id and digest, among valid records, whatever happens to what was sent."""

import json
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from events.errors import LedgerAlarm, LogUnavailable, OutcomeUnknown
from events.ids import uuid7
from events.ledger.follow import LedgerReader
from events.log.memory import MemoryLog, MemoryStore
from events.log.ownership import AlwaysAssigned
from events.log.port import Message, TopicSpec
from events.record import DecisionHead, decided_value, encode_decision
from events.refusals import Code
from events.repeats import CommandRepeated
from projections.cell.state import Rules
from services import ledger_admin
from services.allocator.runner import Allocator, CellTopics, now_ms
from services.answers import Answers, Ticket
from tests.eventually import eventually

TOPICS = CellTopics("default")
PATIENCE_S = 30.0
SPAWN = {
    "type": "SpawnInstance.v1",
    "actor": {"user": "ann", "is_admin": True},
    "instance_uuid": "0195f3c0-7a2b-7c3d-9e4f-0123456789ab",
    "project_id": "p",
    "host": "h",
    "requested_networks": [],
}


@pytest.fixture
def store() -> MemoryStore:
    """Return a store with topics and a ledger that was begun."""
    store = MemoryStore()
    with MemoryLog(store) as log:
        log.ensure_topic(TopicSpec(TOPICS.ledger.topic, 1, "ledger"))
        log.ensure_topic(TopicSpec(TOPICS.commands.topic, 1, "input"))
        log.ensure_topic(TopicSpec(TOPICS.reports.topic, 1, "input"))
        ledger_admin.begin(log, TOPICS, 100)
    return store


@pytest.fixture
def allocator(store: MemoryStore) -> Iterator[Allocator]:
    """Return a running allocator."""
    running = Allocator(MemoryLog(store), AlwaysAssigned(), TOPICS, Rules(), claim_pause_ms_max=0)
    stop = Event()
    thread = Thread(target=running.run, args=(stop,))
    thread.start()
    yield running
    stop.set()
    thread.join()


@pytest.fixture
def log(store: MemoryStore) -> MemoryLog:
    """Return the caller's own way to the log."""
    return MemoryLog(store)


@pytest.fixture
def answers(log: MemoryLog) -> Iterator[Answers]:
    """Return what is under test."""
    asking = Answers(log, TOPICS.commands, lambda: LedgerReader(log, TOPICS.ledger, "default"))
    yield asking
    asking.close()


def body(command_id: str, **more: object) -> bytes:
    """Return a command's bytes."""
    return json.dumps({**SPAWN, "id": command_id, **more}).encode()


def send(answers: Answers, **more: object) -> Ticket:
    """Send a new command."""
    command_id = uuid7(now_ms())
    return answers.send(command_id, body(command_id, **more))


@pytest.mark.usefixtures("allocator")
def test_a_command_gets_its_decision(answers: Answers) -> None:
    """Granted or refused: both are decisions."""
    granted = send(answers).decision(PATIENCE_S)
    refused = send(answers, host="another").decision(PATIENCE_S)

    assert [event.type for event in granted.events] == ["InstanceSpawned.v1"]
    assert refused.refusal is not None
    assert refused.refusal.code is Code.INSTANCE_EXISTS


@pytest.mark.usefixtures("allocator")
def test_many_commands_are_decided_in_the_order_of_sending(answers: Answers) -> None:
    """None waits for the one before it."""
    ids = [uuid7(now_ms()) for _ in range(200)]

    tickets = answers.send_many([(one, body(one, instance_uuid=one)) for one in ids])

    decided = [ticket.decision(PATIENCE_S) for ticket in tickets]
    assert [one.head.command_id for one in decided] == ids
    assert [one.seq for one in decided] == sorted(one.seq for one in decided)


@pytest.mark.usefixtures("allocator")
def test_the_same_bytes_sent_again_are_a_repetition(answers: Answers) -> None:
    """The answer says where the first one is."""
    command_id = uuid7(now_ms())
    first = answers.send(command_id, body(command_id)).decision(PATIENCE_S)

    again = answers.send(command_id, body(command_id)).decision(PATIENCE_S)

    (repeated,) = again.events
    assert isinstance(repeated, CommandRepeated)
    assert repeated.first_seq == first.seq


@pytest.mark.usefixtures("allocator")
def test_another_body_under_the_same_id_gets_its_own_answer(answers: Answers) -> None:
    """Both are waited for at once, and each gets what belongs to its bytes."""
    command_id = uuid7(now_ms())

    first, other = answers.send_many(
        [(command_id, body(command_id)), (command_id, body(command_id, host="x"))]
    )

    assert first.decision(PATIENCE_S).refusal is None
    refusal = other.decision(PATIENCE_S).refusal
    assert refusal is not None
    assert refusal.code is Code.COMMAND_ID_REUSED


@pytest.mark.parametrize("fault", ["lose_acknowledgement", "fail_append", "duplicate"])
@pytest.mark.usefixtures("allocator")
def test_what_may_not_have_arrived_is_sent_again_and_decided_once(
    fault: str, answers: Answers, log: MemoryLog
) -> None:
    """An append whose outcome is an error may have landed or not: the caller need not know."""
    send(answers).decision(PATIENCE_S)
    getattr(log.faults, fault)(TOPICS.commands)

    tickets = [send(answers, instance_uuid=uuid7(now_ms())) for _ in range(5)]

    granted = [ticket.decision(PATIENCE_S) for ticket in tickets]
    assert [one.refusal for one in granted] == [None] * 5


def test_no_answer_in_time_is_an_unknown_outcome_with_the_id(answers: Answers) -> None:
    """Nobody decides here; the text says how to go on."""
    ticket = send(answers)

    with pytest.raises(OutcomeUnknown) as unknown:
        ticket.decision(0.05)

    assert unknown.value.command_id == ticket.command_id
    assert f"--id {ticket.command_id}" in str(unknown.value)


def test_a_late_decision_still_finds_who_waits_on(answers: Answers, request: pytest.FixtureRequest) -> None:
    """A caller may ask the same ticket again."""
    ticket = send(answers)
    with pytest.raises(OutcomeUnknown):
        ticket.decision(0.01)

    request.getfixturevalue("allocator")

    assert ticket.decision(PATIENCE_S).refusal is None


def test_records_that_do_not_count_answer_nothing(answers: Answers, log: MemoryLog) -> None:
    """A decision of an owner who never claimed is an alarm for everybody, and no answer for anybody."""
    ticket = send(answers)
    forged = forged_decision(ticket)
    appender = log.appender(TOPICS.ledger)
    appender.append([Message((("ce_type", b"netledger.decided.SpawnInstance.v1"),), b"{}")])
    appender.append([forged])

    with pytest.raises(LedgerAlarm):
        ticket.decision(PATIENCE_S)


def forged_decision(ticket: Ticket) -> Message:
    """Return a decision by somebody who never claimed the ledger."""
    head = DecisionHead(
        type="netledger.decided.SpawnInstance.v1",
        subject="x",
        time_ms=now_ms(),
        term=1,
        owner="nobody",
        seq=1,
        previous="00",
        inputs=(),
        command_id=ticket.command_id,
        body_digest=ticket.digest,
        correlation_id=None,
        actor=None,
    )
    return encode_decision("default", head, decided_value(ticket.raw, ()))


def test_a_log_that_is_away_before_the_first_command_is_an_error_and_no_unknown_outcome(
    answers: Answers, log: MemoryLog
) -> None:
    """Nothing was sent, and the caller knows it."""
    log.faults.outage()

    with pytest.raises(LogUnavailable):
        send(answers)


@pytest.mark.usefixtures("allocator")
def test_reading_goes_on_after_an_outage(answers: Answers, log: MemoryLog) -> None:
    """Who waits while the log is away gets the answer when it is back."""
    send(answers).decision(PATIENCE_S)
    log.faults.outage()
    eventually(lambda: not log_answers(log))
    log.faults.end_outage()

    assert send(answers, host="another").decision(PATIENCE_S).refusal is not None


def log_answers(log: MemoryLog) -> bool:
    """Tell whether the log can be asked."""
    try:
        log.bounds(TOPICS.ledger)
    except LogUnavailable:
        return False
    return True
