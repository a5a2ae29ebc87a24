"""`netledger network`: create, list, show, delete, availability."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import association
from services.cli.common import RepeatId, call, client, command, console, invocation, show_json, table

if TYPE_CHECKING:
    from services.client import Client

COLUMNS = ("uuid", "label", "kind", "cidr", "gateway", "host", "project_id", "used", "free")
_AVAILABLE = ("label", "kind", "cidr", "project_id", "reached", "used", "draining", "reserved", "free")

Count = Annotated[
    int | None, typer.Option("--count", help="How many networks to take from the block, all or none.")
]
Size = Annotated[
    int | None,
    typer.Option("--size", help="Addresses of each network. Default: an equal share of the block."),
]
AllowedStart = Annotated[
    str | None, typer.Option("--allowed-start", help="First address that may be handed out.")
]
AllowedEnd = Annotated[str | None, typer.Option("--allowed-end", help="Last address that may be handed out.")]
FixedCidr = Annotated[
    str | None, typer.Option("--fixed-cidr", help="Part of the block that addresses are handed out from.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Networks: create, list, show, delete, count free addresses.", no_args_is_help=True
    )
    command(group, "create")(create)
    command(group, "list")(list_networks)
    command(group, "show")(show)
    command(group, "delete")(delete)
    command(group, "availability")(availability)
    association.add_to(group)
    app.add_typer(group, name="network", rich_help_panel="Ask")


def create(
    label: Annotated[str, typer.Argument(help="Name for people, up to 255 characters.")],
    cidr: Annotated[str, typer.Argument(help="IPv4 block, such as 10.0.0.0/24.")],
    count: Count = None,
    size: Size = None,
    kind: Annotated[
        str,
        typer.Option(
            "--kind", help="flatdhcp: we serve DHCP and the gateway; flat: an external router does."
        ),
    ] = "flatdhcp",
    uuid: Annotated[
        str | None, typer.Option("--uuid", help="Id; made of the command's id when left out.")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option("--gateway", help="Default: the block's first address.")
    ] = None,
    dhcp_server: Annotated[str | None, typer.Option("--dhcp-server", help="Default: the gateway.")] = None,
    enable_dhcp: Annotated[bool, typer.Option("--dhcp/--no-dhcp", help="Whether DHCP is served.")] = True,
    dns1: Annotated[str | None, typer.Option("--dns1", help="First name server.")] = None,
    dns2: Annotated[str | None, typer.Option("--dns2", help="Second name server.")] = None,
    bridge: Annotated[
        str | None, typer.Option("--bridge", help="Bridge on every host of the network.")
    ] = None,
    bridge_interface: Annotated[
        str | None, typer.Option("--bridge-interface", help="Physical interface to enslave.")
    ] = None,
    mtu: Annotated[int | None, typer.Option("--mtu", help="MTU of the network.")] = None,
    allowed_start: AllowedStart = None,
    allowed_end: AllowedEnd = None,
    fixed_cidr: FixedCidr = None,
    project: Annotated[
        str | None, typer.Option("--project", help="Only this project sees the network.")
    ] = None,
    physical_network: Annotated[
        str | None, typer.Option("--physical-network", help="Physical network that it lives on.")
    ] = None,
    command_id: RepeatId = None,
) -> None:
    """Create a network, or several, with their complete address plans."""
    given = {
        "label": label,
        "cidr": cidr,
        "num_networks": count,
        "network_size": size,
        "kind": kind,
        "uuid": uuid,
        "gateway": gateway,
        "dhcp_server": dhcp_server,
        "enable_dhcp": enable_dhcp,
        "dns1": dns1,
        "dns2": dns2,
        "bridge": bridge,
        "bridge_interface": bridge_interface,
        "mtu": mtu,
        "allowed_start": allowed_start,
        "allowed_end": allowed_end,
        "fixed_cidr": fixed_cidr,
        "project_id": project,
        "physical_network": physical_network,
    }
    args = {name: value for name, value in given.items() if value is not None}
    created = call("create_networks", args, command_id)
    if invocation().json:
        show_json(created)
    else:
        table(created, COLUMNS)


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
