"""Methods that find instances by address, and leases (nova-network.md 12.2, 12.3)."""

from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, given
from services.tables import Row


class SearchMethods(Caller, Protocol):
    """Searches."""

    def get_instance_uuids_by_ip_filter(
        self,
        fixed_ip: str | None = None,
        ip: str | None = None,
        ip6: str | None = None,
        *,
        actor: Actor | None = None,
    ) -> list[Row]:
        """Return `{instance_uuid, ip}` for each address that is `fixed_ip` or fits a pattern as a whole."""
        args = given(fixed_ip=fixed_ip, ip=ip, ip6=ip6)
        found: list[Row] = self.call("get_instance_uuids_by_ip_filter", args, actor=actor)
        return found

    def get_dhcp_leases(self, network: str, host: str | None = None, *, actor: Actor | None = None) -> str:
        """Return the leases of a network as dnsmasq's lease file has them."""
        text: str = self.call("get_dhcp_leases", given(network=network, host=host), actor=actor)
        return text
