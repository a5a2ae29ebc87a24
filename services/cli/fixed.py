"""`netledger fixed`: addresses that are held or reserved."""

from typing import Annotated

import typer

from services.cli.common import RepeatId, call, client, command, console, invocation, show_json, table
from services.cli.network import network_id


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Fixed IPs: who holds them, and which are reserved.", no_args_is_help=True)
    command(group, "list")(list_fixed)
    command(group, "reserve")(reserve)
    command(group, "unreserve")(unreserve)
    app.add_typer(group, name="fixed", rich_help_panel="Ask")


Address = Annotated[str, typer.Argument(help="Fixed address.")]


def list_fixed(
    network: Annotated[str | None, typer.Option("--network", help="Only this one's: id or label.")] = None,
) -> None:
    """List the addresses that are held, drain or are reserved, and who has them."""
    with client() as asking:
        args = {} if network is None else {"network_uuid": network_id(asking, network)}
        found = asking.call("fixed_list", args)
    if invocation().json:
        show_json(found)
        return
    columns = ("address", "network", "state", "instance_uuid", "mac", "host", "leased", "reserved_by")
    table(found, columns)


def reserve(address: Address, command_id: RepeatId = None) -> None:
    """Never hand out an address; who holds it keeps it until it is given back."""
    call("fixed_reserve", {"address": address}, command_id)
    _said(f"{address} is reserved.")


def unreserve(address: Address, command_id: RepeatId = None) -> None:
    """Let a reserved address be handed out again."""
    call("fixed_unreserve", {"address": address}, command_id)
    _said(f"{address} is not reserved.")


def _said(text: str) -> None:
    if invocation().json:
        show_json(None)
    else:
        console().print(text, markup=False)
