"""Random histories with names and automatic floating IPs, decided by the cell and by the obvious model."""

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from events.addresses import ipv4_text
from events.instances import SpawnInstance
from events.model import Actor
from projections.cell.state import Rules
from tests.unit.cell.model import Model
from tests.unit.cell.model_names import NamesModel
from tests.unit.cell.test_against_model import ACTORS, FLOATING, OWNERS, RULES, VM_NAMES, Histories
from tests.unit.given import Message
from tests.unit.wishes import (
    ADMIN,
    ANN,
    add_entry,
    delete_domain,
    delete_entry,
    floating_allocate,
    floating_create,
    modify_entry,
    private_domain,
    public_domain,
    uid,
)

DOMAIN_NAMES = ["example.org", "example.org", "eu.example.org", "cloud.example"]
DOMAINS = st.sampled_from(DOMAIN_NAMES)
ENTRIES = st.sampled_from(["www", "www", "eu", "www.eu", "a"])
CALLED = {
    uid(vm): (display_name, zone)
    for vm, display_name, zone in zip(
        VM_NAMES, ["a", "A", "www", "my vm", None, "a"], ["z1", None, "z1", "z2", "z1", "z1"], strict=True
    )
}
"""Display names and zones of the instances; some have the same name, one has none, one no good one."""


class NamedHistories(Histories):
    """Anything may happen next, names included."""

    settled: ClassVar[Rules] = Rules(
        fixed_ip_disassociate_timeout=RULES.fixed_ip_disassociate_timeout,
        create_unique_mac_address_attempts=RULES.create_unique_mac_address_attempts,
        quota_fixed_ips=RULES.quota_fixed_ips,
        quota_floating_ips=RULES.quota_floating_ips,
        instance_dns_domain="cloud.example",
        auto_assign_floating_ip=True,
    )
    obvious: ClassVar[type[Model]] = NamesModel

    def send(self, message: Message) -> None:
        """Let both decide; an instance is called as it always is."""
        if isinstance(message, SpawnInstance):
            display_name, zone = CALLED[message.instance_uuid]
            message = message.model_copy(update={"display_name": display_name, "availability_zone": zone})
        super().send(message)

    @initialize()
    def some_names(self) -> None:
        """Begin with a domain, and floating IPs enough."""
        for message in (
            public_domain("example.org", None),
            floating_create("192.0.2.8/29"),
            floating_allocate(),
            floating_allocate(),
            add_entry("www", "192.0.2.1", ADMIN),
        ):
            self.send(message)

    @rule(name=ENTRIES, data=st.data(), actor=st.sampled_from([ADMIN, ANN]))
    def name_rightly(self, name: str, data: st.DataObject, actor: Actor) -> None:
        """Name a floating IP of a project, in a domain that there is."""
        assert isinstance(self.model, NamesModel)
        owned = [one.address for one in self.model.floatings if one.project is not None]
        if owned and self.model.domains:
            domain = data.draw(st.sampled_from(list(self.model.domains)))
            self.send(add_entry(name, data.draw(st.sampled_from(owned)), actor, domain))

    @rule(data=st.data(), actor=st.sampled_from([ADMIN, ANN]))
    def rename_rightly(self, data: st.DataObject, actor: Actor) -> None:
        """Let a name that there is stand for another floating IP."""
        assert isinstance(self.model, NamesModel)
        owned = [one.address for one in self.model.floatings if one.project is not None]
        if owned and self.model.named:
            entry = data.draw(st.sampled_from(self.model.named))
            others = [one for one in owned if one != entry.address]
            address = data.draw(st.sampled_from(others or owned))
            self.send(modify_entry(entry.name, address, actor, entry.domain))

    @rule(data=st.data(), actor=st.sampled_from([ADMIN, ANN]))
    def forget_rightly(self, data: st.DataObject, actor: Actor) -> None:
        """Forget a name that there is."""
        assert isinstance(self.model, NamesModel)
        if self.model.named:
            entry = data.draw(st.sampled_from(self.model.named))
            self.send(delete_entry(entry.name, actor, entry.domain))

    @rule(domain=DOMAINS, project=st.sampled_from(["red", "red", "blue", None]), actor=ACTORS)
    def make_public_domain(self, domain: str, project: str | None, actor: Actor) -> None:
        """Register a domain for floating IPs, or change it."""
        self.send(public_domain(domain, project, actor))

    @rule(domain=DOMAINS, zone=st.sampled_from(["z1", "z2", None]), actor=ACTORS)
    def make_private_domain(self, domain: str, zone: str | None, actor: Actor) -> None:
        """Register a domain for instances, or change it."""
        self.send(private_domain(domain, zone, actor))

    @rule(domain=DOMAINS, actor=ACTORS)
    def forget_domain(self, domain: str, actor: Actor) -> None:
        """Delete a domain."""
        self.send(delete_domain(domain, actor))

    @rule(name=ENTRIES, floating=FLOATING, actor=OWNERS, domain=DOMAINS)
    def name_address(self, name: str, floating: str, actor: Actor, domain: str) -> None:
        """Name a floating IP."""
        self.send(add_entry(name, floating, actor, domain))

    @rule(name=ENTRIES, floating=FLOATING, actor=OWNERS, domain=DOMAINS)
    def rename(self, name: str, floating: str, actor: Actor, domain: str) -> None:
        """Let a name stand for another floating IP."""
        self.send(modify_entry(name, floating, actor, domain))

    @rule(name=ENTRIES, actor=OWNERS, domain=DOMAINS)
    def forget_name(self, name: str, actor: Actor, domain: str) -> None:
        """Forget a name."""
        self.send(delete_entry(name, actor, domain))

    @invariant()
    def the_names_are_the_same(self) -> None:
        """Each with its address, and the domains with what they are for."""
        model = self.model
        assert isinstance(model, NamesModel)
        names = self.cell.state.names
        assert {
            name: (one.scope, one.project_id if one.scope == "public" else one.availability_zone)
            for name, one in names.domains.items()
        } == model.domains
        assert {
            (one.domain, one.name): (ipv4_text(one.address), one.allocation_id is None)
            for one in names.entries.values()
        } == {(one.domain, one.name): (one.address, one.floating is not None) for one in model.named}


NamedHistories.TestCase.settings = settings(Histories.TestCase.settings, max_examples=60)
TestNamedHistories = pytest.mark.slow(NamedHistories.TestCase)
"""Some four thousand steps more."""
