"""What the random histories of networks ask for."""

from typing import Any

from hypothesis import strategies as st

from tests.unit.cell.few_macs import mac_text
from tests.unit.wishes import ADMIN, ANN, BOB

VLAN: dict[str, Any] = {"kind": "vlan", "bridge_interface": "eth1"}

PLACES: dict[str, dict[str, Any]] = {
    "v1": {**VLAN, "cidr": "10.1.0.0/29"},
    "v2": {**VLAN, "cidr": "10.1.0.8/29", "vlan": 200, "project_id": "red"},
    "v3": {**VLAN, "cidr": "10.1.0.16/29", "vlan": 200, "physical_network": "rack2"},
    "v4": {**VLAN, "cidr": "10.1.0.0/29", "project_id": "blue"},
    "vs": {**VLAN, "cidr": "10.1.0.0/27", "network_size": 8, "num_networks": 2, "uuid": None},
    "dual": {"cidr": "10.1.1.0/29", "cidr_v6": "2001:db8:0:1::/64", "project_id": "red"},
    "six": {"cidr": None, "cidr_v6": "2001:db8:0:2::/64", "project_id": "blue"},
    "sixes": {"cidr": None, "cidr_v6": "2001:db8:0:1::/64", "project_id": "blue"},
    "all": {"cidr": "10.1.2.0/29", "multi_host": True, "project_id": "red"},
    "shared": {"cidr": "10.1.2.8/29", "multi_host": True, "share_address": True, "project_id": "blue"},
    "red": {"cidr": "10.1.3.0/29", "project_id": "red"},
    "blue": {"cidr": "10.1.3.0/29", "project_id": "blue"},
    "flat": {"cidr": "10.1.3.8/29", "kind": "flat", "project_id": "red"},
}
"""The fourth shares the first's addresses, the fifth takes what is free; the eighth shares the sixth's."""

ACTORS = st.sampled_from([*[ADMIN] * 7, ANN])
OWNERS = st.sampled_from([*[ADMIN] * 4, ANN, ANN, BOB])
NONSENSE: list[tuple[dict[str, Any], str, str]] = [
    ({"cidr": None}, "NetworkNotCreated", "cidr"),
    ({"kind": "vlan"}, "NetworkNotCreated", "bridge_interface"),
    ({"bridge": "br1", **VLAN}, "InvalidInput", "bridge"),
    ({"vlan": 5}, "InvalidInput", "vlan"),
    ({"num_networks": 2}, "InvalidInput", "uuid"),
    ({"cidr": None, "cidr_v6": "2001:db8:9::/64", "gateway": "10.9.0.1"}, "InvalidInput", "gateway"),
    ({"gateway_v6": "2001:db8:9::1"}, "InvalidInput", "gateway_v6"),
    ({"cidr_v6": "2001:db8:9::/64", "mtu": 1000}, "InvalidInput", "mtu"),
    ({"uuid": None, "label": "x" * 255, "num_networks": 2}, "LabelTooLong", "label"),
    ({**VLAN, "vlan_start": 4094, "num_networks": 2, "uuid": None}, "InvalidInput", "vlan_start"),
    ({**VLAN, "vpn_start": 65535, "num_networks": 2, "uuid": None}, "InvalidInput", "vpn_start"),
    ({"cidr": "10.9.0.0/30"}, "InvalidCidr", "cidr"),
    ({"network_size": 512}, "InvalidCidr", "cidr"),
    ({"cidr_v6": "2001:db8:9::/65"}, "InvalidCidr", "cidr_v6"),
    ({"allowed_start": "10.8.0.1"}, "AddressOutOfRange", "allowed_start"),
    ({"allowed_end": "10.8.0.1"}, "AddressOutOfRange", "allowed_end"),
    ({"dhcp_server": "10.8.0.1"}, "AddressOutOfRange", "dhcp_server"),
    ({"gateway": "10.8.0.1"}, "AddressOutOfRange", "gateway"),
    ({"fixed_cidr": "10.8.0.0/24"}, "AddressOutOfRange", "fixed_cidr"),
    ({"allowed_start": "10.9.0.9", "allowed_end": "10.9.0.5"}, "AddressOutOfRange", "allowed_end"),
    (
        {"cidr_v6": "2001:db8:9::/64", "gateway_v6": "2001:db8:8::1"},
        *("AddressOutOfRange", "gateway_v6"),
    ),
]
"""Networks that cannot be, whatever exists: refused by the planner."""

NAMES = st.sampled_from([*PLACES, "v1", "v1", "v2", "all", "dual", "red", "blue"])
PROJECTS = st.sampled_from(["red", "red", "blue", "green"])
"""The last one has no network to begin with, and sees none that all see."""
ADDRESSES = st.builds(
    "10.1.{}.{}".format, st.integers(0, 3), st.sampled_from([*range(8), 8, 9, 10, 11, 12, 15, 18, 19])
)
MANY_HOSTS = st.sampled_from(["h1", "h2", "h3", "h4", "h5", "h6"])


def foreign_mac(number: int) -> str:
    """Return a MAC that is never drawn; its last three bytes are those of one that is."""
    return f"02:00:00:00:00:{number:02x}"


SUPPLIED = st.builds(
    lambda maker, number: maker(number), st.sampled_from([mac_text, foreign_mac]), st.integers(0, 9)
)
