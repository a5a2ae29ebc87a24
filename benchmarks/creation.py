"""What does it cost to create a network or a pool, for a large block and for a small one?

Through the engine, in memory and in CPU time: the record is encoded and read back, but there is no log.
"""

from collections.abc import Callable, Sequence

from benchmarks.cell import Cell, no_garbage_collection
from benchmarks.effort import Effort
from benchmarks.logs import Tell
from benchmarks.results import Figure, against, at_most
from benchmarks.workload import (
    create_floating_ips,
    create_network,
    create_vlans,
    delete_floating_ips,
    delete_network,
)
from events.ids import uuid7
from events.log.port import Message
from services.allocator.runner import now_ms

CREATIONS = 50
VLANS = 4_000
FEW_VLANS = 40
US_PER_S = 1_000_000.0
SMALL_PREFIX = 28


def creation(effort: Effort, tell: Tell) -> list[Figure]:
    """Measure a /8 and a /28 as networks, a /12 and a /28 as floating IPs, thousands of VLANs and a few."""
    with no_garbage_collection():
        tell("creating networks")
        networks = _compared(_networks, "creating a /{}", 8, effort)
        tell("creating floating IPs")
        floating = _compared(_floating_ips, "creating floating IPs of a /{}", 12, effort)
        return [*networks, *floating, *_vlans(effort, tell)]


Wishes = tuple[Sequence[Message], Sequence[Message]]
"""Commands that create, and those that delete what they created."""


def _networks(prefix: int) -> Wishes:
    ids = [uuid7(now_ms()) for _ in range(CREATIONS)]
    blocks = [f"{number + 10}.0.0.0/{prefix}" for number in range(CREATIONS)]
    return [create_network(*pair) for pair in zip(ids, blocks, strict=True)], [*map(delete_network, ids)]


def _floating_ips(prefix: int) -> Wishes:
    blocks = [f"{number + 10}.16.0.0/{prefix}" for number in range(CREATIONS)]
    return [*map(create_floating_ips, blocks)], [*map(delete_floating_ips, blocks)]


def _compared(wishes: Callable[[int], Wishes], name: str, large: int, effort: Effort) -> list[Figure]:
    costs: dict[int, list[float]] = {large: [], SMALL_PREFIX: []}
    cell = Cell()
    for _ in range(effort.pool_rounds):
        for prefix, into in costs.items():
            creations, deletions = wishes(prefix)
            into.append(US_PER_S * cell.decide(creations) / CREATIONS)
            cell.decide(deletions)
    small = Figure("networks", name.format(SMALL_PREFIX), "us", tuple(costs[SMALL_PREFIX]))
    return [
        against(Figure("networks", name.format(large), "us", tuple(costs[large])), small, at_most(1.1)),
        small,
    ]


def _vlans(effort: Effort, tell: Tell) -> list[Figure]:
    """Measure one decision on thousands of VLAN networks, for each of them."""
    costs: dict[int, list[float]] = {VLANS: [], FEW_VLANS: []}
    for _ in range(effort.rounds):
        for number, into in costs.items():
            tell(f"creating {number:,} VLAN networks in one decision")
            into.append(US_PER_S * Cell().decide([create_vlans(number)]) / number)
    few = Figure("networks", f"a VLAN network of {FEW_VLANS} in one decision", "us", tuple(costs[FEW_VLANS]))
    many = Figure("networks", f"a VLAN network of {VLANS:,} in one decision", "us", tuple(costs[VLANS]))
    return [against(many, few, at_most(2.0)), few]
