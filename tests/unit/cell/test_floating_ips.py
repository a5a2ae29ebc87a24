"""The life of a floating IP, seen from its own project and from another one (nova-network.md section 9)."""

from collections.abc import Callable

import pytest

from events.addresses import ipv4_text
from events.errors import InvariantBroken
from events.floating_ips import (
    FloatingIpAllocated,
    FloatingIpAssociated,
    FloatingIpDisassociated,
    FloatingIpReleased,
    FloatingIpsCreated,
)
from events.refusals import Code
from projections.cell.floating.floating_ips import FLOATING_IPS_MAX
from projections.cell.state import Rules
from tests.unit.given import Message, Scenario, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    add_ip,
    associate,
    create,
    delete,
    disassociate,
    floating_allocate,
    floating_create,
    floating_release,
    nic,
    register,
    spawn,
    uid,
)

FLOATING = "192.0.2.1"
FIXED = "10.0.0.2"


def owned(*more: Message) -> Scenario:
    """Return a cell where project red owns 192.0.2.1 and an instance with 10.0.0.2, and more happened."""
    return given(
        create(), register(), floating_create("192.0.2.0/29"), floating_allocate(ANN, "red"), spawn(), *more
    )


# --- Pools ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ip_range", "first", "last"),
    [
        ("192.0.2.0/28", "192.0.2.1", "192.0.2.14"),
        ("192.0.2.0/30", "192.0.2.1", "192.0.2.2"),
        ("192.0.2.5/29", "192.0.2.1", "192.0.2.6"),
        ("192.0.2.77", "192.0.2.77", "192.0.2.77"),
        ("10.0.0.0/8", "10.0.0.1", "10.255.255.254"),
    ],
)
def test_a_block_is_its_host_addresses(ip_range: str, first: str, last: str) -> None:
    """Without network and broadcast address, as in nova. One event, however many they are."""
    given().when(floating_create(ip_range, interface="eth9")).then(
        fact(FloatingIpsCreated, pool="nova", interface="eth9", first=first, last=last)
    )


@pytest.mark.parametrize(
    "ip_range", ["192.0.2.0/31", "192.0.2.1/32", "192.0.2.0/33", "192.0.2", "x", "::1/64"]
)
def test_what_is_no_range_is_refused(ip_range: str) -> None:
    """Too small a block (nova: fewer than four addresses), or none at all."""
    given().when(floating_create(ip_range)).then(refused(Code.INVALID_INPUT, "ip_range", ip_range))


@pytest.mark.parametrize("ip_range", ["192.0.2.0/29", "192.0.2.4", "192.0.2.0/24", "192.0.2.6"])
def test_an_address_is_in_one_pool_only(ip_range: str) -> None:
    """All or nothing: one address that exists refuses the whole range, in another pool, too."""
    given(floating_create("192.0.2.0/29")).when(floating_create(ip_range, pool="other")).then(
        refused(Code.FLOATING_IP_EXISTS, "ip_range", "'nova'")
    )


def test_neighbouring_ranges_are_no_conflict() -> None:
    """Also between two that exist, in any order."""
    scenario = given(floating_create("192.0.2.5"), floating_create("192.0.2.7"))

    scenario.when(floating_create("192.0.2.6")).then(fact(FloatingIpsCreated, first="192.0.2.6"))
    scenario.when(floating_create("192.0.2.4")).then(fact(FloatingIpsCreated, first="192.0.2.4"))


def test_only_an_admin_creates_floating_ips() -> None:
    """A user may not, even for its own project."""
    given().when(floating_create(actor=ANN)).then(refused(Code.FORBIDDEN, "actor.is_admin"))


# --- Allocate and release -------------------------------------------------------------------------


def test_a_project_gets_the_next_address() -> None:
    """From the pool that it names, with the interface of its range."""
    scenario = given(
        floating_create("192.0.2.0/29"), floating_create("198.51.100.7", pool="dmz", interface="eth9")
    )

    scenario.when(floating_allocate(pool="dmz")).then(
        fact(FloatingIpAllocated, address="198.51.100.7", pool="dmz", interface="eth9", project_id="red")
    )


def test_ranges_are_used_up_in_the_order_of_their_creation() -> None:
    """When the first is full, the second follows."""
    scenario = given(floating_create("192.0.2.9"), floating_create("192.0.2.5"), floating_allocate())

    scenario.when(floating_allocate()).then(fact(FloatingIpAllocated, address="192.0.2.5"))


def test_an_exhausted_pool_is_refused() -> None:
    """By nova's name."""
    given(floating_create("192.0.2.9"), floating_allocate()).when(floating_allocate()).then(
        refused(Code.NO_MORE_FLOATING_IPS, "pool", "'nova'")
    )


def test_an_unknown_pool_is_refused() -> None:
    """Not as if it were empty."""
    given(floating_create()).when(floating_allocate(pool="dmz")).then(
        refused(Code.FLOATING_IP_POOL_NOT_FOUND, "pool", "'dmz'")
    )


