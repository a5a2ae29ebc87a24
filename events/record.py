"""Records of a ledger: one decision is one record, readable without our code.

Headers are CloudEvents 1.0 in Kafka's binary mode (`ce_*`); what is not in that specification is one of our
extensions: cell, term, owner, seq, previous hash, inputs, command id, body digest, correlation id, actor. The
value is JSON: `{"command": as received, "events": [...]}` or `{"command": ..., "refusal": {...}}`; a command
that is not JSON is kept as hash and excerpt under `unparsable`.
"""

from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, PositiveInt, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from events.catalog import EVENTS, AnyEvent
from events.clock import parse_time, time_text
from events.errors import UnknownSchema
from events.log.framing import pack_headers
from events.log.port import Headers, Message
from events.model import Event
from events.refusals import Refusal
from events.upcast import upcast

LEVEL = 1
"""Newest level of a ledger that this program reads and writes."""

TYPE_PREFIX = "netledger."
GENESIS_TYPE = "netledger.LedgerCreated.v1"
CLAIM_TYPE = "netledger.TermClaimed.v1"
EPOCH_TYPE = "netledger.HistoryEpochBegun.v1"
DECIDED_PREFIX = "netledger.decided."
REFUSED_PREFIX = "netledger.refused."
TIMER = "Timer.v1"
UNPARSABLE = "Unparsable.v1"
EXCERPT_BYTES_MAX = 256

_U32 = Struct("<I")
_NO_SIZE = 0xFFFFFFFF
"""Where a framed record has the size of its block of names, which is never that large."""

_FIXED_HEADERS: Headers = (("ce_specversion", b"1.0"), ("content-type", b"application/json"))


class InputMark(NamedTuple):
    """How far an input is decided: everything up to and including `offset` (-1: nothing yet).

    `incarnation` is the identity of the topic, `digest` the hash of the record at `offset` (S12).
    """

    name: str
    incarnation: str
    offset: int
    digest: str


class Genesis(BaseModel):
    """The first record of a ledger; only `netledger ledger init` writes one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger_id: str
    cell: str
    level: PositiveInt
    window_commands: PositiveInt
    """How many command ids are remembered (S5)."""


class InputIdentity(BaseModel):
    """Identity of an input topic, as a claim found it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    topic: str
    incarnation: str
    partitions: int


class TermClaimed(BaseModel):
    """An owner's claim on the next term (S1, S11)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger_id: str
    cell: str
    term: int
    owner: str
    base_seq: int
    inputs: tuple[InputIdentity, ...]


class HistoryEpochBegun(BaseModel):
    """An operator's way on after lost data or a replaced input (S11): what follows `base_seq` is void."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger_id: str
    cell: str
    epoch: int
    base_offset: int
    """Offset of the last valid record of the past that is kept."""
    base_seq: int
    base_chain: str
    operator: str
    reason: str
    inputs: tuple[InputMark, ...]


class DecisionHead(NamedTuple):
    """What a decision's headers say."""

    type: str
    subject: str
    time_ms: int
    term: int
    owner: str
    seq: int
    previous: str
    inputs: tuple[InputMark, ...]
    command_id: str | None
    body_digest: str | None
    correlation_id: str | None
    actor: str | None

    @property
    def refused(self) -> bool:
        """Whether the command was refused."""
        return self.type.startswith(REFUSED_PREFIX)

    @property
    def cause(self) -> str:
        """Versioned type of what was decided: a command, a report, `Timer.v1` or `Unparsable.v1`."""
        return self.type.removeprefix(DECIDED_PREFIX).removeprefix(REFUSED_PREFIX)


class Outcome(NamedTuple):
    """What a decision's value says."""

    command: Any
    events: tuple[AnyEvent, ...]
    refusal: Refusal | None


def body_digest(value: bytes) -> str:
    """Return the digest by which a command's raw body is known: 128 bits of SHA-256, in hex."""
    return sha256(value).hexdigest()[:32]


