"""Names of floating IPs: who may give, change and take them (nova-network.md sections 11.1, 11.3, 12.6)."""

from collections.abc import Callable

import pytest

from events.dns import DnsEntryChanged, DnsEntryCreated, DnsEntryDeleted
from events.errors import InvariantBroken
from events.floating_ips import FloatingIpReleased, FloatingIpsDeleted
from events.model import Event
from events.refusals import Code
from projections.cell.names.dns import ENTRIES_PER_ADDRESS_MAX
from projections.cell.state import Rules
from tests.unit.given import Message, Scenario, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    add_entry,
    create,
    delete_entry,
    floating_allocate,
    floating_create,
    floating_delete,
    floating_release,
    modify_entry,
    private_domain,
    public_domain,
    spawn,
)

REDS = "192.0.2.1"
OTHER = "192.0.2.2"
BLUES = "192.0.2.3"
FREE = "192.0.2.4"


def named(*more: Message) -> Scenario:
    """Return a cell with a domain of project red's, one of nobody's, a private one, and floating IPs."""
    return given(
        public_domain("example.org", "red"),
        public_domain("shared.example", None),
        private_domain("cloud.example"),
        floating_create("192.0.2.0/29"),
        floating_allocate(ANN, "red"),
        floating_allocate(ANN, "red"),
        floating_allocate(BOB, "blue"),
        *more,
    )


# --- Adding ---------------------------------------------------------------------------------------


def test_a_floating_ip_gets_a_name() -> None:
    """And another one, and one in another domain."""
    scenario = named()

    scenario.when(add_entry("www", REDS)).then(
        fact(DnsEntryCreated, domain="example.org", name="www", address=REDS)
    )
    scenario.happens(add_entry("mail.eu", REDS), add_entry("www", REDS, domain="shared.example"))


def test_names_are_kept_in_lower_case() -> None:
    """A name that differs in case alone is the same (RFC 4343)."""
    scenario = named()

    scenario.when(add_entry("WwW", REDS, domain="Example.Org")).then(
        fact(DnsEntryCreated, domain="example.org", name="www")
    )
    scenario.when(add_entry("wWw", OTHER)).then(refused(Code.FLOATING_IP_DNS_EXISTS, "name", "www"))
    scenario.when(delete_entry("WWW")).then(fact(DnsEntryDeleted, name="www"))


def test_a_name_has_one_address() -> None:
    """By nova's name for it, also for the same address again."""
    scenario = named(add_entry("www", REDS))

    for address in (REDS, OTHER):
        scenario.when(add_entry("www", address)).then(
            refused(Code.FLOATING_IP_DNS_EXISTS, "name", "www.example.org")
        )


@pytest.mark.parametrize("dns_type", ["AAAA", "CNAME", "PTR", "x"])
def test_only_type_a_is_kept(dns_type: str) -> None:
    """As in nova; `a` is an A."""
    scenario = named()

    scenario.when(add_entry("www", REDS, dns_type=dns_type)).then(
        refused(Code.INVALID_INPUT, "dns_type", dns_type)
    )
    scenario.when(add_entry("www", REDS, dns_type="a")).then(fact(DnsEntryCreated))


def test_failure_25_a_name_too_long_with_its_domain_is_refused() -> None:
    """Each is short enough alone."""
    label = "a" * 63
    domain = f"{label}.{label}.{label}"
    scenario = named(public_domain(domain, "red"))

    scenario.when(add_entry("b" * 62, REDS, domain=domain)).then(
        refused(Code.INVALID_INPUT, "name", "254", "253")
    )
    scenario.when(add_entry("b" * 61, REDS, domain=domain)).then(fact(DnsEntryCreated))


@pytest.mark.parametrize("name", ["www.eu", "eu"])
def test_a_name_is_told_of_in_the_narrowest_domain(name: str) -> None:
    """Else two projects could give one full name two addresses."""
    scenario = named(public_domain("eu.shared.example", "blue"))

    scenario.when(add_entry(name, REDS, domain="shared.example")).then(
        refused(Code.INVALID_INPUT, "name", "eu.shared.example")
    )
    scenario.when(add_entry("www.us", REDS, domain="shared.example")).then(fact(DnsEntryCreated))


