"""Judges of records that each leave out one sentence of the protocol, named at its end."""

from events.ledger.fold import LedgerFold, Verdict
from events.record import DecisionHead, TermClaimed


class ClaimsOfAnyTerm(LedgerFold):
    """A claim counts whatever its term."""

    def _judge_claim(self, offset: int, value: bytes, digest: bytes) -> Verdict:
        self.term = TermClaimed.model_validate_json(value).term - 1
        return super()._judge_claim(offset, value, digest)


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

    def _judge_claim(self, offset: int, value: bytes, digest: bytes) -> Verdict:
        seq = self.seq
        self.seq = max(seq, TermClaimed.model_validate_json(value).base_seq)
        try:
            return super()._judge_claim(offset, value, digest)
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

    def _judge_claim(self, offset: int, value: bytes, digest: bytes) -> Verdict:
        self.term = max(self.term, TermClaimed.model_validate_json(value).term - 1)
        return super()._judge_claim(offset, value, digest)


class EpochsKeepTheOwner(LedgerFold):
    """A new history epoch leaves the owner and its term in place."""

    def _judge_epoch(self, offset: int, value: bytes, digest: bytes) -> Verdict:
        term, owner = self.term, self.owner
        verdict = super()._judge_epoch(offset, value, digest)
        self.term, self.owner = term, owner
        return verdict
