"""Who serves a network: claimed, given on demand or by hand, taken back, taken over from the silent."""

import pytest

from events.fixed_ips import FixedIpAllocated, FixedIpDisassociated
from events.hosts import HostApplied, HostFenced, HostRegistered
from events.instances import InstanceSpawned, MacGenerated, VifCreated
from events.model import Event
from events.networks import NetworkClaimed
from events.ownership import NetworkHostAssigned, NetworkHostLetGo, NetworkHostReleased
from events.refusals import Code, Refusal
from projections.cell.host import fences, ownership
from projections.cell.host.fences import Silence
from projections.cell.state import Rules
from tests.unit.given import Later, Scenario, fact, given, refused
from tests.unit.wishes import (
    ANN,
    applied,
    claim,
    create,
    delete,
    delete_network,
    modify,
    nic,
    register,
    set_host,
    spawn,
    uid,
)

SPAWNED = (fact(InstanceSpawned), fact(MacGenerated), fact(VifCreated), fact(FixedIpAllocated))
FENCED = Silence(hosts=("h1",))
OVER = Silence(fences=("h1",))


def owner(scenario: Scenario, name: str = "net") -> tuple[str | None, int]:
    """Return who owns a network, and its epoch."""
    network = scenario.state.networks[uid(name)]
    return network.host, network.epoch


def by_hand(scenario: Scenario, host: str | None, name: str = "net") -> tuple[Event, ...]:
    """Give a network to a host by hand, or to nobody."""
    network = scenario.state.networks[uid(name)]
    if host is None:
        events = ownership.release_host(network)
    else:
        given_to = ownership.assign_host(scenario.state, network, host)
        assert not isinstance(given_to, Refusal), given_to
        events = given_to
    scenario.happens(*events)
    return events


# --- Claims -------------------------------------------------------------------------------------------------


def test_a_claim_that_names_no_network_takes_the_one_without_an_owner_for_longest() -> None:
    """One at a time, so that networks spread; when there is none left it leaves no trace."""
    scenario = given(create("a"), create("b", "10.1.0.0/24"), register("h1"), register("h2"))

    scenario.when(claim("h1", None)).then(fact(NetworkClaimed, network_id=uid("a"), host="h1", epoch=1))
    scenario.when(claim("h2", None)).then(fact(NetworkClaimed, network_id=uid("b"), host="h2", epoch=1))
    scenario.when(claim("h1", None)).then()


def test_a_claim_that_names_no_network_takes_only_what_the_host_reaches() -> None:
    """Flat networks, multi_host ones and other physical networks are no choice."""
    given(
        create("flat", kind="flat"),
        create("many", "10.1.0.0/24", multi_host=True),
        create("far", "10.2.0.0/24", physical_network="rack2"),
        register("h1"),
    ).when(claim("h1", None)).then()


def test_a_host_that_only_computes_claims_nothing() -> None:
    """It registered so (network_host off)."""
    scenario = given(create(), register("h1", network_host=False))

    scenario.when(claim()).then(refused(Code.INVALID_INPUT, "host", "network_host"))
    scenario.when(spawn("vm", nic())).then(*SPAWNED)


def test_never_fixed_claim_reply() -> None:
    """Since 2014 nova's set_network_host answers the loser with its own name; here it is told the owner."""
    scenario = given(create(), register("h1"), register("h2"), claim("h1"))
    refusal = scenario.when(claim("h2")).decision

    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.details) == (Code.NETWORK_ALREADY_CLAIMED, {"host": "h1", "epoch": 1})


# --- On demand ----------------------------------------------------------------------------------------------


def test_the_first_instance_on_a_network_has_it_served() -> None:
    """In the same decision, by the live host with the fewest networks; of equals the first by name."""
    scenario = given(
        create("a"), create("b", "10.1.0.0/24"), register("h1"), register("h2"), claim("h1", "a")
    )

    scenario.when(spawn("vm", nic("b"))).then(
        fact(NetworkClaimed, network_id=uid("b"), host="h2", epoch=1), *SPAWNED
    )
    scenario.happens(create("c", "10.2.0.0/24")).when(spawn("vm2", nic("c"))).then(
        fact(NetworkClaimed, network_id=uid("c"), host="h1"), *SPAWNED
    )


