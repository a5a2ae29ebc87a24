"""allocate_for_instance with all that nova's takes, and single fixed IPs, through the client."""

from typing import Any

import pytest

from events.ids import uuid7
from services.client import Client, new_command_id
from services.outcomes import Refused
from tests.integration.test_client import ANN, BOB, Cell, address, cell, client, refusal_of, spawn
from tests.integration.test_client_fixed_ips import network

__all__ = ["cell", "client"]

MACS = ["52:54:00:00:00:0b", "52:54:00:00:00:0A"]


def test_a_spawn_takes_all_that_novas_takes(client: Client) -> None:
    """What decides is recorded with the instance; DHCP options are ignored, as they were in nova."""
    uuid, info = spawn(
        client,
        "anns",
        macs=MACS,
        hostname="web",
        display_name="Web 1",
        availability_zone="north",
        rxtx_factor=2.0,
        dhcp_options=[{"opt_name": "bootfile-name", "opt_value": "x"}],
    )

    assert [vif["address"] for vif in info] == ["52:54:00:00:00:0a", "52:54:00:00:00:0b"]
    again = {"instance_uuid": uuid, "project_id": "anns", "host": "h", "macs": MACS[::-1], "hostname": "web"}
    more = {"display_name": "Web 1", "availability_zone": "north", "rxtx_factor": 2.0}
    assert client.call("allocate_for_instance", again | more) == info
    assert refusal_of(client, "allocate_for_instance", again) == ("InstanceExists", "instance_uuid")


def test_the_bandwidth_is_of_the_factor_that_is_asked_for(client: Client) -> None:
    """Or of that with which the instance was spawned."""
    (made,) = client.call("create_networks", {"label": "fast", "cidr": "10.2.0.0/24", "rxtx_base": 10})
    uuid, info = spawn(client, "anns", requested_networks=[[made["id"]]], rxtx_factor=3.0)

    assert info[0]["meta"] == {"rxtx_cap": 30}
    assert client.get_instance_nw_info(uuid) == info
    assert client.get_instance_nw_info(uuid, rxtx_factor=0.25)[0]["meta"] == {"rxtx_cap": 2.5}


@pytest.mark.parametrize("word", ["none", ["none"], [["none"]], [{"network_id": "none"}], [["none", None]]])
def test_a_request_for_none_has_no_nics(client: Client, word: object) -> None:
    """In each form in which nova's API passes it on."""
    uuid, info = spawn(client, "anns", requested_networks=word)

    assert info == client.get_instance_nw_info(uuid) == []


@pytest.mark.parametrize("word", ["auto", [["auto"]], [{"network_id": "auto"}], [], None])
def test_a_request_for_any_has_all(client: Client, word: object) -> None:
    """An empty list requests nothing, as in nova."""
    assert len(spawn(client, "anns", requested_networks=word)[1]) == 2


def test_a_request_for_any_wants_at_least_one(client: Client) -> None:
    """A project that sees none is refused, where without `auto` it is not."""
    for label in ("all", "ann"):
        uuid = network(client, label)
        client.call("delete_network", {"uuid": uuid, "require_disassociated": False})
    args = {"project_id": "bobs", "host": "h", "requested_networks": "auto"}

    assert refusal_of(client, "allocate_for_instance", args) == (
        "UnableToAutoAllocateNetwork",
        "requested_networks",
    )
    assert spawn(client, "bobs")[1] == []


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"macs": ["fa:16:3e:00:00"]}, "InvalidInput", "macs.0"),
        ({"macs": ["01:00:5e:00:00:01", "02:00:00:00:00:01"]}, "InvalidInput", "macs.0"),
        ({"macs": []}, "VirtualInterfaceCreateException", "macs"),
        ({"macs": [f"02:00:00:00:00:{number:02x}" for number in range(65)]}, "InvalidInput", "macs"),
        ({"vpn": True}, "NotImplementedForKind", "vpn"),
        ({"rxtx_factor": 0}, "InvalidInput", "rxtx_factor"),
        ({"rxtx_factor": float("inf")}, "InvalidInput", "rxtx_factor"),
        ({"availability_zone": ""}, "InvalidInput", "availability_zone"),
        ({"availability_zone": "a\nb"}, "InvalidInput", "availability_zone"),
        ({"hostname": "-x"}, "InvalidInput", "hostname"),
        ({"requested_networks": "all"}, "InvalidInput", "requested_networks"),
        ({"requested_networks": [["none"], ["auto"]]}, "InvalidInput", "requested_networks.0.network_id"),
        ({"requested_networks": [{"port_id": "x"}]}, "InvalidInput", "requested_networks.0.network_id"),
        ({"requested_networks": [["x", "fd00::1"]]}, "InvalidInput", "requested_networks.0.network_id"),
    ],
)
def test_what_a_spawn_refuses(client: Client, wrong: dict[str, Any], code: str, field: str) -> None:
    """By name of the argument."""
    args = {"project_id": "anns", "host": "h", **wrong}

    assert refusal_of(client, "allocate_for_instance", args) == (code, field)


