"""Methods about DNS (nova-network.md 12.6)."""

from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, given
from services.tables import Row


class DnsMethods(Caller, Protocol):
    """DNS domains and entries."""

    def get_dns_domains(self, *, actor: Actor | None = None) -> list[Row]:
        """Return the domains that the actor sees."""
        found: list[Row] = self.call("get_dns_domains", actor=actor)
        return found

    def create_private_dns_domain(
        self,
        domain: str,
        av_zone: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Register a domain for the instances of an availability zone, or of all."""
        args = given(domain=domain, av_zone=av_zone)
        self.call("create_private_dns_domain", args, actor=actor, command_id=command_id)

    def create_public_dns_domain(
        self,
        domain: str,
        project: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Register a domain for the floating IPs of a project, or of all."""
        args = given(domain=domain, project=project)
        self.call("create_public_dns_domain", args, actor=actor, command_id=command_id)

    def delete_dns_domain(
        self, domain: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> None:
        """Forget a domain and its entries."""
        self.call("delete_dns_domain", {"domain": domain}, actor=actor, command_id=command_id)

    def add_dns_entry(
        self,
        address: str,
        name: str,
        dns_type: str,
        domain: str,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Give a floating IP a name in a domain; the type is A."""
        args = {"address": address, "name": name, "dns_type": dns_type, "domain": domain}
        self.call("add_dns_entry", args, actor=actor, command_id=command_id)

    def modify_dns_entry(
        self,
        address: str,
        name: str,
        domain: str,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Let a name stand for another floating IP."""
        args = {"address": address, "name": name, "domain": domain}
        self.call("modify_dns_entry", args, actor=actor, command_id=command_id)

    def delete_dns_entry(
        self, name: str, domain: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> None:
        """Forget a name of a domain."""
        self.call("delete_dns_entry", {"name": name, "domain": domain}, actor=actor, command_id=command_id)

    def get_dns_entries_by_address(
        self, address: str, domain: str, *, actor: Actor | None = None
    ) -> list[str]:
        """Return the names that stand for an address in a domain."""
        args = {"address": address, "domain": domain}
        names: list[str] = self.call("get_dns_entries_by_address", args, actor=actor)
        return names

    def get_dns_entries_by_name(self, name: str, domain: str, *, actor: Actor | None = None) -> list[str]:
        """Return what a name of a domain stands for: one address, or none."""
        addresses: list[str] = self.call(
            "get_dns_entries_by_name", {"name": name, "domain": domain}, actor=actor
        )
        return addresses

    def dns_export(self, domain: str | None = None, *, actor: Actor | None = None) -> str:
        """Return the entries of a domain, or of all, as a hosts file for dnsmasq."""
        text: str = self.call("dns_export", given(domain=domain), actor=actor)
        return text
