"""Where the VPN of a project's networks is reached from outside (nova-network.md section 12.7)."""

from events.model import Event
from events.networks import ChangeVpn, NetworkVpnChanged
from events.refusals import Code, Refusal
from projections.cell.network.networks import admin_only
from projections.cell.state import CellState


def decide_change(state: CellState, command: ChangeVpn) -> tuple[Event, ...] | Refusal:
    """Change public address and port of all VLAN networks of a project, as nova-manage did."""
    if not command.actor.is_admin:
        return admin_only("change a project's VPN")
    mine = (state.networks[network_id] for network_id in state.selectable.get(command.project_id, ()))
    networks = [network for network in mine if network.plan.kind == "vlan"]
    if not networks:
        message = f"Project {command.project_id!r} has no VLAN network; only those have a VPN."
        return Refusal(code=Code.NETWORK_NOT_FOUND_FOR_PROJECT, field="project_id", message=message)
    wanted = (command.vpn_public_address, command.vpn_public_port)
    return tuple(
        NetworkVpnChanged(
            network_id=network.plan.network_id, vpn_public_address=wanted[0], vpn_public_port=wanted[1]
        )
        for network in networks
        if (network.vpn_public_address, network.vpn_public_port) != wanted
    )


def apply_changed(state: CellState, event: NetworkVpnChanged) -> None:
    """Let a network's VPN be reached elsewhere."""
    network = state.networks[event.network_id]
    network.vpn_public_address = event.vpn_public_address
    network.vpn_public_port = event.vpn_public_port
