"""The agent's loop, with a ledger and a host that exist only as values and a clock that moves by hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from events.catalog import AnyEvent, AnyReport
from events.errors import BrokenEnvironment, LedgerAlarm, LogUnavailable
from events.fixed_ips import LeaseFixedIp, ReleaseFixedIp
from events.hosts import RegisterHost, ReportApplied
from events.networks import ClaimNetwork
from host_agent.agent import Agent
from host_agent.errors import ConntrackFailed, KernelRefused
from host_agent.facts import FactsFile
from host_agent.observed import DhcpDirectory
from host_agent.steps import AddAddress, BindAddress, EndFlows, RestartDhcp, Step
from projections.host_plan import HostSettings
from tests.host_events import HOST, OTHER, FakeLedger, Nic, claimed, network, network_id, registered
from tests.host_model import ModelHost

WEB = Nic(1, hostname="web")
FLOATING = "203.0.113.7"


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
def world(tmp_path: Path) -> Iterator[World]:
    """Give an agent of a registered host that serves network 1."""
    ledger, host, sink, clock = FakeLedger(), ModelHost(), Sink(), Clock()
    host.networks_path = str(tmp_path / "networks" / HOST)
    ledger.decide(registered(), network(1), claimed(1), *WEB.spawned())
    agent = Agent(
        HostSettings(host=HOST), ledger, sink, None, tmp_path, host=host, monotonic=clock, now_s=clock
    )
    yield World(agent, ledger, host, sink, clock)
    agent.close()


def refusing(kind: type[Step], error: Exception) -> Callable[[Step], None]:
    """Return what makes all steps of a kind fail."""

    def refuse(step: Step) -> None:
        if isinstance(step, kind):
            raise error

    return refuse


def test_the_first_pass_builds_the_host_and_reports_the_position(world: World) -> None:
    """One step of the loop is enough."""
    world.after(0)

    assert "br1" in world.host.links
    assert network_id(1) in world.host.dhcp
    assert world.positions() == [(1, 0, 0)]


def test_nothing_is_touched_before_the_ledger_was_read_to_its_end(world: World) -> None:
    """Half a ledger looks like networks that went away: what runs survives an agent that cannot read."""
    world.host.dhcp["left by the agent before"] = DhcpDirectory(None, frozenset())
    world.ledger.away = LogUnavailable("the broker is down")
    world.after(0)
    untouched = list(world.host.made)
    world.ledger.away = None
    world.after(1)

    assert untouched == []
    assert list(world.host.dhcp) == [network_id(1)]


def test_a_decision_that_does_not_concern_the_host_moves_its_position_without_work(world: World) -> None:
    """The position is how far the host agrees, not how much it did."""
    world.after(0)
    world.host.made.clear()
    world.positions()
    world.after(2, network(9), Nic(7, network=9, host=OTHER).vif_created())

    assert world.host.made == []
    assert world.positions() == [(2, 0, 0)]


def test_a_position_is_reported_once_and_at_most_once_a_second(world: World) -> None:
    """What did not change is not repeated; what changes fast is reported as it is a second later."""
    world.after(0)
    world.after(0.5, network(8))
    world.after(0.4, network(9))
    early = world.positions()
    world.after(0.2)
    world.after(5)

    assert (early, world.positions()) == ([(1, 0, 0)], [(3, 0, 0)])


def test_a_failing_step_holds_the_position_back_until_it_works(world: World) -> None:
    """Others may rely on a position: it never covers what did not work. The step is tried again."""
    world.host.break_step = refusing(AddAddress, KernelRefused("no"))
    world.after(0)
    first = world.agent.status
    world.after(0.5)
    world.host.break_step = lambda step: None
    world.after(0.4)
    waiting = world.agent.status.applied_seq
    world.after(0.2)

    assert (first.applied_seq, first.folded_seq, first.failures) == (0, 1, 1)
    assert (waiting, world.agent.status.applied_seq) == (0, 1)


def test_other_steps_are_made_although_one_fails(world: World) -> None:
    """One broken thing does not keep the rest of the host from working."""
    world.host.break_step = refusing(RestartDhcp, KernelRefused("no"))
    world.after(0)

    assert "br1" in world.host.links
    assert world.host.nat is not None


def test_drift_is_repaired_when_it_is_noticed_and_counted(world: World) -> None:
    """A deleted bridge comes back with its address and its DHCP, and the repair is reported."""
    world.after(0)
    world.positions()
    world.host.lose_link("br1")
    world.after(2)

    assert "br1" in world.host.links
    assert world.positions() == [(1, 0, 3)]


def test_unnoticed_drift_is_repaired_by_the_periodic_pass(world: World) -> None:
    """Where no notification came, the host is looked at anyway, every 30 seconds."""
    world.after(0)
    world.host.sysctls.clear()
    world.after(29)
    before = dict(world.host.sysctls)
    world.after(2)

    assert before == {}
    assert world.host.sysctls == {"net.ipv4.ip_forward": "1"}


def test_a_change_that_was_decided_is_no_repair(world: World) -> None:
    """Repairs count what somebody else did."""
    world.after(0)
    world.after(2, *Nic(2).spawned())

    assert world.agent.status.repairs == 0


def test_drift_is_repaired_while_the_log_is_away(world: World) -> None:
    """Guests do not suffer from a broker's outage: everything stays, and is kept, as it was last read."""
    world.after(0)
    world.ledger.away = LogUnavailable("the broker is down")
    world.host.lose_link("br1")
    world.after(1)

    assert "br1" in world.host.links
    assert world.agent.status.log_away


