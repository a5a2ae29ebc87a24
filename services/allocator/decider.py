"""Deciding ahead: what comes in becomes the next decision of a term, applied in memory, and encoded.

It happens before the decision is read back; whether it becomes real is for `services.allocator.engine` to
see.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, cast

from events.catalog import AnyCommand, AnyReport
from events.ids import Draws
from events.ledger.fold import LedgerFold
from events.log.port import RECORD_BYTES_MAX, Message
from events.model import Command
from events.record import (
    DECIDED_PREFIX,
    REFUSED_PREFIX,
    TIMER,
    UNPARSABLE,
    DecisionHead,
    InputMark,
    chain_hash,
    decided_value,
    encode_decision,
    record_digest,
    refused_value,
)
from events.refusals import Code, Refusal
from events.repeats import CommandRepeated
from projections.cell.apply import apply_decision
from projections.cell.decide import Decision, decide_command, decide_report, decide_tick
from projections.cell.state import CellState, Rules
from services.allocator.inputs import InputName, Received, receive
from services.allocator.liveness import Liveness

_BUG_SHOWN_MAX = 200
"""Characters of an unforeseen error that a refusal tells."""


class InFlight(NamedTuple):
    """A decision that is appended and has not been read back."""

    message: Message
    head: DecisionHead
    digest: bytes
    since_ms: int


class Decider:
    """Decides in one term, on a state that it alone changes: ahead of what has been read back."""

    def __init__(
        self,
        fold: LedgerFold,
        state: CellState,
        rules: Rules,
        draws: Callable[[str], Draws],
        refused_inputs: frozenset[tuple[str, int]],
        monotonic_ms: Callable[[], int],
    ) -> None:
        """Go on where the fold is, which has just judged our claim valid."""
        self._fold = fold
        self._monotonic_ms = monotonic_ms
        self._liveness = Liveness(rules, monotonic_ms())
        self.state = state
        self.considered: dict[str, InputMark] = dict(fold.inputs)
        """How far each input was looked at; every decision copies it (S7)."""
        self.counters: Counter[str] = Counter()
        self.deciding: tuple[str, int] | None = None
        """Input and offset of what is being decided."""
        self._cell = fold.cell
        self._term = fold.term
        self._owner = fold.owner
        self._chain = fold.chain
        self._rules = rules
        self._draws = draws
        self._refused_inputs = refused_inputs

    def decide_input(self, name: InputName, offset: int, raw: bytes, now_ms: int) -> InFlight | None:
        """Decide on an input record; None when it leaves no record (a report that changes nothing).

        Raises:
            InvariantBroken: the decision contradicts the state, which is then of no use any more.

        """
        self.deciding = (name, offset)
        received = receive(name, raw)
        mark = self.considered[name]
        self.considered[name] = InputMark(name, mark.incarnation, offset, received.digest)
        time_ms = max(now_ms, self.state.time_ms)
        decision = self._decision(name, received, time_ms)
        if decision == () and name == "reports":
            return None
        return self._record(received, decision, time_ms, now_ms)

    def decide_tick(self, now_ms: int) -> InFlight | None:
        """Decide what time alone brings about; None when nothing does."""
        self.deciding = None
        time_ms = max(now_ms, self.state.time_ms)
        silence = self._liveness.look(self.state, self._fold.seq, self._monotonic_ms())
        events = decide_tick(self.state, self._rules, time_ms, silence)
        if not events:
            return None
        head = self._head(f"{DECIDED_PREFIX}{TIMER}", self._cell, time_ms, None)
        return self._commit(head, decided_value(None, events), events, None, now_ms)

    def _decision(self, name: InputName, received: Received, time_ms: int) -> Decision:
        if received.id is not None:
            remembered = self._by_id(received.id, received.digest, time_ms)
            if remembered is not None:
                return remembered
        if received.message is None or received.id is None:
            return received.refusal or _internal_error("it was not read")
        if self.deciding in self._refused_inputs:
            return _internal_error("its decision would break an invariant")
        try:
            return self._decide(name, received, time_ms)
        except Exception as error:  # noqa: BLE001 - a bug in deciding must not stop the cell; it is refused and alarms
            self.counters["bugs"] += 1
            return _internal_error(f"{type(error).__name__}: {error}")

    def _by_id(self, command_id: str, digest: str, time_ms: int) -> Decision | None:
        """Decide on a command id that is known, or that cannot be known any more (S5, S6)."""
        first = self.state.window.first(command_id)
        if first is None:
            return self.state.window.refuse_by_time(command_id, time_ms)
        if first.body_digest == digest:
            self.counters["repeated"] += 1
            return (CommandRepeated(command_id=command_id, first_seq=first.seq, refusal=first.refusal),)
        message = (
            f"Command id {command_id} was decided at position {first.seq} with another body; use a new id."
        )
        return Refusal(code=Code.COMMAND_ID_REUSED, field="id", message=message)

    def _decide(self, name: InputName, received: Received, time_ms: int) -> Decision:
        if name == "reports":
            report = cast("AnyReport", received.message)
            if report.host == report.reporter:
                self._liveness.hear(report.host, self._monotonic_ms())
            return decide_report(self.state, report)
        draws = self._draws(str(received.id))
        return decide_command(self.state, cast("AnyCommand", received.message), self._rules, draws, time_ms)

    def _record(self, received: Received, decision: Decision, time_ms: int, now_ms: int) -> InFlight:
        """Turn a decision on an input into a record."""
        if isinstance(decision, Refusal):
            value = refused_value(received.raw, decision, is_json=received.is_json)
        else:
            value = decided_value(received.raw, decision)
            if len(value) > RECORD_BYTES_MAX:
                decision = _too_large(len(value))
                value = refused_value(received.raw, decision, is_json=received.is_json)
        if isinstance(decision, Refusal):
            self.counters[f"refused.{decision.code}"] += 1
        kind = (REFUSED_PREFIX if isinstance(decision, Refusal) else DECIDED_PREFIX) + (
            received.type or UNPARSABLE
        )
        head = self._head(kind, _subject(received.message), time_ms, received)
        cause = (received.id, received.digest) if received.id is not None else None
        return self._commit(head, value, decision, cause, now_ms)

    def _head(self, kind: str, subject: str, time_ms: int, received: Received | None) -> DecisionHead:
        message = None if received is None else received.message
        return DecisionHead(
            type=kind,
            subject=subject,
            time_ms=time_ms,
            term=self._term,
            owner=self._owner,
            seq=self.state.seq + 1,
            previous=self._chain.hex(),
            inputs=tuple(self.considered.values()),
            command_id=None if received is None else received.id,
            body_digest=None if received is None else received.digest,
            correlation_id=message.correlation_id if isinstance(message, Command) else None,
            actor=_actor(message),
        )

    def _commit(
        self, head: DecisionHead, value: bytes, decision: Decision, cause: tuple[str, str] | None, now_ms: int
    ) -> InFlight:
        """Apply a decision in memory and encode it; one that breaks an invariant is never appended."""
        apply_decision(self.state, head.seq, head.time_ms, cause, decision)
        message = encode_decision(self._cell, head, value)
        digest = record_digest(message)
        self._chain = chain_hash(self._chain, digest)
        return InFlight(message, head, digest, now_ms)


def _subject(message: AnyCommand | AnyReport | None) -> str:
    field = type(message).subject_field if message is not None else ""
    return str(getattr(message, field) or "-") if field else "-"


def _actor(message: AnyCommand | AnyReport | None) -> str | None:
    if message is None:
        return None
    return message.actor.user if isinstance(message, Command) else message.reporter


def _too_large(size: int) -> Refusal:
    text = f"Its decision would have {size} bytes; a record takes at most {RECORD_BYTES_MAX}. Ask for less."
    return Refusal(code=Code.DECISION_TOO_LARGE, message=text)


def _internal_error(what: str) -> Refusal:
    text = (
        f"Netledger could not decide this because of a bug ({what[:_BUG_SHOWN_MAX]}). Nothing was changed;"
        " please report it."
    )
    return Refusal(code=Code.INTERNAL_ERROR, message=text)
