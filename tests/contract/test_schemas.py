"""The generated schemas are those of the models, say what the models say, and are what they claim to be."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from pydantic_core import to_json

from events.catalog import COMMAND_TYPES
from events.log.kafka_settings import TOPIC_MESSAGE_BYTES_MAX
from events.log.kafka_topics import settings_for
from events.schema_export import asyncapi as exported
from events.schema_export.asyncapi import asyncapi
from events.schema_export.documents import ASYNCAPI, SCHEMAS, documents
from events.schema_export.json_schemas import SENT, schema_files
from events.schema_export.write import write_schemas
from events.schema_export.yaml_text import yaml_text
from events.upcast import STEPS
from services.allocator.inputs import receive
from tests.house.source import REPO
from tests.unit.wishes import ONE_OF_EACH

SENT_EXAMPLES: dict[str, dict[str, Any]] = {one.type: json.loads(to_json(one)) for one in ONE_OF_EACH}


def validator(name: str) -> Draft202012Validator:
    """Return a validator of the schema in the file of this name."""
    text = (REPO / SCHEMAS / f"{name}.json").read_text()
    return Draft202012Validator(json.loads(text), format_checker=Draft202012Validator.FORMAT_CHECKER)


def accepted(document: dict[str, Any]) -> bool:
    """Tell whether the allocator reads a document of one of its own inputs."""
    name = "commands" if str(document.get("type")) in COMMAND_TYPES else "reports"
    return receive(name, to_json(document)).message is not None  # type: ignore[arg-type]  # mypy widens to str


@pytest.mark.parametrize(("path", "text"), documents().items(), ids=documents())
def test_what_is_checked_in_is_what_the_models_say(path: str, text: str) -> None:
    """`make schemas` writes what is missing or stale."""
    assert (REPO / path).read_text() == text


def test_only_old_versions_have_a_schema_without_a_model() -> None:
    """The schema of a released version stays; one of nothing does not."""
    files = {file.stem for file in (REPO / SCHEMAS).glob("*.json")}

    assert files - set(schema_files()) <= set(STEPS)


@pytest.mark.parametrize(("name", "schema"), schema_files().items(), ids=schema_files())
def test_a_schema_is_a_schema(name: str, schema: dict[str, Any]) -> None:
    """Of the dialect that it names, under its own name, with all that it refers to."""
    Draft202012Validator.check_schema(schema)

    assert schema["$id"].endswith(f":{name}")
    named = {reference.rpartition("/")[2] for reference in references(schema)}
    assert named == set(schema.get("$defs", {}))


def references(schema: object) -> list[str]:
    """Return what a JSON document refers to."""
    if isinstance(schema, list):
        return [found for inner in schema for found in references(inner)]
    if isinstance(schema, dict):
        here = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return here + [found for inner in schema.values() for found in references(inner)]
    return []


def test_there_is_an_example_of_every_command_and_report() -> None:
    """So that the tests below look at all of them."""
    assert set(SENT_EXAMPLES) == set(SENT)


def altered(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a careless program might send instead of a document."""
    without = [{key: value for key, value in document.items() if key != field} for field in document]
    values: tuple[object, ...] = (None, "", "x y", 0, -1, 1.5, True, [], {}, ["x"], "10.0.0.300", "0" * 300)
    wrong = [{**document, field: value} for field in document for value in values]
    return [document, {**document, "surplus": 1}, *without, *wrong]


LOOSER: dict[str, set[str]] = {
    "CreateNetworks.v1": {"cidr", "cidr_v6", "fixed_cidr"},
    "LeaseFixedIp.v1": {"mac"},
    "ReleaseFixedIp.v1": {"mac"},
    "SpawnInstance.v1": {"macs"},
}
"""Fields of whose text a schema says too little."""


@pytest.mark.parametrize("name", sorted(SENT_EXAMPLES))
def test_a_schema_accepts_what_the_allocator_reads(name: str) -> None:
    """Missing, surplus and wrong fields are refused by both, and nothing else is."""
    schema, example = validator(name), SENT_EXAMPLES[name]
    for document in altered(example):
        changed = {field for field in example if document.get(field) != example[field]}
        if not changed & LOOSER.get(name, set()):
            told = [error.message for error in schema.iter_errors(document)]
            assert accepted(document) == (told == []), (document, told)


def test_the_asyncapi_document_is_one() -> None:
    """By the AsyncAPI Initiative's own schema."""
    schema = json.loads((REPO / "tests/contract/asyncapi-3.0.0.schema.json").read_text())
    document = yaml.safe_load((REPO / ASYNCAPI).read_text())

    assert [error.message for error in Draft7Validator(schema).iter_errors(document)] == []
    assert document == asyncapi()


def test_the_asyncapi_document_refers_to_what_it_holds() -> None:
    """Every reference leads somewhere, and every schema and message is used."""
    document = asyncapi()
    used = set(references(document))
    for reference in used:
        place: Any = document
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]
    held = document["components"]

    assert {f"#/components/{kind}/{name}" for kind in held for name in held[kind]} <= used


def test_the_asyncapi_document_names_every_message() -> None:
    """Each command and report is in its channel; the ledger has its four kinds of record."""
    channels = asyncapi()["channels"]

    assert {
        name for input_name in ("commands", "reports") for name in channels[input_name]["messages"]
    } == set(SENT)
    assert set(channels["ledger"]["messages"]) == {
        "LedgerCreated.v1",
        "TermClaimed.v1",
        "HistoryEpochBegun.v1",
        "Decision",
    }


def test_the_asyncapi_document_has_the_topics_as_they_are_created() -> None:
    """Its Kafka bindings are the settings that the adapter uses and checks."""
    for channel in asyncapi()["channels"].values():
        told = channel["bindings"]["kafka"]["topicConfiguration"]
        flat = {key: str(value[0] if isinstance(value, list) else value) for key, value in told.items()}
        assert flat.items() <= settings_for(channel["bindings"]["kafka"]["replicas"]).items()
    assert exported.MESSAGE_BYTES_MAX == TOPIC_MESSAGE_BYTES_MAX


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co", "Zl", "Zp"]))
"""Without control characters, which no document of ours holds."""

JSON_OBJECTS = st.dictionaries(
    TEXTS,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
        max_leaves=20,
    ),
    min_size=1,
)


@given(JSON_OBJECTS)
def test_yaml_says_what_json_says(value: dict[str, Any]) -> None:
    """A YAML reader finds the same values, whatever the texts look like."""
    assert same(yaml.safe_load(yaml_text(value)), json.loads(json.dumps(value)))


def same(read: object, written: object) -> bool:
    """Tell whether values are equal, but for 1e16, a text to YAML 1.1's readers and a number to others."""
    if isinstance(written, dict) and isinstance(read, dict):
        return read.keys() == written.keys() and all(same(read[key], written[key]) for key in written)
    if isinstance(written, list) and isinstance(read, list):
        return len(read) == len(written) and all(map(same, read, written))
    if isinstance(written, float) and isinstance(read, str):
        return float(read) == written
    return read == written and type(read) is type(written)


def test_the_documents_are_written_where_one_wants_them(tmp_path: Any) -> None:  # noqa: ANN401 - pytest's path
    """All of them; without a directory their names are told and nothing is written."""
    names = write_schemas(tmp_path)

    assert names == write_schemas(None) == list(documents())
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")) == sorted(names)
