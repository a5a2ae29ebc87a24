"""Each input becomes one record, whatever it is: granted, refused, repeated, unparsable, or a bug."""

import json
from typing import NoReturn

import pytest
from pydantic_core import to_json

from events.catalog import COMMAND_TYPES, REPORT_TYPES
from events.hosts import HostRegistered
from events.ids import CommandDraws, uuid7
from events.networks import NetworkCreated
from events.record import DecisionHead, decode_head
from events.refusals import Code, Refusal
from events.repeats import CommandRepeated
from projections.cell.canonical import digest
from projections.cell.instance import instances
from projections.cell.window import FUTURE_MS_MAX
from services.allocator.engine import Phase
from tests.unit.allocator.hand import CELL, Hand
from tests.unit.given import Message
from tests.unit.wishes import ONE_OF_EACH, applied, create, delete, lease, nic, register, spawn, uid


def heads(hand: Hand) -> list[DecisionHead]:
    """Return the heads of all decisions in the ledger."""
    found = [decode_head(CELL, record.headers) for record in hand.ledger]
    return [head for head in found if head is not None]


def only(hand: Hand, name: str, value: bytes) -> Refusal | None:
    """Return the refusal of one more input, which must leave exactly one record."""
    outcomes = hand.say_raw(name, value)  # type: ignore[arg-type]  # a test names inputs by plain texts
    assert len(outcomes) == 1
    return outcomes[0].refusal


def code(refusal: Refusal | None) -> str | None:
    """Return the code of a refusal, if there is one."""
    return None if refusal is None else refusal.code


def test_a_command_becomes_one_record() -> None:
    """Its head says what it was, whose, about what, and how far the inputs are decided."""
    hand = Hand().own()
    asked = create("net", correlation_id=uuid7(7, 7))
    (outcome,) = hand.say(asked)
    (head,) = heads(hand)

    assert [type(event) for event in outcome.events] == [NetworkCreated]
    assert (head.type, head.subject, head.actor) == ("netledger.decided.CreateNetworks.v1", "net", "root")
    assert (head.seq, head.term, head.correlation_id) == (1, 1, uuid7(7, 7))
    assert head.command_id == json.loads(hand.inputs["commands"][0].value)["id"]
    assert [(mark.name, mark.offset) for mark in head.inputs] == [("commands", 0), ("reports", -1)]


def test_a_report_that_changes_something_becomes_a_record() -> None:
    """Its actor is the host."""
    hand = Hand().own()
    (outcome,) = hand.say(register("h1"))

    assert [type(event) for event in outcome.events] == [HostRegistered]
    assert (heads(hand)[0].actor, heads(hand)[0].subject) == ("h1", "h1")


def test_a_report_that_changes_nothing_leaves_no_record() -> None:
    """The next record says that it was considered."""
    hand = Hand().own()
    hand.say(register("h1"))

    assert hand.say(register("h1"), applied("h1", 0)) == []
    hand.say(create())
    assert [mark.offset for mark in heads(hand)[-1].inputs] == [0, 2]


def test_a_command_that_changes_nothing_is_answered() -> None:
    """Its caller waits for it."""
    (outcome,) = Hand().own().say(delete("unknown"))

    assert (outcome.events, outcome.refusal) == ((), None)


def test_a_refused_report_becomes_a_record() -> None:
    """With the report as received: somebody should know."""
    hand = Hand().own()
    (outcome,) = hand.say(applied("h9", 0))

    assert code(outcome.refusal) == Code.HOST_NOT_FOUND
    assert outcome.command == json.loads(hand.inputs["reports"][0].value)


@pytest.mark.parametrize("raw", [b"spawn!", b"", b"\xff", b"[1]", b"x" * 300_000])
def test_what_cannot_be_read_is_refused_in_the_ledger(raw: bytes) -> None:
    """And the cell goes on."""
    hand = Hand().own()

    assert code(only(hand, "commands", raw)) in (Code.MALFORMED_COMMAND, Code.COMMAND_TOO_LARGE)
    assert heads(hand)[0].cause == "Unparsable.v1"
    assert heads(hand)[0].command_id is None
    assert hand.say(create())[0].refusal is None


def test_a_report_among_the_commands_is_refused_in_the_ledger() -> None:
    """Whoever may send commands may not speak for hosts."""
    hand = Hand().own()

    assert code(only(hand, "commands", to_json(register("h1")))) == Code.FOREIGN_INPUT
    assert hand.engine.state is not None
    assert hand.engine.state.hosts == {}


# --- Repeats ------------------------------------------------------------------------------------------


