"""The host plan: what the view and the settings ask of the kernel."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.catalog import AnyEvent
from projections.host_nat import MASQUERADE, FloatingNat, NatNetwork
from projections.host_plan import (
    FORWARDING,
    BoundAddress,
    HostPlan,
    HostSettings,
    Planner,
    bridge_mac,
    plan,
)
from projections.host_view import HostView
from tests.host_events import HOST, OTHER, Nic, claimed, network, network_deleted, network_id, registered

SETTINGS = HostSettings(host=HOST)


def planned(*events: AnyEvent, settings: HostSettings = SETTINGS) -> HostPlan:
    """Return the plan after some events, one decision each."""
    view = HostView(settings.host)
    for seq, event in enumerate(events, start=1):
        view.apply(seq, event)
    return plan(view, settings)


def test_a_host_without_networks_has_an_empty_plan() -> None:
    """Nothing is made before it is needed, and forwarding stays as the operator has it."""
    assert planned(registered(), network(1)) == HostPlan()


def test_the_network_host_has_gateway_dhcp_and_nat() -> None:
    """FlatDHCP: the bridge carries the DHCP server's address, guests leave under the host's."""
    made = planned(network(1), claimed(1), *Nic(1, host=OTHER).spawned())

    assert [(bridge.name, bridge.addresses) for bridge in made.bridges] == [("br1", ("10.1.0.1/24",))]
    assert [(service.interface, service.router) for service in made.dhcp] == [("br1", "10.1.0.1")]
    assert made.nat is not None
    assert made.nat.networks == (NatNetwork("10.1.0.0/24", MASQUERADE),)
    assert made.sysctls == ((FORWARDING, "1"),)


def test_a_host_that_only_computes_has_the_bridge_and_nothing_on_it() -> None:
    """Guests reach their network host through it."""
    made = planned(network(1, bridge_interface="eth1"), claimed(1, OTHER), *Nic(1).spawned())

    assert [(bridge.addresses, bridge.interface) for bridge in made.bridges] == [((), "eth1")]
    assert (made.dhcp, made.nat, made.sysctls) == ((), None, ())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"kind": "vlan", "vlan": 100}, "vlan"),
        ({"multi_host": True}, "multi_host"),
        (dict.fromkeys(("cidr", "gateway", "dhcp_server"), None) | {"cidr_v6": "fd00::/64"}, "IPv6"),
    ],
)
def test_what_the_agent_cannot_serve_is_said_and_not_built(changes: dict[str, object], word: str) -> None:
    """An untagged bridge in place of a VLAN's would join what must be apart."""
    view = HostView(HOST)
    for seq, event in enumerate(
        (network(1).model_copy(update=changes), *Nic(1).spawned(), network(2), *Nic(2, 2).spawned())
    ):
        view.apply(seq, event)
    planner = Planner(SETTINGS)
    made = planner.plan(view)

    assert [(problem.network_id, word in problem.message) for problem in made.problems] == [
        (network_id(1), True)
    ]
    assert [bridge.name for bridge in made.bridges] == ["br2"]
    view.apply(9, network_deleted(1))
    assert planner.plan(view, [network_id(1)]).problems == ()


def test_hosts_that_have_nothing_of_such_a_network_have_no_problem() -> None:
    """Every host sees every network; only those that it would have to serve concern it."""
    assert planned(registered(), network(1, kind="vlan", vlan=100)) == HostPlan()


def test_a_flat_network_of_any_addresses_is_a_bridge() -> None:
    """Its bridge is all that a host makes of it, whatever runs above."""
    made = planned(network(1, kind="flat", multi_host=True, cidr_v6="fd00::/64"), *Nic(1).spawned())

    assert ([bridge.addresses for bridge in made.bridges], made.problems) == ([()], ())


def test_a_flat_network_is_a_bridge() -> None:
    """Flat: addresses, routes and DHCP are the operator's."""
    made = planned(network(1, kind="flat"), claimed(1), *Nic(1).spawned())

    assert [(bridge.name, bridge.addresses) for bridge in made.bridges] == [("br1", ())]
    assert (made.dhcp, made.nat) == ((), None)


