"""A released address drains until its hosts have let go, and never for ever (design section 5)."""

import pytest

from events.clock import time_text
from events.errors import InvariantBroken
from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpDisassociated
from events.floating_ips import FloatingIpDisassociated
from events.hosts import HostApplied, HostRegistered
from events.instances import InstanceDeleted, VifDeleted
from events.refusals import Code
from projections.cell.address import fixed_ips
from projections.cell.host import hosts
from projections.cell.state import Rules
from tests.unit.given import Later, Scenario, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    BOB,
    applied,
    associate,
    claim,
    create,
    delete,
    floating_allocate,
    floating_create,
    nic,
    register,
    spawn,
    uid,
)

SPAWNED = (create(), register("h1"), spawn())
"""An instance on a registered host, which has 10.0.0.2."""


def released(*more_hosts: str) -> Scenario:
    """Return a cell in which 10.0.0.2 drains for its compute host and for its network host."""
    scenario = given(create(), register("h1"), *(register(host) for host in more_hosts))
    if more_hosts:
        scenario.happens(claim(more_hosts[0]))
    return scenario.happens(spawn(), delete())


def held(scenario: Scenario) -> int:
    """Return how many addresses of the network are not free."""
    return len(scenario.state.networks[uid("net")].pool.held)


def test_an_instance_gives_everything_back_at_once() -> None:
    """Address by address, then NIC by NIC, then the instance; the MAC's NIC goes last."""
    scenario = given(create("a", "10.0.0.0/24"), create("b", "10.0.1.0/24"), register(), spawn())

    scenario.when(delete()).then(
        fact(FixedIpDeallocated, address="10.0.0.2", waits_for=("h1",)),
        fact(FixedIpDeallocated, address="10.0.1.2", waits_for=("h1",)),
        fact(VifDeleted, network_id=uid("a"), host="h1"),
        fact(VifDeleted, network_id=uid("b"), host="h1"),
        fact(InstanceDeleted, instance_uuid=uid("vm"), project_id="red", host="h1"),
    )


def test_deleting_what_has_nothing_is_no_error() -> None:
    """As in nova, also the second time, whoever asks."""
    given(*SPAWNED, delete()).when(delete(actor=BOB)).then()


def test_another_project_deletes_nothing() -> None:
    """The refusal does not tell whose the instance is; an admin may."""
    scenario = given(*SPAWNED)
    outcome = scenario.when(delete(actor=BOB))

    outcome.then(refused(Code.FORBIDDEN, "instance_uuid", "bob", uid("vm")))
    assert "red" not in str(outcome.decision)
    scenario.happens(delete(actor=ADMIN))


def test_floating_ips_let_go_before_the_address_does() -> None:
    """Traffic must stop to go where somebody else will be."""
    scenario = given(
        *SPAWNED,
        floating_create(),
        floating_allocate(),
        floating_allocate(),
        associate("192.0.2.1", "10.0.0.2"),
        associate("192.0.2.2", "10.0.0.2"),
    )

    scenario.when(delete()).then(
        fact(FloatingIpDisassociated, address="192.0.2.1", fixed_address="10.0.0.2"),
        fact(FloatingIpDisassociated, address="192.0.2.2", fixed_address="10.0.0.2"),
        fact(FixedIpDeallocated, address="10.0.0.2"),
        fact(VifDeleted),
        fact(InstanceDeleted),
    )


def test_the_deadline_is_novas_option() -> None:
    """fixed_ip_disassociate_timeout, in seconds from the release."""
    scenario = given(*SPAWNED, rules=Rules(fixed_ip_disassociate_timeout=90))
    drain_until = time_text(scenario.now_ms + 90_000)

    assert [gone.drain_until for gone in scenario.when(delete()).of(FixedIpDeallocated)] == [drain_until]


def test_an_address_that_no_registered_host_serves_is_free_at_once() -> None:
    """Nobody would ever report that it has let go."""
    scenario = given(create(), spawn(host="h9"))
    (gone,) = scenario.when(delete()).of(FixedIpDisassociated)

    assert (gone.address, gone.reason) == ("10.0.0.2", "unserved")
    assert held(scenario) == 0


def test_its_compute_host_lets_go() -> None:
    """A report at or past the release frees the address."""
    scenario = released()
    seq = scenario.state.seq

    scenario.when(applied("h1", seq)).then(
        fact(HostApplied, host="h1", seq=seq),
        fact(FixedIpDisassociated, address="10.0.0.2", reason="applied"),
    )
    assert held(scenario) == 0


def test_a_report_from_before_the_release_frees_nothing() -> None:
    """It leaves no record either."""
    scenario = released()

    scenario.when(applied("h1", scenario.state.seq - 1)).then()


def test_both_hosts_must_let_go() -> None:
    """The compute host and the network host, in any order."""
    scenario = released("n1")
    assert scenario.state.networks[uid("net")].host == "n1"
    seq = scenario.state.seq

    scenario.when(applied("h1", seq)).then(fact(HostApplied, host="h1"))
    assert held(scenario) == 1
    scenario.when(applied("h1", seq)).then()
    scenario.when(applied("n1", seq)).then(
        fact(HostApplied, host="n1"), fact(FixedIpDisassociated, reason="applied")
    )


def test_an_unregistered_compute_host_is_not_waited_for() -> None:
    """Only the network host is."""
    scenario = given(create(), register("n1"), claim("n1"), spawn(host="h9"))

    assert [gone.waits_for for gone in scenario.when(delete()).of(FixedIpDeallocated)] == [("n1",)]


