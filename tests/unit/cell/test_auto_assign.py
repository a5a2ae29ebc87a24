"""auto_assign_floating_ip: each instance gets a floating IP by itself (nova-network.md section 9.6)."""

from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated
from events.floating_ips import (
    FloatingIpAllocated,
    FloatingIpAssociated,
    FloatingIpDisassociated,
    FloatingIpReleased,
)
from events.instances import InstanceDeleted, InstanceSpawned, MacGenerated, VifCreated, VifDeleted
from events.refusals import Code
from projections.cell.state import Rules
from tests.unit.given import Message, Scenario, fact, given, refused
from tests.unit.wishes import (
    create,
    delete,
    floating_allocate,
    floating_create,
    nic,
    register,
    remove_ip,
    spawn,
    uid,
)


def generous(*more: Message, pool: str = "nova") -> Scenario:
    """Return a cell with a flat and a FlatDHCP network where each instance gets an address of a pool."""
    rules = Rules(
        claim_on_demand=False, auto_assign_floating_ip=True, default_floating_pool=pool, quota_floating_ips=0
    )
    flat = create("flat", "10.0.1.0/24", kind="flat")
    return given(flat, create(), register(), *more, rules=rules)


def test_an_instance_gets_a_floating_ip_in_the_spawn_itself() -> None:
    """For its first fixed IP, of the default pool, although its project's quota is nought."""
    generous(floating_create("192.0.2.0/29", pool="dmz", interface="eth9"), pool="dmz").when(
        spawn("vm", nic())
    ).then(
        fact(InstanceSpawned),
        fact(MacGenerated),
        fact(VifCreated),
        fact(FixedIpAllocated, address="10.0.0.2"),
        fact(
            FloatingIpAllocated,
            address="192.0.2.1",
            pool="dmz",
            interface="eth9",
            project_id="red",
            auto_assigned=True,
        ),
        fact(
            FloatingIpAssociated,
            address="192.0.2.1",
            fixed_address="10.0.0.2",
            interface="eth9",
            instance_uuid=uid("vm"),
        ),
    )


def test_it_points_at_the_first_address_that_can_have_one() -> None:
    """A flat network's cannot; an instance on such ones alone gets none."""
    scenario = generous(floating_create())

    (pointing,) = scenario.when(spawn("vm", nic("flat"), nic("net"))).of(FloatingIpAssociated)
    assert pointing.fixed_address == "10.0.0.2"
    assert not scenario.when(spawn("vm2", nic("flat"))).of(FloatingIpAllocated)


def test_an_instance_without_addresses_gets_none() -> None:
    """There is nothing to point at."""
    scenario = given(floating_create(), rules=Rules(auto_assign_floating_ip=True))

    scenario.when(spawn("vm")).then(fact(InstanceSpawned))


def test_an_empty_pool_refuses_the_spawn() -> None:
    """As it failed nova's boot; here nothing is left of it."""
    scenario = generous(floating_create("192.0.2.9"), spawn("one", nic()))

    scenario.when(spawn("two", nic())).then(
        refused(Code.NO_MORE_FLOATING_IPS, None, "'nova'", "auto_assign_floating_ip")
    )
    assert uid("two") not in scenario.state.instances


def test_a_pool_that_is_missing_refuses_the_spawn() -> None:
    """By nova's name for it."""
    generous().when(spawn("vm", nic())).then(
        refused(Code.FLOATING_IP_POOL_NOT_FOUND, None, "'nova'", "auto_assign_floating_ip")
    )


def test_a_repeated_spawn_assigns_nothing_again() -> None:
    """It changes nothing."""
    generous(floating_create(), spawn("vm", nic())).when(spawn("vm", nic())).then()


def test_it_goes_back_with_the_instance() -> None:
    """In the decision that deletes it; the next instance gets another one."""
    scenario = generous(floating_create("192.0.2.0/30"), spawn("vm", nic()))

    scenario.when(delete()).then(
        fact(FloatingIpDisassociated, address="192.0.2.1"),
        fact(FloatingIpReleased, address="192.0.2.1"),
        fact(FixedIpDeallocated),
        fact(VifDeleted),
        fact(InstanceDeleted),
    )
    (assigned,) = scenario.when(spawn("next", nic())).of(FloatingIpAllocated)
    assert assigned.address == "192.0.2.2"


def test_it_goes_back_with_its_address() -> None:
    """The project could not use it otherwise."""
    generous(floating_create(), spawn("vm", nic())).when(remove_ip("vm", "10.0.0.2")).then(
        fact(FloatingIpDisassociated), fact(FloatingIpReleased), fact(FixedIpDeallocated)
    )


def test_what_a_project_asks_for_still_counts() -> None:
    """Its quota is nought here."""
    generous(floating_create(), spawn("vm", nic())).when(floating_allocate()).then(
        refused(Code.FLOATING_IP_LIMIT_EXCEEDED, "project_id")
    )


def test_without_the_option_no_instance_gets_one() -> None:
    """The default."""
    scenario = given(create(), floating_create())

    assert not scenario.when(spawn("vm", nic())).of(FloatingIpAllocated)
