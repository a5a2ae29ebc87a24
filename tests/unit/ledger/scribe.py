"""Writes records of a ledger as an owner would, or as nobody should: every field can be set."""

from typing import Any

from events.ledger.fold import LedgerFold, Verdict
from events.log.framing import HEADER_NAME_BYTES_MAX, HEADERS_MAX
from events.log.port import Headers, LogRecord, Message, TopicPartition
from events.record import (
    CLAIM_TYPE,
    DECIDED_PREFIX,
    DecisionHead,
    Genesis,
    HistoryEpochBegun,
    InputIdentity,
    InputMark,
    TermClaimed,
    body_digest,
    encode_claim,
    encode_decision,
    encode_epoch,
    encode_genesis,
)

CELL = "default"
LEDGER_ID = "0195f3c0-7a2b-7c3d-9e4f-00000000000a"
INCARNATION = "ledger-topic"
LEDGER = TopicPartition("netledger.ledger", 0)
NOW = 1_790_000_000_000
GENESIS = Genesis(ledger_id=LEDGER_ID, cell=CELL, level=1, window_commands=1000)
COMMANDS = InputIdentity(
    name="commands", topic="netledger.commands", incarnation="commands-topic", partitions=1
)
A, B = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


class Scribe:
    """A reader's fold and a pen: what is written is judged at once."""

    def __init__(self, fold: LedgerFold | None = None) -> None:
        """Begin with a reader that has read nothing, or with one at a stored position."""
        self.fold = LedgerFold(CELL, INCARNATION) if fold is None else fold
        self.offset = self.fold.next_offset
        self.last: Message = Message((), b"")

    def judge(self, message: Message) -> Verdict:
        """Let the reader judge a record at the next offset."""
        self.last = message
        self.offset += 1
        return self.fold.judge(LogRecord(LEDGER, self.offset - 1, *message))

    def genesis(self, **fields: Any) -> Verdict:  # noqa: ANN401 - any field
        """Write a genesis."""
        return self.judge(encode_genesis(GENESIS.model_copy(update=fields), NOW))

    def claim(self, owner: str = A, **fields: Any) -> Verdict:  # noqa: ANN401 - any field
        """Write the claim that `owner` would write now, but for `fields`."""
        return self.judge(self.claim_record(owner, **fields))

    def claim_record(self, owner: str = A, **fields: Any) -> Message:  # noqa: ANN401 - any field
        """Return the record of the claim that `owner` would write now, but for `fields`."""
        claim = TermClaimed(
            ledger_id=LEDGER_ID,
            cell=CELL,
            term=self.fold.term + 1,
            owner=owner,
            base_seq=self.fold.seq,
            inputs=(COMMANDS,),
        )
        return encode_claim(claim.model_copy(update=fields), NOW)

    def decision(self, cell: str = CELL, body: bytes = b"{}", **fields: Any) -> Message:  # noqa: ANN401 - any field
        """Return the record of the next decision, but for `fields`; it decides the next command."""
        known = self.fold.inputs.get("commands", InputMark("commands", COMMANDS.incarnation, -1, ""))
        head = DecisionHead(
            type=f"{DECIDED_PREFIX}SpawnInstance.v1",
            subject="-",
            time_ms=NOW,
            term=self.fold.term,
            owner=self.fold.owner,
            seq=self.fold.seq + 1,
            previous=self.fold.chain.hex(),
            inputs=(known._replace(offset=known.offset + 1, digest=body_digest(body)),),
            command_id=None,
            body_digest=body_digest(body),
            correlation_id=None,
            actor=None,
        )
        return encode_decision(cell, head._replace(**fields), b'{"command":%b,"events":[]}' % body)

    def decide(self, **fields: Any) -> Verdict:  # noqa: ANN401 - any field
        """Write a decision."""
        return self.judge(self.decision(**fields))

    def epoch(self, **fields: Any) -> Verdict:  # noqa: ANN401 - any field
        """Write the epoch that an operator would begin now, but for `fields`."""
        begun = HistoryEpochBegun(
            ledger_id=LEDGER_ID,
            cell=CELL,
            epoch=self.fold.epoch + 1,
            base_offset=self.fold.last_offset,
            base_seq=self.fold.seq,
            base_chain=self.fold.chain.hex(),
            operator="root",
            reason="a drill",
            inputs=tuple(self.fold.inputs.values()),
        )
        return self.judge(encode_epoch(begun.model_copy(update=fields), NOW))

    def place(self) -> tuple[object, ...]:
        """Return all that the reader knows, but for how far it has read and what it skipped."""
        fold = self.fold
        known = (
            fold.genesis,
            fold.epoch,
            fold.last_offset,
            fold.chain,
            fold.term,
            fold.owner,
        )
        return (*known, fold.seq, fold.time_ms, dict(fold.inputs))


def owned(decisions: int = 0) -> Scribe:
    """Return a ledger that A owns in term 1, with this many decisions."""
    scribe = Scribe()
    assert scribe.genesis().kind == "genesis"
    assert scribe.claim(A).kind == "claim"
    for _ in range(decisions):
        assert scribe.decide().kind == "decision"
    return scribe


MANY_HEADERS = tuple((f"x{number}", b"") for number in range(HEADERS_MAX + 1))
"""More than a record of ours can have; Kafka takes them."""

ODD_HEADERS: dict[str, Headers] = {
    "more headers than ours can have": MANY_HEADERS,
    "a longer name of a header": (("x" * (HEADER_NAME_BYTES_MAX + 1), b""),),
    "a name of a header that is no text": (("\udcff", b"data"),),
}
"""Headers that cannot be framed."""


def beside(message: Message, headers: Headers) -> Message:
    """Return a record with some headers more, behind its own."""
    return Message((*message.headers, *headers), message.value)


def foreign(value: bytes = b"{}", kind: str = CLAIM_TYPE) -> Message:
    """Return a record that only looks like one of ours."""
    return Message((("ce_type", kind.encode()),), value)
