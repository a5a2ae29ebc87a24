"""An agent with a ledger and a host that exist only as values, and a clock that moves by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from events.catalog import AnyEvent, AnyReport
from events.hosts import ReportApplied
from host_agent.agent import Agent
from projections.host_plan import HostSettings
from tests.host_events import HOST, FakeLedger, Nic, claimed, network, registered
from tests.host_model import ModelHost

WEB = Nic(1, hostname="web")
"""The instance that every such host serves, on network 1."""


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@dataclass
class Sink:
    """Keeps what was reported; refuses while `away` is set."""

    sent: list[AnyReport] = field(default_factory=list)
    away: Exception | None = None

    def send(self, report: AnyReport) -> None:
        """Keep a report."""
        if self.away is not None:
            raise self.away
        self.sent.append(report)

    def take(self, kind: type[AnyReport]) -> list[AnyReport]:
        """Return and forget the reports of a kind."""
        taken = [report for report in self.sent if isinstance(report, kind)]
        self.sent = [report for report in self.sent if not isinstance(report, kind)]
        return taken


@dataclass
class World:
    """An agent with everything around it."""

    agent: Agent
    ledger: FakeLedger
    host: ModelHost
    sink: Sink
    clock: Clock

    def after(self, seconds: float, *events: AnyEvent) -> None:
        """Let time pass, perhaps with a decision, and let the agent work once."""
        self.clock.now += seconds
        if events:
            self.ledger.decide(*events)
        self.agent.step(0.0)

    def positions(self) -> list[tuple[int, int, int]]:
        """Return and forget what was reported as applied."""
        return [
            (report.seq, report.failures, report.repairs)
            for report in self.sink.take(ReportApplied)
            if isinstance(report, ReportApplied)
        ]


@pytest.fixture
def model(tmp_path: Path) -> Iterator[World]:
    """Give an agent of a registered host that serves network 1."""
    ledger, host, sink, clock = FakeLedger(), ModelHost(), Sink(), Clock()
    host.networks_path = str(tmp_path / "networks" / HOST)
    ledger.decide(registered(), network(1), claimed(1), *WEB.spawned())
    agent = Agent(
        HostSettings(host=HOST),
        ledger,
        sink,
        None,
        tmp_path,
        reopen=ledger.reopen,
        host=host,
        monotonic=clock,
        now_s=clock,
    )
    yield World(agent, ledger, host, sink, clock)
    agent.close()