def test_a_ledger_that_lost_records_stops_the_agent_and_changes_nothing(world: World) -> None:
    """It says so to whoever runs it; the host stays as it is."""
    world.after(0)
    world.host.made.clear()
    world.ledger.away = LedgerAlarm("log_truncated", "the log lost records")

    with pytest.raises(LedgerAlarm):
        world.after(1)
    assert world.host.made == []


def test_connections_that_could_not_be_ended_are_ended_later(world: World) -> None:
    """Nothing in the kernel tells of them any more, so the agent remembers until it worked."""
    world.after(0, WEB.associated(FLOATING))
    world.host.break_step = refusing(EndFlows, ConntrackFailed("busy"))
    world.after(1, WEB.disassociated(FLOATING))
    held_back = world.agent.status.applied_seq
    world.host.break_step = lambda step: None
    world.after(2)

    assert (held_back, world.agent.status.applied_seq) == (2, 3)
    assert world.host.ended == [FLOATING]


def test_what_cannot_be_had_is_a_failure_and_named(world: World) -> None:
    """A person reads what to mend; the position stays behind."""
    world.after(0, network(2, "10.1.0.0/25"), claimed(2))

    assert world.agent.status.failures == 1
    assert "overlaps" in world.agent.status.problems[0]
    assert world.agent.status.applied_seq == 0


def test_many_releases_restart_dhcp_in_few_batches(world: World) -> None:
    """Between two restarts guests are served for a while; the position waits for the second one."""
    others = [Nic(n) for n in range(2, 6)]
    world.after(0, *(event for nic in others for event in nic.spawned()))
    world.host.made.clear()
    for nic in others:
        world.after(0.1, *nic.gone())
    behind = world.agent.status.applied_seq
    world.after(0.3)

    assert behind < world.agent.status.applied_seq == 6
    assert sum(isinstance(step, RestartDhcp) for step in world.host.made) == 2


def test_a_host_announces_itself_until_the_ledger_knows_it(tmp_path: Path) -> None:
    """Once at its start, and again when the ledger does not show it after a while; then claims may begin."""
    ledger, sink, clock = FakeLedger(), Sink(), Clock()
    ledger.decide(network(1))
    settings = HostSettings(host=HOST)
    agent = Agent(settings, ledger, sink, None, tmp_path, host=ModelHost(), monotonic=clock, now_s=clock)
    world = World(agent, ledger, ModelHost(), sink, clock)
    for seconds in (0.0, 1.0, 1.0, 10.0):
        world.after(seconds)
    unknown = len(sink.take(RegisterHost))
    claims = len(sink.take(ClaimNetwork))
    world.after(1, registered())
    world.after(20)
    agent.close()

    assert (unknown, claims) == (2, 0)
    assert sink.take(RegisterHost) == []
    assert len(sink.take(ClaimNetwork)) > 0


def test_one_unhosted_network_is_claimed_a_tick(world: World) -> None:
    """So that networks spread over hosts; the next tick takes the next one; a lost claim is repeated."""
    world.after(0, network(2), network(3))
    world.after(0.5)
    world.after(0.6)
    world.after(1)
    claims = [
        report.network_id for report in world.sink.take(ClaimNetwork) if isinstance(report, ClaimNetwork)
    ]
    world.after(9)

    assert claims == [network_id(2), network_id(3)]
    assert len(world.sink.take(ClaimNetwork)) == 1


