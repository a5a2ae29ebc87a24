"""Allocators that each leave out one sentence of the protocol, named at its end."""

import pickle
from collections.abc import Sequence
from random import Random

from events.ledger.fold import Verdict
from events.log.port import Feed, LogRecord
from events.record import DecisionHead, InputMark
from events.refusals import Code, Refusal
from projections.cell.decide import Decision
from projections.cell.window import Remembered, Window
from services.allocator.decider import Decider, InFlight
from services.allocator.engine import Engine, Phase
from services.allocator.inputs import InputName
from services.allocator.runner_attempt import Attempt
from services.allocator.topics import INPUTS
from tests.simulation.line import LEDGER, TOPICS

NEVER_MS = 1 << 50


class OwnsBeforeItsClaim(Engine):
    """It decides as soon as it has appended its claim, without folding up to it."""

    def _append_claim(self, now_ms: int) -> None:
        super()._append_claim(now_ms)
        headers, value = self._appends[-1]
        self.fold.judge(LogRecord(LEDGER, self.fold.next_offset, headers, value))
        self.fold.next_offset -= 1
        self._own()


class GoesOnAfterInvalid(Engine):
    """It goes on after a record of its own came back invalid (S3), and waits for ever (S4)."""

    def tick(self, now_ms: int, *, assigned: bool, caught_up: bool) -> None:
        """Let time pass, however long an append is under way."""
        self.settings = self.settings._replace(readback_timeout_ms=NEVER_MS)
        super().tick(now_ms, assigned=assigned, caught_up=caught_up)

    def _read_skipped(self, verdict: Verdict, record: LogRecord, now_ms: int) -> None:
        pass


class WaitsForEver(Engine):
    """It does not give up what is not read back in time (S4)."""

    def tick(self, now_ms: int, *, assigned: bool, caught_up: bool) -> None:
        """Let time pass, however long an append is under way."""
        self.settings = self.settings._replace(readback_timeout_ms=NEVER_MS)
        super().tick(now_ms, assigned=assigned, caught_up=caught_up)


class TrustsItsAppends(WaitsForEver):
    """It takes every append for real: it never looks what became of one."""

    def append_failed(self, why: str) -> None:
        """Take no notice."""

    def _read_skipped(self, verdict: Verdict, record: LogRecord, now_ms: int) -> None:
        pass

    def _append(self, decided: InFlight | None) -> None:
        if decided is not None:
            self._appends.append(decided.message)

    def _read_decision(self, head: DecisionHead, record: LogRecord) -> None:
        if self._decider is None:
            super()._read_decision(head, record)


class ReusesSeqs(Engine):
    """After a failed append it goes back to what was read back, and uses the same seqs in its term again."""

    def read_ledger(self, records: Sequence[LogRecord], now_ms: int) -> None:
        """Keep a copy of the state whenever everything is read back."""
        super().read_ledger(records, now_ms)
        if self.phase is Phase.OWNING and not self.in_flight:
            self._kept = pickle.dumps(self.state)

    def append_failed(self, why: str) -> None:
        """Go back, and go on."""
        if self.phase is not Phase.OWNING:
            super().append_failed(why)
            return
        self.in_flight.clear()
        self.state = pickle.loads(self._kept)  # noqa: S301 - written above
        self._own()


class OpensAnotherAppender(Attempt):
    """It goes on appending after a failure."""

    def _append(self) -> None:
        super()._append()
        if self.engine.phase is Phase.OWNING and not self.engine.in_flight:
            self._appender = self._log.appender(LEDGER)


class ResumesAtTheStart(Engine):
    """It resumes its inputs at their beginning."""

    def _own(self) -> None:
        super()._own()
        if self._decider is not None:
            marks = self._decider.considered.values()
            self._decider.considered = {
                mark.name: InputMark(mark.name, mark.incarnation, -1, "") for mark in marks
            }


class ResumesAtTheEnd(Attempt):
    """It resumes its inputs at their end."""

    def _open_inputs(self) -> Feed:
        ends = {TOPICS.input(name): self._log.bounds(TOPICS.input(name)).end for name in INPUTS}
        return self._log.follow(ends)


class NoResumeCheck(Engine):
    """It does not look whether its inputs are still the same (S12)."""

    def check_resume(self, name: InputName, start: int, record: LogRecord | None) -> None:
        """Find everything right."""


class TimersForgetInputs(Decider):
    """A timer's record says nothing about the inputs considered since the term began (S7)."""

    _began_at: dict[str, InputMark] | None = None

    def decide_input(self, name: InputName, offset: int, raw: bytes, now_ms: int) -> InFlight | None:
        """Remember where the term began."""
        self._began_at = self._began_at or dict(self.considered)
        return super().decide_input(name, offset, raw, now_ms)

    def decide_tick(self, now_ms: int) -> InFlight | None:
        """Copy the inputs of the beginning."""
        considered = self.considered
        self.considered = self._began_at or considered
        try:
            return super().decide_tick(now_ms)
        finally:
            self.considered = considered


class DecidesRepeatsAgain(Decider):
    """A repeated command is decided again."""

    def _by_id(self, command_id: str, digest: str, time_ms: int) -> Decision | None:
        return None


class ForgetsThatItForgot(Window):
    """An unknown id is new, however old it is (S5)."""

    __slots__ = ()

    def refuse_by_time(self, command_id: str, now_ms: int) -> Refusal | None:
        """Refuse nothing."""
        return None


class RemembersAnotherBody(Window):
    """The refusal of another body under the same id replaces the entry (S6)."""

    __slots__ = ()

    def remember(self, command_id: str, entry: Remembered) -> None:
        """Remember that refusal instead of the decision."""
        if entry.refusal is not None and entry.refusal.code == Code.COMMAND_ID_REUSED:
            self._entries[command_id] = entry
        else:
            super().remember(command_id, entry)


def one_owner_id_for_all(_name: str, _rng: Random) -> str:
    """Return a host's name for an owner id (S1)."""
    return "allocator.example.org"


def no_pause(_rng: Random) -> int:
    """Claim again at once."""
    return 0