def test_one_full_name_has_one_address_whatever_its_domain() -> None:
    """Also when the narrower domain came later."""
    scenario = named(
        add_entry("www.eu", REDS, domain="shared.example"), public_domain("eu.shared.example", "blue")
    )

    scenario.when(add_entry("www", BLUES, BOB, "eu.shared.example")).then(
        refused(Code.FLOATING_IP_DNS_EXISTS, "name", "www.eu.shared.example")
    )
    scenario.when(delete_entry("www", BOB, "eu.shared.example")).then(
        refused(Code.NOT_FOUND, "name", "'www'")
    )


def test_an_address_has_no_more_names_than_its_release_can_forget() -> None:
    """The last one is refused, also by modifying."""
    many = [add_entry(f"n{number}", REDS) for number in range(ENTRIES_PER_ADDRESS_MAX)]
    scenario = named(*many, add_entry("other", OTHER))
    full = refused(Code.INVALID_INPUT, "address", str(ENTRIES_PER_ADDRESS_MAX))

    scenario.when(add_entry("one-more", REDS)).then(full)
    scenario.when(modify_entry("other", REDS)).then(full)


# --- Modifying and deleting -----------------------------------------------------------------------


def test_a_name_changes_its_address() -> None:
    """Both are told; to the same address nothing changes."""
    scenario = named(add_entry("www", REDS))

    scenario.when(modify_entry("www", OTHER)).then(
        fact(DnsEntryChanged, domain="example.org", name="www", address=OTHER, was=REDS)
    )
    scenario.when(modify_entry("www", OTHER)).then()
    scenario.when(floating_release(REDS)).then(fact(FloatingIpReleased))


def test_a_name_is_forgotten() -> None:
    """And free for another address."""
    scenario = named(add_entry("www", REDS))

    scenario.when(delete_entry("www")).then(
        fact(DnsEntryDeleted, domain="example.org", name="www", address=REDS)
    )
    scenario.when(add_entry("www", OTHER)).then(fact(DnsEntryCreated))


@pytest.mark.parametrize(
    "wish",
    [
        add_entry("www", REDS, domain="none.example"),
        modify_entry("www", REDS, domain="none.example"),
        delete_entry("www", domain="none.example"),
    ],
    ids=["add", "modify", "delete"],
)
def test_what_is_no_domain_is_not_found(wish: Message) -> None:
    """By nova's name."""
    named().when(wish).then(refused(Code.NOT_FOUND, "domain", "none.example"))


@pytest.mark.parametrize("wish", [modify_entry("www", REDS), delete_entry("www")], ids=["modify", "delete"])
def test_what_is_no_entry_is_not_found(wish: Message) -> None:
    """Although the name is one of another domain."""
    named(add_entry("www", REDS, domain="shared.example")).when(wish).then(
        refused(Code.NOT_FOUND, "name", "'www'")
    )


# --- Ownership ------------------------------------------------------------------------------------

