"""A command that came again: what was decided the first time stands."""

from typing import Literal

from events.model import Event
from events.refusals import Refusal


class CommandRepeated(Event):
    """The same command id and body came again; no effect, but where and how it was decided first (S6)."""

    type: Literal["CommandRepeated.v1"] = "CommandRepeated.v1"
    command_id: str
    first_seq: int
    refusal: Refusal | None
    """The first decision's refusal, if it was one."""
