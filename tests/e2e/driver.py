"""Using netledger as a person would: real processes, exit codes, standard output."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import structlog
from typer.testing import CliRunner

from services.cli.app import app
from tests.eventually import eventually

REPO = Path(__file__).parents[2]
PATIENCE_S = 90.0
"""Longest that anything may take on a busy machine; a guard, never a measurement."""


def environment(data: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with exactly these settings of ours."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NETLEDGER_")}
    ours = {"NETLEDGER_DATA": str(data), **settings, "PYTHONPATH": str(REPO), "PYTHONWARNINGS": "ignore"}
    return {**clean, **ours}


def command_line(*words: str) -> list[str]:
    """Return how the program is started."""
    return [sys.executable, "-P", "-m", "services.cli", *words]


class Answered:
    """What a command did."""

    def __init__(self, words: tuple[str, ...], code: int, out: bytes, err: bytes) -> None:
        """Hold what a command answered, and its exit code."""
        self.code = code
        self.out = out.decode()
        self.err = err.decode()
        self._words = words

    def json(self) -> Any:  # noqa: ANN401 - as different as the commands
        """Return the answer of a command that was done."""
        assert self.code == 0, self
        return json.loads(self.out)

    def __repr__(self) -> str:
        """Say everything, for the report of a failed test."""
        return f"`{' '.join(self._words)}` ended with {self.code}\n{self.out}\n{self.err}"


@contextmanager
def log_settings_kept() -> Iterator[None]:
    """Undo what a command of ours does to the log settings of the process that it runs in."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


class Netledger:
    """One data directory, and the `up` that runs on it."""

    def __init__(self, data: Path, settings: Mapping[str, str] | None = None) -> None:
        """Use `data`; nothing is started."""
        self.data = data
        self.settings = dict(settings or {})
        self.up_process: subprocess.Popen[bytes] | None = None

    def __call__(self, *words: str) -> Answered:
        """Run a command in this process, which saves the time to load it."""
        ours = environment(self.data, self.settings)
        unset = dict.fromkeys(name for name in os.environ if name not in ours)
        with log_settings_kept():
            done = CliRunner().invoke(app, words, env={**unset, **ours})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Answered(words, done.exit_code, done.stdout_bytes, done.stderr_bytes)

    def process(self, *words: str, stdin: bytes = b"") -> Answered:
        """Run a command in a process of its own, to its end."""
        done = subprocess.run(
            command_line(*words),
            env=environment(self.data, self.settings),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
        )
        return Answered(words, done.returncode, done.stdout, done.stderr)

    def up(self, *words: str, ready: bool = True) -> Self:
        """Start everything, and wait until it is ready unless it cannot be."""
        self.data.mkdir(parents=True, exist_ok=True)
        with (self.data / "up.log").open("ab") as said:
            self.up_process = subprocess.Popen(
                command_line("up", *words),
                env=environment(self.data, self.settings),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        if ready:
            status = self("status", "--wait", str(PATIENCE_S - 10), "--json")
            assert status.code == 0, f"{status}\n{self.said()}"
        return self

    def said(self) -> str:
        """Return what `up` and its roles have said."""
        return (self.data / "up.log").read_text()

    def down(self) -> int:
        """Stop everything as Ctrl-C does; returns the exit code."""
        if self.up_process is None:
            return 0
        process, self.up_process = self.up_process, None
        process.send_signal(signal.SIGINT)
        try:
            return process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    def kill_up(self) -> None:
        """Kill `up` itself, and none of its roles."""
        assert self.up_process is not None
        self.up_process.kill()
        self.up_process.wait()
        self.up_process = None

    def roles(self) -> dict[str, dict[str, Any]]:
        """Return how the roles are, by name."""
        said = json.loads(self("status", "--json").out)
        return {role["role"]: role for role in said["roles"]}

    def pid(self, role: str) -> int:
        """Return the process id of a role."""
        return int(self.roles()[role]["pid"])

    def send(self, role: str, number: signal.Signals) -> int:
        """Send a signal to the process of a role; returns its id."""
        pid = self.pid(role)
        self.send_to(pid, number)
        return pid

    def send_to(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to one of the deployment's processes."""
        os.kill(pid, number)

    def batch(self, *calls: Mapping[str, Any] | bytes) -> list[dict[str, Any]]:
        """Return the answers to a batch of calls."""
        lines = [call if isinstance(call, bytes) else json.dumps(call).encode() for call in calls]
        answered = self.process("call", "--batch", stdin=b"\n".join(lines) + b"\n")
        return [json.loads(line) for line in answered.out.splitlines()]


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; one that nobody has waited for yet counts as ended."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def await_gone(*pids: int) -> None:
    """Wait until processes have ended."""
    eventually(lambda: all(is_gone(pid) for pid in pids), PATIENCE_S)
