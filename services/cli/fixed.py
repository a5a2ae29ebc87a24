"""`netledger fixed`: addresses that are held or reserved."""

from typing import Annotated

import typer

from services.cli.common import RepeatId, client, command, console, invocation, show_json, table
from services.cli.network import network_id


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Fixed IPs: who holds them, and which are reserved.", no_args_is_help=True)
    command(group, "list")(list_fixed)
    command(group, "reserve")(reserve)
    command(group, "unreserve")(unreserve)
    app.add_typer(group, name="fixed", rich_help_panel="Ask")


Address = Annotated[str, typer.Argument(help="Fixed address.")]

OfNetwork = Annotated[
    str | None, typer.Option("--network", help="Its network, id or label; needed where several have it.")
]


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


def reserve(address: Address, network: OfNetwork = None, command_id: RepeatId = None) -> None:
    """Never hand out an address; who holds it keeps it until it is given back."""
    _change("fixed_reserve", address, network, command_id)
    _said(f"{address} is reserved.")


def unreserve(address: Address, network: OfNetwork = None, command_id: RepeatId = None) -> None:
    """Let a reserved address be handed out again."""
    _change("fixed_unreserve", address, network, command_id)
    _said(f"{address} is not reserved.")


def _change(method: str, address: str, network: str | None, command_id: str | None) -> None:
    with client() as asking:
        args = {"address": address}
        if network is not None:
            args["network_id"] = network_id(asking, network)
        asking.call(method, args, command_id=command_id)


def _said(text: str) -> None:
    if invocation().json:
        show_json(None)
    else:
        console().print(text, markup=False)
