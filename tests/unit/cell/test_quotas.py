"""Quotas: the last unit is given once, and what is used is what there is (nova-network.md section 7.8)."""

import random

import pytest

from events.errors import InvariantBroken
from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated
from events.floating_ips import FloatingIpAllocated, FloatingIpReleased
from events.instances import InstanceDeleted, InstanceSpawned
from events.networks import NetworkCreated, NetworkDeleted
from events.quotas import QuotaSet
from events.refusals import Code, Refusal
from projections.cell.state import Rules
from tests.unit.given import Later, Message, Scenario, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    add_ip,
    add_network,
    applied,
    associate,
    create,
    delete,
    delete_network,
    floating_allocate,
    floating_create,
    floating_release,
    modify,
    nic,
    quota,
    register,
    remove_ip,
    spawn,
    vlan,
)

LIMITED = Rules(quota_fixed_ips=2, quota_floating_ips=1)


def cell(*more: Message, rules: Rules = LIMITED) -> Scenario:
    """Return a cell with two networks, floating IPs and a host, where more happened."""
    return given(
        create("net", "10.0.0.0/24"),
        create("lan", "10.0.1.0/24"),
        floating_create("192.0.2.0/28"),
        register(),
        *more,
        rules=rules,
    )


# --- Fixed IPs --------------------------------------------------------------------------------------------


def test_a_spawn_beyond_the_quota_is_refused_whole() -> None:
    """No NIC of it stays: with one address left, two NICs are not one."""
    cell(spawn("one", nic("net"))).when(spawn("two", nic("net"), nic("lan"))).then(
        refused(Code.FIXED_IP_LIMIT_EXCEEDED, "project_id", "'red'", "has 1", "may have 2")
    )


def test_the_last_unit_is_given_once() -> None:
    """The second of two commands finds it gone, the third finds it back."""
    scenario = cell(spawn("one", nic("net")))

    scenario.when(spawn("two", nic("net"))).of(InstanceSpawned)
    scenario.when(spawn("three", nic("net"))).then(refused(Code.FIXED_IP_LIMIT_EXCEEDED, "project_id"))
    scenario.when(delete("one")).of(InstanceDeleted)
    scenario.when(spawn("three", nic("net"))).of(InstanceSpawned)


def test_an_added_address_counts() -> None:
    """As nova's allocate_fixed_ip did, of which both are made."""
    scenario = cell(spawn("vm", nic("net")), add_ip("vm", "net"))

    scenario.when(add_ip("vm", "net")).then(refused(Code.FIXED_IP_LIMIT_EXCEEDED, "instance_uuid"))
    scenario.when(remove_ip("vm", "10.0.0.2")).of(FixedIpDeallocated)
    scenario.when(add_ip("vm", "net")).of(FixedIpAllocated)


def test_a_draining_address_counts_no_more() -> None:
    """The instance has lost it; how long its hosts take to let go is not the project's matter."""
    scenario = cell(spawn("one", nic("net"), nic("lan")), delete("one"))
    assert [one.draining for one in scenario.state.allocations.values()] == [True, True]

    scenario.when(spawn("two", nic("net"), nic("lan"))).of(InstanceSpawned)


def test_quotas_are_per_project() -> None:
    """What red has does not count for blue; an admin's spawn counts for the instance's project."""
    scenario = cell(spawn("one", nic("net"), nic("lan")))

    scenario.when(spawn("bobs", nic("net"), actor=BOB, project="blue")).of(InstanceSpawned)
    scenario.when(spawn("two", nic("net"), actor=ADMIN)).then(
        refused(Code.FIXED_IP_LIMIT_EXCEEDED, "project_id")
    )


def test_a_repeated_spawn_is_not_counted_again() -> None:
    """The answer stays the same also at the limit."""
    cell(spawn("one", nic("net"), nic("lan"))).when(spawn("one", nic("net"), nic("lan"))).then()


def test_without_a_limit_nothing_is_refused() -> None:
    """Nova's default for fixed IPs is -1."""
    scenario = cell(rules=Rules())
    for number in range(20):
        scenario.when(spawn(f"vm{number}", nic("net"))).of(InstanceSpawned)


def test_a_limit_of_zero_gives_nothing() -> None:
    """But an instance without NICs has nothing."""
    scenario = given(quota("red", fixed_ips=0))

    scenario.when(spawn("bare")).then(fact(InstanceSpawned))
    scenario.happens(create("net")).when(spawn("vm")).then(
        refused(Code.FIXED_IP_LIMIT_EXCEEDED, "project_id", "may have 0")
    )


