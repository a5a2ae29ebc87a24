"""Who *should* own a cell: liveness only. Who *does* own it is what the ledger says (`events.ledger`).

Three implementations: a Kafka consumer group, a Postgres session lock, and a script for simulation. Being
assigned wrongly, twice or not at all may cost time, never correctness.
"""

from typing import Protocol


class Ownership(Protocol):
    """Tells whether this process should try to own its cell. Not for use by several threads at once."""

    def assigned(self) -> bool:
        """Return whether we should own the cell now. Called at least once a second; waits 10 ms at most."""

    def close(self) -> None:
        """Give up the assignment at once, so that another process can have it. Safe to call twice."""


class AlwaysAssigned:
    """The one process of a development or test set-up."""

    def assigned(self) -> bool:
        """Return True."""
        return True

    def close(self) -> None:
        """Do nothing."""
