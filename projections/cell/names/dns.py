"""DNS domains and the entries of floating IPs: who may name what (nova-network.md sections 2.5, 11.3)."""

from events.addresses import ipv4_number, ipv4_text
from events.dns import (
    FQDN_MAX,
    AddDnsEntry,
    CreatePrivateDnsDomain,
    CreatePublicDnsDomain,
    DeleteDnsDomain,
    DeleteDnsEntry,
    DnsDomainChanged,
    DnsDomainDeleted,
    DnsDomainRegistered,
    DnsEntryChanged,
    DnsEntryCreated,
    DnsEntryDeleted,
    ModifyDnsEntry,
    Scope,
)
from events.errors import InvariantBroken
from events.model import Actor, Event
from events.refusals import Code, Refusal
from projections.cell.floating.floating_ips import owned
from projections.cell.names.dns_names import Domain, Entry, full_name
from projections.cell.names.instance_dns import forgotten
from projections.cell.network.networks import admin_only, forbidden
from projections.cell.state import CellState

ENTRIES_PER_ADDRESS_MAX = 64
"""Names of one floating IP: releasing it forgets them all in one decision (design section 4)."""

FACTS_PER_DOMAIN_MAX = 1000
"""What one decision that deletes a domain may forget."""


# --- Domains ------------------------------------------------------------------------------------------------


def decide_create(
    state: CellState, command: CreatePrivateDnsDomain | CreatePublicDnsDomain
) -> tuple[Event, ...] | Refusal:
    """Register a domain, or change the zone or project of one that is registered, as nova did."""
    if not command.actor.is_admin:
        return admin_only("create DNS domains")
    public = isinstance(command, CreatePublicDnsDomain)
    scope: Scope = "public" if public else "private"
    zone = None if isinstance(command, CreatePublicDnsDomain) else command.availability_zone
    project_id = command.project_id if isinstance(command, CreatePublicDnsDomain) else None
    known = state.names.domains.get(command.domain)
    if known is None:
        return (
            DnsDomainRegistered(
                domain=command.domain, scope=scope, availability_zone=zone, project_id=project_id
            ),
        )
    if known.scope != scope:
        message = f"Domain {command.domain!r} is {known.scope}; delete it before you make it {scope}."
        return Refusal(code=Code.INVALID_INPUT, field="domain", message=message)
    if (known.availability_zone, known.project_id) == (zone, project_id):
        return ()
    return (
        DnsDomainChanged(domain=command.domain, scope=scope, availability_zone=zone, project_id=project_id),
    )


def apply_registered(state: CellState, event: DnsDomainRegistered) -> None:
    """Let a domain have entries."""
    if event.domain in state.names.domains:
        message = f"domain {event.domain} is registered twice"
        raise InvariantBroken(message)
    state.names.domains[event.domain] = Domain(
        event.domain, event.scope, event.availability_zone, event.project_id
    )


def apply_changed_domain(state: CellState, event: DnsDomainChanged) -> None:
    """Let a domain be another zone's or project's."""
    domain = state.names.domains[event.domain]
    domain.availability_zone, domain.project_id = event.availability_zone, event.project_id


def decide_delete(state: CellState, command: DeleteDnsDomain) -> tuple[Event, ...] | Refusal:
    """Forget a domain, its entries first, those of instances too."""
    if not command.actor.is_admin:
        return admin_only("delete DNS domains")
    if command.domain not in state.names.domains:
        return _no_domain(command.domain)
    events: list[Event] = []
    allocations: dict[str, None] = {}
    for name in state.names.of_domain.get(command.domain, {}):
        entry = state.names.entries[name]
        if entry.allocation_id is None:
            events.append(_deleted(entry))
        else:
            allocations[entry.allocation_id] = None
    for allocation_id in allocations:
        events += forgotten(state, state.allocations[allocation_id])
    events.append(DnsDomainDeleted(domain=command.domain))
    if len(events) > FACTS_PER_DOMAIN_MAX:
        message = (
            f"Domain {command.domain!r} has {len(events) - 1} entries, more than one decision may forget"
            f" ({FACTS_PER_DOMAIN_MAX}); delete entries, or instances that have records in it, first."
        )
        return Refusal(code=Code.DECISION_TOO_LARGE, field="domain", message=message)
    return tuple(events)


def _no_domain(domain: str) -> Refusal:
    message = f"There is no DNS domain {domain!r}; `netledger dns domains` lists those that there are."
    return Refusal(code=Code.NOT_FOUND, field="domain", message=message)


def apply_deleted(state: CellState, event: DnsDomainDeleted) -> None:
    """Forget a domain."""
    if state.names.of_domain.get(event.domain):
        message = f"domain {event.domain} is deleted while it has entries"
        raise InvariantBroken(message)
    del state.names.domains[event.domain]


# --- Entries ------------------------------------------------------------------------------------------------