# --- Floating IPs -----------------------------------------------------------------------------------------


def test_floating_ips_are_limited() -> None:
    """Nova's default is 10; a released one may be allocated again."""
    scenario = cell(floating_allocate())

    scenario.when(floating_allocate()).then(
        refused(Code.FLOATING_IP_LIMIT_EXCEEDED, "project_id", "floating IPs")
    )
    scenario.when(floating_allocate(ADMIN, "red")).then(
        refused(Code.FLOATING_IP_LIMIT_EXCEEDED, "project_id")
    )
    scenario.when(floating_release("192.0.2.1")).then(fact(FloatingIpReleased))
    scenario.when(floating_allocate()).then(fact(FloatingIpAllocated))


def test_the_default_limit_of_floating_ips_is_novas() -> None:
    """Ten, and the eleventh is refused."""
    cell(*(floating_allocate() for _ in range(10)), rules=Rules()).when(floating_allocate()).then(
        refused(Code.FLOATING_IP_LIMIT_EXCEEDED, "project_id", "has 10", "may have 10")
    )


# --- Limits -----------------------------------------------------------------------------------------------


def test_an_admin_gives_a_project_limits_of_its_own() -> None:
    """One event for each that changes, in one order; the default ones hold for everybody else."""
    scenario = cell()

    scenario.when(quota("red", networks=7, floating_ips=2, fixed_ips=-1)).then(
        fact(QuotaSet, project_id="red", resource="fixed_ips", limit=-1),
        fact(QuotaSet, project_id="red", resource="floating_ips", limit=2),
        fact(QuotaSet, project_id="red", resource="networks", limit=7),
    )
    scenario.when(quota("red", floating_ips=2, fixed_ips=-1)).then()
    scenario.happens(floating_allocate(), floating_allocate())
    scenario.when(floating_allocate()).then(refused(Code.FLOATING_IP_LIMIT_EXCEEDED, "project_id"))
    scenario.happens(floating_allocate(BOB, "blue")).when(floating_allocate(BOB, "blue")).then(
        refused(Code.FLOATING_IP_LIMIT_EXCEEDED, "project_id", "may have 1")
    )


def test_a_limit_is_taken_back() -> None:
    """The default one holds again; without one, nothing changes."""
    scenario = cell(quota("red", floating_ips=5))

    scenario.when(quota("red", reset=("floating_ips", "fixed_ips"))).then(
        fact(QuotaSet, project_id="red", resource="floating_ips", limit=None)
    )
    scenario.happens(floating_allocate()).when(floating_allocate()).then(
        refused(Code.FLOATING_IP_LIMIT_EXCEEDED, "project_id", "may have 1")
    )


def test_a_limit_below_what_there_is_takes_nothing_away() -> None:
    """It only lets nothing more be taken, until as much was given back."""
    scenario = cell(spawn("one", nic("net"), nic("lan")), quota("red", fixed_ips=1))

    assert len(scenario.state.allocations) == 2
    scenario.happens(remove_ip("one", "10.0.0.2")).when(add_ip("one", "net")).then(
        refused(Code.FIXED_IP_LIMIT_EXCEEDED, "instance_uuid", "has 1", "may have 1")
    )


@pytest.mark.parametrize("actor", [ANN, BOB])
def test_only_an_admin_sets_quotas(actor: object) -> None:
    """Not even of its own project, and none of another one."""
    given().when(quota("red", fixed_ips=9).model_copy(update={"actor": actor})).then(
        refused(Code.FORBIDDEN, "actor.is_admin")
    )


def test_a_command_says_one_thing_of_a_resource_and_something_at_all() -> None:
    """Set and taken away at once is neither; nothing is nothing."""
    given().when(quota("red", fixed_ips=9, reset=("fixed_ips",))).then(
        refused(Code.INVALID_INPUT, "reset", "fixed_ips")
    )
    given().when(quota("red")).then(refused(Code.INVALID_INPUT, "limits", "floating_ips"))


def test_giving_back_what_a_project_does_not_have_is_no_history() -> None:
    """A record that says so is of another ledger."""
    scenario = cell(floating_allocate())
    with pytest.raises(InvariantBroken, match="does not have"):
        scenario.happens(FloatingIpReleased(address="192.0.2.1", pool="nova", project_id="blue"))


# --- Never out of step ------------------------------------------------------------------------------------


