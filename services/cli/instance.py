"""`netledger instance`: spawn, list, show, delete, add-ip, remove-ip; moves are in `services.cli.move`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import move
from services.cli.common import RepeatId, client, command, console, invocation, show_json, table
from services.cli.network import network_id

if TYPE_CHECKING:
    from services.client import Client

_COLUMNS = ("instance_uuid", "project_id", "host", "hostname", "addresses")


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Instances and their NICs: spawn, list, show, delete, more addresses, moves.",
        no_args_is_help=True,
    )
    command(group, "spawn")(spawn)
    command(group, "list")(list_instances)
    command(group, "show")(show)
    command(group, "delete")(delete)
    command(group, "add-ip")(add_ip)
    command(group, "remove-ip")(remove_ip)
    move.add_to(group)
    app.add_typer(group, name="instance", rich_help_panel="Ask")


def spawn(
    project: Annotated[str, typer.Option("--project", help="Project that owns the instance.")],
    host: Annotated[str, typer.Option("--host", help="Compute host that it runs on.")],
    uuid: Annotated[
        str | None, typer.Argument(help="Id of the instance; made of the command's id when left out.")
    ] = None,
    nic: Annotated[
        list[str] | None,
        typer.Option(
            "--nic",
            metavar="NETWORK[=ADDRESS]",
            help="A NIC on a network (id or label), with this address or the next free one. Several times "
            "for several NICs, in their order. Left out: one on every network that the project sees.",
        ),
    ] = None,
    hostname: Annotated[str | None, typer.Option("--hostname", help="Name for DHCP and DNS.")] = None,
    display_name: Annotated[
        str | None, typer.Option("--display-name", help="Name that people know it by.")
    ] = None,
    zone: Annotated[str | None, typer.Option("--availability-zone", help="Its availability zone.")] = None,
    mac: Annotated[
        list[str] | None,
        typer.Option(
            "--mac", help="A MAC for its NICs, in place of drawn ones; several times, at least one for each."
        ),
    ] = None,
    vpn: Annotated[
        bool, typer.Option("--vpn", help="It is its project's VPN server; needs a VLAN network.")
    ] = False,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            metavar="GROUP",
            help="Security group (id or name) that it joins, several times for several. Left out: the "
            "project's default group.",
        ),
    ] = None,
    command_id: RepeatId = None,
) -> None:
    """Give an instance its NICs, MACs and addresses: all of them, or none and a reason."""
    given = {
        "instance_uuid": uuid,
        "project_id": project,
        "host": host,
        "hostname": hostname,
        "display_name": display_name,
        "availability_zone": zone,
        "macs": mac,
        "vpn": vpn or None,
    }
    args: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    with client() as asking:
        from services.client import new_command_id
        from services.methods.instances import new_instance_uuid

        if group:
            args["security_groups"] = group
        if nic is not None:
            args["requested_networks"] = [_requested(asking, one) for one in nic]
        command_id = command_id or new_command_id()
        info = asking.call("allocate_for_instance", args, command_id=command_id)
    instance_uuid = uuid or new_instance_uuid(command_id)
    if invocation().json:
        show_json({"instance_uuid": instance_uuid, "network_info": info})
    else:
        console().print(f"Instance {instance_uuid}", markup=False)
        _show_info(info)


def _requested(asking: "Client", text: str) -> dict[str, str]:
    network, _, address = text.partition("=")
    found = {"network_id": network_id(asking, network)}
    return found | {"address": address} if address else found


def list_instances(
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.")] = None,
    host: Annotated[str | None, typer.Option("--host", help="Only those on this host.")] = None,
) -> None:
    """List instances with their addresses."""
    from projections.ipam import queries

    with client() as asking:
        found = asking.tables.ask(lambda reader: queries.instances(reader, project_id=project, host=host))
    if invocation().json:
        show_json(found)
    else:
        table([one | {"addresses": ", ".join(_addresses(one["network_info"]))} for one in found], _COLUMNS)


def _addresses(info: list[dict[str, Any]]) -> list[str]:
    subnets = [subnet for vif in info for subnet in vif["network"]["subnets"]]
    return [ip["address"] for subnet in subnets for ip in subnet["ips"]]


def show(uuid: Annotated[str, typer.Argument(help="Id of the instance.")]) -> None:
    """Show an instance's NICs, MACs and addresses."""
    from services.methods.instances import InstanceArgs, find

    with client() as asking:
        found = find(InstanceArgs(instance_uuid=uuid).uuid(), asking.actor, asking.tables)
    if invocation().json:
        show_json(found)
        return
    for name in ("instance_uuid", "project_id", "host", "epoch", "hostname"):
        console().print(f"{name:14} {found[name] or '-'}", markup=False)
    if found["prepared"]:
        console().print(f"{'ready on':14} {', '.join(found['prepared'])}", markup=False)
    _show_info(found["network_info"])


def _show_info(info: list[dict[str, Any]]) -> None:
    rows = []
    for number, vif in enumerate(info):
        ips = [ip for subnet in vif["network"]["subnets"] for ip in subnet["ips"]]
        rows.append(
            {
                "nic": f"eth{number}",
                "mac": vif["address"],
                "network": vif["network"]["label"],
                "address": ", ".join(ip["address"] for ip in ips),
                "floating": ", ".join(one["address"] for ip in ips for one in ip["floating_ips"]),
            }
        )
    table(rows, ("nic", "mac", "network", "address", "floating"))


def delete(
    uuid: Annotated[str, typer.Argument(help="Id of the instance.")], command_id: RepeatId = None
) -> None:
    """Take everything back from an instance; one that has nothing is no error."""
    with client() as asking:
        asking.call("deallocate_for_instance", {"instance_uuid": uuid}, command_id=command_id)
    if invocation().json:
        show_json(None)
    else:
        console().print(f"Instance {uuid} has no networking any more.", markup=False)


def add_ip(
    uuid: Annotated[str, typer.Argument(help="Id of the instance.")],
    network: Annotated[str, typer.Argument(help="Network: id or label.")],
    address: Annotated[
        str | None, typer.Option("--address", help="This address; the next free one when left out.")
    ] = None,
    command_id: RepeatId = None,
) -> None:
    """Give an instance another address of a network, on its NIC there; without one, it gets a NIC."""
    with client() as asking:
        args = {"instance_uuid": uuid, "network_id": network_id(asking, network)}
        if address is not None:
            args["address"] = address
        info = asking.call("add_fixed_ip_to_instance", args, command_id=command_id)
    _show_changed(info)


def remove_ip(
    uuid: Annotated[str, typer.Argument(help="Id of the instance.")],
    address: Annotated[str, typer.Argument(help="Fixed address that it shall lose.")],
    command_id: RepeatId = None,
) -> None:
    """Take an address from an instance, with the floating IPs that point there; its NIC stays."""
    with client() as asking:
        args = {"instance_uuid": uuid, "address": address}
        info = asking.call("remove_fixed_ip_from_instance", args, command_id=command_id)
    _show_changed(info)


def _show_changed(info: list[dict[str, Any]]) -> None:
    if invocation().json:
        show_json(info)
    else:
        _show_info(info)
