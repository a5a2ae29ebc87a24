"""The agent of one host: fold, plan, observe, diff, apply; report.

It is level-triggered: every pass can be the first, and nothing is kept that cannot be computed again. It
changes nothing before it has read the ledger to its end: half of it would look like networks that went away.
While the log is away, everything stays as it is, and drift is still repaired.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from typing import Protocol

import structlog

from events.errors import BrokenEnvironment, LogUnavailable, NetledgerError, OffsetOutOfRange
from host_agent.diff import Difference, diff
from host_agent.errors import HostError
from host_agent.host import Host, LinuxHost
from host_agent.lease import Ended, Lease
from host_agent.namespace import Namespace
from host_agent.rebuild import Decision, Pages, Rebuild
from host_agent.reports import Applied, Reporter, ReportSink
from host_agent.steps import EndFlows, RestartDhcp, Step
from projections.host_plan import HostPlan, HostSettings, Planner
from projections.host_view import HostView

POLL_S = 0.1
"""How long one wait for decisions lasts; drift is noticed between two of them."""
_PAGE = 1000
_ROUNDS = 3
"""Observations of one pass: some changes take others with them, such as addresses of one block."""
_RETRY_FIRST_S = 1.0
_RETRY_MAX_S = 30.0
_RESTART_PAUSE_S = 0.25
"""Least time between two passes of which the first restarted a DHCP service: guests are served in between."""

_log = structlog.get_logger(__name__)


class Reader(Ended, Protocol):
    """The ledger, followed from its start (`events.ledger.follow.LedgerReader`)."""

    def catch_up(self) -> Iterable[Sequence[Decision]]:
        """Iterate over what there is up to now."""

    def poll(self, limit: int, timeout_s: float) -> Sequence[Decision]:
        """Return what came since, or nothing after a time."""


@dataclass(frozen=True, slots=True)
class Status:
    """How an agent fares."""

    folded_seq: int
    """Last decision that was read."""
    applied_seq: int
    """Last decision that kernel and daemons agree with."""
    failures: int
    repairs: int
    """Steps that drift made necessary, since the start."""
    problems: tuple[str, ...]
    """What a person has to mend."""
    caught_up: bool
    log_away: bool
    leased: bool
    """Whether it may do what only one host may do: it has reached the end of the ledger within its lease."""


class Agent:
    """Makes one host agree with the ledger until it is stopped."""

    def __init__(  # noqa: PLR0913 - the world around an agent, each part of which tests replace
        self,
        settings: HostSettings,
        reader: Reader,
        reports: ReportSink,
        namespace: str | None,
        data_dir: Path,
        *,
        reopen: Callable[[], Pages] | None = None,
        host: Host | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        """Take the host: its namespace (None: the current one) and a directory below `data_dir`.

        `reopen` opens the ledger at its start; without it, networks of other hosts cannot be taken over.

        Raises:
            BrokenEnvironment: a privilege or program is missing, or another agent has the directory.

        """
        self._settings = settings
        self._reader = reader
        self._monotonic = monotonic
        self._stop = Flag()
        self._view = HostView(settings.host)
        self._planner = Planner(settings)
        self._lease = Lease(settings.lease_s, monotonic)
        self._leased = False
        """Whether the plan has what only one host may do."""
        self._reopen = reopen
        self._rebuild: Rebuild | None = None
        self._reporter = Reporter(settings, reports, monotonic, now_s)
        base = Path(settings.networks_path) if settings.networks_path else data_dir / "networks"
        self._networks_path = (base / settings.host).absolute()
        self._lock = _lock(self._networks_path)
        try:
            self._host = host or LinuxHost(
                Namespace(namespace),
                self._networks_path,
                lambda network_id: self._reporter.held(self._view, network_id),
                now_s,
            )
        except BaseException:
            os.close(self._lock)
            raise
        self._log = _log.bind(host=settings.host)
        self._caught_up = False
        self._log_away = False
        self._unreported = False
        self._changed: set[str] | None = None
        self._plan = HostPlan()
        self._clean: HostPlan | None = None
        self._owed: list[EndFlows] = []
        self._seq = 0
        self._applied_seq = 0
        self._failures = 0
        self._repairs = 0
        self._problems: tuple[str, ...] = ()
        self._look = True
        self._look_at = 0.0
        self._not_before = 0.0
        self._retry_s = _RETRY_FIRST_S

    @property
    def view(self) -> HostView:
        """What this host knows of its cell; only to be read."""
        return self._view

    @property
    def plan(self) -> HostPlan:
        """What this host should look like, as of the last pass."""
        return self._plan

    @property
    def status(self) -> Status:
        """How the agent fares."""
        return Status(
            folded_seq=self._seq,
            applied_seq=self._applied_seq,
            failures=self._failures,
            repairs=self._repairs,
            problems=self._problems,
            caught_up=self._caught_up,
            log_away=self._log_away,
            leased=self._leased,
        )

    def run(self) -> None:
        """Work until `stop` is called. Then everything on the host stays as it is.

        Raises:
            LedgerAlarm: the log lost or changed records; nothing was changed since.
            NetledgerError: the ledger cannot be used as it is.

        """
        while not self._stop.is_set():
            self.step(POLL_S)

    def stop(self) -> None:
        """Let `run` return soon; may be called from another thread or a signal handler."""
        self._stop.set()

    def close(self) -> None:
        """Let go of the host and leave everything as it is."""
        self._end_rebuild()
        self._host.close()
        os.close(self._lock)

    def step(self, timeout_s: float) -> None:
        """Read what there is, waiting up to `timeout_s` for it; make the host agree; report.

        Raises:
            LedgerAlarm: the log lost or changed records.
            NetledgerError: the ledger cannot be used as it is.

        """
        self._follow(timeout_s)
        if not self._caught_up:
            return
        if self._due():
            self._pass()
        self._report()

    def withdraw(self) -> None:
        """Remove everything of ours from the host: its bridges, addresses, table, services and their files.

        Raises:
            NetledgerError: something could not be removed.

        """
        steps = self._difference(HostPlan()).steps
        for _ in range(_ROUNDS):
            for step in steps:
                self._host.apply(step)
            steps = self._difference(HostPlan()).steps
        if steps:
            raise HostError(f"it comes back again and again, or does not go: {steps[0]}")

    def _follow(self, timeout_s: float) -> None:
        try:
            if not self._caught_up:
                for batch in self._reader.catch_up():
                    self._fold(batch)
                self._caught_up = True
            self._fold(self._reader.poll(_PAGE, 0.0 if self._rebuild else timeout_s))
            self._lease.renew(self._reader)
            self._rebuild_view()
        except (LogUnavailable, OffsetOutOfRange) as error:
            if not self._log_away:
                self._log.warning("log away", code=error.code, reason=str(error))
            self._log_away = True
            self._stop.wait(timeout_s)
        else:
            self._log_away = False

    def _fold(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            for event in decision.events:
                networks = self._view.apply(decision.seq, event)
                if self._changed is not None:
                    self._changed.update(networks)
            self._seq = decision.seq

    def _rebuild_view(self) -> None:
        """Go on with a second view while this one owns networks whose addresses it does not know."""
        missing = self._view.missing
        if self._rebuild is not None and self._rebuild.missing != missing:
            self._end_rebuild()
        if not missing or self._reopen is None:
            return
        if self._rebuild is None:
            self._log.info("networks taken over, reading the ledger again", networks=sorted(missing))
            self._rebuild = Rebuild(self._settings.host, missing, self._reopen)
        view = self._rebuild.step(self._seq)
        if view is not None:
            self._view, self._rebuild, self._changed = view, None, None

    def _end_rebuild(self) -> None:
        if self._rebuild is not None:
            self._rebuild.close()
            self._rebuild = None

    def _due(self) -> bool:
        """Tell whether to look at the host now; if nothing concerns it, it has applied what was read."""
        now = self._monotonic()
        self._look = self._host.changed() or self._look or self._leased != self._lease.held(self._view)
        if self._changed is None or self._changed or self._look or now >= self._look_at:
            return now >= self._not_before
        if not self._failures:
            self._applied_seq = self._seq
        return False

    def _pass(self) -> None:
        leased = self._lease.held(self._view)
        if leased != self._leased:
            self._log.warning("lease", held=leased, fenced=self._view.fenced)
        self._leased = leased
        self._plan = self._planner.plan(self._view, self._changed, leased=leased)
        self._changed = set()
        self._look = False
        restarted = False
        failures = 0
        drifted = self._clean == self._plan
        self._clean = None
        difference = self._seen()
        for _ in range(_ROUNDS):
            steps = [*self._owed, *difference.steps] if difference else []
            if not steps:
                break
            self._repairs += len(steps) if drifted else 0
            failures = self._apply(steps)
            restarted = restarted or any(isinstance(step, RestartDhcp) for step in steps)
            difference = self._seen()
            if failures:
                break
        self._conclude(difference, failures)
        if restarted:
            self._not_before = self._monotonic() + _RESTART_PAUSE_S

    def _apply(self, steps: Sequence[Step]) -> int:
        """Make all steps; return how many did not work.

        Flows that could not be ended are remembered: nothing in the kernel shows that they should have been.
        """
        failures = 0
        self._owed = []
        for step in steps:
            try:
                self._host.apply(step)
            except NetledgerError as error:
                failures += 1
                self._log.warning("step failed", step=str(step), code=error.code, reason=str(error))
                if isinstance(step, EndFlows):
                    self._owed.append(step)
            else:
                self._log.info("step made", step=str(step))
        return failures

    def _conclude(self, difference: Difference | None, failures: int) -> None:
        planned = tuple(problem.message for problem in self._plan.problems)
        found = difference.problems if difference else ()
        left = len(difference.steps) if difference else 1
        problems = planned + found
        if problems != self._problems:
            for problem in problems:
                self._log.error("cannot be done", problem=problem)
        self._problems = problems
        self._failures = max(failures, left) + len(problems)
        now = self._monotonic()
        if self._failures:
            self._look_at = now + self._retry_s
            self._retry_s = min(2 * self._retry_s, _RETRY_MAX_S)
        else:
            self._clean = self._plan
            self._applied_seq = self._seq
            self._look_at = now + self._settings.full_pass_interval_s
            self._retry_s = _RETRY_FIRST_S

    def _seen(self) -> Difference | None:
        """Return what is left to do; None if the host cannot be seen, which counts as a failure."""
        try:
            return self._difference(self._plan)
        except NetledgerError as error:
            self._log.warning("host cannot be seen", code=error.code, reason=str(error))
            return None

    def _difference(self, plan: HostPlan) -> Difference:
        return diff(plan, self._host.observe(), str(self._networks_path))

    def _report(self) -> None:
        try:
            self._reporter.register(self._view)
            self._reporter.leases(self._view, self._host.facts())
            if self._settings.network_host:
                self._reporter.claim(self._view)
            applied = Applied(self._applied_seq, self._failures, self._repairs)
            self._reporter.applied(applied, alive=self._leased)
        except NetledgerError as error:
            if not self._unreported:
                self._log.warning("report not sent", code=error.code, reason=str(error))
            self._unreported = True
        else:
            self._unreported = False


def _lock(directory: Path) -> int:
    """Take the directory for this process alone.

    Raises:
        BrokenEnvironment: it cannot be made, or another agent works in it.

    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise BrokenEnvironment(f"{directory} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise BrokenEnvironment(f"another agent works in {directory}; stop it first") from error
    return handle
