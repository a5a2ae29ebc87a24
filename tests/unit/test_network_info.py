"""nova's network_info: which keys there are, and which depend on the network."""

from typing import Any

import pytest

from projections.ipam.network_info import FixedIp, Nic, network_info

NETWORK: dict[str, Any] = {
    "network_id": "NET-UUID",
    "kind": "flatdhcp",
    "label": "private",
    "cidr": "192.168.0.0/24",
    "gateway": "192.168.0.1",
    "dhcp_server": "192.168.0.1",
    "enable_dhcp": True,
    "dns1": "8.8.4.4",
    "dns2": None,
    "bridge": "br100",
    "bridge_interface": "eth1",
    "project_id": None,
}


def info(**changes: object) -> dict[str, Any]:
    """Return network_info of one NIC with one address, on a network with these changes."""
    nic = Nic("VIF-UUID", "fa:16:3e:00:00:01", NETWORK | changes, (FixedIp("192.168.0.2"),))
    (vif,) = network_info([nic])
    return vif


def subnet(vif: dict[str, Any]) -> dict[str, Any]:
    """Return the IPv4 subnet of a NIC."""
    four: dict[str, Any] = vif["network"]["subnets"][0]
    return four


def test_every_object_has_meta() -> None:
    """Nova's model adds it to each."""

    def check(value: object) -> None:
        if isinstance(value, list):
            for item in value:
                check(item)
        elif isinstance(value, dict) and value:
            assert isinstance(value["meta"], dict)
            for name, item in value.items():
                if name not in {"meta", "details"}:
                    check(item)

    check(info())


@pytest.mark.parametrize(
    ("changes", "meta"),
    [
        ({}, {"tenant_id": None, "should_create_bridge": True, "bridge_interface": "eth1"}),
        (
            {"project_id": "red"},
            {"tenant_id": "red", "should_create_bridge": True, "bridge_interface": "eth1"},
        ),
        ({"bridge_interface": None}, {"tenant_id": None, "should_create_bridge": True}),
        ({"kind": "flat"}, {"tenant_id": None, "bridge_interface": "eth1"}),
    ],
)
def test_optional_keys_of_a_network_are_there_only_when_true(
    changes: dict[str, Any], meta: dict[str, Any]
) -> None:
    """Their mere presence means something to drivers."""
    assert info(**changes)["network"]["meta"] == meta


@pytest.mark.parametrize("changes", [{"kind": "flat"}, {"enable_dhcp": False}])
def test_without_dhcp_there_is_no_dhcp_server(changes: dict[str, Any]) -> None:
    """Its presence would keep a guest from being configured any other way."""
    assert subnet(info())["meta"] == {"dhcp_server": "192.168.0.1"}
    assert subnet(info(**changes))["meta"] == {}


def test_dns_servers_in_order() -> None:
    """Those that are set."""
    two = subnet(info(dns1="1.1.1.1", dns2="9.9.9.9"))["dns"]
    assert [dns["address"] for dns in two] == ["1.1.1.1", "9.9.9.9"]
    assert subnet(info(dns1=None, dns2=None))["dns"] == []


def test_nics_keep_their_order_and_those_without_addresses_are_absent() -> None:
    """The first NIC is eth0."""
    nics = [
        Nic("b", "fa:16:3e:00:00:02", NETWORK, (FixedIp("192.168.0.3"),)),
        Nic("empty", "fa:16:3e:00:00:03", NETWORK, ()),
        Nic("a", "fa:16:3e:00:00:01", NETWORK, (FixedIp("192.168.0.2", ("203.0.113.1", "203.0.113.2")),)),
    ]
    vifs = network_info(nics)
    assert [vif["id"] for vif in vifs] == ["b", "a"]
    (ip,) = subnet(vifs[1])["ips"]
    assert [floating["address"] for floating in ip["floating_ips"]] == ["203.0.113.1", "203.0.113.2"]
