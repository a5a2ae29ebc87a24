"""The caller's side: sends commands and waits until each one's decision is read back from the ledger.

One thread for any number of callers, for there are two cores. The n-th record of a ledger answers the n-th
command, as both are in order; that it does is checked for the last one of every batch.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Self

from pydantic_core import from_json

from events.log.port import Log, LogRecord, Message, TopicPartition
from events.record import DECIDED_PREFIX

OUTSTANDING_MAX = 16_384
"""Commands of an open stream that may be under way: four times what the engine takes on."""

CHUNK = 250
"""Commands of an open stream handed over at once."""

ANSWERS_MAX = 1000
PATIENCE_S = 30.0
"""Without any answer for so long, the run is given up."""

PACE_S = 0.004
"""A paced stream sends what is due this often."""

WAIT_S_MIN = 0.001
"""Shortest wait for answers between two sends; a busy loop would take a core from the servers."""


class NoAnswer(Exception):
    """What is measured did not answer, or answered something else."""


class Caller:
    """Sends to one partition and reads answers from another (the same one: the log by itself)."""

    def __init__(
        self, log: Log, send_to: TopicPartition, read_from: TopicPartition, *, checked: bool
    ) -> None:
        """Begin to follow at the end; `checked`: the answers are decisions that name their command."""
        self._stack = ExitStack()
        self._checked = checked
        self._appender = log.appender(send_to)
        self._stack.callback(self._appender.close)
        self._feed = log.follow({read_from: log.bounds(read_from).end})
        self._stack.callback(self._feed.close)
        self._sent: list[Message] = []
        self._answered = 0
        self._answered_at = perf_counter()

    @property
    def outstanding(self) -> int:
        """How many commands have no answer yet."""
        return len(self._sent) - self._answered

    def skip(self, count: int) -> None:
        """Wait for records that answer nothing, such as an allocator's claim, and pass over them."""
        give_up_at = perf_counter() + PATIENCE_S
        while count > 0:
            count -= len(self._feed.poll(count, 1.0))
            if perf_counter() > give_up_at:
                raise NoAnswer(f"nothing was written to the ledger in {PATIENCE_S:g} s")

    def stream(self, messages: Sequence[Message]) -> float:
        """Send as fast as it goes; return the seconds until the last answer."""
        began = self._begin()
        sent = 0
        while self._answered < len(messages):
            if sent < len(messages) and self.outstanding <= OUTSTANDING_MAX:
                self._send(messages[sent : sent + CHUNK])
                sent += CHUNK
                self._receive(0.0)
            else:
                self._receive(1.0)
        return perf_counter() - began

    def take_turns(self, messages: Sequence[Message], callers: int) -> tuple[float, list[float]]:
        """Let `callers` each send a command, wait for its answer, and send the next one.

        Returns: the seconds until the last answer, and how long each command took, in seconds.
        """
        began = self._begin()
        sent_at: list[float] = []
        took: list[float] = []
        while len(took) < len(messages):
            due = min(callers - self.outstanding, len(messages) - len(sent_at))
            if due > 0:
                sent_at += [perf_counter()] * due
                self._send(messages[len(sent_at) - due : len(sent_at)])
            for _ in range(self._receive(1.0)):
                took.append(self._answered_at - sent_at[len(took)])
        return perf_counter() - began, took

    def pace(self, messages: Sequence[Message], rate: float) -> list[float]:
        """Send `rate` commands per second, come what may; return how long each took from when it was due."""
        began = self._begin()
        due_at: list[float] = []
        took: list[float] = []
        while len(took) < len(messages):
            now = perf_counter()
            ticks = int((now - began) / PACE_S)
            due = min(int(ticks * PACE_S * rate) + 1, len(messages)) - len(due_at)
            if due > 0:
                self._send(messages[len(due_at) : len(due_at) + due])
                due_at += [began + ticks * PACE_S] * due
            for _ in range(self._receive(max(WAIT_S_MIN, began + (ticks + 1) * PACE_S - perf_counter()))):
                took.append(self._answered_at - due_at[len(took)])
        return took

    def close(self) -> None:
        """Stop."""
        self._stack.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()

    def _begin(self) -> float:
        self._sent.clear()
        self._answered = 0
        self._answered_at = perf_counter()
        return self._answered_at

    def _send(self, messages: Sequence[Message]) -> None:
        self._sent += messages
        self._appender.append(messages)
        self._appender.outcomes()

    def _receive(self, timeout_s: float) -> int:
        """Read what is there, and return how many commands it answers."""
        records = self._feed.poll(ANSWERS_MAX, timeout_s)
        now = perf_counter()
        if not records:
            if now - self._answered_at > PATIENCE_S and self.outstanding:
                raise NoAnswer(f"{self.outstanding} commands were not answered for {PATIENCE_S:g} s")
            return 0
        self._answered_at = now
        self._answered += len(records)
        if self._checked:
            self._check(records[-1])
        return len(records)

    def _check(self, record: LogRecord) -> None:
        """Hold the last answer against its command."""
        fields = dict(record.headers)
        command = from_json(self._sent[self._answered - 1].value)
        asked, answered = str(command["id"]).encode(), fields.get("ce_commandid")
        if answered != asked or not fields["ce_type"].startswith(DECIDED_PREFIX.encode()):
            raise NoAnswer(f"command {command['id']} was answered by {fields} {record.value[:500]!r}")
