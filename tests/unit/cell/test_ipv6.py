"""IPv6 addresses come from MACs, are recorded once, and have one holder (nova-network.md section 7.7)."""

from itertools import count

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from events.addresses import ipv6_number, ipv6_text, mac_number, mac_text
from events.fixed_ips import FixedIpAllocated
from events.instances import InstanceSpawned, MacGenerated, VifCreated, VifDeleted
from events.refusals import Code
from projections.cell.instance.ipv6 import account_identifier, mac_of_rfc2462, rfc2462
from projections.cell.state import Rules
from tests.unit.cell.test_macs import drawn
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.made import network
from tests.unit.wishes import ADMIN, add_ip, delete, nic, remove_ip, spawn, uid

RFC2462 = Rules(use_ipv6=True)
ACCOUNT = Rules(use_ipv6=True, ipv6_backend="account_identifier", create_unique_mac_address_attempts=2)


@pytest.mark.parametrize(
    ("mac", "prefix", "address"),
    [
        ("02:16:3e:33:44:55", "2001:db8::", "2001:db8::16:3eff:fe33:4455"),
        ("fa:16:3e:00:00:01", "fd00::", "fd00::f816:3eff:fe00:1"),
        ("de:ad:be:ef:00:01", "2001:db8:0:1::", "2001:db8:0:1:dcad:beff:feef:1"),
    ],
)
def test_an_address_is_the_modified_eui64_of_the_mac(mac: str, prefix: str, address: str) -> None:
    """Nova's own examples, and back again."""
    assert ipv6_text(rfc2462(ipv6_number(prefix), mac_number(mac))) == address
    assert mac_of_rfc2462(address) == mac


def test_an_account_identifier_is_a_digest_of_the_project_and_half_of_the_mac() -> None:
    """Nova's own example."""
    address = account_identifier(ipv6_number("2001:db8::"), mac_number("02:16:3e:33:44:55"), "test")

    assert ipv6_text(address) == "2001:db8::a94a:8fe5:ff33:4455"


def test_bits_below_the_prefix_do_not_spoil_the_address() -> None:
    """Nova ORed them into the interface identifier."""
    assert rfc2462(ipv6_number("fd00::ffff:0:0:1"), 1) == rfc2462(ipv6_number("fd00::"), 1)
    assert account_identifier(ipv6_number("fd00::1"), 0, "p") == account_identifier(
        ipv6_number("fd00::"), 0, "p"
    )


@given_any(st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 64) - 1))
def test_every_mac_is_found_again(mac: int, prefix: int) -> None:
    """So no two MACs have one address on a network."""
    assert mac_of_rfc2462(ipv6_text(rfc2462(prefix << 64, mac))) == mac_text(mac)


def test_an_address_of_another_making_has_no_mac() -> None:
    """One that a person chose, or the other backend made."""
    with pytest.raises(ValueError, match="fd00::1 was not derived"):
        mac_of_rfc2462("fd00::1")


def dual(*suffixes: int, rules: Rules = RFC2462) -> Scenario:
    """Return a cell with a network of both versions that draws these MACs, or any."""
    draws = drawn(*(suffixes or range(1, 100)))
    return given(network(cidr_v6="fd00::/64", gateway_v6="fd00::1"), rules=rules, draws=draws)


def test_a_nic_on_a_network_with_ipv6_gets_an_address_of_each_version() -> None:
    """The derived one is recorded with the NIC."""
    dual(1).when(spawn()).then(
        fact(InstanceSpawned),
        fact(MacGenerated, mac="fa:16:3e:00:00:01"),
        fact(VifCreated, address_v6="fd00::f816:3eff:fe00:1"),
        fact(FixedIpAllocated, address="10.0.0.2"),
    )


def test_without_use_ipv6_there_is_none() -> None:
    """Nova's option and default."""
    (vif,) = dual(1, rules=Rules()).when(spawn()).of(VifCreated)

    assert vif.address_v6 is None


def test_the_other_backend_derives_it_from_the_project() -> None:
    """SHA-1 of `red` begins with 78988010."""
    (vif,) = dual(1, rules=ACCOUNT).when(spawn()).of(VifCreated)

    assert vif.address_v6 == "fd00::7898:8010:ff00:1"