def test_networks_of_one_spawn_spread_over_hosts() -> None:
    """What the decision gives counts already."""
    scenario = given(create("a"), create("b", "10.1.0.0/24"), register("h1"), register("h2"))
    claims = scenario.when(spawn("vm", nic("a"), nic("b"))).of(NetworkClaimed)

    assert [one.host for one in claims] == ["h1", "h2"]


def test_a_network_that_no_live_host_reaches_is_allocated_from_all_the_same() -> None:
    """It is served once a host claims it."""
    scenario = given(create(), register("h9", "rack2"))

    scenario.when(spawn("vm", nic())).then(*SPAWNED)
    assert owner(scenario) == (None, 0)


def test_claims_on_demand_can_be_switched_off() -> None:
    """Then only hosts claim."""
    scenario = given(create(), register(), rules=Rules(claim_on_demand=False))

    scenario.when(spawn("vm", nic())).then(*SPAWNED)


def test_set_network_host_gives_a_network_to_a_live_host_and_keeps_an_owner() -> None:
    """Asked twice, it stays where it is."""
    scenario = given(create(), register("h2"))

    scenario.when(set_host()).then(fact(NetworkClaimed, host="h2", epoch=1))
    scenario.happens(register("h1")).when(set_host()).then()


def test_set_network_host_is_refused_with_a_reason() -> None:
    """An unknown network, one that nobody can own, nobody to own it, and who is no admin."""
    scenario = given(create("net"), create("flat", "10.1.0.0/24", kind="flat"))

    scenario.when(set_host("none")).then(refused(Code.NETWORK_NOT_FOUND, "network_id"))
    scenario.when(set_host("flat")).then(refused(Code.NOT_IMPLEMENTED_FOR_KIND, "network_id", "flat"))
    scenario.when(set_host()).then(refused(Code.NETWORK_SET_HOST_FAILED, "network_id", "default"))
    scenario.when(set_host(actor=ANN)).then(refused(Code.FORBIDDEN, "actor.is_admin"))


# --- By hand ------------------------------------------------------------------------------------------------


def test_a_network_without_an_owner_is_given_at_once() -> None:
    """And has its next epoch."""
    scenario = given(create(), register("h1"))

    assert isinstance(by_hand(scenario, "h1")[0], NetworkHostAssigned)
    assert owner(scenario) == ("h1", 1)
    assert by_hand(scenario, "h1") == ()


def test_another_owner_lets_go_before_the_heir_owns_a_network() -> None:
    """Nobody may claim it in between, and its last owner is still waited for when addresses drain."""
    scenario = given(create(), register("h1"), register("h2"), register("h3"), claim("h1"))
    by_hand(scenario, "h2")
    released_at = scenario.state.seq

    assert owner(scenario) == (None, 1)
    scenario.when(claim("h3")).then(refused(Code.NETWORK_ALREADY_CLAIMED, "network_id", "let go"))
    scenario.when(claim("h3", None)).then()
    scenario.when(set_host()).then(refused(Code.NETWORK_SET_HOST_FAILED, "network_id", "h1"))
    scenario.when(applied("h1", released_at - 1)).then()
    scenario.when(applied("h1", released_at)).then(
        fact(NetworkHostLetGo, host="h1", reason="applied"), fact(NetworkHostAssigned, host="h2", epoch=2)
    )


def test_an_owner_that_does_not_say_that_it_let_go_is_waited_for_no_longer_than_its_lease() -> None:
    """Lease and margin after the release it cannot serve the network any more."""
    scenario = given(create(), register("h1"), register("h2"), claim("h1"))
    by_hand(scenario, None)

    scenario.when_time_passes(45, Silence(leavings=(uid("net"),))).then(
        fact(NetworkHostLetGo, host="h1", reason="timeout")
    )
    scenario.when(claim("h2")).then(fact(NetworkClaimed, host="h2", epoch=2))


def test_an_heir_can_change_and_the_last_owner_can_have_its_network_back() -> None:
    """At once: it needs not wait for itself."""
    scenario = given(create(), register("h1"), register("h2"), register("h3"), claim("h1"))
    by_hand(scenario, "h2")
    by_hand(scenario, "h3")
    assert by_hand(scenario, "h3") == ()
    by_hand(scenario, "h1")

    assert owner(scenario) == ("h1", 2)
    scenario.when(applied("h1", scenario.state.seq)).then()


