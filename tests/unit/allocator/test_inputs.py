"""What bad input gets: a code, a field and a sentence, in a record that every reader can read."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import to_json

from events.hosts import RegisterHost
from events.ids import uuid7
from events.instances import SpawnInstance
from events.record import EXCERPT_BYTES_MAX, body_digest, decided_value, decode_outcome, refused_value
from events.refusals import Code, Refusal
from services.allocator.inputs import COMMAND_BYTES_MAX, InputName, Received, receive
from tests.unit.wishes import register, spawn, uid

SPAWN: dict[str, Any] = json.loads(to_json(spawn("vm")))
CREATE: dict[str, Any] = {
    "type": "CreateNetworks.v1",
    "id": uuid7(0, 0),
    "actor": {"user": "root", "is_admin": True},
    "kind": "flatdhcp",
    "label": "net",
    "cidr": "10.0.0.0/24",
}
LEASE: dict[str, Any] = {
    "type": "LeaseFixedIp.v1",
    "id": uuid7(0, 0),
    "reporter": "h1",
    "host": "h1",
    "network_id": uid("net"),
    "address": "10.0.0.2",
    "mac": "fa:16:3e:00:00:01",
}


def read(document: object, name: InputName = "commands") -> Received:
    """Read a JSON document."""
    return receive(name, to_json(document))


def refusal(received: Received) -> Refusal:
    """Return why it was refused, which every reader of the ledger can read, too."""
    assert received.message is None
    assert received.refusal is not None
    value = refused_value(received.raw, received.refusal, is_json=received.is_json)
    assert decode_outcome(value).refusal == received.refusal
    json.loads(value)
    assert len(value) < len(received.raw) + 8_000
    assert received.refusal.message.endswith(".")
    assert received.refusal.message.isprintable()
    assert received.refusal.field is None or received.refusal.field.isprintable()
    return received.refusal


def test_a_command_is_read() -> None:
    """With its type, id and the digest of its bytes."""
    raw = to_json(spawn("vm"))
    received = receive("commands", raw)

    assert isinstance(received.message, SpawnInstance)
    assert received.message == spawn("vm")
    assert (received.type, received.id, received.digest) == ("SpawnInstance.v1", spawn().id, body_digest(raw))
    assert received.refusal is None


def test_a_report_is_read() -> None:
    """From its own input."""
    assert isinstance(read(register("h1"), "reports").message, RegisterHost)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"spawn",
        b'{"type": "SpawnInstance.v1"',
        b'{"type": "SpawnInstance.v1"} {}',
        b'{"type": "SpawnInstance.v1", "rxtx_factor": NaN}',
        b'{"type": "SpawnInstance.v1", "x": "\xff\xfe"}',
        b'{"type": "SpawnInstance.v1", "x": "\\ud800"}',
        b'{"type": "SpawnInstance.v1", "x": ' + b"9" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        b"[]",
        b"null",
        b'"SpawnInstance.v1"',
    ],
)
@pytest.mark.parametrize("name", ["commands", "reports"])
def test_what_is_no_json_object_is_malformed(name: InputName, raw: bytes) -> None:
    """It is kept by hash and excerpt."""
    received = receive(name, raw)

    assert refusal(received).code is Code.MALFORMED_COMMAND
    assert (received.id, received.type) == (None, "")


@pytest.mark.parametrize("depth", [150, 190, 195, 198, 199, 200, 201, 300, 100_000])
def test_no_depth_of_nesting_makes_a_record_that_readers_cannot_read(depth: int) -> None:
    """The record is one level deeper than the command; the parser's limit must not lie between the two."""
    raw = b'{"type":"SpawnInstance.v1","x":%b1%b}' % (b"[" * depth, b"]" * depth)

    assert refusal(receive("commands", raw)).code in (Code.INVALID_COMMAND, Code.MALFORMED_COMMAND)


def test_what_is_too_large_is_kept_by_hash_and_excerpt() -> None:
    """One byte more than the limit, which is named."""
    fits = to_json({**SPAWN, "display_name": "x" * 300})
    fits += b" " * (COMMAND_BYTES_MAX - len(fits))
    assert refusal(receive("commands", fits)).code is Code.INVALID_COMMAND
    received = receive("commands", fits + b" ")
    value = json.loads(refused_value(received.raw, refusal(received), is_json=received.is_json))

    assert refusal(received).code is Code.COMMAND_TOO_LARGE
    assert str(COMMAND_BYTES_MAX) in refusal(received).message
    assert value["command"] is None
    assert value["unparsable"]["bytes"] == COMMAND_BYTES_MAX + 1
    assert len(value["unparsable"]["excerpt"]) == EXCERPT_BYTES_MAX


