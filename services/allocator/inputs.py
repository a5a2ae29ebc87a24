"""What came in: raw bytes of an input become a command or report, or the refusal of what cannot be read."""

from re import fullmatch
from typing import Literal, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json

from events.catalog import COMMAND_TYPES, COMMANDS, REPORT_TYPES, REPORTS, AnyCommand, AnyReport
from events.ids import parse_uuid7
from events.record import body_digest
from events.refusals import Code, Refusal

InputName = Literal["commands", "reports"]

COMMAND_BYTES_MAX = 256 * 1024
"""Largest command: the rest of a record (design section 4: at most 4 MiB) is for what is decided on it."""

_EXPLAINED_MAX = 5
"""Problems that a refusal tells."""

_SHOWN_MAX = 160
"""Characters of a caller's text that a refusal repeats."""

_TYPE_SHOWN_MAX = 64


class Received(NamedTuple):
    """An input record, read."""

    raw: bytes
    digest: str
    type: str
    """Versioned type name as far as it is known."""
    id: str | None
    message: AnyCommand | AnyReport | None
    refusal: Refusal | None
    is_json: bool


def receive(name: InputName, raw: bytes) -> Received:
    """Read one input record."""
    digest = body_digest(raw)
    if len(raw) > COMMAND_BYTES_MAX:
        text = f"The command has {len(raw)} bytes; the most that is taken is {COMMAND_BYTES_MAX}."
        return _unreadable(raw, digest, Refusal(code=Code.COMMAND_TOO_LARGE, message=text))
    reader = COMMANDS if name == "commands" else REPORTS
    try:
        message = reader.validator.validate_json(raw)
    except ValidationError as error:
        return _explain(name, raw, digest, error)
    return Received(raw, digest, message.type, message.id, message, None, is_json=True)


def _unreadable(raw: bytes, digest: str, refusal: Refusal) -> Received:
    return Received(raw, digest, "", None, None, refusal, is_json=False)


def _explain(name: InputName, raw: bytes, digest: str, error: ValidationError) -> Received:
    """Find out what is wrong with a record that is no command or report of this input."""
    try:
        document = from_json(raw, allow_inf_nan=False)
        from_json(b"[%b]" % raw)  # in its record it lies one level deeper, and every reader has to get there
    except ValueError as syntax:
        text = f"The command cannot be read as JSON: {syntax}."
        return _unreadable(raw, digest, Refusal(code=Code.MALFORMED_COMMAND, message=text))
    if not isinstance(document, dict):
        text = "The command is not a JSON object."
        return _unreadable(raw, digest, Refusal(code=Code.MALFORMED_COMMAND, message=text))
    type_name = str(document.get("type", ""))[:_TYPE_SHOWN_MAX]
    known_as = type_name if fullmatch(r"[A-Za-z0-9.]+", type_name) else ""
    refusal = _wrong_type(name, type_name) or _wrong_fields(error)
    return Received(raw, digest, known_as, _readable_id(document.get("id")), None, refusal, is_json=True)


def _wrong_type(name: InputName, type_name: str) -> Refusal | None:
    here, elsewhere = (COMMAND_TYPES, REPORT_TYPES) if name == "commands" else (REPORT_TYPES, COMMAND_TYPES)
    if type_name in elsewhere:
        text = f"{type_name!r} does not belong in the {name} input."
        return Refusal(code=Code.FOREIGN_INPUT, field="type", message=text)
    if type_name not in here:
        text = f"There is no type {type_name!r} here; known are {', '.join(sorted(here))}."
        return Refusal(code=Code.UNKNOWN_COMMAND, field="type", message=text)
    return None


def _wrong_fields(error: ValidationError) -> Refusal:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = [
        f"{field_path(problem)}: {shown(problem['msg'].removeprefix('Value error, '))}"
        for problem in problems[:_EXPLAINED_MAX]
    ]
    return Refusal(code=Code.INVALID_COMMAND, field=field_path(problems[0]), message="; ".join(told) + ".")


def field_path(problem: ErrorDetails) -> str:
    """Return the dotted path of the field that a problem is about, without pydantic's tag in front."""
    path = problem["loc"]
    return shown(".".join(str(part) for part in (path[1:] if len(path) > 1 else path)))


def shown(text: str) -> str:
    """Return what a caller wrote so that any terminal and any database takes it: short and printable."""
    clipped = text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."
    return (
        clipped
        if clipped.isprintable()
        else "".join(c if c.isprintable() else repr(c)[1:-1] for c in clipped)
    )


def _readable_id(value: object) -> str | None:
    try:
        return parse_uuid7(value) if isinstance(value, str) else None
    except ValueError:
        return None
