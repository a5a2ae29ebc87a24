"""Methods about fixed IPs (nova-network.md 12.4, 12.7)."""

from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, given
from services.tables import Row


class FixedIpMethods(Caller, Protocol):
    """Fixed IPs."""

    def allocate_fixed_ip(
        self,
        instance_id: str,
        network: str,
        address: str | None = None,
        *,
        vpn: bool | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> str | None:
        """Give an instance another address of a network, on its NIC there; returns the address."""
        args = given(instance_id=instance_id, network=network, address=address, vpn=vpn)
        added: str | None = self.call("allocate_fixed_ip", args, actor=actor, command_id=command_id)
        return added

    def deallocate_fixed_ip(
        self,
        address: str,
        instance: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Take an address from an instance; name it where several could be meant, or to repeat this."""
        args = given(address=address, instance=instance)
        self.call("deallocate_fixed_ip", args, actor=actor, command_id=command_id)

    def get_fixed_ip(self, id: str, *, actor: Actor | None = None) -> Row:  # noqa: A002 - nova's name
        """Return a fixed IP by the id of its allocation."""
        fixed: Row = self.call("get_fixed_ip", {"id": id}, actor=actor)
        return fixed

    def get_fixed_ip_by_address(self, address: str, *, actor: Actor | None = None) -> Row:
        """Return who holds a fixed address."""
        fixed: Row = self.call("get_fixed_ip_by_address", {"address": address}, actor=actor)
        return fixed

    def fixed_list(self, network_uuid: str | None = None, *, actor: Actor | None = None) -> list[Row]:
        """Return the held and the reserved addresses of a network, or of all."""
        found: list[Row] = self.call("fixed_list", given(network_uuid=network_uuid), actor=actor)
        return found

    def fixed_reserve(
        self,
        address: str,
        network_id: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Never hand out an address; who holds it keeps it. Name the network where several have it."""
        args = given(address=address, network_id=network_id)
        self.call("fixed_reserve", args, actor=actor, command_id=command_id)

    def fixed_unreserve(
        self,
        address: str,
        network_id: str | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Let a reserved address be handed out again. Name the network where several have it."""
        args = given(address=address, network_id=network_id)
        self.call("fixed_unreserve", args, actor=actor, command_id=command_id)
