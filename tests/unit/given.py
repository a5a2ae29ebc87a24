"""given(what happened).when(a command).then(events, or a refusal): the rules of a cell as sentences.

Every decision that passes through here is also held to what all decisions must keep:

* deciding changes nothing (the digest before and after is the same);
* a refusal changes nothing either, also when it is applied;
* what was decided, encoded and decoded again, gives a second state the same digest;
* the invariants of the cell hold (`tests.unit.invariants`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Self, TypeVar

from events.catalog import AnyCommand, AnyReport
from events.ids import CommandDraws, Draws, uuid7
from events.model import Command, Event
from events.record import decided_value, decode_outcome
from events.refusals import Code, Refusal
from projections.cell.apply import apply_decision
from projections.cell.canonical import digest
from projections.cell.decide import Decision, decide_command, decide_report, decide_tick
from projections.cell.host.fences import NO_SILENCE, Silence
from projections.cell.state import CellState, Rules
from tests.unit.invariants import check

START_MS = 1_790_000_000_000
"""When every scenario begins, in Unix milliseconds."""

AnyEventType = TypeVar("AnyEventType", bound=Event)
Message = AnyCommand | AnyReport


class Later(NamedTuple):
    """A step of a history: time passes, and what it brings about is decided."""

    seconds: float


Step = Message | Event | Later


class Fact(NamedTuple):
    """An expected event: its type, and those of its fields that matter."""

    kind: type[Event]
    fields: dict[str, Any]


class Refused(NamedTuple):
    """An expected refusal. Every word must be in its sentence."""

    code: Code
    field: str | None
    words: tuple[str, ...]


def fact(kind: type[Event], **fields: object) -> Fact:
    """Expect an event of this type with these fields; its other fields may be anything."""
    return Fact(kind, fields)


def refused(code: Code, field: str | None, *words: str) -> Refused:
    """Expect a refusal with this code and field, and these words in its sentence."""
    return Refused(code, field, words)


def given(
    *history: Step, rules: Rules | None = None, draws: Callable[[str], Draws] = CommandDraws
) -> "Scenario":
    """Begin with a new cell in which all this has happened; a command of the history must be granted."""
    scenario = Scenario(rules or Rules(), draws)
    scenario.happens(*history)
    return scenario


class Scenario:
    """A cell, its clock, and what was decided in it so far."""

    def __init__(self, rules: Rules, draws: Callable[[str], Draws]) -> None:
        """Begin with an empty cell."""
        self.state = CellState(window_commands=1000)
        self.now_ms = START_MS
        self.rules = rules
        self.draws = draws
        self._twin = CellState(window_commands=1000)
        self._messages = 0

    def happens(self, *history: Step) -> Self:
        """Let all this happen, one step after the other."""
        for step in history:
            if isinstance(step, Event):
                self._apply((step,))
            elif isinstance(step, Later):
                self.now_ms += int(step.seconds * 1000)
                self._apply(decide_tick(self.state, self.rules, self.now_ms))
            else:
                decision = self.when(step).decision
                assert not isinstance(decision, Refusal), f"the history is refused: {decision}"
        return self

    def when(self, message: Message) -> "Outcome":
        """Decide on a command or a report, and apply the decision."""
        self._messages += 1
        message = message.model_copy(update={"id": uuid7(self.now_ms, self._messages)})
        before = digest(self.state)
        decision: Decision
        if isinstance(message, Command):
            draws = self.draws(message.id)
            decision = decide_command(self.state, message, self.rules, draws, self.now_ms)
        else:
            decision = decide_report(self.state, message)
        assert digest(self.state) == before, "deciding changed the state"
        self._apply(decision)
        return Outcome(self, decision)

    def when_time_passes(self, seconds: float = 0, silence: Silence = NO_SILENCE) -> "Outcome":
        """Let time pass, and decide what it brings about, and what is due after a silence."""
        self.now_ms += int(seconds * 1000)
        before = digest(self.state)
        events = decide_tick(self.state, self.rules, self.now_ms, silence)
        assert digest(self.state) == before, "deciding changed the state"
        self._apply(events)
        return Outcome(self, events)

    def _apply(self, decision: Decision) -> None:
        before = self._without_place()
        apply_decision(self.state, self.state.seq + 1, self.now_ms, None, decision)
        if isinstance(decision, Refusal):
            assert self._without_place() == before, "a refusal changed the state"
            recorded: Decision = decision
        else:
            recorded = decode_outcome(decided_value(None, decision)).events
        apply_decision(self._twin, self._twin.seq + 1, self.now_ms, None, recorded)
        assert digest(self._twin) == digest(self.state), "what was recorded folds to another state"
        check(self.state)

    def _without_place(self) -> str:
        """Return the digest of all but the position and its time, which a refusal moves too."""
        place = self.state.seq, self.state.time_ms
        self.state.seq, self.state.time_ms = 0, 0
        answer = digest(self.state)
        self.state.seq, self.state.time_ms = place
        return answer


class Outcome:
    """What was decided."""

    def __init__(self, scenario: Scenario, decision: Decision) -> None:
        """Keep the decision and the scenario that goes on from it."""
        self.scenario = scenario
        self.decision = decision

    @property
    def events(self) -> tuple[Event, ...]:
        """What was decided; the command must not be refused."""
        assert not isinstance(self.decision, Refusal), f"refused: {self.decision}"
        return self.decision

    def of(self, kind: type[AnyEventType]) -> list[AnyEventType]:
        """Return the decided events of one type, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def then(self, *expected: Fact | Refused) -> Scenario:
        """Hold the decision against exactly these events in this order, or against one refusal."""
        if expected and isinstance(expected[0], Refused):
            self._then_refused(expected[0])
            return self.scenario
        facts = [one for one in expected if isinstance(one, Fact)]
        told = [
            Fact(
                type(event),
                {name: getattr(event, name) for name in (facts[at].fields if at < len(facts) else ())},
            )
            for at, event in enumerate(self.events)
        ]
        assert told == facts
        return self.scenario

    def _then_refused(self, expected: Refused) -> None:
        assert isinstance(self.decision, Refusal), f"granted: {str(self.decision)[:500]}"
        assert (self.decision.code, self.decision.field) == (expected.code, expected.field), self.decision
        for word in expected.words:
            assert word in self.decision.message