def record_digest(message: Message) -> bytes:
    """Return the SHA-256 of a record as it lies in the log: framed headers, then the value.

    Raises:
        ValueError: its headers cannot be framed, so it is no record of ours.

    """
    return sha256(pack_headers(message.headers) + message.value).digest()


def read_digest(message: Message) -> bytes:
    """Return a digest of any record that was read; of one that can be ours, `record_digest`.

    It never fails: records of others may have headers that ours cannot have, and stop no reader. Theirs are
    framed with sizes that hold anything, behind a size that no block of names of ours has.
    """
    try:
        return record_digest(message)
    except ValueError:
        digest = sha256(_U32.pack(_NO_SIZE) + _U32.pack(len(message.headers)))
        for name, data in message.headers:
            encoded = name.encode(errors="surrogatepass")
            digest.update(_U32.pack(len(encoded)) + encoded + _U32.pack(len(data)) + data)
        digest.update(message.value)
        return digest.digest()


def chain_hash(previous: bytes, digest: bytes) -> bytes:
    """Return the chain hash after a valid record: SHA-256 over the chain before it and its digest (S9)."""
    return sha256(previous + digest).digest()


def _envelope(kind: str, record_id: str, cell: str, subject: str, time_ms: int) -> list[tuple[str, bytes]]:
    return [
        *_FIXED_HEADERS,
        ("ce_id", record_id.encode()),
        ("ce_type", kind.encode()),
        ("ce_source", b"/netledger/" + cell.encode()),
        ("ce_subject", subject.encode()),
        ("ce_time", time_text(time_ms).encode()),
    ]


def encode_genesis(genesis: Genesis, time_ms: int) -> Message:
    """Return the record that begins a ledger."""
    headers = _envelope(GENESIS_TYPE, genesis.ledger_id, genesis.cell, genesis.cell, time_ms)
    return Message(tuple(headers), to_json(genesis))


def encode_claim(claim: TermClaimed, time_ms: int) -> Message:
    """Return the record that claims a term."""
    headers = _envelope(CLAIM_TYPE, claim.owner, claim.cell, claim.cell, time_ms)
    return Message(tuple(headers), to_json(claim))


def encode_epoch(epoch: HistoryEpochBegun, time_ms: int) -> Message:
    """Return the record that begins a new history epoch."""
    headers = _envelope(EPOCH_TYPE, f"{epoch.ledger_id}/{epoch.epoch}", epoch.cell, epoch.cell, time_ms)
    return Message(tuple(headers), to_json(epoch))


def encode_decision(cell: str, head: DecisionHead, value: bytes) -> Message:
    """Return the record of a decision."""
    inputs = [f"{name}:{topic}:{offset}:{digest}" for name, topic, offset, digest in head.inputs]
    headers = [
        *_term_headers(cell, head.term, head.owner),
        ("ce_id", f"{cell}/{head.term}/{head.seq}".encode()),
        ("ce_type", head.type.encode()),
        ("ce_subject", head.subject.encode()),
        ("ce_time", time_text(head.time_ms).encode()),
        ("ce_seq", b"%d" % head.seq),
        ("ce_prevhash", head.previous.encode()),
        ("ce_inputs", " ".join(inputs).encode()),
    ]
    if head.command_id is not None:
        headers.append(("ce_commandid", head.command_id.encode()))
    if head.body_digest is not None:
        headers.append(("ce_bodydigest", head.body_digest.encode()))
    if head.correlation_id is not None:
        headers.append(("ce_correlationid", head.correlation_id.encode()))
    if head.actor is not None:
        headers.append(("ce_actor", head.actor.encode()))
    return Message(tuple(headers), value)


@lru_cache(maxsize=8)
def _term_headers(cell: str, term: int, owner: str) -> Headers:
    """Return what all decisions of a term say alike."""
    return (
        *_FIXED_HEADERS,
        ("ce_source", b"/netledger/" + cell.encode()),
        ("ce_cell", cell.encode()),
        ("ce_term", b"%d" % term),
        ("ce_owner", owner.encode()),
    )


