"""Instances and their NICs: allocate_for_instance and what can be asked about them (nova-network.md 12.3)."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from events.addresses import parse_mac
from events.fixed_ips import AddFixedIp, RemoveFixedIp
from events.ids import CommandDraws, parse_uuid
from events.instances import DeleteInstance, RequestedNetwork, SpawnInstance
from events.model import Actor
from events.refusals import Code
from projections.ipam import queries
from services.methods.base import Args, Asked, Method, Read, Write, checked, nothing
from services.outcomes import Answer, Refused, refused
from services.tables import Row, Tables


def as_request(value: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold; the model checks it
    """Let a NIC be asked for as nova does: a pair of network id and address, beside our objects."""
    pair = 2
    if isinstance(value, list | tuple) and 1 <= len(value) <= pair:
        return {"network_id": value[0], "address": value[1] if len(value) == pair else None}
    return value


_WORDS = ("none", "auto")
"""What nova's API says in place of networks."""


def _word(requested: object) -> object:
    """Return the word that is said in place of networks: alone, or as the one network asked for."""
    if isinstance(requested, list | tuple) and len(requested) == 1:
        one = as_request(requested[0])
        requested = one.get("network_id") if isinstance(one, Mapping) else one
    return requested if requested in _WORDS else None


def uuid_in(thing: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold; the model checks it
    """Return the id of an object that nova's callers pass whole, or what they pass in its place."""
    return thing.get("uuid", thing.get("id")) if isinstance(thing, Mapping) else thing


class InstanceName(Args):
    """An instance by id; nova's callers pass it under two names."""

    instance_uuid: str | None = None
    instance_id: str | None = None

    def uuid(self) -> str:
        """Return the instance's id in canonical text.

        Raises:
            Refused: it is missing, ambiguous or no UUID.

        """
        named = {name for name in (self.instance_uuid, self.instance_id) if name is not None}
        if len(named) != 1:
            message = "Name one instance, by instance_uuid or by instance_id."
            raise refused(Code.INVALID_INPUT, message, "instance_uuid")
        return checked(parse_uuid, named.pop(), Code.INVALID_INPUT, "instance_uuid")


class InstanceArgs(InstanceName):
    """An instance, and more that nova's callers pass.

    `host` and `project_id` decide nothing: the instance has its own. `rxtx_factor` counts in network_info in
    place of the one that it was spawned with.
    """

    host: str | None = None
    project_id: str | None = None
    rxtx_factor: float | None = None


class AllocateArgs(InstanceName):
    """An instance and its NICs; what is left out is chosen, the instance's id too."""

    project_id: str
    host: str
    requested_networks: list[Annotated[RequestedNetwork, BeforeValidator(as_request)]] | None = None
    """NICs in order, each an object or nova's pair (network id, address); null or empty: one on each network
    seen; `auto`: the same, but at least one; `none`: none."""
    auto_allocate: bool = False
    """Refuse to be without NICs; `auto` sets it."""
    macs: list[str] | None = None
    """The hypervisor's MACs, a set; drawn when left out."""
    vpn: bool = False
    """The instance is its project's VPN server."""
    dhcp_options: Any = None
    """Ignored, as nova-network did."""
    hostname: str | None = None
    display_name: str | None = None
    availability_zone: str | None = None
    rxtx_factor: float | None = None
    security_groups: list[str] | None = None
    """Groups of the project, each by id or name; its default group when none is named."""

    @model_validator(mode="before")
    @classmethod
    def _read_words(cls, given: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
        if not isinstance(given, Mapping) or "requested_networks" not in given:
            return given
        requested = given["requested_networks"]
        match _word(requested):
            case "auto":
                return {**given, "requested_networks": None, "auto_allocate": True}
            case "none":
                return {**given, "requested_networks": []}
            case _:
                return {**given, "requested_networks": None if requested in ([], ()) else requested}


class DeallocateArgs(InstanceArgs):
    """An instance, which nova's callers also pass as an object (`instance`); everything of it goes."""

    requested_networks: Any = None
    """Decides nothing: in nova only the addresses that it named were freed."""
    fixed_ips: Any = None
    """The same."""

    @model_validator(mode="before")
    @classmethod
    def _read_instance(cls, given: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
        if not isinstance(given, Mapping) or given.get("instance") is None:
            return given
        name = "instance_id" if "instance_uuid" in given else "instance_uuid"
        return {name: uuid_in(given["instance"]), **{key: given[key] for key in given if key != "instance"}}


class AddFixedIpArgs(InstanceArgs):
    """An instance, a network by id, and the address if it shall be a certain one."""

    network_id: str
    address: str | None = None


class RemoveFixedIpArgs(InstanceArgs):
    """An instance and one of its addresses."""

    address: str


class MacArgs(Args):
    """A MAC."""

    mac_address: str


def _allocate(args: AllocateArgs, asked: Asked, _tables: Tables) -> SpawnInstance:
    given = args.model_dump(exclude_none=True, exclude={"instance_uuid", "instance_id", "dhcp_options"})
    return SpawnInstance(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=_spawned(args, asked.command_id),
        **given,
    )


def new_instance_uuid(command_id: str) -> str:
    """Return the id of an instance whose spawn names none: the same for a repeated command."""
    return CommandDraws(command_id).uuid("instance", 0)


def _allocated(args: AllocateArgs, answer: Answer, tables: Tables) -> list[Row]:
    return _network_info(_spawned(args, answer.command_id), None, tables)


def _spawned(args: AllocateArgs, command_id: str) -> str:
    """Return the id of the instance that a spawn is for."""
    unnamed = args.instance_uuid is None and args.instance_id is None
    return new_instance_uuid(command_id) if unnamed else args.uuid()


def _network_info(uuid: str, rxtx_factor: float | None, tables: Tables) -> list[Row]:
    found = tables.ask(lambda reader: queries.instance(reader, uuid, rxtx_factor))
    return [] if found is None else list(found["network_info"])


def _deallocate(args: DeallocateArgs, asked: Asked, _tables: Tables) -> DeleteInstance:
    return DeleteInstance(id=asked.command_id, actor=asked.actor, instance_uuid=args.uuid())


def _add_fixed_ip(args: AddFixedIpArgs, asked: Asked, _tables: Tables) -> AddFixedIp:
    return AddFixedIp(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=args.uuid(),
        network_id=args.network_id,
        address=args.address,
    )


def _remove_fixed_ip(args: RemoveFixedIpArgs, asked: Asked, _tables: Tables) -> RemoveFixedIp:
    return RemoveFixedIp(
        id=asked.command_id, actor=asked.actor, instance_uuid=args.uuid(), address=args.address
    )


def _changed(args: InstanceArgs, _answer: Answer, tables: Tables) -> list[Row]:
    return _network_info(args.uuid(), args.rxtx_factor, tables)


def find(uuid: str, actor: Actor, tables: Tables, rxtx_factor: float | None = None) -> Row:
    """Return an instance that the actor may see.

    Raises:
        Refused: it has no networking, or is another project's.

    """
    found = tables.ask(lambda reader: queries.instance(reader, uuid, rxtx_factor))
    if found is None or not (actor.is_admin or found["project_id"] == actor.project):
        raise _not_found(uuid)
    return found


def _not_found(uuid: str) -> Refused:
    message = f"Instance {uuid} has no networking here."
    return refused(Code.INSTANCE_NOT_FOUND, message, "instance_uuid")


def _get_nw_info(args: InstanceArgs, actor: Actor, tables: Tables) -> list[Row]:
    return list(find(args.uuid(), actor, tables, args.rxtx_factor)["network_info"])


def _get_vifs(args: InstanceArgs, actor: Actor, tables: Tables) -> list[Row]:
    uuid = args.uuid()
    found = tables.ask(lambda reader: queries.vifs_by_instance(reader, uuid))
    if found is None or not (actor.is_admin or found.project_id == actor.project):
        raise _not_found(uuid)
    return found.vifs


def _get_vif_by_mac(args: MacArgs, actor: Actor, tables: Tables) -> Row | None:
    mac = checked(parse_mac, args.mac_address, Code.INVALID_INPUT, "mac_address")
    found = tables.ask(lambda reader: queries.vif_by_mac(reader, mac))
    if found is None:
        return None
    (vif,) = found.vifs
    return vif if actor.is_admin or found.project_id == actor.project else None


METHODS: dict[str, Method] = {
    "allocate_for_instance": Write(AllocateArgs, _allocate, _allocated, adds=True, sighted=True),
    "deallocate_for_instance": Write(DeallocateArgs, _deallocate, nothing),
    "add_fixed_ip_to_instance": Write(AddFixedIpArgs, _add_fixed_ip, _changed, sighted=True),
    "remove_fixed_ip_from_instance": Write(RemoveFixedIpArgs, _remove_fixed_ip, _changed, sighted=True),
    "get_instance_nw_info": Read(InstanceArgs, _get_nw_info),
    "get_vifs_by_instance": Read(InstanceArgs, _get_vifs),
    "get_vif_by_mac_address": Read(MacArgs, _get_vif_by_mac),
}
