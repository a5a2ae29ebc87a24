"""What an agent reports: registration, claims and lease facts; each once, and again where it got lost."""

from pathlib import Path

import pytest

from events.errors import LogUnavailable
from events.fixed_ips import LeaseFixedIp, ReleaseFixedIp
from events.hosts import RegisterHost
from events.networks import ClaimNetwork
from host_agent.agent import Agent
from host_agent.facts import FactsFile
from projections.host_plan import HostSettings
from tests.fix_host_agent import WEB, Clock, Sink, World
from tests.host_events import HOST, OTHER, FakeLedger, claimed, fenced, network, network_id, registered
from tests.host_model import ModelHost


def test_a_host_announces_itself_until_the_ledger_knows_it(tmp_path: Path) -> None:
    """Once at its start, and again when the ledger does not show it after a while; then claims may begin."""
    ledger, sink, clock = FakeLedger(), Sink(), Clock()
    ledger.decide(network(1))
    settings = HostSettings(host=HOST)
    agent = Agent(settings, ledger, sink, None, tmp_path, host=ModelHost(), monotonic=clock, now_s=clock)
    model = World(agent, ledger, ModelHost(), sink, clock)
    for seconds in (0.0, 1.0, 1.0, 10.0):
        model.after(seconds)
    unknown = len(sink.take(RegisterHost))
    claims = len(sink.take(ClaimNetwork))
    model.after(1, registered())
    model.after(20)
    agent.close()

    assert (unknown, claims) == (2, 0)
    assert sink.take(RegisterHost) == []
    assert len(sink.take(ClaimNetwork)) > 0


def test_one_unhosted_network_is_claimed_a_tick(model: World) -> None:
    """So that networks spread over hosts; which one, the allocator says."""
    model.after(0, network(2), network(3))
    model.after(0.5)
    model.after(0.6)
    claims = model.sink.take(ClaimNetwork)
    model.after(1, claimed(2), claimed(3, OTHER))
    model.after(9)

    assert [report.network_id for report in claims if isinstance(report, ClaimNetwork)] == [None, None]
    assert model.sink.take(ClaimNetwork) == []


def test_a_position_is_repeated_as_a_sign_of_life(model: World) -> None:
    """Three times within a lease of 30 seconds; else the allocator would take the host for dead."""
    for _ in range(31):
        model.after(1)

    assert len(model.positions()) == 4


def test_a_fenced_host_registers_again_and_claims_nothing(model: World) -> None:
    """Until the ledger shows it registered."""
    model.after(10)
    model.sink.sent.clear()
    model.after(1, fenced(), network(2))
    registrations, claims = len(model.sink.take(RegisterHost)), len(model.sink.take(ClaimNetwork))
    model.after(1, registered(epoch=2))

    assert (registrations, claims) == (1, 0)
    assert len(model.sink.take(ClaimNetwork)) == 1


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
def lines(model: World, tmp_path: Path) -> Path:
    """Give the file that dnsmasq's script of network 1 appends to."""
    directory = tmp_path / network_id(1)
    directory.mkdir()
    model.host.sources = (FactsFile(directory),)
    return directory / "facts"


def append(path: Path, text: str) -> None:
    """Write as the script does."""
    with path.open("a") as file:
        file.write(text)


def test_failure_7_a_lease_is_reported_once(model: World, lines: Path) -> None:
    """A second `add`, as after a restart of dnsmasq, is not sent, before and after the ledger knows of it."""
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    model.after(0)
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    model.after(1)
    model.after(1, WEB.leased())
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    model.after(1)

    reports = model.sink.take(LeaseFixedIp)
    assert [(r.network_id, r.address, r.mac) for r in reports if isinstance(r, LeaseFixedIp)] == [
        (network_id(1), WEB.fixed, WEB.mac)
    ]


def test_a_lease_that_ends_and_comes_back_is_reported_each_time(model: World, lines: Path) -> None:
    """The ledger may still show the lease before last when the next fact comes."""
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    model.after(0)
    append(lines, f"del {WEB.mac} {WEB.fixed}\n")
    model.after(1, WEB.leased())
    append(lines, f"add {WEB.mac} {WEB.fixed}\n")
    model.after(1)

    assert len(model.sink.take(LeaseFixedIp)) == 2
    assert len(model.sink.take(ReleaseFixedIp)) == 1


def test_never_fixed_lease_facts_wait_until_they_can_be_sent(model: World, lines: Path) -> None:
    """Nothing is lost while the log is away, nor by an agent that starts again; a half-written line waits."""
    model.after(0)
    model.sink.away = LogUnavailable("the broker is down")
    append(lines, f"add {WEB.mac} {WEB.fixed}\nadd fa:16")
    model.after(1)
    model.sink.away = None
    model.host.sources = (FactsFile(lines.parent),)
    model.after(1)
    model.host.sources = (FactsFile(lines.parent),)
    model.after(1)

    assert len(model.sink.take(LeaseFixedIp)) == 1


def test_a_fact_about_an_allocation_that_has_ended_is_reported(model: World, lines: Path) -> None:
    """It is the allocator who records it as stale."""
    append(lines, f"del fa:16:3e:00:00:99 {WEB.fixed}\n")
    model.after(0)

    assert len(model.sink.take(ReleaseFixedIp)) == 1


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
