"""JSON values as YAML 1.2 text: enough for a generated document, without a library."""

import json
import re
from collections.abc import Iterator
from typing import Any

_PLAIN = re.compile(r"[A-Za-z$][A-Za-z0-9_$./{}-]*( [A-Za-z0-9_$./{}()-]+)*")
_NOT_TEXT = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Words that some reader of YAML takes for something else than text."""

_INDENT = "  "


def yaml_text(value: dict[str, Any]) -> str:
    """Return a JSON object as block-style YAML; the order of keys is kept."""
    return "".join(f"{line}\n" for line in _block(value, ""))


def _block(value: Any, indent: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Yield the lines of a filled object or array."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _entry(f"{indent}{_scalar(key)}:", inner, indent + _INDENT)
    else:
        for inner in value:
            yield from _entry(f"{indent}-", inner, indent + _INDENT)


def _entry(head: str, inner: Any, indent: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(inner, dict | list) and inner:
        yield head
        yield from _block(inner, indent)
    else:
        yield f"{head} {_scalar(inner)}"


def _scalar(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return a text plainly where nobody can misread it; JSON is YAML for everything else."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    return json.dumps(value, ensure_ascii=False)
