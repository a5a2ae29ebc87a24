"""`netledger ledger`: begin, verify, recover and rebuild."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.common import EXIT_BROKEN, command, console, deployment, invocation, show_json, tell_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.bootstrap import Deployment


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="The ledger as a whole: begin, check, lead on after lost data.", no_args_is_help=True
    )
    command(group, "init")(init)
    command(group, "verify")(verify)
    command(group, "recover")(recover)
    command(group, "rebuild")(rebuild)
    app.add_typer(group, name="ledger", rich_help_panel="Operate")


def init(
    window: Annotated[
        int | None, typer.Option("--window", help="Command ids that it remembers; fixed for ever.", min=1)
    ] = None,
    if_missing: Annotated[
        bool, typer.Option("--if-missing", help="Be content if there is a ledger already.")
    ] = False,
) -> None:
    """Create the cell's topics and begin its ledger, once. On the embedded default `up` does it."""
    from services import ledger_admin, logs

    logs.configure("auto", "warning")
    with deployment(serve_database=True) as made:
        made.create_topics()
        if if_missing and ledger_admin.is_begun(made.log, made.topics):
            _done({"begun": False}, f"Topic {made.topics.ledger.topic} holds a ledger already.")
            return
        genesis = ledger_admin.begin(made.log, made.topics, window or made.settings.window_commands)
    _done(
        {"begun": True, **genesis.model_dump()},
        f"Began ledger {genesis.ledger_id} of cell {genesis.cell!r}.",
    )


def verify() -> None:
    """Read the whole ledger as a new reader would and check every record; exit 4 if it is not what it was."""
    from services import ledger_admin

    with deployment() as made, _progress("reading the ledger") as progress:
        found = ledger_admin.verify(made.log, made.topics, progress)
    said = found._asdict() | {
        "alarm": None if found.alarm is None else found.alarm.reason,
        "ok": found.alarm is None,
    }
    if invocation().json:
        show_json(said)
    else:
        for name in ("ledger_id", "seq", "term", "epoch", "state_digest"):
            console().print(f"{name:13} {said[name]}", markup=False)
        skipped = ", ".join(f"{reason} {count}" for reason, count in found.skipped.items()) or "none"
        console().print(
            f"{'records':13} {found.next_offset} of {found.end} read; not counting: {skipped}", markup=False
        )
    if found.alarm is not None:
        tell_error(f"Error: {found.alarm.code}: {found.alarm.reason}: {found.alarm}")
        raise typer.Exit(EXIT_BROKEN)


def recover(
    operator: Annotated[str, typer.Option("--operator", help="Who does this; kept in the ledger.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")],
    force: Annotated[
        bool, typer.Option("--force", help="Although a fresh reader finds nothing wrong: because others do.")
    ] = False,
) -> None:
    """Lead on after lost or changed records: begin a new history epoch behind the last good one.

    What follows that record in the log does not count any more. Tables that followed another past are
    rebuilt.
    """
    from services import ledger_admin

    with deployment() as made:
        done = ledger_admin.recover(made.log, made.topics, operator, reason, force=force)
        stale = _tables_are_stale(made)
        if stale:
            with _progress("rebuilding the tables") as progress:
                _rebuild(made, progress, accept_differences=True)
    _done(
        done._asdict() | {"rebuilt": stale},
        f"History epoch {done.epoch} goes on from position {done.seq}; {done.struck_out} records behind it "
        f"do not count any more.{' The tables followed another past and were rebuilt.' if stale else ''}",
    )


def rebuild(
    accept_differences: Annotated[
        bool,
        typer.Option(
            "--accept-differences", help="Swap even if the rebuilt tables differ from the live ones."
        ),
    ] = False,
) -> None:
    """Build the PostgreSQL tables anew beside the live ones, compare, and swap them in one transaction."""
    with deployment() as made, _progress("rebuilding the tables") as progress:
        seq, differing = _rebuild(made, progress, accept_differences=accept_differences)
    differed = f" They differed in {', '.join(differing)}." if differing else ""
    _done(
        {"seq": seq, "differing": differing},
        f"The tables were rebuilt and stand at position {seq}.{differed}",
    )


def _rebuild(
    made: "Deployment", progress: "Callable[[int, int], None]", *, accept_differences: bool
) -> tuple[int, list[str]]:
    from projections.ipam.rebuild import rebuild as rebuild_tables

    done = rebuild_tables(
        made.log,
        made.topics.ledger,
        made.dsn,
        made.settings.cell,
        accept_differences=accept_differences,
        progress=progress,
    )
    return done.seq, list(done.differing)


def _tables_are_stale(made: "Deployment") -> bool:
    """Tell whether the tables' position is in a past that the ledger does not have."""
    from events.errors import LedgerAlarm
    from events.ledger.follow import LedgerReader
    from services.tables import Tables

    with Tables(made.dsn, made.settings.cell) as tables:
        position = tables.position()
    if position is None:
        return False
    try:
        with LedgerReader(made.log, made.topics.ledger, made.settings.cell, position) as reader:
            for _ in reader.catch_up():
                pass
    except LedgerAlarm:
        return True
    return False


@contextmanager
def _progress(what: str) -> "Iterator[Callable[[int, int], None]]":
    """Give a function to be told how far something is; shows a bar on a terminal."""
    from rich.progress import Progress

    with Progress(
        console=console(stderr=True), transient=True, disable=not console(stderr=True).is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda read, total: bar.update(task, completed=read, total=total)


def _done(value: object, text: str) -> None:
    if invocation().json:
        show_json(value)
    else:
        console().print(text, markup=False)