def test_an_address_stays_what_it_was_when_the_backend_changes() -> None:
    """It is recorded, never derived again: the guest has it."""
    scenario = dual(1).happens(spawn())
    scenario.rules = ACCOUNT
    (gone,) = scenario.when(delete()).of(VifDeleted)

    assert gone.address_v6 == "fd00::f816:3eff:fe00:1"


def test_a_network_of_ipv6_alone_makes_nics_without_fixed_ips() -> None:
    """In nova such a NIC never appeared in network_info."""
    scenario = given(network(cidr=None, cidr_v6="fd00::/64"), rules=RFC2462)

    (*_, vif) = scenario.when(spawn("vm", nic())).events
    assert isinstance(vif, VifCreated)
    assert vif.address_v6 is not None
    scenario.happens(delete())
    assert not scenario.state.networks[uid("net")].addresses_v6


def test_a_fixed_ip_of_a_network_without_ipv4_is_refused() -> None:
    """There is none to be had, whether asked for by name or added."""
    scenario = given(network(cidr=None, cidr_v6="fd00::/64"), rules=RFC2462)

    scenario.when(spawn("vm", nic("net", "10.0.0.9"))).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, "requested_networks.0.address", "fd00::/64", "IPv6 only")
    )
    scenario.happens(spawn("vm", nic()))
    scenario.when(add_ip()).then(refused(Code.NO_MORE_FIXED_IPS, "network_id", "IPv6 only"))
    scenario.when(remove_ip("vm", "10.0.0.9")).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_SPECIFIC_INSTANCE, "address")
    )


def test_a_mac_whose_ipv6_address_is_taken_is_drawn_again() -> None:
    """Half of a MAC is all that tells two NICs of a project apart under account_identifier."""
    scenario = dual(1, 2, rules=ACCOUNT).happens(spawn("first", macs=["02:00:00:00:00:01"]))
    (mac,) = scenario.when(spawn("second")).of(MacGenerated)

    assert (mac.mac, mac.draws) == ("fa:16:3e:00:00:02", 2)


def test_a_supplied_mac_whose_ipv6_address_is_taken_is_refused() -> None:
    """The sentence names the address; another project may have the MAC's half."""
    scenario = dual(rules=ACCOUNT).happens(spawn("first", macs=["02:00:00:00:00:01"]))

    scenario.when(spawn("second", macs=["06:00:00:00:00:01"])).then(
        refused(Code.VIRTUAL_INTERFACE_MAC_ADDRESS, "macs", "fd00::7898:8010:ff00:1")
    )
    scenario.happens(spawn("other", actor=ADMIN, project="blue", macs=["06:00:00:00:00:01"]))


def test_the_gateways_address_is_nobodys() -> None:
    """Also when a MAC leads to it."""
    gateway = ipv6_text(rfc2462(ipv6_number("fd00::"), mac_number("02:00:00:00:00:01")))
    scenario = given(network(cidr_v6="fd00::/64", gateway_v6=gateway), rules=RFC2462)

    scenario.when(spawn(macs=["02:00:00:00:00:01"])).then(
        refused(Code.VIRTUAL_INTERFACE_MAC_ADDRESS, "macs", gateway)
    )


def test_a_deleted_nics_address_may_be_derived_again() -> None:
    """It goes with the NIC."""
    scenario = dual(1, 1).happens(spawn("first"), delete("first"))
    (vif,) = scenario.when(spawn("second")).of(VifCreated)

    assert vif.address_v6 == "fd00::f816:3eff:fe00:1"


def test_an_added_nic_has_an_address_too() -> None:
    """When an instance gets an address of a network where it had no NIC."""
    numbers = count(1)
    scenario = given(
        network("a"),
        network("b", "10.0.1.0/24", cidr_v6="fd00::/64"),
        rules=RFC2462,
        draws=drawn(*(next(numbers) for _ in range(9))),
    )
    scenario.happens(spawn("vm", nic("a")))
    (vif,) = scenario.when(add_ip("vm", "b")).of(VifCreated)

    assert vif.address_v6 == "fd00::f816:3eff:fe00:2"
