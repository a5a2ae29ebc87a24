"""`netledger network associate`, `disassociate`, `modify`: whose a network is, and which host serves it."""

from typing import Annotated, Any

import typer

from services.cli.common import RepeatId, client, command, console, invocation, show_json


def add_to(group: typer.Typer) -> None:
    """Add the commands to those about networks."""
    command(group, "associate")(associate)
    command(group, "disassociate")(disassociate)
    command(group, "modify")(modify)


Network = Annotated[str, typer.Argument(help="Network: id or label.")]


def associate(
    project: Annotated[str, typer.Argument(help="Project that shall have the network.")],
    network: Annotated[
        str | None, typer.Option("--network", help="This one: id or label. Default: the next of nobody.")
    ] = None,
    command_id: RepeatId = None,
) -> None:
    """Give a project a VLAN network that belongs to nobody."""
    args = {"project_id": project}
    _ask("add_network_to_project", network, args, command_id, f"Project {project} has a VLAN network more.")


def disassociate(network: Network, command_id: RepeatId = None) -> None:
    """Take a network from its project, and from the host that serves it."""
    _ask("disassociate_network", network, {}, command_id, f"Network {network} belongs to nobody.")


def modify(
    network: Network,
    project: Annotated[str | None, typer.Option("--project", help="Give it to this project.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Let this host serve it.")] = None,
    disassociate_project: Annotated[
        bool, typer.Option("--disassociate-project", help="Take it from its project.")
    ] = False,
    disassociate_host: Annotated[
        bool, typer.Option("--disassociate-host", help="Take it from the host that serves it.")
    ] = False,
    command_id: RepeatId = None,
) -> None:
    """Change whose a network is or which host serves it, whoever it is now (nova-manage network modify)."""
    given = {
        "project": project,
        "host": host,
        "disassociate_project": disassociate_project or None,
        "disassociate_host": disassociate_host or None,
    }
    args = {name: value for name, value in given.items() if value is not None}
    _ask("network_modify", network, args, command_id, f"Changed network {network}.")


def _ask(method: str, network: str | None, args: dict[str, Any], command_id: str | None, done: str) -> None:
    from services.cli.network import network_id

    with client() as asking:
        if network is not None:
            args["network_uuid"] = network_id(asking, network)
        asking.call(method, args, command_id=command_id)
    if invocation().json:
        show_json(None)
    else:
        console().print(done, markup=False)