def test_a_host_that_serves_as_both_is_waited_for_once() -> None:
    """It reports once."""
    scenario = given(create(), register("h1"), claim("h1"), spawn())

    assert [gone.waits_for for gone in scenario.when(delete()).of(FixedIpDeallocated)] == [("h1",)]


def test_reports_free_up_to_their_position_only() -> None:
    """What was released later waits on."""
    scenario = given(create(), register(), spawn("a"), spawn("b"), delete("a"))
    seq = scenario.state.seq
    scenario.happens(delete("b"))

    scenario.when(applied("h1", seq)).then(
        fact(HostApplied, seq=seq), fact(FixedIpDisassociated, address="10.0.0.2")
    )
    assert held(scenario) == 1


def test_the_deadline_frees_whatever_the_hosts_say() -> None:
    """A dead host keeps an address for the time-out and not longer."""
    scenario = released("n1")

    scenario.when_time_passes(599.999).then()
    scenario.when_time_passes(0.001).then(fact(FixedIpDisassociated, address="10.0.0.2", reason="timeout"))
    assert held(scenario) == 0
    assert not scenario.state.hosts["h1"].awaited


def test_a_host_that_reports_after_the_deadline_frees_nothing_twice() -> None:
    """The address may be somebody else's by then."""
    scenario = released()
    seq = scenario.state.seq
    scenario.happens(Later(601), spawn("next", nic("net", "10.0.0.2")))

    scenario.when(applied("h1", seq)).then()
    assert held(scenario) == 1


def test_a_decision_frees_a_bounded_number_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest follows in the next decision, in order of release."""
    monkeypatch.setattr(fixed_ips, "EXPIRED_PER_DECISION_MAX", 2)
    scenario = given(
        create(), register(), *(spawn(name) for name in "abc"), *(delete(name) for name in "cba")
    )

    scenario.when_time_passes(600).then(
        fact(FixedIpDisassociated, address="10.0.0.4"), fact(FixedIpDisassociated, address="10.0.0.3")
    )
    scenario.when_time_passes().then(fact(FixedIpDisassociated, address="10.0.0.2"))
    scenario.when_time_passes().then()


def test_a_report_frees_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """But all that one decision released, so that a position is never half applied."""
    monkeypatch.setattr(hosts, "FREED_PER_DECISION_MAX", 1)
    scenario = given(create("a", "10.0.0.0/24"), create("b", "10.0.1.0/24"), register())
    scenario.happens(spawn("x"), spawn("y"), delete("x"))
    first = scenario.state.seq
    scenario.happens(delete("y"))

    scenario.when(applied("h1", scenario.state.seq)).then(
        fact(HostApplied, seq=first),
        fact(FixedIpDisassociated, address="10.0.0.2"),
        fact(FixedIpDisassociated, address="10.0.1.2"),
    )
    assert len(scenario.when(applied("h1", scenario.state.seq)).of(FixedIpDisassociated)) == 2


def test_a_draining_address_comes_last_again() -> None:
    """Never-used first, then the one that has been free longest."""
    scenario = given(create(cidr="10.0.0.0/29"), register())
    scenario.happens(*(spawn(name) for name in "abcde"), delete("b"), delete("a"))
    scenario.happens(applied("h1", scenario.state.seq))
    addresses = [scenario.when(spawn(name)).of(FixedIpAllocated)[0].address for name in "xy"]

    assert addresses == ["10.0.0.3", "10.0.0.2"]


def test_an_unregistered_host_applies_nothing() -> None:
    """Its agent must register first."""
    given().when(applied("h9", 0)).then(refused(Code.HOST_NOT_FOUND, "host", "h9"))


def test_a_host_ahead_of_the_ledger_is_refused() -> None:
    """It follows another ledger, or this one lost records."""
    given(register()).when(applied("h1", 99)).then(refused(Code.POSITION_AHEAD, "seq", "99"))


def test_registering_again_leaves_no_trace() -> None:
    """In any order, however often a network is named."""
    given(register("h1", "b", "a")).when(register("h1", "a", "b", "a")).then()


def test_a_host_may_reach_other_networks_later() -> None:
    """The fact replaces the one before; what waits for the host stays."""
    scenario = released()

    scenario.when(register("h1", "rack2")).then(fact(HostRegistered, host="h1", physical_networks=("rack2",)))
    assert len(scenario.state.hosts["h1"].awaited) == 1


def test_a_host_speaks_for_itself_only() -> None:
    """For every kind of report, before anything else is looked at."""
    for report in (register("h1"), applied("h1", 0), claim("h1")):
        lie = report.model_copy(update={"reporter": "h2"})
        given(create()).when(lie).then(refused(Code.REPORT_ABOUT_ANOTHER_HOST, "host", "h1", "h2"))


def test_an_address_is_not_freed_twice() -> None:
    """A ledger that says so was written by a bug; the reader stops."""
    scenario = released()
    allocation = next(iter(scenario.state.allocations.values()))
    freed = fixed_ips.disassociated(allocation, "applied")
    scenario.happens(freed)

    with pytest.raises(InvariantBroken, match="does not exist"):
        scenario.happens(freed)


def test_an_address_in_use_is_not_freed() -> None:
    """It must drain first."""
    scenario = given(*SPAWNED)
    allocation = next(iter(scenario.state.allocations.values()))

    with pytest.raises(InvariantBroken, match="does not drain"):
        scenario.happens(fixed_ips.disassociated(allocation, "applied"))