def test_a_repeat_gets_the_first_answer() -> None:
    """It changes nothing, and names the position of the first decision."""
    hand = Hand().own()
    hand.say(create())
    (repeat,) = hand.say_raw("commands", hand.inputs["commands"][0].value)

    assert repeat.events == (
        CommandRepeated(command_id=heads(hand)[0].command_id or "", first_seq=1, refusal=None),
    )
    assert repeat.refusal is None


def test_a_repeat_of_a_refusal_gets_the_refusal() -> None:
    """Also of one that would be granted by now; also the third time."""
    hand = Hand().own()
    (first,) = hand.say(spawn("vm", nic("net")))
    hand.say(create("net"))
    raw = hand.inputs["commands"][0].value

    for _ in range(2):
        (repeat,) = hand.say_raw("commands", raw)
        assert [getattr(event, "refusal", None) for event in repeat.events] == [first.refusal]
        assert [getattr(event, "first_seq", None) for event in repeat.events] == [1]


def test_another_body_under_the_same_id_is_refused() -> None:
    """Even if it says the same in other bytes; the first body's repeat is still known."""
    hand = Hand().own()
    hand.say(create())
    raw = hand.inputs["commands"][0].value

    refusal = only(hand, "commands", raw + b" ")
    assert refusal is not None
    assert (refusal.code, refusal.field) == (Code.COMMAND_ID_REUSED, "id")
    assert "position 1" in refusal.message
    assert isinstance(hand.say_raw("commands", raw)[0].events[0], CommandRepeated)


def test_the_refusal_of_a_field_is_remembered_too() -> None:
    """A command with an id is known by it, however bad the rest is."""
    hand = Hand().own()
    bad = to_json({**json.loads(to_json(create())), "id": uuid7(hand.now_ms, 1), "label": ""})

    assert code(only(hand, "commands", bad)) == Code.INVALID_COMMAND
    (repeat,) = hand.say_raw("commands", bad)
    assert isinstance(repeat.events[0], CommandRepeated)
    assert code(repeat.events[0].refusal) == Code.INVALID_COMMAND


def test_ids_of_reports_are_known_too() -> None:
    """A host that sends its report twice is told once."""
    hand = Hand().own()
    hand.say(register("h1"))

    assert isinstance(hand.say_raw("reports", hand.inputs["reports"][0].value)[0].events[0], CommandRepeated)


def test_an_id_older_than_the_window_is_refused() -> None:
    """It is not decided a second time after it was forgotten."""
    hand = Hand(window_commands=2).own()
    hand.say(create("a", "10.0.0.0/24"), create("b", "10.0.1.0/24"), create("c", "10.0.2.0/24"))
    before = len(hand.engine.state.networks) if hand.engine.state else 0

    assert code(only(hand, "commands", hand.inputs["commands"][0].value)) == Code.COMMAND_TOO_OLD
    assert hand.engine.state is not None
    assert len(hand.engine.state.networks) == before == 3


def test_an_id_from_the_future_is_refused() -> None:
    """And decided when its time has come."""
    hand = Hand().own()
    ahead = to_json(create().model_copy(update={"id": uuid7(hand.now_ms + FUTURE_MS_MAX + 5000, 1)}))

    assert code(only(hand, "commands", ahead)) == Code.COMMAND_FROM_THE_FUTURE
    hand.now_ms += 5000
    assert only(hand, "commands", ahead) is None


# --- Limits and bugs ------------------------------------------------------------------------------------


def test_a_decision_that_no_record_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limit; nothing is changed."""
    monkeypatch.setattr("services.allocator.decider.RECORD_BYTES_MAX", 2000)
    hand = Hand().own()
    hand.say(*(create(f"n{number}", f"10.0.{number}.0/24") for number in range(3)))
    (outcome,) = hand.say(spawn("vm"))

    assert code(outcome.refusal) == Code.DECISION_TOO_LARGE
    assert outcome.refusal is not None
    assert "2000" in outcome.refusal.message
    assert hand.engine.state is not None
    assert hand.engine.state.instances == {}


def test_a_bug_in_deciding_is_refused_and_the_cell_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As InternalError, in short; it is counted, so that it alarms."""

    def fail(*_arguments: object) -> NoReturn:
        raise ZeroDivisionError("x" * 5000)

    hand = Hand().own()
    hand.say(create())
    monkeypatch.setattr(instances, "decide_spawn", fail)
    (outcome,) = hand.say(spawn())

    assert code(outcome.refusal) == Code.INTERNAL_ERROR
    assert outcome.refusal is not None
    assert "ZeroDivisionError" in outcome.refusal.message
    assert len(outcome.refusal.message) < 500
    assert hand.engine.counters["bugs"] == 1
    monkeypatch.undo()
    assert hand.say(spawn())[0].refusal is None


