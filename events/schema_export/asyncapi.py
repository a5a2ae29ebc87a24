"""The AsyncAPI 3.0 document: who sends what to which topic.

It describes the wire on Kafka. The log in PostgreSQL carries the same records and headers in a table.
"""

from typing import Any, NamedTuple

from events.catalog import AnyCommand, AnyReport
from events.record import CLAIM_TYPE, EPOCH_TYPE, GENESIS_TYPE, LEVEL, TYPE_PREFIX
from events.schema_export.headers import DECISION_HEADERS, LEDGER_HEADERS, headers_schema
from events.schema_export.json_schemas import Schema, decision_value, definitions, members, type_name

_COMPONENT = "#/components/schemas/{model}"
_KAFKA_BINDING = "0.5.0"

FOR_EVER = -1
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
"""Largest message of a topic: a record of 4 MiB, its headers, and room for the batch around it."""

LEDGER_MESSAGES = {
    GENESIS_TYPE.removeprefix(TYPE_PREFIX): "The first record of a ledger: `netledger ledger init`.",
    CLAIM_TYPE.removeprefix(TYPE_PREFIX): "An allocator claims the next term.",
    EPOCH_TYPE.removeprefix(TYPE_PREFIX): "An operator goes on after lost data: `netledger ledger recover`.",
    "Decision": "One decision: the command as received, and its events or its refusal.",
}


class Role(NamedTuple):
    """What one role does with a channel."""

    name: str
    action: str
    channel: str
    messages: tuple[str, ...]
    summary: str


def asyncapi() -> Schema:
    """Return the document."""
    commands = tuple(type_name(model) for model in members(AnyCommand))
    reports = tuple(type_name(model) for model in members(AnyReport))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Netledger",
            "version": f"{LEVEL}.0.0",
            "description": (
                "Commands are wishes, reports are facts that a host states about itself, and the ledger"
                " holds what was decided on them. One decision is one record. A cell is one partition of"
                " each topic, which its configuration names; nobody hashes. Records have no key. The first"
                " number of this version is the ledger's level."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "commands": _channel("commands", commands, "Wishes of compute, of the gateway and of operators."),
            "reports": _channel("reports", reports, "Facts of host agents, each about itself only."),
            "ledger": _channel(
                "ledger", tuple(LEDGER_MESSAGES), "What was decided: the truth, kept for ever."
            ),
        },
        "operations": {role.name: _operation(role) for role in _roles(commands, reports)},
        "components": {
            "messages": {
                **{name: _input_message(name) for name in (*commands, *reports)},
                **{name: _ledger_message(name, summary) for name, summary in LEDGER_MESSAGES.items()},
            },
            "schemas": _schemas(),
        },
    }


def _roles(commands: tuple[str, ...], reports: tuple[str, ...]) -> tuple[Role, ...]:
    genesis, claim, epoch, decision = LEDGER_MESSAGES
    everything = tuple(LEDGER_MESSAGES)
    return (
        Role(
            "callerSendsCommands",
            "send",
            "commands",
            commands,
            "Compute, the gateway or the command line asks.",
        ),
        Role(
            "callerReadsAnswers",
            "receive",
            "ledger",
            everything,
            "The answer is the decision, found by its id.",
        ),
        Role("hostSendsReports", "send", "reports", reports, "A host agent tells about its host."),
        Role(
            "hostReadsLedger", "receive", "ledger", everything, "A host agent makes its kernel agree with it."
        ),
        Role(
            "allocatorReadsCommands",
            "receive",
            "commands",
            commands,
            "The owner of the cell decides, in order.",
        ),
        Role(
            "allocatorReadsReports", "receive", "reports", reports, "The owner of the cell decides, in order."
        ),
        Role(
            "allocatorAppends",
            "send",
            "ledger",
            (claim, decision),
            "Appended, and real once read back as valid.",
        ),
        Role(
            "allocatorReadsLedger",
            "receive",
            "ledger",
            everything,
            "Reads back, judges, and steps down in doubt.",
        ),
        Role("projectorReadsLedger", "receive", "ledger", everything, "Keeps the tables in PostgreSQL."),
        Role(
            "operatorAppends", "send", "ledger", (genesis, epoch), "Begins a ledger, or a new history epoch."
        ),
    )


def _channel(name: str, messages: tuple[str, ...], description: str) -> Schema:
    return {
        "address": f"{{prefix}}.{name}",
        "description": description,
        "parameters": {"prefix": {"description": "NETLEDGER_TOPIC_PREFIX.", "default": "netledger"}},
        "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
        "bindings": {"kafka": _topic()},
    }


def _topic() -> Schema:
    """Return how a topic is created, so that nothing is lost (sentence S14 of the ledger protocol)."""
    return {
        "partitions": 1,
        "replicas": 3,
        "topicConfiguration": {
            "cleanup.policy": ["delete"],
            "retention.ms": FOR_EVER,
            "retention.bytes": FOR_EVER,
            "max.message.bytes": MESSAGE_BYTES_MAX,
        },
        "bindingVersion": _KAFKA_BINDING,
    }


def _operation(role: Role) -> Schema:
    channel = f"#/channels/{role.channel}"
    return {
        "action": role.action,
        "channel": {"$ref": channel},
        "summary": role.summary,
        "messages": [{"$ref": f"{channel}/messages/{message}"} for message in role.messages],
    }


def _input_message(name: str) -> Schema:
    """Return a command or report: its id and type are in its value, headers are not read."""
    return {
        "name": name,
        "contentType": "application/json",
        "payload": {"$ref": _COMPONENT.format(model=name)},
        "correlationId": {"location": "$message.payload#/id"},
        "bindings": {"kafka": {"bindingVersion": _KAFKA_BINDING}},
    }


def _ledger_message(name: str, summary: str) -> Schema:
    message: dict[str, Any] = {
        "name": name,
        "summary": summary,
        "contentType": "application/json",
        "headers": {"$ref": _COMPONENT.format(model="ledger.headers")},
        "payload": {"$ref": _COMPONENT.format(model=name)},
        "bindings": {"kafka": {"bindingVersion": _KAFKA_BINDING}},
    }
    if name == "Decision":
        message["headers"] = {"$ref": _COMPONENT.format(model="decision.headers")}
        message["correlationId"] = {"location": "$message.header#/ce_commandid"}
    return message


def _schemas() -> dict[str, Schema]:
    return {
        **{name: _draft_7(schema) for name, schema in definitions(_COMPONENT).items()},
        "Decision": decision_value(_COMPONENT),
        "decision.headers": headers_schema("Headers of a decision's record", DECISION_HEADERS),
        "ledger.headers": headers_schema("Headers of every record of a ledger", LEDGER_HEADERS),
    }


def _draft_7(schema: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a schema in AsyncAPI's dialect, a superset of draft 7: fixed arrays are `items` there."""
    if isinstance(schema, list):
        return [_draft_7(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _draft_7(inner) for key, inner in schema.items()}
    if "prefixItems" in changed:
        changed["items"] = changed.pop("prefixItems")
    return changed
