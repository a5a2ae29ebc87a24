"""Floating IPs: pools, owners, associations and what can be asked about them (nova-network.md 12.5, 12.7)."""

from events.addresses import parse_ipv4
from events.floating_ips import (
    AllocateFloatingIp,
    AssociateFloatingIp,
    CreateFloatingIps,
    DeleteFloatingIps,
    DisassociateFloatingIp,
    FloatingIpAllocated,
    FloatingIpDisassociated,
    ReleaseFloatingIp,
)
from events.model import Actor, Flag, Name
from events.refusals import Code
from projections.ipam import floating as queries
from projections.ipam import queries as all_queries
from services.methods.base import Args, Asked, Method, NoArgs, Read, Write, checked, nothing
from services.methods.fixed_ips import AddressArgs
from services.outcomes import Answer, refused
from services.tables import Row, Tables


class CreateArgs(Args):
    """Addresses for a pool: one, or the host addresses of a block."""

    ip_range: str
    pool: str | None = None
    interface: str | None = None


class DeleteArgs(Args):
    """Addresses that shall be in no pool: one, or the host addresses of a block."""

    ip_range: str
    force: Flag = False
    """Take them from their owners first."""


class AllocateArgs(Args):
    """A project and a pool; the actor's own project and the default pool when left out."""

    project_id: str | None = None
    auto_assigned: Flag = False
    pool: str | None = None


class ReleaseArgs(AddressArgs):
    """A floating address, also one that was assigned automatically if so meant."""

    affect_auto_assigned: Flag = False


class AssociateArgs(Args):
    """A floating address and the fixed address that it shall point at."""

    floating_address: str
    fixed_address: str
    affect_auto_assigned: Flag = False
    network_id: str | None = None


class IdArgs(Args):
    """The id of a floating IP, which is its address."""

    id: str


class ListArgs(Args):
    """The host on which they are bound; any when left out."""

    host: Name | None = None


class FixedAddressArgs(Args):
    """A fixed address."""

    fixed_address: str


def _create(args: CreateArgs, asked: Asked, _tables: Tables) -> CreateFloatingIps:
    return CreateFloatingIps(
        id=asked.command_id,
        actor=asked.actor,
        ip_range=args.ip_range,
        pool=args.pool or asked.defaults.default_floating_pool,
        interface=args.interface,
    )


def _delete(args: DeleteArgs, asked: Asked, _tables: Tables) -> DeleteFloatingIps:
    return DeleteFloatingIps(id=asked.command_id, actor=asked.actor, ip_range=args.ip_range, force=args.force)


def _allocate(args: AllocateArgs, asked: Asked, _tables: Tables) -> AllocateFloatingIp:
    project = args.project_id or asked.actor.project
    if project is None:
        message = "Name the project that shall own the address: the actor has none."
        raise refused(Code.INVALID_INPUT, message, "project_id")
    return AllocateFloatingIp(
        id=asked.command_id,
        actor=asked.actor,
        project_id=project,
        pool=args.pool or asked.defaults.default_floating_pool,
        auto_assigned=args.auto_assigned,
    )


def _allocated(_args: AllocateArgs, answer: Answer, _tables: Tables) -> str | None:
    return next((event.address for event in answer.events if isinstance(event, FloatingIpAllocated)), None)


def _associate(args: AssociateArgs, asked: Asked, _tables: Tables) -> AssociateFloatingIp:
    return AssociateFloatingIp(id=asked.command_id, actor=asked.actor, **args.model_dump(exclude_none=True))


def _moved_from(_args: AssociateArgs, answer: Answer, _tables: Tables) -> str | None:
    """Return the instance that the address pointed at before, as nova does."""
    moved = (event for event in answer.events if isinstance(event, FloatingIpDisassociated))
    return next((event.instance_uuid for event in moved), None)


