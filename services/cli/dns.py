"""`netledger dns`: domains and entries."""

from typing import Annotated

import typer

from services.cli.common import RepeatId, call, client, command, console, invocation, show_json, table

Domain = Annotated[str, typer.Argument(help="DNS domain.")]
Name = Annotated[str, typer.Argument(help="Name, relative to the domain.")]
Address = Annotated[str, typer.Argument(help="Floating address.")]
OfDomain = Annotated[str | None, typer.Option("--domain", help="Only this domain's.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="DNS: domains, names of floating IPs and of instances.", no_args_is_help=True)
    for name, function in (
        ("domains", domains),
        ("create-private", create_private),
        ("create-public", create_public),
        ("delete", delete),
        ("entries", entries),
        ("add", add),
        ("modify", modify),
        ("remove", remove),
        ("export", export),
    ):
        command(group, name)(function)
    app.add_typer(group, name="dns", rich_help_panel="Ask")


def _done(method: str, args: dict[str, str | None], command_id: str | None, text: str) -> None:
    given = {name: value for name, value in args.items() if value is not None}
    value = call(method, given, command_id)
    if invocation().json:
        show_json(value)
    else:
        console().print(text, markup=False)


def domains() -> None:
    """List the domains."""
    found = call("get_dns_domains", {})
    if invocation().json:
        show_json(found)
    else:
        table(found, ("domain", "scope", "project", "availability_zone"))


def create_private(
    domain: Domain,
    zone: Annotated[str | None, typer.Option("--zone", help="Availability zone; all when left out.")] = None,
    command_id: RepeatId = None,
) -> None:
    """Register a domain for instances, or change its zone."""
    args = {"domain": domain, "av_zone": zone}
    _done("create_private_dns_domain", args, command_id, f"{domain} is registered.")


def create_public(
    domain: Domain,
    project: Annotated[str | None, typer.Option("--project", help="Project; all when left out.")] = None,
    command_id: RepeatId = None,
) -> None:
    """Register a domain for floating IPs, or change its project."""
    args = {"domain": domain, "project": project}
    _done("create_public_dns_domain", args, command_id, f"{domain} is registered.")


def delete(domain: Domain, command_id: RepeatId = None) -> None:
    """Forget a domain and its entries."""
    _done("delete_dns_domain", {"domain": domain}, command_id, f"{domain} is forgotten.")


def entries(domain: OfDomain = None) -> None:
    """List the entries, those of instances too."""
    from projections.ipam import dns

    with client() as asking:
        found = asking.tables.ask(lambda reader: dns.entries(reader, domain and domain.lower()))
    if invocation().json:
        show_json(found)
    else:
        table(found, ("name", "domain", "address", "instance_uuid"))


def add(name: Name, domain: Domain, address: Address, command_id: RepeatId = None) -> None:
    """Give a floating IP a name."""
    args: dict[str, str | None] = {"address": address, "name": name, "dns_type": "A", "domain": domain}
    _done("add_dns_entry", args, command_id, f"{name}.{domain} is {address}.")


def modify(name: Name, domain: Domain, address: Address, command_id: RepeatId = None) -> None:
    """Let a name stand for another floating IP."""
    args: dict[str, str | None] = {"address": address, "name": name, "domain": domain}
    _done("modify_dns_entry", args, command_id, f"{name}.{domain} is {address}.")


def remove(name: Name, domain: Domain, command_id: RepeatId = None) -> None:
    """Forget a name."""
    _done("delete_dns_entry", {"name": name, "domain": domain}, command_id, f"{name}.{domain} is forgotten.")


def export(domain: OfDomain = None) -> None:
    """Print the entries as a hosts file: for dnsmasq's `addn-hosts`."""
    text = call("dns_export", {} if domain is None else {"domain": domain})
    if invocation().json:
        show_json(text)
    else:
        typer.echo(text, nl=False)
