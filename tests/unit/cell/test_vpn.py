"""A project's VPN server takes the address that its VLAN network keeps for it (nova-network.md 7.5)."""

from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpDisassociated
from events.instances import InstanceDeleted, VifDeleted
from events.refusals import Code
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.made import network
from tests.unit.wishes import ANN, add_ip, delete, nic, register, reserve, spawn, uid


def vlan() -> Scenario:
    """Return a cell with a VLAN network of project red and a FlatDHCP network of all."""
    return given(network("v", kind="vlan", project_id="red"), network("f", "10.0.1.0/24"))


def addresses(scenario: Scenario, *nics: object, name: str = "vpn") -> list[str]:
    """Spawn a VPN server; return its addresses."""
    wish = spawn(name, *nics, vpn=True)  # type: ignore[arg-type]  # NICs
    return [one.address for one in scenario.when(wish).of(FixedIpAllocated)]


def test_a_vpn_server_takes_the_address_kept_for_it() -> None:
    """It is not one that the network hands out; on other networks it gets one like any instance."""
    assert addresses(vlan(), nic("f"), nic("v")) == ["10.0.1.2", "10.0.0.2"]


def test_other_instances_never_get_it() -> None:
    """Neither from the pool nor by name."""
    scenario = vlan()
    (first,) = scenario.when(spawn("vm", nic("v"))).of(FixedIpAllocated)

    assert first.address == "10.0.0.3"
    scenario.when(spawn("other", nic("v", "10.0.0.2"))).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, "requested_networks.0.address", "10.0.0.2")
    )


def test_a_network_has_one_vpn_server() -> None:
    """The sentence names it; when it is gone, another may come."""
    scenario = vlan().happens(spawn("vpn", nic("v"), vpn=True))

    scenario.when(spawn("other", nic("v"), vpn=True)).then(
        refused(Code.FIXED_IP_ALREADY_IN_USE, "requested_networks.0.address", "10.0.0.2", uid("vpn"))
    )
    scenario.when(delete("vpn")).then(
        fact(FixedIpDeallocated, address="10.0.0.2"),
        fact(FixedIpDisassociated, address="10.0.0.2"),
        fact(VifDeleted),
        fact(InstanceDeleted),
    )
    assert addresses(scenario, nic("v"), name="other") == ["10.0.0.2"]


def test_the_vpn_address_drains_like_any() -> None:
    """A second server waits until the host has let go of the first one's."""
    scenario = vlan().happens(register(), spawn("vpn", nic("v"), vpn=True), delete("vpn"))

    scenario.when(spawn("next", nic("v"), vpn=True)).then(
        refused(Code.FIXED_IP_ALREADY_IN_USE, "requested_networks.0.address")
    )
    scenario.when_time_passes(601).then(fact(FixedIpDisassociated, address="10.0.0.2", reason="timeout"))
    assert addresses(scenario, nic("v"), name="next") == ["10.0.0.2"]


def test_another_address_for_a_vpn_server_is_refused() -> None:
    """The network forwards to one; asked for by name, that one is given."""
    vlan().when(spawn("vpn", nic("v", "10.0.0.9"), vpn=True)).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, "requested_networks.0.address", "10.0.0.2", "10.0.0.9")
    )
    assert addresses(vlan(), nic("v", "10.0.0.2")) == ["10.0.0.2"]


def test_a_vpn_server_without_a_vlan_network_is_refused() -> None:
    """It could not do what it is for; nova took no notice."""
    vlan().when(spawn("vpn", nic("f"), vpn=True)).then(refused(Code.NOT_IMPLEMENTED_FOR_KIND, "vpn", "VLAN"))


def test_an_instance_can_get_the_vpn_address_later() -> None:
    """Nova's allocate_fixed_ip took `vpn` too; elsewhere there is no such address."""
    scenario = vlan().happens(spawn("vm", nic("f")))
    wish = add_ip("vm", "v", actor=ANN).model_copy(update={"vpn": True})
    (allocated,) = scenario.when(wish).of(FixedIpAllocated)

    assert allocated.address == "10.0.0.2"
    scenario.when(add_ip("vm", "f").model_copy(update={"vpn": True})).then(
        refused(Code.NOT_IMPLEMENTED_FOR_KIND, "vpn", "'f'")
    )


def test_the_vpn_address_counts_nowhere_as_handed_out() -> None:
    """The pool's numbers are those of the addresses that it hands out; reserving it changes nothing."""
    scenario = vlan()
    pool = scenario.state.networks[uid("v")].pool
    free = pool.free
    scenario.happens(spawn("vpn", nic("v"), vpn=True))

    assert pool.free == free
    scenario.when(reserve("10.0.0.2")).then()
