"""The demo's deployment, used as a person would use it: through the `netledger` command."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from rich.console import Console

from events.errors import BrokenEnvironment

_NETLEDGER = (sys.executable, "-P", "-m", "services.cli")
"""The `netledger` command of this very installation, whatever the working directory holds."""

_BETWEEN_LOOKS_S = 0.1
_STOP_TIMEOUT_S = 15.0


class Deployment:
    """Commands against one data directory, and the roles that run on it."""

    def __init__(self, data: Path, console: Console) -> None:
        """Keep everything in `data`; tell on `console`."""
        self._data = data
        self._console = console
        self._roles: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, role: str, *words: str, settings: Mapping[str, str] | None = None) -> None:
        """Start a long-running command; what it says goes to a file of its own."""
        with (self._data / f"{role}.log").open("wb") as said:
            self._roles[role] = subprocess.Popen(
                (*_NETLEDGER, *words),
                env={**os.environ, **(settings or {}), "NETLEDGER_DATA": str(self._data)},
                stdout=said,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def ask(self, *words: str, show: bool = True, stdin: str | None = None) -> str:
        """Run a command to its end and return what it printed.

        Raises:
            BrokenEnvironment: it failed; the text is what it said.

        """
        if show:
            self._console.print(
                f"$ netledger {' '.join(words)}", style="bold cyan", highlight=False, soft_wrap=True
            )
        done = subprocess.run(
            (*_NETLEDGER, *words),
            env={**os.environ, "NETLEDGER_DATA": str(self._data)},
            check=False,
            capture_output=True,
            text=True,
            input=stdin,
        )
        if done.returncode:
            message = f"`netledger {' '.join(words)}` ended with {done.returncode}: {done.stderr.strip()}"
            raise BrokenEnvironment(message)
        return done.stdout

    def read(self, *words: str, show: bool = False) -> Any:  # noqa: ANN401 - JSON of any shape
        """Run a command with --json and return its answer."""
        return json.loads(self.ask("--json", *words, show=show))

    def call(self, method: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON of any shape
        """Call a manager method."""
        return self.read("call", method, json.dumps(arguments))

    def until(self, what: str, happened: Callable[[], Any], timeout_s: float = 30.0) -> Any:  # noqa: ANN401 - whatever was waited for
        """Wait until something is so; the answer is what `happened` returned.

        Raises:
            BrokenEnvironment: it did not happen in time, or a role ended meanwhile.

        """
        end = monotonic() + timeout_s
        pause = Event()
        while not (answer := happened()):
            for role, process in self._roles.items():
                if process.poll() is not None:
                    message = f"{role} ended with {process.returncode}: {self.last_words(role)}"
                    raise BrokenEnvironment(message)
            if monotonic() > end:
                message = f"{what} did not happen in {timeout_s:.0f} s"
                raise BrokenEnvironment(message)
            pause.wait(_BETWEEN_LOOKS_S)
        return answer

    @property
    def roles(self) -> tuple[str, ...]:
        """Names of the roles that run."""
        return tuple(self._roles)

    def last_words(self, role: str) -> str:
        """Return the end of what a role said."""
        lines = (self._data / f"{role}.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-5:])

    def close_agents(self) -> None:
        """Stop the agents and leave the services running."""
        self._stop([role for role in self._roles if role.startswith("agent")])

    def close(self) -> None:
        """Stop all roles."""
        self._stop(list(self._roles))

    def _stop(self, roles: list[str]) -> None:
        """Stop roles, the last started first."""
        for role in reversed(roles):
            self._roles[role].send_signal(signal.SIGTERM)
        for role in reversed(roles):
            process = self._roles.pop(role)
            try:
                process.wait(timeout=_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
