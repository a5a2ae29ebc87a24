"""Floating IPs: pools, owners, associations and what can be asked about them (nova-network.md 12.5, 12.7)."""

from events.addresses import parse_ipv4
from events.floating_ips import (
    AllocateFloatingIp,
    AssociateFloatingIp,
    CreateFloatingIps,
    DisassociateFloatingIp,
    FloatingIpAllocated,
    FloatingIpDisassociated,
    ReleaseFloatingIp,
)
from events.model import Actor
from events.refusals import Code
from projections.ipam import queries
from services.methods.base import Args, Asked, Method, NoArgs, Read, Write, checked, nothing
from services.methods.fixed_ips import AddressArgs
from services.outcomes import Answer, refused
from services.tables import Row, Tables


class CreateArgs(Args):
    """Addresses for a pool: one, or the host addresses of a block."""

    ip_range: str
    pool: str | None = None
    interface: str | None = None


class AllocateArgs(Args):
    """A project and a pool; the actor's own project and the default pool when left out."""

    project_id: str | None = None
    pool: str | None = None


class AssociateArgs(Args):
    """A floating address and the fixed address that it shall point at."""

    floating_address: str
    fixed_address: str
    network_id: str | None = None


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
    )


def _allocated(_args: AllocateArgs, answer: Answer, _tables: Tables) -> str | None:
    return next((event.address for event in answer.events if isinstance(event, FloatingIpAllocated)), None)


def _associate(args: AssociateArgs, asked: Asked, _tables: Tables) -> AssociateFloatingIp:
    return AssociateFloatingIp(id=asked.command_id, actor=asked.actor, **args.model_dump(exclude_none=True))


def _moved_from(_args: AssociateArgs, answer: Answer, _tables: Tables) -> str | None:
    """Return the instance that the address pointed at before, as nova does."""
    moved = (event for event in answer.events if isinstance(event, FloatingIpDisassociated))
    return next((event.instance_uuid for event in moved), None)


def _disassociate(args: AddressArgs, asked: Asked, _tables: Tables) -> DisassociateFloatingIp:
    return DisassociateFloatingIp(id=asked.command_id, actor=asked.actor, address=args.address)


def _release(args: AddressArgs, asked: Asked, _tables: Tables) -> ReleaseFloatingIp:
    return ReleaseFloatingIp(id=asked.command_id, actor=asked.actor, address=args.address)


def _by_address(args: AddressArgs, actor: Actor, tables: Tables) -> Row:
    address = checked(parse_ipv4, args.address, Code.INVALID_ADDRESS, "address")
    found = tables.ask(lambda reader: queries.floating_ip(reader, address))
    if found is None:
        message = f"{address} is no project's floating IP."
        raise refused(Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, message, "address")
    if not (actor.is_admin or found["project_id"] == actor.project):
        raise refused(Code.FORBIDDEN, f"Floating IP {address} is another project's.", "address")
    return found


def _instance_of(args: AddressArgs, actor: Actor, tables: Tables) -> str | None:
    uuid = _by_address(args, actor, tables)["instance_uuid"]
    return None if uuid is None else str(uuid)


def _of_project(_args: NoArgs, actor: Actor, tables: Tables) -> list[Row]:
    """Return the caller's own; an admin without a project owns none."""
    if actor.project is None:
        return []
    return tables.ask(lambda reader: queries.floating_ips(reader, actor.project))


def _all(_args: NoArgs, actor: Actor, tables: Tables) -> list[Row]:
    if not actor.is_admin:
        raise refused(Code.FORBIDDEN, "Only an admin sees all floating IPs.", "actor.is_admin")
    return tables.ask(queries.floating_ips)


def _by_fixed_address(args: FixedAddressArgs, actor: Actor, tables: Tables) -> list[str]:
    address = checked(parse_ipv4, args.fixed_address, Code.INVALID_ADDRESS, "fixed_address")
    found = tables.ask(lambda reader: queries.floating_ips_by_fixed_address(reader, address))
    if actor.is_admin:
        return found
    mine = {row["address"] for row in _of_project(NoArgs(), actor, tables)}
    return [one for one in found if one in mine]


def _pools(_args: NoArgs, _actor: Actor, tables: Tables) -> list[Row]:
    return [{"name": pool["name"]} for pool in tables.ask(queries.floating_pools)]


METHODS: dict[str, Method] = {
    "floating_create": Write(CreateArgs, _create, nothing, adds=True),
    "floating_list": Read(NoArgs, _all),
    "allocate_floating_ip": Write(AllocateArgs, _allocate, _allocated, adds=True),
    "deallocate_floating_ip": Write(AddressArgs, _release, nothing),
    "associate_floating_ip": Write(AssociateArgs, _associate, _moved_from),
    "disassociate_floating_ip": Write(AddressArgs, _disassociate, nothing),
    "get_floating_ip_by_address": Read(AddressArgs, _by_address),
    "get_instance_id_by_floating_address": Read(AddressArgs, _instance_of),
    "get_floating_ips_by_project": Read(NoArgs, _of_project),
    "get_floating_ips_by_fixed_address": Read(FixedAddressArgs, _by_fixed_address),
    "get_floating_ip_pools": Read(NoArgs, _pools),
    "get_floating_pools": Read(NoArgs, _pools),
}
