"""VLAN ids and VPN ports of new networks (nova-network.md section 4.6)."""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from events.networks import VLAN_ID_MAX, VPN_PORT_MAX, CreateNetworks
from events.refusals import Code, Refusal
from projections.cell.state import CellState

VLAN_START = 100
VPN_START = 1000
"""nova's defaults."""


class Vlan(NamedTuple):
    """What a network of kind vlan has besides its addresses."""

    id: int
    bridge: str
    vpn_public_port: int


def vlan_bridge(vlan: int) -> str:
    """Return the name of the bridge of a VLAN, which is always the same, as in nova."""
    return f"br{vlan}"


def plan_vlans(state: CellState, asked: CreateNetworks, count: int) -> list[Vlan] | Refusal:
    """Return the VLAN of each network; ids, bridges and ports that others have are not given out again."""
    ids = _next(state, asked, count) if asked.vlan is None else _named(state, asked.vlan)
    if isinstance(ids, Refusal):
        return ids
    ports = {state.networks[network_id].vpn_public_port for network_id in state.vlans.values()}
    used = {port for port in ports if port is not None}
    first = VPN_START if asked.vpn_start is None else asked.vpn_start
    chosen = _numbers(first, len(state.networks), VPN_PORT_MAX, count, used, max(used, default=0))
    if chosen is None:
        message = (
            f"Fewer than {count} VPN ports from {first} to {VPN_PORT_MAX} are free; start at a lower one."
        )
        return Refusal(code=Code.INVALID_INPUT, field="vpn_start", message=message)
    return [Vlan(vlan, vlan_bridge(vlan), port) for vlan, port in zip(ids, chosen, strict=True)]


def _named(state: CellState, vlan: int) -> list[int] | Refusal:
    """Return the VLAN id that was asked for."""
    owner = state.vlans.get(vlan)
    if owner is not None:
        message = f"VLAN {vlan} belongs to network {owner}; name another one."
        details: dict[str, str | int | None] = {"network_id": owner}
        return Refusal(code=Code.DUPLICATE_VLAN, field="vlan", message=message, details=details)
    bridge = vlan_bridge(vlan)
    owner = state.bridges.get(bridge)
    if owner is not None:
        message = f"Bridge {bridge!r} of VLAN {vlan} belongs to network {owner}; name another VLAN."
        return Refusal(code=Code.NETWORK_NOT_CREATED, field="vlan", message=message)
    return [vlan]


def _next(state: CellState, asked: CreateNetworks, count: int) -> list[int] | Refusal:
    """Return ids that nobody has, whose bridges nobody has either."""
    start = VLAN_START if asked.vlan_start is None else asked.vlan_start
    bridged = {vlan for vlan in range(start, VLAN_ID_MAX + 1) if vlan_bridge(vlan) in state.bridges}
    highest = max(state.vlans, default=0)
    ids = _numbers(start, len(state.networks), VLAN_ID_MAX, count, bridged | state.vlans.keys(), highest)
    if ids is not None:
        return ids
    message = f"Fewer than {count} VLAN ids from {start} to {VLAN_ID_MAX} are free; start at a lower one."
    return Refusal(code=Code.INVALID_INPUT, field="vlan_start", message=message)


def _numbers(
    first: int, offset: int, last: int, count: int, used: AbstractSet[int], highest: int
) -> list[int] | None:
    """Return `count` numbers from `first` to `last` that are not in use, or None if there are not so many.

    Each is the one that nova would take: as far behind `first` as there are networks; where that is taken,
    the one above the highest; where that is too high, the lowest free one.
    """
    taken = set(used)
    chosen: list[int] = []
    spare = first
    for wanted in range(first + offset, first + offset + count):
        number = wanted
        if number > last or number in taken:
            number = max(highest + 1, first)
            while number in taken:
                number += 1
        if number > last:
            while spare in taken:
                spare += 1
            number = spare
        if number > last:
            return None
        taken.add(number)
        chosen.append(number)
        highest = max(highest, number)
    return chosen