def test_a_user_allocates_for_its_own_project_only() -> None:
    """An admin does for any."""
    scenario = given(floating_create())

    scenario.when(floating_allocate(BOB, "red")).then(refused(Code.FORBIDDEN, "project_id", "bob"))
    scenario.when(floating_allocate(ADMIN, "red")).then(fact(FloatingIpAllocated, project_id="red"))


def test_a_released_address_is_reused_last() -> None:
    """Whoever still has it in a DNS cache meets nobody for a while."""
    scenario = given(floating_create("192.0.2.0/30"), floating_allocate())
    scenario.when(floating_release("192.0.2.1")).then(
        fact(FloatingIpReleased, address="192.0.2.1", pool="nova", project_id="red")
    )

    scenario.when(floating_allocate()).then(fact(FloatingIpAllocated, address="192.0.2.2"))
    scenario.when(floating_allocate()).then(fact(FloatingIpAllocated, address="192.0.2.1"))


def test_an_associated_address_is_not_released() -> None:
    """It must be disassociated first; the refusal says where it points."""
    owned(associate(FLOATING, FIXED)).when(floating_release(FLOATING)).then(
        refused(Code.FLOATING_IP_ASSOCIATED, "address", FIXED)
    )


# --- Ownership ------------------------------------------------------------------------------------

USES: dict[str, tuple[Callable[..., Message], str]] = {
    "associate": (lambda actor: associate(FLOATING, FIXED, actor), "floating_address"),
    "disassociate": (lambda actor: disassociate(FLOATING, actor), "address"),
    "release": (lambda actor: floating_release(FLOATING, actor), "address"),
}


@pytest.mark.parametrize(("use", "field"), USES.values(), ids=USES)
def test_another_project_may_not_use_it(use: Callable[..., Message], field: str) -> None:
    """The refusal does not tell whose it is."""
    scenario = owned(associate(FLOATING, FIXED))
    outcome = scenario.when(use(BOB))

    outcome.then(refused(Code.FORBIDDEN, field, "bob", FLOATING))
    assert "'red'" not in str(outcome.decision)


@pytest.mark.parametrize(("use", "field"), USES.values(), ids=USES)
def test_what_belongs_to_no_project_is_used_by_nobody(use: Callable[..., Message], field: str) -> None:
    """Not even by an admin: it must be allocated first."""
    given(create(), floating_create("192.0.2.0/29"), spawn()).when(use(ADMIN)).then(
        refused(Code.FORBIDDEN, field, FLOATING)
    )


@pytest.mark.parametrize(("use", "field"), USES.values(), ids=USES)
def test_what_is_in_no_pool_is_unknown(use: Callable[..., Message], field: str) -> None:
    """By nova's name, for every use."""
    given(floating_create("192.0.2.2"), floating_create("191.255.255.255")).when(use(ANN)).then(
        refused(Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, field, FLOATING)
    )


def test_its_own_project_and_an_admin_may_use_it() -> None:
    """The whole life, once by each."""
    for actor in (ANN, ADMIN):
        scenario = owned()
        scenario.happens(
            associate(FLOATING, FIXED, actor),
            disassociate(FLOATING, actor),
            floating_release(FLOATING, actor),
        )


# --- Associate and disassociate -------------------------------------------------------------------


def test_traffic_goes_to_the_fixed_ip() -> None:
    """The event carries all that the network host needs."""
    scenario = owned()
    allocation_id = next(iter(scenario.state.allocations))

    scenario.when(associate(FLOATING, FIXED)).then(
        fact(
            FloatingIpAssociated,
            address=FLOATING,
            fixed_address=FIXED,
            allocation_id=allocation_id,
            network_id=uid("net"),
            instance_uuid=uid("vm"),
            project_id="red",
        )
    )


def test_associating_again_changes_nothing() -> None:
    """As in nova: no side effects."""
    owned(associate(FLOATING, FIXED)).when(associate(FLOATING, FIXED)).then()


def test_a_floating_ip_moves() -> None:
    """It leaves where it points before it goes elsewhere, in one decision."""
    scenario = owned(associate(FLOATING, FIXED), spawn("other", nic("net", "10.0.0.9")))

    scenario.when(associate(FLOATING, "10.0.0.9")).then(
        fact(FloatingIpDisassociated, address=FLOATING, fixed_address=FIXED, instance_uuid=uid("vm")),
        fact(FloatingIpAssociated, address=FLOATING, fixed_address="10.0.0.9", instance_uuid=uid("other")),
    )


def test_many_floating_ips_may_point_at_one_fixed_ip() -> None:
    """As in nova; each is on its own."""
    scenario = owned(floating_allocate(), associate(FLOATING, FIXED), associate("192.0.2.2", FIXED))

    scenario.when(disassociate(FLOATING)).then(fact(FloatingIpDisassociated, address=FLOATING))
    allocation = next(iter(scenario.state.allocations.values()))
    assert len(allocation.floating) == 1


