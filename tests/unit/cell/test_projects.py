"""Networks that change hands (nova-network.md sections 5.3, 5.4 and 12.7)."""

import pytest

from events.errors import InvariantBroken
from events.networks import NetworkDeleted
from events.ownership import NetworkHostReleased
from events.projects import NetworkProjectAssigned, NetworkProjectReleased
from events.refusals import Code
from tests.unit.given import Later, Message, fact, given, refused
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
    register,
    remove_ip,
    spawn,
    uid,
    vlan,
)

# --- add_network_to_project -------------------------------------------------------------------------------


def test_an_admin_gives_a_project_the_next_vlan_network() -> None:
    """Also if it has one already: that is what forced means."""
    scenario = given(vlan("v1", 100), vlan("v2", 101), spawn("first"))

    scenario.when(add_network("red")).then(
        fact(NetworkProjectAssigned, network_id=uid("v2"), project_id="red", forced=True)
    )
    scenario.when(add_network("red")).then(refused(Code.NO_MORE_NETWORKS, "network_id"))


def test_an_admin_gives_a_project_a_certain_vlan_network() -> None:
    """Given to it twice, it is no error; given to two, the second is refused."""
    scenario = given(vlan("v1", 100), vlan("v2", 101))

    scenario.when(add_network("red", "v2")).then(fact(NetworkProjectAssigned, network_id=uid("v2")))
    scenario.when(add_network("red", "v2")).then()
    scenario.when(add_network("blue", "v2")).then(
        refused(Code.NO_MORE_NETWORKS, "network_id", "'red'", "disassociate")
    )


def test_only_vlan_networks_are_added_to_projects() -> None:
    """Nova answered 501; what to do instead is said."""
    given(create("net")).when(add_network("red", "net")).then(
        refused(Code.NOT_IMPLEMENTED_FOR_KIND, "network_id", "flatdhcp", "network modify")
    )


def test_a_network_that_is_not_there_is_given_to_nobody() -> None:
    """By id, and by none where there are no networks."""
    given().when(add_network("red", "nowhere")).then(refused(Code.NETWORK_NOT_FOUND, "network_id"))
    given(create("net")).when(add_network("red")).then(refused(Code.NO_MORE_NETWORKS, "network_id"))


# --- associate, disassociate, modify ----------------------------------------------------------------------


def test_a_network_is_restricted_to_a_project_and_opened_again() -> None:
    """Flat kinds, too; what is so already leaves no event."""
    scenario = given(create("net"))

    scenario.when(modify("net", project_id="red")).then(
        fact(NetworkProjectAssigned, network_id=uid("net"), project_id="red", forced=True)
    )
    scenario.when(modify("net", project_id="red")).then()
    scenario.when(modify("net", disassociate_project=True)).then(
        fact(NetworkProjectReleased, network_id=uid("net"), project_id="red")
    )
    scenario.when(modify("net", disassociate_project=True)).then()


def test_another_projects_network_is_not_taken_unless_overwritten() -> None:
    """Nova's associate takes only what is nobody's, network modify takes it whoever has it."""
    scenario = given(vlan("v1", 100, project_id="blue"))

    scenario.when(modify("v1", project_id="red")).then(refused(Code.NO_MORE_NETWORKS, "network_id", "'blue'"))
    scenario.when(modify("v1", project_id="red", overwrite=True)).then(
        fact(NetworkProjectReleased, project_id="blue"),
        fact(NetworkProjectAssigned, project_id="red", forced=True),
    )


@pytest.mark.parametrize("kind", ["vlan", "flat"])
@pytest.mark.parametrize(
    "wish",
    [
        modify("v1", project_id="blue", overwrite=True),
        modify("v1", disassociate_project=True),
    ],
)
def test_a_network_is_not_taken_from_the_instances_that_use_it(kind: str, wish: Message) -> None:
    """As nova did: the next project shared a VLAN with them. Opening a flat one takes it from nobody."""
    scenario = given(register(), vlan("v1", 100, kind=kind, project_id="red"), spawn("vm", nic("v1")))
    opened = kind == "flat" and wish == modify("v1", disassociate_project=True)

    if opened:
        scenario.when(wish).then(fact(NetworkProjectReleased))
        return
    scenario.when(wish).then(refused(Code.NETWORK_IN_USE, "network_id", "1 NICs"))
    scenario.happens(remove_ip("vm", "10.100.0.3"))
    scenario.when(wish).then(refused(Code.NETWORK_IN_USE, "network_id", "1 NICs"))
    scenario.happens(delete("vm"))
    scenario.when(wish).then(refused(Code.NETWORK_IN_USE, "network_id", "1 addresses still drain"))
    assert scenario.happens(Later(601)).when(wish).of(NetworkProjectReleased)


