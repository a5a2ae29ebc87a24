"""Roles from a deployment: the allocator, the projector, a host's agent."""

from pathlib import Path
from threading import Event, Thread

from pydantic_core import to_json

from events.catalog import AnyReport
from events.errors import LogError, LogUnavailable
from events.log.port import Appender, Log, Message, TopicPartition
from host_agent.agent import Agent
from services.bootstrap import Deployment, host_settings
from services.last_place import LastPlace
from services.roles.allocating import AllocatorRole
from services.roles.health import Health
from services.roles.projecting import Projector

REPORT_TIMEOUT_S = 5.0
"""How long sending a report may take before the agent goes on and tries again later."""


def allocator_role(deployment: Deployment) -> AllocatorRole:
    """Return the allocator."""
    return AllocatorRole(deployment.allocator(), deployment.log, deployment.topics, deployment.check_topics)


def projector_role(deployment: Deployment) -> Projector:
    """Return the projector."""
    return Projector(deployment.log, deployment.topics, deployment.dsn)


class LogReports:
    """Sends a host's reports to the cell's `reports` input, one at a time."""

    def __init__(self, log: Log, where: TopicPartition) -> None:
        """Send to `where`."""
        self._log = log
        self._where = where
        self._appender: Appender | None = None

    def send(self, report: AnyReport) -> None:
        """Send a report and wait until the log has it.

        Raises:
            LogError: it may not have arrived; sending it again is harmless.

        """
        appender = self._appender or self._log.appender(self._where)
        self._appender = appender
        failure: LogError | None
        try:
            appender.append([Message((), to_json(report, exclude_none=True))])
            arrived = appender.flush(REPORT_TIMEOUT_S)
            failure = next((one.error for one in appender.outcomes() if one.error is not None), None)
        except LogError as error:
            arrived, failure = False, error
        if failure is None and not arrived:
            failure = LogUnavailable(f"the log did not take a report in {REPORT_TIMEOUT_S:g} s")
        if failure is not None:
            self.close()
            raise failure

    def close(self) -> None:
        """Close the way to the log."""
        if self._appender is not None:
            self._appender.close()
            self._appender = None


class AgentRole:
    """Runs the agent of one host."""

    def __init__(self, deployment: Deployment, host: str, namespace: str | None, data: Path) -> None:
        """Make the kernel of `host`, in a network namespace or the current one, agree with the ledger."""
        self.name = f"agent-{host}"
        self._deployment = deployment
        self._host = host
        self._namespace = namespace
        self._data = data
        self._agent: Agent | None = None
        self._last: LastPlace | None = None

    def run(self, stop: Event) -> None:
        """Work until `stop` is set; what the host has then stays as it is.

        Raises:
            BrokenEnvironment: a privilege or program is missing.
            LedgerAlarm: the log lost or changed records; it is raised again until an operator has led on.
            NetledgerError: the ledger cannot be used as it is.

        """
        log, topics, settings = self._deployment.log, self._deployment.topics, self._deployment.settings
        last = self._last = self._last or LastPlace(log, topics.ledger, settings.cell)
        last.check()
        reports = LogReports(log, topics.reports)
        with self._deployment.ledger_reader() as reader:
            agent = Agent(
                host_settings(settings, self._host),
                reader,
                reports,
                self._namespace,
                self._data,
                reopen=self._deployment.ledger_reader,
            )
            self._agent = agent
            done = Event()
            Thread(target=_stop_with, args=(stop, done, agent), name="stop", daemon=True).start()
            try:
                agent.run()
            finally:
                done.set()
                last.remember(reader.fold)
                agent.close()
                reports.close()

    def health(self) -> Health:
        """Say how far kernel and daemons agree with the ledger."""
        if self._agent is None:
            return Health(ready=False, phase="starting")
        status = self._agent.status
        problems = [*status.problems, *(["the log is away"] if status.log_away else [])]
        if status.caught_up and not status.leased:
            problems.append("no lease: it gives up gateways, DHCP and NAT until it has read to the end again")
        return Health(
            ready=status.caught_up and not status.failures and not status.log_away,
            phase="applied" if status.applied_seq == status.folded_seq else "applying",
            problem="; ".join(problems) or None,
            seq=status.applied_seq,
            lag=max(0, status.folded_seq - status.applied_seq) if status.caught_up else None,
            repairs=status.repairs,
            failures=status.failures,
        )


def withdraw_agent(deployment: Deployment, host: str, namespace: str | None, data: Path) -> None:
    """Remove everything from a host that its agent made there.

    Raises:
        BrokenEnvironment: a privilege or program is missing, or the agent still runs.
        HostError: something does not go.

    """
    reports = LogReports(deployment.log, deployment.topics.reports)
    settings = host_settings(deployment.settings, host)
    with deployment.ledger_reader() as reader:
        agent = Agent(settings, reader, reports, namespace, data)
        try:
            agent.withdraw()
        finally:
            agent.close()


def _stop_with(stop: Event, done: Event, agent: Agent) -> None:
    """Hand the role's stop on to the agent, which has one of its own."""
    while not done.is_set():
        if stop.wait(0.2):
            agent.stop()
            return
