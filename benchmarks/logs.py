"""The allocator on a log against the floors on the same log: throughput and latency, in turns."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from math import isnan
from statistics import median
from time import sleep
from typing import NamedTuple, Self

from benchmarks import servers
from benchmarks.caller import Caller
from benchmarks.effort import Effort
from benchmarks.places import Place, new_cell, new_topics
from benchmarks.results import Figure, Goal, against, at_least, at_most
from benchmarks.workload import create_networks, spawn
from events.log.port import Log, Message
from services.allocator.topics import CellTopics

Tell = Callable[[str], None]
"""Told what is being measured now."""

FLOORS = ("codec echo", "echo")
PERCENTILES = (50, 99)
HALF = 0.5
MS_PER_S = 1000.0
US_PER_S = 1_000_000.0
SETTLE_S = 0.2
"""Pause between two measurements, for what still works off the one before."""


class Server(NamedTuple):
    """A running server and the caller that talks to it."""

    caller: Caller
    pid: int


class Load(NamedTuple):
    """What a server did under a load, round by round."""

    rates: list[float]
    costs_us: list[float]
    """CPU time of its process per command."""

    @property
    def middle_rate(self) -> float:
        """The rate of the round in the middle."""
        return median(self.rates)


class LogBench:
    """The allocator and its floors on one log. A context manager."""

    def __init__(self, place: Place, effort: Effort, tell: Tell) -> None:
        """Measure on `place`."""
        self.place = place
        self._effort = effort
        self._tell = tell
        self._stack = ExitStack()
        self._sent = 0

    def __enter__(self) -> Self:
        """Start the servers and wait until each has answered."""
        self._tell("starting the allocator and the floors")
        self.log: Log = self._stack.enter_context(self.place.open())
        self.allocator = self._start(servers.allocator, new_cell(self.log), checked=True)
        self.codec_echo = self._start(servers.codec_echo, new_topics(self.log), checked=False)
        self.echo = self._start(servers.echo, new_topics(self.log), checked=False)
        own = new_topics(self.log)
        self.own = self._stack.enter_context(Caller(self.log, own.ledger, own.ledger, checked=False))
        self.allocator.caller.skip(1)  # its claim
        self.allocator.caller.take_turns(create_networks(), 1)
        self._record = servers.a_record()
        for server in self._servers().values():
            server.caller.stream(self._spawns(self._effort.warm_up))
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop the servers."""
        self._stack.close()

    def _start(self, server: servers.Server, topics: CellTopics, *, checked: bool) -> Server:
        caller = Caller(self.log, topics.commands, topics.ledger, checked=checked)
        self._stack.enter_context(caller)
        return Server(caller, self._stack.enter_context(servers.running(server, self.place, topics)))

    def _spawns(self, count: int) -> list[Message]:
        self._sent += count
        return [spawn(number) for number in range(self._sent - count, self._sent)]

    def _records(self, count: int) -> list[Message]:
        return [self._record] * count

    def _servers(self) -> dict[str, Server]:
        return {"allocator": self.allocator, "codec echo": self.codec_echo, "echo": self.echo}

    # --- Throughput -----------------------------------------------------------------------------------------

    def throughput(self) -> list[Figure]:
        """Measure commands per second with an open stream and with many callers."""
        stream = self._in_turns("open stream", Caller.stream)
        self.top_rate = stream["allocator"].middle_rate
        callers = f"{self._effort.callers} callers"
        turns = self._in_turns(callers, lambda one, sent: one.take_turns(sent, self._effort.callers)[0])
        return [
            *self._rates("open stream", stream, at_least(0.5)),
            *self._costs("open stream", stream),
            *self._rates(callers, turns, None),
        ]

    def _rates(self, how: str, loads: dict[str, Load], goal: Goal | None) -> list[Figure]:
        """Compare commands per second."""
        top, codec, echo = (
            Figure(self.place.kind, f"{name}, {how}", "1/s", tuple(loads[server].rates))
            for name, server in (("two-NIC spawns", "allocator"), *((floor, floor) for floor in FLOORS))
        )
        return [against(top, codec, goal), against(codec, echo), echo]

    def _costs(self, how: str, loads: dict[str, Load]) -> list[Figure]:
        """Compare the CPU time of the servers for a command, which other work on the machine changes less."""
        top, codec = (
            Figure(self.place.kind, f"CPU of a {name}, {how}", "us", tuple(loads[server].costs_us))
            for name, server in (("two-NIC spawn", "allocator"), ("codec echo", "codec echo"))
        )
        return [] if isnan(sum(top.samples)) else [against(top, codec), codec]

    def _in_turns(self, how: str, run: Callable[[Caller, Sequence[Message]], float]) -> dict[str, Load]:
        """Let all servers do the same in turns."""
        loads = {name: Load([], []) for name in self._servers()}
        counts = {
            name: self._count(run(server.caller, self._spawns(self._effort.warm_up)))
            for name, server in self._servers().items()
        }
        for number in range(self._effort.rounds):
            for name, server in self._servers().items():
                self._tell(f"{how}, round {number + 1}: {name}")
                spawns = self._spawns(counts[name])
                sleep(SETTLE_S)
                used = servers.cpu_seconds(server.pid)
                loads[name].rates.append(len(spawns) / run(server.caller, spawns))
                used = servers.cpu_seconds(server.pid) - used
                loads[name].costs_us.append(US_PER_S * used / len(spawns))
        return loads

    def _count(self, warm_up_s: float) -> int:
        """Return how many commands keep a server busy for one round."""
        rate = self._effort.warm_up / warm_up_s
        return max(self._effort.warm_up, min(int(rate * self._effort.stream_s), self._effort.stream_max))

    # --- Latency --------------------------------------------------------------------------------------------

    def latency(self) -> list[Figure]:
        """Measure how long one command takes: alone, and at half of the top rate."""
        alone = self._latencies(
            "one caller",
            lambda caller, messages: caller.take_turns(messages, 1)[1],
            self._effort.alone,
        )
        rate = HALF * self.top_rate
        paced = self._latencies(
            "half of the top rate",
            lambda caller, messages: caller.pace(messages, rate),
            max(self._effort.alone, int(rate * self._effort.stream_s)),
        )
        return alone + paced

    def _latencies(
        self, how: str, run: Callable[[Caller, Sequence[Message]], list[float]], count: int
    ) -> list[Figure]:
        """Compare a spawn with the log's own append-and-read-back of a record of the same size."""
        spawned: dict[int, list[float]] = defaultdict(list)
        floor: dict[int, list[float]] = defaultdict(list)
        for number in range(self._effort.rounds):
            self._tell(f"latency, {how}, round {number + 1}")
            for caller, messages, into in (
                (self.allocator.caller, self._spawns(count), spawned),
                (self.own, self._records(count), floor),
            ):
                sleep(SETTLE_S)
                took = sorted(run(caller, messages))
                for percent in PERCENTILES:
                    into[percent].append(MS_PER_S * took[min(len(took) * percent // 100, len(took) - 1)])
        figures: list[Figure] = []
        for percent in PERCENTILES:
            goal = at_most(4) if how == "one caller" and percent == PERCENTILES[0] else None
            name = f"append and read back, p{percent}, {how}"
            own = Figure(self.place.kind, name, "ms", tuple(floor[percent]))
            spawn_name = f"two-NIC spawn, p{percent}, {how}"
            top = Figure(self.place.kind, spawn_name, "ms", tuple(spawned[percent]))
            figures += [against(top, own, goal), own]
        return figures
