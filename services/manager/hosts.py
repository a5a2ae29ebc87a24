"""Methods about network hosts (nova-network.md 12.1)."""

from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller


class HostMethods(Caller, Protocol):
    """Network hosts."""

    def set_network_host(
        self, network: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> str | None:
        """Have a network served by a live host, if nobody serves it; returns its owner."""
        owner: str | None = self.call(
            "set_network_host", {"network": network}, actor=actor, command_id=command_id
        )
        return owner
