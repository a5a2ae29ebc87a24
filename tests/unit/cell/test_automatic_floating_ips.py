"""Floating IPs that the cloud assigned by itself: the project cannot use them (nova-network.md 9.6)."""

from collections.abc import Callable

import pytest

from events.addresses import ipv4_text
from events.floating_ips import (
    FloatingIpAllocated,
    FloatingIpAssociated,
    FloatingIpDisassociated,
    FloatingIpReleased,
)
from events.model import Actor
from events.refusals import Code
from projections.cell.state import Rules
from tests.unit.given import Message, Scenario, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    associate,
    create,
    delete,
    disassociate,
    floating_allocate,
    floating_create,
    floating_release,
    nic,
    remove_ip,
    spawn,
)

FLOATING = "192.0.2.1"
FIXED = "10.0.0.2"

USES: dict[str, tuple[Callable[..., Message], str]] = {
    "associate": (lambda actor: associate(FLOATING, FIXED, actor), "floating_address"),
    "disassociate": (lambda actor: disassociate(FLOATING, actor), "address"),
    "release": (lambda actor: floating_release(FLOATING, actor), "address"),
}


def automatic(*more: Message) -> Scenario:
    """Return a cell where 192.0.2.1 was assigned automatically and points at 10.0.0.2."""
    return given(
        create(),
        floating_create("192.0.2.0/29"),
        floating_allocate(ADMIN, "red", auto_assigned=True),
        spawn(),
        associate(FLOATING, FIXED, ADMIN, affect_auto_assigned=True),
        *more,
    )


@pytest.mark.parametrize("actor", [ANN, ADMIN])
def test_an_automatic_address_is_not_disassociated(actor: Actor) -> None:
    """By nova's name, whoever asks without saying that such ones are meant."""
    automatic().when(disassociate(FLOATING, actor)).then(
        refused(Code.CANNOT_DISASSOCIATE_AUTO_ASSIGNED, "address", FLOATING)
    )


@pytest.mark.parametrize("actor", [ANN, ADMIN])
def test_an_automatic_address_is_neither_moved_nor_released(actor: Actor) -> None:
    """Without a word, as in nova."""
    scenario = automatic(spawn("other", nic("net", "10.0.0.9")))

    scenario.when(associate(FLOATING, "10.0.0.9", actor)).then()
    scenario.when(floating_release(FLOATING, actor)).then()


def test_an_admin_may_mean_automatic_addresses_too() -> None:
    """Each command has the argument that nova's method had."""
    scenario = automatic(spawn("other", nic("net", "10.0.0.9")))

    scenario.when(associate(FLOATING, "10.0.0.9", ADMIN, affect_auto_assigned=True)).then(
        fact(FloatingIpDisassociated), fact(FloatingIpAssociated, fixed_address="10.0.0.9")
    )
    scenario.when(disassociate(FLOATING, ADMIN, affect_auto_assigned=True)).then(
        fact(FloatingIpDisassociated)
    )
    scenario.when(floating_release(FLOATING, ADMIN, affect_auto_assigned=True)).then(fact(FloatingIpReleased))


@pytest.mark.parametrize(("use", "field"), USES.values(), ids=USES)
def test_its_project_may_not_mean_automatic_addresses(use: Callable[..., Message], field: str) -> None:
    """It would release what the cloud pays for; another project is not even told that it is one."""
    scenario = automatic()
    asked = use(ANN).model_copy(update={"affect_auto_assigned": True})

    scenario.when(asked).then(refused(Code.FORBIDDEN, "affect_auto_assigned", "admin"))
    scenario.when(use(BOB)).then(refused(Code.FORBIDDEN, field, "bob"))


def test_automatic_addresses_count_in_no_quota() -> None:
    """Neither when they are assigned nor when they go back."""
    scenario = given(floating_create("192.0.2.0/29"), rules=Rules(quota_floating_ips=1))
    scenario.happens(*(floating_allocate(ADMIN, "red", auto_assigned=True) for _ in range(2)))

    scenario.when(floating_allocate()).then(fact(FloatingIpAllocated, auto_assigned=False))
    scenario.when(floating_allocate(ADMIN, "red", auto_assigned=True)).then(fact(FloatingIpAllocated))
    scenario.when(floating_release("192.0.2.1", ADMIN, affect_auto_assigned=True)).then(
        fact(FloatingIpReleased)
    )
    scenario.when(floating_allocate()).then(refused(Code.FLOATING_IP_LIMIT_EXCEEDED, "project_id"))


def test_only_an_admin_assigns_automatically() -> None:
    """Such an address counts in no quota."""
    given(floating_create()).when(floating_allocate(ANN, auto_assigned=True)).then(
        refused(Code.FORBIDDEN, "auto_assigned", "admin")
    )


@pytest.mark.parametrize("end", [delete(), remove_ip("vm", FIXED)], ids=["instance", "address"])
def test_an_automatic_address_goes_back_with_what_it_points_at(end: Message) -> None:
    """The project would own what it never sees; one that it asked for stays its own."""
    scenario = automatic(floating_allocate(), associate("192.0.2.2", FIXED))
    events = scenario.when(end).events

    assert [type(event) for event in events[:3]] == [
        FloatingIpDisassociated,
        FloatingIpReleased,
        FloatingIpDisassociated,
    ]
    assert [ipv4_text(address) for address in scenario.state.floating_ips] == ["192.0.2.2"]
