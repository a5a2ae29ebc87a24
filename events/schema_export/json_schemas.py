"""A JSON Schema (draft 2020-12) for every command, report, event and record.

What a schema accepts is what the models accept, but for what no schema can say: that a CIDR is one, that a
UUID is a version 7, that a MAC is not a multicast one.
"""

from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from events.catalog import AnyCommand, AnyEvent, AnyReport
from events.record import (
    CLAIM_TYPE,
    EPOCH_TYPE,
    GENESIS_TYPE,
    TYPE_PREFIX,
    Genesis,
    HistoryEpochBegun,
    TermClaimed,
)
from events.refusals import Refusal
from events.schema_export.headers import DECISION_HEADERS, LEDGER_HEADERS, headers_schema

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID_PREFIX = "urn:netledger:schema:"


class _Generator(GenerateJsonSchema):
    """Generates schemas without a title for every field, which only repeats its name."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's signature
        """Return that it should not."""
        return False


def members(union: object) -> tuple[type[BaseModel], ...]:
    """Return the models of one of the catalogue's tagged unions."""
    tagged = get_args(union)[0]
    return get_args(tagged)


def type_name(model: type[BaseModel]) -> str:
    """Return the versioned type name of a command, report or event."""
    return str(model.model_fields["type"].default)


WRITTEN: dict[str, type[BaseModel]] = {
    **{type_name(model): model for model in members(AnyEvent)},
    GENESIS_TYPE.removeprefix(TYPE_PREFIX): Genesis,
    CLAIM_TYPE.removeprefix(TYPE_PREFIX): TermClaimed,
    EPOCH_TYPE.removeprefix(TYPE_PREFIX): HistoryEpochBegun,
    "Refusal": Refusal,
}
"""What we write: every field is there."""

SENT: dict[str, type[BaseModel]] = {
    type_name(m): m for union in (AnyCommand, AnyReport) for m in members(union)
}
"""What others send: a field with a default may be left out."""


def definitions(template: str) -> dict[str, Schema]:
    """Return the schema of every message by its type name, and of what they share by its class name.

    Args:
        template: How one refers to another, with `{model}` for the name.

    """
    named = {model.__name__: name for name, model in (SENT | WRITTEN).items()}
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "validation") for model in SENT.values()),
        *((model, "serialization") for model in WRITTEN.values()),
    ]
    _, everything = models_json_schema(models, ref_template="{model}", schema_generator=_Generator)
    found = {named.get(name, name): schema for name, schema in everything["$defs"].items()}
    for name in (*SENT, *map(type_name, members(AnyEvent))):
        found[name]["properties"]["type"] = {"const": name}
        found[name]["required"] = ["type", *(field for field in found[name]["required"] if field != "type")]
    return {name: _with_references(schema, named, template) for name, schema in sorted(found.items())}


def _with_references(schema: Any, named: dict[str, str], template: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return a schema whose references follow `template`."""
    if isinstance(schema, list):
        return [_with_references(inner, named, template) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: template.format(model=named.get(inner, inner))
        if key == "$ref"
        else _with_references(inner, named, template)
        for key, inner in schema.items()
    }


def decision_value(template: str) -> Schema:
    """Return the schema of a decision's value: the command as received, and its events or its refusal."""
    events = [{"$ref": template.format(model=type_name(model))} for model in members(AnyEvent)]
    return {
        "title": "Decision",
        "description": "The value of a decision's record: a command, and its events or its refusal.",
        "type": "object",
        "properties": {
            "command": {"description": "As received, whatever it was; null for a timer and the unparsable."},
            "events": {"type": "array", "items": {"anyOf": events}},
            "refusal": {"$ref": template.format(model="Refusal")},
            "unparsable": {
                "description": "A command that is not JSON, or too large to keep.",
                "type": "object",
                "properties": {
                    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                    "bytes": {"type": "integer", "minimum": 0},
                    "excerpt": {"description": "Its beginning.", "type": "string"},
                },
                "required": ["sha256", "bytes", "excerpt"],
                "additionalProperties": False,
            },
        },
        "required": ["command"],
        "oneOf": [{"required": ["events"]}, {"required": ["refusal"]}],
        "additionalProperties": False,
    }


def schema_files() -> dict[str, Schema]:
    """Return every schema, complete in itself, by the name of its file without the ending."""
    everything = definitions("#/$defs/{model}")
    files = {name: everything[name] for name in (*SENT, *WRITTEN)}
    files["decision.value"] = decision_value("#/$defs/{model}")
    files["decision.headers"] = headers_schema("Headers of a decision's record", DECISION_HEADERS)
    files["ledger.headers"] = headers_schema("Headers of every record of a ledger", LEDGER_HEADERS)
    return {name: _complete(name, schema, everything) for name, schema in sorted(files.items())}


def _complete(name: str, schema: Schema, everything: dict[str, Schema]) -> Schema:
    """Return a schema with its identity and with all that it refers to."""
    needed: dict[str, Schema] = {}
    _collect(schema, everything, needed)
    complete = {"$schema": DIALECT, "$id": f"{ID_PREFIX}{name}", **schema}
    return {**complete, "$defs": dict(sorted(needed.items()))} if needed else complete


def _collect(schema: object, everything: dict[str, Schema], needed: dict[str, Schema]) -> None:
    for reference in _references(schema):
        name = reference.removeprefix("#/$defs/")
        if name not in needed:
            needed[name] = everything[name]
            _collect(everything[name], everything, needed)


def _references(schema: object) -> Iterable[str]:
    if isinstance(schema, list):
        for inner in schema:
            yield from _references(inner)
    elif isinstance(schema, dict):
        for key, inner in schema.items():
            if key == "$ref":
                yield inner
            else:
                yield from _references(inner)
