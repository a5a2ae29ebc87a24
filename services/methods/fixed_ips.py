"""Fixed IPs: reserving them, and what can be asked about them (nova-network.md 12.4, 12.7)."""

from typing import Annotated

from pydantic import BeforeValidator

from events.addresses import parse_ipv4, parse_ipv6
from events.fixed_ips import AddFixedIp, FixedIpAllocated, RemoveFixedIp, ReserveFixedIp, UnreserveFixedIp
from events.ids import parse_uuid
from events.model import Actor
from events.refusals import Code
from projections.ipam import queries
from services.methods.base import Args, Asked, Method, Read, Write, checked, nothing
from services.methods.instances import uuid_in
from services.outcomes import Answer, Refused, refused
from services.tables import Row, Tables


class AddressArgs(Args):
    """An address."""

    address: str


class ReserveArgs(Args):
    """An address, and its network where several have it."""

    address: str
    network_id: str | None = None


class ListArgs(Args):
    """A network by id; all networks when left out."""

    network_uuid: str | None = None


class AllocateArgs(Args):
    """An instance, a network by id or as nova's object, and the address if it shall be a certain one."""

    instance_id: str
    network: Annotated[str, BeforeValidator(uuid_in)]
    address: str | None = None
    vpn: bool | None = None
    """The address that a VLAN network keeps for its VPN server."""


class DeallocateArgs(Args):
    """An address, and the instance that it shall be taken from, by id or as nova's object.

    Without an instance the one that holds the address is looked up. `host` and `teardown` decide nothing: the
    instance's own host lets go of the address.
    """

    address: str
    host: str | None = None
    teardown: bool = True
    instance: Annotated[str | None, BeforeValidator(uuid_in)] = None


class IdArgs(Args):
    """An allocation by id."""

    id: str


def _allocate(args: AllocateArgs, asked: Asked, _tables: Tables) -> AddFixedIp:
    return AddFixedIp(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=args.instance_id,
        network_id=args.network,
        address=args.address,
        vpn=bool(args.vpn),
    )


def _allocated(_args: AllocateArgs, answer: Answer, _tables: Tables) -> str | None:
    return next((event.address for event in answer.events if isinstance(event, FixedIpAllocated)), None)


def _deallocate(args: DeallocateArgs, asked: Asked, tables: Tables) -> RemoveFixedIp:
    instance = args.instance or _holder(args.address, asked.actor, tables)
    return RemoveFixedIp(id=asked.command_id, actor=asked.actor, instance_uuid=instance, address=args.address)


def _holder(text: str, actor: Actor, tables: Tables) -> str:
    """Return the instance that has an address."""
    address = checked(parse_ipv4, text, Code.FIXED_IP_INVALID, "address")
    held = [one for one in _held(address, actor, tables) if one["allocated"]]
    instances = sorted({str(one["instance_uuid"]) for one in held})
    if not instances:
        raise _nobodys(address)
    if len(instances) > 1:
        message = f"{address} is a fixed IP of instances {', '.join(instances)}; name the one that is meant."
        raise refused(Code.INVALID_INPUT, message, "instance")
    return instances[0]


def _held(address: str, actor: Actor, tables: Tables) -> list[Row]:
    """Return who holds an address, as far as the actor may know: it must be somebody's, and one the actor's.

    Raises:
        Refused: it is nobody's, or another project's.

    """
    held = tables.ask(lambda reader: queries.fixed_ips_by_address(reader, address))
    if not held:
        raise _nobodys(address)
    mine = [row for row in held if actor.is_admin or row["project_id"] == actor.project]
    if not mine:
        raise refused(Code.FORBIDDEN, f"Fixed IP {address} is another project's.", "address")
    return mine


def _nobodys(address: str) -> Refused:
    message = f"{address} is no instance's fixed IP."
    return refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, message, "address")


def _by_id(args: IdArgs, actor: Actor, tables: Tables) -> Row:
    allocation_id = checked(parse_uuid, args.id, Code.INVALID_INPUT, "id")
    found = tables.ask(lambda reader: queries.fixed_ip(reader, allocation_id))
    if found is None:
        message = f"There is no fixed IP {allocation_id}; an address has a new id each time it is given out."
        raise refused(Code.FIXED_IP_NOT_FOUND, message, "id")
    if not (actor.is_admin or found["project_id"] == actor.project):
        raise refused(Code.FORBIDDEN, f"Fixed IP {allocation_id} is another project's.", "id")
    return found


def _reserve(args: ReserveArgs, asked: Asked, _tables: Tables) -> ReserveFixedIp:
    return ReserveFixedIp(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _unreserve(args: ReserveArgs, asked: Asked, _tables: Tables) -> UnreserveFixedIp:
    return UnreserveFixedIp(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _list(args: ListArgs, actor: Actor, tables: Tables) -> list[Row]:
    if not actor.is_admin:
        raise refused(Code.FORBIDDEN, "Only an admin sees all fixed IPs.", "actor.is_admin")
    uuid = args.network_uuid
    if uuid is not None:
        uuid = checked(parse_uuid, uuid, Code.INVALID_INPUT, "network_uuid")
    found = tables.ask(lambda reader: queries.fixed_list(reader, uuid))
    if found is None:
        message = f"There is no network {uuid}; `netledger network list` shows those that exist."
        raise refused(Code.NETWORK_NOT_FOUND, message, "network_uuid")
    return found


def _by_address(args: AddressArgs, actor: Actor, tables: Tables) -> Row:
    address = checked(_parse, args.address, Code.FIXED_IP_INVALID, "address")
    held = _held(address, actor, tables)
    networks = sorted({row["network_id"] for row in held})
    if len(networks) > 1:
        message = f"{address} is held in networks {', '.join(networks)}; look it up in one with fixed_list."
        raise refused(Code.INVALID_INPUT, message, "address")
    return held[0]


def _parse(text: str) -> str:
    return parse_ipv6(text) if ":" in text else parse_ipv4(text)


METHODS: dict[str, Method] = {
    "allocate_fixed_ip": Write(
        AllocateArgs,
        _allocate,
        _allocated,
        renamed={"instance_uuid": "instance_id", "network_id": "network"},
    ),
    "deallocate_fixed_ip": Write(
        DeallocateArgs, _deallocate, nothing, looks_up=True, renamed={"instance_uuid": "instance"}
    ),
    "get_fixed_ip": Read(IdArgs, _by_id),
    "fixed_reserve": Write(ReserveArgs, _reserve, nothing),
    "fixed_unreserve": Write(ReserveArgs, _unreserve, nothing),
    "fixed_list": Read(ListArgs, _list),
    "get_fixed_ip_by_address": Read(AddressArgs, _by_address),
}