def test_another_projects_mac_is_refused(cell: Cell, client: Client) -> None:
    """After one attempt, and without telling whose it is."""
    spawn(client, "anns", macs=MACS)
    args = {"project_id": "bobs", "host": "h", "macs": MACS}

    assert refusal_of(cell.client(BOB), "allocate_for_instance", args) == (
        "VirtualInterfaceMacAddressException",
        "macs",
    )


def test_failure_13_all_of_an_instance_goes_whatever_the_request_names(client: Client) -> None:
    """Nova freed only addresses that requested_networks named; a failed boot left the others behind."""
    uuid, info = spawn(client, "anns")
    args = {
        "instance": {"uuid": uuid, "project_id": "anns"},
        "requested_networks": [[network(client, "all"), None]],
        "fixed_ips": [],
        "host": "elsewhere",
    }

    for _ in range(2):
        assert client.call("deallocate_for_instance", args) is None
    assert [row["address"] for row in client.call("fixed_list")] == []
    assert client.call("get_vif_by_mac_address", {"mac_address": info[0]["address"]}) is None


def test_taking_back_what_was_never_given_is_no_error(client: Client) -> None:
    """As in nova; but an instance must be named."""
    assert client.call("deallocate_for_instance", {"instance_id": uuid7(1)}) is None
    assert refusal_of(client, "deallocate_for_instance", {"requested_networks": []}) == (
        "InvalidInput",
        "instance_uuid",
    )
    both = {"instance": uuid7(1), "instance_uuid": uuid7(2)}
    assert refusal_of(client, "deallocate_for_instance", both) == ("InvalidInput", "instance_uuid")


def test_single_fixed_ips_come_and_go(cell: Cell, client: Client) -> None:
    """Nova's allocate_fixed_ip and deallocate_fixed_ip, which return the address and nothing."""
    ann, alls = cell.client(ANN), network(client, "all")
    uuid, _ = spawn(ann, "anns", requested_networks=[[alls]])
    command_id = new_command_id()

    for _ in range(2):
        assert ann.allocate_fixed_ip(uuid, alls, command_id=command_id) == "10.0.0.3"
    named = {"instance_id": uuid, "network": {"uuid": alls, "label": "all"}, "address": "10.0.0.77"}
    assert ann.call("allocate_fixed_ip", named) == "10.0.0.77"
    found = ann.call("get_fixed_ip_by_address", {"address": "10.0.0.77"})
    assert ann.get_fixed_ip(found["id"]) == found
    assert (found["reserved"], found["default_route"]) == (False, True)
    client.fixed_reserve("10.0.0.77")
    assert ann.get_fixed_ip(found["id"]) == {**found, "reserved": True}
    client.fixed_unreserve("10.0.0.77")
    ann.deallocate_fixed_ip("10.0.0.77")
    whole = {"address": "10.0.0.3", "host": "h", "teardown": False, "instance": {"uuid": uuid}}
    assert ann.call("deallocate_fixed_ip", whole) is None
    assert [row["address"] for row in client.call("fixed_list")] == ["10.0.0.2"]
    assert refusal_of(ann, "get_fixed_ip", {"id": found["allocation_id"]}) == ("FixedIpNotFound", "id")
    assert refusal_of(ann, "deallocate_fixed_ip", whole) == ("FixedIpNotFoundForSpecificInstance", "address")


