"""Judges, allocators, readers and callers that each leave out one sentence of the protocol."""

import pickle
from collections.abc import Sequence
from random import Random

from events.ids import uuid7
from events.ledger.fold import LedgerFold, Skip, Verdict
from events.ledger.follow import Decided
from events.ledger.position import Position
from events.log.port import Feed, LogRecord, Message
from events.record import (
    DecisionHead,
    Genesis,
    InputMark,
    TermClaimed,
    decode_head,
    record_digest,
    record_kind,
)
from events.refusals import Refusal
from projections.cell.decide import Decision
from projections.cell.window import Window
from services.allocator.decider import Decider, InFlight
from services.allocator.engine import Engine, Phase
from services.allocator.inputs import InputName
from services.allocator.runner_attempt import Attempt
from services.allocator.topics import INPUTS
from tests.simulation.caller import Answer, Caller, Key
from tests.simulation.line import CELL, LEDGER, TOPICS
from tests.simulation.reader import CellReader
from tests.simulation.world import LEDGER_ID

NEVER_MS = 1 << 50


# --- Judges ---------------------------------------------------------------------------------------------


class ClaimsOfAnyTerm(LedgerFold):
    """A claim counts whatever its term."""

    def _judge_claim(self, offset: int, message: Message) -> Verdict:
        self.term = TermClaimed.model_validate_json(message.value).term - 1
        return super()._judge_claim(offset, message)


class NoChain(LedgerFold):
    """A decision's chain hash is not looked at."""

    def judge_decision(self, offset: int, head: DecisionHead, digest: bytes) -> Verdict:
        """Judge as if the chain were right."""
        return super().judge_decision(offset, head._replace(previous=self.chain.hex()), digest)


class AnyTermAndOwner(NoChain):
    """A decision counts whatever its term and owner; each check alone is covered by the other."""

    def judge_decision(self, offset: int, head: DecisionHead, digest: bytes) -> Verdict:
        """Judge as if the current owner had decided it."""
        return super().judge_decision(offset, head._replace(term=self.term, owner=self.owner), digest)


class AnySeq(NoChain):
    """A decision counts whatever its seq."""

    def judge_decision(self, offset: int, head: DecisionHead, digest: bytes) -> Verdict:
        """Judge as if it were the next."""
        return super().judge_decision(offset, head._replace(seq=self.seq + 1), digest)


class SeqWithGaps(NoChain):
    """A decision counts if its seq is higher than the last one."""

    def judge_decision(self, offset: int, head: DecisionHead, digest: bytes) -> Verdict:
        """Judge as if nothing were missing."""
        return super().judge_decision(offset, head._replace(seq=self.seq + (head.seq > self.seq)), digest)


class SeqWithDuplicates(NoChain):
    """A decision counts if its seq is at most one higher than the last one."""

    def judge_decision(self, offset: int, head: DecisionHead, digest: bytes) -> Verdict:
        """Judge as if it came for the first time."""
        gap = max(head.seq - self.seq, 1)
        return super().judge_decision(offset, head._replace(seq=self.seq + gap), digest)


class InputsAgain(LedgerFold):
    """A decision may decide inputs that were decided before (S8)."""

    def _check_inputs(self, head: DecisionHead) -> None:
        pass


class ClaimsOnAnyBase(LedgerFold):
    """A claim may build on decisions that the log does not hold (S9)."""

    def _judge_claim(self, offset: int, message: Message) -> Verdict:
        seq = self.seq
        self.seq = max(seq, TermClaimed.model_validate_json(message.value).base_seq)
        try:
            return super()._judge_claim(offset, message)
        finally:
            self.seq = seq


class SkipsInsteadOfAlarms(ClaimsOnAnyBase):
    """What can only mean lost records is skipped (S9)."""

    def judge_decision(self, offset: int, head: DecisionHead, digest: bytes) -> Verdict:
        """Judge a decision of another term or owner as one of a lower term."""
        if (head.term, head.owner) != (self.term, self.owner):
            head = head._replace(term=-1)
        head = head._replace(previous=self.chain.hex())
        return super().judge_decision(offset, head, digest)

    def _check_inputs(self, head: DecisionHead) -> None:
        pass

    def _judge_claim(self, offset: int, message: Message) -> Verdict:
        self.term = max(self.term, TermClaimed.model_validate_json(message.value).term - 1)
        return super()._judge_claim(offset, message)


