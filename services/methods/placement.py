"""Is there room, and may it be had? What is asked before an instance is placed (nova-network.md 7.1).

Asking holds nothing: the spawn decides. What can never be granted as it is asked is refused as the spawn
would refuse it; what cannot be granted now is an answer.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, Strict

from events.addresses import parse_ipv4, parse_ipv6
from events.ids import parse_uuid
from events.instances import NICS_MAX, RequestedNetwork
from events.model import Actor, Name, ProjectId
from events.refusals import Code
from projections.ipam import placement
from services.methods.base import Args, Method, Read, checked
from services.methods.instances import as_request
from services.methods.networks import visible
from services.outcomes import refused
from services.tables import Row, Tables

Asked = Sequence[tuple[str, str | None]]
"""Pairs of network id and address."""


class ValidateNetworksArgs(Args):
    """Pairs of network id and address, or null for any, as a spawn would ask for them."""

    networks: list[tuple[str, str | None]]


class AvailabilityArgs(Args):
    """For whom and where; all networks that the actor sees when left out."""

    project_id: ProjectId | None = None
    host: Name | None = None
    network_uuids: list[str] | None = None


class CheckArgs(Args):
    """What would be spawned: so many instances of a project on a host, each with these NICs."""

    project_id: ProjectId | None = None
    host: Name | None = None
    requested_networks: (
        Annotated[list[Annotated[RequestedNetwork, BeforeValidator(as_request)]], Field(max_length=NICS_MAX)]
        | None
    ) = None
    count: Annotated[int, Strict(), Field(ge=1)] = 1


# --- availability -------------------------------------------------------------------------------------------


def _availability(args: AvailabilityArgs, actor: Actor, tables: Tables) -> list[Row]:
    project = _project(args.project_id, actor)
    ids = args.network_uuids
    if ids is not None:
        ids = [
            checked(parse_uuid, one, Code.INVALID_INPUT, f"network_uuids.{at}") for at, one in enumerate(ids)
        ]
    found = tables.ask(
        lambda reader: placement.availability(reader, project_id=project, host=args.host, network_ids=ids)
    )
    there = {row["network_id"] for row in found.networks}
    for at, one in enumerate(ids or ()):
        if one not in there:
            raise refused(Code.NETWORK_NOT_FOUND, f"There is no network {one}.", f"network_uuids.{at}")
    return found.networks


def _project(named: str | None, actor: Actor) -> str | None:
    """Return the project that is asked about; None, which only an admin can ask, for all."""
    if named is None:
        if actor.project is None and not actor.is_admin:
            raise refused(Code.INVALID_INPUT, "Name the project: the actor has none.", "project_id")
        return None if actor.is_admin else actor.project
    if not actor.is_admin and named != actor.project:
        message = f"User {actor.user!r} of project {actor.project!r} may not ask for project {named!r}."
        raise refused(Code.FORBIDDEN, message, "project_id")
    return named


# --- check_free_ips -----------------------------------------------------------------------------------------


def _check_free_ips(args: CheckArgs, actor: Actor, tables: Tables) -> bool:
    project = _project(args.project_id or actor.project, actor)
    if project is None:
        message = "Name the project that the instances would belong to: the actor has none."
        raise refused(Code.INVALID_INPUT, message, "project_id")
    if args.requested_networks is None:
        return _has_room_everywhere(args, project, tables)
    asked = [(one.network_id, one.address) for one in args.requested_networks]
    rows = _looked_up(asked, tables, args.host)
    missing = [at for at, row in enumerate(rows) if not _gets(project, row)]
    if missing:
        code = Code.NO_NETWORKS_FOUND if len(missing) == len(rows) else Code.NETWORK_NOT_FOUND_FOR_PROJECT
        message = f"Network {rows[missing[0]]['network_id']} is not one of project {project!r}."
        raise refused(code, message, f"requested_networks.{missing[0]}.network_id")
    for at, row in enumerate(rows):
        _must_be_handed_out(row, f"requested_networks.{at}.address")
    return all(
        row["reached"] and _has_room(row, args.count) and not (row["address"] and _taken(row, args.count))
        for row in rows
    )


def _gets(project: str, row: Row) -> bool:
    """Tell whether a project may have a NIC there, as `projections.cell.network.visibility` does."""
    unowned = row["project_id"] is None and row["kind"] != "vlan"
    return row["label"] is not None and (unowned or row["project_id"] == project)


def _has_room(row: Row, count: int) -> bool:
    """Tell whether a network has so many addresses; one without IPv4 hands out none and is never full."""
    return bool(row["cidr"] is None or row["free"] >= count)


def _taken(row: Row, count: int) -> bool:
    """Return whether a named address cannot be had, or not so often."""
    return bool(row["held"] or row["kept"] or count > 1)


def _has_room_everywhere(args: CheckArgs, project: str, tables: Tables) -> bool:
    """Tell whether every network that a spawn would take has room."""
    found = tables.ask(lambda reader: placement.availability(reader, project_id=project, host=args.host))
    reached = [row for row in found.networks if row["reached"]]
    if not reached:
        return not found.networks and not found.vlans  # a cell without VLANs gives such a project no NICs
    return len(found.networks) <= NICS_MAX and all(_has_room(row, args.count) for row in reached)


# --- validate_networks --------------------------------------------------------------------------------------


def _validate(args: ValidateNetworksArgs, actor: Actor, tables: Tables) -> None:
    asked = [
        (
            checked(parse_uuid, network_id, Code.INVALID_INPUT, f"networks.{at}.0"),
            address if address is None else _address(address, f"networks.{at}.1"),
        )
        for at, (network_id, address) in enumerate(args.networks)
    ]
    for at, row in enumerate(_looked_up(asked, tables, None, "networks.{}.0")):
        field = f"networks.{at}.1"
        _must_be_there(row, actor, f"networks.{at}.0")
        _must_be_handed_out(row, field)
        if row["held"] or row["kept"]:
            why = "in use" if row["held"] else "reserved: it is never handed out"
            message = f"Address {row['address']} of network {row['label']!r} is {why}."
            raise refused(Code.FIXED_IP_ALREADY_IN_USE, message, field)


def _address(text: str, field: str) -> str:
    """Return an address in canonical text, of either family."""
    try:
        return parse_ipv6(text) if ":" in text else parse_ipv4(text)
    except ValueError as error:
        raise refused(Code.FIXED_IP_INVALID, f"{field}: {error}.", field) from None


# --- What both look at --------------------------------------------------------------------------------------


def _looked_up(
    asked: Asked, tables: Tables, host: str | None, path: str = "requested_networks.{}.network_id"
) -> list[Row]:
    """Return what is known of each; a network that is asked for twice is refused."""
    seen: set[str] = set()
    for at, (network_id, _) in enumerate(asked):
        if network_id in seen:
            message = f"Network {network_id} is requested twice; an instance has one NIC on a network."
            raise refused(Code.NETWORK_DUPLICATED, message, path.format(at))
        seen.add(network_id)
    return tables.ask(lambda reader: placement.requested(reader, asked, host=host))


def _must_be_there(row: Row, actor: Actor, field: str) -> None:
    if row["label"] is None or not visible(row, actor):
        raise refused(Code.NETWORK_NOT_FOUND, f"There is no network {row['network_id']}.", field)


def _must_be_handed_out(row: Row, field: str) -> None:
    """Refuse an address that the network never hands out."""
    address = row["address"]
    if address is None or (row["inside"] and not row["planned"]):
        return
    if not row["somewhere"]:
        message = f"{address} is an address of no network."
        raise refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, message, field)
    message = f"Address {address} is not one that network {row['label']!r} ({row['cidr']}) hands out."
    raise refused(Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, message, field)


METHODS: dict[str, Method] = {
    "availability": Read(AvailabilityArgs, _availability),
    "check_free_ips": Read(CheckArgs, _check_free_ips),
    "validate_networks": Read(ValidateNetworksArgs, _validate),
}
