"""Every generated document: its path in the repository, and its text."""

import json

from events.schema_export.asyncapi import asyncapi
from events.schema_export.json_schemas import schema_files
from events.schema_export.yaml_text import yaml_text

SCHEMAS = "events/schemas"
ASYNCAPI = "docs/asyncapi.yaml"

_HEADING = "# Generated from the models by `make schemas`; do not edit.\n"


def documents() -> dict[str, str]:
    """Return the text of each document by its path."""
    texts = {
        f"{SCHEMAS}/{name}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schema_files().items()
    }
    texts[ASYNCAPI] = _HEADING + yaml_text(asyncapi())
    return texts
