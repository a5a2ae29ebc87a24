"""The root of the command line."""

from typing import Annotated

import typer

from services.cli import (
    call,
    dev,
    dns,
    doctor,
    fixed,
    floating,
    group,
    history,
    host,
    instance,
    ledger,
    log,
    network,
    quota,
    roles,
    status,
)
from services.cli.common import root

app = typer.Typer(
    name="netledger",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Decides which instance holds which MAC, fixed IP and floating IP, in one ordered ledger.

    Begin with [bold]netledger up[/], and in another terminal [bold]netledger status --wait 30[/].

    Exit codes: 0 done; 2 wrong usage; 3 refused; 4 broken environment; 5 unknown, repeat with --id.""",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"netledger {version('netledger')}")
        raise typer.Exit


@app.callback()
@root
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


for part in (
    roles,
    status,
    network,
    instance,
    fixed,
    floating,
    dns,
    group,
    quota,
    host,
    history,
    call,
    log,
    ledger,
    doctor,
    dev,
):
    part.add_to(app)
