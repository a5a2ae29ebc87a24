"""Networks as events, of kinds and with fields that a test needs and no command of it has to ask for."""

from events.addresses import cidr4_bounds, ipv4_text
from events.networks import AddressRange, NetworkCreated
from tests.unit.wishes import uid


def network(name: str = "net", cidr: str | None = "10.0.0.0/24", **fields: object) -> NetworkCreated:
    """Return a FlatDHCP network that hands out all of its block but two addresses and the last one."""
    plan: dict[str, object] = {
        "network_id": uid(name),
        "kind": "flatdhcp",
        "label": name,
        "enable_dhcp": True,
        "bridge": f"br{name}",
        "physical_network": "default",
        "reserved": (),
    }
    if cidr is not None:
        first, last = cidr4_bounds(cidr)
        low = first + (3 if fields.get("kind") == "vlan" else 2)
        plan |= {
            "cidr": cidr,
            "gateway": ipv4_text(first + 1),
            "dhcp_server": ipv4_text(first + 1),
            "dhcp_start": ipv4_text(low),
            "broadcast": ipv4_text(last),
            "reserved": (
                AddressRange(first=ipv4_text(first), last=ipv4_text(low - 1)),
                AddressRange(first=ipv4_text(last), last=ipv4_text(last)),
            ),
        }
        if fields.get("kind") == "vlan":
            plan |= {"vpn_private_address": ipv4_text(first + 2), "vlan": 100}
    return NetworkCreated.model_validate(plan | fields)