@pytest.mark.parametrize(
    "kind", ["SpawnInstance", "SpawnInstance.v2", "spawninstance.v1", "", "Timer.v1", "x y\n"]
)
def test_an_unknown_type_or_version_is_refused(kind: str) -> None:
    """The sentence lists those that are known."""
    told = refusal(read({**SPAWN, "type": kind}))

    assert (told.code, told.field) == (Code.UNKNOWN_COMMAND, "type")
    assert "SpawnInstance.v1" in told.message


@pytest.mark.parametrize("kind", [None, 7, ["SpawnInstance.v1"], {"a": "b" * 1000}])
def test_a_type_that_is_no_text_is_unknown(kind: object) -> None:
    """And is told in short."""
    assert refusal(read({**SPAWN, "type": kind})).code is Code.UNKNOWN_COMMAND


def test_a_report_among_the_commands_is_refused() -> None:
    """And the other way round: the inputs are separate by trust."""
    for name, document in (("commands", LEASE), ("reports", SPAWN)):
        told = refusal(read(document, name))  # type: ignore[arg-type]  # mypy widens the tuple's literals to str
        assert (told.code, told.field) == (Code.FOREIGN_INPUT, "type")


@pytest.mark.parametrize("field", ["id", "actor", "instance_uuid", "project_id", "host"])
def test_a_missing_field_is_named(field: str) -> None:
    """Every one that has no default."""
    told = refusal(read({key: value for key, value in SPAWN.items() if key != field}))

    assert (told.code, told.field) == (Code.INVALID_COMMAND, field)


def test_a_surplus_field_is_named() -> None:
    """Nothing is ignored in silence, also inside a NIC."""
    assert refusal(read({**SPAWN, "flavour": 1})).field == "flavour"
    nic = {"network_id": uid("net"), "adress": "10.0.0.2"}
    assert refusal(read({**SPAWN, "requested_networks": [nic]})).field == "requested_networks.0.adress"


def test_a_fields_name_cannot_harm_whoever_stores_it() -> None:
    """Control characters are escaped and length is bounded."""
    told = refusal(read({**SPAWN, "a\x00b" + "c" * 9000: 1}))

    assert told.field is not None
    assert told.field.startswith("a\\x00bccc")
    assert len(told.field) < 300


def test_a_long_value_is_told_in_short() -> None:
    """The command is in the record anyhow."""
    told = refusal(
        read({**SPAWN, "instance_uuid": "\n" * 60_000, "requested_networks": [{"network_id": "x" * 60_000}]})
    )

    assert told.field == "instance_uuid"
    assert len(told.message) < 1000


BAD_TEXTS: dict[str, tuple[dict[str, Any], str, list[Any]]] = {
    "uuid": (
        SPAWN,
        "instance_uuid",
        ["", "x", "0195f3c0", uid("vm") + "0", 7, None, [], uid("vm")[:-1] + "g"],
    ),
    "uuid7": (SPAWN, "id", ["", uid("not a version 7"), "x", 7]),
    "cidr": (
        CREATE,
        "cidr",
        ["10.0.0.0", "10.0.0.0/33", "10.0.0.256/24", "2001:db8::/64", "10.0/16", "", "/8", 10],
    ),
    "address": (
        CREATE,
        "gateway",
        ["10.0.0", "10.0.0.256", "010.0.0.1", "0x0a000001", "::1", "", "10.0.0.1/24", 1],
    ),
    "mac": (
        LEASE,
        "mac",
        ["fa:16:3e:00:00", "fa:16:3e:00:00:0g", "01:00:5e:00:00:01", "", "ff:ff:ff:ff:ff:ff"],
    ),
    "label": (CREATE, "label", ["", "x" * 256, "a,b", "a\nb", "a\x00b", "a\x7fb", "a\x85b", 7]),
    "interface": (CREATE, "bridge", ["", "br0/1", "x" * 16, "a b", ".", "..", "-x", "br0\n"]),
    "host": (SPAWN, "host", ["", "h 1", "x" * 64, "-h", "h\n", "h/1", "höst"]),
    "project": (SPAWN, "project_id", ["", "a b", "x" * 256, "a\nb", "é"]),
    "hostname": (SPAWN, "hostname", ["a b", "-a", "a..b", "x" * 64, "a_b", ".a", "a.", "a,b", "x.y\n"]),
    "display name": (SPAWN, "display_name", ["x" * 256, "a\x00b", "a\nb", "\x9b"]),
    "kind": (CREATE, "kind", ["vlans", "FLAT", "", None]),
    "mtu": (CREATE, "mtu", [67, 65536, "1500", 1500.5, True, -1]),
    "flag": (CREATE, "enable_dhcp", ["true", 1, 0, None, "no"]),
    "rxtx factor": (SPAWN, "rxtx_factor", [0, -1, "1.5", True]),
    "networks": (SPAWN, "requested_networks", [{}, "all", 7, [{"network_id": uid("n")}] * 65]),
}


