"""Networks: create_networks, delete_network and what can be asked about them (nova-network.md 12.2)."""

from typing import Literal

from events.addresses import parse_cidr4
from events.ids import parse_uuid
from events.model import Actor
from events.networks import CreateNetworks, DeleteNetwork, NetworkCreated
from events.refusals import Code
from projections.ipam import queries
from services.methods.base import Args, Asked, Method, NoArgs, Read, Write, checked, nothing
from services.outcomes import Answer, refused
from services.tables import Row, Tables


class CreateNetworksArgs(Args):
    """One network or several; what is left out is planned."""

    label: str
    cidr: str
    num_networks: int | None = None
    network_size: int | None = None
    ipam: bool = False
    kind: Literal["flat", "flatdhcp"] = "flatdhcp"
    uuid: str | None = None
    gateway: str | None = None
    dhcp_server: str | None = None
    enable_dhcp: bool = True
    dns1: str | None = None
    dns2: str | None = None
    bridge: str | None = None
    bridge_interface: str | None = None
    mtu: int | None = None
    allowed_start: str | None = None
    allowed_end: str | None = None
    fixed_cidr: str | None = None
    project_id: str | None = None
    physical_network: str | None = None
    multi_host: bool = False
    share_address: bool = False
    injected: bool = False
    rxtx_base: int | None = None
    priority: int | None = None


class DeleteNetworkArgs(Args):
    """The network by id, or by its block."""

    uuid: str | None = None
    fixed_range: str | None = None
    require_disassociated: bool = True


class NetworkArgs(Args):
    """A network by id."""

    network_uuid: str


def _create(args: CreateNetworksArgs, asked: Asked, _tables: Tables) -> CreateNetworks:
    given = args.model_dump(exclude_none=True)
    if asked.defaults.flat_network_dns is not None:
        given.setdefault("dns1", asked.defaults.flat_network_dns)
    if asked.defaults.flat_network_bridge is not None and (args.ipam or args.num_networks in {None, 1}):
        given.setdefault("bridge", asked.defaults.flat_network_bridge)
    return CreateNetworks(id=asked.command_id, actor=asked.actor, **given)


def _created(_args: CreateNetworksArgs, answer: Answer, tables: Tables) -> list[Row]:
    ids = {event.network_id for event in answer.events if isinstance(event, NetworkCreated)}
    return [network for network in tables.ask(queries.networks) if network["id"] in ids]


def _delete(args: DeleteNetworkArgs, asked: Asked, tables: Tables) -> DeleteNetwork:
    if (args.uuid is None) == (args.fixed_range is None):
        raise refused(Code.INVALID_INPUT, "Name the network by uuid or by fixed_range, not by both.", "uuid")
    return DeleteNetwork(
        id=asked.command_id,
        actor=asked.actor,
        network_id=args.uuid or id_of_block(str(args.fixed_range), tables),
        require_disassociated=args.require_disassociated,
    )


def id_of_block(cidr: str, tables: Tables) -> str:
    """Return the id of the one network of a block.

    Raises:
        Refused: it is no block, or not that of one network.

    """
    block = checked(parse_cidr4, cidr, Code.INVALID_CIDR, "fixed_range")
    found = tables.ask(lambda reader: queries.networks_by_cidr(reader, block))
    if len(found) != 1:
        message = f"{len(found) or 'No'} networks have the block {block}; name one by its uuid."
        raise refused(Code.NETWORK_NOT_FOUND, message, "fixed_range")
    return str(found[0]["id"])


def visible(network: Row, actor: Actor) -> bool:
    """Tell whether an actor sees a network: admins all, projects what their instances may use."""
    owner = network["project_id"]
    unowned = owner is None and network["kind"] != "vlan"
    return actor.is_admin or unowned or (owner is not None and bool(owner == actor.project))


def find(network_id: str, actor: Actor, tables: Tables, field: str) -> Row:
    """Return a network that the actor sees.

    Raises:
        Refused: there is none of this id, or it is another project's.

    """
    uuid = checked(parse_uuid, network_id, Code.INVALID_INPUT, field)
    network = tables.ask(lambda reader: queries.network(reader, uuid))
    if network is None or not visible(network, actor):
        raise refused(Code.NETWORK_NOT_FOUND, f"There is no network {uuid}.", field)
    return network


def _get(args: NetworkArgs, actor: Actor, tables: Tables) -> Row:
    return find(args.network_uuid, actor, tables, "network_uuid")


def _get_all(_args: NoArgs, actor: Actor, tables: Tables) -> list[Row]:
    return [network for network in tables.ask(queries.networks) if visible(network, actor)]


METHODS: dict[str, Method] = {
    "create_networks": Write(CreateNetworksArgs, _create, _created, adds=True, sighted=True),
    "delete_network": Write(
        DeleteNetworkArgs, _delete, nothing, looks_up=True, renamed={"network_id": "uuid"}
    ),
    "get_network": Read(NetworkArgs, _get),
    "get_all_networks": Read(NoArgs, _get_all),
}
