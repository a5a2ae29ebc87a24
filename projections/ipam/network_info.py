"""nova's network_info: what a hypervisor and a guest are told about an instance's NICs. Pure.

The keys are exactly those of nova's model (nova-network.md section 16): every object has `meta`, and
`subnets` has always two elements, the second for IPv6.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]

DHCP_KINDS = frozenset({"flatdhcp", "vlan"})
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
    """The network's columns: network_id, kind, label, injected, cidr, gateway, dhcp_server, enable_dhcp,
    share_address, cidr_v6, gateway_v6, multi_host, bridge, bridge_interface, vlan, dns1, dns2, rxtx_base,
    project_id."""
    fixed: tuple[FixedIp, ...]
    address_v6: str | None = None
    host_address: str | None = None
    """The address of the instance's host on a multi_host network whose hosts do not share one."""
    rxtx_factor: float | None = None


def network_info(nics: Iterable[Nic]) -> list[Json]:
    """Return network_info of NICs in their order.

    A NIC on a network with IPv4 that has lost its addresses is absent, as in nova; one on a network of IPv6
    alone is not.
    """
    return [_vif(nic) for nic in nics if nic.fixed or nic.address_v6 or nic.network["cidr"] is None]


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
        "meta": _bandwidth(nic),
    }


def _bandwidth(nic: Nic) -> Json:
    base, factor = nic.network["rxtx_base"], nic.rxtx_factor
    if base is None or factor is None:
        return {}
    cap = base * factor
    return {"rxtx_cap": int(cap) if cap == int(cap) else cap}


def _network(nic: Nic) -> Json:
    network = nic.network
    made = network["kind"] in DHCP_KINDS
    optional: Json = {
        "injected": network["injected"],
        "should_create_bridge": made,
        "should_create_vlan": network["kind"] == "vlan",
        "vlan": network["vlan"],
        "bridge_interface": network["bridge_interface"],
        "multi_host": network["multi_host"],
    }
    return {
        "id": network["network_id"],
        "bridge": network["bridge"],
        "label": network["label"],
        "subnets": [_subnet4(nic), _subnet6(nic)],
        "meta": {"tenant_id": network["project_id"]}
        | {name: value for name, value in optional.items() if value},
    }


def _subnet4(nic: Nic) -> Json:
    network = nic.network
    if network["cidr"] is None:
        return _no_subnet()
    return {
        "cidr": network["cidr"],
        "dns": [_ip(dns, "dns", 4) for dns in (network["dns1"], network["dns2"]) if dns],
        "gateway": _ip(network["gateway"], "gateway", 4),
        "ips": [_fixed(ip, 4) for ip in nic.fixed],
        "routes": [],
        "version": 4,
        "meta": _dhcp_server(network, _served_by(nic)),
    }


def _served_by(nic: Nic) -> str | None:
    """Return the address at which the guest finds its DHCP server: with multi_host that of its own host."""
    network = nic.network
    one_for_all = network["share_address"] or not network["multi_host"]
    address: str | None = network["dhcp_server"] if one_for_all else nic.host_address
    return address


def _dhcp_server(network: Mapping[str, Any], address: str | None) -> Json:
    dhcp = network["kind"] in DHCP_KINDS and network["enable_dhcp"]
    return {"dhcp_server": address} if dhcp and address else {}


def _subnet6(nic: Nic) -> Json:
    network = nic.network
    if network["cidr_v6"] is None:
        return _no_subnet()
    ips = [] if nic.address_v6 is None else [_fixed(FixedIp(nic.address_v6), 6)]
    return {
        "cidr": network["cidr_v6"],
        "dns": [],
        "gateway": _ip(network["gateway_v6"], "gateway", 6),
        "ips": ips,
        "routes": [],
        "version": 6,
        "meta": _dhcp_server(network, network["gateway_v6"]),
    }


def _no_subnet() -> Json:
    gateway = _ip(None, "gateway", None)
    return {"cidr": None, "dns": [], "gateway": gateway, "ips": [], "routes": [], "version": None, "meta": {}}


def _fixed(ip: FixedIp, version: int) -> Json:
    floating = [_ip(address, "floating", version) for address in ip.floating]
    return {**_ip(ip.address, "fixed", version), "floating_ips": floating}


def _ip(address: str | None, kind: str, version: int | None) -> Json:
    return {"address": address, "type": kind, "version": version if address else None, "meta": {}}