def test_without_dhcp_there_is_still_a_gateway() -> None:
    """With nova's enable_dhcp off: no dnsmasq and no translation of the network, but bridge and gateway."""
    made = planned(network(1, enable_dhcp=False), claimed(1))

    assert made.bridges[0].addresses == ("10.1.0.1/24",)
    assert made.dhcp == ()
    assert made.nat is not None
    assert made.nat.networks == (NatNetwork("10.1.0.0/24", None),)


def test_an_external_gateway_is_told_to_guests_and_not_taken() -> None:
    """The host has the DHCP server's address; the router is somebody else's, and so is translation."""
    made = planned(network(1, gateway="10.1.0.254", dhcp_server="10.1.0.2"), claimed(1))

    assert made.bridges[0].addresses == ("10.1.0.2/24",)
    assert made.dhcp[0].router == "10.1.0.254"
    assert made.nat is not None
    assert made.nat.networks == (NatNetwork("10.1.0.0/24", None),)


def test_the_source_of_outgoing_traffic_is_a_setting() -> None:
    """routing_source_ip names it; empty switches translation off, as in nova."""
    named = planned(network(1), claimed(1), settings=replace(SETTINGS, routing_source_ip="192.0.2.1"))
    off = planned(network(1), claimed(1), settings=replace(SETTINGS, routing_source_ip=""))

    assert named.nat is not None
    assert named.nat.networks[0].outgoing == "192.0.2.1"
    assert off.nat is not None
    assert off.nat.networks[0].outgoing is None


def test_the_hosts_own_interface_wins_over_the_networks() -> None:
    """Hosts may be heterogeneous: flat_interface replaces bridge_interface."""
    settings = replace(SETTINGS, flat_interface="eno2")
    made = planned(network(1, bridge_interface="eth1"), claimed(1), settings=settings)

    assert made.bridges[0].interface == "eno2"


def test_floating_ips_are_translated_and_bound_where_their_network_is_served() -> None:
    """Each on its pool's interface, else on the host's public one; oldest association first."""
    one, two = Nic(1), Nic(2)
    made = planned(
        network(1),
        claimed(1),
        *one.spawned(),
        *two.spawned(),
        two.associated("203.0.113.9", "eth5"),
        one.associated("203.0.113.8"),
        one.associated("203.0.113.7"),
    )

    assert made.nat is not None
    assert made.nat.floating == (
        FloatingNat("203.0.113.9", two.fixed, "eth5"),
        FloatingNat("203.0.113.8", one.fixed, "eth0"),
        FloatingNat("203.0.113.7", one.fixed, "eth0"),
    )
    assert made.floating == (
        BoundAddress("203.0.113.9", "eth5"),
        BoundAddress("203.0.113.8", "eth0"),
        BoundAddress("203.0.113.7", "eth0"),
    )


def test_failure_15_a_floating_ip_never_outlives_what_it_points_at() -> None:
    """Even without a record of its disassociation, nobody is let through to a released address."""
    nic = Nic(1)
    made = planned(network(1), claimed(1), *nic.spawned(), nic.associated("203.0.113.9"), nic.deallocated())

    assert made.floating == ()


def test_a_nic_gets_one_dhcp_host_its_first_address() -> None:
    """A DHCP server offers one address for a MAC; hosts are in the order of addresses."""
    first, more, other = Nic(1, address="10.1.0.30"), Nic(1, address="10.1.0.20"), Nic(2, address="10.1.0.9")
    made = planned(network(1), claimed(1), first.allocated(), more.allocated(), other.allocated())

    assert [host.address for host in made.dhcp[0].hosts] == ["10.1.0.9", "10.1.0.30"]


def test_when_its_first_address_is_removed_a_nic_is_served_the_next_one() -> None:
    """That which was allocated next, whatever its number; an address that comes back is the last."""
    first, more, last = Nic(1, address="10.1.0.20"), Nic(1, address="10.1.0.40"), Nic(1, address="10.1.0.30")
    events = (network(1), claimed(1), first.allocated(), more.allocated(), last.allocated())

    assert [host.address for host in planned(*events, first.deallocated()).dhcp[0].hosts] == ["10.1.0.40"]
    back = planned(*events, first.deallocated(), first.allocated())
    assert [host.address for host in back.dhcp[0].hosts] == ["10.1.0.40"]


