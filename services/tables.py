"""The projection's tables as client and command line read them: one session, shared by threads in turns."""

from collections.abc import Callable
from threading import Event, Lock
from time import monotonic
from typing import Any, Self, TypeVar

from events.errors import NetledgerError
from events.ledger.position import Position
from projections.ipam import history, queries
from projections.ipam.connection import Reader
from projections.ipam.errors import IpamMissing, IpamUnavailable
from projections.ipam.writer import read_position

LOOK_FIRST_S = 0.002
LOOK_MAX_S = 0.05
"""Shortest and longest time between two looks for a position."""

Row = dict[str, Any]
T = TypeVar("T")


class ProjectionBehind(NetledgerError):
    """A command was decided, but the tables do not show it: the projector is slow, or does not run."""

    code = "ProjectionBehind"


class Tables:
    """Reads of one cell's tables. Safe for use by several threads."""

    def __init__(self, dsn: str, cell: str) -> None:
        """Prepare; connected when first asked."""
        self._dsn = dsn
        self._cell = cell
        self._lock = Lock()
        self._reader: Reader | None = None
        self._seen_seq = 0

    def ask(self, query: Callable[[Reader], T]) -> T:
        """Return what a query of `projections.ipam` answers; asked once again after a lost connection.

        Raises:
            IpamUnavailable: the database does not answer.
            IpamMissing: there are no tables yet.

        """
        with self._lock:
            if self._reader is not None:
                try:
                    return query(self._reader)
                except IpamUnavailable:
                    self._disconnect()
            self._reader = Reader(self._dsn, self._cell)
            try:
                return query(self._reader)
            except IpamUnavailable:
                self._disconnect()
                raise

    def _disconnect(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def close(self) -> None:
        """Disconnect. Safe to call twice."""
        with self._lock:
            self._disconnect()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()

    # --- Where the tables are -------------------------------------------------------------------------------

    def position(self) -> Position | None:
        """Return the place in the ledger that the tables show; None while there are none."""
        try:
            return self.ask(lambda reader: read_position(reader.connection))
        except IpamMissing:
            return None

    def wait_for(self, seq: int, timeout_s: float) -> None:
        """Wait until the tables show the decision at `seq`.

        Raises:
            ProjectionBehind: they do not in time.

        """
        deadline = monotonic() + timeout_s
        pause = Event()
        pause_s = LOOK_FIRST_S
        while self._seen_seq < seq:
            status = self._status()
            self._seen_seq = status["seq"] if status is not None else 0
            if self._seen_seq >= seq:
                return
            if monotonic() >= deadline:
                raise ProjectionBehind(
                    f"The command was decided at position {seq}, but the tables show only position "
                    f"{self._seen_seq} after {timeout_s:g} s. Is a projector running (`netledger status`)?"
                )
            pause.wait(pause_s)
            pause_s = min(1.5 * pause_s, LOOK_MAX_S)

    def _status(self) -> Row | None:
        try:
            return self.ask(queries.status)
        except IpamMissing:
            return None

    def offset_of(self, seq: int) -> int:
        """Return the offset in the ledger of a decision that the tables show.

        Raises:
            ProjectionBehind: they do not show it.

        """
        decision = self.ask(lambda reader: history.decision(reader, seq))
        if decision is None:
            raise ProjectionBehind(
                f"The tables do not hold decision {seq}; rebuild them (`netledger ledger rebuild`)."
            )
        return int(decision["log_offset"])
