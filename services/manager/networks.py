"""Methods about networks (nova-network.md 12.2)."""

from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, given
from services.tables import Row


class NetworkMethods(Caller, Protocol):
    """Networks."""

    def create_networks(
        self,
        /,
        label: str,
        cidr: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
        **plan: str | int | bool | None,
    ) -> list[Row]:
        """Create networks, and return them in order. `plan`: the other fields of `CreateNetworksArgs`."""
        args = given(label=label, cidr=cidr, **plan)
        networks: list[Row] = self.call("create_networks", args, actor=actor, command_id=command_id)
        return networks

    def delete_network(
        self,
        *,
        uuid: str | None = None,
        fixed_range: str | None = None,
        require_disassociated: bool = True,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Delete a network, named by id or by its block, that no instance uses."""
        args = given(uuid=uuid, fixed_range=fixed_range, require_disassociated=require_disassociated)
        self.call("delete_network", args, actor=actor, command_id=command_id)

    def network_list(self, *, actor: Actor | None = None) -> list[Row]:
        """Return all networks, in order of creation; for admins."""
        networks: list[Row] = self.call("network_list", actor=actor)
        return networks

    def vpn_change(
        self,
        project_id: str,
        ip: str,
        port: int,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Change where the VPN of a project's VLAN networks is reached from outside."""
        args = {"project_id": project_id, "ip": ip, "port": port}
        self.call("vpn_change", args, actor=actor, command_id=command_id)

    def get_network(self, network_uuid: str, *, actor: Actor | None = None) -> Row:
        """Return a network."""
        network: Row = self.call("get_network", {"network_uuid": network_uuid}, actor=actor)
        return network

    def get_all_networks(self, *, actor: Actor | None = None) -> list[Row]:
        """Return the networks that the actor sees, in order of creation."""
        networks: list[Row] = self.call("get_all_networks", actor=actor)
        return networks
