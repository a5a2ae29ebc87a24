"""The life of a fixed IP, state by state and step by step (nova-network.md section 8.1).

nova's `stuck` state, an allocated address of nobody, cannot be told in our events; host addresses of
multi_host networks have tests of their own.
"""

from collections.abc import Callable

import pytest

from events.addresses import mac_text
from events.fixed_ips import (
    FixedIpAllocated,
    FixedIpDeallocated,
    FixedIpDisassociated,
    FixedIpLeased,
    FixedIpReleased,
    FixedIpReserved,
    FixedIpUnreserved,
    StaleLeaseReported,
)
from events.networks import NetworkDeleted
from events.refusals import Code
from projections.cell.state import Rules
from tests.unit.cell.test_macs import drawn
from tests.unit.given import Message, Scenario, fact, given, refused
from tests.unit.made import network
from tests.unit.wishes import (
    BOB,
    add_ip,
    applied,
    claim,
    create,
    delete,
    delete_network,
    lease,
    nic,
    register,
    release,
    remove_ip,
    reserve,
    spawn,
    uid,
    unreserve,
)

FIRST = "10.0.0.2"


def served(*more: str) -> Scenario:
    """Return a cell whose host h1 serves a network of five addresses, and these instances on it."""
    history = (create(cidr="10.0.0.0/29"), register(), claim())
    return given(*history, *(spawn(name, nic()) for name in more))


def mac(scenario: Scenario, name: str = "vm") -> str:
    """Return the MAC of an instance's first NIC."""
    return mac_text(scenario.state.instances[uid(name)].vifs[0].mac)


def state_of(scenario: Scenario, address: str = FIRST) -> str:
    """Return the state of an address by nova's name."""
    pool = scenario.state.networks[uid("net")].pool
    number = int.from_bytes(bytes(map(int, address.split("."))))
    held = pool.held.get(number)
    if held is None:
        return "reserved" if number in pool.reserved else "free"
    return f"{'draining' if held.draining else 'active'}, {'leased' if held.leased else 'not leased'}"


def given_out(scenario: Scenario, count: int = 9) -> list[str]:
    """Let instances take addresses until there is none; return them in order."""
    taken: list[str] = []
    for number in range(count):
        decided = scenario.when(spawn(f"taker{number}", nic())).decision
        if not isinstance(decided, tuple):
            assert decided.code is Code.NO_MORE_FIXED_IPS
            break
        taken += [event.address for event in decided if isinstance(event, FixedIpAllocated)]
    return taken


def test_free_addresses_are_allocated_from_the_pool_or_by_name() -> None:
    """Both make them active, and not leased."""
    scenario = served("vm").happens(spawn("named", nic("net", "10.0.0.5")))

    assert state_of(scenario) == state_of(scenario, "10.0.0.5") == "active, not leased"
    assert state_of(scenario, "10.0.0.3") == "free"


def test_free_addresses_are_reserved_and_come_back() -> None:
    """A reserved one is not taken, neither from the pool nor by name; unreserved it comes last."""
    scenario = served()
    scenario.when(reserve(FIRST)).then(fact(FixedIpReserved, address=FIRST))
    assert state_of(scenario) == "reserved"
    scenario.when(spawn("vm", nic("net", FIRST))).then(
        refused(Code.FIXED_IP_ALREADY_IN_USE, "requested_networks.0.address", "reserved")
    )
    scenario.when(unreserve(FIRST)).then(fact(FixedIpUnreserved, address=FIRST))

    assert given_out(scenario) == ["10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6", FIRST]


def test_an_active_address_is_leased_and_given_back() -> None:
    """A guest that ends its lease keeps its address."""
    scenario = served("vm")
    scenario.when(lease("h1", FIRST, mac(scenario))).then(fact(FixedIpLeased, address=FIRST))
    assert state_of(scenario) == "active, leased"
    scenario.when(release("h1", FIRST, mac(scenario))).then(fact(FixedIpReleased, address=FIRST))

    assert state_of(scenario) == "active, not leased"


def test_an_active_address_may_be_reserved_for_later() -> None:
    """Its holder keeps it; it does not come back to the pool when it is given back."""
    scenario = served("vm").happens(reserve(FIRST))
    assert state_of(scenario) == "active, not leased"
    scenario.happens(delete()).when_time_passes(601)

    assert state_of(scenario) == "reserved"
    assert FIRST not in given_out(scenario)


def _deleted(_scenario: Scenario) -> Message:
    return delete()


def _removed(_scenario: Scenario) -> Message:
    return remove_ip("vm", FIRST)


@pytest.mark.parametrize("taken", [_deleted, _removed], ids=["delete", "remove"])
@pytest.mark.parametrize("leased", [True, False])
def test_what_is_taken_from_an_instance_drains(*, leased: bool, taken: Callable[[Scenario], Message]) -> None:
    """Leased or not, and nobody gets it meanwhile, by whatever way it is asked for."""
    scenario = served("vm", "other")
    if leased:
        scenario.happens(lease("h1", FIRST, mac(scenario)))
    scenario.happens(taken(scenario))

    assert state_of(scenario) == f"draining, {'leased' if leased else 'not leased'}"
    scenario.when(add_ip("other", "net", FIRST)).then(refused(Code.FIXED_IP_ALREADY_IN_USE, "address"))
    assert FIRST not in given_out(scenario)