def test_what_single_fixed_ips_refuse(cell: Cell, client: Client) -> None:
    """Who asks, what for, and its form; another project learns nothing but that it may not."""
    bob, alls = cell.client(BOB), network(client, "all")
    uuid, info = spawn(client, "anns", requested_networks=[[alls]])
    found = client.call("get_fixed_ip_by_address", {"address": address(info)})
    mine = {"instance_id": uuid, "network": alls}

    assert refusal_of(bob, "allocate_fixed_ip", mine) == ("Forbidden", "instance_id")
    assert refusal_of(client, "allocate_fixed_ip", mine | {"vpn": True}) == ("NotImplementedForKind", "vpn")
    assert refusal_of(client, "allocate_fixed_ip", mine | {"network": uuid}) == ("NetworkNotFound", "network")
    assert refusal_of(client, "allocate_fixed_ip", mine | {"instance_id": alls}) == (
        "InstanceNotFound",
        "instance_id",
    )
    taken = mine | {"address": address(info)}
    assert refusal_of(client, "allocate_fixed_ip", taken) == ("FixedIpAlreadyInUse", "address")
    outside = mine | {"address": "10.9.0.1"}
    assert refusal_of(client, "allocate_fixed_ip", outside) == ("FixedIpNotFoundForNetwork", "address")
    by_address = {"address": address(info)}
    assert refusal_of(bob, "deallocate_fixed_ip", by_address) == ("Forbidden", "address")
    assert refusal_of(bob, "deallocate_fixed_ip", by_address | {"instance": uuid}) == (
        "Forbidden",
        "instance",
    )
    assert refusal_of(client, "deallocate_fixed_ip", {"address": "10.0.0.9"}) == (
        "FixedIpNotFoundForAddress",
        "address",
    )
    assert refusal_of(client, "deallocate_fixed_ip", {"address": "10.0.0"}) == ("FixedIpInvalid", "address")
    assert refusal_of(bob, "get_fixed_ip", {"id": found["allocation_id"]}) == ("Forbidden", "id")
    assert refusal_of(client, "get_fixed_ip", {"id": uuid}) == ("FixedIpNotFound", "id")
    assert refusal_of(client, "get_fixed_ip", {"id": "1"}) == ("InvalidInput", "id")
    for text, code in (("fd00::9", "FixedIpNotFoundForAddress"), ("fd00::x", "FixedIpInvalid")):
        assert refusal_of(client, "get_fixed_ip_by_address", {"address": text}) == (code, "address")


@pytest.mark.parametrize("method", ["lease_fixed_ip", "release_fixed_ip", "release_dhcp"])
def test_facts_of_hosts_are_not_for_callers(client: Client, method: str) -> None:
    """The refusal says whose they are."""
    with pytest.raises(Refused, match=r"is not offered: .*(host|agent)"):
        client.call(method, {"address": "10.0.0.2"})


def test_a_network_of_ipv6_alone_is_of_use(cell: Cell, client: Client) -> None:
    """Its NICs are in network_info, and found by their address; by their own project and admins only."""
    plan = {"label": "six", "cidr_v6": "fd06::/64", "gateway_v6": "fe80::1", "project_id": "anns"}
    (made,) = client.call("create_networks", plan)
    ann, bob = cell.client(ANN), cell.client(BOB)
    uuid, info = spawn(ann, "anns", requested_networks=[[made["id"]]])
    four, six = info[0]["network"]["subnets"]
    (found,) = [ip["address"] for ip in six["ips"]]

    assert (four["cidr"], four["ips"], six["gateway"]["address"]) == (None, [], "fe80::1")
    assert ann.get_fixed_ip_by_address(found.upper())["instance_uuid"] == uuid
    assert refusal_of(bob, "get_fixed_ip_by_address", {"address": found}) == ("Forbidden", "address")
    assert refusal_of(ann, "remove_fixed_ip_from_instance", {"instance_id": uuid, "address": found}) == (
        "InvalidAddress",
        "address",
    )
    assert refusal_of(ann, "deallocate_fixed_ip", {"address": found}) == ("FixedIpInvalid", "address")
    more = {"instance_id": uuid, "network_id": made["id"]}
    assert refusal_of(ann, "add_fixed_ip_to_instance", more) == ("NoMoreFixedIps", "network_id")
    ann.deallocate_for_instance(uuid)
    assert refusal_of(ann, "get_fixed_ip_by_address", {"address": found}) == (
        "FixedIpNotFoundForAddress",
        "address",
    )
