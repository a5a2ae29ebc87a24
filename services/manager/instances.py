"""Methods about instances and their NICs (nova-network.md 12.3)."""

from collections.abc import Sequence
from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, RequestedNetworks, given
from services.tables import Row


class InstanceMethods(Caller, Protocol):
    """Instances and their NICs."""

    def allocate_for_instance(  # noqa: PLR0913 - what nova's takes, and more
        self,
        instance_uuid: str,
        project_id: str,
        host: str,
        requested_networks: RequestedNetworks | None = None,
        *,
        auto_allocate: bool | None = None,
        macs: Sequence[str] | None = None,
        vpn: bool | None = None,
        hostname: str | None = None,
        display_name: str | None = None,
        availability_zone: str | None = None,
        rxtx_factor: float | None = None,
        security_groups: Sequence[str] | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> list[Row]:
        """Give an instance all its NICs, MACs and fixed IPs, or none; returns network_info."""
        args = given(
            instance_uuid=instance_uuid,
            project_id=project_id,
            host=host,
            requested_networks=requested_networks,
            auto_allocate=auto_allocate,
            macs=macs,
            vpn=vpn,
            hostname=hostname,
            display_name=display_name,
            availability_zone=availability_zone,
            rxtx_factor=rxtx_factor,
            security_groups=security_groups,
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
        args = given(instance_uuid=instance_uuid, network_id=network_id, address=address)
        info: list[Row] = self.call("add_fixed_ip_to_instance", args, actor=actor, command_id=command_id)
        return info

    def remove_fixed_ip_from_instance(
        self, instance_uuid: str, address: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> list[Row]:
        """Take an address from an instance, whose NIC stays; returns network_info."""
        args = {"instance_uuid": instance_uuid, "address": address}
        info: list[Row] = self.call("remove_fixed_ip_from_instance", args, actor=actor, command_id=command_id)
        return info

    def get_instance_nw_info(
        self, instance_uuid: str, *, rxtx_factor: float | None = None, actor: Actor | None = None
    ) -> list[Row]:
        """Return an instance's network_info, for another `rxtx_factor` than its own if one is named."""
        args = given(instance_uuid=instance_uuid, rxtx_factor=rxtx_factor)
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
