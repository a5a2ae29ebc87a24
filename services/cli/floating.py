"""`netledger floating`: pools and addresses."""

from typing import Annotated, Any

import typer

from services.cli.common import RepeatId, call, client, command, console, invocation, show_json, table


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Floating IPs: pools, owners, what each points at.", no_args_is_help=True)
    for name, function in (
        ("create", create),
        ("delete", delete),
        ("pools", pools),
        ("ranges", ranges),
        ("list", list_floating),
        ("allocate", allocate),
        ("associate", associate),
        ("disassociate", disassociate),
        ("release", release),
    ):
        command(group, name)(function)
    app.add_typer(group, name="floating", rich_help_panel="Ask")


Address = Annotated[str, typer.Argument(help="Floating address.")]


def _said(value: Any, text: str) -> None:  # noqa: ANN401 - nova's results
    if invocation().json:
        show_json(value)
    else:
        console().print(text, markup=False)


def create(
    ip_range: Annotated[str, typer.Argument(help="An address, or a block whose host addresses are taken.")],
    pool: Annotated[
        str | None, typer.Option("--pool", help="Pool; default_floating_pool when left out.")
    ] = None,
    interface: Annotated[
        str | None,
        typer.Option("--interface", help="Public interface on network hosts; their own by default."),
    ] = None,
    command_id: RepeatId = None,
) -> None:
    """Add addresses to a pool."""
    given = {"ip_range": ip_range, "pool": pool, "interface": interface}
    args = {name: value for name, value in given.items() if value is not None}
    _said(call("floating_create", args, command_id), f"Added {ip_range}.")


def delete(
    ip_range: Annotated[str, typer.Argument(help="An address, or a block whose host addresses are meant.")],
    force: Annotated[
        bool, typer.Option("--force", help="Also what is in use: disassociated and released first.")
    ] = False,
    command_id: RepeatId = None,
) -> None:
    """Take addresses out of their pools; a part of what was created may go."""
    _said(call("floating_delete", {"ip_range": ip_range, "force": force}, command_id), f"Deleted {ip_range}.")


def ranges() -> None:
    """List the ranges of all pools, with how many of their addresses are used and free."""
    found = call("floating_ranges", {})
    if invocation().json:
        show_json(found)
    else:
        table(found, ("first", "last", "pool", "interface", "addresses", "used", "free"))


def pools() -> None:
    """List the pools, with how many addresses are used and free."""
    from projections.ipam.floating import floating_pools

    with client() as asking:
        found = asking.tables.ask(floating_pools)
    if invocation().json:
        show_json(found)
    else:
        table(found, ("name", "addresses", "used", "free"))


def list_floating(
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Only those bound on this host.")] = None,
) -> None:
    """List the addresses that projects own, and what each points at."""
    found = call("floating_list", {} if host is None else {"host": host})
    found = [one for one in found if project is None or one["project_id"] == project]
    if invocation().json:
        show_json(found)
    else:
        table(
            found,
            ("address", "pool", "project_id", "fixed_address", "instance_uuid", "host", "auto_assigned"),
        )


def allocate(
    project: Annotated[str | None, typer.Option("--project", help="Project that shall own it.")] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", help="Pool; default_floating_pool when left out.")
    ] = None,
    command_id: RepeatId = None,
) -> None:
    """Give a project an address of a pool."""
    given = {"project_id": project, "pool": pool}
    args = {name: value for name, value in given.items() if value is not None}
    address = call("allocate_floating_ip", args, command_id)
    _said({"address": address}, str(address))


def associate(
    address: Address,
    fixed_address: Annotated[str, typer.Argument(help="Fixed address of an instance of the same project.")],
    command_id: RepeatId = None,
) -> None:
    """Point a floating address at a fixed one; one that points elsewhere moves."""
    args = {"floating_address": address, "fixed_address": fixed_address}
    before = call("associate_floating_ip", args, command_id)
    moved = f", no longer at instance {before}" if before else ""
    _said(before, f"{address} points at {fixed_address}{moved}.")


def disassociate(address: Address, command_id: RepeatId = None) -> None:
    """Let a floating address point at nothing; its project keeps it."""
    _said(call("disassociate_floating_ip", {"address": address}, command_id), f"{address} points at nothing.")


def release(address: Address, command_id: RepeatId = None) -> None:
    """Give a floating address back to its pool."""
    _said(call("deallocate_floating_ip", {"address": address}, command_id), f"{address} is free.")
