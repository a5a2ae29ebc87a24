"""What the typed methods of every subject share: they call by name, and leave out what is not given."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from events.model import Actor

RequestedNetwork = Mapping[str, str | None] | Sequence[str | None]
"""A NIC: an object with `network_id`, `address` and `tag`, or nova's pair of network id and address."""


RequestedNetworks = Sequence[RequestedNetwork] | Literal["none", "auto"]
"""NICs in order, or nova's word for no NICs, or for as many as there are networks but at least one."""


class Caller(Protocol):
    """Whatever calls methods by name."""

    def call(
        self,
        method: str,
        args: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> Any:  # noqa: ANN401 - as different as nova's return values
        """Call a method by nova's name; returns what nova returned."""


def given(**args: object) -> dict[str, object]:
    """Return the arguments that are not left out."""
    return {name: value for name, value in args.items() if value is not None}
