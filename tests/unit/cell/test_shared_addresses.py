"""Networks of different projects may share addresses; nobody is told another's or served the wrong one."""

import pytest

from events.fixed_ips import (
    FixedIpAllocated,
    FixedIpDeallocated,
    FixedIpDisassociated,
    FixedIpReserved,
    FixedIpUnreserved,
)
from events.floating_ips import FloatingIpAssociated
from events.networks import CreateNetworks, NetworkClaimed, NetworkCreated
from events.ownership import NetworkHostAssigned, NetworkHostLetGo
from events.projects import NetworkProjectAssigned, NetworkProjectReleased
from events.refusals import Code
from projections.cell.host.fences import Silence
from projections.cell.network.overlaps import networks_at, overlapping_if, overlaps_on_host
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    add_ip,
    associate,
    claim,
    create,
    delete_network,
    floating_allocate,
    floating_create,
    modify,
    nic,
    register,
    remove_ip,
    reserve,
    set_host,
    spawn,
    uid,
    unreserve,
)

RED = create("red", project_id="red")
BLUE = create("blue", project_id="blue")


def both() -> Scenario:
    """Return a cell in which two projects have an instance with one address each."""
    bobs = spawn("bob", nic("blue"), actor=BOB, project="blue")
    return given(RED, BLUE, spawn("ann", nic("red")), bobs)


def test_projects_may_use_the_same_block() -> None:
    """Their guests never meet: each network has its own bridge, host and NAT."""
    addresses = {
        allocation.network_id: allocation.address for allocation in both().state.allocations.values()
    }

    assert set(addresses) == {uid("red"), uid("blue")}
    assert len(set(addresses.values())) == 1


@pytest.mark.parametrize(
    "second",
    [
        create("second"),
        create("second", project_id="red"),
        create("second", "10.0.0.0/16", project_id="red"),
        create("second", "10.0.0.128/25", project_id="red"),
        create("second", project_id="blue", multi_host=True),
    ],
)
def test_whoever_could_meet_must_not_share_addresses(second: CreateNetworks) -> None:
    """Networks of one project, those that all projects see, and those that every host serves."""
    given(RED).when(second).then(refused(Code.CIDR_CONFLICT, "cidr", "red"))


@pytest.mark.parametrize("first", [create("first"), create("first", project_id="blue", multi_host=True)])
def test_nor_with_one_that_was_there_before(first: CreateNetworks) -> None:
    """The rule holds whichever comes first."""
    given(first).when(RED).then(refused(Code.CIDR_CONFLICT, "cidr", "first"))


def test_the_rule_is_that_of_both_versions() -> None:
    """Prefixes too may be shared by projects only."""
    first = create("first", "10.0.0.0/24", project_id="red", cidr_v6="fd00::/64")
    scenario = given(first, create("second", "10.0.0.0/24", project_id="blue", cidr_v6="fd00::/64"))

    scenario.when(create("third", "10.1.0.0/24", project_id="red", cidr_v6="fd00::/64")).then(
        refused(Code.CIDR_CONFLICT, "cidr_v6", "first")
    )
    scenario.when(create("all", "10.2.0.0/24", cidr_v6="fd00::/64")).then(
        refused(Code.CIDR_CONFLICT, "cidr_v6")
    )


def test_a_project_splits_a_block_that_another_uses() -> None:
    """Only its own networks and everybody's are passed over."""
    scenario = given(RED, create("all", "10.0.1.0/24"), create("mine", "10.0.2.0/24", project_id="blue"))
    asked = create("net", "10.0.0.0/16", project_id="blue", uuid=None, num_networks=3, network_size=256)

    scenario.when(asked).then(*[fact(NetworkCreated, cidr=f"10.0.{third}.0/24") for third in (0, 3, 4)])


def test_one_host_never_serves_two_that_share_addresses() -> None:
    """Its routing table could not tell them apart; another host may."""
    scenario = given(RED, BLUE, register("h1"), register("h2"), claim("h1", "red"))

    scenario.when(claim("h1", "blue")).then(refused(Code.CIDR_CONFLICT, "host", "Another host", "red"))
    scenario.when(claim("h2", "blue")).then(fact(NetworkClaimed, host="h2"))
    red, blue = scenario.state.networks[uid("red")], scenario.state.networks[uid("blue")]
    assert overlaps_on_host(scenario.state, blue, "h1") is red
    assert overlaps_on_host(scenario.state, blue, "h2") is None
    scenario.happens(delete_network("red", require_disassociated=False))
    assert overlaps_on_host(scenario.state, blue, "h1") is None


