"""Methods about floating IPs (nova-network.md 12.5, 12.7)."""

from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, given
from services.tables import Row


class FloatingIpMethods(Caller, Protocol):
    """Floating IPs."""

    def floating_create(
        self,
        ip_range: str,
        pool: str | None = None,
        interface: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Add an address, or the host addresses of a block, to a pool."""
        args = given(ip_range=ip_range, pool=pool, interface=interface)
        self.call("floating_create", args, actor=actor, command_id=command_id)

    def floating_delete(
        self,
        ip_range: str,
        *,
        force: bool = False,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Take an address, or a block's host addresses, out of their pools; by force from their owners."""
        args = {"ip_range": ip_range, "force": force}
        self.call("floating_delete", args, actor=actor, command_id=command_id)

    def floating_list(self, host: str | None = None, *, actor: Actor | None = None) -> list[Row]:
        """Return all floating IPs that projects own, or those that are bound on a host."""
        found: list[Row] = self.call("floating_list", given(host=host), actor=actor)
        return found

    def floating_ranges(self, *, actor: Actor | None = None) -> list[Row]:
        """Return the ranges of all pools, with how many of their addresses are used and free."""
        found: list[Row] = self.call("floating_ranges", actor=actor)
        return found

    def allocate_floating_ip(
        self,
        project_id: str | None = None,
        pool: str | None = None,
        *,
        auto_assigned: bool = False,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> str:
        """Give a project, the actor's own if none is named, an address of a pool."""
        args = given(project_id=project_id, pool=pool, auto_assigned=auto_assigned)
        address: str = self.call("allocate_floating_ip", args, actor=actor, command_id=command_id)
        return address

    def deallocate_floating_ip(
        self,
        address: str,
        *,
        affect_auto_assigned: bool = False,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Give a floating IP back to its pool."""
        args = {"address": address, "affect_auto_assigned": affect_auto_assigned}
        self.call("deallocate_floating_ip", args, actor=actor, command_id=command_id)

    def associate_floating_ip(
        self,
        floating_address: str,
        fixed_address: str,
        network_id: str | None = None,
        *,
        affect_auto_assigned: bool = False,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> str | None:
        """Point a floating IP at a fixed one; returns the instance that it pointed at before."""
        args = given(
            floating_address=floating_address,
            fixed_address=fixed_address,
            affect_auto_assigned=affect_auto_assigned,
            network_id=network_id,
        )
        before: str | None = self.call("associate_floating_ip", args, actor=actor, command_id=command_id)
        return before

    def disassociate_floating_ip(
        self,
        address: str,
        *,
        affect_auto_assigned: bool = False,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Let a floating IP point at nothing."""
        args = {"address": address, "affect_auto_assigned": affect_auto_assigned}
        self.call("disassociate_floating_ip", args, actor=actor, command_id=command_id)

    def get_floating_ip(self, id: str, *, actor: Actor | None = None) -> Row:  # noqa: A002 - nova's name for it
        """Return a floating IP by its id, which is its address."""
        floating: Row = self.call("get_floating_ip", {"id": id}, actor=actor)
        return floating

    def get_floating_ip_by_address(self, address: str, *, actor: Actor | None = None) -> Row:
        """Return a floating IP."""
        floating: Row = self.call("get_floating_ip_by_address", {"address": address}, actor=actor)
        return floating

    def get_instance_id_by_floating_address(self, address: str, *, actor: Actor | None = None) -> str | None:
        """Return the instance that a floating IP points at."""
        args = {"address": address}
        uuid: str | None = self.call("get_instance_id_by_floating_address", args, actor=actor)
        return uuid

    def get_floating_ips_by_project(self, *, actor: Actor | None = None) -> list[Row]:
        """Return the floating IPs of the actor's project, but for those assigned automatically."""
        found: list[Row] = self.call("get_floating_ips_by_project", actor=actor)
        return found

    def get_floating_ips_by_fixed_address(
        self, fixed_address: str, *, actor: Actor | None = None
    ) -> list[str]:
        """Return the floating IPs that point at a fixed address."""
        args = {"fixed_address": fixed_address}
        found: list[str] = self.call("get_floating_ips_by_fixed_address", args, actor=actor)
        return found

    def get_floating_ip_pools(self, *, actor: Actor | None = None) -> list[Row]:
        """Return the pools, each as `{"name": ...}`."""
        pools: list[Row] = self.call("get_floating_ip_pools", actor=actor)
        return pools

    def get_floating_pools(self, *, actor: Actor | None = None) -> list[Row]:
        """Return the same as `get_floating_ip_pools`, as in nova."""
        return self.get_floating_ip_pools(actor=actor)
