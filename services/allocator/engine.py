"""The allocator's engine, sans I/O: what is read and ticked goes in, records to append come out.

The engine decides ahead in memory (`services.allocator.decider`) while its appends are in flight, and never
acknowledges
anything: a decision is real once a reader has read it back as valid (design section 3). Whoever drives it
(`services.allocator.runner`, the simulation) does all reading and appending and gives it the time. An engine
that steps down is finished: its state may hold decisions that never became real, so its successor folds the
ledger anew.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from events.errors import InvariantBroken, LedgerAlarm, LedgerMissing
from events.ids import CommandDraws, Draws
from events.ledger.fold import Alarm, LedgerFold, Skip, Verdict
from events.ledger.position import Position
from events.log.port import LogRecord, Message
from events.record import (
    DecisionHead,
    InputIdentity,
    InputMark,
    TermClaimed,
    body_digest,
    decode_outcome,
    encode_claim,
    record_digest,
)
from projections.cell.apply import apply_decision
from projections.cell.state import CellState, Rules
from services.allocator.decider import Decider, InFlight
from services.allocator.inputs import InputName

IN_FLIGHT_MAX = 4096
"""Decisions that may be ahead of what has been read back."""

READBACK_TIMEOUT_MS = 10_000
"""An append that is not read back in this time has an unknown outcome (S4)."""

CLAIM_PAUSE_MS_MAX = 2_000
"""Longest random pause before claiming again, so that two owners do not duel."""

_OWN_DIGESTS_MAX = 2 * IN_FLIGHT_MAX


class Phase(StrEnum):
    """What the engine is doing."""

    FOLLOWING = "following"
    CLAIMING = "claiming"
    OWNING = "owning"
    STEPPED_DOWN = "stepped_down"


class Settings(NamedTuple):
    """What an engine is told about its cell and its limits."""

    cell: str
    ledger_incarnation: str
    inputs: tuple[InputIdentity, ...]
    rules: Rules = Rules()
    in_flight_max: int = IN_FLIGHT_MAX
    readback_timeout_ms: int = READBACK_TIMEOUT_MS


class Engine:
    """One attempt to own a cell, from folding the ledger to stepping down."""

    def __init__(
        self,
        settings: Settings,
        *,
        new_owner: Callable[[], str],
        pause_ms: Callable[[], int],
        claim_not_before_ms: int = 0,
        draws: Callable[[str], Draws] = CommandDraws,
        refused_inputs: frozenset[tuple[str, int]] = frozenset(),
        monotonic_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        """Begin to follow.

        Args:
            settings: The cell, its topics' identities and the limits.
            new_owner: Returns a fresh UUID for each claim (S1).
            pause_ms: Returns a random pause before claiming again.
            claim_not_before_ms: Time before which no claim is made (a successor's pause).
            draws: Where a command's new identities and MACs are drawn from.
            refused_inputs: (input, offset) on which a predecessor met a bug; refused as `InternalError`.
            monotonic_ms: A clock that never goes back, by which silent hosts are known; no host ever falls
                silent if it stands still.

        """
        self.settings = settings
        self.phase = Phase.FOLLOWING
        self.stepped_down_because = ""
        self.poisoned: tuple[str, int] | None = None
        """The input whose decision broke an invariant before it was appended; the successor refuses it."""
        self.fold = self._new_fold()
        self.state: CellState | None = None
        self.decided = 0
        """Own decisions that were read back."""
        self.in_flight: deque[InFlight] = deque()
        self._new_owner = new_owner
        self._pause_ms = pause_ms
        self._claim_not_before_ms = claim_not_before_ms
        self._draws = draws
        self._refused_inputs = refused_inputs
        self._monotonic_ms = monotonic_ms
        self._appends: list[Message] = []
        self._claim: TermClaimed | None = None
        self._claimed_at_ms = 0
        self._decider: Decider | None = None
        self._own_digests: OrderedDict[int, bytes] = OrderedDict()

    # --- What goes in -----------------------------------------------------------------------------------

    def read_ledger(self, records: Sequence[LogRecord], now_ms: int) -> None:
        """Take what was read from the ledger, in order.

        Raises:
            LedgerAlarm: the log lost or changed records: the cell stops.

        """
        for record in records:
            if self.phase is Phase.STEPPED_DOWN:
                return
            expected = self.in_flight[0] if self.in_flight else None
            if expected is not None and (record.headers, record.value) == expected.message:
                self._read_back(expected, record.offset)
            else:
                self._read_other(record, now_ms)

    def read_input(self, name: InputName, records: Sequence[LogRecord], now_ms: int) -> None:
        """Decide on input records, in order. Only an owner is given any, at most `room` at a time."""
        for record in records:
            decider = self._decider
            if self.phase is not Phase.OWNING or decider is None:
                return
            if record.offset > decider.considered[name].offset:
                try:
                    decided = decider.decide_input(name, record.offset, record.value, now_ms)
                except InvariantBroken as error:
                    self._break(decider, error)
                    return
                self._append(decided)

    def append_failed(self, why: str) -> None:
        """Take notice that an append failed or that its outcome is unknown."""
        self._step_down(f"append failed: {why}")

    def tick(self, now_ms: int, *, assigned: bool, caught_up: bool) -> None:
        """Let time pass.

        Claims when we should own the cell and have read all of its ledger, gives up what was not read back
        in time, and decides what time alone brings about.
        """
        timeout_ms = self.settings.readback_timeout_ms
        if self.phase is Phase.OWNING:
            if not assigned:
                self._step_down("no longer assigned")
            elif self.in_flight and now_ms - self.in_flight[0].since_ms > timeout_ms:
                self._step_down("an append was not read back in time")
            else:
                self._decide_tick(now_ms)
        elif self.phase is Phase.CLAIMING:
            if now_ms - self._claimed_at_ms > timeout_ms:
                self._step_down("a claim was not read back in time")
        elif self.phase is Phase.FOLLOWING and assigned and caught_up and now_ms >= self._claim_not_before_ms:
            self._append_claim(now_ms)

    # --- What comes out ---------------------------------------------------------------------------------

    def take_appends(self) -> list[Message]:
        """Return the records to append now, in order."""
        appends, self._appends = self._appends, []
        return appends

    @property
    def room(self) -> int:
        """How many more inputs may be read before something is read back."""
        if self.phase is not Phase.OWNING:
            return 0
        return max(self.settings.in_flight_max - len(self.in_flight), 0)

    @property
    def counters(self) -> Counter[str]:
        """What was decided in this term: refusals by code, repeats, bugs."""
        return Counter() if self._decider is None else self._decider.counters

    def position(self) -> Position:
        """Return the place after the last record read back."""
        return self.fold.position()

    def resume_offset(self, name: InputName) -> int:
        """Return the offset of the next input to decide; only an owner knows it."""
        return self._mark(name).offset + 1

    def check_resume(self, name: InputName, start: int, record: LogRecord | None) -> None:
        """Check that an input is still the one that was decided so far (S12).

        Args:
            name: The input.
            start: First offset that its log holds.
            record: What its log holds at the last decided offset; None when nothing was decided yet or it
                is gone.

        Raises:
            LedgerAlarm: inputs that are not decided yet are gone, or the last decided one is another.

        """
        mark = self._mark(name)
        if start > mark.offset + 1:
            message = (
                f"Input {name!r} begins at offset {start}, but {mark.offset + 1} is not decided yet: commands"
                " were lost. Find out which, then run `netledger ledger recover`."
            )
            raise LedgerAlarm(Alarm.INPUT_TRIMMED, message)
        trimmed_up_to_here = record is None and start == mark.offset + 1
        if mark.offset < 0 or trimmed_up_to_here:
            return
        if record is None or body_digest(record.value) != mark.digest:
            message = (
                f"Input {name!r} holds something else at offset {mark.offset} than what was decided: it lost"
                " records. Find out which, then run `netledger ledger recover`."
            )
            raise LedgerAlarm(Alarm.INPUT_REPLACED, message)

    def _mark(self, name: InputName) -> InputMark:
        if self._decider is None:
            message = f"where to resume {name!r} is asked before the cell is owned"
            raise InvariantBroken(message)
        return self._decider.considered[name]

    # --- Claiming ---------------------------------------------------------------------------------------

    def _new_fold(self) -> LedgerFold:
        return LedgerFold(self.settings.cell, self.settings.ledger_incarnation)

    def _append_claim(self, now_ms: int) -> None:
        if self.fold.genesis is None:
            message = f"Cell {self.settings.cell!r} has no ledger yet: run `netledger ledger init`."
            raise LedgerMissing(message)
        self._check_input_identities()
        self._claim = TermClaimed(
            ledger_id=self.fold.genesis.ledger_id,
            cell=self.settings.cell,
            term=self.fold.term + 1,
            owner=self._new_owner(),
            base_seq=self.fold.seq,
            inputs=self.settings.inputs,
        )
        self._claimed_at_ms = now_ms
        self.phase = Phase.CLAIMING
        self._appends.append(encode_claim(self._claim, now_ms))

    def _check_input_identities(self) -> None:
        for identity in self.settings.inputs:
            known = self.fold.inputs.get(identity.name)
            if known is not None and known.incarnation != identity.incarnation:
                message = (
                    f"Input topic {identity.topic!r} was deleted and created again since its commands were"
                    " decided. Find out what was lost, then run `netledger ledger recover`."
                )
                raise LedgerAlarm(Alarm.INPUT_REPLACED, message)

    def _own(self) -> None:
        """Begin to decide: our claim was judged valid."""
        self._decider = Decider(
            self.fold,
            self._folded(),
            self.settings.rules,
            self._draws,
            self._refused_inputs,
            self._monotonic_ms,
        )
        self.phase = Phase.OWNING

    def _lose_claim(self, now_ms: int) -> None:
        self._claim = None
        self.phase = Phase.FOLLOWING
        self._claim_not_before_ms = now_ms + self._pause_ms()

    # --- Reading the ledger -----------------------------------------------------------------------------

    def _read_back(self, expected: InFlight, offset: int) -> None:
        """Judge our own next record, whose headers and digest are known."""
        verdict = self.fold.judge_decision(offset, expected.head, expected.digest)
        if verdict.kind != "decision":
            self._step_down(f"our own decision {expected.head.seq} came back as {verdict.skip}")
            return
        self.in_flight.popleft()
        self.decided += 1
        self._own_digests[expected.head.seq] = expected.digest
        if len(self._own_digests) > _OWN_DIGESTS_MAX:
            self._own_digests.popitem(last=False)

    def _read_other(self, record: LogRecord, now_ms: int) -> None:
        verdict = self.fold.judge(record)
        match verdict.kind:
            case "genesis" if self.fold.genesis is not None:
                self.state = CellState(self.fold.genesis.window_commands)
            case "claim" if verdict.claim is not None:
                self._read_claim(verdict.claim, now_ms)
            case "decision" if verdict.head is not None:
                self._read_decision(verdict.head, record)
            case "epoch" if self.phase in {Phase.CLAIMING, Phase.OWNING}:
                self._step_down("an operator began a new history epoch")
            case "skipped":
                self._read_skipped(verdict, record, now_ms)
            case _:
                pass

    def _read_claim(self, claim: TermClaimed, now_ms: int) -> None:
        if self._claim is not None and claim.owner == self._claim.owner:
            self._own()
        elif self.phase is Phase.OWNING:
            self._step_down(f"{claim.owner} claimed term {claim.term}")
        elif self.phase is Phase.CLAIMING:
            self._lose_claim(now_ms)

    def _read_decision(self, head: DecisionHead, record: LogRecord) -> None:
        """Fold another owner's valid decision."""
        if self.phase is Phase.OWNING:
            message = (
                f"Decision {head.seq} at offset {record.offset} is valid but differs from what was appended."
            )
            raise InvariantBroken(message)
        outcome = decode_outcome(record.value)
        cause = (head.command_id, head.body_digest) if head.command_id and head.body_digest else None
        apply_decision(self._folded(), head.seq, head.time_ms, cause, outcome.refusal or outcome.events)

    def _read_skipped(self, verdict: Verdict, record: LogRecord, now_ms: int) -> None:
        """Find out whether a record that does not count was ours (S3)."""
        if self._claim is None or verdict.skip is Skip.FOREIGN:
            return
        fields = dict(record.headers)
        if verdict.skip is Skip.STALE_CLAIM:
            if self.phase is Phase.CLAIMING and fields.get("ce_id") == self._claim.owner.encode():
                self._lose_claim(now_ms)
            return
        if fields.get("ce_owner") != self._claim.owner.encode():
            return
        digest = record_digest(Message(record.headers, record.value))
        if verdict.skip is Skip.DUPLICATE and self._own_digests.get(int(fields["ce_seq"])) == digest:
            return
        self._step_down(f"our own record at offset {record.offset} came back as {verdict.skip}")

    # --- Deciding ---------------------------------------------------------------------------------------

    def _decide_tick(self, now_ms: int) -> None:
        decider = self._decider
        while decider is not None and self.room:
            try:
                decided = decider.decide_tick(now_ms)
            except InvariantBroken as error:
                self._break(decider, error)
                return
            if decided is None:
                return
            self._append(decided)

    def _append(self, decided: InFlight | None) -> None:
        if decided is not None:
            self.in_flight.append(decided)
            self._appends.append(decided.message)

    def _break(self, decider: Decider, error: InvariantBroken) -> None:
        """Give up a state that a decision would have broken; the decision was not appended."""
        self.poisoned = decider.deciding
        self._step_down(f"a decision would break an invariant: {error}")

    def _folded(self) -> CellState:
        if self.state is None:
            message = "a decision comes before the genesis record"
            raise InvariantBroken(message)
        return self.state

    def _step_down(self, why: str) -> None:
        self.phase = Phase.STEPPED_DOWN
        self.stepped_down_because = why
        self._appends.clear()
