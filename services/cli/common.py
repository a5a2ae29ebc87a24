"""What all commands share: the options that say where the deployment is, `--json`, and the exit codes."""

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, cast

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from events.refusals import Refusal
    from services.bootstrap import Deployment
    from services.client import Client
    from services.settings import Settings

EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_BROKEN = 4
EXIT_UNKNOWN = 5

WHERE = "Where (also as NETLEDGER_ variables, or in a file)"
"""Heading of the shared options in every --help."""

_SHARED: dict[str, Any] = {
    "data": Annotated[
        Path | None,
        typer.Option(
            "--data", help="Data directory of the deployment.", metavar="DIR", rich_help_panel=WHERE
        ),
    ],
    "config": Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="Settings file (default: DIR/netledger.toml).",
            metavar="FILE",
            rich_help_panel=WHERE,
        ),
    ],
    "log": Annotated[
        str | None,
        typer.Option(
            "--log", help="Log that carries the ledger.", metavar="postgres|kafka", rich_help_panel=WHERE
        ),
    ],
    "kafka_bootstrap_servers": Annotated[
        str | None,
        typer.Option("--kafka", help="Kafka's brokers.", metavar="HOST:PORT,...", rich_help_panel=WHERE),
    ],
    "database": Annotated[
        str | None,
        typer.Option(
            "--database", help="PostgreSQL instead of the embedded one.", metavar="DSN", rich_help_panel=WHERE
        ),
    ],
    "cell": Annotated[
        str | None, typer.Option("--cell", help="The cell.", metavar="NAME", rich_help_panel=WHERE)
    ],
    "timeout": Annotated[
        float | None,
        typer.Option("--timeout", help="Patience for an answer.", metavar="SECONDS", rich_help_panel=WHERE),
    ],
    "log_format": Annotated[
        str | None,
        typer.Option(
            "--log-format", help="Form of log lines.", metavar="auto|json|console", rich_help_panel=WHERE
        ),
    ],
    "at_least": Annotated[
        str | None,
        typer.Option(
            "--at-least",
            help="Answer only when the tables show this position of the ledger, or a later one.",
            metavar="CELL:SEQ",
            rich_help_panel=WHERE,
        ),
    ],
    "json_output": Annotated[
        bool, typer.Option("--json", help="Answer with JSON, for programs.", rich_help_panel=WHERE)
    ],
}
"""Options of every command, by the setting that they are; all may stand before the command too."""


@dataclass
class Invocation:
    """What was said on the command line besides the command's own arguments."""

    flags: dict[str, Any] = field(default_factory=dict)
    json: bool = False
    at_least: str | None = None
    """Position that must be shown by what is looked up."""

    @functools.cached_property
    def settings(self) -> "Settings":
        """The settings from flags, environment and file."""
        from services.settings import load

        return load(self.flags)


_INVOCATION: ContextVar[Invocation] = ContextVar("invocation")

F = TypeVar("F", bound=Callable[..., Any])


def invocation() -> Invocation:
    """Return what was said on this command line."""
    return _INVOCATION.get()


def command(app: typer.Typer, name: str, **kwargs: Any) -> Callable[[F], F]:  # noqa: ANN401 - typer's own
    """Add a command to a group, with the shared options and the exit codes."""

    def decorate(function: F) -> F:
        app.command(name, **kwargs)(_shared(function))
        return function

    return decorate


def root(function: F) -> F:
    """Give the root of the command line the shared options, so that they may stand before a command."""

    def run(**kwargs: Any) -> None:  # noqa: ANN401 - the shared options, of several types
        _INVOCATION.set(Invocation())
        _take(kwargs)
        function(**kwargs)

    _describe(run, function)
    return cast("F", run)


def _shared(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with the shared options as parameters, and errors turned into exit codes."""

    def run(**kwargs: Any) -> Any:  # noqa: ANN401 - whatever the command takes
        _take(kwargs)
        with exit_codes():
            return function(**kwargs)

    _describe(run, function)
    return run


def _describe(run: Callable[..., Any], function: Callable[..., Any]) -> None:
    """Let typer see the function's own parameters and the shared ones."""
    own = inspect.signature(function, eval_str=True).parameters.values()
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    for name, hint in _SHARED.items():
        default = False if name == "json_output" else None
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
        )
    run.__doc__ = function.__doc__
    run.__name__ = function.__name__
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # as inspect documents


def _take(kwargs: dict[str, Any]) -> None:
    """Move the shared options from a command's arguments to the invocation; the nearer one wins."""
    before = _INVOCATION.get(None) or Invocation()
    json_output = kwargs.pop("json_output") or before.json
    at_least = kwargs.pop("at_least") or before.at_least
    flags = {name: kwargs.pop(name) for name in _SHARED if name in kwargs}
    given = {name: value for name, value in flags.items() if value is not None}
    _INVOCATION.set(Invocation({**before.flags, **given}, json_output, at_least))