def _disassociate(args: ReleaseArgs, asked: Asked, _tables: Tables) -> DisassociateFloatingIp:
    return DisassociateFloatingIp(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _release(args: ReleaseArgs, asked: Asked, _tables: Tables) -> ReleaseFloatingIp:
    return ReleaseFloatingIp(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _by_address(args: AddressArgs, actor: Actor, tables: Tables) -> Row:
    address = checked(parse_ipv4, args.address, Code.INVALID_ADDRESS, "address")
    found = tables.ask(lambda reader: queries.floating_ip(reader, address))
    if found is None:
        message = f"{address} is a floating IP of no pool."
        raise refused(Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, message, "address")
    return _visible(found, actor, "address")


def _visible(found: Row, actor: Actor, field: str) -> Row:
    """Return a floating IP, unless it is another project's or, for others than admins, nobody's."""
    if actor.is_admin or (found["project_id"] is not None and found["project_id"] == actor.project):
        return found
    message = f"Floating IP {found['address']} is not one of the actor's project."
    raise refused(Code.FORBIDDEN, message, field)


def _by_id(args: IdArgs, actor: Actor, tables: Tables) -> Row:
    address = checked(parse_ipv4, args.id, Code.INVALID_ID, "id")
    found = tables.ask(lambda reader: queries.floating_ip(reader, address))
    if found is None:
        raise refused(Code.FLOATING_IP_NOT_FOUND, f"There is no floating IP {address}.", "id")
    return _visible(found, actor, "id")


def _instance_of(args: AddressArgs, actor: Actor, tables: Tables) -> str | None:
    uuid = _by_address(args, actor, tables)["instance_uuid"]
    return None if uuid is None else str(uuid)


def _of_project(_args: NoArgs, actor: Actor, tables: Tables) -> list[Row]:
    """Return the caller's own, as nova without automatic ones; an admin without a project owns none."""
    if actor.project is None:
        return []
    return tables.ask(lambda reader: queries.floating_ips(reader, actor.project, automatic=False))


def _all(args: ListArgs, actor: Actor, tables: Tables) -> list[Row]:
    _admins_only(actor)
    found = tables.ask(lambda reader: queries.floating_ips(reader, host=args.host))
    if args.host is not None and not found:
        hosts = tables.ask(all_queries.hosts)
        if args.host not in {host["host"] for host in hosts}:
            message = f"There is no host {args.host!r}; `netledger host list` shows those that there are."
            raise refused(Code.FLOATING_IP_NOT_FOUND_FOR_HOST, message, "host")
    return found


def _admins_only(actor: Actor) -> None:
    if not actor.is_admin:
        raise refused(Code.FORBIDDEN, "Only an admin sees all floating IPs.", "actor.is_admin")


def _ranges(_args: NoArgs, actor: Actor, tables: Tables) -> list[Row]:
    _admins_only(actor)
    return tables.ask(queries.floating_ranges)


def _by_fixed_address(args: FixedAddressArgs, actor: Actor, tables: Tables) -> list[str]:
    address = checked(parse_ipv4, args.fixed_address, Code.INVALID_ADDRESS, "fixed_address")
    project = None if actor.is_admin else actor.project
    if project is None and not actor.is_admin:
        return []
    return tables.ask(lambda reader: queries.floating_ips_by_fixed_address(reader, address, project))


def _pools(_args: NoArgs, _actor: Actor, tables: Tables) -> list[Row]:
    return [{"name": pool["name"]} for pool in tables.ask(queries.floating_pools)]


METHODS: dict[str, Method] = {
    "floating_create": Write(CreateArgs, _create, nothing, adds=True),
    "floating_delete": Write(DeleteArgs, _delete, nothing),
    "floating_list": Read(ListArgs, _all),
    "floating_ranges": Read(NoArgs, _ranges),
    "allocate_floating_ip": Write(AllocateArgs, _allocate, _allocated, adds=True),
    "deallocate_floating_ip": Write(ReleaseArgs, _release, nothing),
    "associate_floating_ip": Write(AssociateArgs, _associate, _moved_from),
    "disassociate_floating_ip": Write(ReleaseArgs, _disassociate, nothing),
    "get_floating_ip": Read(IdArgs, _by_id),
    "get_floating_ip_by_address": Read(AddressArgs, _by_address),
    "get_instance_id_by_floating_address": Read(AddressArgs, _instance_of),
    "get_floating_ips_by_project": Read(NoArgs, _of_project),
    "get_floating_ips_by_fixed_address": Read(FixedAddressArgs, _by_fixed_address),
    "get_floating_ip_pools": Read(NoArgs, _pools),
    "get_floating_pools": Read(NoArgs, _pools),
}
