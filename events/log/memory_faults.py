"""Faults on demand between one process and the log in memory."""

from collections import deque
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from events.errors import LogUnavailable
from events.log.memory_store import MemoryStore
from events.log.port import Message, TopicPartition

Fault = Literal["lose acknowledgement", "fail", "duplicate"]


class Sender(Protocol):
    """Whoever handed over a message that is on its way."""

    def land(self, message: Message) -> int:
        """Append the message now; its offset."""

    def settle(self, offset: int | None) -> None:
        """Take the outcome of the oldest message without one: its offset, or None for unknown."""


class Held(NamedTuple):
    """A message that is on its way and has not landed."""

    sender: Sender
    message: Message


class MemoryFaults:
    """What goes wrong between one process and its log, told in advance. Safe for use by several threads."""

    def __init__(self, store: MemoryStore) -> None:
        self.armed = False
        self._store = store
        self._away = False
        self._planned: dict[TopicPartition, deque[Fault]] = {}
        self._holding: set[TopicPartition] = set()
        self._held: dict[TopicPartition, deque[Held]] = {}

    # For tests and simulation -------------------------------------------------------------------------------

    def lose_acknowledgement(self, where: TopicPartition, count: int = 1) -> None:
        """Let the next `count` messages land, with an error as their outcome."""
        self._plan(where, "lose acknowledgement", count)

    def fail_append(self, where: TopicPartition, count: int = 1) -> None:
        """Let the next `count` messages not land, with an error as their outcome."""
        self._plan(where, "fail", count)

    def duplicate(self, where: TopicPartition, count: int = 1) -> None:
        """Let the next `count` messages land twice, one after the other; the outcome names the first."""
        self._plan(where, "duplicate", count)

    def hold(self, where: TopicPartition) -> None:
        """Keep new messages on their way: no landing, no outcome, until `release` or `drop`."""
        with self._store.lock:
            self._holding.add(where)
            self._arm()

    def stop_holding(self, where: TopicPartition) -> None:
        """Let new messages land again, except behind held ones of the same appender. Those stay held."""
        with self._store.lock:
            self._holding.discard(where)
            self._arm()

    def held(self, where: TopicPartition) -> Sequence[Message]:
        """Return what is on its way, in order."""
        with self._store.lock:
            return [held.message for held in self._held.get(where, ())]

    def release(self, where: TopicPartition, count: int | None = None, *, acknowledge: bool = True) -> None:
        """Let the first `count` held messages (None: all) land now, though their sender may be closed."""
        with self._store.lock:
            for held in self._take(where, count):
                offset = held.sender.land(held.message)
                held.sender.settle(offset if acknowledge else None)
            self._store.wake()

    def drop(self, where: TopicPartition, count: int | None = None) -> None:
        """Lose the first `count` held messages (None: all): they never land; their outcome is an error."""
        with self._store.lock:
            for held in self._take(where, count):
                held.sender.settle(None)
            self._store.wake()

    def outage(self) -> None:
        """Cut this process off: every call raises `LogUnavailable`, and what it appends does not land."""
        with self._store.lock:
            self._away = True
            self._arm()
            self._store.wake()

    def end_outage(self) -> None:
        """Let this process reach the log again."""
        with self._store.lock:
            self._away = False
            self._arm()

    # For the log --------------------------------------------------------------------------------------------

    @property
    def away(self) -> bool:
        """Tell whether this process is cut off."""
        return self._away

    def check(self) -> None:
        """Do nothing, or fail when this process is cut off.

        Raises:
            LogUnavailable: during an outage.

        """
        if self._away:
            raise LogUnavailable("the log does not answer (an outage was asked for)")

    def take(self, where: TopicPartition) -> Fault | None:
        """Return what shall befall the next message. The store's lock must be held."""
        if self._away:
            return "fail"
        planned = self._planned.get(where)
        if planned is None:
            return None
        fault = planned.popleft()
        if not planned:
            del self._planned[where]
            self._arm()
        return fault

    def catch(self, where: TopicPartition, sender: Sender, message: Message) -> bool:
        """Keep the message on its way if told so, or if it would overtake one of its sender; tell whether."""
        on_their_way = self._held.get(where, ())
        if where not in self._holding and all(held.sender is not sender for held in on_their_way):
            return False
        self._held.setdefault(where, deque()).append(Held(sender, message))
        return True

    def _plan(self, where: TopicPartition, fault: Fault, count: int) -> None:
        if count < 1:
            raise ValueError(f"cannot plan {count} faults")
        with self._store.lock:
            self._planned.setdefault(where, deque()).extend([fault] * count)
            self._arm()

    def _take(self, where: TopicPartition, count: int | None) -> list[Held]:
        held = self._held.get(where, deque())
        taken = [held.popleft() for _ in range(len(held) if count is None else min(count, len(held)))]
        if not held:
            self._held.pop(where, None)
        self._arm()
        return taken

    def _arm(self) -> None:
        self.armed = bool(self._away or self._planned or self._holding or self._held)
