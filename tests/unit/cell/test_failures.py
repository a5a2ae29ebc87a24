"""What went wrong in nova's decisions, by its number in nova-network.md section 18, where no subject has it.

The other numbers are with their subjects: `grep -rn test_failure_ tests` finds them.
"""

from typing import get_args

from events.catalog import AnyEvent
from events.fixed_ips import FixedIpDeallocated, FixedIpDisassociated, StaleLeaseReported
from events.networks import NetworkCreated
from tests.unit.cell.moving import running
from tests.unit.given import Later, fact, given
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


def test_failure_22_address_and_mac_do_not_say_which_network_is_meant() -> None:
    """LP 1017633, 939580: nova found rows by address, also those of a network that was deleted."""
    mac = "02:00:00:00:00:01"
    scenario = given(create("old"), register(), claim("h1", "old"), spawn("vm", nic("old"), macs=[mac]))
    scenario.happens(delete(), Later(600), delete_network("old"), create("new"), claim("h1", "new"))
    scenario.happens(spawn("heir", nic("new"), macs=[mac]), lease("h1", "10.0.0.2", mac, "new"))

    scenario.when(release("h1", "10.0.0.2", mac, "old")).then(
        fact(StaleLeaseReported, network_id=uid("old"), address="10.0.0.2")
    )
    (held,) = scenario.state.networks[uid("new")].pool.held.values()
    assert held.leased


def test_never_fixed_gateway_v6_is_not_overwritten_per_host() -> None:
    """Each nova host stored its own address there; here no event but the network's creation can name it."""
    scenario = given(create(cidr_v6="fd00::/64", multi_host=True), register("h1"), register("h2"))
    scenario.happens(spawn("a", nic(), host="h1"), spawn("b", nic(), host="h2"))
    scenario.happens(delete("a"), unbind("b", "h2"), bind("b", "h1", "h2"))

    assert scenario.state.networks[uid("net")].plan.gateway_v6 == "fd00::1"
    kinds = get_args(get_args(AnyEvent)[0])
    assert [kind for kind in kinds if "gateway_v6" in kind.model_fields] == [NetworkCreated]
