"""`netledger history` and `netledger command show`: who held what, since when, by which decision, and why."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.common import client, command, console, invocation, show_json, table

if TYPE_CHECKING:
    from services.tables import Tables


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "history", rich_help_panel="Look")(history)
    command(app, "conflicts", rich_help_panel="Look")(conflicts)
    group = typer.Typer(help="Commands: what was asked and what was answered.", no_args_is_help=True)
    command(group, "show")(show)
    app.add_typer(group, name="command", rich_help_panel="Look")


def history(
    what: Annotated[
        str,
        typer.Argument(metavar="ADDRESS|MAC|INSTANCE|NETWORK", help="Fixed or floating address, MAC, or id."),
    ],
) -> None:
    """Show who held an address, MAC or network, or what and where an instance was: since when, by whom."""
    with client() as asking:
        found = _find(what, asking.tables)
    if invocation().json:
        show_json(found)
        return
    if not any(found.values()):
        console().print(f"Nothing is known of {what}.", markup=False)
    for kind, rows in found.items():
        if rows:
            console().print(f"[bold]{kind.replace('_', ' ')}[/]")
            table([_flat(row) for row in rows], _COLUMNS[kind])


_SPAN = ("from", "by", "to", "ended_by", "why")
_COLUMNS = {
    "fixed_ips": ("address", "network", "mac", "instance_uuid", "project_id", *_SPAN),
    "ipv6_addresses": ("address", "network", "mac", "instance_uuid", "project_id", *_SPAN),
    "floating_ips": ("what", "address", "project_id", "instance_uuid", "fixed_address", *_SPAN),
    "networks": ("network", "project_id", *_SPAN),
    "vifs": ("mac", "instance_uuid", "network_id", *_SPAN),
    "hosts": ("what", "host", "epoch", *_SPAN),
}


def _find(what: str, tables: "Tables") -> dict[str, list[dict[str, Any]]]:
    from events.addresses import parse_ipv4, parse_ipv6, parse_mac
    from events.ids import parse_uuid
    from events.refusals import Code
    from projections.ipam import history as past
    from services.outcomes import refused

    try:
        address = parse_ipv4(what)
        return {
            "fixed_ips": tables.ask(lambda reader: past.of_address(reader, address)),
            "floating_ips": tables.ask(lambda reader: past.of_floating_ip(reader, address)),
        }
    except ValueError:
        pass
    try:
        address = parse_ipv6(what)
        return {"ipv6_addresses": tables.ask(lambda reader: past.of_ipv6_address(reader, address))}
    except ValueError:
        pass
    try:
        uuid = parse_uuid(what)
        return {
            "fixed_ips": tables.ask(lambda reader: past.of_instance(reader, uuid)),
            "ipv6_addresses": tables.ask(lambda reader: past.ipv6_addresses_of_instance(reader, uuid)),
            "vifs": tables.ask(lambda reader: past.vifs_of_instance(reader, uuid)),
            "floating_ips": tables.ask(lambda reader: past.floating_ips_of_instance(reader, uuid)),
            "hosts": tables.ask(lambda reader: past.hosts_of_instance(reader, uuid)),
            "networks": tables.ask(lambda reader: past.projects_of_network(reader, uuid)),
        }
    except ValueError:
        pass
    try:
        mac = parse_mac(what)
    except ValueError:
        message = f"{what!r} is no address, MAC, or id of an instance or a network."
        raise refused(Code.INVALID_INPUT, message, "what") from None
    return {"vifs": tables.ask(lambda reader: past.of_mac(reader, mac))}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a hold for people: position and time in one column, who did it in another."""
    began, ended = row["from"], row["to"]
    return row | {
        "from": f"{began['seq']} {began['time']}" if began else None,
        "by": _who(began),
        "to": f"{ended['seq']} {ended['time']}" if ended else None,
        "ended_by": _who(ended),
        "why": row.get("reason"),
    }


def _who(decision: dict[str, Any] | None) -> str | None:
    if decision is None:
        return None
    cause = str(decision["cause"]).partition(".")[0]
    return f"{decision['user']}: {cause}" if decision["user"] else cause


def conflicts() -> None:
    """Show what the tables' own constraints found held twice, whatever the allocator says; usually none."""
    from projections.ipam import history as past

    with client() as asking:
        found = asking.tables.ask(past.conflicts)
    if invocation().json:
        show_json(found)
    elif not found:
        console().print("None.")
    else:
        table(found, ("seq", "time", "problem", "what", "held", "holder", "other"))


def show(command_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the command.")]) -> None:
    """Show what was asked under a command id, on whose behalf, and what was decided."""
    from events.ids import parse_uuid
    from events.refusals import Code
    from projections.ipam import history as past
    from services.methods.base import checked
    from services.outcomes import refused

    uuid = checked(parse_uuid, command_id, Code.INVALID_INPUT, "ID")
    with client() as asking:
        found = asking.tables.ask(lambda reader: past.command(reader, uuid))
        if found is None:
            message = f"No decision on command {uuid} is known: it may be on its way, or was never sent."
            raise refused(Code.COMMAND_NOT_FOUND, message, "ID")
        outcome = asking.outcome_of(found["seq"])
    said = found | {
        "command": outcome.command,
        "events": [event.model_dump(mode="json") for event in outcome.events],
    }
    if invocation().json:
        show_json(said)
        return
    out = console()
    for name in ("command_id", "seq", "term", "time", "cause", "user", "project", "is_admin"):
        out.print(f"{name:11} {said[name]}", markup=False)
    refusal = said["refusal"]
    if refusal is not None:
        out.print(
            f"refused     {refusal['code']} ({refusal['field'] or '-'}): {refusal['message']}", markup=False
        )
    for event in outcome.events:
        facts = event.model_dump(mode="json", exclude={"type"}, exclude_none=True)
        out.print(f"decided     {event.type} {' '.join(f'{k}={v}' for k, v in facts.items())}", markup=False)
    for again in said["repeats"]:
        out.print(f"repeated    at position {again['seq']}, {again['time']}", markup=False)
