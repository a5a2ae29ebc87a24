"""`netledger group`: security groups, their rules and members, and what the provider drops."""

from typing import Annotated, Any

import typer

from services.cli.common import RepeatId, call, command, console, invocation, show_json, table


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Security groups: what is let in to whom.", no_args_is_help=True)
    for name, function in (
        ("list", list_groups),
        ("show", show),
        ("create", create),
        ("update", update),
        ("delete", delete),
        ("add-instance", add_instance),
        ("remove-instance", remove_instance),
    ):
        command(group, name)(function)
    rule = typer.Typer(help="Rules of a group.", no_args_is_help=True)
    command(rule, "add")(rule_add)
    command(rule, "remove")(rule_remove)
    group.add_typer(rule, name="rule")
    provider = typer.Typer(help="What is dropped before it comes to any instance.", no_args_is_help=True)
    command(provider, "list")(provider_list)
    command(provider, "add")(provider_add)
    command(provider, "remove")(provider_remove)
    group.add_typer(provider, name="provider")
    app.add_typer(group, name="group", rich_help_panel="Ask")


Group = Annotated[str, typer.Argument(help="Group: id or name.")]
Project = Annotated[
    str | None,
    typer.Option("--project", help="Project whose group the name means; the operator's own when left out."),
]
Description = Annotated[str | None, typer.Option("--description", help="What it is for.")]
Instance = Annotated[str, typer.Argument(help="Id of the instance.")]
Protocol = Annotated[str, typer.Argument(help="tcp, udp, icmp; of a group's members also: any.")]
Ports = Annotated[
    str | None,
    typer.Option("--ports", help="Port, or first and last as 80:443; of ICMP type and code as 8:0."),
]
Cidr = Annotated[str | None, typer.Option("--cidr", help="Block it comes from; 0.0.0.0/0 by default.")]
Source = Annotated[
    str | None, typer.Option("--source", help="Group whose members it comes from: id or name.")
]

ANY = "any"
_RULE_COLUMNS = ("id", "protocol", "from_port", "to_port", "cidr", "group_id")


def _given(**args: object) -> dict[str, Any]:
    return {name: value for name, value in args.items() if value is not None}


def _said(value: Any, text: str) -> None:  # noqa: ANN401 - nova's results
    if invocation().json:
        show_json(value)
    else:
        console().print(text, markup=False)


def _range(ports: str | None) -> dict[str, int]:
    """Return the ports of a rule; all of them when none are named."""
    if ports is None:
        return {}
    first, _, last = ports.partition(":")
    try:
        return {"from_port": int(first), "to_port": int(last or first)}
    except ValueError:
        raise typer.BadParameter(f"{ports!r} is no port, and no two with a colon between them") from None


def _all_ports(protocol: str) -> dict[str, int]:
    return {"from_port": -1, "to_port": -1} if protocol == "icmp" else {"from_port": 1, "to_port": 65535}


def list_groups(
    project: Annotated[str | None, typer.Option("--project", help="Only this project's.")] = None,
) -> None:
    """List the groups of all projects, or of one."""
    found = call("list_security_groups", {"project_id": project} if project else {"all_tenants": True})
    if invocation().json:
        show_json(found)
    else:
        rows = [{**one, "rules": len(one["rules"])} for one in found]
        table(rows, ("id", "name", "project_id", "rules", "members", "description"))


def show(group: Group, project: Project = None) -> None:
    """Show a group with its rules."""
    found = call("get_security_group", _given(security_group=group, project_id=project))
    if invocation().json:
        show_json(found)
        return
    for name in ("id", "name", "description", "project_id", "user_id", "members"):
        console().print(f"{name:12} {'-' if found[name] is None else found[name]}", markup=False)
    table(found["rules"], _RULE_COLUMNS)


def create(
    name: Annotated[str, typer.Argument(help="Name, unique in its project.")],
    description: Description = None,
    project: Annotated[str | None, typer.Option("--project", help="Project that shall own it.")] = None,
    command_id: RepeatId = None,
) -> None:
    """Create a group without rules: nothing comes in."""
    args = _given(name=name, description=description, project_id=project)
    made = call("create_security_group", args, command_id)
    _said(made, f"Created group {made['id']} ({made['name']}) of project {made['project_id']}.")


def update(
    group: Group,
    name: Annotated[str | None, typer.Option("--name", help="New name.")] = None,
    description: Description = None,
    project: Project = None,
    command_id: RepeatId = None,
) -> None:
    """Change a group's name or description."""
    args = _given(security_group=group, name=name, description=description, project_id=project)
    _said(call("update_security_group", args, command_id), f"Changed group {group}.")


def delete(group: Group, project: Project = None, command_id: RepeatId = None) -> None:
    """Delete a group that no instance is in, with the rules that name it as their source."""
    args = _given(security_group=group, project_id=project)
    _said(call("delete_security_group", args, command_id), f"Deleted group {group}.")


def add_instance(group: Group, uuid: Instance, command_id: RepeatId = None) -> None:
    """Put an instance into a group of its project."""
    args = {"instance_uuid": uuid, "security_group": group}
    _said(call("add_security_group_to_instance", args, command_id), f"Instance {uuid} is in group {group}.")


def remove_instance(group: Group, uuid: Instance, command_id: RepeatId = None) -> None:
    """Take an instance out of a group."""
    args = {"instance_uuid": uuid, "security_group": group}
    call("remove_security_group_from_instance", args, command_id)
    _said(None, f"Instance {uuid} is not in group {group} any more.")


def rule_add(
    group: Group,
    protocol: Protocol,
    ports: Ports = None,
    cidr: Cidr = None,
    source: Source = None,
    project: Project = None,
    command_id: RepeatId = None,
) -> None:
    """Let something in: from a block of addresses, or from the members of a group."""
    rule = _given(protocol=None if protocol == ANY else protocol, cidr=cidr, group_id=source, **_range(ports))
    if ports is None and source is None:
        rule |= _all_ports(protocol)
    args = _given(security_group=group, rules=[rule], project_id=project)
    (added,) = call("add_security_group_rules", args, command_id)
    if invocation().json:
        show_json(added)
    else:
        table([added], _RULE_COLUMNS)


def rule_remove(
    group: Group,
    rule_id: Annotated[list[str], typer.Argument(help="Ids of rules.")],
    project: Project = None,
    command_id: RepeatId = None,
) -> None:
    """Remove rules from a group, all or none."""
    args = _given(security_group=group, rule_ids=rule_id, project_id=project)
    _said(call("remove_security_group_rules", args, command_id), f"Removed {len(rule_id)} rules.")


def provider_list() -> None:
    """List what the provider drops."""
    found = call("provider_fw_rule_get_all", {})
    if invocation().json:
        show_json(found)
    else:
        table(found, ("id", "protocol", "from_port", "to_port", "cidr"))


def provider_add(
    protocol: Annotated[str, typer.Argument(help="tcp, udp or icmp.")],
    cidr: Annotated[str, typer.Argument(help="Block that it comes from.")],
    ports: Ports = None,
    command_id: RepeatId = None,
) -> None:
    """Drop something before it comes to any instance, whatever its groups let in."""
    args = {"protocol": protocol, "cidr": cidr, **_range(ports)}
    made = call("provider_fw_rule_create", args, command_id)
    _said(made, f"Dropped from now on: rule {made['id']}.")


def provider_remove(
    rule_id: Annotated[str, typer.Argument(help="Id of the rule.")], command_id: RepeatId = None
) -> None:
    """Drop it no longer."""
    _said(call("provider_fw_rule_destroy", {"rule_id": rule_id}, command_id), f"Removed rule {rule_id}.")