def decide_add(state: CellState, command: AddDnsEntry) -> tuple[Event, ...] | Refusal:
    """Give a floating IP a name that nothing has yet."""
    if command.dns_type.upper() != "A":
        message = f"Only entries of type A are kept, not {command.dns_type!r}."
        return Refusal(code=Code.INVALID_INPUT, field="dns_type", message=message)
    refusal = (
        _not_writable(state, command.actor, command.domain)
        or _bad_name(state, command)
        or _not_nameable(state, command)
    )
    if refusal is not None:
        return refusal
    if full_name(command.name, command.domain) in state.names.entries:
        message = f"Name {full_name(command.name, command.domain)!r} exists; modify or delete it."
        return Refusal(code=Code.FLOATING_IP_DNS_EXISTS, field="name", message=message)
    return (DnsEntryCreated(domain=command.domain, name=command.name, address=command.address),)


def _not_writable(state: CellState, actor: Actor, name: str) -> Refusal | None:
    """Refuse who may not change a domain's entries: private ones are the cloud's, others of their project."""
    domain = state.names.domains.get(name)
    if domain is None:
        return _no_domain(name)
    if actor.is_admin or (domain.scope == "public" and domain.project_id in {None, actor.project}):
        return None
    return forbidden(actor, f"change entries of DNS domain {name!r}", "domain")


def _bad_name(state: CellState, command: AddDnsEntry) -> Refusal | None:
    name = full_name(command.name, command.domain)
    if len(name) > FQDN_MAX:
        message = f"With its domain the name has {len(name)} characters; {FQDN_MAX} are possible (RFC 1035)."
        return Refusal(code=Code.INVALID_INPUT, field="name", message=message)
    inner = state.names.narrower_domain(command.name, command.domain)
    if inner is not None:
        message = f"Name {name!r} is one of domain {inner!r}, not of {command.domain!r}."
        return Refusal(code=Code.INVALID_INPUT, field="name", message=message)
    return None


def _not_nameable(state: CellState, command: AddDnsEntry | ModifyDnsEntry) -> Refusal | None:
    """Refuse an address that is no floating IP of the actor's project, or has enough names."""
    floating = owned(state, command.actor, command.address, "address")
    if isinstance(floating, Refusal):
        return floating
    if floating.auto_assigned:
        message = f"Floating IP {command.address} was assigned automatically; it goes with its instance."
        return Refusal(code=Code.FORBIDDEN, field="address", message=message)
    if len(state.names.of_address.get(floating.address, {})) >= ENTRIES_PER_ADDRESS_MAX:
        message = (
            f"Floating IP {command.address} has {ENTRIES_PER_ADDRESS_MAX} names, as many as it may have."
        )
        return Refusal(code=Code.INVALID_INPUT, field="address", message=message)
    return None


def apply_created(state: CellState, event: DnsEntryCreated) -> None:
    """Let a name stand for a floating IP."""
    state.names.add(Entry(event.domain, event.name, ipv4_number(event.address), None))


def decide_modify(state: CellState, command: ModifyDnsEntry) -> tuple[Event, ...] | Refusal:
    """Let a name stand for another floating IP."""
    entry = _entry(state, command)
    if isinstance(entry, Refusal):
        return entry
    if entry.address == ipv4_number(command.address):
        return ()
    refusal = _not_nameable(state, command)
    if refusal is not None:
        return refusal
    was = ipv4_text(entry.address)
    return (DnsEntryChanged(domain=entry.domain, name=entry.name, address=command.address, was=was),)


def _entry(state: CellState, command: ModifyDnsEntry | DeleteDnsEntry) -> Entry | Refusal:
    """Return an entry that the actor may change."""
    refusal = _not_writable(state, command.actor, command.domain)
    if refusal is not None:
        return refusal
    name = full_name(command.name, command.domain)
    entry = state.names.entries.get(name)
    if entry is None or entry.domain != command.domain:
        message = f"Domain {command.domain!r} has no entry {command.name!r}."
        return Refusal(code=Code.NOT_FOUND, field="name", message=message)
    if entry.allocation_id is not None:
        message = f"Name {name!r} is an instance's; it goes with the instance, or with the domain."
        return Refusal(code=Code.FORBIDDEN, field="name", message=message)
    nobodys = state.names.domains[command.domain].project_id is None
    if nobodys and not command.actor.is_admin:
        # Whose domain it is may change its entries; where it is nobody's, whose address it is.
        address = owned(state, command.actor, ipv4_text(entry.address), "name")
        return address if isinstance(address, Refusal) else entry
    return entry


def apply_changed(state: CellState, event: DnsEntryChanged) -> None:
    """Let a name stand for another floating IP."""
    state.names.remove(full_name(event.name, event.domain))
    state.names.add(Entry(event.domain, event.name, ipv4_number(event.address), None))


def decide_delete_entry(state: CellState, command: DeleteDnsEntry) -> tuple[Event, ...] | Refusal:
    """Forget a name."""
    entry = _entry(state, command)
    return entry if isinstance(entry, Refusal) else (_deleted(entry),)


def _deleted(entry: Entry) -> DnsEntryDeleted:
    return DnsEntryDeleted(domain=entry.domain, name=entry.name, address=ipv4_text(entry.address))


def apply_deleted_entry(state: CellState, event: DnsEntryDeleted) -> None:
    """Forget a name."""
    state.names.remove(full_name(event.name, event.domain))
