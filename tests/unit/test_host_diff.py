"""The difference between plan and host: complete, minimal, in the right order, about what is ours."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.catalog import AnyEvent
from host_agent.diff import Difference, diff
from host_agent.observed import ADDRESS_LABEL, Address, DhcpDirectory, Link
from host_agent.steps import (
    AddAddress,
    AddDhcpHosts,
    BindAddress,
    ChangeElements,
    CreateBridge,
    DeleteAddress,
    DeleteLink,
    EndFlows,
    Enslave,
    MendBridge,
    ReplaceTable,
    RestartDhcp,
    SetSysctl,
    Step,
    StopDhcp,
    UnbindAddress,
)
from projections.host_plan import HostPlan, HostSettings, plan
from projections.host_view import HostView
from tests.host_events import HOST, OTHER, Nic, claimed, network, network_id
from tests.host_model import NETWORKS_PATH, ModelHost, nic

FLOATING = "203.0.113.7"
WEB, APP = Nic(1, hostname="web"), Nic(2, hostname="app")
SERVED = (network(1), claimed(1), *WEB.spawned())
FLOATED = (*SERVED, WEB.associated(FLOATING))


def planned(*events: AnyEvent) -> HostPlan:
    """Return the plan after some events, one decision each."""
    view = HostView(HOST)
    for seq, event in enumerate(events, start=1):
        view.apply(seq, event)
    return plan(view, HostSettings(host=HOST))


def difference(wanted: HostPlan, host: ModelHost) -> Difference:
    """Return what is left to do on a host."""
    return diff(wanted, host.observe(), NETWORKS_PATH)


def settled(wanted: HostPlan, host: ModelHost | None = None) -> ModelHost:
    """Return a host that agrees with a plan."""
    host = host or ModelHost()
    for step in difference(wanted, host).steps:
        host.apply(step)
    assert difference(wanted, host).steps == ()
    host.made.clear()
    return host


def kinds(steps: tuple[Step, ...]) -> list[type[Step]]:
    """Return what kinds of steps there are, in order."""
    return [type(step) for step in steps]


def test_a_bare_host_is_built_from_the_bottom_up() -> None:
    """Translation is there before the floating IP answers; DHCP starts on a bridge with its address."""
    steps = difference(planned(*FLOATED), ModelHost()).steps

    assert kinds(steps) == [ReplaceTable, CreateBridge, AddAddress, SetSysctl, BindAddress, RestartDhcp]


def test_everything_is_taken_away_from_the_top_down() -> None:
    """The floating IP stops answering first; its connections end once the translation is gone."""
    host = settled(planned(*FLOATED))
    steps = difference(HostPlan(), host).steps

    assert [type(step).__name__ for step in steps] == [
        "UnbindAddress",
        "DeleteTable",
        "EndFlows",
        "StopDhcp",
        "DeleteLink",
    ]


def test_an_added_nic_is_one_step() -> None:
    """A new guest costs a file that dnsmasq watches, not a restart."""
    host = settled(planned(*SERVED))
    steps = difference(planned(*SERVED, *APP.spawned()), host).steps

    assert steps == (AddDhcpHosts(network_id(1), (f"{APP.mac},app.novalocal,{APP.fixed}",)),)


def test_a_released_nic_is_taken_away_by_a_restart() -> None:
    """Removing a file does not make dnsmasq forget; only a restart frees address and lease."""
    host = settled(planned(*SERVED, *APP.spawned()))
    steps = difference(planned(*SERVED, *APP.spawned(), *WEB.gone()), host).steps

    assert kinds(steps) == [RestartDhcp]


def test_failure_10_a_moved_floating_ip_changes_hands_in_one_transaction() -> None:
    """The key leads elsewhere at once, and connections to the old instance end after that."""
    host = settled(planned(*FLOATED, *APP.spawned()))
    moved = planned(*FLOATED, *APP.spawned(), WEB.disassociated(FLOATING), APP.associated(FLOATING))
    steps = difference(moved, host).steps

    assert kinds(steps) == [ChangeElements, EndFlows]
    assert settled(moved, host).ended == [FLOATING]


def test_a_disassociated_floating_ip_is_unbound_before_it_is_untranslated() -> None:
    """Otherwise the host itself would answer at an address that is a guest's."""
    host = settled(planned(*FLOATED))
    steps = difference(planned(*SERVED), host).steps

    assert steps[0] == UnbindAddress(FLOATING, "eth0")
    assert kinds(steps) == [UnbindAddress, ChangeElements, EndFlows]


