"""`netledger instance move`, `unbind` and `prepare`: steps of moves, for operators and scripts."""

from typing import Annotated, Any

import typer

from services.cli.common import RepeatId, client, command, console, invocation, show_json

Uuid = Annotated[str, typer.Argument(help="Id of the instance.")]
Epoch = Annotated[
    int | None,
    typer.Option("--epoch", help="Only if its binding is in this epoch, which `instance show` tells."),
]


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group of instances."""
    command(group, "move")(move)
    command(group, "unbind")(unbind)
    command(group, "prepare")(prepare)


def move(
    uuid: Uuid,
    host: Annotated[str, typer.Argument(help="Host that shall have it.")],
    epoch: Epoch = None,
    command_id: RepeatId = None,
) -> None:
    """Give an instance to another host, away from whichever has it: dead or alive, it is not asked."""
    _ask("setup_instance_network_on_host", uuid, host, command_id, epoch=epoch)
    _say(f"Host {host} has instance {uuid}.")


def unbind(
    uuid: Uuid,
    host: Annotated[str, typer.Argument(help="Host that has it.")],
    epoch: Epoch = None,
    command_id: RepeatId = None,
) -> None:
    """Take an instance from its host; it keeps its addresses, and nobody has it until it is moved."""
    _ask("cleanup_instance_network_on_host", uuid, host, command_id, epoch=epoch)
    _say(f"Host {host} does not have instance {uuid} any more.")


def prepare(
    uuid: Uuid,
    host: Annotated[str, typer.Argument(help="Host to make ready.")],
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
    epoch: Epoch = None,
    command_id: RepeatId = None,
) -> None:
    """Make an instance's NICs ready on a host beside the one that has it, as live migration needs."""
    _ask("setup_networks_on_host", uuid, host, command_id, epoch=epoch, teardown=undo)
    _say(f"Host {host} is {'no longer' if undo else 'made'} ready for instance {uuid}.")


def _ask(
    method: str,
    uuid: str,
    host: str,
    command_id: str | None,
    **more: Any,  # noqa: ANN401 - as different as options are
) -> None:
    given = {name: value for name, value in more.items() if value is not None}
    with client() as asking:
        asking.call(method, {"instance_uuid": uuid, "host": host, **given}, command_id=command_id)


def _say(done: str) -> None:
    if invocation().json:
        show_json(None)
    else:
        console().print(done, markup=False)
