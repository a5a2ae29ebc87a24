"""Which networks an instance gets NICs on, by kind and project (nova-network.md sections 5.3 and 7.2)."""

import pytest

from events.fixed_ips import FixedIpAllocated
from events.instances import InstanceSpawned, MacGenerated, VifCreated
from events.projects import NetworkProjectAssigned, NetworkProjectReleased
from events.refusals import Code
from tests.unit.given import Outcome, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    add_network,
    create,
    delete,
    delete_network,
    modify,
    nic,
    quota,
    register,
    spawn,
    uid,
    vlan,
)

NAMES = ("flat", "v1", "v2", "v3", "net", "lan", "mine")


def nics(outcome: Outcome) -> list[str]:
    """Return the names of the networks of a new instance's NICs."""
    known = {uid(name): name for name in NAMES}
    return [known[vif.network_id] for vif in outcome.of(VifCreated)]


# --- VLAN networks on demand ------------------------------------------------------------------------------


def test_a_projects_first_instance_gets_a_vlan_network_of_its_own() -> None:
    """Network, MACs and addresses in one decision: the first network of nobody, in order of creation."""
    given(vlan("v1", 100), vlan("v2", 101)).when(spawn()).then(
        fact(NetworkProjectAssigned, network_id=uid("v1"), project_id="red", forced=False),
        fact(InstanceSpawned),
        fact(MacGenerated),
        fact(VifCreated, network_id=uid("v1")),
        fact(FixedIpAllocated, address="10.100.0.3"),
    )


def test_concurrent_first_boots_converge_on_one_network() -> None:
    """The second of two spawns finds what the first one was given; another project gets another one."""
    scenario = given(vlan("v1", 100), vlan("v2", 101), spawn("first"))

    second = scenario.when(spawn("second"))
    assert second.of(NetworkProjectAssigned) == []
    assert nics(second) == ["v1"]
    other = scenario.when(spawn("bobs", actor=BOB, project="blue"))
    assert [event.network_id for event in other.of(NetworkProjectAssigned)] == [uid("v2")]


def test_a_spawn_that_is_refused_associates_nothing() -> None:
    """All or nothing: with a quota of no addresses the network stays nobody's."""
    scenario = given(vlan("v1", 100), quota("red", fixed_ips=0))

    scenario.when(spawn()).then(refused(Code.FIXED_IP_LIMIT_EXCEEDED, "project_id"))
    assert scenario.state.networks[uid("v1")].project_id is None


def test_a_project_gets_nics_on_all_its_vlan_networks() -> None:
    """In the order in which it got them."""
    scenario = given(vlan("v1", 100), vlan("v2", 101), vlan("v3", 102), spawn("first"))
    scenario.happens(add_network("red", "v3"))

    assert nics(scenario.when(spawn("second"))) == ["v1", "v3"]


def test_no_vlan_network_left() -> None:
    """Nova's name; the sentence says what to do."""
    scenario = given(vlan("v1", 100), spawn("first"))

    scenario.when(spawn("bobs", actor=BOB, project="blue")).then(
        refused(Code.NO_MORE_NETWORKS, "project_id", "'blue'", "netledger network create")
    )


def test_a_network_given_back_is_associated_last() -> None:
    """Of the networks of nobody, the one that waits for longest is next."""
    scenario = given(vlan("v1", 100), vlan("v2", 101), add_network("red", "v1"))
    scenario.happens(modify("v1", disassociate_project=True))

    assert nics(scenario.when(spawn())) == ["v2"]
    assert nics(scenario.when(spawn("bobs", actor=BOB, project="blue"))) == ["v1"]


def test_a_deleted_network_is_not_associated() -> None:
    """Neither while it was nobody's nor after it was a project's."""
    scenario = given(vlan("v1", 100), vlan("v2", 101), vlan("v3", 102), add_network("red", "v2"))
    scenario.happens(delete_network("v1"), delete_network("v2", require_disassociated=False))

    assert nics(scenario.when(spawn())) == ["v3"]
    scenario.happens(delete(), delete_network("v3", require_disassociated=False))
    scenario.when(spawn("next")).then(fact(InstanceSpawned))


def test_only_a_network_that_the_host_reaches_is_associated() -> None:
    """Whatever was created before it on another physical network."""
    scenario = given(vlan("v1", 100, physical_network="rack1"), vlan("v2", 101, physical_network="rack2"))
    scenario.happens(register("h1", "rack2", "rack3"))

    assert nics(scenario.when(spawn())) == ["v2"]
    scenario.when(spawn("bobs", actor=BOB, project="blue")).then(
        refused(Code.NETWORK_NOT_REACHABLE, "host", "'h1'", "rack1")
    )


def test_a_project_whose_network_is_out_of_reach_gets_no_second_one() -> None:
    """Which networks a project has does not depend on where its instances run."""
    scenario = given(vlan("v1", 100, physical_network="rack1"), vlan("v2", 101, physical_network="rack2"))
    scenario.happens(add_network("red", "v1"), register("h1", "rack2"))

    scenario.when(spawn()).then(refused(Code.NETWORK_NOT_REACHABLE, "host", "rack1"))


# --- Cells with flat and VLAN networks --------------------------------------------------------------------


