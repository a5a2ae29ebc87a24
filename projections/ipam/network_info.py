"""nova's network_info: what a hypervisor and a guest are told about an instance's NICs. Pure.

The keys are exactly those of nova's model (nova-network.md section 16): every object has `meta`, and
`subnets` has always two elements, the second for IPv6.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]

DHCP_KINDS = frozenset({"flatdhcp"})
"""Kinds of networks in which addresses come by DHCP, and whose bridges hosts make themselves."""


class FixedIp(NamedTuple):
    """An address of a NIC, and the floating IPs that point at it, in order of association."""

    address: str
    floating: tuple[str, ...] = ()


class Nic(NamedTuple):
    """A NIC of an instance."""

    vif_id: str
    mac: str
    network: Mapping[str, Any]
    """The network's columns: network_id, kind, label, cidr, gateway, dhcp_server, enable_dhcp, dns1, dns2,
    bridge, bridge_interface, project_id."""
    fixed: tuple[FixedIp, ...]


def network_info(nics: Iterable[Nic]) -> list[Json]:
    """Return network_info of NICs in their order; a NIC without addresses is absent, as in nova."""
    return [_vif(nic) for nic in nics if nic.fixed]


def _vif(nic: Nic) -> Json:
    return {
        "id": nic.vif_id,
        "address": nic.mac,
        "network": _network(nic),
        "type": "bridge",
        "details": {},
        "devname": None,
        "ovs_interfaceid": None,
        "qbh_params": None,
        "qbg_params": None,
        "active": False,
        "vnic_type": "normal",
        "profile": None,
        "preserve_on_delete": False,
        "meta": {},
    }


def _network(nic: Nic) -> Json:
    network = nic.network
    meta: Json = {"tenant_id": network["project_id"]}
    if network["kind"] in DHCP_KINDS:
        meta["should_create_bridge"] = True
    if network["bridge_interface"]:
        meta["bridge_interface"] = network["bridge_interface"]
    return {
        "id": network["network_id"],
        "bridge": network["bridge"],
        "label": network["label"],
        "subnets": [_subnet4(nic), _subnet6()],
        "meta": meta,
    }


def _subnet4(nic: Nic) -> Json:
    network = nic.network
    dhcp = network["kind"] in DHCP_KINDS and network["enable_dhcp"]
    return {
        "cidr": network["cidr"],
        "dns": [_ip(dns, "dns") for dns in (network["dns1"], network["dns2"]) if dns],
        "gateway": _ip(network["gateway"], "gateway"),
        "ips": [
            {**_ip(ip.address, "fixed"), "floating_ips": [_ip(text, "floating") for text in ip.floating]}
            for ip in nic.fixed
        ],
        "routes": [],
        "version": 4,
        "meta": {"dhcp_server": network["dhcp_server"]} if dhcp else {},
    }


def _subnet6() -> Json:
    gateway: Json = {"address": None, "type": "gateway", "version": None, "meta": {}}
    return {"cidr": None, "dns": [], "gateway": gateway, "ips": [], "routes": [], "version": None, "meta": {}}


def _ip(address: str, kind: str) -> Json:
    return {"address": address, "type": kind, "version": 4, "meta": {}}