def test_hosts_are_given_what_they_can_serve() -> None:
    """The next network, the one that an instance needs, and the one that an admin hands over."""
    scenario = given(RED, BLUE, create("all", "10.1.0.0/24"), register("h1"), claim("h1", "red"))

    scenario.when(claim("h1", None)).then(fact(NetworkClaimed, network_id=uid("all"), host="h1"))
    scenario.when(modify("blue", host="h1")).then(refused(Code.CIDR_CONFLICT, "host", "Another host", "red"))
    scenario.when(set_host("blue")).then(refused(Code.NETWORK_SET_HOST_FAILED, "network_id"))
    scenario.happens(register("h2"))
    scenario.when(set_host("blue")).then(fact(NetworkClaimed, network_id=uid("blue"), host="h2"))
    scenario.happens(modify("red", disassociate_host=True))
    scenario.when(modify("red", host="h2", overwrite=True)).then(
        refused(Code.CIDR_CONFLICT, "host", "Another host", "blue")
    )


def test_a_floating_ip_finds_its_own_projects_address() -> None:
    """Both projects name the same fixed address, and each means its own."""
    scenario = both().happens(floating_create(), floating_allocate(ANN), floating_allocate(BOB, "blue"))

    scenario.when(associate("192.0.2.1", "10.0.0.2", ANN)).then(
        fact(FloatingIpAssociated, instance_uuid=uid("ann"), network_id=uid("red"))
    )
    scenario.when(associate("192.0.2.2", "10.0.0.2", BOB)).then(
        fact(FloatingIpAssociated, instance_uuid=uid("bob"), network_id=uid("blue"))
    )


def test_a_floating_ip_never_reaches_the_other_project() -> None:
    """Neither by naming its network nor where one's own address is nobody's."""
    scenario = given(RED, BLUE, spawn("bob", nic("blue"), actor=BOB, project="blue"))
    scenario.happens(floating_create(), floating_allocate(ANN))

    scenario.when(associate("192.0.2.1", "10.0.0.2", ANN)).then(refused(Code.FORBIDDEN, "fixed_address"))
    scenario.when(associate("192.0.2.1", "10.0.0.2", ANN, "blue")).then(
        refused(Code.FORBIDDEN, "fixed_address")
    )
    scenario.when(associate("192.0.2.1", "10.0.0.2", ADMIN, "blue")).then(
        refused(Code.FORBIDDEN, "fixed_address")
    )


def test_an_address_is_removed_from_the_instance_that_is_named() -> None:
    """The other project's instance keeps its own."""
    scenario = both()
    scenario.when(remove_ip("bob", "10.0.0.2", BOB)).then(
        fact(FixedIpDeallocated, network_id=uid("blue")), fact(FixedIpDisassociated, reason="unserved")
    )

    assert scenario.state.networks[uid("red")].active == 1
    scenario.when(remove_ip("bob", "10.0.0.2", BOB)).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_SPECIFIC_INSTANCE, "address")
    )
    scenario.when(remove_ip("ann", "10.0.0.2", BOB)).then(refused(Code.FORBIDDEN, "instance_uuid"))


def test_an_address_of_several_networks_is_reserved_by_naming_one() -> None:
    """An address alone does not say which; the refusal says so."""
    scenario = given(RED, BLUE)

    scenario.when(reserve("10.0.0.9")).then(refused(Code.INVALID_INPUT, "network_id", "2 networks"))
    scenario.when(unreserve("10.0.0.9")).then(refused(Code.INVALID_INPUT, "network_id", "2 networks"))
    scenario.when(reserve("10.0.0.9").model_copy(update={"network_id": uid("blue")})).then(
        fact(FixedIpReserved, network_id=uid("blue"), address="10.0.0.9")
    )
    scenario.when(unreserve("10.0.0.9").model_copy(update={"network_id": uid("blue")})).then(
        fact(FixedIpUnreserved, network_id=uid("blue"), address="10.0.0.9")
    )
    scenario.when(reserve("10.0.0.9").model_copy(update={"network_id": uid("none")})).then(
        refused(Code.NETWORK_NOT_FOUND, "network_id")
    )
    scenario.when(reserve("10.0.1.9").model_copy(update={"network_id": uid("blue")})).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, "address", uid("blue"))
    )
    scenario.when(reserve("10.0.1.9")).then(refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, "address"))


