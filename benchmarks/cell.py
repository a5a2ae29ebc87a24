"""A cell in memory: the allocator's engine, its records read back at once, without any log."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from gc import collect, disable, enable
from time import process_time

from events.log.port import LogRecord, Message, TopicPartition
from events.record import Genesis, InputIdentity, encode_genesis
from projections.cell.state import Rules
from services.allocator.engine import Engine, Phase, Settings
from services.allocator.runner import now_ms

CELL = "bench"
LEDGER = TopicPartition("ledger", 0)
COMMANDS = TopicPartition("commands", 0)
OWNER = "0195f3c0-7a2b-4c3d-9e4f-0123456789ab"
INPUTS = tuple(
    InputIdentity(name=name, topic=name, incarnation=f"{name}-1", partitions=1)
    for name in ("commands", "reports")
)


class Cell:
    """An engine that owns its cell."""

    def __init__(self, rules: Rules | None = None) -> None:
        """Begin a ledger and claim it."""
        self.now_ms = now_ms()
        settings = Settings(CELL, "ledger-1", INPUTS, rules or Rules())
        self.engine = Engine(settings, new_owner=lambda: OWNER, pause_ms=lambda: 0)
        self._ledger_end = 0
        self._commands_end = 0
        genesis = Genesis(ledger_id=OWNER, cell=CELL, level=1, window_commands=65_536)
        self._read_back([encode_genesis(genesis, self.now_ms)])
        self.engine.tick(self.now_ms, assigned=True, caught_up=True)
        self._read_back(self.engine.take_appends())
        if self.engine.phase is not Phase.OWNING:
            raise AssertionError(self.engine.stepped_down_because)

    def decide(self, messages: Sequence[Message]) -> float:
        """Decide on commands, read the decisions back, and return the CPU seconds that it took.

        Raises:
            AssertionError: one was refused, or the engine stepped down.

        """
        first, self._commands_end = self._commands_end, self._commands_end + len(messages)
        records = [
            LogRecord(COMMANDS, offset, (), message.value) for offset, message in enumerate(messages, first)
        ]
        decided = self.engine.decided
        began = process_time()
        self.engine.read_input("commands", records, self.now_ms)
        self._read_back(self.engine.take_appends())
        took = process_time() - began
        if self.engine.decided != decided + len(messages) or self.engine.counters:
            raise AssertionError(f"{dict(self.engine.counters)} {self.engine.stepped_down_because}")
        return took

    def _read_back(self, messages: Sequence[Message]) -> None:
        first, self._ledger_end = self._ledger_end, self._ledger_end + len(messages)
        records = [LogRecord(LEDGER, offset, *message) for offset, message in enumerate(messages, first)]
        self.engine.read_ledger(records, self.now_ms)


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Measure without the collector, which would look at millions of addresses at some random point."""
    collect()
    disable()
    try:
        yield
    finally:
        enable()