def test_another_projects_fixed_ip_is_refused() -> None:
    """In nova this was left to the caller. The refusal does not tell whose it is; an admin is refused too."""
    scenario = owned(spawn("bobs", nic("net", "10.0.0.9"), actor=BOB, project="blue"))

    for actor in (ANN, ADMIN):
        outcome = scenario.when(associate(FLOATING, "10.0.0.9", actor))
        outcome.then(refused(Code.FORBIDDEN, "fixed_address", "10.0.0.9"))
        assert "blue" not in str(outcome.decision)


@pytest.mark.parametrize("fixed", ["10.0.0.3", "10.0.0.1", "9.9.9.9", "10.0.1.2"])
def test_an_address_that_nobody_holds_is_refused(fixed: str) -> None:
    """Free, reserved, or of no network."""
    owned().when(associate(FLOATING, fixed)).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, "fixed_address", fixed)
    )


def test_a_draining_address_gets_no_floating_ip() -> None:
    """It is no instance's any more."""
    owned(delete()).when(associate(FLOATING, FIXED)).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, "fixed_address")
    )


def test_the_network_may_be_named() -> None:
    """An address of another network than the named one is not meant."""
    scenario = owned(create("other", "10.0.1.0/24"))

    scenario.when(associate(FLOATING, FIXED, name="other")).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, "fixed_address")
    )
    scenario.when(associate(FLOATING, FIXED, name="net")).then(fact(FloatingIpAssociated))


def test_it_points_at_nothing() -> None:
    """The project keeps it."""
    scenario = owned(associate(FLOATING, FIXED))

    scenario.when(disassociate(FLOATING)).then(
        fact(FloatingIpDisassociated, address=FLOATING, fixed_address=FIXED, project_id="red")
    )
    scenario.when(disassociate(FLOATING)).then(refused(Code.FLOATING_IP_NOT_ASSOCIATED, "address", FLOATING))
    scenario.happens(associate(FLOATING, FIXED))


def test_after_its_instance_is_gone_it_can_point_elsewhere() -> None:
    """The project keeps it then, too."""
    scenario = owned(associate(FLOATING, FIXED), delete(), spawn("next", nic("net", "10.0.0.9")))

    scenario.when(associate(FLOATING, "10.0.0.9")).then(fact(FloatingIpAssociated, fixed_address="10.0.0.9"))


def test_a_flat_networks_address_gets_no_floating_ip() -> None:
    """In nova this succeeded and did nothing: no host of ours is its gateway."""
    scenario = owned(create("flat", "10.0.1.0/24", kind="flat"), spawn("vm2", nic("flat")))

    scenario.when(associate(FLOATING, "10.0.1.2")).then(
        refused(Code.NOT_IMPLEMENTED_FOR_KIND, "fixed_address", "10.0.1.2", "flat")
    )


def test_no_more_floating_ips_point_at_an_instance_than_its_deletion_can_let_go() -> None:
    """On all its addresses together; one of them may still move between them."""
    many = [floating_allocate() for _ in range(FLOATING_IPS_MAX + 1)]
    scenario = given(
        create(),
        floating_create("192.0.2.0/23"),
        *many,
        spawn(),
        add_ip(),
        rules=Rules(quota_floating_ips=-1),
    )
    addresses = [ipv4_text(address) for address in scenario.state.floating_ips]
    scenario.happens(
        *(associate(one, f"10.0.0.{2 + at % 2}") for at, one in enumerate(addresses[:FLOATING_IPS_MAX]))
    )

    scenario.when(associate(addresses[-1], "10.0.0.2")).then(
        refused(Code.FLOATING_IP_ASSOCIATE_FAILED, "fixed_address", str(FLOATING_IPS_MAX))
    )
    scenario.happens(associate(addresses[0], "10.0.0.3"))
    assert len(scenario.when(delete()).of(FloatingIpDisassociated)) == FLOATING_IPS_MAX


# --- What no ledger may say -----------------------------------------------------------------------


def test_overlapping_ranges_stop_the_reader() -> None:
    """An address in two pools would have two owners."""
    created = FloatingIpsCreated(pool="dmz", interface=None, first="192.0.2.3", last="192.0.2.9")

    with pytest.raises(InvariantBroken, match="floating IPs already"):
        given(floating_create("192.0.2.0/29"), created)


def test_an_address_with_two_owners_stops_the_reader() -> None:
    """One holder per floating address is asserted where the state changes."""
    again = FloatingIpAllocated(
        address=FLOATING, pool="nova", interface=None, project_id="blue", auto_assigned=False
    )

    with pytest.raises(InvariantBroken, match="held already"):
        owned().happens(again)


def test_an_address_of_no_range_stops_the_reader() -> None:
    """It cannot have been allocated."""
    stray = FloatingIpAllocated(
        address="9.9.9.9", pool="nova", interface=None, project_id="red", auto_assigned=False
    )

    with pytest.raises(InvariantBroken, match="no range"):
        owned().happens(stray)


def test_an_associated_address_that_is_released_stops_the_reader() -> None:
    """Its fixed IP would point at somebody else's address."""
    released = FloatingIpReleased(address=FLOATING, pool="nova", project_id="red")

    with pytest.raises(InvariantBroken, match="points somewhere"):
        owned(associate(FLOATING, FIXED)).happens(released)
