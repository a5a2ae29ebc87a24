"""How roles tell how they are: files that count only while their process lives, HTTP, metrics."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from events.errors import BrokenEnvironment
from services.roles.health import BEAT_S, STALE_S, Health, Heart, all_ready, missing_roles, read_roles, sweep
from services.roles.metrics import exposition
from tests.eventually import eventually

LISTEN = ("127.0.0.1", 0)
READY = Health(ready=True, phase="owning", term=3, seq=41, lag=0)


def heart(directory: Path, health: Health = READY, role: str = "allocator") -> Heart:
    """Return the heart of a role."""
    return Heart(role, "default", directory, lambda: health, LISTEN)


def test_a_living_role_is_found_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its file says what the role says, and is gone when it stops."""
    with heart(tmp_path):
        (found,) = read_roles(tmp_path)
        assert (found.role, found.pid, found.cell, found.health) == (
            "allocator",
            os.getpid(),
            "default",
            READY,
        )

    assert list(tmp_path.iterdir()) == []


def test_the_file_follows_the_role(tmp_path: Path) -> None:
    """It is written anew about twice a second."""
    said = [Health(ready=False, phase="starting")]
    with Heart("projector", "default", tmp_path, lambda: said[-1], LISTEN):
        assert not all_ready(read_roles(tmp_path))
        said.append(READY)
        eventually(lambda: all_ready(read_roles(tmp_path)))
    assert BEAT_S < STALE_S


def test_files_of_dead_and_silent_roles_do_not_count(tmp_path: Path) -> None:
    """A killed process cannot remove its file; one that no longer writes is stuck."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    with heart(tmp_path):
        (path,) = tmp_path.glob("*.json")
        said = json.loads(path.read_text())
        dead = tmp_path / f"projector.{ended.pid}.json"
        dead.write_text(json.dumps({**said, "role": "projector", "pid": ended.pid}))
        silent = tmp_path / "agent-h.1.json"
        silent.write_text(json.dumps({**said, "role": "agent-h"}))
        os.utime(silent, (0, 0))
        (tmp_path / "broken.7.json").write_text("{")

        assert [role.role for role in read_roles(tmp_path)] == ["allocator"]
        sweep(tmp_path)
        assert not dead.exists()
        assert silent.exists()


def test_what_one_role_expects_must_be_there_too(tmp_path: Path) -> None:
    """`up` is whole only with all that it runs."""
    expects = Heart("up", "default", tmp_path, lambda: READY, LISTEN, ("allocator", "projector"))
    with expects, heart(tmp_path):
        found = read_roles(tmp_path)
        assert not all_ready(found)
        assert missing_roles(("allocator", "projector"), found) == ["projector"]
        with heart(tmp_path, role="projector"):
            assert all_ready(read_roles(tmp_path))
    assert not all_ready([])


def get(url: str) -> tuple[int, str]:
    """Return status and text of a page."""
    try:
        with urlopen(url) as answer:  # noqa: S310 - our own server
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_probes_and_prometheus_are_answered(tmp_path: Path) -> None:
    """200 when ready and 503 when not; metrics either way; nothing else is served."""
    sick = Health(ready=False, phase="alarm", problem="LedgerAlarm: gone")
    with heart(tmp_path), heart(tmp_path, sick, "projector"):
        http = {role.role: role.http for role in read_roles(tmp_path)}
        status, text = get(f"{http['allocator']}/healthz")
        assert (status, json.loads(text)["seq"]) == (200, 41)
        status, text = get(f"{http['projector']}/healthz?full=1")
        assert (status, json.loads(text)["problem"]) == (503, "LedgerAlarm: gone")
        assert 'netledger_ready{role="projector"} 0.0' in get(f"{http['projector']}/metrics")[1]
        assert get(f"{http['allocator']}/etc/passwd")[0] == 404


def test_a_role_that_cannot_say_how_it_is_is_not_ready(tmp_path: Path) -> None:
    """A bug in the probe neither ends the role nor leaves an old answer standing."""

    def broken() -> Health:
        raise ZeroDivisionError

    with Heart("allocator", "default", tmp_path, broken, LISTEN):
        (found,) = read_roles(tmp_path)
    assert not found.health.ready
    assert "ZeroDivisionError" in str(found.health.problem)


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """With the names of the settings."""
    with heart(tmp_path):
        (found,) = read_roles(tmp_path)
        port = int(found.http.rpartition(":")[2])
        with pytest.raises(BrokenEnvironment, match="http_port"):
            Heart("projector", "default", tmp_path, lambda: READY, ("127.0.0.1", port)).start()


def test_metrics_say_all_that_is_known() -> None:
    """By the names that dashboards use."""
    health = Health(
        ready=True,
        phase="owning",
        term=3,
        seq=41,
        lag=2,
        skipped={"foreign": 1},
        refusals={"NoMoreFixedIps": 5},
        free_addresses={"net-1": 250},
        repairs=4,
        failures=0,
        conflicts=0,
    )

    content_type, body = exposition("allocator", health)

    assert content_type.startswith("text/plain")
    lines = set(body.decode().splitlines())
    assert {
        'netledger_ready{role="allocator"} 1.0',
        'netledger_term{role="allocator"} 3.0',
        'netledger_seq{role="allocator"} 41.0',
        'netledger_lag_records{role="allocator"} 2.0',
        'netledger_skipped_records_total{reason="foreign",role="allocator"} 1.0',
        'netledger_refusals_total{code="NoMoreFixedIps",role="allocator"} 5.0',
        'netledger_free_addresses{network="net-1",role="allocator"} 250.0',
        'netledger_repairs_total{role="allocator"} 4.0',
        'netledger_failures{role="allocator"} 0.0',
        'netledger_conflicts_total{role="allocator"} 0.0',
    } <= lines
