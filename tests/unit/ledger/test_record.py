"""One decision is one record that other programs can read: CloudEvents headers, JSON, canonical text."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.clock import time_text
from events.hosts import HostApplied
from events.ids import uuid7
from events.log.framing import pack_headers
from events.log.port import Message
from events.record import (
    EXCERPT_BYTES_MAX,
    DecisionHead,
    InputMark,
    body_digest,
    chain_hash,
    decided_value,
    decode_head,
    decode_outcome,
    encode_claim,
    encode_decision,
    encode_epoch,
    encode_genesis,
    read_digest,
    record_digest,
    record_kind,
    refused_value,
)
from events.record import HistoryEpochBegun as Epoch
from events.record import TermClaimed as Claim
from events.refusals import Code, Refusal
from tests.unit.ledger.scribe import CELL, COMMANDS, GENESIS, LEDGER_ID, NOW, ODD_HEADERS, A, beside

HEAD = DecisionHead(
    type="netledger.decided.SpawnInstance.v1",
    subject="0195f3c0-7a2b-7c3d-9e4f-000000000001",
    time_ms=NOW,
    term=3,
    owner=A,
    seq=41,
    previous="ab" * 32,
    inputs=(InputMark("commands", "c1", 7, "0" * 32), InputMark("reports", "r1", -1, "")),
    command_id=uuid7(NOW, 1),
    body_digest="1" * 32,
    correlation_id=uuid7(NOW, 2),
    actor="ann",
)
REFUSAL = Refusal(
    code=Code.NETWORK_IN_USE, field="network_id", message="It is.", details={"left": 2, "host": None}
)


def test_a_decisions_headers_are_a_cloud_event() -> None:
    """In Kafka's binary mode: version, id, type, source, subject and time, then our extensions."""
    headers = dict(encode_decision(CELL, HEAD, b"{}").headers)

    assert headers == {
        "ce_specversion": b"1.0",
        "content-type": b"application/json",
        "ce_id": b"default/3/41",
        "ce_type": b"netledger.decided.SpawnInstance.v1",
        "ce_source": b"/netledger/default",
        "ce_subject": b"0195f3c0-7a2b-7c3d-9e4f-000000000001",
        "ce_time": time_text(NOW).encode(),
        "ce_cell": b"default",
        "ce_term": b"3",
        "ce_owner": A.encode(),
        "ce_seq": b"41",
        "ce_prevhash": b"ab" * 32,
        "ce_inputs": b"commands:c1:7:" + b"0" * 32 + b" reports:r1:-1:",
        "ce_commandid": uuid7(NOW, 1).encode(),
        "ce_bodydigest": b"1" * 32,
        "ce_correlationid": uuid7(NOW, 2).encode(),
        "ce_actor": b"ann",
    }


def test_names_of_headers_are_those_that_cloudevents_allows() -> None:
    """At most 20 lower-case letters and digits behind the prefix (CloudEvents 1.0.2)."""
    names = [
        name.removeprefix("ce_")
        for name, _ in encode_decision(CELL, HEAD, b"{}").headers
        if name != "content-type"
    ]

    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in names)
    assert len(set(names)) == len(names)


def test_a_timers_headers_name_no_command() -> None:
    """What there is not is left out."""
    timer = HEAD._replace(command_id=None, body_digest=None, correlation_id=None, actor=None)
    names = {name for name, _ in encode_decision(CELL, timer, b"{}").headers}

    assert names.isdisjoint({"ce_commandid", "ce_bodydigest", "ce_correlationid", "ce_actor"})
    assert decode_head(CELL, encode_decision(CELL, timer, b"{}").headers) == timer


WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
HEADS = st.builds(
    HEAD._replace,
    subject=WORDS,
    time_ms=st.integers(0, 1 << 45),
    term=st.integers(1, 1 << 40),
    seq=st.integers(1, 1 << 50),
    actor=st.none() | WORDS,
    inputs=st.lists(
        st.builds(InputMark, st.just("commands"), st.just("c1"), st.integers(-1, 1 << 50), st.just("0" * 32))
    ).map(tuple),
)


@given(HEADS)
def test_heads_come_back_as_they_were(head: DecisionHead) -> None:
    """Whatever they say; the value does not matter."""
    assert decode_head(CELL, encode_decision(CELL, head, b"not JSON").headers) == head


@pytest.mark.parametrize("name", [name for name, _ in encode_decision(CELL, HEAD, b"{}").headers])
def test_a_header_that_is_not_ours_makes_the_record_foreign(name: str) -> None:
    """Never an error: another program may write what it likes."""
    headers = encode_decision(CELL, HEAD, b"{}").headers
    for value in (None, b"", b"\xff", b"-", b"1:2:3"):
        changed = tuple(
            (key, value if key == name else old) for key, old in headers if key != name or value is not None
        )
        head = decode_head(CELL, tuple((key, text) for key, text in changed if text is not None))
        assert head is None or isinstance(head, DecisionHead)


