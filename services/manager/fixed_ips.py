"""Methods about fixed IPs (nova-network.md 12.4, 12.7)."""

from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, given
from services.tables import Row


class FixedIpMethods(Caller, Protocol):
    """Fixed IPs."""

    def get_fixed_ip_by_address(self, address: str, *, actor: Actor | None = None) -> Row:
        """Return who holds a fixed address."""
        fixed: Row = self.call("get_fixed_ip_by_address", {"address": address}, actor=actor)
        return fixed

    def fixed_list(self, network_uuid: str | None = None, *, actor: Actor | None = None) -> list[Row]:
        """Return the held and the reserved addresses of a network, or of all."""
        found: list[Row] = self.call("fixed_list", given(network_uuid=network_uuid), actor=actor)
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