def test_an_open_network_in_use_is_not_restricted() -> None:
    """Whose instances are on it is not asked: none of them loses its network."""
    given(create("net"), spawn("vm", nic("net"))).when(modify("net", project_id="blue")).then(
        refused(Code.NETWORK_IN_USE, "network_id")
    )


def test_host_and_project_change_in_one_decision_or_neither_does() -> None:
    """A host that does not reach the network leaves it with its project, a network in use with its host."""
    scenario = given(
        register("h1"), register("h2", "rack2"), create("net", project_id="red"), spawn("vm", nic("net"))
    )
    network = scenario.state.networks[uid("net")]
    before = network.project_id, network.host

    scenario.when(modify("net", disassociate_project=True, host="h2", overwrite=True)).then(
        refused(Code.NETWORK_NOT_REACHABLE, "host", "h2", "default")
    )
    scenario.when(modify("net", project_id="blue", disassociate_host=True, overwrite=True)).then(
        refused(Code.NETWORK_IN_USE, "network_id")
    )
    assert (network.project_id, network.host) == before
    scenario.when(modify("net", disassociate_project=True, disassociate_host=True)).then(
        fact(NetworkProjectReleased, project_id="red"), fact(NetworkHostReleased, host="h1")
    )


def test_a_change_says_one_thing() -> None:
    """To a project and away from it is neither, and nothing is no change."""
    scenario = given(create("net"))

    scenario.when(modify("net", project_id="red", disassociate_project=True)).then(
        refused(Code.INVALID_INPUT, "disassociate_project")
    )
    scenario.when(modify("net")).then(refused(Code.INVALID_INPUT, "project_id", "Nothing"))
    scenario.when(modify("nowhere", project_id="red")).then(refused(Code.NETWORK_NOT_FOUND, "network_id"))


@pytest.mark.parametrize("actor", [ANN, BOB])
@pytest.mark.parametrize(
    "wish",
    [
        add_network("red"),
        add_network("red", "v1"),
        modify("v1", project_id="red"),
        modify("mine", disassociate_project=True),
    ],
)
def test_only_an_admin_changes_whose_a_network_is(actor: object, wish: Message) -> None:
    """Neither its own project nor another one may."""
    given(vlan("v1", 100), vlan("mine", 101, project_id="red")).when(
        wish.model_copy(update={"actor": actor})
    ).then(refused(Code.FORBIDDEN, "actor.is_admin"))


def test_a_projects_network_is_given_back_before_it_is_deleted() -> None:
    """So that its history says until when it was whose."""
    scenario = given(vlan("v1", 100, project_id="red"))

    scenario.when(delete_network("v1")).then(refused(Code.NETWORK_HAS_PROJECT, "network_id"))
    scenario.when(delete_network("v1", require_disassociated=False)).then(
        fact(NetworkProjectReleased, project_id="red"), fact(NetworkDeleted)
    )


def test_a_disassociated_network_may_be_deleted() -> None:
    """Without being asked twice."""
    given(vlan("v1", 100, project_id="red"), modify("v1", disassociate_project=True)).when(
        delete_network("v1", ADMIN)
    ).then(fact(NetworkDeleted))


def test_a_history_that_gives_a_network_twice_is_none() -> None:
    """Or takes it from a project that does not have it."""
    scenario = given(vlan("v1", 100, project_id="red"))
    with pytest.raises(InvariantBroken, match="belongs to project red"):
        scenario.happens(NetworkProjectAssigned(network_id=uid("v1"), project_id="blue", forced=True))
    with pytest.raises(InvariantBroken, match="does not belong to"):
        given(vlan("v1", 100)).happens(NetworkProjectReleased(network_id=uid("v1"), project_id="red"))
