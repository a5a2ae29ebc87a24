"""The ledger protocol: which records count (design section 3, S1 to S12). Every reader runs this code.

A claim counts if and only if its term is higher than the current one; a decision if and only if it carries
the current term and owner and the next seq. Everything else is skipped and counted. What can only mean that
the log lost or changed records is a `LedgerAlarm`: the reader stops and changes nothing.
"""

from collections import Counter
from enum import StrEnum
from typing import Literal, NamedTuple, NoReturn

from pydantic import ValidationError

from events.errors import InvariantBroken, LedgerAlarm, LedgerMissing, LedgerTooNew
from events.ledger.position import Position
from events.log.port import LogRecord, Message
from events.record import (
    LEVEL,
    DecisionHead,
    Genesis,
    HistoryEpochBegun,
    InputMark,
    TermClaimed,
    chain_hash,
    decode_head,
    read_digest,
    record_digest,
    record_kind,
)


class Alarm(StrEnum):
    """Why a reader stopped."""

    BASE_AHEAD = "BaseAhead"
    """A claim builds on decisions that this log does not hold."""
    TERM_SKIPPED = "TermSkipped"
    """A claim skips a term: the claim in between was lost."""
    TERM_NEVER_CLAIMED = "TermNeverClaimed"
    """A decision of a term whose claim was never seen."""
    TWO_OWNERS = "TwoOwners"
    """Another owner decides in the current term."""
    CHAIN_MISMATCH = "ChainMismatch"
    """A decision was made after other records than those in this log."""
    INPUT_NOT_ABOVE = "InputNotAbove"
    """A valid decision decides an input again."""
    INPUT_REPLACED = "InputReplaced"
    """An input topic is another one than before."""
    LEDGER_CHANGED = "LedgerChanged"
    """The records belong to another ledger, or the topic was replaced."""
    LOG_TRUNCATED = "LogTruncated"
    """The log ends before the position that was already folded."""
    RECORD_CHANGED = "RecordChanged"
    """The log holds another record at the position that was already folded."""
    EPOCH_DIVERGED = "EpochDiverged"
    """A new history epoch begins from another past than ours: rebuild from the start."""
    INPUT_TRIMMED = "InputTrimmed"
    """An input topic no longer holds commands that are not decided yet."""


class Skip(StrEnum):
    """Why a record does not count."""

    FOREIGN = "foreign"
    STALE_CLAIM = "stale_claim"
    LOWER_TERM = "lower_term"
    DUPLICATE = "duplicate"
    AFTER_A_GAP = "after_a_gap"
    STRUCK_OUT = "struck_out"


class Verdict(NamedTuple):
    """What a record turned out to be."""

    kind: Literal["genesis", "claim", "epoch", "decision", "skipped"]
    head: DecisionHead | None = None
    claim: TermClaimed | None = None
    skip: Skip | None = None


TERMS_PER_EPOCH = 1_000_000
"""Terms of history epoch n begin above n times this: what is left of lost terms lies below and is skipped."""

_GENESIS_CHAIN = bytes(32)


