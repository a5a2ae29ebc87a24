"""`netledger up`: prepares the ledger, runs every role in a process of its own, says where everything is."""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from events.errors import BrokenEnvironment, LogUnavailable
from services import ledger_admin, logs
from services.bootstrap import Deployment
from services.cli.common import console, deployment, invocation, show_json
from services.roles.health import Heart, read_roles
from services.roles.running import stop_signals
from services.roles.supervisor import Child, Supervisor, import_path
from services.settings import PREFIX, Settings

log = structlog.get_logger("up")


def run_up(agents: Sequence[str]) -> None:
    """Run until SIGINT or SIGTERM.

    Raises:
        NetledgerError: something around it has to be mended first.

    """
    settings = invocation().settings
    logs.configure(settings.log_format, settings.log_level, role="up")
    with stop_signals() as stop, _alone(settings.run_directory), deployment(serve_database=True) as made:
        _prepare(made)
        children = _children(settings, agents)
        supervisor = Supervisor(children, settings.run_directory, made.keep_database)
        listen = (settings.http_host, settings.http_port)
        expects = tuple(child.role for child in children)
        with Heart("up", settings.cell, settings.run_directory, supervisor.health, listen, expects):
            supervisor.run(stop, lambda: _tell(made, agents))


def _prepare(made: Deployment) -> None:
    """Make sure that there is a ledger; on the embedded default, begin one."""
    settings = made.settings
    if not (settings.embedded and settings.log == "postgres"):
        _patiently(made)
        return
    made.create_topics()
    if not ledger_admin.is_begun(made.log, made.topics):
        genesis = ledger_admin.begin(made.log, made.topics, settings.window_commands)
        log.info(
            "began a new ledger", ledger_id=genesis.ledger_id, data=str(settings.data), cell=settings.cell
        )


def _patiently(made: Deployment) -> None:
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

    Retrying(
        retry=retry_if_exception_type(LogUnavailable),
        wait=wait_exponential(0.25, max=2),
        stop=stop_after_delay(made.settings.start_timeout),
        before_sleep=lambda state: log.warning(
            "the log does not answer; trying again",
            error=str(state.outcome.exception() if state.outcome else ""),
        ),
        reraise=True,
    )(made.check_topics)
    if not ledger_admin.is_begun(made.log, made.topics):
        raise BrokenEnvironment(
            f"Cell {made.settings.cell!r} has no ledger in topic {made.topics.ledger.topic!r} yet. A ledger "
            "comes to be only on purpose: run `netledger ledger init` with the same settings once."
        )


@contextmanager
def _alone(run_directory: Path) -> Iterator[None]:
    """Hold the data directory against a second `up`, which would double every role."""
    try:
        run_directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(run_directory / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BrokenEnvironment(
            f"{run_directory} cannot be used: {error.strerror}. Choose another --data."
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise BrokenEnvironment(
            f"`netledger up` runs on {run_directory.parent} already: stop it first, or choose another --data."
        ) from error
    try:
        yield
    finally:
        os.close(handle)


def _children(settings: Settings, agents: Sequence[str]) -> list[Child]:
    environment = {**import_path(), **_as_environment()}
    children = []
    for number, (role, words) in enumerate(_roles(agents), start=1):
        port = settings.http_port and settings.http_port + number
        of_child = {**environment, f"{PREFIX}HTTP_PORT": str(port)}
        children.append(Child(role, [*words, "--with-parent"], of_child))
    return children


def _roles(agents: Sequence[str]) -> list[tuple[str, list[str]]]:
    roles = [("allocator", ["allocator"]), ("projector", ["projector"])]
    for spec in agents:
        host, _, namespace = spec.partition("=")
        words = ["agent", host, *(["--namespace", namespace] if namespace else [])]
        roles.append((f"agent-{host}", words))
    return roles


def _as_environment() -> Mapping[str, str]:
    """Return the flags of this command line as variables, which its children read."""
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in invocation().flags.items()}


def _tell(made: Deployment, agents: Sequence[str]) -> None:
    """Say where everything is."""
    settings = made.settings
    where = {
        "data": str(settings.data),
        "log": f"kafka at {settings.kafka_bootstrap_servers}" if settings.log == "kafka" else "postgres",
        "database": f"embedded, in {settings.data / 'postgres'}" if settings.embedded else "as configured",
        "cell": settings.cell,
    }
    roles = {role.role: {"pid": role.pid, "http": role.http} for role in read_roles(settings.run_directory)}
    if invocation().json:
        show_json({"ready": True, **where, "roles": roles})
        return
    out = console()
    out.print("[bold green]netledger is up.[/] Ctrl-C stops all of it.")
    for name, text in where.items():
        out.print(f"  {name:9} {text}", markup=False)
    for name, role in roles.items():
        out.print(f"  {name:9} pid {role['pid']}, {role['http']}/healthz and /metrics", markup=False)
    if not agents:
        out.print("  no agent: no kernel is touched (--agent HOST[=NAMESPACE] runs one)", markup=False)
    flag = f" --data {settings.data}" if "data" in invocation().flags else ""
    out.print(f"In another terminal: netledger network create private 10.0.0.0/24{flag}", markup=False)
