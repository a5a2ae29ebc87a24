"""What is asked before an instance is placed: is there room for it, and may it have what it asks for?"""

import pytest

from services.client import Client
from services.outcomes import Refused
from tests.integration.test_client import ANN, BOB, Cell, address, cell, client, refusal_of, spawn
from tests.integration.test_client_fixed_ips import network

__all__ = ["cell", "client"]


def test_a_scheduler_can_ask_whether_there_is_room_before_it_places(cell: Cell, client: Client) -> None:
    """MoveIpAllocation's check_free_ips: for so many instances, in every network that they would get."""
    ann, bob = cell.client(ANN), cell.client(BOB)
    client.create_networks("few", "10.2.0.0/29", project_id="anns")  # .2 to .6
    few = network(client, "few")

    assert [ann.check_free_ips(count=count) for count in (1, 5, 6)] == [True, True, False]
    assert bob.check_free_ips(count=6)
    assert client.check_free_ips("bobs", "h", count=253)
    assert not client.check_free_ips("bobs", "h", count=254)
    assert [ann.check_free_ips(requested_networks=[[few]], count=count) for count in (5, 6)] == [True, False]
    alls = {"network_id": network(client, "all")}
    assert ann.check_free_ips(requested_networks=[alls, {"network_id": few}], count=5)
    client.fixed_reserve("10.2.0.6")
    assert [ann.check_free_ips(count=count) for count in (4, 5)] == [True, False]
    for _ in range(4):
        spawn(ann, "anns", requested_networks=[[few]])
    assert not ann.check_free_ips()


def test_room_for_a_named_address(cell: Cell, client: Client) -> None:
    """It is free, or it is not; nobody gets it twice."""
    alls = network(client, "all")
    _, info = spawn(client, "anns", requested_networks=[[alls]])
    client.fixed_reserve("10.0.0.9")

    def room(wanted: str, count: int = 1) -> bool:
        return client.check_free_ips("anns", requested_networks=[[alls, wanted]], count=count)

    assert [room(one) for one in (address(info), "10.0.0.8", "10.0.0.9")] == [False, True, False]
    assert not room("10.0.0.8", count=2)


def test_room_in_the_vlan_network_that_a_project_would_get(cell: Cell) -> None:
    """Before its first spawn, and when there is none left."""
    cell.start_allocator()
    cell.start_projector()
    client = cell.client()
    client.floating_create("192.0.2.0/29")
    assert client.check_free_ips("anns", "h", count=1000)  # it would get no NIC
    client.create_networks("v", "10.3.0.0/29", kind="vlan", vlan=100, bridge_interface="eth1")  # .3 to .6

    assert [client.check_free_ips("anns", "h", count=count) for count in (4, 5)] == [True, False]
    assert client.availability("anns")[0]["on_demand"]
    spawn(client, "anns")
    assert not client.availability("anns")[0]["on_demand"]
    assert [client.check_free_ips("anns", "h", count=count) for count in (3, 4)] == [True, False]
    assert not client.check_free_ips("bobs", "h")
    with pytest.raises(Refused, match="NoMoreNetworks"):
        spawn(client, "bobs")


def test_what_can_never_be_granted_is_refused(cell: Cell, client: Client) -> None:
    """As the spawn would refuse it, and another project's network is not found."""
    ann, bob = cell.client(ANN), cell.client(BOB)
    alls, anns = network(client, "all"), network(client, "ann")

    def refused(asking: Client, *nics: list[str], **more: object) -> tuple[str, str | None]:
        return refusal_of(asking, "check_free_ips", {"requested_networks": nics, **more})

    twice = "requested_networks.1.network_id"
    assert refused(ann, [alls], [alls]) == ("NetworkDuplicated", twice)
    assert refused(bob, [alls], [anns]) == ("NetworkNotFoundForProject", twice)
    assert refused(bob, [anns]) == ("NoNetworksFound", "requested_networks.0.network_id")
    wrong = "requested_networks.0.address"
    assert refused(ann, [alls, "10.0.0.1"]) == ("FixedIpNotFoundForNetwork", wrong)
    assert refused(ann, [alls, "10.1.0.9"]) == ("FixedIpNotFoundForNetwork", wrong)
    assert refused(ann, [alls, "10.99.0.9"]) == ("FixedIpNotFoundForAddress", wrong)
    assert refused(bob, [alls], project_id="anns") == ("Forbidden", "project_id")
    assert refused(client, [alls], [anns], project_id="bobs") == ("NetworkNotFoundForProject", twice)
    assert refusal_of(client, "check_free_ips", {}) == ("InvalidInput", "project_id")
    assert refusal_of(ann, "check_free_ips", {"count": 0}) == ("InvalidInput", "count")
    assert refusal_of(ann, "check_free_ips", {"requested_networks": [["x"]]})[0] == "InvalidInput"