def test_a_host_that_only_computes_claims_nothing(tmp_path: Path) -> None:
    """network_host off."""
    ledger, sink, clock = FakeLedger(), Sink(), Clock()
    ledger.decide(registered(), network(1))
    settings = HostSettings(host=HOST, network_host=False)
    agent = Agent(settings, ledger, sink, None, tmp_path, host=ModelHost(), monotonic=clock, now_s=clock)
    agent.step(0.0)
    agent.close()

    assert sink.take(ClaimNetwork) == []


@pytest.fixture
def lines(world: World, tmp_path: Path) -> Path:
    """Give the file that dnsmasq's script of network 1 appends to."""
    directory = tmp_path / network_id(1)
    directory.mkdir()
    world.host.sources = (FactsFile(directory),)
    return directory / "facts"


def append(path: Path, text: str) -> None:
    """Write as the script does."""
    with path.open("a") as file:
        file.write(text)


def test_a_lease_is_reported_once(world: World, lines: Path) -> None:
    """A second `add`, as after a restart of dnsmasq, is not sent, before and after the ledger knows of it."""
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    world.after(0)
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    world.after(1)
    world.after(1, WEB.leased())
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    world.after(1)

    reports = world.sink.take(LeaseFixedIp)
    assert [(r.network_id, r.address, r.mac) for r in reports if isinstance(r, LeaseFixedIp)] == [
        (network_id(1), WEB.fixed, WEB.mac)
    ]


def test_a_lease_that_ends_and_comes_back_is_reported_each_time(world: World, lines: Path) -> None:
    """The ledger may still show the lease before last when the next fact comes."""
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    world.after(0)
    append(lines, f"del {WEB.mac} {WEB.fixed}\n")
    world.after(1, WEB.leased())
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    world.after(1)

    assert len(world.sink.take(LeaseFixedIp)) == 2
    assert len(world.sink.take(ReleaseFixedIp)) == 1


def test_lease_facts_wait_until_they_can_be_sent(world: World, lines: Path) -> None:
    """Nothing is lost while the log is away, nor by an agent that starts again; a half-written line waits."""
    world.after(0)
    world.sink.away = LogUnavailable("the broker is down")
    append(lines, f"add {WEB.mac} {WEB.fixed}\nadd fa:16")
    world.after(1)
    world.sink.away = None
    world.host.sources = (FactsFile(lines.parent),)
    world.after(1)
    world.host.sources = (FactsFile(lines.parent),)
    world.after(1)

    assert len(world.sink.take(LeaseFixedIp)) == 1


def test_a_fact_about_an_allocation_that_has_ended_is_reported(world: World, lines: Path) -> None:
    """It is the allocator who records it as stale."""
    append(lines, f"del fa:16:3e:00:00:99 {WEB.fixed}\n")
    world.after(0)

    assert len(world.sink.take(ReleaseFixedIp)) == 1


def test_two_agents_never_share_a_directory(world: World, tmp_path: Path) -> None:
    """The second one is told to stay away."""
    with pytest.raises(BrokenEnvironment, match="another agent"):
        Agent(HostSettings(host=HOST), FakeLedger(), Sink(), None, tmp_path, host=ModelHost())


def test_withdrawing_removes_everything_of_ours(world: World) -> None:
    """And nothing else."""
    world.after(0, WEB.associated(FLOATING))
    bound = any(isinstance(step, BindAddress) for step in world.host.made)
    world.agent.withdraw()

    assert bound
    assert list(world.host.links) == ["eth0"]
    assert (world.host.addresses, world.host.nat, world.host.dhcp) == ([], None, {})


def test_facts_survive_rotation(tmp_path: Path) -> None:
    """A long file that was read is moved aside; what a late script appends to it is still read."""
    directory = tmp_path / network_id(1)
    directory.mkdir()
    facts = FactsFile(directory)
    append(directory / "facts", f"add {WEB.mac} {WEB.fixed}\n" * 2000)
    facts.mark_read(facts.unread())
    facts.rotate()
    append(directory / "facts.old", f"del {WEB.mac} {WEB.fixed}\n")
    append(directory / "facts", f"add {WEB.mac} {WEB.fixed}\n")

    assert [fact.leased for fact in FactsFile(directory).unread().facts] == [False, True]
