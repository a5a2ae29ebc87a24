"""`netledger quota`: what projects may have, and what they have."""

from typing import Annotated, Any

import typer

from services.cli.common import RepeatId, call, command, console, invocation, show_json, table

Project = Annotated[str, typer.Argument(help="Project.")]
DEFAULT = "default"


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Quotas: how much projects may have, and have.", no_args_is_help=True)
    command(group, "show")(show)
    command(group, "list")(list_quotas)
    command(group, "set")(set_quota)
    app.add_typer(group, name="quota", rich_help_panel="Ask")


def show(project: Project) -> None:
    """Show a project's limits beside what it has; a limit of -1 limits nothing."""
    found = call("quota_show", {"project_id": project})
    if invocation().json:
        show_json(found)
        return
    rows = [{"resource": name, **found[name]} for name in found if name != "id"]
    table(rows, ("resource", "in_use", "limit", "default"))


def list_quotas() -> None:
    """List the limits that were set for projects, and who set them."""
    found = call("quota_list", {})
    if invocation().json:
        show_json(found)
    else:
        table(found, ("project_id", "resource", "limit", "set_by", "set_at"))


def _limit(text: str) -> int | None:
    try:
        return None if text == DEFAULT else int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number nor {DEFAULT!r}") from None


_HELP = "Limit; -1: none, default: that of the settings."
FixedIps = Annotated[str | None, typer.Option("--fixed-ips", help=_HELP, metavar="N|default")]
FloatingIps = Annotated[str | None, typer.Option("--floating-ips", help=_HELP, metavar="N|default")]
Networks = Annotated[str | None, typer.Option("--networks", help=_HELP, metavar="N|default")]


def set_quota(
    project: Project,
    fixed_ips: FixedIps = None,
    floating_ips: FloatingIps = None,
    networks: Networks = None,
    command_id: RepeatId = None,
) -> None:
    """Give a project limits of its own; what it has already stays, also above them."""
    given = {"fixed_ips": fixed_ips, "floating_ips": floating_ips, "networks": networks}
    wanted = {name: _limit(text) for name, text in given.items() if text is not None}
    if not wanted:
        raise typer.BadParameter("name a limit: --fixed-ips, --floating-ips or --networks")
    own: dict[str, Any] = call("quota_update", {"project_id": project, "quota_set": wanted}, command_id)
    if invocation().json:
        show_json(own)
    else:
        told = ", ".join(f"{name} {DEFAULT if own[name] is None else own[name]}" for name in given)
        console().print(f"Project {project}: {told}.", markup=False)
