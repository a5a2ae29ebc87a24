"""MACs: drawn for NICs or supplied by the hypervisor, one live NIC each (nova-network.md section 7.4).

With the MAC comes the IPv6 address that is derived from it, which must be free on its network too.
"""

from collections.abc import Container
from typing import NamedTuple

from events.addresses import ipv6_text, mac_number, mac_text
from events.errors import InvariantBroken
from events.ids import Draws
from events.instances import MacGenerated
from events.refusals import Code, Refusal
from projections.cell.instance import ipv6
from projections.cell.state import CellState, Network, Rules

MAC_PREFIX = 0xFA163E
"""fa:16:3e, nova's since 2012: so high that a bridge does not adopt a guest's MAC (the lowest one wins)."""
_MAC_SUFFIX_BITS = 24

SUPPLIED = 0
"""Draws of a MAC that was not drawn."""


class Hardware(NamedTuple):
    """A MAC, how many candidates it took, and the IPv6 address that comes with it."""

    mac: int
    draws: int
    address_v6: int | None


class Place(NamedTuple):
    """Where a NIC is to be: its network, its project, and the field that asks for it."""

    network: Network
    project_id: str
    field: str


def draw(
    state: CellState, place: Place, taken: Container[int], rules: Rules, draws: Draws, index: int
) -> Hardware | Refusal:
    """Return a MAC for the `index`th NIC that no live NIC has and that is not `taken` in this decision."""
    attempts = rules.create_unique_mac_address_attempts
    for attempt in range(attempts):
        mac = MAC_PREFIX << _MAC_SUFFIX_BITS | draws.mac_suffix(index, attempt)
        if mac not in state.macs and mac not in taken:
            address_v6 = ipv6.address_for(place.network, mac, place.project_id, rules)
            if not ipv6.is_taken(place.network, address_v6):
                return Hardware(mac, attempt + 1, address_v6)
    message = f"All of {attempts} drawn MACs are in use; send the command again under a new command id."
    return Refusal(code=Code.VIRTUAL_INTERFACE_MAC_ADDRESS, field=place.field, message=message)


def supplied(state: CellState, place: Place, text: str, rules: Rules) -> Hardware | Refusal:
    """Return a MAC that a hypervisor supplies; it has one attempt, for there is no other."""
    mac = mac_number(text)
    if mac in state.macs:
        message = f"MAC {text} is in use by another NIC; supply one that is not."
        return Refusal(code=Code.VIRTUAL_INTERFACE_MAC_ADDRESS, field=place.field, message=message)
    address_v6 = ipv6.address_for(place.network, mac, place.project_id, rules)
    if address_v6 is not None and ipv6.is_taken(place.network, address_v6):
        message = (
            f"IPv6 address {ipv6_text(address_v6)}, which MAC {text} has on network"
            f" {place.network.plan.label!r}, is in use; supply another MAC."
        )
        return Refusal(code=Code.VIRTUAL_INTERFACE_MAC_ADDRESS, field=place.field, message=message)
    return Hardware(mac, SUPPLIED, address_v6)


def apply_generated(state: CellState, event: MacGenerated) -> None:
    """Keep a MAC for its NIC."""
    claim(state, mac_number(event.mac), event.vif_id)


def claim(state: CellState, mac: int, vif_id: str) -> None:
    """Let a NIC have a MAC.

    Raises:
        InvariantBroken: another NIC has it.

    """
    if state.macs.setdefault(mac, vif_id) != vif_id:
        message = f"MAC {mac_text(mac)} belongs to NIC {state.macs[mac]} and to {vif_id}"
        raise InvariantBroken(message)


def give_back(state: CellState, mac: int, vif_id: str) -> None:
    """Let a MAC be used again.

    Raises:
        InvariantBroken: it is not that NIC's.

    """
    if state.macs.pop(mac, None) != vif_id:
        message = f"MAC {mac_text(mac)} is given back by NIC {vif_id}, which does not have it"
        raise InvariantBroken(message)
