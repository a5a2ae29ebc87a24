"""Running a role: bounded patience at start, none of it later, and alarms that only an operator ends."""

from pathlib import Path
from threading import Event

import pytest

from events.errors import BrokenEnvironment, LedgerAlarm, LedgerMissing, LogUnavailable, NetledgerError
from services.roles import running as roles
from services.roles.health import Health
from services.roles.running import run_role
from services.settings import Settings


class Scripted:
    """A role whose every run ends as told; when the script is over it is asked to stop."""

    name = "allocator"

    def __init__(self, *script: NetledgerError) -> None:
        """Raise these, one a run."""
        self.stop = Event()
        self.runs = 0
        self.ready = False
        self._script = list(script)

    def run(self, stop: Event) -> None:
        """Do the next thing of the script."""
        self.runs += 1
        if not self._script:
            stop.set()
            return
        raise self._script.pop(0)

    def health(self) -> Health:
        """Be as ready as told."""
        return Health(ready=self.ready, phase="owning")

    def become_ready(self) -> None:
        """Be ready from now on."""
        self.ready = True


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait."""
    monkeypatch.setattr(roles, "PAUSE_FIRST_S", 0.001)
    monkeypatch.setattr(roles, "PAUSE_MAX_S", 0.001)


def settings(tmp_path: Path, patience_s: float = 30.0) -> Settings:
    """Return settings with so much patience at start."""
    return Settings(data=tmp_path, start_timeout=patience_s)


AWAY = LogUnavailable("the log is away")
ALARM = LedgerAlarm("ChainMismatch", "records were changed")


def test_an_outage_at_start_is_waited_for(tmp_path: Path) -> None:
    """A broker that starts together with the role may be later."""
    role = Scripted(AWAY, AWAY, AWAY)

    run_role(role, settings(tmp_path), role.stop)

    assert role.runs == 4


def test_an_outage_at_start_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """Then the role ends, and says with what."""
    role = Scripted(*[AWAY] * 1000)

    with pytest.raises(LogUnavailable, match="away"):
        run_role(role, settings(tmp_path, 0.05), role.stop)


@pytest.mark.parametrize("error", [LedgerMissing("run init"), BrokenEnvironment("no dnsmasq")])
def test_what_waiting_cannot_mend_ends_the_start_at_once(tmp_path: Path, error: NetledgerError) -> None:
    """The operator has to do something."""
    role = Scripted(error)

    with pytest.raises(type(error)):
        run_role(role, settings(tmp_path), role.stop)

    assert role.runs == 1


def test_a_role_that_was_ready_never_gives_up(tmp_path: Path) -> None:
    """Whatever it meets: an outage of any length, or a topic that an operator is just making anew."""
    role = Scripted(*[AWAY] * 20, LedgerMissing("run init"), AWAY)
    role.become_ready()

    run_role(role, settings(tmp_path, 0.001), role.stop)

    assert role.runs == 23


def test_an_alarm_keeps_the_role_alive(tmp_path: Path) -> None:
    """It does nothing and looks again until an operator has led on; also at its very start."""
    role = Scripted(ALARM, ALARM, ALARM)

    run_role(role, settings(tmp_path, 0.001), role.stop)

    assert role.runs == 4


def test_the_problem_of_a_stopped_role_is_told() -> None:
    """With its code, while it waits to try again."""
    role = Scripted(ALARM)
    watched = roles.Watched(role)
    watched.problem = ALARM
    assert watched.health() == Health(ready=False, phase="alarm", problem="LedgerAlarm: records were changed")
    watched.problem = AWAY
    assert watched.health().phase == "waiting"
    watched.problem = None
    role.become_ready()
    assert watched.health().ready
    assert watched.was_ready
