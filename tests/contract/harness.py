"""What the contract suite needs from an adapter beside the port: the same data again, a bad connection."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from typing import Protocol

from events.log.memory import MemoryLog, MemoryStore
from events.log.port import Log, TopicPartition, TopicSpec


class Line(Protocol):
    """The connection of one process to the log, in the hands of a test."""

    def hold_appends(self) -> None:
        """Keep what the process appends on its way."""

    def release_appends(self) -> None:
        """Let what was held arrive, and what comes after it."""

    def lose_next_acknowledgement(self) -> None:
        """Let the next append arrive, and lose the answer to it."""


class LogHarness(ABC):
    """One adapter under test. Each log that it opens is another process's, on the same data."""

    def __init__(self) -> None:
        self._cleanup = ExitStack()

    def open(self) -> Log:
        """Open a log; closed with the harness if the test does not."""
        log = self._open()
        self._cleanup.callback(log.close)
        return log

    @abstractmethod
    def _open(self) -> Log:
        """Open a log."""

    @abstractmethod
    def open_on_a_line(self, where: TopicPartition) -> tuple[Log, Line]:
        """Open a log whose appends to `where` can be held and whose acknowledgements can be lost."""

    @abstractmethod
    def replace_topic(self, spec: TopicSpec) -> None:
        """Delete the topic with all its records and create it again, as an administrator would."""

    def close(self) -> None:
        """Close everything that was opened."""
        self._cleanup.close()


class MemoryHarness(LogHarness):
    """The log in memory: processes share a store."""

    def __init__(self) -> None:
        super().__init__()
        self._store = MemoryStore()

    def _open(self) -> Log:
        return MemoryLog(self._store)

    def open_on_a_line(self, where: TopicPartition) -> tuple[Log, Line]:
        """Return a log with its faults as the line."""
        log = MemoryLog(self._store)
        self._cleanup.callback(log.close)
        return log, _MemoryLine(log, where)

    def replace_topic(self, spec: TopicSpec) -> None:
        """Replace it in the store."""
        self._store.replace_topic(spec.name)


class _MemoryLine:
    def __init__(self, log: MemoryLog, where: TopicPartition) -> None:
        self._faults = log.faults
        self._where = where

    def hold_appends(self) -> None:
        self._faults.hold(self._where)

    def release_appends(self) -> None:
        self._faults.stop_holding(self._where)
        self._faults.release(self._where)

    def lose_next_acknowledgement(self) -> None:
        self._faults.lose_acknowledgement(self._where)
