"""`netledger doctor` and `netledger settings`: what is missing on this machine, and what is set."""

import typer

from services.cli.common import EXIT_BROKEN, command, console, deployment, invocation, show_json, table


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "doctor", rich_help_panel="Operate")(doctor)
    command(app, "settings", rich_help_panel="Operate")(settings)


def doctor() -> None:
    """Say what is missing on this machine and how to get it. Exit 4 if a role could not run at all."""
    from services.doctor import examine, lacks

    with deployment() as made:
        findings = examine(made)
    if invocation().json:
        show_json({"ok": not lacks(findings), "findings": [finding._asdict() for finding in findings]})
    else:
        from rich.table import Table

        out = Table(box=None, pad_edge=False)
        for heading in ("", "what", "needed by", "found"):
            out.add_column(heading, overflow="fold")
        for finding in findings:
            sign = "[green]ok[/]" if finding.there else "[red]--[/]"
            needed = {"always": "every role", "agent": "agents", "dev": "development"}[finding.need]
            out.add_row(sign, finding.what, needed, finding.found)
        console().print(out)
    if lacks(findings):
        raise typer.Exit(EXIT_BROKEN)


def settings() -> None:
    """Show every setting: its variable, what it is now, and what it means. Secrets are not shown."""
    from services.settings import PREFIX

    found = invocation().settings
    rows = [
        {
            "variable": f"{PREFIX}{name.upper()}",
            "value": getattr(found, name) if field.repr else "(set)" if getattr(found, name) else "",
            "meaning": field.description,
        }
        for name, field in type(found).model_fields.items()
    ]
    if invocation().json:
        show_json(rows)
    else:
        table(rows, ("variable", "value", "meaning"))
