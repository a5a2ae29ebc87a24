"""A second view of the ledger, from its first record: it keeps what the first one was right to forget.

A host that is given another one's network has dropped the addresses on it. The first view goes on meanwhile.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from events.catalog import AnyEvent
from projections.host_view import HostView

_PAGE = 2000
_WAIT_S = 0.05


class Decision(Protocol):
    """A valid decision of the ledger."""

    @property
    def seq(self) -> int:
        """Position in the cell."""

    @property
    def events(self) -> tuple[AnyEvent, ...]:
        """What was decided."""


class Pages(Protocol):
    """The ledger from its start, a page at a time."""

    def poll(self, limit: int, timeout_s: float) -> Sequence[Decision]:
        """Return what comes next, or nothing after a time."""

    def close(self) -> None:
        """Stop reading."""


class Rebuild:
    """Folds the ledger once more, step by step, until it has caught up with the first view."""

    def __init__(self, host: str, missing: frozenset[str], reopen: Callable[[], Pages]) -> None:
        """Begin at the first record, keeping the addresses of the networks that are missing.

        Raises:
            LogError: the log did not answer.

        """
        self.missing = missing
        self._view = HostView(host, keep=missing)
        self._seq = 0
        self._reader = reopen()

    def step(self, seq: int) -> HostView | None:
        """Fold a page; return the view once it is at `seq`, where the first view is, or None.

        Raises:
            LogError: the log did not answer; the next step goes on.

        """
        if self._seq < seq:  # a page of so many records holds no more decisions than are missing
            for decision in self._reader.poll(min(_PAGE, seq - self._seq), _WAIT_S):
                for event in decision.events:
                    self._view.apply(decision.seq, event)
                self._seq = decision.seq
        if self._seq < seq:
            return None
        self._view.settle()
        self.close()
        return self._view

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()