class EpochsKeepTheOwner(LedgerFold):
    """A new history epoch leaves the owner and its term in place."""

    def _judge_epoch(self, offset: int, message: Message) -> Verdict:
        term, owner = self.term, self.owner
        verdict = super()._judge_epoch(offset, message)
        self.term, self.owner = term, owner
        return verdict


# --- Allocators -----------------------------------------------------------------------------------------


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


def one_owner_id_for_all(_name: str, _rng: Random) -> str:
    """Return a host's name for an owner id (S1)."""
    return "allocator.example.org"


def no_pause(_rng: Random) -> int:
    """Claim again at once."""
    return 0


# --- Readers and callers --------------------------------------------------------------------------------


class StoresNoTerm(CellReader):
    """Its stored position lacks the term and the owner (S2)."""

    def open(self, position: Position | None) -> None:
        """Go on without them."""
        super().open(position and position.model_copy(update={"term": 0, "owner": ""}))


class StoresNoWindow(CellReader):
    """Its snapshot lacks the window of command ids (S5)."""

    def restart(self) -> None:
        """Go on with an empty one."""
        super().restart()
        if self.state is not None and self.reader.fold.genesis is not None:
            self.state.window = Window(self.reader.fold.genesis.window_commands)


class BelievesTheAllocator(Caller):
    """It takes an allocator's word for what is not read back yet."""

    def poll(self, limit: int | None = None) -> None:
        """Ask the allocators."""
        super().poll(limit)
        for node in self.world.nodes:
            for flight in node.engine.in_flight if node.engine is not None else ():
                key = Key(flight.head.command_id or "", flight.head.body_digest or "")
                if self.pending.pop(key, None) is not None:
                    self.answers.append(Answer(key, flight.head.seq, not flight.head.refused))


class MatchesTheIdAlone(Caller):
    """It does not compare the body digest (S6)."""

    def key(self, decided: Decided) -> Key:
        """Return the first command under way of that id."""
        return next((key for key in self.pending if key.command_id == decided.head.command_id), Key("", ""))


class DoesNotJudge(Caller):
    """It believes every record with its id (S6)."""

    _next = 0

    def poll(self, limit: int | None = None) -> None:
        """Look at all records."""
        super().poll(limit)
        for record in self.world.log.read(LEDGER, self._next, 500):
            self._next = record.offset + 1
            head = decode_head(CELL, record.headers) if record_kind(record.headers) == "decision" else None
            if head is not None:
                super().take(Decided(head, record))

    def take(self, decided: Decided) -> None:
        """Leave what was judged to the look at all records."""


class _Adopts(LedgerFold):
    """Takes the first decision that it sees for valid."""

    def judge_decision(self, offset: int, head: DecisionHead, digest: bytes) -> Verdict:
        if not self.owner:
            self.term, self.owner, self.seq = head.term, head.owner, head.seq - 1
            self.chain = bytes.fromhex(head.previous)
            self.inputs = {mark.name: mark._replace(offset=-1) for mark in head.inputs}
        return super().judge_decision(offset, head, digest)

    def _judge_claim(self, offset: int, message: Message) -> Verdict:
        return super()._judge_claim(offset, message) if self.owner else self._skip(offset, Skip.FOREIGN)


class StartsAnywhere(Caller):
    """It starts in the middle without a stored position (S2)."""

    def follow_from(self, position: Position | None) -> None:
        """Follow from some offset."""
        super().follow_from(None)
        log, genesis = (
            self.world.log,
            Genesis(ledger_id=LEDGER_ID, cell=CELL, level=1, window_commands=self.world.plan.window_commands),
        )
        last = log.read(LEDGER, self.world.rng.randrange(log.bounds(LEDGER).end), 1)[0]
        fold = _Adopts(CELL, log.topic(LEDGER.topic).incarnation)
        fold.genesis, fold.next_offset, fold.last_offset = genesis, last.offset + 1, last.offset
        fold.last_digest = record_digest(Message(last.headers, last.value))
        self.reader.fold = fold


class StampsRetriesAnew(Caller):
    """It repeats a command under a new id (S5)."""

    def repeat(self, key: Key) -> None:
        """Send the wish again as another command."""
        sent = self.pending.pop(key)
        self.send(sent.wish, sent.body, uuid7(self.world.now_ms, self.world.rng.getrandbits(74)))
