"""MACs: drawn for NICs, one live NIC each (nova-network.md section 7.4)."""

from collections.abc import Container
from typing import NamedTuple

from events.addresses import mac_number, mac_text
from events.errors import InvariantBroken
from events.ids import Draws
from events.instances import MacGenerated
from events.refusals import Code, Refusal
from projections.cell.state import CellState, Rules

MAC_PREFIX = 0xFA163E
"""fa:16:3e, nova's since 2012: so high that a bridge does not adopt a guest's MAC (the lowest one wins)."""
_MAC_SUFFIX_BITS = 24


class Drawn(NamedTuple):
    """A MAC, and how many candidates it took."""

    mac: int
    draws: int


def draw(
    state: CellState, taken: Container[int], rules: Rules, draws: Draws, index: int, field: str
) -> Drawn | Refusal:
    """Return a MAC for the `index`th NIC that no live NIC has and that is not `taken` in this decision."""
    attempts = rules.create_unique_mac_address_attempts
    for attempt in range(attempts):
        mac = MAC_PREFIX << _MAC_SUFFIX_BITS | draws.mac_suffix(index, attempt)
        if mac not in state.macs and mac not in taken:
            return Drawn(mac, attempt + 1)
    message = f"All of {attempts} drawn MACs are in use; send the command again under a new command id."
    return Refusal(code=Code.VIRTUAL_INTERFACE_MAC_ADDRESS, field=field, message=message)


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
