"""multi_host: each host serves its own guests, at an address of its own unless they share one."""

from typing import Any

import pytest

from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpLeased, FixedIpReserved
from events.model import Event
from events.networks import NetworkClaimed, NetworkDeleted
from events.ownership import HostAddressClaimed, HostAddressReleased
from events.refusals import Code, Refusal
from projections.cell.state import Rules
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.wishes import (
    add_ip,
    bind,
    create,
    delete,
    delete_network,
    lease,
    nic,
    prepare,
    register,
    reserve,
    spawn,
    uid,
    unreserve,
)


def cloud(*more: Event, cidr: str = "10.0.0.0/28", **fields: Any) -> Scenario:  # noqa: ANN401 - whatever `create` takes
    """Return a cell with a multi_host network and two hosts."""
    return given(create(cidr=cidr, multi_host=True, **fields), register("h1"), register("h2"), *more)


def addresses(scenario: Scenario) -> dict[str, int]:
    """Return the last number of the address of each host on the network."""
    held = scenario.state.networks[uid("net")].host_addresses
    return {host: one.address & 0xFF for host, one in held.items()}


def test_the_first_instance_of_a_host_brings_its_address() -> None:
    """In the same decision, the next of the pool after the instance's; the next instance brings none."""
    scenario = cloud()

    claimed = scenario.when(spawn("a", nic())).of(HostAddressClaimed)
    assert [(one.host, one.address) for one in claimed] == [("h1", "10.0.0.3")]
    assert scenario.when(spawn("b", nic())).of(HostAddressClaimed) == []
    assert scenario.when(spawn("c", nic(), host="h2")).of(HostAddressClaimed)[0].address == "10.0.0.6"


def test_nobody_owns_a_multi_host_network() -> None:
    """A spawn gives it to no host."""
    assert cloud().when(spawn("a", nic())).of(NetworkClaimed) == []


@pytest.mark.parametrize("fields", [{"share_address": True}, {"kind": "flat"}])
def test_where_hosts_need_no_address_of_their_own_they_get_none(fields: dict[str, Any]) -> None:
    """They share the DHCP server's, or serve nothing."""
    assert cloud(**fields).when(spawn("a", nic())).of(HostAddressClaimed) == []


def test_never_fixed_mixed_multi_host() -> None:
    """In nova the multi_host network of a request was set up on the other one's host."""
    scenario = given(
        create("one"), create("many", "10.1.0.0/24", multi_host=True), register("h1"), register("n1")
    )
    scenario.happens(spawn("other", nic("one"), host="h1"))
    outcome = scenario.when(spawn("vm", nic("one"), nic("many"), host="n1"))

    assert scenario.state.networks[uid("one")].host == "h1"
    assert [(one.network_id, one.host) for one in outcome.of(HostAddressClaimed)] == [(uid("many"), "n1")]


def test_a_host_that_can_get_no_address_gets_no_instance() -> None:
    """All or nothing: also the instance's own address stays free."""
    scenario = cloud(cidr="10.0.0.0/29")
    scenario.happens(*(reserve(f"10.0.0.{last}") for last in (3, 4, 5, 6)))

    scenario.when(spawn("a", nic())).then(refused(Code.NO_MORE_FIXED_IPS, "host", "h1"))


def test_a_hosts_address_is_handed_out_to_nobody() -> None:
    """Neither asked for nor from the pool; reserving it changes nothing for the host."""
    scenario = cloud(cidr="10.0.0.0/29").happens(spawn("a", nic()))

    scenario.when(spawn("b", nic(address="10.0.0.3"))).then(
        refused(Code.FIXED_IP_ALREADY_IN_USE, "requested_networks.0.address", "hosts")
    )
    scenario.when(reserve("10.0.0.3")).then(fact(FixedIpReserved))
    scenario.happens(unreserve("10.0.0.3"))
    given_out = [
        event.address
        for name in ("b", "c", "d")
        for event in scenario.when(spawn(name, nic())).of(FixedIpAllocated)
    ]
    assert given_out == ["10.0.0.4", "10.0.0.5", "10.0.0.6"]
    refusal = scenario.when(spawn("e", nic())).decision
    assert isinstance(refusal, Refusal)


def test_a_host_keeps_its_address_when_its_last_instance_goes() -> None:
    """As by nova's default; the next instance finds it."""
    scenario = cloud().happens(spawn("a", nic()), delete("a"))

    assert addresses(scenario) == {"h1": 3}
    assert scenario.when(spawn("b", nic())).of(HostAddressClaimed) == []


def test_hosts_addresses_count_against_no_quota() -> None:
    """The project did not ask for them."""
    scenario = given(
        create(multi_host=True), register("h1"), spawn("a", nic()), rules=Rules(quota_fixed_ips=1)
    )
    assert scenario.state.usage["fixed_ips"]["red"] == 1


def test_a_network_with_hosts_addresses_is_deleted() -> None:
    """They are given back first, so that history is whole."""
    scenario = cloud().happens(spawn("a", nic()), delete("a"))
    outcome = scenario.when(delete_network())

    assert [one.address for one in outcome.of(HostAddressReleased)] == ["10.0.0.3"]
    assert uid("net") not in scenario.state.networks
    given(create(multi_host=True)).when(delete_network()).then(fact(NetworkDeleted))


def test_an_address_drains_at_its_own_host_alone() -> None:
    """Nobody else serves it."""
    scenario = cloud().happens(spawn("a", nic(), host="h1"), spawn("b", nic(), host="h2"))

    assert scenario.when(delete("b")).of(FixedIpDeallocated)[0].waits_for == ("h2",)


def test_leases_are_reported_by_the_instances_own_host() -> None:
    """Another host does not serve that guest."""
    scenario = cloud()
    mac = scenario.when(spawn("a", nic(), host="h1")).of(FixedIpAllocated)[0].mac

    scenario.when(lease("h2", "10.0.0.2", mac)).then(
        refused(Code.REPORT_ABOUT_ANOTHER_HOST, "network_id", "h1")
    )
    scenario.when(lease("h1", "10.0.0.2", mac)).then(fact(FixedIpLeased))


def test_a_host_that_an_instance_moves_to_gets_its_address() -> None:
    """With its preparation, or when it is bound there; and with a NIC that is added later."""
    scenario = cloud().happens(create("other", "10.1.0.0/24", multi_host=True), spawn("vm", nic(), host="h1"))

    prepared = scenario.when(prepare(host="h2")).of(HostAddressClaimed)
    assert [(one.host, one.network_id) for one in prepared] == [("h2", uid("net"))]
    added = scenario.when(add_ip("vm", "other")).of(HostAddressClaimed)
    assert [(one.host, one.network_id) for one in added] == [("h1", uid("other")), ("h2", uid("other"))]
    scenario.happens(register("h3"))
    bound = scenario.when(bind(host="h3", source=None)).of(HostAddressClaimed)
    assert [(one.host, one.network_id) for one in bound] == [("h3", uid("net")), ("h3", uid("other"))]
