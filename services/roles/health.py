"""How a role is: a file for `netledger status`, /healthz for probes, /metrics for Prometheus.

The file is in `DATA/run`, so that it is found without knowing an address, and from inside another network
namespace too. It counts as long as its process lives and keeps writing it.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import JSONDecodeError, dumps, loads
from pathlib import Path
from threading import Event, Thread
from time import time
from typing import Any, Self
from uuid import uuid4

import structlog

from events.errors import BrokenEnvironment

BEAT_S = 0.5
"""How often a role says how it is."""

HTTP_POLL_S = 0.05
"""How often the HTTP server looks whether it should stop."""

STALE_S = 10.0
"""A role that has not written for so long is stuck or gone."""

log = structlog.get_logger("health")


@dataclass(frozen=True)
class Health:
    """What a role says about itself. None: not known yet, or does not apply to this role."""

    ready: bool
    phase: str
    problem: str | None = None
    """What keeps it from working, in a sentence; None when nothing does."""
    term: int | None = None
    seq: int | None = None
    """Position in the ledger that it has reached."""
    lag: int | None = None
    """Records that it has yet to read."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Records of the ledger that do not count, by reason."""
    refusals: Mapping[str, int] = field(default_factory=dict)
    """Refusals by code, by this process."""
    free_addresses: Mapping[str, int] = field(default_factory=dict)
    """By network id."""
    repairs: int | None = None
    """Drift that a host's agent has repaired."""
    failures: int | None = None
    """Steps of a host's agent that did not work and will be tried again."""
    conflicts: int | None = None
    """Double holdings that the projection's own constraints have seen."""


@dataclass(frozen=True)
class RoleFile:
    """A role's file, read."""

    role: str
    pid: int
    cell: str
    http: str
    expects: tuple[str, ...]
    """Roles without which this one is not whole: those that `netledger up` runs."""
    health: Health


Probe = Callable[[], Health]


class Heart:
    """Keeps a role's file fresh and answers HTTP for it, beside the role's own threads."""

    def __init__(
        self,
        role: str,
        cell: str,
        directory: Path,
        probe: Probe,
        listen: tuple[str, int],
        expects: tuple[str, ...] = (),
    ) -> None:
        """Prepare.

        Args:
            role: Name of the role: `allocator`, `projector`, `agent-HOST`.
            cell: The cell that it works for.
            directory: Where the files are; made if it is missing.
            probe: Asked for the role's health, from several threads.
            listen: Address and port of HTTP; port 0 means any free one.
            expects: Roles without which this one is not whole.

        """
        self._role = role
        self._cell = cell
        self._directory = directory
        self._path = directory / f"{role}.{os.getpid()}.json"
        self._probe = probe
        self._listen = listen
        self._expects = expects
        self._server: ThreadingHTTPServer | None = None
        self._stop = Event()
        self._thread = Thread(target=self._beat, name="heart", daemon=True)

    def start(self) -> None:
        """Begin.

        Raises:
            BrokenEnvironment: the port is taken, or the directory cannot be written.

        """
        host, port = self._listen
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._server = ThreadingHTTPServer((host, port), _handler(self._role, self._probe))
        except OSError as error:
            raise BrokenEnvironment(
                f"{self._role} cannot say how it is ({error}): http_host and http_port are {host}:{port}, "
                f"its file belongs in {self._directory}"
            ) from error
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(HTTP_POLL_S,), name="http", daemon=True).start()
        sweep(self._directory)
        self._write()
        self._thread.start()

    def stop(self) -> None:
        """End and leave no file. Safe to call twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self._path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._stop.wait(BEAT_S):
            self._write()

    def _write(self) -> None:
        port = self._server.server_port if self._server is not None else 0
        health = asdict(_probed(self._probe))
        del health["free_addresses"]  # one for each network: for /metrics only
        said = {
            "role": self._role,
            "pid": os.getpid(),
            "cell": self._cell,
            "http": f"http://{self._listen[0]}:{port}",
            "expects": self._expects,
            "health": health,
        }
        new = self._path.with_suffix(f".{uuid4().hex[:8]}.new")
        try:
            new.write_text(dumps(said))
            new.replace(self._path)
        except OSError as error:
            new.unlink(missing_ok=True)
            log.warning("cannot say how it is", path=str(self._path), error=str(error))

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop."""
        self.stop()


def _probed(probe: Probe) -> Health:
    """Ask a role how it is; one that cannot even answer is not ready."""
    try:
        return probe()
    except Exception as error:  # noqa: BLE001 - whatever a role's state is, saying how it is must go on
        return Health(ready=False, phase="unknown", problem=f"{type(error).__name__}: {error}")


def read_roles(directory: Path) -> list[RoleFile]:
    """Return what the living roles of a data directory say, by name."""
    roles = []
    for path in sorted(directory.glob("*.*.json")):
        found = _read(path)
        if found is not None and _is_alive(found.pid) and time() - _written(path) < STALE_S:
            roles.append(found)
    return roles


def sweep(directory: Path) -> None:
    """Remove what killed processes left."""
    for path in directory.glob("*.*.json"):
        found = _read(path)
        if found is None or not _is_alive(found.pid):
            path.unlink(missing_ok=True)


def _read(path: Path) -> RoleFile | None:
    try:
        said: dict[str, Any] = loads(path.read_text())
        said |= {"health": Health(**said["health"]), "expects": tuple(said["expects"])}
        return RoleFile(**said)
    except (OSError, JSONDecodeError, TypeError, KeyError):
        return None


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for yet (a zombie, proc(5)) does not."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def _handler(role: str, probe: Probe) -> type[BaseHTTPRequestHandler]:
    """Return what answers HTTP for a role."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] == "/healthz":
                health = _probed(probe)
                body = dumps({"role": role, **asdict(health)}).encode()
                self._answer(200 if health.ready else 503, "application/json", body)
            elif self.path.partition("?")[0] == "/metrics":
                from services.roles.metrics import exposition  # noqa: PLC0415 - slow to import, seldom asked

                content_type, body = exposition(role, _probed(probe))
                self._answer(200, content_type, body)
            else:
                self._answer(404, "text/plain", b"only /healthz and /metrics\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own signature
            """Say nothing: probes come every few seconds."""

    return Handler


def missing_roles(expected: Iterable[str], found: list[RoleFile]) -> list[str]:
    """Return the names of expected roles that are not there or not ready."""
    ready = {role.role for role in found if role.health.ready}
    return [name for name in expected if name not in ready]


def all_ready(found: list[RoleFile]) -> bool:
    """Tell whether there is any role, and every one is ready, those too that one of them expects."""
    expected = {name for role in found for name in (role.role, *role.expects)}
    return bool(found) and not missing_roles(expected, found)