# --- exit codes ---------------------------------------------------------------------------------------------


_INIT = "Run `netledger ledger init` once for this cell."


@contextmanager
def exit_codes() -> Iterator[None]:
    """End the program with the exit code and sentence of whatever went wrong."""
    from events.errors import NetledgerError, OutcomeUnknown, TopicMissing
    from services.outcomes import Refused

    try:
        yield
    except Refused as error:
        fail_refused(error.refusal)
    except OutcomeUnknown as error:
        if invocation().json:
            show_json({"unknown": {"command_id": error.command_id, "message": str(error)}})
        tell_error(f"Outcome unknown: {error}")
        raise typer.Exit(EXIT_UNKNOWN) from None
    except NetledgerError as error:
        hint = "" if _INIT in str(error) or not isinstance(error, TopicMissing) else f" {_INIT}"
        fail_broken(error.code, f"{error}{hint}")


def fail_refused(refusal: "Refusal") -> NoReturn:
    """End the program: it was refused, and nothing has changed."""
    if invocation().json:
        show_json({"refusal": refusal_json(refusal)})
    about = f" ({refusal.field})" if refusal.field else ""
    tell_error(f"Refused: {refusal.code}{about}: {refusal.message}")
    raise typer.Exit(EXIT_REFUSED)


def fail_broken(code: str, message: str) -> NoReturn:
    """End the program: something around it has to be mended."""
    if invocation().json:
        show_json({"error": {"code": code, "message": message}})
    tell_error(f"Error: {code}: {message}")
    raise typer.Exit(EXIT_BROKEN)


def refusal_json(refusal: "Refusal") -> dict[str, Any]:
    """Return a refusal as programs get it."""
    said: dict[str, Any] = {"code": str(refusal.code), "field": refusal.field, "message": refusal.message}
    return said | {"details": refusal.details} if refusal.details else said


# --- output -------------------------------------------------------------------------------------------------


def show_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Print JSON: on one line for programs, spread out on a terminal."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=False, default=_as_text) + "\n")
    sys.stdout.flush()


def _as_text(value: object) -> str:
    """Return what JSON has no form for: a time as records have it, anything else as it prints."""
    if isinstance(value, datetime):
        from events.clock import time_text

        return time_text(round(value.timestamp() * 1000))
    return str(value)


def tell_error(text: str) -> None:
    """Say something on standard error."""
    sys.stdout.flush()
    typer.echo(text, err=True)


def console(*, stderr: bool = False) -> "Console":
    """Return Rich's console; wide where nobody looks, so that nothing is cut in a pipe.

    Without emoji codes: Rich would draw a disc for the `:cd:` in a MAC.
    """
    from rich.console import Console

    out = Console(stderr=stderr, highlight=False, emoji=False)
    return out if out.is_terminal else Console(stderr=stderr, highlight=False, emoji=False, width=240)


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows for people as they are, no markup; `project_id` and the like are headed without their id."""
    from rich.table import Table
    from rich.text import Text

    out = Table(box=None, pad_edge=False)
    for name in columns:
        out.add_column(name.removesuffix("_id"), overflow="fold")
    for row in rows:
        out.add_row(*(Text("-" if row.get(name) is None else str(row[name])) for name in columns))
    console().print(out)


# --- the deployment -----------------------------------------------------------------------------------------


@contextmanager
def deployment(*, serve_database: bool = False) -> Iterator["Deployment"]:
    """Give the deployment that the settings name, for the time of a command."""
    from services import logs
    from services.bootstrap import Deployment

    settings = invocation().settings
    if not serve_database:
        logs.configure(settings.log_format, "error")  # what a command says is its answer, not log lines
    with Deployment(settings, serve_database=serve_database) as made:
        yield made


@contextmanager
def client() -> Iterator["Client"]:
    """Give a client that asks on the operator's behalf."""
    with deployment() as made, made.client() as asking:
        if (position := invocation().at_least) is not None:
            asking.wait_until(position)
        yield asking


def call(method: str, args: dict[str, Any], command_id: str | None = None) -> Any:  # noqa: ANN401 - nova's
    """Call one method as the operator, with a sign of life on a terminal if it takes long."""
    with client() as asking, waiting(f"{method}..."):
        return asking.call(method, args, command_id=command_id)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on a terminal that something is being waited for."""
    if not sys.stderr.isatty():
        yield
        return
    with console(stderr=True).status(what):
        yield


RepeatId = Annotated[
    str | None,
    typer.Option("--id", help="Repeat the command of this id: it is decided once.", metavar="UUIDV7"),
]
"""Option of every command that changes something."""
