"""The command line as a whole: fast help that needs no manual, the same options everywhere, exit codes."""

import importlib
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from events.errors import LogUnavailable, OutcomeUnknown, TopicMissing
from events.refusals import Code
from services import cli
from services.cli.app import app
from services.cli.common import command, invocation, root, show_json
from services.client import Client
from services.methods import METHODS
from services.outcomes import refused
from tests.house.source import REPO

HEAVY = ("confluent_kafka", "psycopg", "pyroute2", "pydantic", "structlog", "prometheus_client", "netaddr")
"""What `netledger --help` has no use for."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - typer's own
    """Yield every command below a group with its words."""
    for name, one in group.commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, (*path, name))
        else:
            yield (*path, name), one


def new_program() -> typer.Typer:
    """Return a program without commands, whose root takes the shared options."""
    program = typer.Typer()

    @program.callback()
    @root
    def take_options() -> None:
        """Take them."""

    return program


COMMANDS = dict(commands(get_command(app)))


def test_help_loads_nothing_that_it_does_not_need() -> None:
    """So that it is there at once, also where Kafka's or PostgreSQL's libraries are broken."""
    program = (
        "import sys; sys.argv = ['netledger', '--help']\n"
        "from services.cli import main\n"
        "try:\n main()\nexcept SystemExit: pass\n"
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPO, capture_output=True, text=True, check=True
    )

    assert done.stderr == ""
    assert "netledger up" in done.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_takes_the_shared_options(words: tuple[str, ...]) -> None:
    """Each has a sentence, each of its parameters too, and --data, --json and the like."""
    found = COMMANDS[words]

    assert found.help
    parameters = {parameter.name: parameter for parameter in found.params}
    silent = [
        name
        for name, parameter in parameters.items()
        if not getattr(parameter, "help", None) and not getattr(parameter, "hidden", False)
    ]
    assert silent == []
    options = {option for parameter in found.params for option in parameter.opts}
    assert {"--data", "--config", "--log", "--kafka", "--database", "--cell", "--json"} <= options


def test_the_help_of_a_group_lists_its_commands() -> None:
    """Without any other word."""
    said = CliRunner().invoke(app, ["network", "--help"])

    assert said.exit_code == 0
    assert all(name in said.stdout for name in ("create", "list", "show", "delete"))


def test_shared_options_may_stand_before_or_after_the_command() -> None:
    """The nearer one wins."""
    seen: list[tuple[dict[str, Any], bool]] = []
    group = new_program()

    @command(group, "look")
    def look() -> None:
        """Look."""
        seen.append((invocation().flags, invocation().json))

    CliRunner().invoke(group, ["--json", "--cell", "before", "--log", "kafka", "look", "--cell", "after"])
    CliRunner().invoke(group, ["look"])

    assert seen == [({"cell": "after", "log": "kafka"}, True), ({}, False)]


@pytest.mark.parametrize(
    ("error", "code", "told", "said"),
    [
        (
            refused(Code.CIDR_CONFLICT, "Taken.", "cidr"),
            3,
            "Refused: CidrConflict (cidr): Taken.\n",
            {"refusal": {"code": "CidrConflict", "field": "cidr", "message": "Taken."}},
        ),
        (
            LogUnavailable("Nobody answers."),
            4,
            "Error: LogUnavailable: Nobody answers.\n",
            {"error": {"code": "LogUnavailable", "message": "Nobody answers."}},
        ),
        (
            TopicMissing("No topic."),
            4,
            "Error: TopicMissing: No topic. Run `netledger ledger init` once for this cell.\n",
            None,
        ),
        (
            OutcomeUnknown("0195f3c0", "No answer."),
            5,
            "Outcome unknown: No answer.\n",
            {"unknown": {"command_id": "0195f3c0", "message": "No answer."}},
        ),
    ],
)
def test_what_went_wrong_decides_the_exit_code(
    error: Exception, code: int, told: str, said: dict[str, Any] | None
) -> None:
    """People read standard error; programs get the same as JSON on standard output."""
    group = new_program()

    @command(group, "fail")
    def fail() -> None:
        """Fail."""
        raise error

    plain = CliRunner().invoke(group, ["fail"])
    program = CliRunner().invoke(group, ["fail", "--json"])

    assert (plain.exit_code, plain.stdout, plain.stderr) == (code, "", told)
    assert (program.exit_code, program.stderr) == (code, told)
    if said is not None:
        assert json.loads(program.stdout) == said


def test_json_holds_whatever_an_answer_may_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """Times as RFC 3339, characters as they are."""
    from datetime import UTC, datetime  # noqa: PLC0415 - for this test only

    show_json({"time": datetime(2026, 11, 21, 13, 13, 27, 42000, UTC), "label": "größe"})

    assert json.loads(capsys.readouterr().out) == {"time": "2026-11-21T13:13:27.042Z", "label": "größe"}


def test_a_stranger_of_our_name_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """PyPI's Events installs an `events` too; what would fail in strange ways says so at once."""
    assert cli.strangers() == []
    found = importlib.util.find_spec

    def find(name: str) -> Any:  # noqa: ANN401 - a module spec
        return found("json" if name == "events" else name)

    monkeypatch.setattr(cli, "find_spec", find)

    with pytest.raises(SystemExit) as end:
        cli.main()

    assert end.value.code == 4
    assert "'events'" in capsys.readouterr().err


def test_every_method_says_what_it_takes() -> None:
    """Arguments refuse what they do not know; the typed client has each method, with the same arguments."""
    for name, method in METHODS.items():
        assert method.args.__doc__, name
        assert method.args.model_config["extra"] == "forbid", name
        typed = set(inspect.signature(getattr(Client, name)).parameters) - {
            "self",
            "actor",
            "command_id",
            "plan",
        }
        assert typed <= set(method.args.model_fields), name
