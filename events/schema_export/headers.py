"""The headers of a ledger's records: CloudEvents 1.0 in Kafka's binary mode, and our extensions.

A header's value is UTF-8 text; numbers are decimal.
"""

from typing import Any, NamedTuple

SEQUENCE = r"^(0|[1-9][0-9]*)$"
UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
TYPE = r"^netledger\.(decided|refused)\.[A-Za-z0-9.]+$"
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"
_MARK = r"[^ :]+:[^ :]+:(-1|0|[1-9][0-9]*):([0-9a-f]{32})?"
INPUTS = rf"^{_MARK}( {_MARK})*$"


class Header(NamedTuple):
    """What a header says."""

    name: str
    pattern: str
    meaning: str
    always: bool = True


LEDGER_HEADERS = (
    Header("ce_specversion", r"^1\.0$", "Version of CloudEvents."),
    Header("content-type", "^application/json$", "Form of the value."),
    Header("ce_id", "^.+$", "Identity of the record: of a decision cell/term/seq, of a claim its owner."),
    Header("ce_type", r"^netledger\.[A-Za-z0-9.]+$", "What the record is."),
    Header("ce_source", "^/netledger/.+$", "The cell as a URI reference."),
    Header(
        "ce_subject", "^.+$", "What it is about: an instance, a network, an address, a host; - if unknown."
    ),
    Header("ce_time", TIME, "When it was decided (RFC 3339, UTC); never before the last one."),
)

DECISION_HEADERS = (
    *(header._replace(pattern=TYPE) if header.name == "ce_type" else header for header in LEDGER_HEADERS),
    Header("ce_cell", "^.+$", "The cell."),
    Header("ce_term", SEQUENCE, "Term of the owner that decided."),
    Header("ce_owner", UUID, "Owner that decided; new for every claim."),
    Header("ce_seq", SEQUENCE, "Position in the cell: one higher than that of the last valid decision."),
    Header("ce_prevhash", "^[0-9a-f]{64}$", "Chain hash (SHA-256) over all valid records before this one."),
    Header("ce_inputs", INPUTS, "How far each input is decided: name:incarnation:offset:digest, by spaces."),
    Header(
        "ce_commandid", UUID, "Id of the command or report; none for a timer or what has no id.", always=False
    ),
    Header("ce_bodydigest", "^[0-9a-f]{32}$", "128 bits of the SHA-256 of its raw body.", always=False),
    Header("ce_correlationid", UUID, "Id of the first message of the conversation.", always=False),
    Header("ce_actor", "^.+$", "User or host on whose behalf it was sent.", always=False),
)


def headers_schema(title: str, headers: tuple[Header, ...]) -> dict[str, Any]:
    """Return the JSON Schema of a record's headers as an object of texts."""
    return {
        "title": title,
        "type": "object",
        "properties": {
            header.name: {"type": "string", "pattern": header.pattern, "description": header.meaning}
            for header in headers
        },
        "required": [header.name for header in headers if header.always],
    }