DRIFT: dict[str, tuple[Callable[[Any], object], list[type[Step]]]] = {
    "bridge deleted": (lambda host: host.lose_link("br1"), [CreateBridge, AddAddress, RestartDhcp]),
    "address removed": (
        lambda host: host.addresses.remove(Address("br1", "10.1.0.1/24", "br1")),
        [AddAddress],
    ),
    "address added": (
        lambda host: host.addresses.append(Address("br1", "10.1.0.99/24", "br1")),
        [DeleteAddress],
    ),
    "bridge down": (
        lambda host: host.links.update(br1=replace(host.links["br1"], up=False)),
        [MendBridge],
    ),
    "alias gone": (
        lambda host: host.links.update(br1=replace(host.links["br1"], alias=None)),
        [MendBridge],
    ),
    "MAC changed": (
        lambda host: host.links.update(br1=replace(host.links["br1"], mac="02:00:00:00:00:99")),
        [MendBridge],
    ),
    "floating IP unbound": (
        lambda host: host.addresses.remove(Address("eth0", f"{FLOATING}/32", ADDRESS_LABEL)),
        [BindAddress],
    ),
    "floating IP bound elsewhere": (
        lambda host: host.addresses.append(Address("br1", f"{FLOATING}/32", ADDRESS_LABEL)),
        [UnbindAddress, EndFlows],
    ),
    "table deleted": (lambda host: setattr(host, "nat", None), [ReplaceTable]),
    "rules flushed": (
        lambda host: setattr(
            host, "nat", replace(host.nat, chains=tuple(replace(c, rules=()) for c in host.nat.chains))
        ),
        [ReplaceTable],
    ),
    "rule added": (
        lambda host: setattr(
            host,
            "nat",
            replace(host.nat, chains=tuple(replace(c, rules=("", *c.rules)) for c in host.nat.chains)),
        ),
        [ReplaceTable],
    ),
    "element removed": (
        lambda host: setattr(
            host, "nat", replace(host.nat, elements={**host.nat.elements, "floating_dnat": {}})
        ),
        [ChangeElements],
    ),
    "dnsmasq died": (
        lambda host: host.dhcp.update({network_id(1): DhcpDirectory(None, host.dhcp[network_id(1)].hosts)}),
        [RestartDhcp],
    ),
    "forwarding off": (lambda host: host.sysctls.update({"net.ipv4.ip_forward": "0"}), [SetSysctl]),
}


@pytest.mark.parametrize("drift", DRIFT)
def test_drift_is_repaired_by_its_own_step(drift: str) -> None:
    """Whatever somebody did by hand is undone, and nothing else is touched."""
    wanted = planned(*FLOATED)
    host = settled(wanted)
    change, expected = DRIFT[drift]
    change(host)

    assert kinds(difference(wanted, host).steps) == expected
    settled(wanted, host)


def test_what_is_not_ours_is_left_alone() -> None:
    """Somebody's bridge, address and ports stay, also when nothing of ours is wanted."""
    docker = Link(9, "docker0", "bridge", "02:42:00:00:00:01", 1500, up=True, master=0, alias=None, group=0)
    host = ModelHost(links={"docker0": docker, "eth0": nic("eth0", 2)})
    host.addresses.append(Address("docker0", "172.17.0.1/16", "docker0"))
    host.addresses.append(Address("eth0", "192.0.2.10/24", "eth0"))

    assert difference(HostPlan(), host).steps == ()
    settled(planned(*FLOATED), host)
    settled(HostPlan(), host)
    assert sorted(host.links) == ["docker0", "eth0"]
    assert [each.address for each in host.addresses] == ["172.17.0.1/16", "192.0.2.10/24"]


def test_a_bridge_whose_maker_died_before_marking_it_is_ours() -> None:
    """The group is set with the creation, the alias after it: it is found and completed, or removed."""
    host = settled(planned(*SERVED))
    host.links["br1"] = replace(host.links["br1"], alias=None)

    assert kinds(difference(planned(*SERVED), host).steps) == [MendBridge]
    assert DeleteLink("br1") in difference(HostPlan(), host).steps


def test_a_served_network_does_not_take_somebodys_bridge() -> None:
    """A bridge that we did not make gets no gateway from us: a person is told, and nothing is done to it."""
    foreign = Link(9, "br1", "bridge", "02:00:00:00:00:09", 1500, up=True, master=0, alias=None, group=0)
    found = difference(planned(*SERVED), ModelHost(links={"br1": foreign}))

    assert kinds(found.steps) == [ReplaceTable, SetSysctl]
    assert [problem.split(",")[0] for problem in found.problems] == ["br1"]


