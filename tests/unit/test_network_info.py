"""nova's network_info: which keys there are, and which depend on the network."""

import json
from typing import Any

import pytest

from projections.ipam.network_info import FixedIp, Nic, network_info

NETWORK: dict[str, Any] = {
    "network_id": "NET-UUID",
    "kind": "flatdhcp",
    "label": "private",
    "injected": False,
    "cidr": "192.168.0.0/24",
    "gateway": "192.168.0.1",
    "dhcp_server": "192.168.0.1",
    "enable_dhcp": True,
    "share_address": False,
    "cidr_v6": None,
    "gateway_v6": None,
    "multi_host": False,
    "vlan": None,
    "rxtx_base": None,
    "dns1": "8.8.4.4",
    "dns2": None,
    "bridge": "br100",
    "bridge_interface": "eth1",
    "project_id": None,
}


DUAL = NETWORK | {"cidr_v6": "fd00::/64", "gateway_v6": "fe80::1"}

EXAMPLE = """
[{"id": "VIF-UUID", "address": "fa:16:3e:00:00:01", "type": "bridge", "details": {}, "devname": null,
  "ovs_interfaceid": null, "qbh_params": null, "qbg_params": null, "active": false, "vnic_type": "normal",
  "profile": null, "preserve_on_delete": false, "meta": {"rxtx_cap": 30},
  "network": {"id": "NET-UUID", "bridge": "br100", "label": "private",
    "meta": {"tenant_id": null, "should_create_bridge": true, "bridge_interface": "eth1"},
    "subnets": [
      {"cidr": "192.168.0.0/24", "version": 4, "routes": [], "meta": {"dhcp_server": "192.168.0.1"},
       "gateway": {"address": "192.168.0.1", "type": "gateway", "version": 4, "meta": {}},
       "dns": [{"address": "8.8.4.4", "type": "dns", "version": 4, "meta": {}}],
       "ips": [{"address": "192.168.0.2", "type": "fixed", "version": 4, "meta": {},
         "floating_ips": [{"address": "10.10.10.10", "type": "floating", "version": 4, "meta": {}}]}]},
      {"cidr": "fd00::/64", "version": 6, "routes": [], "meta": {"dhcp_server": "fe80::1"},
       "gateway": {"address": "fe80::1", "type": "gateway", "version": 6, "meta": {}}, "dns": [],
       "ips": [{"address": "fd00::f816:3eff:fe00:1", "type": "fixed", "version": 6, "meta": {},
         "floating_ips": []}]}]}}]
"""
"""Of nova-network.md section 16."""


def info(**changes: object) -> dict[str, Any]:
    """Return network_info of one NIC with one address, on a network with these changes."""
    nic = Nic("VIF-UUID", "fa:16:3e:00:00:01", NETWORK | changes, (FixedIp("192.168.0.2"),))
    (vif,) = network_info([nic])
    return vif


def subnet(vif: dict[str, Any]) -> dict[str, Any]:
    """Return the IPv4 subnet of a NIC."""
    four: dict[str, Any] = vif["network"]["subnets"][0]
    return four


def test_the_worked_example() -> None:
    """FlatDHCP, IPv6, one floating address: exactly nova's keys and values."""
    fixed = (FixedIp("192.168.0.2", ("10.10.10.10",)),)
    nic = Nic(
        "VIF-UUID",
        "fa:16:3e:00:00:01",
        DUAL | {"rxtx_base": 10},
        fixed,
        address_v6="fd00::f816:3eff:fe00:1",
        rxtx_factor=3.0,
    )

    assert network_info([nic]) == json.loads(EXAMPLE)


@pytest.mark.parametrize(
    ("base", "factor", "meta"),
    [
        (10, 3.0, {"rxtx_cap": 30}),
        (3, 0.5, {"rxtx_cap": 1.5}),
        (None, 3.0, {}),
        (10, None, {}),
        (None, None, {}),
    ],
)
def test_the_bandwidth_is_base_times_factor(base: int | None, factor: float | None, meta: object) -> None:
    """Left out where either is missing."""
    nic = Nic("V", "M", NETWORK | {"rxtx_base": base}, (FixedIp("192.168.0.2"),), rxtx_factor=factor)

    assert network_info([nic])[0]["meta"] == meta


NO_SUBNET: dict[str, Any] = {
    "cidr": None,
    "dns": [],
    "gateway": {"address": None, "type": "gateway", "version": None, "meta": {}},
    "ips": [],
    "routes": [],
    "version": None,
    "meta": {},
}


def test_there_are_always_two_subnets() -> None:
    """The one that a network does not have is empty, its gateway too."""
    assert info()["network"]["subnets"][1] == NO_SUBNET
    only_v6 = DUAL | {"cidr": None, "gateway": None, "dhcp_server": None}
    (vif,) = network_info([Nic("V", "M", only_v6, (), address_v6="fd00::1:2")])
    four, six = vif["network"]["subnets"]
    assert four == NO_SUBNET
    assert [ip["address"] for ip in six["ips"]] == ["fd00::1:2"]


def test_a_nic_on_a_network_of_ipv6_alone_is_there() -> None:
    """In nova it was not; without `use_ipv6` it has no address."""
    (vif,) = network_info([Nic("V", "M", DUAL | {"cidr": None}, ())])

    assert vif["network"]["subnets"][1]["ips"] == []


def test_a_v6_gateway_that_is_not_known_is_null() -> None:
    """It may be announced by a router of the operator's."""
    (vif,) = network_info([Nic("V", "M", DUAL | {"gateway_v6": None}, (FixedIp("192.168.0.2"),))])
    six = vif["network"]["subnets"][1]

    assert six["gateway"] == {"address": None, "type": "gateway", "version": None, "meta": {}}
    assert six["meta"] == {}


@pytest.mark.parametrize(
    ("changes", "server"),
    [({}, "192.168.0.7"), ({"share_address": True}, "192.168.0.1"), ({"multi_host": False}, "192.168.0.1")],
)
def test_with_multi_host_a_guests_own_host_serves_it(changes: dict[str, Any], server: str) -> None:
    """Unless all hosts share one address; the v6 server is the v6 gateway, where nova gave the v4 address."""
    network = DUAL | {"multi_host": True} | changes
    nic = Nic("V", "M", network, (FixedIp("192.168.0.2"),), host_address="192.168.0.7")
    four, six = network_info([nic])[0]["network"]["subnets"]

    assert four["meta"] == {"dhcp_server": server}
    assert six["meta"] == {"dhcp_server": "fe80::1"}


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
        (
            {"kind": "flat", "injected": True},
            {"tenant_id": None, "injected": True, "bridge_interface": "eth1"},
        ),
        (
            {"kind": "vlan", "vlan": 100, "multi_host": True},
            {
                "tenant_id": None,
                "should_create_bridge": True,
                "should_create_vlan": True,
                "vlan": 100,
                "bridge_interface": "eth1",
                "multi_host": True,
            },
        ),
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
