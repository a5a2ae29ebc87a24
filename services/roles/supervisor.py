"""Processes of `netledger up`: one for each role, started again when one dies, all stopped together."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from time import monotonic

import structlog

from events.errors import BrokenEnvironment, NetledgerError
from services.roles.health import Health, missing_roles, read_roles

LOOK_S = 0.2
STOP_S_MAX = 20.0
"""How long a role may take to stop before it is killed."""

PAUSE_FIRST_S = 0.25
PAUSE_MAX_S = 15.0
STEADY_S = 30.0
"""A role that has run for so long begins again with the shortest pause when it dies."""

HOPELESS = (2, 4)
"""Exit codes of a role that would only fail again: wrong usage, broken environment."""

log = structlog.get_logger("up")


class Child:
    """One role in a process of its own."""

    def __init__(self, role: str, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Name a role and the words of its command line; nothing is started yet."""
        self.role = role
        self.was_ready = False
        self.process: subprocess.Popen[bytes] | None = None
        self._command = [sys.executable, "-P", "-m", "services.cli", *words]
        self._environment = environment
        self._pause_s = PAUSE_FIRST_S
        self._started_at = 0.0
        self._not_before = 0.0

    def start(self) -> None:
        """Start the process. It ends by itself when we are gone: its standard input ends then."""
        self._started_at = monotonic()
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            env={**os.environ, **self._environment},
            start_new_session=True,  # Ctrl-C is for us; we stop the roles in order
        )
        log.info("role started", role=self.role, pid=self.process.pid)

    def look_after(self) -> None:
        """Start the process again some time after it died.

        Raises:
            BrokenEnvironment: it cannot even start.

        """
        if self.process is None:
            if monotonic() >= self._not_before:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        if code in HOPELESS and not self.was_ready:
            raise BrokenEnvironment(f"The role {self.role} cannot start (exit {code}); it says why above.")
        if monotonic() - self._started_at > STEADY_S:
            self._pause_s = PAUSE_FIRST_S
        log.warning("role ended; starting it again", role=self.role, exit=code, pause_s=self._pause_s)
        self._forget()
        self._not_before = monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, PAUSE_MAX_S)

    def ask_to_stop(self) -> None:
        """Let the process end."""
        if self.process is not None:
            self.process.terminate()

    def stop(self, deadline: float) -> None:
        """Wait for the process until a deadline, then kill it."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("role does not stop; killing it", role=self.role)
            self.process.kill()
            self.process.wait()
        self._forget()

    def _forget(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
        self.process = None


class Supervisor:
    """Keeps the children running until told to stop."""

    def __init__(self, children: Sequence[Child], run_directory: Path, keep: Callable[[], None]) -> None:
        """Look after children whose health is told in `run_directory`; `keep` is called now and then."""
        self._children = children
        self._keep = keep
        self._directory = run_directory
        self._ready = False

    def run(self, stop: Event, when_ready: Callable[[], None]) -> None:
        """Start all roles and look after them; `when_ready` is called once, when all are ready.

        Raises:
            BrokenEnvironment: one cannot start.

        """
        try:
            while not stop.is_set():
                self._keep_what_they_need()
                for child in self._children:
                    child.look_after()
                if self._look() and not self._ready:
                    self._ready = True
                    when_ready()
                stop.wait(LOOK_S)
        finally:
            self._stop()

    def _keep_what_they_need(self) -> None:
        try:
            self._keep()
        except NetledgerError as error:
            log.critical("what the roles need cannot be started again", code=error.code, error=str(error))

    def health(self) -> Health:
        """Say how `up` itself is: ready when all its roles are."""
        missing = missing_roles([child.role for child in self._children], read_roles(self._directory))
        problem = f"not ready: {', '.join(missing)}" if missing else None
        return Health(ready=not missing, phase="supervising", problem=problem)

    def _look(self) -> bool:
        found = read_roles(self._directory)
        for child in self._children:
            child.was_ready = child.was_ready or not missing_roles([child.role], found)
        return not missing_roles([child.role for child in self._children], found)

    def _stop(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        deadline = monotonic() + STOP_S_MAX
        for child in self._children:
            child.stop(deadline)


def import_path() -> dict[str, str]:
    """Return the environment in which a child finds the same packages as we do, wherever it is started."""
    home = str(Path(__file__).parents[2])
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{home}{os.pathsep}{before}" if before else home}
