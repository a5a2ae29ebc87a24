"""Failures of nova-network in planning networks (nova-network.md section 18), which cannot happen here."""

from typing import Any

import pytest

from events.fixed_ips import FixedIpAllocated, StaleLeaseReported
from events.networks import NetworkCreated
from events.refusals import Code
from tests.unit.given import fact, given, refused
from tests.unit.wishes import claim, create, delete, delete_network, lease, nic, register, spawn, uid


def test_failure_22_a_network_created_again_is_another_one() -> None:
    """What is said of the deleted network is stale, and no instance finds it any more."""
    scenario = given(create("old"), register("h1"), claim("h1", "old"), spawn("vm", nic("old")))
    mac = next(iter(scenario.state.allocations.values())).mac
    scenario.happens(delete("vm"), delete_network("old"), create("new"), claim("h1", "new"))

    scenario.when(lease("h1", "10.0.0.2", mac, "old")).then(
        fact(StaleLeaseReported, network_id=uid("old"), address="10.0.0.2")
    )
    scenario.when(spawn("vm", nic("old"))).then(
        refused(Code.NO_NETWORKS_FOUND, "requested_networks.0.network_id")
    )
    scenario.when(delete_network("old")).then(refused(Code.NETWORK_NOT_FOUND, "network_id", uid("old")))
    (allocated,) = scenario.when(spawn("vm", nic("new"))).of(FixedIpAllocated)
    assert (allocated.network_id, allocated.address) == (uid("new"), "10.0.0.2")


def test_failure_24_the_broadcast_address_is_never_handed_out() -> None:
    """Nor is any other that the plan keeps: the smallest network has as many guests as it says."""
    scenario = given(create("net", "10.0.0.0/29"))
    handed_out = [scenario.when(spawn(f"vm{one}")).of(FixedIpAllocated)[0].address for one in range(5)]

    assert handed_out == [f"10.0.0.{last}" for last in range(2, 7)]
    scenario.when(spawn("late")).then(refused(Code.NO_MORE_FIXED_IPS, "requested_networks.0.network_id"))


def test_failure_24_each_network_has_a_dhcp_server_of_its_own() -> None:
    """In nova all networks of a call had the first one's."""
    asked: dict[str, Any] = {"uuid": None, "num_networks": 3, "network_size": 16}
    created = given().when(create("net", "10.0.0.0/8", **asked)).of(NetworkCreated)

    assert [one.dhcp_server for one in created] == ["10.0.0.1", "10.0.0.17", "10.0.0.33"]


def test_failure_24_vlan_ids_do_not_clash() -> None:
    """Neither with those in use nor with each other."""
    asked: dict[str, Any] = {"kind": "vlan", "bridge_interface": "eth1", "uuid": None, "network_size": 16}
    scenario = given(create("net", "10.0.0.0/8", vlan=101, **asked))
    created = scenario.when(create("net", "10.0.0.0/8", num_networks=3, **asked)).of(NetworkCreated)

    assert len({one.vlan for one in created} | {101}) == 4


@pytest.mark.parametrize("fixed_cidr", ["10.0.1.0/24", "10.0.0.0/23"])
def test_failure_24_a_part_outside_the_block_is_refused(fixed_cidr: str) -> None:
    """Its addresses would not have been the network's."""
    given().when(create("net", "10.0.0.0/24", fixed_cidr=fixed_cidr)).then(
        refused(Code.ADDRESS_OUT_OF_RANGE, "fixed_cidr")
    )


def test_failure_24_an_ipv6_prefix_is_a_64() -> None:
    """Whatever the number of IPv4 addresses: under a longer one guests form no addresses."""
    given().when(create("net", "10.0.0.0/24", network_size=256, cidr_v6="fd00::/48")).then(
        fact(NetworkCreated, cidr="10.0.0.0/24", cidr_v6="fd00::/64")
    )


def test_never_fixed_adjacent_subnets_are_no_conflict() -> None:
    """With .1.0/24 and .2.0/24 in use nova refused two /24s of a /16, which has room for hundreds."""
    scenario = given(create("one", "192.168.1.0/24"), create("two", "192.168.2.0/24"))
    asked: dict[str, Any] = {"uuid": None, "num_networks": 2, "network_size": 256}

    scenario.when(create("net", "192.168.0.0/16", **asked)).then(
        fact(NetworkCreated, cidr="192.168.0.0/24"), fact(NetworkCreated, cidr="192.168.3.0/24")
    )
