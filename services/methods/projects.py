"""Whose a network is: associate, disassociate and the like (nova-network.md 5.3, 5.4, 12.2 and 12.7)."""

from typing import Literal

from events.projects import AddNetworkToProject, ModifyNetwork
from events.refusals import Code
from services.methods.base import Args, Asked, Method, Write, nothing
from services.methods.networks import NetworkArgs, named_network
from services.outcomes import refused
from services.tables import Tables


class AddArgs(Args):
    """A project, and the VLAN network that it shall have; the next one of nobody when left out."""

    project_id: str
    network_uuid: str | None = None


class AssociateArgs(NetworkArgs):
    """A network, and what shall change: null takes the host or the project away, a name gives it."""

    associations: dict[Literal["host", "project"], str | None]


class ModifyArgs(Args):
    """A network by id or by its block, and what shall change, whoever has it now."""

    network_uuid: str | None = None
    fixed_range: str | None = None
    project: str | None = None
    host: str | None = None
    disassociate_project: bool = False
    disassociate_host: bool = False


def _add(args: AddArgs, asked: Asked, _tables: Tables) -> AddNetworkToProject:
    return AddNetworkToProject(
        id=asked.command_id, actor=asked.actor, project_id=args.project_id, network_id=args.network_uuid
    )


def _associate(args: AssociateArgs, asked: Asked, _tables: Tables) -> ModifyNetwork:
    given = args.associations
    return ModifyNetwork(
        id=asked.command_id,
        actor=asked.actor,
        network_id=args.network_uuid,
        project_id=given.get("project"),
        host=given.get("host"),
        disassociate_project="project" in given and given["project"] is None,
        disassociate_host="host" in given and given["host"] is None,
    )


def _disassociate(args: NetworkArgs, asked: Asked, _tables: Tables) -> ModifyNetwork:
    return ModifyNetwork(
        id=asked.command_id,
        actor=asked.actor,
        network_id=args.network_uuid,
        disassociate_project=True,
        disassociate_host=True,
    )


def _modify(args: ModifyArgs, asked: Asked, tables: Tables) -> ModifyNetwork:
    network_id = named_network(args.network_uuid, args.fixed_range, "network_uuid", tables)
    if (args.disassociate_project or args.disassociate_host) and (args.project or args.host):
        message = "Give and take away in separate commands, as with nova-manage."
        field = "disassociate_project" if args.disassociate_project else "disassociate_host"
        raise refused(Code.INVALID_INPUT, message, field)
    return ModifyNetwork(
        id=asked.command_id,
        actor=asked.actor,
        network_id=network_id,
        project_id=args.project,
        host=args.host,
        disassociate_project=args.disassociate_project,
        disassociate_host=args.disassociate_host,
        overwrite=True,
    )


_OF_ASSOCIATE = {"network_id": "network_uuid", "project_id": "associations", "host": "associations.host"}

METHODS: dict[str, Method] = {
    "add_network_to_project": Write(AddArgs, _add, nothing, renamed={"network_id": "network_uuid"}),
    "associate": Write(AssociateArgs, _associate, nothing, renamed=_OF_ASSOCIATE),
    "disassociate_network": Write(
        NetworkArgs, _disassociate, nothing, renamed={"network_id": "network_uuid"}
    ),
    "network_modify": Write(
        ModifyArgs,
        _modify,
        nothing,
        looks_up=True,
        renamed={"network_id": "network_uuid", "project_id": "project"},
    ),
}
