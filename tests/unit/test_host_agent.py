"""The agent's loop, with a ledger and a host that exist only as values and a clock that moves by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from events.errors import BrokenEnvironment, LedgerAlarm, LogUnavailable
from host_agent.agent import Agent
from host_agent.errors import ConntrackFailed, KernelRefused
from host_agent.observed import DhcpDirectory
from host_agent.steps import AddAddress, BindAddress, EndFlows, RestartDhcp, Step
from projections.host_plan import HostSettings
from tests.fix_host_agent import WEB, Sink, World
from tests.host_events import HOST, OTHER, FakeLedger, Nic, claimed, network, network_id
from tests.host_model import ModelHost

FLOATING = "203.0.113.7"


def refusing(kind: type[Step], error: Exception) -> Callable[[Step], None]:
    """Return what makes all steps of a kind fail."""

    def refuse(step: Step) -> None:
        if isinstance(step, kind):
            raise error

    return refuse


def test_the_first_pass_builds_the_host_and_reports_the_position(model: World) -> None:
    """One step of the loop is enough."""
    model.after(0)

    assert "br1" in model.host.links
    assert network_id(1) in model.host.dhcp
    assert model.positions() == [(1, 0, 0)]


def test_failure_9_nothing_is_touched_before_the_ledger_was_read_to_its_end(model: World) -> None:
    """Half a ledger looks like networks that went away: what runs survives an agent that cannot read."""
    model.host.dhcp["left by the agent before"] = DhcpDirectory(None, frozenset())
    model.ledger.away = LogUnavailable("the broker is down")
    model.after(0)
    untouched = list(model.host.made)
    model.ledger.away = None
    model.after(1)

    assert untouched == []
    assert list(model.host.dhcp) == [network_id(1)]


def test_a_decision_that_does_not_concern_the_host_moves_its_position_without_work(model: World) -> None:
    """The position is how far the host agrees, not how much it did."""
    model.after(0)
    model.host.made.clear()
    model.positions()
    model.after(2, network(9), Nic(7, network=9, host=OTHER).vif_created())

    assert model.host.made == []
    assert model.positions() == [(2, 0, 0)]


def test_a_position_is_reported_once_and_at_most_once_a_second(model: World) -> None:
    """What did not change is not repeated; what changes fast is reported as it is a second later."""
    model.after(0)
    model.after(0.5, network(8))
    model.after(0.4, network(9))
    early = model.positions()
    model.after(0.2)
    model.after(5)

    assert (early, model.positions()) == ([(1, 0, 0)], [(3, 0, 0)])


def test_a_failing_step_holds_the_position_back_until_it_works(model: World) -> None:
    """Others may rely on a position: it never covers what did not work. The step is tried again."""
    model.host.break_step = refusing(AddAddress, KernelRefused("no"))
    model.after(0)
    first = model.agent.status
    model.after(0.5)
    model.host.break_step = lambda step: None
    model.after(0.4)
    waiting = model.agent.status.applied_seq
    model.after(0.2)

    assert (first.applied_seq, first.folded_seq, first.failures) == (0, 1, 1)
    assert (waiting, model.agent.status.applied_seq) == (0, 1)


def test_other_steps_are_made_although_one_fails(model: World) -> None:
    """One broken thing does not keep the rest of the host from working."""
    model.host.break_step = refusing(RestartDhcp, KernelRefused("no"))
    model.after(0)

    assert "br1" in model.host.links
    assert model.host.nat is not None


def test_drift_is_repaired_when_it_is_noticed_and_counted(model: World) -> None:
    """A deleted bridge comes back with its address and its DHCP, and the repair is reported."""
    model.after(0)
    model.positions()
    model.host.lose_link("br1")
    model.after(2)

    assert "br1" in model.host.links
    assert model.positions() == [(1, 0, 3)]


def test_unnoticed_drift_is_repaired_by_the_periodic_pass(model: World) -> None:
    """Where no notification came, the host is looked at anyway, every 30 seconds."""
    model.after(0)
    model.host.sysctls.clear()
    model.after(29)
    before = dict(model.host.sysctls)
    model.after(2)

    assert before == {}
    assert model.host.sysctls == {"net.ipv4.ip_forward": "1"}


def test_a_change_that_was_decided_is_no_repair(model: World) -> None:
    """Repairs count what somebody else did."""
    model.after(0)
    model.after(2, *Nic(2).spawned())

    assert model.agent.status.repairs == 0


def test_drift_is_repaired_while_the_log_is_away(model: World) -> None:
    """Guests do not suffer from a broker's outage: everything stays, and is kept, as it was last read."""
    model.after(0)
    model.ledger.away = LogUnavailable("the broker is down")
    model.host.lose_link("br1")
    model.after(1)

    assert "br1" in model.host.links
    assert model.agent.status.log_away


def test_a_ledger_that_lost_records_stops_the_agent_and_changes_nothing(model: World) -> None:
    """It says so to whoever runs it; the host stays as it is."""
    model.after(0)
    model.host.made.clear()
    model.ledger.away = LedgerAlarm("log_truncated", "the log lost records")

    with pytest.raises(LedgerAlarm):
        model.after(1)
    assert model.host.made == []


def test_connections_that_could_not_be_ended_are_ended_later(model: World) -> None:
    """Nothing in the kernel tells of them any more, so the agent remembers until it worked."""
    model.after(0, WEB.associated(FLOATING))
    model.host.break_step = refusing(EndFlows, ConntrackFailed("busy"))
    model.after(1, WEB.disassociated(FLOATING))
    held_back = model.agent.status.applied_seq
    model.host.break_step = lambda step: None
    model.after(2)

    assert (held_back, model.agent.status.applied_seq) == (2, 3)
    assert model.host.ended == [FLOATING]


def test_what_cannot_be_had_is_a_failure_and_named(model: World) -> None:
    """A person reads what to mend; the position stays behind."""
    model.after(0, network(2, "10.1.0.0/25"), claimed(2))

    assert model.agent.status.failures == 1
    assert "overlaps" in model.agent.status.problems[0]
    assert model.agent.status.applied_seq == 0


def test_failure_8_many_releases_restart_dhcp_in_few_batches(model: World) -> None:
    """Between two restarts guests are served for a while; the position waits for the second one."""
    others = [Nic(n) for n in range(2, 6)]
    model.after(0, *(event for nic in others for event in nic.spawned()))
    model.host.made.clear()
    for nic in others:
        model.after(0.1, *nic.gone())
    behind = model.agent.status.applied_seq
    model.after(0.3)

    assert behind < model.agent.status.applied_seq == 6
    assert sum(isinstance(step, RestartDhcp) for step in model.host.made) == 2


def test_failure_19_two_agents_never_share_a_directory(model: World, tmp_path: Path) -> None:
    """The second one is told to stay away."""
    with pytest.raises(BrokenEnvironment, match="another agent"):
        Agent(HostSettings(host=HOST), FakeLedger(), Sink(), None, tmp_path, host=ModelHost())


def test_withdrawing_removes_everything_of_ours(model: World) -> None:
    """And nothing else."""
    model.after(0, WEB.associated(FLOATING))
    bound = any(isinstance(step, BindAddress) for step in model.host.made)
    model.agent.withdraw()

    assert bound
    assert list(model.host.links) == ["eth0"]
    assert (model.host.addresses, model.host.nat, model.host.dhcp) == ([], None, {})