def test_a_project_that_sees_a_flat_network_needs_no_vlan_network() -> None:
    """Its instances have where to go; an admin gives it a VLAN network if it shall have one."""
    scenario = given(create("flat"), vlan("v1", 100))

    assert nics(scenario.when(spawn("first"))) == ["flat"]
    scenario.happens(add_network("red", "v1"))
    assert nics(scenario.when(spawn("second"))) == ["flat", "v1"]
    assert nics(scenario.when(spawn("bobs", actor=BOB, project="blue"))) == ["flat"]


def test_a_network_of_its_own_is_as_good_as_a_vlan_network() -> None:
    """A flat network restricted to a project counts; another project's does not."""
    scenario = given(create("mine", project_id="red"), vlan("v1", 100))

    assert nics(scenario.when(spawn())) == ["mine"]
    assert nics(scenario.when(spawn("bobs", actor=BOB, project="blue"))) == ["v1"]


def test_a_requested_vlan_network_is_not_dropped() -> None:
    """Nova's flat managers silently dropped every requested network that had a VLAN."""
    scenario = given(create("flat"), vlan("v1", 100, project_id="red"))

    assert nics(scenario.when(spawn("one", nic("v1")))) == ["v1"]
    assert nics(scenario.when(spawn("two", nic("v1"), nic("flat")))) == ["v1", "flat"]


def test_a_cell_without_networks_gives_no_nics() -> None:
    """As nova's flat kinds; there is nothing to run out of."""
    given().when(spawn()).then(fact(InstanceSpawned))


# --- Requested networks -----------------------------------------------------------------------------------


def test_the_order_of_the_request_is_that_of_the_nics() -> None:
    """Not the order of creation (nova's `90d3371be6`)."""
    scenario = given(create("net", "10.0.0.0/24"), create("lan", "10.0.1.0/24"), vlan(project_id="red"))

    made = scenario.when(spawn("vm", nic("lan"), nic("vlan"), nic("net"))).of(VifCreated)

    assert [(vif.index, vif.network_id) for vif in made] == [
        (0, uid("lan")),
        (1, uid("vlan")),
        (2, uid("net")),
    ]


@pytest.mark.parametrize("actor", [ANN, ADMIN])
def test_a_vlan_network_of_nobody_cannot_be_requested(actor: object) -> None:
    """Nova let any number of projects onto it; here an admin gives it to one first."""
    scenario = given(vlan("v1", 100), vlan("v2", 101, project_id="red"))
    asked = spawn("vm", nic("v1")).model_copy(update={"actor": actor})

    scenario.when(asked).then(refused(Code.NO_NETWORKS_FOUND, "requested_networks.0.network_id", uid("v1")))
    scenario.when(spawn("vm", nic("v2"), nic("v1"))).then(
        refused(Code.NETWORK_NOT_FOUND_FOR_PROJECT, "requested_networks.1.network_id", uid("v1"))
    )
    scenario.happens(add_network("red", "v1"))
    assert nics(scenario.when(asked)) == ["v1"]


def test_another_projects_vlan_network_cannot_be_requested() -> None:
    """Nor is it told from one that does not exist."""
    scenario = given(create("net"), vlan("v1", 100, project_id="red"))

    for name in ("v1", "nowhere"):
        scenario.when(spawn("vm", nic(name), actor=BOB, project="blue")).then(
            refused(Code.NO_NETWORKS_FOUND, "requested_networks.0.network_id", "'blue'")
        )
        scenario.when(spawn("vm", nic("net"), nic(name), actor=BOB, project="blue")).then(
            refused(Code.NETWORK_NOT_FOUND_FOR_PROJECT, "requested_networks.1.network_id", "'blue'")
        )


def test_a_requested_network_out_of_reach_is_refused() -> None:
    """It was named, so nothing else is taken in its place."""
    scenario = given(vlan("v1", 100, project_id="red", physical_network="rack1"), register("h1", "rack2"))

    scenario.when(spawn("vm", nic("v1"))).then(
        refused(Code.NETWORK_NOT_REACHABLE, "requested_networks.0.network_id", "rack1")
    )


def test_a_request_for_nothing_associates_nothing() -> None:
    """An empty list is a request: no NICs."""
    scenario = given(vlan("v1", 100))
    asked = spawn().model_copy(update={"requested_networks": ()})

    scenario.when(asked).then(fact(InstanceSpawned))
    assert scenario.state.networks[uid("v1")].project_id is None


def test_a_network_that_changed_hands_is_seen_by_its_new_project_alone() -> None:
    """From both sides, before and after."""
    scenario = given(create("net", project_id="red"))
    as_bob = spawn("bobs", nic("net"), actor=BOB, project="blue")
    scenario.when(as_bob).then(refused(Code.NO_NETWORKS_FOUND, "requested_networks.0.network_id"))

    scenario.when(modify("net", project_id="blue", overwrite=True)).then(
        fact(NetworkProjectReleased, project_id="red"), fact(NetworkProjectAssigned, project_id="blue")
    )
    scenario.when(spawn("vm", nic("net"))).then(
        refused(Code.NO_NETWORKS_FOUND, "requested_networks.0.network_id")
    )
    scenario.when(spawn("anns")).then(fact(InstanceSpawned))
    assert nics(scenario.when(as_bob)) == ["net"]
