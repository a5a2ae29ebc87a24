"""DNS domains: registered, changed and deleted by admins (nova-network.md sections 2.5, 11.3)."""

import pytest
from pydantic import ValidationError

from events.dns import (
    DnsDomainChanged,
    DnsDomainDeleted,
    DnsDomainRegistered,
    DnsEntryCreated,
    DnsEntryDeleted,
    InstanceDnsEntriesDeleted,
)
from events.errors import InvariantBroken
from events.refusals import Code
from projections.cell.names.dns import FACTS_PER_DOMAIN_MAX
from projections.cell.state import Rules
from tests.unit.given import Message, fact, given, refused
from tests.unit.wishes import (
    ANN,
    add_entry,
    create,
    delete_domain,
    floating_allocate,
    floating_create,
    private_domain,
    public_domain,
    spawn,
)


def test_a_private_domain_has_a_zone() -> None:
    """Nova's create_private_dns_domain."""
    given().when(private_domain("cloud.example", "z1")).then(
        fact(
            DnsDomainRegistered,
            domain="cloud.example",
            scope="private",
            availability_zone="z1",
            project_id=None,
        )
    )


def test_a_public_domain_has_a_project() -> None:
    """Nova's create_public_dns_domain."""
    given().when(public_domain("example.org", "red")).then(
        fact(
            DnsDomainRegistered,
            domain="example.org",
            scope="public",
            availability_zone=None,
            project_id="red",
        )
    )


def test_a_registered_domain_changes_its_zone_or_project_only() -> None:
    """As in nova; the same again changes nothing."""
    scenario = given(private_domain("cloud.example", "z1"), public_domain("example.org", "red"))

    scenario.when(private_domain("cloud.example", "z2")).then(
        fact(DnsDomainChanged, domain="cloud.example", availability_zone="z2")
    )
    scenario.when(public_domain("example.org", "blue")).then(
        fact(DnsDomainChanged, domain="example.org", project_id="blue")
    )
    scenario.when(private_domain("cloud.example", "z2")).then()
    scenario.when(public_domain("example.org", "blue")).then()


def test_a_domain_is_not_both_private_and_public() -> None:
    """In nova the row changed its scope, and its entries stayed with the other driver."""
    scenario = given(private_domain("cloud.example"), public_domain("example.org"))

    scenario.when(public_domain("cloud.example")).then(refused(Code.INVALID_INPUT, "domain", "private"))
    scenario.when(private_domain("example.org")).then(refused(Code.INVALID_INPUT, "domain", "public"))


@pytest.mark.parametrize(
    "wish",
    [private_domain("a.example", actor=ANN), public_domain("a.example", actor=ANN), delete_domain(actor=ANN)],
    ids=["private", "public", "delete"],
)
def test_only_an_admin_creates_and_deletes_domains(wish: Message) -> None:
    """As nova's policy has it; not even the project whose domain it is."""
    given(public_domain("example.org", "red")).when(wish).then(refused(Code.FORBIDDEN, "actor.is_admin"))


def test_names_of_domains_are_lower_case() -> None:
    """Whichever way they are written, they are the same (RFC 4343)."""
    scenario = given(public_domain("Example.ORG", "red"))

    scenario.when(public_domain("eXample.org", "red")).then()
    scenario.when(delete_domain("EXAMPLE.org")).then(fact(DnsDomainDeleted, domain="example.org"))


BAD_NAMES = [
    "",
    ".",
    "a..b",
    "-a.example",
    "a-.example",
    "a_b.example",
    "a b.example",
    "example.",
    f"{'a' * 64}.example",
    ".".join(["a" * 63] * 4),
    "caf\u00e9.example",
    "a\n.example",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_failure_25_what_is_no_name_is_never_a_domain(name: str) -> None:
    """Labels of at most 63 letters, digits and inner hyphens, 253 characters in all: else dnsmasq stops."""
    with pytest.raises(ValidationError, match="domain"):
        public_domain(name)
    with pytest.raises(ValidationError, match="name"):
        add_entry(name, "192.0.2.1")


def test_a_domain_goes_with_its_entries() -> None:
    """Nova left those of private domains behind."""
    scenario = given(
        create(),
        private_domain("cloud.example"),
        public_domain("example.org"),
        floating_create(),
        floating_allocate(),
        add_entry("www", "192.0.2.1"),
        add_entry("mail", "192.0.2.1"),
        spawn(display_name="web"),
        rules=Rules(instance_dns_domain="cloud.example"),
    )

    scenario.when(delete_domain("example.org")).then(
        fact(DnsEntryDeleted, domain="example.org", name="www", address="192.0.2.1"),
        fact(DnsEntryDeleted, domain="example.org", name="mail", address="192.0.2.1"),
        fact(DnsDomainDeleted, domain="example.org"),
    )
    scenario.when(delete_domain("cloud.example")).then(
        fact(InstanceDnsEntriesDeleted, domain="cloud.example", address="10.0.0.2"),
        fact(DnsDomainDeleted, domain="cloud.example"),
    )
    assert not scenario.state.names.entries
    scenario.when(delete_domain("example.org")).then(refused(Code.NOT_FOUND, "domain", "example.org"))


def test_a_domain_of_more_entries_than_a_decision_holds_is_refused() -> None:
    """The sentence says what to do."""
    scenario = given(public_domain(), floating_create(), floating_allocate())
    entries = [
        DnsEntryCreated(domain="example.org", name=f"n{number}", address="192.0.2.1")
        for number in range(FACTS_PER_DOMAIN_MAX)
    ]
    scenario._apply(tuple(entries))  # noqa: SLF001 - a thousand decisions in one

    scenario.when(delete_domain()).then(refused(Code.DECISION_TOO_LARGE, "domain", "1000", "first"))


def test_a_domain_registered_twice_stops_the_reader() -> None:
    """The second would take it from the first."""
    event = DnsDomainRegistered(
        domain="example.org", scope="public", availability_zone=None, project_id="blue"
    )

    with pytest.raises(InvariantBroken, match="twice"):
        given(public_domain("example.org"), event)


def test_a_domain_deleted_before_its_entries_stops_the_reader() -> None:
    """They would be in no domain."""
    with pytest.raises(InvariantBroken, match="has entries"):
        given(
            public_domain(),
            floating_create(),
            floating_allocate(),
            add_entry("www", "192.0.2.1"),
            DnsDomainDeleted(domain="example.org"),
        )
