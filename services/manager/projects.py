"""Methods about whose a network is (nova-network.md 12.2 and 12.7)."""

from collections.abc import Mapping
from typing import Literal, Protocol

from events.model import Actor
from services.manager.caller import Caller, given


class ProjectMethods(Caller, Protocol):
    """Whose a network is."""

    def add_network_to_project(
        self,
        project_id: str,
        network_uuid: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Give a project a VLAN network of nobody: this one, or the next."""
        args = given(project_id=project_id, network_uuid=network_uuid)
        self.call("add_network_to_project", args, actor=actor, command_id=command_id)

    def associate(
        self,
        network_uuid: str,
        associations: Mapping[Literal["host", "project"], str | None],
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Give a network a host or a project that it does not have, or with None take it away."""
        args = {"network_uuid": network_uuid, "associations": associations}
        self.call("associate", args, actor=actor, command_id=command_id)

    def disassociate_network(
        self, network_uuid: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> None:
        """Take host and project from a network."""
        args = {"network_uuid": network_uuid}
        self.call("disassociate_network", args, actor=actor, command_id=command_id)

    def network_modify(
        self,
        network_uuid: str | None = None,
        *,
        fixed_range: str | None = None,
        project: str | None = None,
        host: str | None = None,
        disassociate_project: bool = False,
        disassociate_host: bool = False,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Give a network a host or a project, whoever has it now, or take them away."""
        args = given(
            network_uuid=network_uuid,
            fixed_range=fixed_range,
            project=project,
            host=host,
            disassociate_project=disassociate_project,
            disassociate_host=disassociate_host,
        )
        self.call("network_modify", args, actor=actor, command_id=command_id)
