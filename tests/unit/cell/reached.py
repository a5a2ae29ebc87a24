"""What random histories reached: a count of every answer and of every event."""

import re
from collections import Counter
from collections.abc import Iterable

from events.model import Event
from events.refusals import Refusal
from projections.cell.decide import Decision
from tests.unit.given import Message

GRANTED = "granted"
NOTHING = "nothing to do"


class Reached:
    """Counts since the process began."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.answers: Counter[tuple[str, str, str]] = Counter()
        """By type of the message, code (or how it was granted), and field with every index as 0."""
        self.events: Counter[str] = Counter()

    def heard(self, message: Message, decision: Decision) -> None:
        """Count an answer."""
        kind = type(message).__name__
        if isinstance(decision, Refusal):
            field = re.sub(r"\.\d+", ".0", decision.field or "")
            self.answers[kind, str(decision.code), field] += 1
        else:
            self.answers[kind, GRANTED if decision else NOTHING, ""] += 1
            self.happened(decision)

    def happened(self, events: Iterable[Event]) -> None:
        """Count what came about."""
        self.events.update(type(event).__name__ for event in events)

    def table(self) -> str:
        """Return all counts as text, one line each."""
        lines = [f"{count:7} {' '.join(key)}" for key, count in sorted(self.answers.items())]
        return "\n".join([*lines, *(f"{count:7} {name}" for name, count in sorted(self.events.items()))])


REACHED = Reached()
