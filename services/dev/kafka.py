"""A real Apache Kafka to play with and to test against, started from its jars.

For development only: no TLS, no passwords, acknowledged before it is on the disk.

    with DevKafka(Path("kafka")) as kafka:
        log = KafkaLog(KafkaSettings(kafka.bootstrap_servers))

A data directory keeps its ports: stopping and starting again is a broker's restart to its clients.
No process outlives the one that started it, however that one ends.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Self

from events.errors import BrokenEnvironment, LogError
from events.log.kafka import KafkaLog
from events.log.kafka_settings import KafkaSettings
from services.dev.kafka_jars import fetch_jars, find_java
from services.dev.kafka_plan import Detour, Node, check_ports, load_plan, server_properties

READY_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 20.0
PROBE_TIMEOUT_S = 1.0
CHECK_EVERY_S = 0.5
MEMORY = {1: "-Xmx512m", 3: "-Xmx384m"}
"""Heap of each node, by the number of nodes; also the numbers of nodes there can be."""

JVM_OPTIONS = (
    "-Xms64m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)

DIE_WITH_PARENT = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG, see prctl(2)
if os.getppid() == parent:
    os.execv(sys.argv[2], sys.argv[2:])
"""
"""Run between us and java, in a process that has no threads yet: when we die, however, java dies too."""


class DevKafka:
    """One or three Kafka nodes on 127.0.0.1.

    Start it from a thread that lives as long as it should: Linux ends the nodes when that thread ends.

    Args:
        data_dir: keeps everything: records, settings, the nodes' output (`node-1/kafka.log`).
        nodes: 1 or 3; fixed by the first start of a data directory.
        port: of the first node; a free one is chosen when left out. Fixed by the first start, too.
        detour: a second way in, for a Kafka of one node.
        server_settings: lines for `server.properties` that replace ours.
        client_settings: librdkafka settings with which to see whether it is ready.

    """

    def __init__(
        self,
        data_dir: Path,
        *,
        nodes: int = 1,
        port: int | None = None,
        detour: Detour | None = None,
        server_settings: Mapping[str, str] | None = None,
        client_settings: Mapping[str, str] | None = None,
    ) -> None:
        if nodes not in MEMORY:
            raise BrokenEnvironment(f"a development Kafka has one node or three, not {nodes}")
        self.data_dir = data_dir.absolute()
        self._count = nodes
        self._port = port
        self._detour = detour
        self._server_settings = dict(server_settings or {})
        self._client_settings = dict(client_settings or {})
        self._nodes: list[Node] = []
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def bootstrap_servers(self) -> str:
        """Return `host:port` of every node, as clients want it; known once it was started."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self._nodes)

    @property
    def pids(self) -> list[int]:
        """Return the process ids of the running nodes, in their order."""
        return [process.pid for _number, process in sorted(self._processes.items())]

    def start(self) -> None:
        """Start all nodes and wait until they answer. Does nothing when they run.

        Raises:
            BrokenEnvironment: Java or Maven is missing, or a node does not come up.

        """
        if self._processes:
            return
        java, jars = find_java(), fetch_jars()
        plan = load_plan(self.data_dir, self._count, self._port)
        check_ports(plan, self.data_dir)
        self._nodes = plan.nodes
        try:
            for node in self._nodes:
                self._write_properties(node)
                self._format(java, jars, node, plan.cluster_id)
            for node in self._nodes:
                self._launch(java, jars, node)
            self._await_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all nodes in order (SIGTERM), and by force those that do not. Safe to call twice."""
        processes, self._processes = list(self._processes.values()), {}
        for process in processes:
            process.send_signal(signal.SIGCONT)  # a stopped process would not hear the next signal
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for process in processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self) -> None:
        """End all nodes at once, as a power cut of their processes would (SIGKILL)."""
        processes, self._processes = list(self._processes.values()), {}
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()

    def run(self, started: Callable[[str], None] | None = None) -> None:
        """Start, call `started` with the bootstrap servers, and stay until SIGINT or SIGTERM; then stop.

        Raises:
            BrokenEnvironment: a node does not come up, or ends by itself.

        """
        with _stop_signals() as stop, self:
            if started is not None:
                started(self.bootstrap_servers)
            while not stop.wait(CHECK_EVERY_S):
                self._check_alive()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop."""
        self.stop()

    def _directory(self, node: Node) -> Path:
        return self.data_dir / f"node-{node.number}"

    def _write_properties(self, node: Node) -> None:
        directory = self._directory(node)
        directory.mkdir(exist_ok=True)
        settings = (
            server_properties(node, self._nodes, directory / "data", self._detour) | self._server_settings
        )
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        (directory / "server.properties").write_text(lines, encoding="utf-8")

    def _format(self, java: str, jars: Path, node: Node, cluster_id: str) -> None:
        directory = self._directory(node)
        if (directory / "data" / "meta.properties").exists():
            return
        voters = ",".join(
            f"{one.number}@127.0.0.1:{one.controller_port}:{one.directory_id}" for one in self._nodes
        )
        tool = [java, "-cp", f"{jars}/*", "kafka.tools.StorageTool", "format", "--cluster-id", cluster_id]
        done = subprocess.run(
            [*tool, "--config", str(directory / "server.properties"), "--initial-controllers", voters],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=READY_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise BrokenEnvironment(
                f"Kafka could not format {directory / 'data'}: {_tail(done.stdout + done.stderr)}"
            )

    def _launch(self, java: str, jars: Path, node: Node) -> None:
        directory = self._directory(node)
        command = [java, MEMORY[self._count], *JVM_OPTIONS, "-cp", f"{jars}/*", "kafka.Kafka"]
        guard = [sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, str(os.getpid())]
        with (directory / "kafka.log").open("ab") as output:
            self._processes[node.number] = subprocess.Popen(
                [*guard, *command, str(directory / "server.properties")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we stop the nodes in order
            )

    def _await_ready(self) -> None:
        settings = KafkaSettings(
            self.bootstrap_servers, librdkafka=self._client_settings, answer_timeout_s=PROBE_TIMEOUT_S
        )
        deadline = time.monotonic() + READY_TIMEOUT_S
        problem = "it has not answered"
        with KafkaLog(settings) as log:
            while time.monotonic() < deadline:
                self._check_alive()
                try:
                    if log.brokers() == self._count:
                        return
                except LogError as error:
                    problem = str(error)
        raise BrokenEnvironment(
            f"Kafka did not come up in {READY_TIMEOUT_S:g} s ({problem}). {self._last_words()}"
        )

    def _check_alive(self) -> None:
        for process in self._processes.values():
            if process.poll() is not None:
                raise BrokenEnvironment(f"Kafka ended with status {process.returncode}. {self._last_words()}")

    def _last_words(self) -> str:
        logs = [self._directory(node) / "kafka.log" for node in self._nodes]
        return "; ".join(
            f"{log} ends: {_tail(log.read_text(encoding='utf-8', errors='replace'))}" for log in logs
        )


def _tail(text: str) -> str:
    """Return what went wrong, in a few lines of a program's output: its errors, or else its end."""
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if "ERROR" in line or "Exception" in line]
    return " | ".join(told[-4:] or lines[-8:])[-1200:]


@contextlib.contextmanager
def _stop_signals() -> Iterator[Event]:
    """Give an event that SIGINT and SIGTERM set, in the main thread, for the time of the block."""
    stop = Event()
    former = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)