def test_the_networks_at_an_address() -> None:
    """All of them, or those that a project sees."""
    state = given(RED, BLUE, create("all", "10.0.1.0/24")).state

    def names(address: int, project: str | None = None) -> list[str]:
        return sorted(network.plan.label for network in networks_at(state, address, project))

    shared, everybodys = 10 << 24 | 9, 10 << 24 | 1 << 8 | 9
    assert (names(shared), names(shared, "red"), names(shared, "green")) == (["blue", "red"], ["red"], [])
    assert (names(everybodys), names(everybodys, "red")) == (["all"], ["all"])


def test_what_a_change_of_project_would_make_overlap() -> None:
    """A network cannot become another project's, or everybody's, that has such addresses."""
    state = given(RED, BLUE, create("far", "10.9.0.0/24", project_id="red")).state
    red, blue = state.networks[uid("red")], state.networks[uid("blue")]

    assert overlapping_if(state, red, "red") is None
    assert overlapping_if(state, red, "green") is None
    assert overlapping_if(state, red, "blue") is blue
    assert overlapping_if(state, red, None) is blue
    assert overlapping_if(state, state.networks[uid("far")], None) is None


def test_a_network_takes_its_addresses_to_another_project() -> None:
    """From then on they are that project's, and those of the one before are free for it again."""
    scenario = given(RED, modify("red", project_id="blue", overwrite=True))

    assert [one.plan.label for one in networks_at(scenario.state, 10 << 24 | 9, "blue")] == ["red"]
    assert networks_at(scenario.state, 10 << 24 | 9, "red") == []
    scenario.when(BLUE).then(refused(Code.CIDR_CONFLICT, "cidr", "red"))
    scenario.when(create("again", project_id="red")).then(fact(NetworkCreated, cidr="10.0.0.0/24"))


def test_a_network_is_not_moved_onto_addresses_of_the_other_project() -> None:
    """Neither to the project that has them nor to all."""
    scenario = given(RED, BLUE)

    for to_another in (
        modify("red", project_id="blue", overwrite=True),
        modify("red", disassociate_project=True),
    ):
        scenario.when(to_another).then(refused(Code.CIDR_CONFLICT, "network_id", "blue"))
    scenario.when(modify("red", project_id="green", overwrite=True)).then(
        fact(NetworkProjectReleased, project_id="red"), fact(NetworkProjectAssigned, project_id="green")
    )


def test_an_address_is_added_on_the_network_that_is_named() -> None:
    """Names of networks tell apart what addresses do not."""
    both().when(add_ip("bob", "blue", "10.0.0.7", BOB)).then(
        fact(FixedIpAllocated, network_id=uid("blue"), address="10.0.0.7")
    )


def test_a_host_that_is_to_have_two_such_networks_gets_the_first_that_is_let_go() -> None:
    """Also if both are let go in one decision; the other has no owner then, and may be claimed."""
    scenario = given(
        *(RED, BLUE, register("h1"), register("h2"), register("h3"), claim("h1", "red"), claim("h2", "blue")),
        *(modify(name, host="h3", overwrite=True) for name in ("red", "blue")),
    )

    scenario.when_time_passes(100, Silence(leavings=(uid("red"), uid("blue")))).then(
        fact(NetworkHostLetGo, network_id=uid("red"), host="h1"),
        fact(NetworkHostAssigned, network_id=uid("red"), host="h3"),
        fact(NetworkHostLetGo, network_id=uid("blue"), host="h2"),
    )
    scenario.when(claim("h2", "blue")).then(fact(NetworkClaimed, network_id=uid("blue"), host="h2"))
