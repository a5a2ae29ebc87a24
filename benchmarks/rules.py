"""What do the rules cost? Two-NIC spawns through the engine, with all of them on, beside a cell with none."""

from benchmarks.cell import Cell, no_garbage_collection
from benchmarks.effort import Effort
from benchmarks.logs import Tell
from benchmarks.results import Figure, against, at_least
from benchmarks.workload import create_groups, create_networks, delete, spawn
from projections.cell.state import Rules

ON = Rules(quota_fixed_ips=1_000_000, instance_dns_domain="bench.example")
"""A quota that is counted and never reached, and two DNS names for each instance."""

GROUPS = ("web", "ssh")
"""Security groups that each instance is put into; without them it is in its project's default group."""


def rules(effort: Effort, tell: Tell) -> list[Figure]:
    """Measure spawns in two cells in turns."""
    cells = (Cell(ON), Cell(Rules()))
    rates: tuple[list[float], list[float]] = ([], [])
    with no_garbage_collection():
        for cell in cells:
            cell.decide(create_networks())
        cells[0].decide(create_groups(GROUPS))
        groups: tuple[tuple[str, ...], ...] = (GROUPS, ())
        for number in range(effort.scale_rounds):
            tell(f"spawns with rules on and off, round {number + 1}")
            for cell, into, names in zip(cells, rates, groups, strict=True):
                spawns = [
                    spawn(one, display_name=f"vm {one}", security_groups=names)
                    for one in range(effort.scale_pairs)
                ]
                into.append(len(spawns) / cell.decide(spawns))
                cell.decide([delete(spawned) for spawned in spawns])
    off = Figure("rules", "two-NIC spawns, rules off", "1/s", tuple(rates[1]))
    on = Figure("rules", "two-NIC spawns, quota, DNS and groups on", "1/s", tuple(rates[0]))
    return [against(on, off, at_least(0.8)), off]