class LedgerFold:
    """Judges the records of one ledger in order. Pure: it is given records and keeps a position."""

    def __init__(self, cell: str, topic_incarnation: str, position: Position | None = None) -> None:
        """Start before the first record, or at a stored position.

        Raises:
            LedgerAlarm: the position belongs to another ledger topic.

        """
        self.cell = cell
        self.topic_incarnation = topic_incarnation
        self.genesis: Genesis | None = None
        self.skipped: Counter[Skip] = Counter()
        self.epoch = 0
        self.next_offset = 0
        self.last_offset = -1
        self.last_digest = b""
        self.chain = _GENESIS_CHAIN
        self.term = 0
        self.owner = ""
        self.seq = 0
        self.time_ms = 0
        self.inputs: dict[str, InputMark] = {}
        self._struck: list[range] = []
        if position is not None:
            self._restore(position)

    def _restore(self, at: Position) -> None:
        if (at.cell, at.topic_incarnation) != (self.cell, self.topic_incarnation):
            self._alarm(Alarm.LEDGER_CHANGED, "the stored position belongs to another ledger or topic")
        self.genesis = Genesis(
            ledger_id=at.ledger_id, cell=at.cell, level=at.level, window_commands=at.window_commands
        )
        self.epoch, self.next_offset, self.last_offset = at.epoch, at.next_offset, at.last_offset
        self.last_digest, self.chain = bytes.fromhex(at.last_digest), bytes.fromhex(at.chain)
        self.term, self.owner, self.seq, self.time_ms = at.term, at.owner, at.seq, at.time_ms
        self.inputs = {mark.name: mark for mark in at.inputs}

    def position(self) -> Position:
        """Return the place after the last record judged.

        Raises:
            LedgerMissing: the genesis record has not been read yet.

        """
        if self.genesis is None:
            message = (
                f"The ledger of cell {self.cell!r} has no genesis record yet; run `netledger ledger init`."
            )
            raise LedgerMissing(message)
        return Position(
            **self.genesis.model_dump(),
            topic_incarnation=self.topic_incarnation,
            epoch=self.epoch,
            next_offset=self.next_offset,
            last_offset=self.last_offset,
            last_digest=self.last_digest.hex(),
            chain=self.chain.hex(),
            term=self.term,
            owner=self.owner,
            seq=self.seq,
            time_ms=self.time_ms,
            inputs=tuple(self.inputs.values()),
        )

    def judge(self, record: LogRecord) -> Verdict:
        """Judge the next record.

        Raises:
            LedgerAlarm: the log lost or changed records; nothing was changed.
            LedgerTooNew: the ledger is of a higher level than this program.

        """
        message = Message(record.headers, record.value)
        if any(record.offset in struck for struck in self._struck):
            return self._skip(record.offset, read_digest(message), Skip.STRUCK_OUT)
        try:
            digest = record_digest(message)
        except ValueError:
            return self._skip(record.offset, read_digest(message), Skip.FOREIGN)
        kind = record_kind(record.headers)
        if kind == "decision":
            head = decode_head(self.cell, record.headers)
            if head is not None:
                return self.judge_decision(record.offset, head, digest)
        elif kind == "genesis":
            return self._judge_genesis(record.offset, record.value, digest)
        elif kind == "claim":
            return self._judge_claim(record.offset, record.value, digest)
        elif kind == "epoch":
            return self._judge_epoch(record.offset, record.value, digest)
        return self._skip(record.offset, digest, Skip.FOREIGN)

    def strike_out(self, offsets: range) -> None:
        """Let the records at these offsets not count: an operator's epoch begins behind them (S11)."""
        self._struck.append(offsets)

    def judge_decision(self, offset: int, head: DecisionHead, digest: bytes) -> Verdict:
        """Judge a decision whose headers are already decoded and whose digest is known."""
        if self.genesis is None:
            return self._skip(offset, digest, Skip.FOREIGN)
        if head.term < self.term:
            return self._skip(offset, digest, Skip.LOWER_TERM)
        if head.term > self.term:
            self._alarm(
                Alarm.TERM_NEVER_CLAIMED,
                f"a decision of term {head.term} at offset {offset}, now {self.term}",
            )
        if head.owner != self.owner:
            self._alarm(
                Alarm.TWO_OWNERS,
                f"{head.owner} decides in term {self.term} of {self.owner} at offset {offset}",
            )
        if head.seq != self.seq + 1:
            return self._skip(offset, digest, Skip.DUPLICATE if head.seq <= self.seq else Skip.AFTER_A_GAP)
        if head.previous != self.chain.hex():
            self._alarm(Alarm.CHAIN_MISMATCH, f"decision {head.seq} at offset {offset} follows other records")
        self._check_inputs(head)
        self.seq = head.seq
        self.time_ms = head.time_ms
        for mark in head.inputs:
            self.inputs[mark.name] = mark
        self._accept(offset, digest)
        return Verdict("decision", head=head)

    def _check_inputs(self, head: DecisionHead) -> None:
        """Check that no input is decided twice (S8) and none has become another topic (S11)."""
        advanced = False
        for mark in head.inputs:
            known = self.inputs.get(mark.name)
            if known is None or known.incarnation != mark.incarnation:
                self._alarm(
                    Alarm.INPUT_REPLACED,
                    f"decision {head.seq} reads another {mark.name} topic than was claimed",
                )
            if mark.offset < known.offset:
                self._alarm(
                    Alarm.INPUT_NOT_ABOVE, f"decision {head.seq} goes back to {mark.name} {mark.offset}"
                )
            advanced = advanced or mark.offset > known.offset
        if head.body_digest is not None and not advanced:
            self._alarm(
                Alarm.INPUT_NOT_ABOVE, f"decision {head.seq} decides an input that was decided before"
            )

    def _judge_genesis(self, offset: int, value: bytes, digest: bytes) -> Verdict:
        try:
            genesis = Genesis.model_validate_json(value)
        except ValidationError:
            return self._skip(offset, digest, Skip.FOREIGN)
        if self.genesis is not None:
            if genesis != self.genesis:
                self._alarm(
                    Alarm.LEDGER_CHANGED, f"ledger {genesis.ledger_id} begins inside {self.genesis.ledger_id}"
                )
            return self._skip(offset, digest, Skip.DUPLICATE)
        if genesis.cell != self.cell:
            return self._skip(offset, digest, Skip.FOREIGN)
        if genesis.level > LEVEL:
            raise LedgerTooNew(
                f"The ledger of cell {self.cell!r} is of level {genesis.level}, this program reads up to"
                f" {LEVEL}: upgrade it."
            )
        self.genesis = genesis
        self._accept(offset, digest)
        return Verdict("genesis")

    def _judge_claim(self, offset: int, value: bytes, digest: bytes) -> Verdict:
        try:
            claim = TermClaimed.model_validate_json(value)
        except ValidationError:
            return self._skip(offset, digest, Skip.FOREIGN)
        if self.genesis is None or claim.cell != self.cell:
            return self._skip(offset, digest, Skip.FOREIGN)
        if claim.ledger_id != self.genesis.ledger_id:
            self._alarm(Alarm.LEDGER_CHANGED, f"a claim at offset {offset} is for ledger {claim.ledger_id}")
        if claim.term <= self.epoch * TERMS_PER_EPOCH:
            return self._skip(offset, digest, Skip.STALE_CLAIM)
        if claim.base_seq > self.seq:
            self._alarm(
                Alarm.BASE_AHEAD,
                f"a claim at offset {offset} builds on seq {claim.base_seq}, the log holds {self.seq}",
            )
        if claim.term <= self.term:
            return self._skip(offset, digest, Skip.STALE_CLAIM)
        if claim.term > self.term + 1:
            self._alarm(
                Alarm.TERM_SKIPPED, f"a claim at offset {offset} is for term {claim.term}, now {self.term}"
            )
        for identity in claim.inputs:
            known = self.inputs.get(identity.name)
            if known is not None and known.incarnation != identity.incarnation:
                self._alarm(Alarm.INPUT_REPLACED, f"topic {identity.topic} is another one than before")
        for identity in claim.inputs:
            self.inputs.setdefault(identity.name, InputMark(identity.name, identity.incarnation, -1, ""))
        self.term, self.owner = claim.term, claim.owner
        self._accept(offset, digest)
        return Verdict("claim", claim=claim)

    def _judge_epoch(self, offset: int, value: bytes, digest: bytes) -> Verdict:
        try:
            begun = HistoryEpochBegun.model_validate_json(value)
        except ValidationError:
            return self._skip(offset, digest, Skip.FOREIGN)
        if self.genesis is None or begun.ledger_id != self.genesis.ledger_id:
            return self._skip(offset, digest, Skip.FOREIGN)
        if not self.is_later(begun):
            return self._skip(offset, digest, Skip.DUPLICATE)
        if not self.continues(begun):
            self._alarm(
                Alarm.EPOCH_DIVERGED,
                f"history epoch {begun.epoch} goes on from seq {begun.base_seq}, this reader is at {self.seq}"
                " or saw other records; drop what it built and read the ledger from its start",
            )
        self.epoch = begun.epoch
        self.term, self.owner = max(self.term + 1, begun.epoch * TERMS_PER_EPOCH), ""
        self.inputs = {mark.name: mark for mark in begun.inputs}
        self._accept(offset, digest)
        return Verdict("epoch")

    def is_later(self, begun: HistoryEpochBegun) -> bool:
        """Return whether a history epoch is one of this ledger, and begins after the one this fold is in."""
        of_this_ledger = self.genesis is not None and begun.ledger_id == self.genesis.ledger_id
        return of_this_ledger and begun.epoch > self.epoch

    def continues(self, begun: HistoryEpochBegun) -> bool:
        """Return whether a new history epoch goes on from exactly where this fold is."""
        return (begun.epoch, begun.base_seq, begun.base_chain) == (self.epoch + 1, self.seq, self.chain.hex())

    def _accept(self, offset: int, digest: bytes) -> None:
        self._advance(offset)
        self.last_offset = offset
        self.last_digest = digest
        self.chain = chain_hash(self.chain, digest)

    def _skip(self, offset: int, digest: bytes, reason: Skip) -> Verdict:
        self._advance(offset)
        self.last_digest = chain_hash(self.last_digest, digest)
        self.skipped[reason] += 1
        return Verdict("skipped", skip=reason)

    def _advance(self, offset: int) -> None:
        if offset < self.next_offset:
            message = (
                f"Offset {offset} was read after {self.next_offset - 1}: the log adapter broke the order."
            )
            raise InvariantBroken(message)
        self.next_offset = offset + 1

    def _alarm(self, reason: Alarm, what: str) -> NoReturn:
        message = (
            f"The ledger of cell {self.cell!r} is not what it was: {what}. Nothing was changed. Find out what"
            " happened to the log, then run `netledger ledger recover`."
        )
        raise LedgerAlarm(reason, message)
