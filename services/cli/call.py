"""`netledger call`: nova's manager methods for programs, one at a time or as a stream of lines."""

import sys
from typing import Annotated

import typer

from services.cli.common import RepeatId, client, command, invocation, show_json, waiting


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "call", rich_help_panel="Ask")(call)


def call(
    method: Annotated[
        str | None,
        typer.Argument(metavar="METHOD", help="nova's name of a manager method.", show_default=False),
    ] = None,
    args: Annotated[
        str, typer.Argument(metavar="JSON", help="Arguments by nova's names, as a JSON object.")
    ] = "{}",
    batch: Annotated[
        bool, typer.Option("--batch", help="Read calls from standard input, one JSON object a line.")
    ] = False,
    command_id: RepeatId = None,
) -> None:
    """Call a manager method under nova's name and print what it returns, as JSON.

    With --batch, a line in is {"method": ..., "args": {...}, "actor": {"user": ..., "project": ...,
    "is_admin": ...}}, and a line out is {"result": ...} or {"refusal": {"code": ..., "field": ...,
    "message": ...}}, in the order of the lines in. Without "actor" it is the operator who asks; an "id"
    repeats a command.
    """
    if batch:
        if method is not None:
            raise typer.BadParameter("--batch takes its calls from standard input, not from arguments.")
        _batch()
        return
    if method is None:
        raise typer.BadParameter("name a method, or use --batch.", param_hint="METHOD")
    from services.batch import read_args

    invocation().json = True
    with client() as asking, waiting(f"{method}..."):
        result = asking.call(method, read_args(args), command_id=command_id)
    show_json(result)


def _batch() -> None:
    from services.batch import run_batch

    with client() as asking:
        worst = run_batch(asking, sys.stdin.fileno(), sys.stdout.buffer)
    if worst:
        raise typer.Exit(worst)
