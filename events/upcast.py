"""Old event versions, brought up to date when they are read: one pure function a step.

A type that was released is never edited. When its fields are renamed or mean something else, a new version is
added to `events.catalog`, the old one leaves the catalogue, and the step between them is added here.
`tests/contract/golden/` keeps records of every version.
"""

from collections.abc import Callable, Mapping
from typing import Any

Step = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: dict[str, Step] = {}
"""Old versioned type name -> function to the next version's JSON object (which names its own type)."""


def upcast(event: dict[str, Any], steps: Mapping[str, Step] = STEPS) -> dict[str, Any]:
    """Return an event's JSON object in the newest version of its type; without a step, as it is."""
    while (step := steps.get(str(event.get("type")))) is not None:
        event = step(event)
    return event
