"""nova's manager methods as methods of Python, by the names and arguments of nova-network.md section 12.

They do what `call` does. Each takes `actor` besides, on whose behalf it is asked, and `command_id` if it
changes something, under which it can be repeated safely.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from events.model import Actor
from services.tables import Row

RequestedNetwork = Mapping[str, str | None] | Sequence[str | None]
"""A NIC: an object with `network_id`, `address` and `tag`, or nova's pair of network id and address."""


class Caller(Protocol):
    """Whatever calls methods by name."""

    def call(
        self,
        method: str,
        args: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> Any:  # noqa: ANN401 - as different as nova's return values
        """Call a method by nova's name; returns what nova returned."""


def _given(**args: object) -> dict[str, object]:
    """Return the arguments that are not left out."""
    return {name: value for name, value in args.items() if value is not None}


class NetworkManager(Caller, Protocol):
    """What nova's compute and API asked of nova-network.

    Every method raises what `call` does: Refused, OutcomeUnknown, NetledgerError.
    """

    # --- Networks -------------------------------------------------------------------------------------------

    def create_networks(
        self,
        label: str,
        cidr: str,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
        **plan: str | int | bool | None,
    ) -> list[Row]:
        """Create networks, and return them in order. `plan`: the other fields of `CreateNetworksArgs`."""
        args = _given(label=label, cidr=cidr, **plan)
        networks: list[Row] = self.call("create_networks", args, actor=actor, command_id=command_id)
        return networks

    def delete_network(
        self,
        *,
        uuid: str | None = None,
        fixed_range: str | None = None,
        require_disassociated: bool = True,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Delete a network, named by id or by its block, that no instance uses."""
        args = _given(uuid=uuid, fixed_range=fixed_range, require_disassociated=require_disassociated)
        self.call("delete_network", args, actor=actor, command_id=command_id)

    def get_network(self, network_uuid: str, *, actor: Actor | None = None) -> Row:
        """Return a network."""
        network: Row = self.call("get_network", {"network_uuid": network_uuid}, actor=actor)
        return network

    def get_all_networks(self, *, actor: Actor | None = None) -> list[Row]:
        """Return the networks that the actor sees, in order of creation."""
        networks: list[Row] = self.call("get_all_networks", actor=actor)
        return networks

    def validate_networks(
        self, networks: Sequence[tuple[str, str | None]], *, actor: Actor | None = None
    ) -> None:
        """Refuse networks and addresses for which a spawn would be refused; reserves nothing."""
        self.call("validate_networks", {"networks": networks}, actor=actor)

    # --- Instances and NICs ---------------------------------------------------------------------------------

    def allocate_for_instance(  # noqa: PLR0913 - what nova's takes, and more
        self,
        instance_uuid: str,
        project_id: str,
        host: str,
        requested_networks: Sequence[RequestedNetwork] | None = None,
        *,
        hostname: str | None = None,
        display_name: str | None = None,
        rxtx_factor: float | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> list[Row]:
        """Give an instance all its NICs, MACs and fixed IPs, or none; returns network_info."""
        args = _given(
            instance_uuid=instance_uuid,
            project_id=project_id,
            host=host,
            requested_networks=requested_networks,
            hostname=hostname,
            display_name=display_name,
            rxtx_factor=rxtx_factor,
        )
        info: list[Row] = self.call("allocate_for_instance", args, actor=actor, command_id=command_id)
        return info

    def deallocate_for_instance(
        self, instance_uuid: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> None:
        """Take everything back from an instance."""
        args = {"instance_uuid": instance_uuid}
        self.call("deallocate_for_instance", args, actor=actor, command_id=command_id)

    def add_fixed_ip_to_instance(
        self,
        instance_uuid: str,
        network_id: str,
        address: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> list[Row]:
        """Give an instance another address of a network, on its NIC there; returns network_info."""
        args = _given(instance_uuid=instance_uuid, network_id=network_id, address=address)
        info: list[Row] = self.call("add_fixed_ip_to_instance", args, actor=actor, command_id=command_id)
        return info

    def remove_fixed_ip_from_instance(
        self, instance_uuid: str, address: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> list[Row]:
        """Take an address from an instance, whose NIC stays; returns network_info."""
        args = {"instance_uuid": instance_uuid, "address": address}
        info: list[Row] = self.call("remove_fixed_ip_from_instance", args, actor=actor, command_id=command_id)
        return info

    def get_instance_nw_info(self, instance_uuid: str, *, actor: Actor | None = None) -> list[Row]:
        """Return an instance's network_info."""
        args = {"instance_uuid": instance_uuid}
        info: list[Row] = self.call("get_instance_nw_info", args, actor=actor)
        return info

    def get_vifs_by_instance(self, instance_uuid: str, *, actor: Actor | None = None) -> list[Row]:
        """Return an instance's NICs in their order."""
        vifs: list[Row] = self.call("get_vifs_by_instance", {"instance_uuid": instance_uuid}, actor=actor)
        return vifs

    def get_vif_by_mac_address(self, mac_address: str, *, actor: Actor | None = None) -> Row | None:
        """Return the NIC that has a MAC, or None."""
        vif: Row | None = self.call("get_vif_by_mac_address", {"mac_address": mac_address}, actor=actor)
        return vif

    def get_fixed_ip_by_address(self, address: str, *, actor: Actor | None = None) -> Row:
        """Return who holds a fixed address."""
        fixed: Row = self.call("get_fixed_ip_by_address", {"address": address}, actor=actor)
        return fixed

    def fixed_list(self, network_uuid: str | None = None, *, actor: Actor | None = None) -> list[Row]:
        """Return the held and the reserved addresses of a network, or of all."""
        found: list[Row] = self.call("fixed_list", _given(network_uuid=network_uuid), actor=actor)
        return found

    def fixed_reserve(
        self, address: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> None:
        """Never hand out an address; who holds it keeps it."""
        self.call("fixed_reserve", {"address": address}, actor=actor, command_id=command_id)

    def fixed_unreserve(
        self, address: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> None:
        """Let a reserved address be handed out again."""
        self.call("fixed_unreserve", {"address": address}, actor=actor, command_id=command_id)

    # --- Floating IPs ---------------------------------------------------------------------------------------

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
        args = _given(ip_range=ip_range, pool=pool, interface=interface)
        self.call("floating_create", args, actor=actor, command_id=command_id)

    def floating_list(self, *, actor: Actor | None = None) -> list[Row]:
        """Return all floating IPs that projects own."""
        found: list[Row] = self.call("floating_list", actor=actor)
        return found

    def allocate_floating_ip(
        self,
        project_id: str | None = None,
        pool: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> str:
        """Give a project, the actor's own if none is named, an address of a pool."""
        args = _given(project_id=project_id, pool=pool)
        address: str = self.call("allocate_floating_ip", args, actor=actor, command_id=command_id)
        return address

    def deallocate_floating_ip(
        self, address: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> None:
        """Give a floating IP back to its pool."""
        self.call("deallocate_floating_ip", {"address": address}, actor=actor, command_id=command_id)

    def associate_floating_ip(
        self,
        floating_address: str,
        fixed_address: str,
        network_id: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> str | None:
        """Point a floating IP at a fixed one; returns the instance that it pointed at before."""
        args = _given(floating_address=floating_address, fixed_address=fixed_address, network_id=network_id)
        before: str | None = self.call("associate_floating_ip", args, actor=actor, command_id=command_id)
        return before

    def disassociate_floating_ip(
        self, address: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> None:
        """Let a floating IP point at nothing."""
        self.call("disassociate_floating_ip", {"address": address}, actor=actor, command_id=command_id)

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
        """Return the floating IPs of the actor's project."""
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

    # --- Quotas ---------------------------------------------------------------------------------------------

    def quota_show(self, project_id: str | None = None, *, actor: Actor | None = None) -> Row:
        """Return a project's `limit`, `in_use` and `default` by resource, the actor's own when left out."""
        shown: Row = self.call("quota_show", _given(project_id=project_id), actor=actor)
        return shown

    def quota_list(self, *, actor: Actor | None = None) -> list[Row]:
        """Return the limits that were set for projects, with who set them."""
        found: list[Row] = self.call("quota_list", actor=actor)
        return found

    def quota_update(
        self,
        project_id: str,
        quota_set: Mapping[str, int | None],
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> Row:
        """Give a project limits by resource, None for the default ones; returns those of its own."""
        args = {"project_id": project_id, "quota_set": quota_set}
        own: Row = self.call("quota_update", args, actor=actor, command_id=command_id)
        return own
