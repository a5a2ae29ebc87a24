"""One dnsmasq for each network that this host serves.

The processes outlive the agent, so that guests keep their leases while it restarts. Each is known by the
configuration file on its command line, and carries in its environment what it was started with, so what
runs is always read from the kernel. Hosts are added by files that dnsmasq watches; to take one away, or its
lease, the process is started anew (43 ms without DHCP). It is never told to read its files again: 2.90 can
die of it.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from events.errors import BrokenEnvironment
from host_agent import files, processes
from host_agent.errors import DhcpFailed, HostError
from host_agent.facts import FactsFile
from host_agent.namespace import Namespace
from host_agent.observed import DhcpDirectory, DhcpProcess
from host_agent.programs import ENVIRONMENT, find
from projections import host_dhcp
from projections.host_dhcp import DhcpHost, DhcpService

_GENERATION = "NETLEDGER_GENERATION"
_INTERFACE_INDEX = "NETLEDGER_INTERFACE_INDEX"
_ALL = "all"
_ADDED = "added-"
_START_TIMEOUT_S = 10.0
_SAFE_PATH = re.compile(r"[\w./+@:~-]+")
_DIRECTORY_NAME = re.compile(r"[0-9a-f-]{36}")

HeldLeases = Callable[[str], Iterable[DhcpHost]]
"""Returns the guests that hold a lease on a network."""


class Dnsmasq:
    """All DHCP services of one host."""

    def __init__(
        self, namespace: Namespace, root: Path, held: HeldLeases, now_s: Callable[[], float]
    ) -> None:
        """Keep files below `root`; `held` tells the leases that a starting service must know of.

        Raises:
            BrokenEnvironment: dnsmasq is missing, or the path cannot be written into its configuration.

        """
        self._namespace = namespace
        self._root = root
        self._held = held
        self._now_s = now_s
        self._facts: dict[str, FactsFile] = {}
        self._program = find("dnsmasq", "dnsmasq-base")
        if not _SAFE_PATH.fullmatch(str(root)):
            raise BrokenEnvironment(
                f"{root}: dnsmasq's files cannot be in a directory with spaces or special characters in it"
            )

    def observe(self) -> dict[str, DhcpDirectory]:
        """Return what is there, by network id."""
        identity = self._namespace.identity()
        return {directory.name: self._observe(directory, identity) for directory in self._directories()}

    def restart(self, service: DhcpService, interface_index: int) -> None:
        """End the service if it runs, write its files and start it.

        Raises:
            DhcpFailed: it did not end or start; the text holds what dnsmasq said.
            HostError: its files cannot be written.

        """
        directory = self._root / service.network_id
        self._end(directory)
        self._write(service, directory)
        generation = host_dhcp.generation(service, str(directory))
        marks = {_GENERATION: generation, _INTERFACE_INDEX: str(interface_index)}
        self._start(directory, marks)

    def add_hosts(self, network_id: str, lines: tuple[str, ...]) -> None:
        """Tell a running service of further hosts.

        Raises:
            HostError: its files cannot be written.

        """
        hosts = self._root / network_id / host_dhcp.HOSTS_DIRECTORY
        numbers = (path.name.removeprefix(_ADDED) for path in hosts.glob(f"{_ADDED}*"))
        number = 1 + max((int(number) for number in numbers if number.isdecimal()), default=0)
        files.write(hosts / f"{_ADDED}{number}", "".join(f"{line}\n" for line in lines))

    def stop(self, network_id: str) -> None:
        """End a service and remove its files.

        Raises:
            DhcpFailed: it did not end.

        """
        directory = self._root / network_id
        self._end(directory)
        self._facts.pop(network_id, None)
        shutil.rmtree(directory, ignore_errors=True)

    def facts(self) -> tuple[FactsFile, ...]:
        """Return the lease facts of all services."""
        return tuple(self._facts_of(directory) for directory in self._directories())

    def _facts_of(self, directory: Path) -> FactsFile:
        if directory.name not in self._facts:
            self._facts[directory.name] = FactsFile(directory)
        return self._facts[directory.name]

    def _directories(self) -> list[Path]:
        try:
            return sorted(each for each in self._root.iterdir() if _DIRECTORY_NAME.fullmatch(each.name))
        except FileNotFoundError:
            return []

    def _argument(self, directory: Path) -> str:
        return f"--conf-file={directory / host_dhcp.CONFIG}"

    def _observe(self, directory: Path, identity: int) -> DhcpDirectory:
        hosts = directory / host_dhcp.HOSTS_DIRECTORY
        lines = (
            line
            for path in (hosts.iterdir() if hosts.is_dir() else ())
            if not path.name.startswith(".")
            for line in files.text_of(path).splitlines()
        )
        return DhcpDirectory(self._process(directory, identity), frozenset(lines))

    def _process(self, directory: Path, identity: int) -> DhcpProcess | None:
        written = files.text_of(directory / host_dhcp.PID).strip()
        if not written.isdecimal() or self._argument(directory) not in processes.command_line(int(written)):
            return None
        pid = int(written)
        marks = processes.environment(pid)
        index = marks.get(_INTERFACE_INDEX, "")
        if processes.network_namespace(pid) != identity or not index.isdecimal():
            return None
        return DhcpProcess(pid, marks.get(_GENERATION, ""), int(index))

    def _end(self, directory: Path) -> None:
        """End every process of this directory, one without its pid file too."""
        argument = self._argument(directory)
        for pid in processes.with_argument(argument):
            if not processes.end(pid, argument):
                raise DhcpFailed(f"dnsmasq of network {directory.name} (process {pid}) cannot be ended")

    def _write(self, service: DhcpService, directory: Path) -> None:
        hosts = directory / host_dhcp.HOSTS_DIRECTORY
        try:
            hosts.mkdir(parents=True, exist_ok=True)
            for path in hosts.iterdir():
                path.unlink()
            (directory / host_dhcp.PID).unlink(missing_ok=True)
            (directory / host_dhcp.LOG).unlink(missing_ok=True)
        except OSError as error:
            raise HostError(f"{directory} cannot be written: {error.strerror}") from error
        self._facts_of(directory).rotate()
        where = str(directory)
        expires_s = int(self._now_s()) + service.lease_time_s
        files.write(hosts / _ALL, "".join(f"{line}\n" for line in host_dhcp.host_lines(service)))
        files.write(directory / host_dhcp.CONFIG, host_dhcp.config(service, where))
        files.write(directory / host_dhcp.OPTIONS, host_dhcp.options(service))
        files.write(directory / host_dhcp.LEASES, host_dhcp.leases(self._held(service.network_id), expires_s))
        files.write(directory / host_dhcp.SCRIPT, host_dhcp.script(where), files.EXECUTABLE)

    def _start(self, directory: Path, marks: dict[str, str]) -> None:
        """Start dnsmasq, which goes into the background once it serves."""
        arguments = [self._program, self._argument(directory)]
        try:
            done = self._namespace.call(
                lambda: subprocess.run(
                    arguments,
                    env=ENVIRONMENT | marks,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=_START_TIMEOUT_S,
                    check=False,
                )
            )
        except subprocess.TimeoutExpired as error:
            raise DhcpFailed(f"dnsmasq of network {directory.name} did not start in time") from error
        if done.returncode != 0:
            said = done.stderr.strip() or f"exit code {done.returncode}"
            raise DhcpFailed(f"dnsmasq of network {directory.name} did not start: {said}")