def test_availability_is_that_of_what_the_actor_sees(cell: Cell, client: Client) -> None:
    """An admin sees all networks or one project's; a project its own and those of nobody."""
    ann, bob = cell.client(ANN), cell.client(BOB)
    alls, anns = network(client, "all"), network(client, "ann")
    spawn(ann, "anns", requested_networks=[[alls]])

    assert [(row["label"], row["free"]) for row in client.availability()] == [("all", 252), ("ann", 253)]
    assert ann.availability() == client.availability("anns") == client.availability()
    assert [row["network_id"] for row in bob.availability()] == [alls]
    assert bob.availability(network_uuids=[alls])[0]["used"] == 1
    where = {"network_uuids": [alls, anns]}
    assert refusal_of(bob, "availability", where) == ("NetworkNotFound", "network_uuids.1")
    assert refusal_of(bob, "availability", {"project_id": "anns"}) == ("Forbidden", "project_id")
    assert refusal_of(bob, "availability", {"network_uuids": ["x"]}) == ("InvalidInput", "network_uuids.0")


@pytest.mark.parametrize(
    ("wanted", "code", "field"),
    [
        ([["ALL", ""]], "FixedIpInvalid", "networks.0.1"),
        ([["ALL", "10.0.0"]], "FixedIpInvalid", "networks.0.1"),
        ([["ALL", "2001:db8::zz"]], "FixedIpInvalid", "networks.0.1"),
        ([["ALL", "2001:db8::1"]], "FixedIpNotFoundForAddress", "networks.0.1"),
        ([["ALL", None], ["ANN", "10.9.0.9"]], "FixedIpNotFoundForAddress", "networks.1.1"),
        ([["ALL", "10.1.0.9"]], "FixedIpNotFoundForNetwork", "networks.0.1"),
        ([["ALL", "10.0.0.1"]], "FixedIpNotFoundForNetwork", "networks.0.1"),
        ([["ALL", "10.0.0.255"]], "FixedIpNotFoundForNetwork", "networks.0.1"),
        ([["ALL", "10.0.0.2"]], "FixedIpAlreadyInUse", "networks.0.1"),
        ([["ALL", "10.0.0.7"]], "FixedIpAlreadyInUse", "networks.0.1"),
        ([["ALL", None], ["ALL", "10.0.0.8"]], "NetworkDuplicated", "networks.1.0"),
        ([["ALL"]], "InvalidInput", "networks.0.1"),
        ([["x", None]], "InvalidInput", "networks.0.0"),
        ([["00000000-0000-4000-8000-000000000000", None]], "NetworkNotFound", "networks.0.0"),
    ],
)
def test_what_a_spawn_would_be_refused_does_not_validate(
    cell: Cell, client: Client, wanted: list[list[str | None]], code: str, field: str
) -> None:
    """Each rejection by nova's name, at its field; networks that there are not too."""
    ids = {"ALL": network(client, "all"), "ANN": network(client, "ann")}
    spawn(client, "anns", requested_networks=[[ids["ALL"]]])
    client.fixed_reserve("10.0.0.7")
    named = [[ids.get(str(one[0]), one[0]), *one[1:]] for one in wanted]

    assert refusal_of(client, "validate_networks", {"networks": named}) == (code, field)


def test_validating_holds_nothing(cell: Cell, client: Client) -> None:
    """Whoever asks first gets nothing for it."""
    ann, alls = cell.client(ANN), network(client, "all")

    ann.validate_networks([(alls, "10.0.0.50")])
    assert (
        address(spawn(cell.client(BOB), "bobs", requested_networks=[[alls, "10.0.0.50"]])[1]) == "10.0.0.50"
    )
    with pytest.raises(Refused, match="FixedIpAlreadyInUse"):
        ann.validate_networks([(alls, "10.0.0.50")])


def test_a_multi_host_network_keeps_an_address_for_the_host(cell: Cell) -> None:
    """The first instance on a host brings the host's own address; both must find room."""
    cell.start_allocator()
    cell.start_projector()
    client = cell.client()
    client.create_networks("m", "10.4.0.0/29", multi_host=True)  # .2 to .6

    assert [client.check_free_ips("anns", "h", count=count) for count in (4, 5)] == [True, False]
    assert client.check_free_ips("anns", count=5)
    spawn(client, "anns", host="h")
    assert client.availability("anns", "h")[0]["free"] == 3
    assert client.availability("anns", "other")[0]["free"] == 2
    for _ in range(3):
        spawn(client, "anns", host="h")
    assert not client.check_free_ips("anns", "h")
    with pytest.raises(Refused, match="NoMoreFixedIps"):
        spawn(client, "anns", host="h")
