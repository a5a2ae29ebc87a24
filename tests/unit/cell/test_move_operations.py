"""What compute does with instances, step by step, and which hosts are waited for (nova-network.md 10)."""

import pytest

from events.fixed_ips import FixedIpDeallocated, FixedIpDisassociated
from events.hosts import HostApplied
from events.instances import InstanceDeleted, VifDeleted
from events.moves import (
    InstanceBound,
    InstanceUnbound,
    InstanceUnprepared,
)
from events.refusals import Refusal
from tests.unit.cell.moving import running, where
from tests.unit.given import Message, Step, fact, given
from tests.unit.wishes import (
    applied,
    bind,
    create,
    delete,
    nic,
    prepare,
    register,
    remove_ip,
    spawn,
    teardown,
    uid,
    unbind,
)

# --- The table of compute operations (nova-network.md section 10) ---------------------------------------


OPERATIONS: dict[str, tuple[tuple[Step, ...], tuple[Message, ...], tuple[str | None, int]]] = {
    "cold migrate or resize": ((), (unbind(dest="h2"), prepare(), bind()), ("h2", 2)),
    "confirm resize": ((unbind(), bind()), (teardown(host="h1"),), ("h2", 2)),
    "revert resize, in nova's order": (
        (unbind(), bind()),
        (teardown(host="h2"), unbind(host="h2", dest="h1"), prepare(host="h1"), bind("vm", "h1", "h2")),
        ("h1", 3),
    ),
    "revert resize, unbinding first": (
        (unbind(), bind()),
        (unbind(host="h2", dest="h1"), teardown(host="h2"), prepare(host="h1"), bind("vm", "h1", "h2")),
        ("h1", 3),
    ),
    "live migration": (
        (),
        (
            prepare(),
            unbind(dest="h2"),
            prepare(),
            bind(),
            teardown(host="h1"),
            prepare(),
        ),
        ("h2", 2),
    ),
    "live migration, rolled back": ((), (prepare(), prepare(host="h1"), teardown()), ("h1", 1)),
    "live migration, rolled back late": (
        (prepare(), unbind(dest="h2")),
        (prepare(host="h1"), bind("vm", "h1", "h1"), teardown()),
        ("h1", 2),
    ),
    "evacuate or rebuild elsewhere": ((), (prepare(), bind(source=None)), ("h2", 2)),
    "reschedule after failure": ((), (unbind(), bind(source=None)), ("h2", 2)),
    "shelve": ((), (unbind(),), (None, 1)),
    "unshelve": ((unbind(),), (bind(host="h3", source=None),), ("h3", 2)),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_of_compute(operation: str) -> None:
    """Each row of nova's table ends where it should, with nothing left on the other hosts."""
    before, steps, (host, epoch) = OPERATIONS[operation]
    scenario = running(*before).happens(*steps)

    assert where(scenario) == (host, epoch, ())
    assert {one.address for one in scenario.state.allocations.values()} == {0x0A000002, 0x0A000102}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_step_of_an_operation_may_be_repeated(operation: str) -> None:
    """Under a new command id too: the second time there is nothing to do, or nothing that hurts."""
    before, steps, (host, epoch) = OPERATIONS[operation]
    scenario = running(*before)
    for step in steps:
        scenario.happens(step)
        assert scenario.when(step).decision == ()

    assert where(scenario) == (host, epoch, ())


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_instance_can_be_deleted_after_any_step(operation: str) -> None:
    """Every host that has, or may have, its ports must let go before an address is another one's."""
    before, steps, _ = OPERATIONS[operation]
    for count in range(len(steps) + 1):
        scenario = running(*before, *steps[:count])
        vm = scenario.state.instances[uid("vm")]
        ready = vm.prepared
        hosts = tuple(sorted(vm.hosts()))
        outcome = scenario.when(delete())

        assert [gone.waits_for for gone in outcome.of(FixedIpDeallocated)] == [hosts, hosts]
        assert [gone.host for gone in outcome.of(InstanceUnprepared)] == list(ready)
        assert uid("vm") not in scenario.state.instances
        scenario.happens(*(applied(host, scenario.state.seq) for host in hosts))
        assert scenario.state.allocations == {}


# --- Waiting for hosts ----------------------------------------------------------------------------------


def test_both_hosts_are_waited_for_until_the_old_one_has_let_go() -> None:
    """It may still answer for an address that is released just after the move."""
    scenario = running(unbind(), bind())

    assert scenario.when(remove_ip("vm", "10.0.1.2")).of(FixedIpDeallocated)[0].waits_for == ("h1", "h2")


def test_a_host_that_has_let_go_is_not_waited_for() -> None:
    """Its report is recorded once, because something waited for it."""
    scenario = running(unbind())
    unbound = scenario.state.seq
    scenario.happens(bind())

    scenario.when(applied("h1", unbound - 1)).then()
    scenario.when(applied("h1", scenario.state.seq)).then(fact(HostApplied, host="h1", seq=unbound))
    scenario.when(applied("h1", scenario.state.seq)).then()
    assert scenario.when(remove_ip("vm", "10.0.1.2")).of(FixedIpDeallocated)[0].waits_for == ("h2",)


def test_one_report_lets_go_of_ports_and_addresses() -> None:
    """Up to its position, in one decision."""
    scenario = running(spawn("other", nic("net")), unbind(), delete("other"))

    seq = scenario.state.seq

    scenario.when(applied("h1", seq)).then(
        fact(HostApplied, seq=seq), fact(FixedIpDisassociated, address="10.0.0.3")
    )
    assert not scenario.state.hosts["h1"].leaving


def test_an_instance_that_comes_back_is_not_waited_for_twice() -> None:
    """The host has it again: there is nothing to let go of."""
    scenario = running(unbind(), bind(), unbind(host="h2"), bind("vm", "h1", "h2"))

    assert scenario.state.instances[uid("vm")].left == ("h2",)
    assert not scenario.state.hosts["h1"].leaving


def test_nobody_waits_for_a_host_that_is_not_registered() -> None:
    """It would never report."""
    scenario = given(create(), register("h2"), spawn(host="h9"), unbind(host="h9"), bind(source="h9"))

    assert scenario.when(delete()).of(FixedIpDeallocated)[0].waits_for == ("h2",)


def test_failure_16_a_floating_ip_does_not_stay_on_the_source() -> None:
    """The binding has one owner and an epoch: what comes late from the source's side changes nothing."""
    scenario = running(unbind(dest="h2"), bind())

    for late in (unbind(host="h1", dest="h2"), bind(host="h1", source="h2")):
        assert isinstance(scenario.when(late).decision, Refusal)
    assert where(scenario) == ("h2", 2, ())


def test_failure_17_an_instance_leaves_a_dead_host_without_its_help() -> None:
    """One decision takes it away and gives it to another; its addresses come free by their deadline."""
    scenario = running(prepare())

    scenario.when(bind(source=None)).then(
        fact(InstanceUnbound, host="h1", epoch=1), fact(InstanceBound, host="h2", epoch=2)
    )
    scenario.happens(delete(), applied("h2", scenario.state.seq + 1))
    freed = scenario.when_time_passes(600).of(FixedIpDisassociated)
    assert {one.reason for one in freed} == {"timeout"}


def test_deleting_what_nobody_has_names_no_host() -> None:
    """The events tell the truth."""
    outcome = running(unbind()).when(delete())

    assert [gone.host for gone in outcome.of(VifDeleted)] == [None, None]
    assert outcome.of(InstanceDeleted)[0].host is None
    assert [gone.host for gone in outcome.of(FixedIpDeallocated)] == [None, None]
