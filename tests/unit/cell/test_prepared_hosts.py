"""Hosts that are made ready for an instance own nothing of it (nova-network.md section 10)."""

from events.fixed_ips import FixedIpAllocated
from events.instances import MacGenerated, VifCreated
from events.moves import (
    InstanceBound,
    InstancePrepared,
    InstanceUnbound,
    InstanceUnprepared,
)
from events.refusals import Code
from tests.unit.cell.moving import running, where
from tests.unit.given import fact, refused
from tests.unit.wishes import (
    add_ip,
    bind,
    create,
    delete,
    prepare,
    register,
    teardown,
    uid,
    unbind,
)

# --- Ports made ready beforehand ------------------------------------------------------------------------


def test_a_host_is_made_ready_without_owning_anything() -> None:
    """Its ports are told; who has the instance stays so."""
    scenario = running()
    outcome = scenario.when(prepare())

    outcome.then(fact(InstancePrepared, instance_uuid=uid("vm"), host="h2", epoch=1))
    assert [port.network_id for port in outcome.of(InstancePrepared)[0].ports] == [uid("net"), uid("lan")]
    assert where(scenario) == ("h1", 1, ("h2",))
    scenario.when(prepare()).then()


def test_a_host_is_told_the_security_groups_beforehand_and_with_the_binding() -> None:
    """Filters must be there before the guest is; a spawn's facts went to another host."""
    scenario = running()
    groups = scenario.state.instances[uid("vm")].security_groups

    assert groups
    assert scenario.when(prepare()).of(InstancePrepared)[0].security_groups == groups
    assert scenario.happens(unbind()).when(bind()).of(InstanceBound)[0].security_groups == groups


def test_what_has_the_instance_need_not_be_made_ready() -> None:
    """Nova's callers ask for that too."""
    running().when(prepare(host="h1")).then()


def test_being_made_ready_ends_with_the_binding() -> None:
    """It is the owner now; ports are its own."""
    scenario = running(prepare(), unbind(), bind())

    assert where(scenario) == ("h2", 2, ())
    scenario.when(teardown(host="h1")).then()


def test_what_was_made_ready_can_be_taken_back() -> None:
    """Once; again it is so already."""
    scenario = running(prepare())

    scenario.when(teardown()).then(fact(InstanceUnprepared, host="h2", epoch=1))
    scenario.when(teardown()).then()
    assert where(scenario) == ("h1", 1, ())


def test_taking_networks_from_the_owner_unbinds_it() -> None:
    """Nova's revert begins so; nothing is left of it there."""
    scenario = running()

    scenario.when(teardown(host="h1")).then(fact(InstanceUnbound, host="h1", epoch=1))
    scenario.when(unbind(host="h1")).then()


def test_taking_networks_of_a_deleted_instance_is_no_error() -> None:
    """Like deleting it once more."""
    running(prepare(), delete()).when(teardown()).then()


def test_so_many_hosts_are_not_made_ready() -> None:
    """The facts about an instance stay few."""
    more = [prepare(host=f"d{number}") for number in range(4)]

    running(*more).when(prepare(host="d9")).then(refused(Code.INVALID_INPUT, "host", "4 hosts", "d0"))


def test_a_nic_added_in_the_middle_comes_to_every_host_that_has_ports() -> None:
    """And must be reached from there."""
    far = create("far", "10.0.2.0/24", physical_network="rack2")
    scenario = running(prepare(), create("new", "10.0.3.0/24"), far, register("h1", "default", "rack2"))

    scenario.when(add_ip("vm", "far")).then(refused(Code.NETWORK_NOT_REACHABLE, "network_id", "h2"))
    outcome = scenario.when(add_ip("vm", "new"))
    outcome.then(
        fact(MacGenerated),
        fact(VifCreated, host="h1", network_id=uid("new")),
        fact(InstancePrepared, host="h2"),
        fact(FixedIpAllocated, host="h1"),
    )
    assert [port.network_id for port in outcome.of(InstancePrepared)[0].ports] == [uid("new")]


def test_an_address_added_while_nobody_has_the_instance_goes_to_the_next_owner() -> None:
    """Nothing is lost in the middle of a move."""
    scenario = running(unbind())

    scenario.when(add_ip("vm", "net")).then(fact(FixedIpAllocated, host=None, address="10.0.0.3"))
    (bound,) = scenario.when(bind()).of(InstanceBound)
    assert [one.address for one in bound.ports[0].fixed] == ["10.0.0.2", "10.0.0.3"]
