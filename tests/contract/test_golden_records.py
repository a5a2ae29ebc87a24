"""Yesterday's records still read, and fold to the same state."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic_core import to_json

from events.catalog import EVENTS, AnyEvent
from events.errors import UnknownSchema
from events.ledger.fold import LedgerFold
from events.log.port import LogRecord
from events.record import decode_outcome, record_kind, record_type
from events.schema_export.json_schemas import members, schema_files, type_name
from events.upcast import STEPS, upcast
from tests.contract import golden_ledger as golden
from tests.unit.allocator.hand import CELL, INCARNATION

RELEASES = sorted(folder.name for folder in golden.GOLDEN.iterdir())
RECORDS = {
    f"{release} {record.offset} {record_type(record.headers)}": record
    for release in RELEASES
    for record in golden.read(release)
}
GRANTED = {name: record for name, record in RECORDS.items() if b'"events"' in record.value}


@pytest.mark.parametrize("release", RELEASES)
def test_golden_records_fold_to_the_same_state(release: str) -> None:
    """Decision by decision, digest for digest; the file tells which one differs, and the rows tell how."""
    kept = json.loads((golden.GOLDEN / release / golden.STATE).read_text())

    assert golden.fold(golden.read(release)) == kept


@pytest.mark.parametrize("release", RELEASES)
def test_every_golden_record_is_valid(release: str) -> None:
    """None is skipped: chain, seq and terms are those of a real ledger."""
    fold = LedgerFold(CELL, INCARNATION)

    assert [fold.judge(record).kind for record in golden.read(release)].count("skipped") == 0
    assert fold.epoch == 1


def test_every_event_has_a_golden_record() -> None:
    """Of every version that the program reads, old ones included."""
    told = {
        event["type"]
        for release in RELEASES
        for record in golden.read(release)
        for event in json.loads(record.value).get("events", ())
    }

    assert {type_name(model) for model in members(AnyEvent)} | set(STEPS) <= told


def test_every_kind_of_record_is_golden() -> None:
    """Genesis, claim, epoch; granted and refused; on commands, reports, timers and what cannot be read."""
    records = [record for release in RELEASES for record in golden.read(release)]
    types = {record_type(record.headers) for record in records}

    assert {record_kind(record.headers) for record in records} == {"genesis", "claim", "epoch", "decision"}
    assert {
        "netledger.decided.SpawnInstance.v1",
        "netledger.refused.SpawnInstance.v1",
        "netledger.decided.LeaseFixedIp.v1",
        "netledger.refused.ClaimNetwork.v1",
        "netledger.decided.Timer.v1",
        "netledger.refused.Unparsable.v1",
    } <= types


def test_the_newest_golden_records_are_what_is_written_today() -> None:
    """Before a release, `python -m tests.contract.golden_ledger` takes a change over; then, a new version."""
    assert [golden.to_text(record) for record in golden.tell()] == [
        golden.to_text(record) for record in golden.read(golden.NEWEST)
    ]


def test_golden_texts_are_exact() -> None:
    """The bytes of a record survive its file."""
    for record in golden.tell():
        assert golden.from_text(record.offset, golden.to_text(record)) == record


SCHEMAS = schema_files()
HEADER_SCHEMAS = {"decision": "decision.headers"}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_golden_records_are_what_the_schemas_say(record: LogRecord) -> None:
    """Headers and value of every record, by its kind."""
    kind = record_kind(record.headers)
    name = "decision.value" if kind == "decision" else record_type(record.headers).removeprefix("netledger.")
    headers = {key: value.decode() for key, value in record.headers}

    assert told(SCHEMAS[HEADER_SCHEMAS.get(kind, "ledger.headers")], headers) == []
    assert told(SCHEMAS[name], json.loads(record.value)) == []


def told(schema: dict[str, Any], document: object) -> list[str]:
    """Return what a schema has against a document."""
    return [error.message for error in Draft202012Validator(schema).iter_errors(document)]


@pytest.mark.parametrize("record", GRANTED.values(), ids=GRANTED)
def test_events_are_written_as_they_are_read(record: LogRecord) -> None:
    """Reading loses nothing: written again, the events are the same text."""
    events = json.loads(record.value)["events"]

    assert json.loads(to_json(decode_outcome(record.value).events)) == events


# --- Upcasts --------------------------------------------------------------------------------------------


def first_step(event: dict[str, Any]) -> dict[str, Any]:
    """Bring an invented first version to an invented second one: a field has got another name."""
    old = dict(event)
    return {**old, "type": "HostApplied.v0b", "seq": old.pop("position")} | {"position": None}


def second_step(event: dict[str, Any]) -> dict[str, Any]:
    """Bring the second version to today's."""
    return {"type": "HostApplied.v1", "host": event["host"], "seq": event["seq"]}


def test_old_versions_are_brought_up_to_date_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a record beside events of today."""
    monkeypatch.setitem(STEPS, "HostApplied.v0a", first_step)
    monkeypatch.setitem(STEPS, "HostApplied.v0b", second_step)
    old = {"type": "HostApplied.v0a", "host": "h1", "position": 7}
    new = {"type": "HostApplied.v1", "host": "h1", "seq": 7}
    outcome = decode_outcome(json.dumps({"command": None, "events": [old, new]}).encode())

    assert outcome.events == EVENTS.validate_python([new, new])


def test_a_version_without_a_step_stays_as_it_is() -> None:
    """Today's need none."""
    event = {"type": "HostApplied.v1", "host": "h1", "seq": 7}

    assert upcast(event, {}) == event


@pytest.mark.parametrize(
    "value",
    [
        b'{"command":null,"events":[{"type":"HostApplied.v9","host":"h1","seq":7}]}',
        b'{"command":null,"events":[{"type":"NetworkPainted.v1"}]}',
        b'{"command":null,"events":[{"host":"h1","seq":7}]}',
        b'{"command":null,"events":[{"type":"HostApplied.v1","host":"h1"}]}',
        b'{"command":null,"events":[{"type":"HostApplied.v1","host":"h1","seq":7,"more":1}]}',
        b'{"command":null,"events":[7]}',
        b'{"command":null,"events":7}',
        b'{"command":null,"refusal":{"code":"NetworkInUse"}}',
        b'{"events":[]}',
        b'{"command":null,"events":[],"more":1}',
        b"[]",
        b"not JSON",
        b"",
    ],
)
def test_what_is_not_known_stops_the_reader(value: bytes) -> None:
    """It is never skipped: what it says may matter. The text tells what is missing."""
    with pytest.raises(UnknownSchema, match="may need a newer one"):
        decode_outcome(value)


def test_a_refusal_code_of_a_newer_program_is_read() -> None:
    """It changes nothing, so that no reader has to know it."""
    refusal = decode_outcome(b'{"command":{},"refusal":{"code":"MoonTooFar","message":"Wait."}}').refusal

    assert refusal is not None
    assert refusal.code == "MoonTooFar"