def test_an_heir_that_fell_silent_gets_nothing() -> None:
    """The network is free to be claimed by others."""
    scenario = given(create(), register("h1"), register("h2"), claim("h1"))
    by_hand(scenario, "h2")
    scenario.when_time_passes(0, Silence(hosts=("h2",))).then(fact(HostFenced, host="h2"))

    scenario.when(applied("h1", scenario.state.seq)).then(fact(NetworkHostLetGo, host="h1"))
    scenario.when(claim("h1")).then(fact(NetworkClaimed, host="h1", epoch=2))


@pytest.mark.parametrize(
    ("host", "code", "field"),
    [
        ("h9", Code.HOST_NOT_FOUND, "host"),
        ("far", Code.NETWORK_NOT_REACHABLE, "host"),
        ("silent", Code.HOST_FENCED, "host"),
    ],
)
def test_a_network_is_not_given_to_a_host_that_cannot_serve_it(host: str, code: Code, field: str) -> None:
    """Unknown, elsewhere, or silent."""
    scenario = given(create(), register("far", "rack2"), register("silent"))
    scenario.when_time_passes(0, Silence(hosts=("silent",)))
    refusal = ownership.assign_host(scenario.state, scenario.state.networks[uid("net")], host)

    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.field) == (code, field)


def test_a_flat_network_is_given_to_nobody() -> None:
    """And taken from nobody."""
    scenario = given(create(kind="flat"), register())
    network = scenario.state.networks[uid("net")]
    refusal = ownership.assign_host(scenario.state, network, "h1")

    assert isinstance(refusal, Refusal)
    assert refusal.code == Code.NOT_IMPLEMENTED_FOR_KIND
    assert ownership.release_host(network) == ()


def test_a_network_is_deleted_while_it_is_let_go() -> None:
    """Nobody is waited for on its behalf any more."""
    scenario = given(create(), register("h1"), register("h2"), claim("h1"))
    by_hand(scenario, "h2")
    scenario.happens(delete_network())

    scenario.when(applied("h1", scenario.state.seq)).then()
    assert scenario.state.leaving == {}


# --- Takeover -----------------------------------------------------------------------------------------------


def test_a_silent_host_is_fenced_and_keeps_its_networks_for_now() -> None:
    """It is given nothing any more, and nobody can claim what it owns."""
    scenario = given(create(), register("h1", lease_s=20), register("h2"), claim("h1"))
    fenced = scenario.when_time_passes(35, FENCED).then(fact(HostFenced, host="h1", epoch=1))

    assert fenced.state.hosts["h1"].fenced_until == scenario.now_ms + 35_000
    scenario.when(claim("h2")).then(refused(Code.NETWORK_ALREADY_CLAIMED, "network_id", "h1"))
    scenario.when(claim("h1", None)).then(refused(Code.HOST_FENCED, "host", "register again"))
    scenario.when_time_passes(0, FENCED).then()


def test_failure_18_a_dead_network_host_is_taken_over() -> None:
    """Nova had no failover: the network stayed with its dead host. Here the next epoch is another's."""
    scenario = given(create(), register("h1"), register("h2"), claim("h1"))
    scenario.when_time_passes(45, FENCED)

    scenario.when_time_passes(45, OVER).then(fact(NetworkHostReleased, host="h1", epoch=1, reason="fenced"))
    scenario.when(claim("h2", None)).then(fact(NetworkClaimed, host="h2", epoch=2))
    scenario.when_time_passes(0, OVER).then()


def test_a_host_that_comes_back_in_time_keeps_its_networks() -> None:
    """It registers again, in its next epoch."""
    scenario = given(create(), register("h1"), register("h2"), claim("h1"))
    scenario.when_time_passes(45, FENCED)

    scenario.when(register("h1")).then(fact(HostRegistered, host="h1", epoch=2))
    scenario.when_time_passes(45, OVER).then()
    assert owner(scenario) == ("h1", 1)


def test_a_host_that_comes_back_late_owns_nothing_and_may_claim() -> None:
    """It is a host like any other."""
    scenario = given(create(), register("h1"), claim("h1"))
    scenario.when_time_passes(45, FENCED)
    scenario.when_time_passes(45, OVER)
    scenario.happens(register("h1"))

    assert owner(scenario) == (None, 1)
    scenario.when(claim("h1", None)).then(fact(NetworkClaimed, host="h1", epoch=2))


