"""What went wrong in nova's decisions, by its number in nova-network.md section 18, where no subject has it.

The other numbers are with their subjects: `grep -rn test_failure_ tests` finds them.
"""

from typing import get_args

import pytest

from events.catalog import AnyEvent
from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpDisassociated, StaleLeaseReported
from events.networks import NetworkCreated
from events.refusals import Code
from tests.unit.cell.moving import running
from tests.unit.given import Later, fact, given, refused
from tests.unit.wishes import (
    bind,
    claim,
    create,
    delete,
    delete_network,
    lease,
    nic,
    register,
    release,
    spawn,
    uid,
    unbind,
)


def test_failure_5_a_delete_waits_for_no_host_and_names_all_that_must_let_go() -> None:
    """LP 1289397, 1428182: nova ran the DHCP release inside the delete, on the host it thought it was on."""
    scenario = running(claim("h3", "net"), unbind(dest="h2"), bind())
    gone = scenario.when(delete()).of(FixedIpDeallocated)

    assert uid("vm") not in scenario.state.instances
    waited_for = {uid("net"): ("h1", "h2", "h3"), uid("lan"): ("h1", "h2")}
    assert {one.network_id: one.waits_for for one in gone} == waited_for
    freed = scenario.when_time_passes(600).of(FixedIpDisassociated)
    assert sorted(one.address for one in freed) == ["10.0.0.2", "10.0.1.2"]


@pytest.mark.parametrize("report", [lease, release], ids=["lease", "release"])
def test_failure_22_a_network_of_the_same_block_has_nothing_of_the_last_one(report: type) -> None:
    """LP 1017633, 939580: nova found rows by address, also those of a network that was deleted."""
    scenario = given(create("old"), register(), claim("h1", "old"), spawn("vm", nic("old")))
    mac = "{:012x}".format(scenario.state.instances[uid("vm")].vifs[0].mac)
    text = ":".join(mac[at : at + 2] for at in range(0, 12, 2))
    scenario.happens(delete(), Later(600), delete_network("old"), create("new"), claim("h1", "new"))
    scenario.happens(spawn("heir", nic("new")))
    before = dict(scenario.state.networks[uid("new")].pool.held)

    late = report("h1", "10.0.0.2", text).model_copy(update={"network_id": uid("old")})
    scenario.when(late).then(fact(StaleLeaseReported, network_id=uid("old"), address="10.0.0.2"))
    assert scenario.state.networks[uid("new")].pool.held == before
    scenario.when(delete_network("old")).then(refused(Code.NETWORK_NOT_FOUND, "network_id", uid("old")))
    assert len(before) == 1


def test_failure_24_no_guest_is_given_an_end_of_the_block() -> None:
    """LP 816630: nova handed out the broadcast address; a network that is full is refused instead."""
    scenario = given(create(cidr="10.0.0.0/29"))
    given_out = [
        event.address
        for number in range(5)
        for event in scenario.when(spawn(f"vm{number}", nic())).of(FixedIpAllocated)
    ]

    assert given_out == [f"10.0.0.{last}" for last in range(2, 7)]
    scenario.when(spawn("more", nic())).then(
        refused(Code.NO_MORE_FIXED_IPS, "requested_networks.0.network_id")
    )
    for last in (0, 1, 7):
        asked = scenario.when(spawn("more", nic("net", f"10.0.0.{last}"))).decision
        assert not isinstance(asked, tuple)


def test_never_fixed_adjacent_subnet_conflict() -> None:
    """Nova's own example: .1.0/24 and .2.0/24 in use, two /24s of the /16 were a CidrConflict."""
    scenario = given(create("a", "192.168.1.0/24"), create("b", "192.168.2.0/24"))
    asked = create("net", "192.168.0.0/16", uuid=None, num_networks=2, network_size=256)

    scenario.when(asked).then(
        fact(NetworkCreated, cidr="192.168.0.0/24"), fact(NetworkCreated, cidr="192.168.3.0/24")
    )


def test_never_fixed_gateway_v6_is_not_overwritten_per_host() -> None:
    """Each nova host stored its own address there; here no event but the network's creation can name it."""
    scenario = given(create(cidr_v6="fd00::/64", multi_host=True), register("h1"), register("h2"))
    scenario.happens(spawn("a", nic(), host="h1"), spawn("b", nic(), host="h2"))
    scenario.happens(delete("a"), unbind("b", "h2"), bind("b", "h1", "h2"))

    assert scenario.state.networks[uid("net")].plan.gateway_v6 == "fd00::1"
    kinds = get_args(get_args(AnyEvent)[0])
    assert [kind for kind in kinds if "gateway_v6" in kind.model_fields] == [NetworkCreated]
