"""Does a decision cost the same among a million held addresses as among a thousand, and what does one take?

In CPU time and in bytecodes, decide and apply alone. The large cell and the small one take turns, and hold as
many addresses in each of their networks. What churn leaves behind is measured on a /8.
"""

from collections.abc import Callable
from gc import collect
from random import Random
from statistics import median
from time import process_time

from benchmarks.bare import PAGE_BYTES, Bare, read, resident_bytes
from benchmarks.cell import no_garbage_collection
from benchmarks.effort import Effort
from benchmarks.logs import Tell
from benchmarks.results import Figure, against, at_most
from benchmarks.workload import PROJECTS, create_network, delete, spawn
from events.catalog import AnyCommand
from events.ids import uuid7
from services.allocator.runner import now_ms
from tests.unit.opcodes import count

SMALL_HELD = 1_000
HELD_IN_A_NETWORK = 100
NICS = 2
HELD_BYTES_MAX = 1_500.0
"""Goal for a held fixed IP with its NIC and its share of its instance."""
US_PER_S = 1_000_000.0
BYTES_PER_MB = 1_000_000.0


class FilledState:
    """A state that holds addresses, and what is asked of it next."""

    def __init__(self, held: int) -> None:
        """Spawn two-NIC instances until so many addresses are held, spread over all networks."""
        self.cell = Bare()
        self._networks = self.cell.create_networks(held // HELD_IN_A_NETWORK)
        self._random = Random(held)
        before = resident_bytes()
        for number in range(held // NICS):
            at = number * NICS % len(self._networks)
            nics = (self._networks[at], self._networks[at + 1])
            self.cell.decide_and_read_back(read(spawn(number, nics)))
        collect()
        self.bytes_held = (resident_bytes() - before) / held

    def wishes(self) -> tuple[AnyCommand, AnyCommand]:
        """Return a spawn on any two networks, and the deletion of its instance."""
        first, second = self._random.sample(self._networks, NICS)
        spawned = spawn(self._random.randrange(PROJECTS), (first, second))
        return read(spawned), read(delete(spawned))

    def time_us(self, pairs: int) -> float:
        """Return the CPU time of a spawn and its deletion, in us."""
        wished = [self.wishes() for _ in range(pairs)]
        began = process_time()
        for spawned, deleted in wished:
            self.cell.decide(spawned)
            self.cell.decide(deleted)
        return US_PER_S * (process_time() - began) / pairs

    def bytecodes(self, pairs: int) -> float:
        """Return how many bytecodes a spawn and its deletion execute, in the middle of several."""
        return median(count(self._work(*self.wishes())) for _ in range(pairs))

    def _work(self, spawned: AnyCommand, deleted: AnyCommand) -> Callable[[], None]:
        def work() -> None:
            self.cell.decide(spawned)
            self.cell.decide(deleted)

        return work


def scale(effort: Effort, tell: Tell) -> list[Figure]:
    """Measure decisions and memory of a small and of a large cell, and what churn leaves behind."""
    with no_garbage_collection():
        churned, kept = churn(effort, tell)  # kept, so that what is filled next takes its own memory
        tell(f"filling a cell with {effort.scale_held:,} held addresses")
        large = FilledState(effort.scale_held)
        small = FilledState(SMALL_HELD)
        figures = [*_compared(small, large, effort, tell), _memory(large, effort), *churned]
        del kept
        return figures


def _memory(large: FilledState, effort: Effort) -> Figure:
    held = Figure("scale", f"memory of a held fixed IP, {effort.scale_held:,} held", "B", (large.bytes_held,))
    most = Figure("scale", f"{HELD_BYTES_MAX:,.0f} bytes", "B", (HELD_BYTES_MAX,))
    return against(held, most, at_most(1.0))


def _compared(small: FilledState, large: FilledState, effort: Effort, tell: Tell) -> list[Figure]:
    times: tuple[list[float], list[float]] = ([], [])
    codes: tuple[list[float], list[float]] = ([], [])
    for number in range(effort.scale_rounds):
        tell(f"deciding among {SMALL_HELD:,} and {effort.scale_held:,} held addresses, round {number + 1}")
        for state, time, code in zip((small, large), times, codes, strict=True):
            time.append(state.time_us(effort.scale_pairs))
            code.append(state.bytecodes(effort.scale_counted))
    few, many = f"{SMALL_HELD:,} held", f"{effort.scale_held:,} held"
    floor = Figure("scale", f"spawn and delete, {few}", "us", tuple(times[0]))
    counted = Figure("scale", f"spawn and delete, {few}, bytecodes", "", tuple(codes[0]))
    late = Figure("scale", f"spawn and delete, {many}", "us", tuple(times[1]))
    late_counted = Figure("scale", f"spawn and delete, {many}, bytecodes", "", tuple(codes[1]))
    return [
        against(late, floor, at_most(2.0)),
        floor,
        against(late_counted, counted, at_most(1.1)),
        counted,
    ]


def churn(effort: Effort, tell: Tell) -> tuple[list[Figure], Bare]:
    """Measure the memory taken after a tenth of many spawns and deletions on a /8, and after all.

    Returns the cell, too.
    """
    cell, network = Bare(), uuid7(now_ms())
    cell.decide(read(create_network(network, "10.0.0.0/8")))
    tenth = effort.churns // 10
    before = resident_bytes()
    taken: list[float] = []
    for number in range(1, effort.churns + 1):
        spawned = spawn(number, (network,))
        cell.decide(read(spawned))
        cell.decide(read(delete(spawned)))
        if number % tenth == 0:
            tell(f"{number:,} of {effort.churns:,} spawns and deletions on a /8")
            collect()
            taken.append(max(PAGE_BYTES, resident_bytes() - before) / BYTES_PER_MB)
    early = Figure("scale", f"memory after {tenth:,} spawns and deletions", "MB", (taken[0],))
    late = Figure("scale", f"memory after {effort.churns:,} spawns and deletions", "MB", (taken[-1],))
    return [against(late, early, at_most(1.5)), early], cell
