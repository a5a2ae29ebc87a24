"""Pools of floating IPs: their order across ranges, and taking addresses away again (9.1)."""

import pytest

from events.errors import InvariantBroken
from events.floating_ips import (
    FloatingIpAllocated,
    FloatingIpDisassociated,
    FloatingIpReleased,
    FloatingIpsCreated,
    FloatingIpsDeleted,
)
from events.model import Event
from events.refusals import Code, Refusal
from projections.cell.floating.floating_ranges import FACTS_PER_DELETE_MAX
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    ANN,
    associate,
    create,
    floating_allocate,
    floating_create,
    floating_delete,
    floating_release,
    spawn,
)


def taken(scenario: Scenario, count: int) -> list[str]:
    """Return the next addresses that the default pool hands out."""
    outcomes = [scenario.when(floating_allocate()) for _ in range(count)]
    return [event.address for outcome in outcomes for event in outcome.of(FloatingIpAllocated)]


# --- The order of handing out ---------------------------------------------------------------------


def test_never_used_addresses_of_any_range_go_before_released_ones() -> None:
    """Also those of a range that came later, or that lies below."""
    scenario = given(floating_create("192.0.2.8/30"), floating_create("192.0.2.0/30"))

    assert taken(scenario, 1) == ["192.0.2.9"]
    scenario.happens(floating_release("192.0.2.9"))
    assert taken(scenario, 4) == ["192.0.2.10", "192.0.2.1", "192.0.2.2", "192.0.2.9"]


def test_the_address_that_was_idle_longest_goes_first_across_ranges() -> None:
    """Whichever range it is of."""
    scenario = given(floating_create("192.0.2.0/30"), floating_create("192.0.2.8/30"))
    assert len(taken(scenario, 4)) == 4
    order = ["192.0.2.10", "192.0.2.1", "192.0.2.9", "192.0.2.2"]
    scenario.happens(*(floating_release(address) for address in order))

    assert taken(scenario, 4) == order


def test_neighbouring_ranges_of_two_pools_stay_apart() -> None:
    """Each pool hands out its own."""
    scenario = given(
        floating_create("192.0.2.2", pool="dmz"), floating_create("192.0.2.3"), floating_create("192.0.2.1")
    )

    assert taken(scenario, 2) == ["192.0.2.3", "192.0.2.1"]
    scenario.when(floating_allocate()).then(refused(Code.NO_MORE_FLOATING_IPS, "pool", "'nova'", "2"))


def test_an_address_out_of_its_turn_may_be_in_a_ledger() -> None:
    """Reading does not depend on the order of handing out."""
    given_early = FloatingIpAllocated(
        address="192.0.2.4", pool="nova", interface=None, project_id="red", auto_assigned=False
    )
    scenario = given(floating_create("192.0.2.0/29"), given_early)

    assert taken(scenario, 5) == [f"192.0.2.{last}" for last in (1, 2, 3, 5, 6)]


def test_a_slash_12_is_one_decision() -> None:
    """And so is its end."""
    scenario = given()

    scenario.when(floating_create("10.0.0.0/12")).then(
        fact(FloatingIpsCreated, first="10.0.0.1", last="10.15.255.254")
    )
    scenario.when(floating_delete("10.0.0.0/12")).then(
        fact(FloatingIpsDeleted, first="10.0.0.1", last="10.15.255.254")
    )


# --- Deleting -------------------------------------------------------------------------------------


def test_a_pool_is_gone_with_its_last_address() -> None:
    """As in nova."""
    scenario = given(floating_create("192.0.2.0/30", interface="eth9"))

    scenario.when(floating_delete("192.0.2.0/30")).then(
        fact(
            FloatingIpsDeleted,
            pool="nova",
            interface="eth9",
            first="192.0.2.1",
            last="192.0.2.2",
            range_first="192.0.2.1",
            range_last="192.0.2.2",
        )
    )
    scenario.when(floating_allocate()).then(refused(Code.FLOATING_IP_POOL_NOT_FOUND, "pool"))


def test_a_part_in_the_middle_may_go() -> None:
    """What lies around it stays, with its interface."""
    scenario = given(floating_create("192.0.2.0/28", interface="eth9"))
    scenario.when(floating_delete("192.0.2.4/30")).then(
        fact(
            FloatingIpsDeleted,
            first="192.0.2.5",
            last="192.0.2.6",
            range_first="192.0.2.1",
            range_last="192.0.2.14",
        )
    )

    assert [(one.first & 255, one.last & 255, one.interface) for one in scenario.state.floating_ranges] == [
        (1, 4, "eth9"),
        (7, 14, "eth9"),
    ]
    assert taken(scenario, 5)[3:] == ["192.0.2.4", "192.0.2.7"]


def test_a_released_address_that_is_deleted_is_not_handed_out() -> None:
    """It was in the queue of idle ones."""
    scenario = given(floating_create("192.0.2.0/30"))
    assert taken(scenario, 2) == ["192.0.2.1", "192.0.2.2"]
    scenario.happens(
        floating_release("192.0.2.1"), floating_release("192.0.2.2"), floating_delete("192.0.2.1")
    )

    assert taken(scenario, 1) == ["192.0.2.2"]
    scenario.when(floating_allocate()).then(refused(Code.NO_MORE_FLOATING_IPS, "pool"))


def test_deleted_addresses_may_be_created_again_elsewhere() -> None:
    """In another pool, and never used there."""
    scenario = given(floating_create("192.0.2.0/29"), floating_delete("192.0.2.3"))

    scenario.when(floating_create("192.0.2.3", pool="dmz")).then(fact(FloatingIpsCreated, pool="dmz"))
    scenario.when(floating_allocate(pool="dmz")).then(fact(FloatingIpAllocated, address="192.0.2.3"))