@pytest.mark.parametrize("leased", [True, False])
def test_a_draining_address_is_free_when_its_hosts_have_let_go(*, leased: bool) -> None:
    """Its lease is over with it: the host has ended it."""
    scenario = served("vm")
    if leased:
        scenario.happens(lease("h1", FIRST, mac(scenario)))
    scenario.happens(delete())
    freed = scenario.when(applied("h1", scenario.state.seq)).of(FixedIpDisassociated)

    assert [(one.address, one.reason) for one in freed] == [(FIRST, "applied")]
    assert state_of(scenario) == "free"


@pytest.mark.parametrize("leased", [True, False])
def test_a_draining_address_is_free_after_the_time_out(*, leased: bool) -> None:
    """Whether its guest held a lease or not, and whatever its host does; not a moment before."""
    scenario = served("vm")
    if leased:
        scenario.happens(lease("h1", FIRST, mac(scenario)))
    scenario.happens(delete())
    scenario.when_time_passes(599.9).then()
    scenario.when_time_passes(0.1).then(fact(FixedIpDisassociated, address=FIRST, reason="timeout"))

    assert state_of(scenario) == "free"


def test_a_draining_lease_that_ends_does_not_free_the_address() -> None:
    """The host must have let go of NAT and bridge as well: it says so by its position."""
    scenario = served("vm")
    guest = mac(scenario)
    scenario.happens(lease("h1", FIRST, guest), delete())
    scenario.when(release("h1", FIRST, guest)).then(fact(FixedIpReleased, address=FIRST))

    assert state_of(scenario) == "draining, not leased"


def test_never_used_addresses_go_first_then_the_one_idle_longest() -> None:
    """Idle since its release is what counts, not the order of the numbers or of the allocations."""
    scenario = served("a", "b", "c")
    for name in ("b", "c", "a"):
        scenario.happens(delete(name))
        scenario.happens(applied("h1", scenario.state.seq))

    assert given_out(scenario) == ["10.0.0.5", "10.0.0.6", "10.0.0.3", "10.0.0.4", FIRST]


def test_failure_1_a_late_release_does_not_take_the_next_holders_address() -> None:
    """LP 1249065: the callback named only the address; an allocation has an id, and its MAC tells."""
    scenario = served("old")
    last_mac = mac(scenario, "old")
    scenario.happens(lease("h1", FIRST, last_mac), delete("old"), applied("h1", scenario.state.seq + 2))
    scenario.happens(spawn("new", nic("net", FIRST)))
    scenario.happens(lease("h1", FIRST, mac(scenario, "new")))

    late = scenario.when(release("h1", FIRST, last_mac))
    late.then(fact(StaleLeaseReported, report="release", mac=last_mac))
    assert state_of(scenario) == "active, leased"


def test_failure_1_address_nic_and_instance_come_in_one_event() -> None:
    """LP 1249065: between two updates an address had an instance and no NIC."""
    (allocated,) = served().when(spawn("vm", nic())).of(FixedIpAllocated)

    assert all((allocated.allocation_id, allocated.vif_id, allocated.mac, allocated.instance_uuid))


def test_failure_2_one_address_is_given_to_one_instance() -> None:
    """2010's 70112ea994: the pool never gives an address twice, in whatever order instances come and go."""
    scenario = served()
    addresses = given_out(scenario)

    assert len(addresses) == len(set(addresses)) == 5


def test_never_fixed_requested_address_race() -> None:
    """Of two requests for one address the later is refused; nova let it overwrite the first."""
    scenario = served()
    scenario.happens(spawn("first", nic("net", "10.0.0.4")))

    for wish in (
        spawn("second", nic("net", "10.0.0.4"), actor=BOB, project="blue"),
        spawn("first", nic("net", "10.0.0.5")),
    ):
        assert not isinstance(scenario.when(wish).decision, tuple)
    (held,) = scenario.state.networks[uid("net")].pool.held.values()
    assert held.instance_uuid == uid("first")


def test_failure_3_under_churn_no_address_comes_straight_back() -> None:
    """LP 1532809: each is given out again only when all others have been."""
    scenario = served()
    given_last: list[str] = []
    for number in range(12):
        (got,) = scenario.when(spawn(f"vm{number}", nic())).of(FixedIpAllocated)
        given_last.append(got.address)
        scenario.happens(delete(f"vm{number}"))
        scenario.happens(applied("h1", scenario.state.seq))

    assert given_last[5:] == given_last[:-5]
    assert len(set(given_last[:5])) == 5


