"""DNS: domains, entries and the hosts file made of them (nova-network.md 12.6)."""

from events.addresses import parse_ipv4
from events.dns import (
    AddDnsEntry,
    CreatePrivateDnsDomain,
    CreatePublicDnsDomain,
    DeleteDnsDomain,
    DeleteDnsEntry,
    ModifyDnsEntry,
    parse_dns_name,
)
from events.model import Actor
from events.refusals import Code
from projections.dns_hosts import HostsEntry, hosts_text
from projections.ipam import dns as queries
from services.methods.base import Args, Asked, Method, NoArgs, Read, Write, checked, nothing
from services.outcomes import refused
from services.tables import Row, Tables


class PrivateArgs(Args):
    """A domain for instances and its availability zone; every zone's when left out."""

    domain: str
    av_zone: str | None = None


class PublicArgs(Args):
    """A domain for floating IPs and its project; every project's when left out."""

    domain: str
    project: str | None = None


class DomainArgs(Args):
    """A domain."""

    domain: str


class EntryArgs(Args):
    """A name of a domain."""

    name: str
    domain: str


class AddArgs(EntryArgs):
    """A name of a domain for a floating address."""

    address: str
    dns_type: str = "A"


class ModifyArgs(EntryArgs):
    """A name of a domain, and the floating address that it shall stand for."""

    address: str


class AddressArgs(Args):
    """An address, and the domain in which it is looked for."""

    address: str
    domain: str


class ExportArgs(Args):
    """A domain; all when left out."""

    domain: str | None = None


def _create_private(args: PrivateArgs, asked: Asked, _tables: Tables) -> CreatePrivateDnsDomain:
    return CreatePrivateDnsDomain(
        id=asked.command_id, actor=asked.actor, domain=args.domain, availability_zone=args.av_zone or None
    )


def _create_public(args: PublicArgs, asked: Asked, _tables: Tables) -> CreatePublicDnsDomain:
    return CreatePublicDnsDomain(
        id=asked.command_id, actor=asked.actor, domain=args.domain, project_id=args.project or None
    )


def _delete(args: DomainArgs, asked: Asked, _tables: Tables) -> DeleteDnsDomain:
    return DeleteDnsDomain(id=asked.command_id, actor=asked.actor, domain=args.domain)


def _add(args: AddArgs, asked: Asked, _tables: Tables) -> AddDnsEntry:
    return AddDnsEntry(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _modify(args: ModifyArgs, asked: Asked, _tables: Tables) -> ModifyDnsEntry:
    return ModifyDnsEntry(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _delete_entry(args: EntryArgs, asked: Asked, _tables: Tables) -> DeleteDnsEntry:
    return DeleteDnsEntry(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _may_read(domain: Row, actor: Actor) -> bool:
    """Tell whether an actor sees a domain: admins all, projects their own and public ones of nobody."""
    return actor.is_admin or (domain["scope"] == "public" and domain["project_id"] in {None, actor.project})


def _domains(_args: NoArgs, actor: Actor, tables: Tables) -> list[Row]:
    found = tables.ask(queries.domains)
    return [_as_nova(domain) for domain in found if _may_read(domain, actor)]


def _as_nova(domain: Row) -> Row:
    """Return a domain as nova told of it: with the project if it is public, else with the zone."""
    told = {"domain": domain["domain"], "scope": domain["scope"]}
    if domain["scope"] == "public":
        return {**told, "project": domain["project_id"]}
    return {**told, "availability_zone": domain["availability_zone"]}


def _readable(domain: Row | None, name: str, actor: Actor) -> Row:
    """Return a domain, if the actor may see its entries."""
    if domain is None:
        raise refused(Code.NOT_FOUND, f"There is no DNS domain {name!r}.", "domain")
    if not _may_read(domain, actor):
        raise refused(Code.FORBIDDEN, f"User {actor.user!r} may not read DNS domain {name!r}.", "domain")
    return domain


def _name(text: str, field: str) -> str:
    return checked(parse_dns_name, text, Code.INVALID_INPUT, field)


def _by_address(args: AddressArgs, actor: Actor, tables: Tables) -> list[str]:
    address = checked(parse_ipv4, args.address, Code.INVALID_ADDRESS, "address")
    domain = _name(args.domain, "domain")
    found = tables.ask(lambda reader: queries.domain(reader, domain, address=address))
    return list(_readable(found, domain, actor)["names"])


def _by_name(args: EntryArgs, actor: Actor, tables: Tables) -> list[str]:
    name, domain = _name(args.name, "name"), _name(args.domain, "domain")
    found = tables.ask(lambda reader: queries.domain(reader, domain, name=name))
    return list(_readable(found, domain, actor)["addresses"])


def _export(args: ExportArgs, actor: Actor, tables: Tables) -> str:
    if not actor.is_admin:
        raise refused(Code.FORBIDDEN, "Only an admin sees all DNS entries.", "actor.is_admin")
    domain = None if args.domain is None else _name(args.domain, "domain")
    found = tables.ask(lambda reader: queries.entries(reader, domain))
    return hosts_text(HostsEntry(one["address"], one["name"], one["domain"]) for one in found)


METHODS: dict[str, Method] = {
    "get_dns_domains": Read(NoArgs, _domains),
    "create_private_dns_domain": Write(
        PrivateArgs, _create_private, nothing, renamed={"availability_zone": "av_zone"}
    ),
    "create_public_dns_domain": Write(PublicArgs, _create_public, nothing, renamed={"project_id": "project"}),
    "delete_dns_domain": Write(DomainArgs, _delete, nothing),
    "add_dns_entry": Write(AddArgs, _add, nothing),
    "modify_dns_entry": Write(ModifyArgs, _modify, nothing),
    "delete_dns_entry": Write(EntryArgs, _delete_entry, nothing),
    "get_dns_entries_by_address": Read(AddressArgs, _by_address),
    "get_dns_entries_by_name": Read(EntryArgs, _by_name),
    "dns_export": Read(ExportArgs, _export),
}
