"""What comes of a command, as callers of the client library see it."""

from dataclasses import dataclass
from typing import Self

from events.catalog import AnyEvent
from events.refusals import Code, Refusal


class Refused(Exception):
    """What was asked was refused and nothing has changed; `refusal` holds code, field and sentence."""

    def __init__(self, refusal: Refusal) -> None:
        """Carry a refusal."""
        super().__init__(f"{refusal.code}: {refusal.message}")
        self.refusal = refusal


def refused(code: Code, message: str, field: str | None = None) -> Refused:
    """Return a refusal to be raised."""
    return Refused(Refusal(code=code, field=field, message=message))


@dataclass(frozen=True)
class Answer:
    """The decision on a command. (`cell`, `seq`) is the position from which on reads show its effect."""

    cell: str
    seq: int
    command_id: str
    events: tuple[AnyEvent, ...] = ()
    refusal: Refusal | None = None
    repeated: bool = False
    """Whether the command had been decided before: this is the first decision on it."""

    @property
    def position(self) -> str:
        """Token of its position, which reads anywhere can demand."""
        return f"{self.cell}:{self.seq}"

    def granted(self) -> Self:
        """Return itself, unless the command was refused.

        Raises:
            Refused: it was.

        """
        if self.refusal is not None:
            raise Refused(self.refusal)
        return self
