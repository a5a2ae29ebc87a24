"""More addresses and reserved ones through the client: nova's methods, from every project's side."""

from typing import Any

import pytest

from services.client import Client, new_command_id
from tests.integration.test_client import ANN, BOB, Cell, cell, client, refusal_of, spawn

__all__ = ["cell", "client"]


def addresses(info: list[dict[str, Any]]) -> list[list[str]]:
    """Return the fixed addresses of each NIC of network_info."""
    return [[ip["address"] for ip in vif["network"]["subnets"][0]["ips"]] for vif in info]


def network(client: Client, label: str) -> str:
    """Return the id of a network."""
    return next(str(one["id"]) for one in client.call("get_all_networks") if one["label"] == label)


def test_an_instance_gets_and_loses_addresses(cell: Cell, client: Client) -> None:
    """The result is its network_info; a NIC without addresses is not in it, and comes back with its MAC."""
    ann, alls, anns = cell.client(ANN), network(client, "all"), network(client, "ann")
    uuid, info = spawn(ann, "anns", requested_networks=[[alls]])
    more = {"instance_id": uuid, "host": "h", "network_id": alls}

    two = ann.call("add_fixed_ip_to_instance", more)
    assert addresses(two) == [["10.0.0.2", "10.0.0.3"]]
    assert two[0]["address"] == info[0]["address"]
    named = ann.call("add_fixed_ip_to_instance", {**more, "address": "10.0.0.77"})
    assert addresses(named) == [["10.0.0.2", "10.0.0.3", "10.0.0.77"]]
    nics = ann.call("add_fixed_ip_to_instance", {**more, "network_id": anns})
    assert addresses(nics) == [["10.0.0.2", "10.0.0.3", "10.0.0.77"], ["10.1.0.2"]]
    left = ann.call("remove_fixed_ip_from_instance", {"instance_uuid": uuid, "address": "10.1.0.2"})
    assert addresses(left) == [["10.0.0.2", "10.0.0.3", "10.0.0.77"]]
    assert len(ann.call("get_vifs_by_instance", {"instance_uuid": uuid})) == 2
    back = ann.call("add_fixed_ip_to_instance", {**more, "network_id": anns, "address": "10.1.0.2"})
    assert back[1]["address"] == nics[1]["address"]
    ann.call("deallocate_for_instance", {"instance_uuid": uuid})
    assert refusal_of(ann, "add_fixed_ip_to_instance", more) == ("InstanceNotFound", "instance_uuid")


def test_a_repeated_command_adds_one_address(cell: Cell, client: Client) -> None:
    """And a repeated removal is no refusal."""
    alls = network(client, "all")
    uuid, _ = spawn(client, "anns", requested_networks=[[alls]])
    added, removed = new_command_id(), new_command_id()

    for _ in range(2):
        info = client.call(
            "add_fixed_ip_to_instance", {"instance_uuid": uuid, "network_id": alls}, command_id=added
        )
        assert addresses(info) == [["10.0.0.2", "10.0.0.3"]]
    for asking in (client, cell.client()):
        args = {"instance_uuid": uuid, "address": "10.0.0.2"}
        info = asking.call("remove_fixed_ip_from_instance", args, command_id=removed)
        assert addresses(info) == [["10.0.0.3"]]


def test_another_project_changes_no_addresses(cell: Cell, client: Client) -> None:
    """Nor does a project get addresses of a network that it does not see."""
    bob, alls = cell.client(BOB), network(client, "all")
    anns_vm, _ = spawn(client, "anns", requested_networks=[[alls]])
    bobs_vm, _ = spawn(bob, "bobs")

    more = {"instance_uuid": anns_vm, "network_id": alls}
    less = {"instance_uuid": anns_vm, "address": "10.0.0.2"}
    assert refusal_of(bob, "add_fixed_ip_to_instance", more) == ("Forbidden", "instance_uuid")
    assert refusal_of(bob, "remove_fixed_ip_from_instance", less) == ("Forbidden", "instance_uuid")
    hidden = {"instance_uuid": bobs_vm, "network_id": network(client, "ann")}
    assert refusal_of(bob, "add_fixed_ip_to_instance", hidden) == ("NetworkNotFoundForProject", "network_id")
    anns = {"instance_uuid": bobs_vm, "address": "10.0.0.2"}
    assert refusal_of(bob, "remove_fixed_ip_from_instance", anns) == (
        "FixedIpNotFoundForSpecificInstance",
        "address",
    )


