"""Reserved addresses: never handed out, whoever holds them (nova-network.md section 8.1)."""

import pytest

from events.errors import InvariantBroken
from events.fixed_ips import (
    FixedIpAllocated,
    FixedIpDeallocated,
    FixedIpDisassociated,
    FixedIpReserved,
    FixedIpUnreserved,
)
from events.networks import NetworkDeleted
from events.refusals import Code
from projections.cell.network import networks
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.wishes import (
    ANN,
    applied,
    create,
    delete,
    delete_network,
    nic,
    register,
    reserve,
    spawn,
    uid,
    unreserve,
)


def free(scenario: Scenario) -> int:
    """Return how many addresses the network can hand out."""
    return scenario.state.networks[uid("net")].pool.free


def test_a_reserved_address_is_passed_over() -> None:
    """The next one is handed out."""
    scenario = given(create())
    before = free(scenario)

    scenario.when(reserve("10.0.0.2")).then(fact(FixedIpReserved, network_id=uid("net"), address="10.0.0.2"))
    assert free(scenario) == before - 1
    scenario.when(spawn()).of(FixedIpAllocated)
    assert [one.address for one in scenario.state.allocations.values()] == [0x0A000003]


def test_a_reserved_address_is_not_to_be_had_on_request() -> None:
    """Nor by an admin; the sentence says why."""
    given(create(), reserve("10.0.0.9")).when(spawn("vm", nic("net", "10.0.0.9"))).then(
        refused(Code.FIXED_IP_ALREADY_IN_USE, "requested_networks.0.address", "10.0.0.9", "reserved")
    )


def test_a_network_whose_rest_is_reserved_has_no_more() -> None:
    """The sentence counts them."""
    scenario = given(create(cidr="10.0.0.0/29"), *(reserve(f"10.0.0.{last}") for last in range(2, 7)))

    assert free(scenario) == 0
    scenario.when(spawn("vm", nic("net"))).then(
        refused(Code.NO_MORE_FIXED_IPS, "requested_networks.0.network_id", "5 reserved")
    )


def test_a_held_address_becomes_reserved_when_it_is_free_again() -> None:
    """Who holds it keeps it; drained, it does not come back."""
    scenario = given(create(), register("h1"), spawn("vm", nic("net", "10.0.0.9")))
    before = free(scenario)
    scenario.when(reserve("10.0.0.9")).then(fact(FixedIpReserved))
    assert free(scenario) == before
    scenario.when(delete()).of(FixedIpDeallocated)
    scenario.when(applied("h1", scenario.state.seq)).of(FixedIpDisassociated)

    assert free(scenario) == before
    scenario.when(spawn("next", nic("net", "10.0.0.9"))).then(
        refused(Code.FIXED_IP_ALREADY_IN_USE, "requested_networks.0.address", "reserved")
    )


def test_reserving_twice_is_no_error() -> None:
    """Nor is unreserving what is not reserved, or reserving what the plan keeps for itself: it is so."""
    scenario = given(create(), reserve("10.0.0.9"))

    scenario.when(reserve("10.0.0.9")).then()
    scenario.when(reserve("10.0.0.1")).then()
    scenario.when(unreserve("10.0.0.10")).then()


def test_an_unreserved_address_comes_after_those_that_have_been_idle_longer() -> None:
    """And it can be had on request."""
    scenario = given(create(cidr="10.0.0.0/29"), reserve("10.0.0.2"), spawn("a"), delete("a"))
    scenario.when(unreserve("10.0.0.2")).then(
        fact(FixedIpUnreserved, network_id=uid("net"), address="10.0.0.2")
    )
    taken = [scenario.when(spawn(name)).of(FixedIpAllocated)[0].address for name in "bcdef"]

    assert taken == ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.3", "10.0.0.2"]


def test_a_held_address_that_is_unreserved_in_time_is_as_before() -> None:
    """It comes back when it is given back."""
    scenario = given(
        create(), spawn("vm", nic("net", "10.0.0.9")), reserve("10.0.0.9"), unreserve("10.0.0.9")
    )
    before = free(scenario)
    scenario.happens(delete())

    assert free(scenario) == before + 1


@pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.1", "10.0.0.255"])
def test_what_the_plan_keeps_cannot_be_unreserved(address: str) -> None:
    """Network, gateway and broadcast address."""
    given(create()).when(unreserve(address)).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, "address", address, "10.0.0.0/24")
    )


@pytest.mark.parametrize("address", ["9.255.255.255", "10.0.1.0"])
def test_an_address_of_no_network(address: str) -> None:
    """By nova's name, both ways; before the first network and behind the last."""
    scenario = given(create())

    scenario.when(reserve(address)).then(refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, "address", address))
    scenario.when(unreserve(address)).then(refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, "address", address))


def test_only_an_admin_reserves() -> None:
    """A project could starve the others."""
    scenario = given(create(), reserve("10.0.0.9"))

    scenario.when(reserve("10.0.0.10", ANN)).then(refused(Code.FORBIDDEN, "actor.is_admin"))
    scenario.when(unreserve("10.0.0.9", ANN)).then(refused(Code.FORBIDDEN, "actor.is_admin"))


def test_a_network_takes_its_reservations_along() -> None:
    """They are told, so that a projection needs not search for them."""
    given(create(), reserve("10.0.0.9"), reserve("10.0.0.5")).when(delete_network()).then(
        fact(FixedIpUnreserved, address="10.0.0.5"),
        fact(FixedIpUnreserved, address="10.0.0.9"),
        fact(NetworkDeleted),
    )


def test_a_network_with_very_many_reservations_is_not_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The decision would be too large."""
    monkeypatch.setattr(networks, "RESERVED_PER_DELETE_MAX", 1)

    given(create(), reserve("10.0.0.9"), reserve("10.0.0.5")).when(delete_network()).then(
        refused(Code.NETWORK_IN_USE, "network_id", "2 addresses", "unreserve")
    )


@pytest.mark.parametrize(
    "event",
    [
        FixedIpReserved(network_id=uid("net"), address="10.0.0.9"),
        FixedIpReserved(network_id=uid("net"), address="10.0.0.1"),
        FixedIpReserved(network_id=uid("none"), address="10.0.0.5"),
        FixedIpUnreserved(network_id=uid("net"), address="10.0.0.5"),
        NetworkDeleted(network_id=uid("net")),
    ],
    ids=["twice", "outside the pool", "no network", "not reserved", "network with reservations"],
)
def test_what_cannot_be_stops_the_reader(event: FixedIpReserved | FixedIpUnreserved | NetworkDeleted) -> None:
    """A ledger that says so was written by a bug."""
    with pytest.raises(InvariantBroken):
        given(create(), reserve("10.0.0.9")).happens(event)
