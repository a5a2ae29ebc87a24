"""IPv6 addresses derived from a NIC's MAC, as nova derived them (nova-network.md section 7.7).

An address is derived once, when its NIC is created, and recorded with it: a later change of the options
changes no address that a guest has.
"""

from hashlib import sha1

from events.addresses import ipv6_number, mac_text
from events.errors import InvariantBroken
from projections.cell.state import Network, Rules

_INTERFACE_BITS = 64
_INTERFACE_MASK = (1 << _INTERFACE_BITS) - 1
_UNIVERSAL_LOCAL = 0x02 << 56
"""The bit of an interface identifier that says whether its maker chose it (RFC 4291 appendix A)."""
_EUI64_FILLING = 0xFFFE
_MAC_LOW_MASK = 0xFFFFFF


def rfc2462(prefix: int, mac: int) -> int:
    """Return the address of a MAC in a /64: its modified EUI-64 (RFC 4291 appendix A)."""
    eui64 = mac >> 24 << 40 | _EUI64_FILLING << 24 | mac & _MAC_LOW_MASK
    return prefix & ~_INTERFACE_MASK | eui64 ^ _UNIVERSAL_LOCAL


def mac_of_rfc2462(address: str) -> str:
    """Return the MAC from which an address was derived.

    Raises:
        ValueError: it was not derived from a MAC.

    """
    eui64 = ipv6_number(address) & _INTERFACE_MASK ^ _UNIVERSAL_LOCAL
    if eui64 >> 24 & 0xFFFF != _EUI64_FILLING:
        message = f"{address} was not derived from a MAC: its interface identifier lacks ff:fe in the middle"
        raise ValueError(message)
    return mac_text(eui64 >> 40 << 24 | eui64 & _MAC_LOW_MASK)


def account_identifier(prefix: int, mac: int, project_id: str) -> int:
    """Return the address of a project's MAC in a /64: a digest of the project, then half of the MAC."""
    digest = sha1(project_id.encode(), usedforsecurity=False).digest()
    return prefix & ~_INTERFACE_MASK | int.from_bytes(digest[:4]) << 32 | 0xFF << 24 | mac & _MAC_LOW_MASK


def address_for(network: Network, mac: int, project_id: str, rules: Rules) -> int | None:
    """Return the address that a project's NIC gets on a network; None where there is no IPv6."""
    cidr = network.plan.cidr_v6
    if cidr is None or not rules.use_ipv6:
        return None
    prefix = ipv6_number(cidr.partition("/")[0])
    if rules.ipv6_backend == "rfc2462":
        return rfc2462(prefix, mac)
    return account_identifier(prefix, mac, project_id)


def is_taken(network: Network, address: int | None) -> bool:
    """Return whether a NIC of the network or its gateway has an address."""
    if address is None:
        return False
    gateway = network.plan.gateway_v6
    return address in network.addresses_v6 or (gateway is not None and address == ipv6_number(gateway))


def hold(network: Network, address: int, vif_id: str) -> None:
    """Let a NIC have an address.

    Raises:
        InvariantBroken: another NIC of the network has it.

    """
    if network.addresses_v6.setdefault(address, vif_id) != vif_id:
        message = f"an IPv6 address of NIC {network.addresses_v6[address]} is given to {vif_id} too"
        raise InvariantBroken(message)


def give_back(network: Network, address: int, vif_id: str) -> None:
    """Let an address be had by another NIC.

    Raises:
        InvariantBroken: it is not that NIC's.

    """
    if network.addresses_v6.pop(address, None) != vif_id:
        message = f"an IPv6 address is given back by NIC {vif_id}, which does not have it"
        raise InvariantBroken(message)