CHANGES: dict[str, Callable[..., Message]] = {
    "add": lambda actor, domain: add_entry("new", BLUES, actor, domain),
    "modify": lambda actor, domain: modify_entry("www", BLUES, actor, domain),
    "delete": lambda actor, domain: delete_entry("www", actor, domain),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_project_changes_nothing_in_a_projects_domain(change: Callable[..., Message]) -> None:
    """Nova let every user change every domain. The refusal does not tell whose it is."""
    outcome = named(add_entry("www", REDS)).when(change(BOB, "example.org"))

    outcome.then(refused(Code.FORBIDDEN, "domain", "bob", "example.org"))
    assert "red" not in str(outcome.decision)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_private_domains_are_the_clouds(change: Callable[..., Message]) -> None:
    """Instances get names there by themselves; users give none."""
    named(add_entry("www", BLUES, ADMIN, "cloud.example")).when(change(BOB, "cloud.example")).then(
        refused(Code.FORBIDDEN, "domain", "cloud.example")
    )


def test_in_a_domain_of_nobodys_everyone_names_its_own_addresses() -> None:
    """And changes the names of its own alone."""
    scenario = named(add_entry("www", REDS, ANN, "shared.example"))

    scenario.when(modify_entry("www", BLUES, BOB, "shared.example")).then(
        refused(Code.FORBIDDEN, "name", "bob")
    )
    scenario.when(delete_entry("www", BOB, "shared.example")).then(refused(Code.FORBIDDEN, "name", "bob"))
    scenario.when(add_entry("blues", BLUES, BOB, "shared.example")).then(fact(DnsEntryCreated))
    scenario.when(delete_entry("www", ANN, "shared.example")).then(fact(DnsEntryDeleted))


@pytest.mark.parametrize(
    ("wish", "made"),
    [(add_entry("new", BLUES), DnsEntryCreated), (modify_entry("www", BLUES), DnsEntryChanged)],
    ids=["add", "modify"],
)
def test_another_projects_address_is_not_named(wish: Message, made: type[Event]) -> None:
    """Not even in one's own domain; an admin may."""
    scenario = named(add_entry("www", REDS))

    scenario.when(wish).then(refused(Code.FORBIDDEN, "address", "ann", BLUES))
    scenario.when(wish.model_copy(update={"actor": ADMIN})).then(fact(made, address=BLUES))


def test_only_floating_ips_that_somebody_owns_are_named() -> None:
    """A free one would keep the name for its next owner; nova took any address."""
    scenario = named()

    for actor in (ANN, ADMIN):
        scenario.when(add_entry("www", FREE, actor)).then(refused(Code.FORBIDDEN, "address", FREE))
        scenario.when(add_entry("www", "9.9.9.9", actor)).then(
            refused(Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, "address", "9.9.9.9")
        )


def test_an_automatic_floating_ip_gets_no_name() -> None:
    """Its project does not see it, and it goes with its instance."""
    scenario = named(floating_allocate(ADMIN, "red", auto_assigned=True))

    scenario.when(add_entry("www", FREE)).then(refused(Code.FORBIDDEN, "address", "automatically"))


def test_an_instances_name_is_not_changed_by_hand() -> None:
    """It goes with the instance."""
    scenario = given(
        create(),
        public_domain("cloud.example", "red"),
        floating_create("192.0.2.0/29"),
        floating_allocate(),
        spawn(display_name="web"),
        rules=Rules(instance_dns_domain="cloud.example"),
    )

    for actor in (ANN, ADMIN):
        scenario.when(modify_entry("web", REDS, actor, "cloud.example")).then(
            refused(Code.FORBIDDEN, "name", "instance")
        )
        scenario.when(delete_entry("web", actor, "cloud.example")).then(
            refused(Code.FORBIDDEN, "name", "instance")
        )


# --- With the address -----------------------------------------------------------------------------


def test_a_released_address_loses_its_names_in_every_domain() -> None:
    """Else they would lead to its next owner."""
    scenario = named(
        add_entry("www", REDS), add_entry("www", REDS, domain="shared.example"), add_entry("mail", OTHER)
    )

    scenario.when(floating_release(REDS)).then(
        fact(DnsEntryDeleted, domain="example.org", name="www"),
        fact(DnsEntryDeleted, domain="shared.example", name="www"),
        fact(FloatingIpReleased, address=REDS),
    )
    assert list(scenario.state.names.entries) == ["mail.example.org"]


def test_an_address_deleted_by_force_loses_its_names() -> None:
    """In the same decision."""
    named(add_entry("www", REDS)).when(floating_delete(REDS, force=True)).then(
        fact(DnsEntryDeleted, name="www"), fact(FloatingIpReleased), fact(FloatingIpsDeleted)
    )


def test_a_released_address_that_has_a_name_stops_the_reader() -> None:
    """Whoever got it next would have the name."""
    released = FloatingIpReleased(address=REDS, pool="nova", project_id="red")

    with pytest.raises(InvariantBroken, match="has names"):
        named(add_entry("www", REDS)).happens(released)


def test_a_name_with_two_addresses_stops_the_reader() -> None:
    """One address per full name is asserted where the state changes."""
    again = DnsEntryCreated(domain="example.org", name="www", address=OTHER)

    with pytest.raises(InvariantBroken, match="two addresses"):
        named(add_entry("www", REDS)).happens(again)