def test_failure_3_a_live_lease_is_never_given_out() -> None:
    """LP 1526737: not while it drains, and a free address has none."""
    scenario = served("vm")
    scenario.happens(lease("h1", FIRST, mac(scenario)), delete())

    assert state_of(scenario) == "draining, leased"
    assert FIRST not in given_out(scenario)


def test_failure_4_an_address_returns_although_its_guest_never_did_dhcp() -> None:
    """LP 1180766, 1124692: no callback of the outside world is waited for, not even a dead host's."""
    scenario = served("vm").happens(delete())
    scenario.when_time_passes(600).then(fact(FixedIpDisassociated, address=FIRST, reason="timeout"))

    assert FIRST in given_out(scenario)


def _full() -> tuple[Scenario, Message]:
    scenario = given(network("a"), network("b", "10.0.1.0/29"))
    scenario.happens(*(spawn(f"vm{number}", nic("b")) for number in range(5)))
    return scenario, spawn("failed", nic("a"), nic("b"))


def _in_use() -> tuple[Scenario, Message]:
    scenario = given(network("a"), network("b", "10.0.1.0/29"), spawn("vm", nic("b", "10.0.1.4")))
    return scenario, spawn("failed", nic("a"), nic("b", "10.0.1.4"))


def _no_mac() -> tuple[Scenario, Message]:
    draws = drawn(1, 2, 2, 2)
    rules = Rules(create_unique_mac_address_attempts=2)
    return given(network("a"), network("b", "10.0.1.0/29"), rules=rules, draws=draws), spawn(
        "failed", nic("a"), nic("b"), macs=["02:00:00:00:00:01"]
    )


def _over_quota() -> tuple[Scenario, Message]:
    scenario = given(network("a"), network("b", "10.0.1.0/29"), rules=Rules(quota_fixed_ips=1))
    return scenario, spawn("failed", nic("a"), nic("b"))


def _second_mac_in_use() -> tuple[Scenario, Message]:
    scenario = given(network("a"), network("b", "10.0.1.0/29"))
    scenario.happens(spawn("vm", nic("a"), macs=["02:00:00:00:00:02"]))
    return scenario, spawn("failed", nic("a"), nic("b"), macs=["02:00:00:00:00:01", "02:00:00:00:00:02"])


FAILURES = [_full, _in_use, _no_mac, _over_quota, _second_mac_in_use]


@pytest.mark.parametrize("failure", FAILURES)
def test_failure_13_a_spawn_that_fails_at_any_step_leaves_nothing(
    failure: Callable[[], tuple[Scenario, Message]],
) -> None:
    """LP 1328539 and others: no address, NIC, MAC or quota of it; so nothing has to be undone."""
    scenario, wish = failure()
    before = [sorted(one.pool.held) for one in scenario.state.networks.values()], sorted(scenario.state.macs)

    assert not isinstance(scenario.when(wish).decision, tuple)
    after = [sorted(one.pool.held) for one in scenario.state.networks.values()], sorted(scenario.state.macs)
    assert after == before
    assert uid("failed") not in scenario.state.instances
    scenario.when(delete("failed")).then()


@pytest.mark.parametrize("failure", FAILURES)
def test_never_fixed_allocated_flag_after_undo(failure: Callable[[], tuple[Scenario, Message]]) -> None:
    """Nova's undo left an address allocated to nobody, and the network could not be deleted any more."""
    scenario, wish = failure()
    scenario.when(wish)
    for instance_uuid in list(scenario.state.instances):
        gone = delete().model_copy(update={"instance_uuid": instance_uuid})
        scenario.happens(gone)

    scenario.when(delete_network("a")).then(fact(NetworkDeleted, network_id=uid("a")))
    scenario.when(delete_network("b")).then(fact(NetworkDeleted, network_id=uid("b")))


def test_failure_14_an_address_is_free_only_after_its_hosts_have_revoked_it() -> None:
    """LP 1021352: the decision revokes at once; whoever gets it next comes after its hosts' word."""
    scenario = served("vm").happens(register("h2"), spawn("far", nic(), host="h2"))
    scenario.happens(delete("far"))
    released = scenario.state.seq
    (drained,) = [one for one in scenario.state.allocations.values() if one.draining]
    assert set(drained.waits_for) == {"h1", "h2"}

    assert scenario.when(applied("h2", released)).of(FixedIpDisassociated) == []
    scenario.when(add_ip("vm", "net", "10.0.0.3")).then(refused(Code.FIXED_IP_ALREADY_IN_USE, "address"))
    assert scenario.when(applied("h1", released)).of(FixedIpDisassociated)
    assert scenario.when(add_ip("vm", "net", "10.0.0.3")).of(FixedIpAllocated)


def test_what_is_taken_from_an_instance_is_decided_before_it_is_free() -> None:
    """Where no host serves it, both come in one decision, in this order."""
    scenario = given(create(), spawn("vm", nic()))
    decided = scenario.when(remove_ip("vm", FIRST)).events

    assert [type(event) for event in decided] == [FixedIpDeallocated, FixedIpDisassociated]
