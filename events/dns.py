"""DNS: domains, entries of floating IPs, records of instances (nova-network.md sections 2.5 and 11).

Names are case-insensitive (RFC 4343) and lower case in every record.
"""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints

from events.model import HOSTNAME_PATTERN, PRINTABLE_PATTERN, Command, Event, Ipv4, ProjectId

FQDN_MAX = 253
"""Characters of a full name, without the dot at its end (RFC 1035 section 2.3.4)."""

LABEL_MAX = 63
"""Characters of one label of a name, likewise."""

_NAME = re.compile(HOSTNAME_PATTERN, re.ASCII).fullmatch


def parse_dns_name(text: str) -> str:
    """Return a DNS name in lower case.

    Raises:
        ValueError: it is none.

    """
    if len(text) > FQDN_MAX or not _NAME(text):
        message = (
            f"{text[:FQDN_MAX]!r} is not a DNS name; write labels of at most {LABEL_MAX} letters, digits and"
            f" inner hyphens, joined by dots, {FQDN_MAX} characters in all"
        )
        raise ValueError(message)
    return text.lower()


DnsName = Annotated[
    str,
    AfterValidator(parse_dns_name),
    Field(json_schema_extra={"minLength": 1, "maxLength": FQDN_MAX, "pattern": HOSTNAME_PATTERN}),
]
"""Labels of at most 63 letters, digits and inner hyphens (RFC 1123 section 2.1), joined by dots."""

Zone = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=PRINTABLE_PATTERN)]
"""An availability zone, as compute names it."""

Scope = Literal["private", "public"]


class CreatePrivateDnsDomain(Command):
    """Register a domain for instances; one that is registered changes its zone only."""

    subject_field: ClassVar[str] = "domain"

    type: Literal["CreatePrivateDnsDomain.v1"] = "CreatePrivateDnsDomain.v1"
    domain: DnsName
    availability_zone: Zone | None = None
    """Only instances of this zone get records in it; those of every zone when left out."""


class CreatePublicDnsDomain(Command):
    """Register a domain for floating IPs; one that is registered changes its project only."""

    subject_field: ClassVar[str] = "domain"

    type: Literal["CreatePublicDnsDomain.v1"] = "CreatePublicDnsDomain.v1"
    domain: DnsName
    project_id: ProjectId | None = None
    """The project whose domain it is; any may use it when left out."""


class DeleteDnsDomain(Command):
    """Forget a domain with all its entries."""

    subject_field: ClassVar[str] = "domain"

    type: Literal["DeleteDnsDomain.v1"] = "DeleteDnsDomain.v1"
    domain: DnsName


class AddDnsEntry(Command):
    """Give a floating IP a name in a domain."""

    subject_field: ClassVar[str] = "domain"

    type: Literal["AddDnsEntry.v1"] = "AddDnsEntry.v1"
    domain: DnsName
    name: DnsName
    """Relative to the domain."""
    address: Ipv4
    dns_type: Annotated[str, StringConstraints(min_length=1, max_length=16)] = "A"
    """Only A records are kept."""


class ModifyDnsEntry(Command):
    """Let a name stand for another floating IP."""

    subject_field: ClassVar[str] = "domain"

    type: Literal["ModifyDnsEntry.v1"] = "ModifyDnsEntry.v1"
    domain: DnsName
    name: DnsName
    address: Ipv4


class DeleteDnsEntry(Command):
    """Forget a name of a domain."""

    subject_field: ClassVar[str] = "domain"

    type: Literal["DeleteDnsEntry.v1"] = "DeleteDnsEntry.v1"
    domain: DnsName
    name: DnsName


class DnsDomainRegistered(Event):
    """A domain may have entries."""

    type: Literal["DnsDomainRegistered.v1"] = "DnsDomainRegistered.v1"
    domain: str
    scope: Scope
    availability_zone: str | None
    project_id: str | None


class DnsDomainChanged(Event):
    """A domain is another zone's, or another project's."""

    type: Literal["DnsDomainChanged.v1"] = "DnsDomainChanged.v1"
    domain: str
    scope: Scope
    availability_zone: str | None
    project_id: str | None


class DnsDomainDeleted(Event):
    """A domain is forgotten; it has no entries any more."""

    type: Literal["DnsDomainDeleted.v1"] = "DnsDomainDeleted.v1"
    domain: str


class DnsEntryCreated(Event):
    """A name of a domain stands for a floating IP."""

    type: Literal["DnsEntryCreated.v1"] = "DnsEntryCreated.v1"
    domain: str
    name: str
    address: str


class DnsEntryChanged(Event):
    """A name stands for another floating IP."""

    type: Literal["DnsEntryChanged.v1"] = "DnsEntryChanged.v1"
    domain: str
    name: str
    address: str
    was: str


class DnsEntryDeleted(Event):
    """A name stands for nothing."""

    type: Literal["DnsEntryDeleted.v1"] = "DnsEntryDeleted.v1"
    domain: str
    name: str
    address: str


class InstanceDnsEntriesCreated(Event):
    """Names of an instance stand for one of its fixed IPs."""

    type: Literal["InstanceDnsEntriesCreated.v1"] = "InstanceDnsEntriesCreated.v1"
    domain: str
    names: tuple[str, ...]
    """Its display name, where that can be a name and was not taken, and its id."""
    address: str
    allocation_id: str
    instance_uuid: str


class InstanceDnsEntriesDeleted(Event):
    """Names of an instance stand for nothing, or for another address from the next event on."""

    type: Literal["InstanceDnsEntriesDeleted.v1"] = "InstanceDnsEntriesDeleted.v1"
    domain: str
    names: tuple[str, ...]
    address: str
    allocation_id: str
    instance_uuid: str
