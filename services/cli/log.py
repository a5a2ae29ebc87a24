"""`netledger log tail`: the ledger as it is written, decision by decision."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.common import command, deployment, invocation, waiting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.ledger.follow import Decided, LedgerReader

_SHOWN_VALUES_MAX = 6


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(help="The ledger itself.", no_args_is_help=True)
    command(group, "tail")(tail)
    app.add_typer(group, name="log", rich_help_panel="Look")


def tail(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes; Ctrl-C ends.")
    ] = False,
    start: Annotated[
        int | None, typer.Option("--from", help="Begin at this position.", metavar="SEQ", min=1)
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="Show so many of the last ones.", min=0)] = 20,
) -> None:
    """Print valid decisions, in order: what was asked, and what was decided or refused.

    The ledger is read and judged from its beginning, as every reader does; what does not count is left out.
    """
    from collections import deque

    with deployment() as made, made.ledger_reader() as reader:
        last: deque[Decided] = deque(maxlen=lines)
        with waiting("reading the ledger..."):
            for batch in reader.catch_up():
                if start is None:
                    last.extend(batch)
                else:
                    _print(one for one in batch if one.seq >= start)
        reader.require_genesis()
        _print(last)
        if follow:
            _follow(reader, start or 0)


def _follow(reader: "LedgerReader", start: int) -> None:
    from services.roles.running import stop_signals

    with stop_signals() as stop:
        while not stop.is_set():
            _print(one for one in reader.poll(timeout_s=0.25) if one.seq >= start)


def _print(decisions: "Iterable[Decided]") -> None:
    for decided in decisions:
        said = _as_json(decided)
        sys.stdout.write((json.dumps(said, ensure_ascii=False) if invocation().json else _line(said)) + "\n")
        sys.stdout.flush()


def _as_json(decided: "Decided") -> dict[str, Any]:
    from events.clock import time_text
    from services.cli.common import refusal_json

    head = decided.head
    said: dict[str, Any] = {
        "seq": head.seq,
        "offset": decided.record.offset,
        "time": time_text(head.time_ms),
        "term": head.term,
        "cause": head.cause,
        "subject": head.subject,
        "actor": head.actor,
        "command_id": head.command_id,
        "command": decided.outcome.command,
    }
    if decided.refusal is not None:
        return said | {"refusal": refusal_json(decided.refusal)}
    return said | {"events": [event.model_dump(mode="json") for event in decided.events]}


def _line(said: dict[str, Any]) -> str:
    head = f"{said['seq']:>8} {said['time']} {said['actor'] or '-'}: {said['cause']} {said['subject']}"
    if "refusal" in said:
        return f"{head}\n         refused {said['refusal']['code']}: {said['refusal']['message']}"
    facts = [f"         {event.pop('type')} {_facts(event)}" for event in said["events"]]
    return "\n".join([head, *facts])


def _facts(event: dict[str, Any]) -> str:
    known = {
        name: value for name, value in event.items() if isinstance(value, str | int) and value is not None
    }
    return " ".join(f"{name}={value}" for name, value in list(known.items())[:_SHOWN_VALUES_MAX])
