"""Networks: create_networks, delete_network and what can be asked about them (nova-network.md 12.2)."""

from typing import Any

from events.addresses import parse_cidr4, parse_cidr6
from events.ids import parse_uuid
from events.model import Actor
from events.networks import ChangeVpn, CreateNetworks, DeleteNetwork, Kind, NetworkCreated
from events.refusals import Code
from projections.ipam import queries
from services.methods.base import Args, Asked, Defaults, Method, NoArgs, Read, Write, checked, nothing
from services.outcomes import Answer, refused
from services.tables import Row, Tables


class CreateNetworksArgs(Args):
    """One network or several; what is left out is planned, or as the operator's settings have it."""

    label: str | None = None
    cidr: str | None = None
    cidr_v6: str | None = None
    num_networks: int | None = None
    network_size: int | None = None
    ipam: bool = False
    kind: Kind | None = None
    uuid: str | None = None
    gateway: str | None = None
    gateway_v6: str | None = None
    dhcp_server: str | None = None
    enable_dhcp: bool = True
    dns1: str | None = None
    dns2: str | None = None
    bridge: str | None = None
    bridge_interface: str | None = None
    vlan: int | None = None
    vlan_start: int | None = None
    vpn_start: int | None = None
    vpn_public_address: str | None = None
    cnt_vpn_clients: int | None = None
    vpn: bool | None = None
    """Whether it has a VPN server, as nova's VlanManager said of its own: it must agree with the kind."""
    mtu: int | None = None
    allowed_start: str | None = None
    allowed_end: str | None = None
    fixed_cidr: str | None = None
    project_id: str | None = None
    physical_network: str | None = None
    multi_host: bool | None = None
    share_address: bool | None = None
    injected: bool | None = None
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


class VpnArgs(Args):
    """A project, and where the VPN of its VLAN networks is reached from outside."""

    project_id: str
    ip: str
    port: int


def _create(args: CreateNetworksArgs, asked: Asked, _tables: Tables) -> CreateNetworks:
    if args.label is None:
        raise refused(Code.NETWORK_NOT_CREATED, "A network needs a label.", "label")
    kind = args.kind or asked.defaults.network_manager
    if args.vpn and kind != "vlan":
        raise refused(Code.INVALID_INPUT, f"Networks of kind {kind} have no VPN server.", "vpn")
    given = args.model_dump(exclude_none=True, exclude={"vpn"})
    wanted = {**_settled(args, kind, asked.defaults), **given, "kind": kind}
    asking = {name: value for name, value in wanted.items() if value is not None}
    return CreateNetworks(id=asked.command_id, actor=asked.actor, **asking)


def _settled(args: CreateNetworksArgs, kind: Kind, defaults: Defaults) -> dict[str, Any]:
    """Return what the operator's settings say of what was left out (nova-network.md 4.1)."""
    count = 1 if args.ipam else args.num_networks or defaults.num_networks
    settled = {
        "num_networks": None if args.ipam else defaults.num_networks,
        "network_size": defaults.network_size,
        "multi_host": defaults.multi_host,
        "share_address": defaults.share_dhcp_address,
        "dns1": defaults.flat_network_dns if args.cidr is not None else None,
    }
    if kind == "vlan":
        return {
            **settled,
            "bridge_interface": defaults.vlan_interface,
            "vlan_start": defaults.vlan_start,
            "vpn_start": defaults.vpn_start,
            "vpn_public_address": defaults.vpn_ip,
            "cnt_vpn_clients": defaults.cnt_vpn_clients,
        }
    return {
        **settled,
        "bridge": defaults.flat_network_bridge if count == 1 else None,
        "injected": defaults.flat_injected if kind == "flat" else None,
    }


def _created(_args: CreateNetworksArgs, answer: Answer, tables: Tables) -> list[Row]:
    ids = {event.network_id for event in answer.events if isinstance(event, NetworkCreated)}
    return [network for network in tables.ask(queries.networks) if network["id"] in ids]


def _delete(args: DeleteNetworkArgs, asked: Asked, tables: Tables) -> DeleteNetwork:
    network_id = named_network(args.uuid, args.fixed_range, "uuid", tables)
    return DeleteNetwork(
        id=asked.command_id,
        actor=asked.actor,
        network_id=network_id,
        require_disassociated=args.require_disassociated,
    )


def named_network(uuid: str | None, fixed_range: str | None, field: str, tables: Tables) -> str:
    """Return the id of a network that is named by its id, in the argument `field`, or by its block.

    Raises:
        Refused: by neither, by both, or the block is not that of one network.

    """
    if uuid is not None and fixed_range is None:
        return uuid
    if uuid is None and fixed_range is not None:
        return _id_of_block(fixed_range, tables)
    raise refused(Code.INVALID_INPUT, f"Name the network, either by {field} or by fixed_range.", field)


def _id_of_block(cidr: str, tables: Tables) -> str:
    parse = parse_cidr6 if ":" in cidr else parse_cidr4
    block = checked(parse, cidr, Code.INVALID_CIDR, "fixed_range")
    found = tables.ask(lambda reader: queries.networks_by_cidr(reader, block))
    if len(found) != 1:
        message = f"{len(found) or 'No'} networks have the block {block}; name one by its uuid."
        raise refused(Code.NETWORK_NOT_FOUND, message, "fixed_range")
    return str(found[0]["id"])


def _vpn(args: VpnArgs, asked: Asked, _tables: Tables) -> ChangeVpn:
    return ChangeVpn(
        id=asked.command_id,
        actor=asked.actor,
        project_id=args.project_id,
        vpn_public_address=args.ip,
        vpn_public_port=args.port,
    )


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


def _list(_args: NoArgs, actor: Actor, tables: Tables) -> list[Row]:
    if not actor.is_admin:
        raise refused(Code.FORBIDDEN, "Only an admin lists all networks.", "actor.is_admin")
    return tables.ask(queries.networks)


METHODS: dict[str, Method] = {
    "network_list": Read(NoArgs, _list),
    "vpn_change": Write(
        VpnArgs, _vpn, nothing, renamed={"vpn_public_address": "ip", "vpn_public_port": "port"}
    ),
    "create_networks": Write(CreateNetworksArgs, _create, _created, adds=True, sighted=True),
    "delete_network": Write(
        DeleteNetworkArgs, _delete, nothing, looks_up=True, renamed={"network_id": "uuid"}
    ),
    "get_network": Read(NetworkArgs, _get),
    "get_all_networks": Read(NoArgs, _get_all),
}