def test_a_guest_may_be_plugged_into_the_operators_bridge() -> None:
    """Flat networks traditionally have a bridge of the operator's: it is used as it is."""
    foreign = Link(9, "br1", "bridge", "02:00:00:00:00:09", 1500, up=False, master=0, alias=None, group=0)
    wanted = planned(network(1, kind="flat", bridge_interface="eth0"), *WEB.spawned())

    assert difference(wanted, ModelHost(links={"br1": foreign})) == Difference((), ())


def test_an_uplink_is_enslaved_and_brought_up() -> None:
    """It happens once; an uplink that went down is brought up again."""
    wanted = planned(network(1, bridge_interface="eth0"), claimed(1, OTHER), *WEB.spawned())
    host = ModelHost()
    assert kinds(difference(wanted, host).steps) == [CreateBridge, Enslave]
    settled(wanted, host)
    host.links["eth0"] = replace(host.links["eth0"], up=False)

    assert kinds(difference(wanted, host).steps) == [Enslave]


@pytest.mark.parametrize(
    ("there", "addresses", "said"),
    [
        ({}, [], "does not exist"),
        ({"eth0": replace(nic("eth0", 2), master=77)}, [], "port of another bridge"),
        ({"eth0": nic("eth0", 2)}, [Address("eth0", "192.0.2.10/24", "eth0")], "own address 192.0.2.10/24"),
    ],
    ids=["missing", "taken", "in use"],
)
def test_failure_20_an_uplink_that_cannot_be_had_is_a_problem(
    there: dict[str, Link], addresses: list[Address], said: str
) -> None:
    """The host keeps its own connection (nova's bug 859587 and its kin cut it), and a person is told."""
    wanted = planned(network(1, bridge_interface="eth0"), claimed(1, OTHER), *WEB.spawned())
    found = difference(wanted, ModelHost(links=there, addresses=addresses))

    assert kinds(found.steps) == [CreateBridge]
    assert len(found.problems) == 1
    assert said in found.problems[0]


def test_a_missing_public_interface_is_a_problem() -> None:
    """Floating IPs are translated but cannot be bound; the rest goes on."""
    found = difference(planned(*FLOATED), ModelHost(links={}))

    assert BindAddress not in kinds(found.steps)
    assert "public interface eth0 does not exist" in found.problems[0]


def test_an_operators_address_counts_as_bound_and_is_never_unbound() -> None:
    """The operator may bind floating IPs by other means: without our label it is not ours."""
    host = ModelHost(addresses=[Address("eth0", f"{FLOATING}/24", "eth0")])
    settled(planned(*FLOATED), host)
    settled(HostPlan(), host)

    assert [each.address for each in host.addresses] == [f"{FLOATING}/24"]


def test_changed_dhcp_settings_restart_it() -> None:
    """The domain, options and range are read at the start only (nova never noticed a change)."""
    host = settled(planned(*SERVED))
    changed = planned(network(1, mtu=1400), *SERVED[1:])

    assert kinds(difference(changed, host).steps) == [MendBridge, RestartDhcp]


def test_dhcp_of_a_network_that_went_away_is_stopped_before_its_bridge_goes() -> None:
    """Also what a former agent left behind, of which no plan knows."""
    host = settled(planned(*SERVED))

    assert kinds(difference(HostPlan(), host).steps)[-2:] == [StopDhcp, DeleteLink]


NICS = [Nic(n, network=1 + n % 2, hostname=f"h{n}") for n in range(5)]


def _plans() -> st.SearchStrategy[HostPlan]:
    """Return plans of up to two served networks with any of five NICs, each with or without a floating IP."""
    chosen = st.sets(st.sampled_from(NICS))
    floated = st.dictionaries(st.sampled_from(["203.0.113.1", "203.0.113.2"]), st.sampled_from(NICS))

    def made(nics: set[Nic], floating: dict[str, Nic], served: set[int]) -> HostPlan:
        events: list[AnyEvent] = [network(1), network(2, mtu=1400), *(claimed(n) for n in sorted(served))]
        for each in sorted(nics, key=lambda one: one.number):
            events += each.spawned()
        events += [each.associated(address) for address, each in sorted(floating.items())]
        return planned(*events)

    return st.builds(made, chosen, floated, st.sets(st.sampled_from([1, 2])))


@given(first=_plans(), second=_plans(), lost=st.booleans())
def test_from_any_state_one_round_of_steps_reaches_the_plan(
    first: HostPlan, second: HostPlan, *, lost: bool
) -> None:
    """Every step is valid when its turn comes, and nothing is left to do after them."""
    host = settled(first)
    if lost and "br1" in host.links:
        host.lose_link("br1")

    settled(second, host)
    settled(HostPlan(), host)
    assert list(host.links) == ["eth0"]
    assert (host.addresses, host.nat, host.dhcp) == ([], None, {})
