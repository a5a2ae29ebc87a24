"""Ending open connections of a floating IP: without it, they would go on to the old instance for hours."""

import subprocess

from host_agent.errors import ConntrackFailed
from host_agent.namespace import Namespace
from host_agent.programs import ENVIRONMENT, find

_TIMEOUT_S = 30.0
_NONE_FOUND = 1


class Conntrack:
    """The connection table of one namespace, through the `conntrack` program."""

    def __init__(self, namespace: Namespace) -> None:
        """Find the program.

        Raises:
            BrokenEnvironment: it is not installed.

        """
        self._namespace = namespace
        self._program = find("conntrack", "conntrack")

    def end_flows(self, address: str) -> None:
        """End what came in for an address, and what went out as it.

        Raises:
            ConntrackFailed: the program failed; exit code 1 with nothing found is success.

        """
        for option in ("--orig-dst", "--reply-dst"):
            self._delete(option, address)

    def _delete(self, option: str, address: str) -> None:
        arguments = [self._program, "--delete", option, address]
        try:
            done = self._namespace.call(
                lambda: subprocess.run(
                    arguments,
                    env=ENVIRONMENT,
                    capture_output=True,
                    text=True,
                    timeout=_TIMEOUT_S,
                    check=False,
                )
            )
        except subprocess.TimeoutExpired as error:
            raise ConntrackFailed(f"conntrack did not end within {_TIMEOUT_S:g} s") from error
        nothing = done.returncode == _NONE_FOUND and "0 flow entries" in done.stderr
        if done.returncode != 0 and not nothing:
            raise ConntrackFailed(f"connections of {address} could not be ended: {done.stderr.strip()}")