def test_one_block_deletes_what_there_is_of_several_ranges_and_pools() -> None:
    """What a block has besides is nobody's business, as in nova."""
    scenario = given(
        floating_create("192.0.2.0/29"),
        floating_create("192.0.2.9", pool="dmz"),
        floating_create("192.0.2.200"),
    )

    scenario.when(floating_delete("192.0.2.0/27")).then(
        fact(FloatingIpsDeleted, pool="nova", first="192.0.2.1", last="192.0.2.6"),
        fact(FloatingIpsDeleted, pool="dmz", first="192.0.2.9", last="192.0.2.9"),
    )


@pytest.mark.parametrize("ip_range", ["192.0.2.7", "192.0.2.8/29", "9.9.9.0/24"])
def test_addresses_of_no_pool_are_not_found(ip_range: str) -> None:
    """In nova deleting nothing succeeded."""
    given(floating_create("192.0.2.0/29")).when(floating_delete(ip_range)).then(
        refused(Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, "ip_range", ip_range)
    )


@pytest.mark.parametrize("ip_range", ["192.0.2.0/31", "192.0.2", "x"])
def test_what_is_no_range_cannot_be_deleted(ip_range: str) -> None:
    """It is read as when creating."""
    given(floating_create("192.0.2.0/29")).when(floating_delete(ip_range)).then(
        refused(Code.INVALID_INPUT, "ip_range", ip_range)
    )


def test_only_an_admin_deletes_floating_ips() -> None:
    """Not even the only project that uses them, and not by force."""
    scenario = given(floating_create("192.0.2.0/29"), floating_allocate())

    for force in (False, True):
        scenario.when(floating_delete(actor=ANN, force=force)).then(
            refused(Code.FORBIDDEN, "actor.is_admin", "admin")
        )


def test_what_a_project_owns_is_not_deleted() -> None:
    """Nova deleted it under its owner's hands. The refusal tells an admin which, and how many."""
    scenario = given(floating_create("192.0.2.0/29"), floating_allocate(), floating_allocate())
    outcome = scenario.when(floating_delete("192.0.2.0/29"))

    outcome.then(refused(Code.FLOATING_IP_IN_USE, "ip_range", "192.0.2.1", "'red'", "force=true"))
    assert isinstance(outcome.decision, Refusal)
    assert outcome.decision.details == {"address": "192.0.2.1", "in_use": 2}
    scenario.when(floating_delete("192.0.2.4/30")).then(fact(FloatingIpsDeleted))


def pointing() -> Scenario:
    """Return a cell where 192.0.2.2 points at an instance, and 192.0.2.1 is only owned."""
    return given(
        create(),
        floating_create("192.0.2.0/29"),
        floating_allocate(),
        floating_allocate(),
        spawn(),
        associate("192.0.2.2", "10.0.0.2"),
    )


def test_what_points_somewhere_is_not_deleted() -> None:
    """Nova left its NAT rules behind."""
    pointing().when(floating_delete("192.0.2.0/29")).then(
        refused(Code.FLOATING_IP_ASSOCIATED, "ip_range", "192.0.2.2", "10.0.0.2", "2 of")
    )


def test_by_force_it_is_cleaned_up_first() -> None:
    """Disassociated, so that its host lets go; released; deleted: in one decision."""
    scenario = pointing()

    scenario.when(floating_delete("192.0.2.0/29", force=True)).then(
        fact(FloatingIpReleased, address="192.0.2.1", project_id="red"),
        fact(FloatingIpDisassociated, address="192.0.2.2", fixed_address="10.0.0.2"),
        fact(FloatingIpReleased, address="192.0.2.2", project_id="red"),
        fact(FloatingIpsDeleted, first="192.0.2.1", last="192.0.2.6"),
    )
    assert not scenario.state.floating_ips
    assert not next(iter(scenario.state.allocations.values())).floating


def test_more_than_one_decision_holds_is_not_deleted_by_force() -> None:
    """The refusal says to take smaller parts; those go."""
    owned: list[Event] = [
        FloatingIpAllocated(
            address=f"10.0.{number // 256}.{number % 256}",
            pool="nova",
            interface=None,
            project_id="red",
            auto_assigned=False,
        )
        for number in range(1, FACTS_PER_DELETE_MAX + 1)
    ]
    scenario = given(floating_create("10.0.0.0/16"))
    scenario._apply(tuple(owned))  # noqa: SLF001 - a thousand decisions in one

    scenario.when(floating_delete("10.0.0.0/16", force=True)).then(
        refused(Code.DECISION_TOO_LARGE, "ip_range", "smaller part")
    )
    scenario.happens(floating_delete("10.0.0.0/23", force=True), floating_delete("10.0.0.0/16", force=True))
    assert not scenario.state.floating_pools


def test_deleting_what_is_in_use_stops_the_reader() -> None:
    """Its owner would own nothing."""
    deleted = FloatingIpsDeleted(
        pool="nova",
        interface=None,
        first="192.0.2.1",
        last="192.0.2.6",
        range_first="192.0.2.1",
        range_last="192.0.2.6",
    )

    with pytest.raises(InvariantBroken, match="in use"):
        given(floating_create("192.0.2.0/29"), floating_allocate(ADMIN), deleted)


def test_deleting_what_is_no_range_stops_the_reader() -> None:
    """Also if every address of it is of some range."""
    deleted = FloatingIpsDeleted(
        pool="nova",
        interface=None,
        first="192.0.2.1",
        last="192.0.2.2",
        range_first="192.0.2.1",
        range_last="192.0.2.2",
    )

    with pytest.raises(InvariantBroken, match="no such range"):
        given(floating_create("192.0.2.1"), floating_create("192.0.2.2"), deleted)
