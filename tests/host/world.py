"""An agent on a real kernel, in namespaces of its own, with a ledger in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from events.catalog import AnyEvent, AnyReport
from host_agent.agent import Agent
from host_agent.steps import Step
from projections.host_plan import HostSettings
from tests.eventually import eventually
from tests.fix_netns import Netns
from tests.host_events import FakeLedger, network_id

PUBLIC = "pub0"
"""Public interface of hosts in these tests."""


@dataclass
class Sink:
    """Keeps what was reported."""

    sent: list[AnyReport] = field(default_factory=list)

    def send(self, report: AnyReport) -> None:
        """Keep a report."""
        self.sent.append(report)

    def of(self, kind: type[AnyReport]) -> list[AnyReport]:
        """Return the reports of a kind."""
        return [report for report in self.sent if isinstance(report, kind)]


@dataclass
class KernelWorld:
    """A host with its agent; `steps` are those that were made."""

    netns: Netns
    directory: Path
    settings: HostSettings
    ledger: FakeLedger = field(default_factory=FakeLedger)
    sink: Sink = field(default_factory=Sink)
    steps: list[Step] = field(default_factory=list)
    _agent: Agent | None = None

    @property
    def agent(self) -> Agent:
        """The agent, started when first asked for."""
        if self._agent is None:
            self._agent = Agent(self.settings, self.ledger, self.sink, self.netns.name, self.directory)
            self._listen(self._agent)
        return self._agent

    def _listen(self, agent: Agent) -> None:
        host = agent._host  # noqa: SLF001 - the agent has no use for an observer; the test does
        made = host.apply

        def apply(step: Step) -> None:
            self.steps.append(step)
            made(step)

        host.apply = apply  # type: ignore[method-assign]  # the same, for this one host

    def decide(self, *events: AnyEvent) -> None:
        """Record a decision, and let the host agree with it."""
        seq = self.ledger.decide(*events)
        self.until(lambda: self.agent.status.applied_seq >= seq)

    def until(self, condition: Callable[[], object]) -> None:
        """Let the agent work until a condition holds."""

        def holds() -> bool:
            self.agent.step(0.0)
            return bool(condition())

        eventually(holds, within_s=30)

    def restart(self) -> None:
        """Let another agent take over, which reads the ledger from its start."""
        self.stop()
        self.steps.clear()
        self.ledger = FakeLedger(self.ledger.decisions)

    def stop(self) -> None:
        """Stop the agent and leave everything as it is."""
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    def dhcp_directory(self, number: int = 1) -> Path:
        """Return where the files of a network's DHCP service are."""
        return self.directory / "networks" / self.settings.host / network_id(number)

    def dhcp_pid(self, number: int = 1) -> int:
        """Return the process of a network's DHCP service."""
        return int((self.dhcp_directory(number) / "pid").read_text())

    def addresses(self, interface: str) -> set[str]:
        """Return the IPv4 addresses of an interface; none if it does not exist."""
        listed = self.netns.run("ip", "-4", "-o", "address", "show", "dev", interface, check=False).stdout
        return {line.split()[3] for line in listed.splitlines()}

    def table(self) -> str:
        """Return our NAT table as nft prints it; nothing if it is not there."""
        return self.netns.run("nft", "list", "table", "ip", "netledger", check=False).stdout
