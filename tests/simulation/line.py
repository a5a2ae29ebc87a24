"""One process's way to the log: what it appends waits until the world lets it land, lose or forget it."""

from collections.abc import Callable, Sequence

from events.log.memory import MemoryAppender, MemoryLog, MemoryStore
from events.log.port import Message, TopicPartition
from services.allocator.topics import CellTopics

CELL = "default"
TOPICS = CellTopics(CELL)
LEDGER, COMMANDS, REPORTS = TOPICS.ledger, TOPICS.commands, TOPICS.reports


class Crashed(Exception):
    """The process is gone in the middle of something."""


class _FragileAppender(MemoryAppender):
    """An appender whose process may crash while it hands over: the rest stays unsaid."""

    def __init__(self, log: "LineLog", where: TopicPartition) -> None:
        super().__init__(log, where)
        self._line = log

    def append(self, messages: Sequence[Message]) -> None:
        """Hand over all or, in a crash, the first few."""
        count = self._line.crash_after(len(messages))
        super().append(messages[:count])
        if count is not None:
            raise Crashed

    def settle(self, offset: int | None) -> None:
        """Learn what became of an append, unless nobody says."""
        if not self._line.silent:
            super().settle(offset)


class LineLog(MemoryLog):
    """A log as one process sees it."""

    def __init__(self, store: MemoryStore, crash_after: Callable[[int], int | None]) -> None:
        """Open the store; `crash_after` says after how many of so many messages the process crashes."""
        super().__init__(store)
        self.crash_after = crash_after
        self.silent = False
        """Whether appends vanish without an outcome."""

    def appender(self, where: TopicPartition) -> MemoryAppender:
        """Open an appender that may not survive."""
        return _FragileAppender(self, where)


class Line:
    """The way of one attempt to own the cell. It outlives its process: appends may land after a crash.

    Appends of one line keep their order; those of two lines do not: they are reordered between appenders.
    """

    def __init__(self, store: MemoryStore, name: str, crash_after: Callable[[int], int | None]) -> None:
        """Begin to hold what is appended to the ledger."""
        self.name = name
        self.log = LineLog(store, crash_after)
        self.log.faults.hold(LEDGER)

    @property
    def waiting(self) -> int:
        """How many appends are on their way."""
        return len(self.log.faults.held(LEDGER))

    def land(self, count: int | None = None, *, acknowledge: bool = True) -> None:
        """Let the first appends (None: all) arrive; unacknowledged ones their sender takes for lost."""
        self.log.faults.release(LEDGER, count, acknowledge=acknowledge)

    def lose(self, count: int | None = 1, *, silently: bool = False) -> None:
        """Lose the first appends (None: all), though later ones may still arrive."""
        self.log.silent = silently
        self.log.faults.drop(LEDGER, count)
        self.log.silent = False
