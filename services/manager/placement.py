"""Methods that are asked before an instance is placed (nova-network.md 7.1)."""

from collections.abc import Sequence
from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, RequestedNetwork, given
from services.tables import Row


class PlacementMethods(Caller, Protocol):
    """Whether there is room."""

    def availability(
        self,
        project_id: str | None = None,
        host: str | None = None,
        network_uuids: Sequence[str] | None = None,
        *,
        actor: Actor | None = None,
    ) -> list[Row]:
        """Return the numbers of free addresses by network, and whether the host reaches each."""
        args = given(project_id=project_id, host=host, network_uuids=network_uuids)
        found: list[Row] = self.call("availability", args, actor=actor)
        return found

    def check_free_ips(
        self,
        project_id: str | None = None,
        host: str | None = None,
        requested_networks: Sequence[RequestedNetwork] | None = None,
        count: int = 1,
        *,
        actor: Actor | None = None,
    ) -> bool:
        """Tell whether so many instances would find an address for every NIC; holds none of them."""
        args = given(project_id=project_id, host=host, requested_networks=requested_networks, count=count)
        found: bool = self.call("check_free_ips", args, actor=actor)
        return found

    def validate_networks(
        self, networks: Sequence[tuple[str, str | None]], *, actor: Actor | None = None
    ) -> None:
        """Refuse networks and addresses for which a spawn would be refused; reserves nothing."""
        self.call("validate_networks", {"networks": networks}, actor=actor)