def test_floating_ips_leave_with_the_address(client: Client) -> None:
    """The project keeps them."""
    alls = network(client, "all")
    uuid, _ = spawn(client, "anns", requested_networks=[[alls]])
    assert addresses(client.add_fixed_ip_to_instance(uuid, alls)) == [["10.0.0.2", "10.0.0.3"]]
    client.call("floating_create", {"ip_range": "192.0.2.0/29"})
    floating = client.call("allocate_floating_ip", {"project_id": "anns"})
    client.call("associate_floating_ip", {"floating_address": floating, "fixed_address": "10.0.0.2"})

    assert addresses(client.remove_fixed_ip_from_instance(uuid, "10.0.0.2")) == [["10.0.0.3"]]

    assert client.call("get_floating_ip_by_address", {"address": floating})["fixed_address"] is None


def test_reserved_addresses_are_listed_and_never_handed_out(client: Client) -> None:
    """With who reserved them; a held one shows as both."""
    alls = network(client, "all")
    assert client.call("fixed_reserve", {"address": "10.0.0.3"}) is None
    uuid, _ = spawn(client, "anns", requested_networks=[[alls]])
    client.fixed_reserve("10.0.0.2")
    info = client.call("add_fixed_ip_to_instance", {"instance_uuid": uuid, "network_id": alls})

    assert addresses(info) == [["10.0.0.2", "10.0.0.4"]]
    listed = client.call("fixed_list", {"network_uuid": alls})
    assert client.call("fixed_list") == client.fixed_list() == client.fixed_list(alls) == listed
    shown = ("address", "network", "state", "instance_uuid", "reserved", "reserved_by")
    assert [tuple(row[name] for name in shown) for row in listed] == [
        ("10.0.0.2", "all", "allocated", uuid, True, "root"),
        ("10.0.0.3", "all", "reserved", None, True, "root"),
        ("10.0.0.4", "all", "allocated", uuid, False, None),
    ]
    shows = client.call("get_network", {"network_uuid": alls})
    assert (shows["addresses"], shows["used"], shows["reserved"], shows["free"]) == (253, 2, 2, 250)
    assert client.call("get_all_networks")[0] == shows
    wanted = {"networks": [[alls, "10.0.0.3"]]}
    assert refusal_of(client, "validate_networks", wanted) == ("FixedIpAlreadyInUse", "networks.0.1")
    client.fixed_unreserve("10.0.0.3")
    assert client.call("validate_networks", wanted) is None
    client.call("deallocate_for_instance", {"instance_uuid": uuid})
    assert [row["address"] for row in client.call("fixed_list")] == ["10.0.0.2"]
    client.call("delete_network", {"uuid": alls})
    assert client.call("fixed_list") == []


@pytest.mark.parametrize("method", ["fixed_reserve", "fixed_unreserve"])
def test_what_reserving_refuses(cell: Cell, client: Client, method: str) -> None:
    """Each for its own reason."""
    address = {"address": "10.0.0.9"}

    assert refusal_of(cell.client(ANN), method, address) == ("Forbidden", "actor.is_admin")
    assert refusal_of(client, method, {"address": "10.9.0.1"}) == ("FixedIpNotFoundForAddress", "address")
    assert refusal_of(client, method, {"address": "10.0.0"}) == ("InvalidAddress", "address")


def test_what_reading_refuses(cell: Cell, client: Client) -> None:
    """Who asks, what is asked for, and its form."""
    assert refusal_of(cell.client(ANN), "fixed_list", {}) == ("Forbidden", "actor.is_admin")
    for uuid, code in (("x", "InvalidInput"), (new_command_id(), "NetworkNotFound")):
        assert refusal_of(client, "fixed_list", {"network_uuid": uuid}) == (code, "network_uuid")
    for text, code in (("10.0.0", "FixedIpInvalid"), ("10.0.0.9", "FixedIpNotFoundForAddress")):
        assert refusal_of(client, "get_fixed_ip_by_address", {"address": text}) == (code, "address")
    assert refusal_of(client, "fixed_unreserve", {"address": "10.0.0.1"}) == (
        "FixedIpNotFoundForNetwork",
        "address",
    )