def test_a_projects_networks_are_counted() -> None:
    """From their creation to their deletion."""
    scenario = given(create("mine", project_id="red"))
    assert scenario.state.usage["networks"] == {"red": 1}

    scenario.when(delete_network("mine", require_disassociated=False)).of(NetworkDeleted)
    assert scenario.state.usage["networks"] == {}
    scenario.when(create("nobodys", "10.9.0.0/24")).of(NetworkCreated)
    assert scenario.state.usage["networks"] == {}


LIMITED_NETWORKS = Rules(enable_network_quota=True, quota_networks=1)


@pytest.mark.parametrize(
    "wish",
    [
        create("more", "10.8.0.0/24", project_id="red"),
        create("more", "10.8.0.0/24", uuid=None, project_id="red", num_networks=2),
        add_network("red"),
        modify("open", project_id="red"),
    ],
)
def test_a_project_has_no_more_networks_than_it_may(wish: Message) -> None:
    """By whichever way it would get one; in nova the limit was for those that it created by itself."""
    scenario = given(
        create("open", "10.7.0.0/24"), vlan("v1", 100), add_network("red"), rules=LIMITED_NETWORKS
    )
    scenario.happens(vlan("v2", 101))

    scenario.when(wish).then(refused(Code.OVER_QUOTA, "project_id", "networks", "may have 1"))
    scenario.happens(quota("red", networks=3)).when(wish)
    assert scenario.state.usage["networks"]["red"] in {2, 3}


def test_networks_are_not_limited_unless_that_is_enabled() -> None:
    """Nova's default; a limit of a project's own always counts."""
    scenario = given(*(create(f"n{number}", f"10.{number}.0.0/24", project_id="red") for number in range(5)))
    scenario.happens(quota("red", networks=5)).when(create("n5", "10.9.0.0/24", project_id="red")).then(
        refused(Code.OVER_QUOTA, "project_id")
    )


def test_a_project_that_may_have_no_network_gets_none_on_demand() -> None:
    """Its instance is refused; the network stays nobody's."""
    scenario = given(vlan("v1", 100), quota("red", networks=0))

    scenario.when(spawn()).then(refused(Code.OVER_QUOTA, "project_id", "may have 0"))
    scenario.when(spawn("bobs", actor=BOB, project="blue")).of(InstanceSpawned)


def test_only_an_admin_creates_networks_also_within_a_quota() -> None:
    """What a project may have does not tell who makes it."""
    given(rules=LIMITED_NETWORKS).when(create("mine", project_id="red", actor=ANN)).then(
        refused(Code.FORBIDDEN, "actor.is_admin")
    )


@pytest.mark.parametrize("seed", range(8))
def test_failure_12_quota_never_drifts(seed: int) -> None:
    """Nova's reservations leaked for years: here, after any history, usage is a count over what there is.

    `tests.unit.invariants` counts after every single decision; at the end everything is given back.
    """
    chance = random.Random(seed)
    rules = Rules(quota_fixed_ips=4, quota_floating_ips=2)
    scenario = cell(rules=rules)
    names = [f"vm{number}" for number in range(6)]
    outcomes: set[str] = set()
    for _ in range(150):
        actor, project = chance.choice([(ANN, "red"), (BOB, "blue"), (ADMIN, "red")])
        vm, net = chance.choice(names), chance.choice(["net", "lan"])
        floating = f"192.0.2.{chance.randrange(1, 6)}"
        fixed = f"10.0.{chance.randrange(2)}.{chance.randrange(2, 8)}"
        makers: list[Message] = [
            spawn(vm, nic(net), actor=actor, project=project),
            spawn(vm, nic("net"), nic("lan", fixed if chance.random() < 0.3 else None), actor=actor),
            delete(vm, actor),
            add_ip(vm, net, None, actor),
            remove_ip(vm, fixed, ADMIN),
            floating_allocate(actor, project),
            associate(floating, fixed, actor),
            floating_release(floating, actor),
            quota(project, fixed_ips=chance.randrange(-1, 6)),
            quota(project, floating_ips=chance.randrange(-1, 6)),
            quota(project, reset=("fixed_ips",)),
            applied("h1", scenario.state.seq),
        ]
        decision = scenario.when(chance.choice(makers)).decision
        outcomes.add(str(decision.code) if isinstance(decision, Refusal) else "granted")
    assert {"FixedIpLimitExceeded", "granted"} <= outcomes
    for vm in names:
        scenario.happens(delete(vm, ADMIN), Later(700))
    owned = list(scenario.state.floating_ips)
    scenario.happens(*(floating_release(f"192.0.2.{address & 255}", ADMIN) for address in owned))
    assert scenario.state.usage == {"fixed_ips": {}, "floating_ips": {}, "networks": {}}
