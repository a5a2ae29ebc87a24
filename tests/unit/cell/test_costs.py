"""What a decision costs, in bytecodes: the same for a /8 as for a /28, and among any number of others."""

from collections.abc import Callable

import pytest

from events.ids import CommandDraws, uuid7
from projections.cell.apply import apply_decision
from projections.cell.decide import decide_command
from projections.cell.state import Rules
from tests.unit.given import START_MS, Message, Scenario, given
from tests.unit.group_wishes import add_rules, letting
from tests.unit.opcodes import count
from tests.unit.wishes import (
    add_network,
    create,
    delete,
    floating_allocate,
    floating_create,
    nic,
    quota,
    register,
    spawn,
    uid,
    vlan,
)

COMPARED = 8
"""Bytecodes of one step of a bisection with a key."""


@pytest.fixture(autouse=True, scope="module")
def warm() -> None:
    """Fill the caches of the process, so that no test's first spawn pays for them."""
    given(create("net")).when(spawn("vm", nic("net")))


def cost(scenario: Scenario, message: Message, rules: Rules | None = None) -> int:
    """Return what deciding on a command and applying the decision cost."""
    state = scenario.state

    def work() -> None:
        decision = decide_command(state, message, rules or Rules(), CommandDraws(message.id), START_MS)  # type: ignore[arg-type]  # no report is sent here
        apply_decision(state, state.seq + 1, scenario.now_ms, (message.id, "d"), decision)

    return count(work)


def command(message: Message, number: int) -> Message:
    """Return a command with an id of its own, which costs what any other id does."""
    return message.model_copy(update={"id": uuid7(START_MS, number)})


@pytest.mark.parametrize(
    "make", [lambda block: create("x", block), floating_create], ids=["network", "floating IPs"]
)
def test_creating_costs_the_same_whatever_the_size(make: Callable[[str], Message]) -> None:
    """There is no row per address."""
    small, huge = (cost(given(), make(block)) for block in ("10.0.0.0/28", "10.0.0.0/8"))

    assert huge == small


@pytest.mark.parametrize("address", [None, "10.0.0.9"])
def test_taking_and_giving_back_cost_the_same_whatever_the_size(address: str | None) -> None:
    """The next address, a named one, and giving it back."""
    costs = []
    for block in ("10.0.0.0/28", "10.0.0.0/28", "10.0.0.0/8"):  # the first fills caches
        scenario = given(create("net", block))
        costs.append((cost(scenario, spawn("vm", nic("net", address))), cost(scenario, delete("vm"))))

    assert costs[1] == costs[2]


def test_taking_costs_the_same_however_many_networks_there_are() -> None:
    """Nothing that a spawn needs is searched for."""
    few, many = (
        given(*(create(f"n{number}", f"10.{number}.0.0/24") for number in range(networks)))
        for networks in (2, 60)
    )
    few_cost, many_cost = (cost(scenario, spawn("vm", nic("n0"), nic("n1"))) for scenario in (few, many))

    assert many_cost == few_cost


def test_taking_costs_the_same_however_many_are_taken() -> None:
    """The thousandth instance costs what the first one does."""
    scenario = given(create("net", "10.0.0.0/16"))
    state = scenario.state
    costs = [
        cost(
            scenario,
            command(spawn("vm", nic("net")).model_copy(update={"instance_uuid": uid(f"vm{number}")}), number),
        )
        for number in range(500)
    ]

    assert len(state.instances) == 500
    assert max(costs[1:]) <= min(costs) * 1.05


def test_a_spawn_with_a_name_and_a_floating_ip_costs_the_same_however_many_have_them() -> None:
    """Names and automatic addresses are found by key too, and go back by key."""
    rules = Rules(instance_dns_domain="cloud.example", auto_assign_floating_ip=True)
    scenario = given(create("net", "10.0.0.0/16"), floating_create("10.9.0.0/16"), rules=rules)
    spawned, deleted = [], []
    for number in range(200):
        wish = spawn(f"vm{number}", nic("net"), display_name=f"n{number:03}")
        spawned.append(cost(scenario, command(wish, 2 * number), rules))
        if number % 50 == 1:
            deleted.append(cost(scenario, command(delete(f"vm{number}"), 2 * number + 1), rules))

    assert len(scenario.state.names.entries) == 2 * 196
    assert max(spawned[1:]) <= min(spawned) * 1.05
    assert max(deleted[1:]) <= min(deleted[1:]) * 1.05


def test_a_floating_ip_costs_the_same_however_many_ranges_there_are() -> None:
    """All of one pool, and most of them used up."""
    costs = []
    for ranges in (1, 1, 200):  # the first fills caches
        scenario = given(
            *(floating_create(f"10.0.{number}.9") for number in range(ranges)),
            quota("red", floating_ips=1000),
        )
        scenario.happens(*(floating_allocate() for _ in range(ranges - 1)))
        costs.append((cost(scenario, floating_allocate()), len(scenario.state.floating_ips)))
        assert costs[-1][1] == ranges

    assert costs[2][0] <= costs[1][0] + 8 * COMPARED  # the range is found by bisection


def test_a_floating_ip_costs_the_same_however_many_are_taken() -> None:
    """In a pool of one range."""
    scenario = given(floating_create("10.0.0.0/16"), quota("red", floating_ips=1000))
    costs = [cost(scenario, command(floating_allocate(), number)) for number in range(200)]

    assert max(costs[1:]) <= min(costs) * 1.05


def test_a_network_on_demand_costs_the_same_however_many_there_are() -> None:
    """Neither those of nobody nor those of other projects are looked at."""
    few, many = (given(*(vlan(f"v{number}", number) for number in range(networks))) for networks in (4, 120))
    for scenario, networks in ((few, 4), (many, 120)):
        scenario.happens(*(add_network(f"p{number}") for number in range(networks // 2)))
    few_cost, many_cost = (cost(scenario, spawn("vm", host="h1")) for scenario in (few, many))

    assert many_cost == few_cost


def test_a_spawn_and_a_delete_cost_the_same_however_many_are_in_the_group() -> None:
    """Members are counted by host and never walked through, also where a rule names their group."""
    costs = []
    for members in (2, 2, 300):  # the first fills caches
        scenario = given(create("net", "10.0.0.0/16"), register("h1"))
        scenario.happens(add_rules("default", letting(None, None, group_id="default")))
        for number in range(members):
            cost(scenario, command(spawn(f"vm{number}", nic("net")), number))
        costs.append(
            (
                cost(scenario, command(spawn("vm", nic("net")), members)),
                cost(scenario, command(delete("vm"), members + 1)),
            )
        )

    assert costs[2][0] <= costs[1][0] * 1.05
    assert costs[2][1] <= costs[1][1] * 1.05
