"""What a change of a network's VPN changes in the tables. Pure."""

from events.networks import NetworkVpnChanged
from projections.ipam.changes import Changes
from projections.ipam.tables import NETWORKS

_ADDRESS = NETWORKS.columns.index("vpn_public_address")


def vpn_changed(changes: Changes, _seq: int, _time: str, event: NetworkVpnChanged) -> None:
    """Add what one event changes."""
    row = changes.holds["networks"].began.get((event.network_id,))
    if row is not None:
        row[_ADDRESS : _ADDRESS + 2] = [event.vpn_public_address, event.vpn_public_port]
    else:
        changes.vpns[event.network_id] = [event.vpn_public_address, event.vpn_public_port]
