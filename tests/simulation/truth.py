"""Which records of a ledger count: the sentences of the protocol once more, slow and obvious.

This knows nothing of `events.ledger`: no position, no alarms, no speed. What every reader folded must equal
it.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from events.log.port import LogRecord, Message
from events.record import chain_hash, record_digest

_RECORDS_REMEMBERED = 2048


@lru_cache(maxsize=_RECORDS_REMEMBERED)
def _parsed(value: bytes) -> dict[str, Any]:
    """Return a record's value, which nobody may change."""
    body: dict[str, Any] = json.loads(value)
    return body


class Mark(NamedTuple):
    """How far an input is decided."""

    incarnation: str
    offset: int
    digest: str


class Valid(NamedTuple):
    """A record that counts."""

    kind: str
    fields: dict[str, str]
    record: LogRecord
    seq: int
    """Seq of the last decision up to and including this record."""
    chain: bytes
    """Chain hash after it."""

    @property
    def is_decision(self) -> bool:
        """Whether it is a decision."""
        return self.kind.startswith(("netledger.decided.", "netledger.refused."))

    @property
    def body(self) -> dict[str, Any]:
        """Its value."""
        return _parsed(self.record.value)

    @property
    def marks(self) -> dict[str, Mark]:
        """How far each input is decided after it."""
        if not self.is_decision:
            return {name: Mark(*mark) for name, *mark in self.body["inputs"]}
        texts = [text.split(":") for text in self.fields["ce_inputs"].split()]
        return {name: Mark(incarnation, int(offset), digest) for name, incarnation, offset, digest in texts}


def kept(records: Sequence[LogRecord]) -> list[LogRecord]:
    """Return the records without those that a history epoch strikes out."""
    epochs: dict[bytes, LogRecord] = {}
    for record in records:
        if (b"netledger.HistoryEpochBegun.v1") in dict(record.headers).values():
            epochs.setdefault(record.value, record)
    if not epochs:
        return list(records)
    last = list(epochs.values())[-1]
    base = json.loads(last.value)["base_offset"]
    before = kept([record for record in records if record.offset <= base])
    return before + [record for record in records if record.offset >= last.offset]


def valid_records(records: Sequence[LogRecord]) -> list[Valid]:
    """Return the records that count, in order."""
    term, owner, seq, epoch, chain = 0, "", 0, 0, bytes(32)
    valid: list[Valid] = []
    for record in kept(records):
        fields = {name: value.decode() for name, value in record.headers}
        kind = fields["ce_type"]
        if kind == "netledger.LedgerCreated.v1":
            counts = not valid
        elif kind == "netledger.TermClaimed.v1":
            claim = json.loads(record.value)
            counts = claim["term"] > term
            if counts:
                term, owner = claim["term"], claim["owner"]
        elif kind == "netledger.HistoryEpochBegun.v1":
            counts = json.loads(record.value)["epoch"] == epoch + 1
            if counts:
                term, owner, epoch = term + 1, "", epoch + 1
        else:
            said = (int(fields["ce_term"]), fields["ce_owner"], int(fields["ce_seq"]))
            counts = said == (term, owner, seq + 1)
            seq += counts
        if counts:
            chain = chain_hash(chain, record_digest(Message(record.headers, record.value)))
            valid.append(Valid(kind, fields, record, seq, chain))
    return valid
