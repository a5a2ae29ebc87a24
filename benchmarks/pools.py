"""Does a spawn cost the same in a full network as in an empty one, and a /8 what a /28 costs?

In memory and in CPU time: no log, no other process. A full network is one whose pool gave away all but some
addresses, through its own operations, to one holder; in the fullest one every address has been used, and the
free ones lie anywhere. Sixteen million instances around it would not change what a spawn looks at.
"""

from collections.abc import Iterator
from itertools import islice
from random import Random

from benchmarks.cell import Cell, no_garbage_collection
from benchmarks.effort import Effort
from benchmarks.logs import Tell
from benchmarks.results import Figure, against, at_least
from benchmarks.workload import create_network, delete, spawn
from projections.cell.state import Allocation, Network
from services.allocator.runner import now_ms

FILLS = (0.5, 0.9, 0.999)
"""Parts of the addresses that are held."""

EMPTY_ID = "0195f3c0-7a2b-7c3d-9e4f-000000000001"
FULL_ID = "0195f3c0-7a2b-7c3d-9e4f-000000000002"
SMALL_PREFIX = 16
CREATIONS = 50
TAKEN_AT_ONCE = 10_000
US_PER_S = 1_000_000.0
_HOLDER = Allocation("a", FULL_ID, 0, 0, "", "", "", "")


def pools(effort: Effort, tell: Tell) -> list[Figure]:
    """Measure spawns in networks of two sizes at every fill, each against the same network empty."""
    figures: list[Figure] = []
    for prefix in (SMALL_PREFIX, effort.large_prefix):
        with no_garbage_collection():
            figures += _fills(prefix, effort, tell)
    return figures


def _fills(prefix: int, effort: Effort, tell: Tell) -> Iterator[Figure]:
    tell(f"spawns in a /{prefix}")
    cell = Cell()
    ids = (EMPTY_ID, FULL_ID)
    cell.decide(
        [create_network(network, f"{number}.0.0.0/{prefix}") for number, network in enumerate(ids, 10)]
    )
    state = cell.engine.state
    if state is None:
        raise AssertionError("the cell has no state")
    for fill in FILLS:
        tell(f"filling a /{prefix} to {fill:.1%}")
        _fill(state.networks[FULL_ID], fill)
        tell(f"spawns in a /{prefix} of which {fill:.1%} are held")
        empty, full = _compare(cell, effort)
        floor = Figure(f"/{prefix}", f"spawns, {0:.0%} held beside {fill:.1%}", "1/s", empty)
        yield against(Figure(f"/{prefix}", f"spawns, {fill:.1%} held", "1/s", full), floor, at_least(0.9))
        yield floor


def _fill(network: Network, fill: float) -> None:
    """Let so many addresses be held; in the fullest network the free ones lie anywhere, and all were used."""
    pool = network.pool
    free = round(pool.capacity * (1 - fill))
    scattered = fill == max(FILLS)
    while excess := pool.free - (0 if scattered else free):
        for address in list(islice(pool.candidates(now_ms()), min(excess, TAKEN_AT_ONCE))):
            pool.take(address, _HOLDER)
    random = Random(fill)
    first, last = network.block or (0, 0)
    while pool.free < free:
        address = random.randint(first, last)
        if address in pool.held:
            pool.give_back(address, 0)


def _compare(cell: Cell, effort: Effort) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return spawns per second in the empty and in the full network, round by round, in turns."""
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(effort.pool_rounds):
        for network, into in zip((EMPTY_ID, FULL_ID), rates, strict=True):
            spawns = [spawn(number, (network,)) for number in range(effort.pool_spawns)]
            into.append(len(spawns) / cell.decide(spawns))
            cell.decide([delete(spawned) for spawned in spawns])
    return tuple(rates[0]), tuple(rates[1])