def decided_value(command: bytes | None, events: tuple[Event, ...]) -> bytes:
    """Return the value of a decision that was granted; `command` is the JSON as received (None: a timer)."""
    return b'{"command":%b,"events":%b}' % (command or b"null", to_json(events))


def refused_value(command: bytes, refusal: Refusal, *, is_json: bool) -> bytes:
    """Return the value of a refusal. What is not JSON, or too large to keep, is kept by hash and excerpt."""
    if is_json:
        return b'{"command":%b,"refusal":%b}' % (command, to_json(refusal))
    unparsable = {
        "sha256": sha256(command).hexdigest(),
        "bytes": len(command),
        "excerpt": command[:EXCERPT_BYTES_MAX].decode("utf-8", "backslashreplace"),
    }
    return b'{"command":null,"unparsable":%b,"refusal":%b}' % (to_json(unparsable), to_json(refusal))


def record_type(headers: Headers) -> str:
    """Return the `ce_type` of a record, or an empty text."""
    return next((value.decode("utf-8", "replace") for name, value in headers if name == "ce_type"), "")


def decode_head(cell: str, headers: Headers) -> DecisionHead | None:
    """Return what a decision's headers say; None when this is no decision of this cell (a foreign record)."""
    fields = dict(headers)
    try:
        if fields["ce_cell"] != cell.encode():
            return None
        return DecisionHead(
            type=fields["ce_type"].decode(),
            subject=fields["ce_subject"].decode(),
            time_ms=parse_time(fields["ce_time"].decode()),
            term=int(fields["ce_term"]),
            owner=fields["ce_owner"].decode(),
            seq=int(fields["ce_seq"]),
            previous=fields["ce_prevhash"].decode(),
            inputs=tuple(_decode_mark(text) for text in fields["ce_inputs"].decode().split()),
            command_id=_text(fields.get("ce_commandid")),
            body_digest=_text(fields.get("ce_bodydigest")),
            correlation_id=_text(fields.get("ce_correlationid")),
            actor=_text(fields.get("ce_actor")),
        )
    except (KeyError, ValueError):
        return None


def _decode_mark(text: str) -> InputMark:
    name, incarnation, offset, digest = text.split(":")
    return InputMark(name, incarnation, int(offset), digest)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    command: Any
    events: tuple[AnyEvent, ...] | None = None
    refusal: Refusal | None = None
    unparsable: dict[str, str | int] | None = None


_BODY = TypeAdapter(_Body)


def decode_outcome(value: bytes) -> Outcome:
    """Return what a valid decision's value says; old event versions are brought up to date.

    Raises:
        UnknownSchema: it names a type that this program does not know, or does not fit its model.

    """
    try:
        body = _BODY.validate_json(value)
    except ValidationError:
        body = _decode_old(value)
    return Outcome(
        body.command if body.unparsable is None else body.unparsable, body.events or (), body.refusal
    )


def _decode_old(value: bytes) -> _Body:
    try:
        document = from_json(value)
        events = [upcast(event) for event in document.pop("events", None) or ()]
        return _BODY.validate_python({**document, "events": EVENTS.validate_python(events)})
    except (ValidationError, ValueError, AttributeError, TypeError) as error:
        message = f"A valid decision cannot be read by this program; it may need a newer one. {error}"
        raise UnknownSchema(message) from error


RecordKind = Literal["genesis", "claim", "epoch", "decision", "foreign"]
_KINDS: dict[str, RecordKind] = {GENESIS_TYPE: "genesis", CLAIM_TYPE: "claim", EPOCH_TYPE: "epoch"}


def record_kind(headers: Headers) -> RecordKind:
    """Return what a record of a ledger claims to be."""
    kind = record_type(headers)
    if kind.startswith((DECIDED_PREFIX, REFUSED_PREFIX)):
        return "decision"
    return _KINDS.get(kind, "foreign")
