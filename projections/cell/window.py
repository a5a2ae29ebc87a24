"""The window of command ids: which commands were decided, so that each is decided once (S5, S6).

It is part of the fold: every reader remembers the same ids, and forgets them at the same record. What has
been forgotten is known by time: command ids are UUIDv7, so an unknown id that is not later than the newest
forgotten one may have been decided before, and is refused.
"""

from heapq import heappop, heappush
from typing import NamedTuple

from events.ids import uuid7_time_ms
from events.refusals import Code, Refusal

FUTURE_MS_MAX = 300_000
"""How far a caller's clock may be ahead of ours."""

_NOT_REMEMBERED = frozenset({Code.COMMAND_TOO_OLD, Code.COMMAND_FROM_THE_FUTURE, Code.COMMAND_ID_REUSED})


class Remembered(NamedTuple):
    """How a command was decided first."""

    seq: int
    body_digest: str
    refusal: Refusal | None


class Window:
    """The `limit` newest command ids, by the time in them.

    By that time and not by the order of deciding: an id that a fast clock made in the (allowed) future would
    else be forgotten while it is still ahead, and make every command of an honest clock too old until its
    time has come.
    """

    __slots__ = ("_by_time", "_entries", "_forgotten_ms", "_limit")

    def __init__(self, limit: int) -> None:
        """Remember `limit` ids, a number fixed by the ledger's genesis."""
        self._limit = limit
        self._entries: dict[str, Remembered] = {}
        self._by_time: list[str] = []
        """A heap of the ids: UUIDv7 in canonical text sorts by its time."""
        self._forgotten_ms = -1

    def first(self, command_id: str) -> Remembered | None:
        """Return how a command was decided first, if it is remembered."""
        return self._entries.get(command_id)

    def refuse_by_time(self, command_id: str, now_ms: int) -> Refusal | None:
        """Refuse an unknown id that may have been forgotten, or that is from the future."""
        made_ms = uuid7_time_ms(command_id)
        if made_ms <= self._forgotten_ms:
            message = (
                "This command id is older than the ids that are remembered. If it was decided earlier, that"
                " stands; if not, send the command with a new id."
            )
            return Refusal(code=Code.COMMAND_TOO_OLD, field="id", message=message)
        if made_ms > now_ms + FUTURE_MS_MAX:
            ahead_s = (made_ms - now_ms) // 1000
            message = f"This command id was made {ahead_s} s in the future; set the caller's clock."
            return Refusal(code=Code.COMMAND_FROM_THE_FUTURE, field="id", message=message)
        return None

    def remember(self, command_id: str, entry: Remembered) -> None:
        """Remember a decided command; what is known already, or was refused for its id, changes nothing."""
        if command_id in self._entries or (
            entry.refusal is not None and entry.refusal.code in _NOT_REMEMBERED
        ):
            return
        self._entries[command_id] = entry
        heappush(self._by_time, command_id)
        if len(self._entries) > self._limit:
            forgotten = heappop(self._by_time)
            del self._entries[forgotten]
            self._forgotten_ms = max(self._forgotten_ms, uuid7_time_ms(forgotten))

    def internals(self) -> tuple[object, ...]:
        """Return everything remembered, for digests."""
        entries = [
            (key, e.seq, e.body_digest, e.refusal.code if e.refusal else None)
            for key, e in self._entries.items()
        ]
        return (self._limit, self._forgotten_ms, entries)