def test_name_servers_are_the_settings_and_then_the_networks() -> None:
    """use_network_dns_servers adds dns1 and dns2, as in nova."""
    settings = replace(SETTINGS, dns_server=("192.0.2.53",), use_network_dns_servers=True)
    made = planned(network(1, dns1="8.8.4.4"), claimed(1), settings=settings)

    assert made.dhcp[0].servers == ("192.0.2.53", "8.8.4.4")


def test_failure_20_a_bridge_mac_is_stable_local_unicast_and_another_one_on_each_host() -> None:
    """Two hosts share a wire: equal MACs would fight for it."""
    macs = {bridge_mac(host, "br1") for host in (HOST, OTHER)}

    assert len(macs) == 2
    assert all(int(mac[:2], 16) & 0b11 == 0b10 for mac in macs)
    assert bridge_mac(HOST, "br1") in macs


def test_of_overlapping_networks_the_older_one_is_served() -> None:
    """One routing table cannot hold one block twice; the other one keeps its bridge and is a problem."""
    made = planned(network(1), network(2, "10.1.0.128/25"), claimed(2), claimed(1))

    assert [(bridge.name, bridge.addresses) for bridge in made.bridges] == [
        ("br1", ("10.1.0.1/24",)),
        ("br2", ()),
    ]
    assert len(made.dhcp) == 1
    assert [problem.network_id for problem in made.problems] == [network_id(2)]


def test_of_networks_on_one_bridge_only_the_older_one_has_dhcp() -> None:
    """Two DHCP servers on one wire would both answer; both gateways are there."""
    made = planned(network(1), network(2, bridge="br1"), claimed(1), claimed(2))

    assert [bridge.addresses for bridge in made.bridges] == [("10.1.0.1/24", "10.2.0.1/24")]
    assert [service.network_id for service in made.dhcp] == [network_id(1)]
    assert [problem.network_id for problem in made.problems] == [network_id(2)]


def test_networks_that_disagree_about_their_bridge_are_a_problem() -> None:
    """The older network's MTU and interface stay."""
    made = planned(
        network(1, kind="flat", mtu=1400), network(2, kind="flat", bridge="br1"), claimed(1), claimed(2)
    )

    assert [bridge.mtu for bridge in made.bridges] == [1400]
    assert [problem.network_id for problem in made.problems] == [network_id(2)]


def _happenings() -> st.SearchStrategy[list[AnyEvent]]:
    """Return histories of three networks, in any order that a ledger could hold."""
    nics = [Nic(n, network=1 + n % 3, host=(HOST, OTHER)[n % 2]) for n in range(6)]
    changes: list[list[AnyEvent]] = [
        *([*nic.spawned()] for nic in nics),
        *([*nic.gone()] for nic in nics),
        *list[list[AnyEvent]]([nic.associated(f"203.0.113.{nic.number}")] for nic in nics),
        *list[list[AnyEvent]]([nic.disassociated(f"203.0.113.{nic.number}")] for nic in nics),
        [network_deleted(3)],
        [claimed(1)],
        [claimed(2, OTHER)],
    ]
    return st.lists(st.sampled_from(changes), max_size=25).map(
        lambda chosen: [event for group in chosen for event in group]
    )


@given(events=_happenings(), every=st.integers(min_value=1, max_value=5))
def test_planning_only_what_changed_equals_planning_everything(events: list[AnyEvent], every: int) -> None:
    """Incremental equals full, after any history and with any number of events between two plans."""
    view = HostView(HOST)
    planner = Planner(SETTINGS)
    history = [network(1), network(2), network(3), claimed(3), *events]
    changed: set[str] = set()
    for seq, event in enumerate(history, start=1):
        if not (event.type == "NetworkClaimed.v1" and event.network_id not in view.networks):
            changed.update(view.apply(seq, event))
        if seq % every == 0:
            assert planner.plan(view, changed) == plan(view, SETTINGS)
            changed.clear()
    assert planner.plan(view, changed) == plan(view, SETTINGS)