class OneId(CommandDraws):
    """Draws of a bug: every new object gets the same identity."""

    def uuid(self, purpose: str, index: int) -> str:
        """Return the same for all."""
        return uid(purpose)


def test_a_decision_that_would_break_an_invariant_is_never_appended() -> None:
    """The owner steps down, because its state is of no use any more; its successor refuses that input."""
    hand = Hand().own(draws=OneId)
    hand.say(create("net"), spawn("first", nic("net")))
    appended = len(hand.ledger)
    poison = hand.put_wish(spawn("second", nic("net")))
    hand.put_wish(create("later", "10.1.0.0/24"))
    hand.decide()

    assert hand.phase() is Phase.STEPPED_DOWN
    assert "invariant" in hand.engine.stepped_down_because
    assert hand.engine.poisoned == ("commands", poison.offset)
    assert hand.take() == []
    assert len(hand.ledger) == appended

    hand.own(draws=OneId, refused_inputs=frozenset({("commands", poison.offset)})).settle()
    assert [code(refusal) for refusal in hand.refusals()] == [None, None, Code.INTERNAL_ERROR, None]
    assert hand.phase() is Phase.OWNING


def test_a_poisoned_input_is_refused_also_after_another_restart() -> None:
    """Whoever does not know of it steps down once more, and then knows."""
    hand = Hand().own(draws=OneId)
    hand.say(create("net"), spawn("first", nic("net")))
    hand.put_wish(spawn("second", nic("net")))
    for _ in range(2):
        hand.own(draws=OneId).decide()
        assert hand.engine.poisoned is not None

    hand.own(draws=OneId, refused_inputs=frozenset({hand.engine.poisoned})).settle()
    assert code(hand.refusals()[-1]) == Code.INTERNAL_ERROR


# --- Time -----------------------------------------------------------------------------------------------


def test_recorded_time_never_goes_back() -> None:
    """Also when the clock does (S7)."""
    hand = Hand().own()
    hand.say(create("a", "10.0.0.0/24"))
    hand.now_ms -= 60_000
    hand.say(create("b", "10.0.1.0/24"))
    first, second = heads(hand)

    assert second.time_ms == first.time_ms


def test_a_timer_copies_the_offsets() -> None:
    """It decides no input again, and has no command (S7)."""
    hand = Hand().own()
    hand.say(create(), register("h1"), spawn(), delete())
    hand.tick(601_000)
    hand.settle()
    before, timer = heads(hand)[-2:]

    assert (timer.cause, timer.command_id, timer.body_digest) == ("Timer.v1", None, None)
    assert timer.inputs == before.inputs
    assert hand.engine.state is not None
    assert hand.engine.state.allocations == {}


def test_a_tick_decides_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """In several decisions of bounded size."""
    monkeypatch.setattr("projections.cell.address.fixed_ips.EXPIRED_PER_DECISION_MAX", 1)
    hand = Hand().own()
    hand.say(create(), register("h1"), spawn("a"), spawn("b"), delete("a"), delete("b"))
    hand.tick(601_000)

    assert len(hand.take()) == 2


# --- The state ------------------------------------------------------------------------------------------


def test_the_state_decided_ahead_is_the_state_folded() -> None:
    """Whoever reads the ledger has it, digest for digest, whatever was decided."""
    hand = Hand().own()
    hand.say(
        create(),
        register("h1"),
        spawn("a"),
        spawn("a"),
        delete("a"),
        lease("h1", "10.0.0.2", "fa:16:3e:00:00:01"),
    )
    hand.say_raw("commands", b"spawn!")
    hand.say_raw("commands", hand.inputs["commands"][0].value)
    hand.tick(601_000)
    hand.settle()
    state = hand.engine.state
    reader = Hand(genesis=False)
    reader.ledger = hand.ledger
    reader.start().read_back()

    assert state is not None
    assert reader.engine.state is not None
    assert digest(reader.engine.state) == digest(state)


@pytest.mark.parametrize("wish", ONE_OF_EACH, ids=[wish.type for wish in ONE_OF_EACH])
def test_every_command_and_report_has_a_rule(wish: Message) -> None:
    """In an empty cell most are refused, but none is a bug."""
    hand = Hand().own()
    hand.say(wish)

    assert hand.engine.counters["bugs"] == 0
    assert Code.INTERNAL_ERROR not in [code(refusal) for refusal in hand.refusals()]


def test_the_rules_are_asked_for_every_type() -> None:
    """So that the test above forgets none."""
    assert {wish.type for wish in ONE_OF_EACH} == COMMAND_TYPES | REPORT_TYPES