@pytest.mark.parametrize(
    "header",
    [
        ("ce_cell", b"other"),
        ("ce_term", b"x"),
        ("ce_seq", b""),
        ("ce_time", b"noon"),
        ("ce_time", b"2026-01-01T00:00:00"),
    ],
)
def test_a_head_that_cannot_be_read_is_none(header: tuple[str, bytes]) -> None:
    """Another cell, a number that is none, a time without its zone."""
    headers = tuple(
        header if name == header[0] else (name, value)
        for name, value in encode_decision(CELL, HEAD, b"").headers
    )

    assert decode_head(CELL, headers) is None


def test_a_head_tells_what_was_decided() -> None:
    """A refusal from a grant, and on what."""
    refused = HEAD._replace(type="netledger.refused.LeaseFixedIp.v1")

    assert (HEAD.refused, HEAD.cause) == (False, "SpawnInstance.v1")
    assert (refused.refused, refused.cause) == (True, "LeaseFixedIp.v1")


def test_kinds_of_records() -> None:
    """By their type alone."""
    claim = Claim(ledger_id=LEDGER_ID, cell=CELL, term=1, owner=A, base_seq=0, inputs=(COMMANDS,))
    epoch = Epoch(
        ledger_id=LEDGER_ID,
        cell=CELL,
        epoch=1,
        base_offset=1,
        base_seq=0,
        base_chain="",
        operator="root",
        reason="a drill",
        inputs=(),
    )

    assert record_kind(encode_genesis(GENESIS, NOW).headers) == "genesis"
    assert record_kind(encode_claim(claim, NOW).headers) == "claim"
    assert record_kind(encode_epoch(epoch, NOW).headers) == "epoch"
    assert record_kind(encode_decision(CELL, HEAD, b"").headers) == "decision"
    assert (
        record_kind(encode_decision(CELL, HEAD._replace(type="netledger.refused.X"), b"").headers)
        == "decision"
    )
    assert record_kind(()) == record_kind((("ce_type", b"netledger.Other.v1"),)) == "foreign"
    assert Claim.model_validate_json(encode_claim(claim, NOW).value) == claim
    assert Epoch.model_validate_json(encode_epoch(epoch, NOW).value) == epoch


def test_a_grant_holds_the_command_as_received() -> None:
    """Byte for byte, also what today's models would write otherwise."""
    raw = b'{ "b": 1.50, "a": "\\u00e9" }'
    value = decided_value(raw, (HostApplied(host="h1", seq=7),))

    assert raw in value
    outcome = decode_outcome(value)
    assert outcome.command == {"b": 1.5, "a": "é"}
    assert outcome.events == (HostApplied(host="h1", seq=7),)
    assert outcome.refusal is None
    assert json.loads(value)["events"] == [{"type": "HostApplied.v1", "host": "h1", "seq": 7}]


def test_a_timers_grant_has_no_command() -> None:
    """Null stands for it."""
    assert decode_outcome(decided_value(None, ())).command is None


def test_a_refusal_holds_the_command_as_received() -> None:
    """With code, field, sentence and facts."""
    raw = b'{"type":"DeleteNetwork.v1"}'
    outcome = decode_outcome(refused_value(raw, REFUSAL, is_json=True))

    assert outcome == ({"type": "DeleteNetwork.v1"}, (), REFUSAL)


@pytest.mark.parametrize("raw", [b"spawn!", b"\xff\xfe\x00", b"x" * 5_000_000, b""])
def test_what_is_unparsable_is_kept_by_hash_and_excerpt(raw: bytes) -> None:
    """The record is small and JSON, whatever came in."""
    value = refused_value(raw, REFUSAL, is_json=False)
    outcome = decode_outcome(value)

    assert len(value) < 2000
    assert outcome.refusal == REFUSAL
    assert outcome.command["sha256"] == sha256(raw).hexdigest()
    assert outcome.command["bytes"] == len(raw)
    assert outcome.command["excerpt"] == raw[:EXCERPT_BYTES_MAX].decode("utf-8", "backslashreplace")


def test_digests_are_sha_256_over_what_lies_in_the_log() -> None:
    """They never change: they are in every ledger."""
    message = Message((("a", b"1"),), b"value")

    assert record_digest(message) == sha256(pack_headers(message.headers) + b"value").digest()
    assert chain_hash(bytes(32), b"d") == sha256(bytes(32) + b"d").digest()
    assert body_digest(b"{}") == sha256(b"{}").hexdigest()[:32]
    assert record_digest(Message((("a", b"1value"),), b"")) != record_digest(message)


def test_the_digest_of_what_was_read_is_the_records_own() -> None:
    """For everything that ours can be."""
    message = Message((("ce_type", b"x"),), b"value")

    assert read_digest(message) == record_digest(message)


def test_a_record_whose_headers_cannot_be_framed_has_a_digest_too() -> None:
    """It tells one from another: no reader may choke on what others write."""
    odd = [Message(headers, value) for headers in ODD_HEADERS.values() for value in (b"", b"data")]
    odd += [beside(odd[0], (("y", b""),)), beside(odd[0], (("", b"y"),))]

    assert len({read_digest(one) for one in odd}) == len(odd)
    for one in odd:
        with pytest.raises(ValueError, match=r"more than|longer|codec"):
            record_digest(one)
