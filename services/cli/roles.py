"""Running things: `up`, and each role alone."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.common import command, deployment, invocation

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.bootstrap import Deployment
    from services.roles.running import Role

PANEL = "Run"

WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True)]
"""Said by `up` to its children: end when standard input ends."""


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "up", rich_help_panel=PANEL)(up)
    command(app, "allocator", rich_help_panel=PANEL)(allocator)
    command(app, "projector", rich_help_panel=PANEL)(projector)
    command(app, "agent", rich_help_panel=PANEL)(agent)


def up(
    agent: Annotated[
        list[str] | None,
        typer.Option(
            "--agent",
            metavar="HOST[=NAMESPACE]",
            help="Also run the agent of a host, in a network namespace or in this one; it changes the "
            "network there. May be given several times.",
        ),
    ] = None,
) -> None:
    """Run all roles in the foreground; Ctrl-C stops all of them.

    Without settings, log and tables are in an embedded PostgreSQL in the data directory, and a ledger is
    begun there if there is none. No kernel is touched unless --agent asks for it.
    """
    from services.cli.up import run_up

    run_up(agent or [])


def allocator(with_parent: WithParent = False) -> None:
    """Run the allocator: it decides. Several may run; one owns the cell, the others stand by."""

    def make(made: "Deployment") -> "Role":
        from services.bootstrap_roles import allocator_role

        return allocator_role(made)

    _run("allocator", make, with_parent=with_parent)


def projector(with_parent: WithParent = False) -> None:
    """Run the projector: it keeps the PostgreSQL tables at the ledger's position."""

    def make(made: "Deployment") -> "Role":
        from services.bootstrap_roles import projector_role

        return projector_role(made)

    _run("projector", make, with_parent=with_parent)


def agent(
    host: Annotated[str, typer.Argument(help="Name of this host in the ledger.")],
    namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace", help="Network namespace that is the host; this one when left out.", metavar="NS"
        ),
    ] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Remove from the host all that an agent made there, and end.")
    ] = False,
    with_parent: WithParent = False,
) -> None:
    """Run the agent of a host: it makes kernel, DHCP and NAT agree with the ledger. Needs root.

    It touches only what it made itself. When it stops, the host stays as it is.
    """
    if withdraw:
        from services.bootstrap_roles import withdraw_agent

        with deployment() as made:
            withdraw_agent(made, host, namespace, made.settings.data)
        return

    def make(made: "Deployment") -> "Role":
        from services.bootstrap_roles import AgentRole

        return AgentRole(made, host, namespace, made.settings.data)

    _run(f"agent-{host}", make, with_parent=with_parent)


def _run(role: str, make: "Callable[[Deployment], Role]", *, with_parent: bool) -> None:
    from services import logs
    from services.roles.running import run_role, stop_signals

    settings = invocation().settings
    logs.configure(settings.log_format, settings.log_level, role=role)
    with stop_signals(with_parent=with_parent) as stop, deployment(serve_database=True) as made:
        run_role(make(made), settings, stop, made.keep_database)
