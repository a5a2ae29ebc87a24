"""Spawning on networks as create_networks plans them: VLAN, IPv6, both (nova-network.md sections 4 and 7)."""

from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpDisassociated
from events.instances import VifCreated
from events.refusals import Code
from projections.cell.state import Rules
from tests.unit.given import Scenario, given, refused
from tests.unit.wishes import create, delete, delete_network, nic, remove_ip, spawn, uid

RULES = Rules(use_ipv6=True)


def vlan() -> Scenario:
    """Return a cell with a VLAN network of project red, with IPv6."""
    wish = create(
        "v",
        "10.0.0.0/24",
        kind="vlan",
        vlan=100,
        bridge_interface="eth1",
        project_id="red",
        cidr_v6="fd00::/64",
    )
    return given(wish, rules=RULES)


def test_a_planned_vlan_network_keeps_an_address_for_its_vpn_server() -> None:
    """The one that the plan names; others get what comes after it, and each NIC its IPv6 address."""
    scenario = vlan()
    kept = scenario.state.networks[uid("v")].plan.vpn_private_address
    server = scenario.when(spawn("vpn", nic("v"), vpn=True))
    other = scenario.when(spawn("vm", nic("v")))

    assert kept == "10.0.0.2"
    assert [one.address for one in server.of(FixedIpAllocated)] == [kept]
    assert [one.address for one in other.of(FixedIpAllocated)] == ["10.0.0.3"]
    addresses = [vif.address_v6 for vif in (*server.of(VifCreated), *other.of(VifCreated))]
    assert len(set(addresses)) == 2
    assert all(address is not None and address.startswith("fd00::f816:3eff:fe") for address in addresses)


def test_the_vpn_address_is_taken_back_like_any() -> None:
    """By name, and the next server gets it."""
    scenario = vlan().happens(spawn("vpn", nic("v"), vpn=True))
    decided = scenario.when(remove_ip("vpn", "10.0.0.2")).events

    assert [type(event) for event in decided] == [FixedIpDeallocated, FixedIpDisassociated]
    scenario.happens(delete("vpn"), spawn("next", nic("v"), vpn=True))


def test_a_planned_network_of_ipv6_alone_is_spawned_on() -> None:
    """And deleted when its NICs are gone, which the refusal before says."""
    scenario = given(create("six", cidr=None, cidr_v6="fd00:0:0:6::/64"), rules=RULES)
    (vif,) = scenario.when(spawn("vm", nic("six"))).of(VifCreated)

    assert vif.address_v6 is not None
    scenario.when(delete_network("six")).then(refused(Code.NETWORK_IN_USE, "network_id", "1 NICs"))
    scenario.happens(delete("vm"), delete_network("six"))
