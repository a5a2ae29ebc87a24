"""Fixed IPs: reserving them, and what can be asked about them (nova-network.md 12.4, 12.7)."""

from events.addresses import parse_ipv4
from events.fixed_ips import ReserveFixedIp, UnreserveFixedIp
from events.ids import parse_uuid
from events.model import Actor
from events.refusals import Code
from projections.ipam import queries
from services.methods.base import Args, Asked, Method, Read, Write, checked, nothing
from services.outcomes import refused
from services.tables import Row, Tables


class AddressArgs(Args):
    """An address."""

    address: str


class ListArgs(Args):
    """A network by id; all networks when left out."""

    network_uuid: str | None = None


def _reserve(args: AddressArgs, asked: Asked, _tables: Tables) -> ReserveFixedIp:
    return ReserveFixedIp(id=asked.command_id, actor=asked.actor, address=args.address)


def _unreserve(args: AddressArgs, asked: Asked, _tables: Tables) -> UnreserveFixedIp:
    return UnreserveFixedIp(id=asked.command_id, actor=asked.actor, address=args.address)


def _list(args: ListArgs, actor: Actor, tables: Tables) -> list[Row]:
    if not actor.is_admin:
        raise refused(Code.FORBIDDEN, "Only an admin sees all fixed IPs.", "actor.is_admin")
    if args.network_uuid is None:
        return tables.ask(queries.fixed_list)
    uuid = checked(parse_uuid, args.network_uuid, Code.INVALID_INPUT, "network_uuid")
    if tables.ask(lambda reader: queries.network(reader, uuid)) is None:
        message = f"There is no network {uuid}; `netledger network list` shows those that exist."
        raise refused(Code.NETWORK_NOT_FOUND, message, "network_uuid")
    return tables.ask(lambda reader: queries.fixed_list(reader, uuid))


def _by_address(args: AddressArgs, actor: Actor, tables: Tables) -> Row:
    address = checked(parse_ipv4, args.address, Code.FIXED_IP_INVALID, "address")
    held = tables.ask(lambda reader: queries.fixed_ips_by_address(reader, address))
    if not held:
        message = f"{address} is no instance's fixed IP."
        raise refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, message, "address")
    mine = [row for row in held if actor.is_admin or row["project_id"] == actor.project]
    if not mine:
        raise refused(Code.FORBIDDEN, f"Fixed IP {address} is another project's.", "address")
    return mine[0]


METHODS: dict[str, Method] = {
    "fixed_reserve": Write(AddressArgs, _reserve, nothing),
    "fixed_unreserve": Write(AddressArgs, _unreserve, nothing),
    "fixed_list": Read(ListArgs, _list),
    "get_fixed_ip_by_address": Read(AddressArgs, _by_address),
}
