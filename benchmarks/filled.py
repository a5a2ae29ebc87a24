"""A cell with many held addresses: starting its allocator again, and projecting it into tables."""

from collections.abc import Callable
from time import perf_counter, sleep

from benchmarks import servers
from benchmarks.caller import Caller, NoAnswer
from benchmarks.effort import Effort
from benchmarks.logs import Tell
from benchmarks.places import Place, new_cell
from benchmarks.results import Figure, against, at_least
from benchmarks.workload import NETWORKS, create_networks, spawn
from events.log.port import Log
from projections.ipam.connection import Reader
from projections.ipam.errors import IpamError
from projections.ipam.queries import status
from services.allocator.topics import CellTopics

FILL_AT_ONCE = 10_000
READ_AT_ONCE = 1000
LOOK_S = 0.02
PATIENCE_S = 120.0
ROUNDS_MAX = 3
"""Rounds of a restart, which takes seconds."""


class FilledCell:
    """A cell whose ledger holds `effort.held` addresses, and no allocator yet."""

    def __init__(self, place: Place, log: Log, effort: Effort, tell: Tell) -> None:
        """Spawn instances until enough addresses are held."""
        self.place = place
        self.log = log
        self.topics = new_cell(log)
        self._effort = effort
        self._tell = tell
        self._spawned = 0
        tell(f"filling a cell with {effort.held:,} held addresses")
        self.spawn_rate = self._spawn(effort.held // len(NETWORKS), begin=True)

    def _spawn(self, count: int, *, begin: bool = False) -> float:
        """Spawn that many instances with an allocator of its own; return spawns per second."""
        with self.caller() as caller, servers.running(servers.allocator, self.place, self.topics):
            caller.skip(1)
            if begin:
                caller.take_turns(create_networks(), 1)
            return self.stream(caller, count)

    def stream(self, caller: Caller, count: int) -> float:
        """Spawn that many instances; return spawns per second."""
        seconds = 0.0
        for first in range(0, count, FILL_AT_ONCE):
            numbers = range(self._spawned + first, self._spawned + min(first + FILL_AT_ONCE, count))
            seconds += caller.stream([spawn(number) for number in numbers])
        self._spawned += count
        return count / seconds

    def caller(self) -> Caller:
        """Return a caller of this cell."""
        return Caller(self.log, self.topics.commands, self.topics.ledger, checked=True)

    # --- Starting again -------------------------------------------------------------------------------------

    def restart(self) -> list[Figure]:
        """Measure from the start of the process to its claim, with a full and with an empty cell."""
        held = f"{self._effort.held:,} held addresses"
        full: list[float] = []
        empty: list[float] = []
        reading: list[float] = []
        for number in range(min(self._effort.rounds, ROUNDS_MAX)):
            self._tell(f"starting again with {held}, round {number + 1}")
            reading.append(self._read())
            empty.append(self._start(new_cell(self.log)))
            full.append(self._start(self.topics))
        floor = self._figure(f"reading the records of {held}", reading)
        start = self._figure("starting an allocator with an empty ledger", empty)
        return [against(self._figure(f"starting an allocator with {held}", full), floor), floor, start]

    def _start(self, topics: CellTopics) -> float:
        with Caller(self.log, topics.commands, topics.ledger, checked=True) as caller:
            began = perf_counter()
            with servers.running(servers.allocator, self.place, topics):
                caller.skip(1)
                return perf_counter() - began

    def _read(self) -> float:
        """Return how long it takes to read the ledger and do nothing with it."""
        end = self.log.bounds(self.topics.ledger).end
        began = perf_counter()
        feed = self.log.follow({self.topics.ledger: 0})
        while end > 0:
            end -= len(feed.poll(READ_AT_ONCE, 1.0))
        feed.close()
        return perf_counter() - began

    def _figure(self, name: str, samples: list[float]) -> Figure:
        return Figure(self.place.kind, name, "s", tuple(samples))

    # --- Projecting -----------------------------------------------------------------------------------------

    def projector(self) -> list[Figure]:
        """Measure how fast the tables catch up, and how far behind they are while the allocator is busy."""
        self._tell("projecting everything so far")
        with servers.running(servers.projector, self.place, self.topics):
            self._await_seq(1)
            behind_from, began = self._seq(), perf_counter()
            end = self._spawned + len(NETWORKS)
            self._await_seq(end)
            rate = (end - behind_from) / (perf_counter() - began)
            alone = Figure(self.place.kind, "projector, catching up", "1/s", (rate,))
            floor = Figure(self.place.kind, "allocator, sustained while filling", "1/s", (self.spawn_rate,))
            return [against(alone, floor, at_least(1.0)), floor, *self._side_by_side()]

    def _side_by_side(self) -> list[Figure]:
        """Let the allocator decide an open stream while the projector follows, up to the same decision."""
        decided: list[float] = []
        projected: list[float] = []
        with self.caller() as caller, servers.running(servers.allocator, self.place, self.topics):
            caller.skip(1)
            for number in range(min(self._effort.rounds, ROUNDS_MAX)):
                self._tell(f"projecting beside a busy allocator, round {number + 1}")
                count = max(self._effort.warm_up, int(self.spawn_rate * self._effort.stream_s))
                began, seq = perf_counter(), self._seq()
                decided.append(self.stream(caller, count))
                self._await_seq(seq + count)
                projected.append(count / (perf_counter() - began))
        top = Figure(self.place.kind, "projector beside a busy allocator", "1/s", tuple(projected))
        floor = Figure(self.place.kind, "allocator beside the projector", "1/s", tuple(decided))
        return [against(top, floor, at_least(0.9)), floor]

    def _seq(self) -> int:
        with Reader(self.place.address, self.topics.cell) as reader:
            row = status(reader)
        return 0 if row is None else int(row["seq"])

    def _await_seq(self, seq: int) -> None:
        """Wait until the tables are at a position."""
        _wait(lambda: self._seq() >= seq, f"the tables did not reach position {seq}")


def _wait(is_so: Callable[[], bool], otherwise: str) -> None:
    give_up_at = perf_counter() + PATIENCE_S
    while perf_counter() < give_up_at:
        try:
            if is_so():
                return
        except IpamError:  # the projector has not created the tables yet
            pass
        sleep(LOOK_S)
    raise NoAnswer(f"{otherwise} in {PATIENCE_S:g} s")