def test_a_heartbeat_alone_does_not_end_a_fence() -> None:
    """It may have been sent before the host knew; only who has read its fence registers again."""
    scenario = given(create(), register("h1"), claim("h1"))
    scenario.when_time_passes(45, FENCED)

    scenario.when(applied("h1", scenario.state.seq)).then()
    scenario.when_time_passes(45, OVER).then(fact(NetworkHostReleased, host="h1"))


def test_failure_17_an_instance_on_a_dead_host_is_deleted() -> None:
    """Nova asked the dead host. Here its address drains until the fence has run out, and no longer."""
    scenario = given(create(), register("h1"), spawn("vm", nic()))
    scenario.when_time_passes(45, FENCED)
    scenario.happens(delete("vm"))

    scenario.when_time_passes(45, OVER).then(
        fact(HostApplied, host="h1"), fact(FixedIpDisassociated, address="10.0.0.2", reason="fenced")
    )
    scenario.when_time_passes(0, OVER).then(fact(NetworkHostReleased, host="h1"))


def test_an_address_that_a_live_host_serves_too_goes_on_draining() -> None:
    """Only the dead one is waited for no longer."""
    scenario = given(create(), register("h1"), register("n1"), claim("n1"), spawn("vm", nic()), delete("vm"))
    scenario.when_time_passes(45, FENCED)

    scenario.when_time_passes(45, OVER).then(fact(HostApplied, host="h1"))
    scenario.when(applied("n1", scenario.state.seq)).then(
        fact(HostApplied, host="n1"), fact(FixedIpDisassociated, reason="applied")
    )


def test_a_dead_host_with_many_networks_is_relieved_in_bounded_decisions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A decision holds a bounded number of facts; the timer comes again for the rest."""
    monkeypatch.setattr(fences, "RELEASED_PER_DECISION_MAX", 2)
    nets = [create(f"n{number}", f"10.{number}.0.0/24") for number in range(3)]
    scenario = given(*nets, register("h1"), *(claim("h1", None) for _ in nets))
    scenario.when_time_passes(45, FENCED)

    counts = [len(scenario.when_time_passes(0, OVER).events) for _ in range(3)]
    assert counts == [2, 1, 0]


def test_what_is_silent_is_decided_by_who_listens_and_not_by_time() -> None:
    """However late it is: the state of a cell does not know when a host was last heard."""
    scenario = given(create(), register("h1"), claim("h1"), Later(1_000_000))

    scenario.when_time_passes(1_000_000).then()


def test_an_admin_moves_a_network_by_command() -> None:
    """Only with overwrite from a host that owns it; nobody but an admin may."""
    scenario = given(create(), register("h1"), register("h2"), claim("h1"))

    scenario.when(modify(host="h2")).then(refused(Code.NETWORK_ALREADY_CLAIMED, "host", "h1"))
    scenario.when(modify(host="h2", overwrite=True, actor=ANN)).then(
        refused(Code.FORBIDDEN, "actor.is_admin")
    )
    scenario.when(modify(host="h2", overwrite=True)).then(
        fact(NetworkHostReleased, host="h1", heir="h2", reason="assigned")
    )
    scenario.when(modify(disassociate_host=True)).then(
        fact(NetworkHostReleased, host="h1", heir=None, reason="disassociated")
    )


def test_a_host_never_serves_two_networks_that_share_addresses() -> None:
    """Two projects may have the same block: each claim goes to another host, and by name it is refused."""
    scenario = given(create("a", project_id="red"), create("b", project_id="blue"), register("h1"))
    scenario.happens(claim("h1", "a"))

    scenario.when(claim("h1", "b")).then(refused(Code.CIDR_CONFLICT, "host", "shares addresses"))
    scenario.when(claim("h1", None)).then()
    scenario.when(set_host("b")).then(refused(Code.NETWORK_SET_HOST_FAILED, "network_id"))
    scenario.when(modify("b", host="h1")).then(refused(Code.CIDR_CONFLICT, "host", "shares addresses"))
    scenario.happens(register("h2"))
    scenario.when(set_host("b")).then(fact(NetworkClaimed, host="h2"))
