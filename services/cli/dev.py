"""`netledger dev`: a broker to play with, the demo, the schemas."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.common import command, console, invocation, show_json, tell_error


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="For trying out and for development.", no_args_is_help=True)
    command(group, "kafka")(kafka)
    command(group, "demo")(demo)
    command(group, "schemas")(schemas)
    app.add_typer(group, name="dev", rich_help_panel="Operate")


def kafka(
    directory: Annotated[
        Path | None,
        typer.Option("--directory", help="Where it keeps everything; in the data directory by default."),
    ] = None,
    nodes: Annotated[int, typer.Option("--nodes", help="1, or 3 for a cluster.")] = 1,
    port: Annotated[
        int | None, typer.Option("--port", help="Port of the first node; a free one by default.")
    ] = None,
) -> None:
    """Run a real Apache Kafka in the foreground, to play with; Ctrl-C stops it. Needs Java and Maven."""
    from services.dev.kafka import DevKafka

    place = directory or invocation().settings.data / "dev-kafka"
    tell_error(f"Starting Kafka in {place}...")

    def started(servers: str) -> None:
        if invocation().json:
            show_json({"bootstrap_servers": servers, "directory": str(place)})
            return
        console().print(f"Kafka answers at {servers}. Ctrl-C stops it. In another terminal:", markup=False)
        console().print(f"  netledger ledger init --log kafka --kafka {servers}", markup=False)
        console().print(f"  netledger up --log kafka --kafka {servers}", markup=False)

    DevKafka(place, nodes=nodes, port=port).run(started)


def schemas(
    directory: Annotated[
        Path | None,
        typer.Argument(help="Where to write them; only their names are shown when left out."),
    ] = None,
) -> None:
    """Write the JSON Schemas of all commands, reports and events, and the AsyncAPI document."""
    from events.schema_export.write import write_schemas

    paths = write_schemas(directory)
    if invocation().json:
        show_json({"documents": paths})
        return
    for path in paths:
        console().print(path, markup=False)


def demo() -> None:
    """Show the main job on this machine, with hosts as namespaces; leaves nothing behind."""
    from services.dev.demo import run_demo

    run_demo()
