"""`netledger network`: create, list, show, delete, availability."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import association, network_create
from services.cli.common import RepeatId, call, client, command, console, invocation, show_json, table

if TYPE_CHECKING:
    from services.client import Client

COLUMNS = ("uuid", "label", "kind", "cidr", "cidr_v6", "vlan", "host", "project_id", "used", "free")
_AVAILABLE = ("label", "kind", "cidr", "project_id", "reached", "used", "draining", "reserved", "free")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Networks: create, list, delete, whose they are, how many addresses are free.",
        no_args_is_help=True,
    )
    command(group, "create")(network_create.create)
    command(group, "list")(list_networks)
    command(group, "show")(show)
    command(group, "delete")(delete)
    command(group, "vpn")(vpn)
    command(group, "availability")(availability)
    association.add_to(group)
    app.add_typer(group, name="network", rich_help_panel="Ask")


def list_networks() -> None:
    """List all networks, with how many addresses are used and free."""
    networks = call("get_all_networks", {})
    if invocation().json:
        show_json(networks)
    else:
        table(networks, COLUMNS)


def show(network: Annotated[str, typer.Argument(help="Network: id or label.")]) -> None:
    """Show one network."""
    with client() as asking:
        found = asking.call("get_network", {"network_uuid": network_id(asking, network)})
    if invocation().json:
        show_json(found)
        return
    for name, value in found.items():
        console().print(f"{name:17} {'-' if value is None else value}", markup=False)


def delete(
    network: Annotated[str, typer.Argument(help="Network: id or label.")],
    even_if_owned: Annotated[
        bool, typer.Option("--even-if-owned", help="Delete it although it belongs to a project.")
    ] = False,
    command_id: RepeatId = None,
) -> None:
    """Delete a network that no instance uses."""
    with client() as asking:
        uuid = network_id(asking, network)
        args = {"uuid": uuid, "require_disassociated": not even_if_owned}
        asking.call("delete_network", args, command_id=command_id)
    if invocation().json:
        show_json(None)
    else:
        console().print(f"Deleted network {uuid}.", markup=False)


def availability(
    project: Annotated[
        str | None, typer.Option("--project", help="Only networks that this project gets.")
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Tell whether this host reaches each.")] = None,
) -> None:
    """Count the addresses of each network that can be handed out now; nothing is held by asking."""
    args = {name: value for name, value in (("project_id", project), ("host", host)) if value is not None}
    found = call("availability", args)
    if invocation().json:
        show_json(found)
    else:
        table(found, _AVAILABLE)


def vpn(
    project: Annotated[str, typer.Argument(help="Whose VLAN networks.")],
    ip: Annotated[str, typer.Argument(help="Public address of the VPN.")],
    port: Annotated[int, typer.Argument(help="Public port of the VPN.")],
    command_id: RepeatId = None,
) -> None:
    """Change where the VPN of a project's VLAN networks is reached from outside."""
    call("vpn_change", {"project_id": project, "ip": ip, "port": port}, command_id)
    if invocation().json:
        show_json(None)
    else:
        console().print(f"The VPN of project {project} is reached at {ip}:{port}.", markup=False)


def network_id(asking: "Client", named: str) -> str:
    """Return the id of a network named by id or label.

    Raises:
        Refused: no network, or several, have the label.

    """
    from events.ids import parse_uuid
    from events.refusals import Code
    from services.outcomes import refused

    try:
        return parse_uuid(named)
    except ValueError:
        pass
    networks: list[dict[str, Any]] = asking.call("get_all_networks")
    found = [network["uuid"] for network in networks if network["label"] == named]
    if len(found) != 1:
        message = f"{len(found) or 'No'} networks have the label {named!r}; see `netledger network list`."
        raise refused(Code.NETWORK_NOT_FOUND, message, "network")
    return str(found[0])
