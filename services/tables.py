"""The projection's tables as client and command line read them: one session, shared by threads in turns."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any, Self, TypeVar

from events.errors import NetledgerError
from events.ledger.position import Position
from projections.ipam import history
from projections.ipam.connection import Reader
from projections.ipam.errors import IpamMissing, IpamUnavailable, translated
from projections.ipam.waiting import wait_for
from projections.ipam.writer import read_position

LOOK_S = 5.0
"""Longest wait of a thread while others take turns."""

Row = dict[str, Any]
T = TypeVar("T")


class ProjectionBehind(NetledgerError):
    """The tables do not show a position in time: the projector is slow, or does not run."""

    code = "ProjectionBehind"


class Tables:
    """Reads of one cell's tables. Safe for use by several threads."""

    def __init__(self, dsn: str, cell: str) -> None:
        """Prepare; connected when first asked."""
        self._dsn = dsn
        self._cell = cell
        self._lock = Lock()
        self._reader: Reader | None = None
        self._waiting = Lock()
        self._waiter: Reader | None = None
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
        with self._waiting:
            if self._waiter is not None:
                self._waiter.close()
                self._waiter = None

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
            return self.ask(_position)
        except IpamMissing:
            return None

    def wait_for(self, seq: int, timeout_s: float) -> None:
        """Wait until the tables show the decision at `seq`.

        Raises:
            ProjectionBehind: they do not in time.
            IpamUnavailable: the database does not answer.

        """
        deadline = monotonic() + timeout_s
        if self._seen_seq >= seq:
            return
        with self._waiting:
            while self._seen_seq < seq:
                if self._wait(seq, max(0.0, deadline - monotonic())):
                    self._seen_seq = max(self._seen_seq, seq)
                elif monotonic() >= deadline:
                    raise ProjectionBehind(
                        f"The tables do not show position {seq} after {timeout_s:g} s; what was decided "
                        "there stands all the same. Is a projector running (`netledger status`)?"
                    )

    def _wait(self, seq: int, timeout_s: float) -> bool:
        """Wait in a session of its own, so that reads go on meanwhile."""
        try:
            self._waiter = self._waiter or Reader(self._dsn, self._cell)
            return wait_for(self._waiter, seq, min(timeout_s, LOOK_S))
        except IpamUnavailable:
            if self._waiter is None:
                raise
            self._waiter.close()
            self._waiter = None
            return False

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


def _position(reader: Reader) -> Position | None:
    with translated():
        return read_position(reader.connection)
