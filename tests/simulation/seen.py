"""What a caller knows of the cell: what it read lately, some of it out of date."""

from collections.abc import Iterable

from events.catalog import AnyEvent
from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated
from events.floating_ips import FloatingIpAllocated, FloatingIpReleased
from events.instances import InstanceDeleted, InstanceSpawned
from events.security_groups import ProviderFirewallRuleCreated, SecurityGroupRuleAdded

_REMEMBERED = 12


class Seen:
    """Instances with their addresses, floating IPs, and rules."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.instances: dict[str, str] = {}
        """With their projects."""
        self.fixed: dict[tuple[str, str], str] = {}
        """Held (network, address) with their instances."""
        self.floating: dict[str, str] = {}
        """With their projects."""
        self.rules: list[tuple[str, str]] = []
        """(group, rule), those that are gone too."""
        self.provider_rules: list[str] = []

    def take(self, events: Iterable[AnyEvent]) -> None:
        """Take notice of a decision."""
        for event in events:
            match event:
                case InstanceSpawned():
                    self.instances[event.instance_uuid] = event.project_id
                case InstanceDeleted():
                    self.instances.pop(event.instance_uuid, None)
                case FixedIpAllocated():
                    self.fixed[event.network_id, event.address] = event.instance_uuid
                case FixedIpDeallocated():
                    self.fixed.pop((event.network_id, event.address), None)
                case FloatingIpAllocated():
                    self.floating[event.address] = event.project_id
                case FloatingIpReleased():
                    self.floating.pop(event.address, None)
                case SecurityGroupRuleAdded():
                    self.rules = [*self.rules, (event.group_id, event.rule_id)][-_REMEMBERED:]
                case ProviderFirewallRuleCreated():
                    self.provider_rules = [*self.provider_rules, event.rule_id][-_REMEMBERED:]
                case _:
                    pass