@pytest.mark.parametrize(
    ("document", "field", "value"),
    [
        pytest.param(document, field, value, id=f"{name} {value!r:.20}")
        for name, (document, field, values) in BAD_TEXTS.items()
        for value in values
    ],
)
def test_a_value_of_the_wrong_form_is_refused(document: dict[str, Any], field: str, value: object) -> None:
    """The field is named, also where another program would have guessed what was meant."""
    name: InputName = "reports" if document is LEASE else "commands"
    told = refusal(read({**document, field: value}, name))

    assert told.code is Code.INVALID_COMMAND
    assert told.field is not None
    assert told.field.split(".")[0] == field


@pytest.mark.parametrize("value", ["true", 1, "yes"])
def test_nobody_becomes_an_admin_by_a_guess(value: object) -> None:
    """Only the JSON value true makes one."""
    told = refusal(read({**SPAWN, "actor": {"user": "ann", "is_admin": value}}))

    assert (told.code, told.field) == (Code.INVALID_COMMAND, "actor.is_admin")


@pytest.mark.parametrize("user", ["", "a\nb", "a\x00b", "x" * 256, None])
def test_a_users_name_can_be_a_header(user: object) -> None:
    """It is recorded as a CloudEvents attribute, which takes no control characters."""
    told = refusal(read({**SPAWN, "actor": {"user": user}}))

    assert (told.code, told.field) == (Code.INVALID_COMMAND, "actor.user")


def test_wire_text_is_brought_to_canonical_form() -> None:
    """Two spellings of one thing are one thing."""
    lease = read({**LEASE, "mac": "FA-16-3E-00-00-01", "network_id": uid("net").upper()}, "reports").message
    network = read({**CREATE, "cidr": "10.0.0.77/24"}).message

    assert lease is not None
    assert lease.model_dump()["mac"] == "fa:16:3e:00:00:01"
    assert lease.model_dump()["network_id"] == uid("net")
    assert network is not None
    assert network.model_dump()["cidr"] == "10.0.0.0/24"


def test_a_refused_command_keeps_its_id() -> None:
    """Where it can be read, so that its caller finds the answer and a repeat is known; else none."""
    assert read({**SPAWN, "host": ""}).id == SPAWN["id"]
    assert read({**SPAWN, "id": SPAWN["id"].upper(), "host": ""}).id == SPAWN["id"]
    assert read({**SPAWN, "id": uid("not a version 7")}).id is None
    assert read({**SPAWN, "id": ["x"]}).id is None


def test_the_first_problems_are_told_not_all() -> None:
    """Five, each with its field."""
    told = refusal(read({"type": "SpawnInstance.v1", **{f"x{number}": 1 for number in range(50)}}))

    assert told.message.count(";") == 4


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(st.sampled_from(sorted(SPAWN)), JSON_VALUES)
def test_any_json_value_in_any_field_is_accepted_or_refused(field: str, value: object) -> None:
    """And what is recorded can always be read."""
    raw = json.dumps({**SPAWN, field: value}).encode()
    received = receive("commands", raw)

    if received.message is None:
        refusal(received)
    else:
        assert decode_outcome(decided_value(raw, ())).events == ()


@given(st.binary(max_size=200))
@example(b'{"type":')
def test_any_bytes_are_refused_in_a_record_that_can_be_read(raw: bytes) -> None:
    """In both inputs."""
    for name in ("commands", "reports"):
        refusal(receive(name, raw))
