"""Which project a network belongs to (nova-network.md sections 5.3 and 5.4)."""

from typing import ClassVar, Literal

from events.model import Command, Event, Flag, Name, ProjectId, Uuid


class AddNetworkToProject(Command):
    """Give a project a VLAN network more, this one or the next of nobody (nova's add_network_to_project)."""

    subject_field: ClassVar[str] = "project_id"

    type: Literal["AddNetworkToProject.v1"] = "AddNetworkToProject.v1"
    project_id: ProjectId
    network_id: Uuid | None = None


class ModifyNetwork(Command):
    """Change which project a network belongs to and which host serves it; what is not named stays as it is.

    nova's associate and disassociate_network, and nova-manage's network modify.
    """

    subject_field: ClassVar[str] = "network_id"

    type: Literal["ModifyNetwork.v1"] = "ModifyNetwork.v1"
    network_id: Uuid
    project_id: ProjectId | None = None
    """The project that it shall belong to."""
    disassociate_project: Flag = False
    """It shall belong to nobody."""
    host: Name | None = None
    """The host that shall serve it."""
    disassociate_host: Flag = False
    """No host shall serve it, until one claims it."""
    overwrite: Flag = False
    """Also if another project or host has it now."""


class NetworkProjectAssigned(Event):
    """A network belongs to a project."""

    type: Literal["NetworkProjectAssigned.v1"] = "NetworkProjectAssigned.v1"
    network_id: str
    project_id: str
    forced: bool
    """An admin said so; otherwise a spawn of a project without networks needed it."""


class NetworkProjectReleased(Event):
    """A network belongs to nobody; a VLAN network may then be used by nobody until it is assigned again."""

    type: Literal["NetworkProjectReleased.v1"] = "NetworkProjectReleased.v1"
    network_id: str
    project_id: str
