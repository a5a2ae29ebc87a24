"""`netledger status`: whether every role is ready, and how far each is."""

from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.common import EXIT_BROKEN, command, console, invocation, show_json, tell_error, waiting

if TYPE_CHECKING:
    from pathlib import Path

    from services.health import RoleFile

LOOK_S = 0.1


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "status", rich_help_panel="Run")(status)


def status(
    wait: Annotated[
        float,
        typer.Option("--wait", help="Wait so long for every role to be ready.", metavar="SECONDS", min=0),
    ] = 0.0,
) -> None:
    """Show how the roles of this data directory are; exit 0 when every one of them is ready, else 4."""
    settings = invocation().settings
    deadline = monotonic() + wait
    with waiting("waiting for the roles..."):
        roles = _roles(settings.run_directory)
        while not _ready(roles) and monotonic() < deadline:
            sleep(LOOK_S)
            roles = _roles(settings.run_directory)
    if invocation().json:
        show_json({"ready": _ready(roles), "roles": [_as_json(role) for role in roles]})
    elif roles:
        _show(roles)
    if not _ready(roles):
        _complain(roles, settings.data)
        raise typer.Exit(EXIT_BROKEN)


def _roles(directory: "Path") -> "list[RoleFile]":
    from services.health import read_roles

    return read_roles(directory)


def _ready(roles: "list[RoleFile]") -> bool:
    from services.health import all_ready

    return all_ready(roles)


def _as_json(role: "RoleFile") -> dict[str, Any]:
    from dataclasses import asdict

    said = asdict(role)
    return {**said.pop("health"), **said}


def _show(roles: "list[RoleFile]") -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("role", "ready", "phase", "term", "seq", "lag", "http"):
        table.add_column(heading)
    for role in roles:
        health = role.health
        numbers = ("" if number is None else str(number) for number in (health.term, health.seq, health.lag))
        ready = "[green]yes[/]" if health.ready else "[red]no[/]"
        table.add_row(role.role, ready, health.phase, *numbers, role.http)
    console().print(table)


def _complain(roles: "list[RoleFile]", data: "Path") -> None:
    if not roles:
        tell_error(f"Nothing runs on {data}: start it with `netledger up --data {data}`.")
    there = {role.role for role in roles}
    for name in (name for role in roles for name in role.expects if name not in there):
        tell_error(f"{name} does not run")
    for role in roles:
        if not role.health.ready:
            tell_error(f"{role.role} is not ready: {role.health.problem or role.health.phase}")
