"""`netledger status`: whether every role is ready, and how far each is."""

from time import monotonic, sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.common import (
    EXIT_BROKEN,
    command,
    console,
    deployment,
    invocation,
    show_json,
    table,
    tell_error,
    waiting,
)

if TYPE_CHECKING:
    from pathlib import Path

    from services.roles.health import RoleFile

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
    hosts = _hosts(roles)
    if invocation().json:
        said = [_as_json(role) for role in roles]
        show_json({"ready": _ready(roles), "roles": said, "hosts": hosts})
    elif roles:
        _show(roles)
        if hosts:
            table(hosts, ("host", "applied_seq", "failures", "repairs", "reported_at"))
    _alarm(roles)
    if not _ready(roles):
        _complain(roles, settings.data)
        raise typer.Exit(EXIT_BROKEN)


def _roles(directory: "Path") -> "list[RoleFile]":
    from services.roles.health import read_roles

    return read_roles(directory)


def _hosts(roles: "list[RoleFile]") -> list[dict[str, Any]]:
    """Return how far the hosts of the cell are, where the tables are kept from here and can be asked."""
    if not any(role.role == "projector" and role.health.ready for role in roles):
        return []
    from events.errors import NetledgerError
    from projections.ipam import queries

    try:
        with deployment() as made, made.client() as asking:
            return asking.tables.ask(queries.hosts)
    except NetledgerError:
        return []


def _ready(roles: "list[RoleFile]") -> bool:
    from services.roles.health import all_ready

    return all_ready(roles)


def _as_json(role: "RoleFile") -> dict[str, Any]:
    from dataclasses import asdict

    said = asdict(role)
    return {**said.pop("health"), **said}


def _show(roles: "list[RoleFile]") -> None:
    from rich.table import Table

    out = Table(box=None, pad_edge=False)
    for heading in ("role", "ready", "phase", "term", "seq", "lag", "http"):
        out.add_column(heading)
    for role in roles:
        health = role.health
        numbers = ("" if number is None else str(number) for number in (health.term, health.seq, health.lag))
        ready = "[green]yes[/]" if health.ready else "[red]no[/]"
        out.add_row(role.role, ready, health.phase, *numbers, role.http)
    console().print(out)


def _complain(roles: "list[RoleFile]", data: "Path") -> None:
    if not roles:
        tell_error(f"Nothing runs on {data}: start it with `netledger up --data {data}`.")
    there = {role.role for role in roles}
    for name in (name for role in roles for name in role.expects if name not in there):
        tell_error(f"{name} does not run")
    for role in roles:
        if not role.health.ready:
            tell_error(f"{role.role} is not ready: {role.health.problem or role.health.phase}")


def _alarm(roles: "list[RoleFile]") -> None:
    """Say what somebody has to look at although every role works."""
    for role in roles:
        if role.health.conflicts:
            tell_error(f"ALARM: {role.health.conflicts} conflicts in the tables: see `netledger conflicts`")
