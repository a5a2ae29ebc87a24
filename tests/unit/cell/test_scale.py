"""What a decision costs does not grow with what else there is: in bytecodes, the same on every machine."""

from collections.abc import Callable
from statistics import median

from benchmarks.bare import Bare, read
from benchmarks.workload import create_network, delete, spawn
from events.catalog import AnyCommand
from events.ids import uuid7
from events.networks import NetworkCreated
from tests.unit.given import START_MS, given
from tests.unit.opcodes import count
from tests.unit.wishes import create


def cost(networks: int, held: int) -> tuple[float, float]:
    """Return what a two-NIC spawn and its deletion cost in a cell with networks that hold addresses."""
    cell = Bare()
    ids = cell.create_networks(networks)
    for number in range(held // 2):
        cell.decide(read(spawn(number, (ids[number % networks], ids[(number + 1) % networks]))))
    wishes = [spawn(number, (ids[0], ids[-1])) for number in range(9)]
    spawning = [count(deciding(cell, read(wish))) for wish in wishes]
    deleting = [count(deciding(cell, read(delete(wish)))) for wish in wishes]
    return median(spawning), median(deleting)


def deciding(cell: Bare, command: AnyCommand) -> Callable[[], None]:
    """Return what is to be measured."""
    return lambda: cell.decide(command)


def test_failure_23_a_spawn_costs_the_same_among_many_addresses_and_networks() -> None:
    """In nova a query took seconds among 300,000 addresses, since each had a row (bug 1369009)."""
    few, many = cost(2, 10), cost(300, 3_000)

    assert many[0] <= few[0] * 1.1
    assert many[1] <= few[1] * 1.1


def test_failure_23_a_network_stores_what_is_used_and_not_what_is_free() -> None:
    """A /8 is one fact with a handful of ranges, and one address taken is one entry."""
    scenario = given(create("huge", "10.0.0.0/8"))
    (network,) = scenario.state.networks.values()
    cell = Bare()
    wish = read(create_network(uuid7(START_MS), "11.0.0.0/8"))
    assert count(deciding(cell, wish)) < 10_000

    assert isinstance(network.plan, NetworkCreated)
    assert (len(network.plan.reserved), len(network.pool.held), network.pool.free) == (2, 0, (1 << 24) - 3)


def test_failure_23_churn_leaves_nothing_behind() -> None:
    """Spawns and deletions go round in the same room."""
    cell, network = Bare(), uuid7(START_MS)
    cell.decide(read(create_network(network, "10.0.0.0/8")))
    for number in range(200):
        spawned = spawn(number, (network,))
        cell.decide(read(spawned))
        cell.decide(read(delete(spawned)))

    state = cell.state
    assert (state.instances, state.allocations, state.macs, state.deadlines) == ({}, {}, {}, {})
    assert not state.networks[network].pool.held
