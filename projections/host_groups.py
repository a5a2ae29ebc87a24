"""What one host must know of security groups: rules of all groups, and members where a rule asks for them.

Rules are kept for the whole cell, as networks are: groups are few beside instances, and an instance that
comes here later joins groups whose rules were made before. Addresses are kept of the instances that have
ports here, and of the members of groups that some rule names as its source; when a rule begins to name a
group, its event lists the members there are. So memory grows with what this host has and with what rules
open to members, not with all instances of the cell.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated
from events.instances import InstanceDeleted, InstanceSpawned
from events.model import Event
from events.moves import InstanceBound, InstancePrepared, InstanceUnbound, InstanceUnprepared
from events.security_groups import (
    InstanceSecurityGroupAdded,
    InstanceSecurityGroupRemoved,
    MemberAddress,
    ProviderFirewallRuleCreated,
    ProviderFirewallRuleDeleted,
    SecurityGroupDeleted,
    SecurityGroupRuleAdded,
    SecurityGroupRuleRemoved,
)

OF_GROUPS = (
    SecurityGroupRuleAdded,
    SecurityGroupRuleRemoved,
    SecurityGroupDeleted,
    ProviderFirewallRuleCreated,
    ProviderFirewallRuleDeleted,
    InstanceSpawned,
    InstanceDeleted,
    InstanceSecurityGroupAdded,
    InstanceSecurityGroupRemoved,
)
"""What every host must see to know rules and members; moves concern the hosts that they name."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a group lets in, or the provider drops; None means any."""

    protocol: str | None
    from_port: int | None
    to_port: int | None
    cidr: str | None
    source_group_id: str | None


@dataclass(slots=True)
class Member:
    """An instance, by its groups that matter here and its addresses."""

    groups: dict[str, None] = field(default_factory=dict)
    """All of them if it has ports here, else those that a rule names, in the order in which it joined."""
    addresses: dict[str, str] = field(default_factory=dict)
    """By allocation id."""
    here: bool = False
    """Whether it has ports here."""


class GroupsView:
    """The part of a host's view that is about security groups."""

    def __init__(self, host: str) -> None:
        """Begin with nothing, before the first record."""
        self.host = host
        self.rules: dict[str, dict[str, Rule]] = {}
        """Rules by group and id, in order of creation; groups without rules are left out."""
        self.provider: dict[str, Rule] = {}
        """What the provider drops, by id, in order of creation."""
        self._instances: dict[str, Member] = {}
        self._members: dict[str, dict[str, None]] = {}
        """Instances by the group that a rule names, in the order in which they joined."""
        self._named: dict[str, int] = {}
        """Number of rules that name a group as their source."""
        self._appliers: dict[type[Event], Callable[[Any], None]] = {
            SecurityGroupRuleAdded: self._rule_added,
            SecurityGroupRuleRemoved: self._rule_removed,
            SecurityGroupDeleted: self._group_deleted,
            ProviderFirewallRuleCreated: self._provider_rule_created,
            ProviderFirewallRuleDeleted: self._provider_rule_deleted,
            InstanceSpawned: self._spawned,
            InstanceDeleted: self._deleted,
            InstanceSecurityGroupAdded: self._joined,
            InstanceSecurityGroupRemoved: self._left,
            FixedIpAllocated: self._allocated,
            FixedIpDeallocated: self._deallocated,
            InstanceBound: self._came,
            InstancePrepared: self._came,
            InstanceUnbound: self._went,
            InstanceUnprepared: self._went,
        }

    def apply(self, event: Event) -> None:
        """Fold an event; what is not about groups changes nothing."""
        applier = self._appliers.get(type(event))
        if applier is not None:
            applier(event)

    def groups_of(self, instance_uuid: str) -> tuple[str, ...]:
        """Return the groups of an instance that has ports here, in the order in which it joined them."""
        member = self._instances.get(instance_uuid)
        return tuple(member.groups) if member is not None and member.here else ()

    def addresses_of(self, instance_uuid: str) -> tuple[str, ...]:
        """Return the addresses of an instance that has ports here or is in a group that a rule names."""
        member = self._instances.get(instance_uuid)
        return () if member is None else tuple(member.addresses.values())

    def members_of(self, group_id: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield the members of a group that a rule names, each with its addresses."""
        for uuid in self._members.get(group_id, ()):
            yield uuid, tuple(self._instances[uuid].addresses.values())

    # --- Rules ----------------------------------------------------------------------------------------------

    def _rule_added(self, event: SecurityGroupRuleAdded) -> None:
        source = event.source_group_id
        rule = Rule(event.protocol, event.from_port, event.to_port, event.cidr, source)
        self.rules.setdefault(event.group_id, {})[event.rule_id] = rule
        if source is None:
            return
        self._named[source] = self._named.get(source, 0) + 1
        if event.members is None:
            return
        for told in event.members:
            member = self._instances.setdefault(told.instance_uuid, Member())
            member.groups.setdefault(source)
            member.addresses.update(_by_allocation(told.addresses))
            self._members.setdefault(source, {})[told.instance_uuid] = None

    def _rule_removed(self, event: SecurityGroupRuleRemoved) -> None:
        rules = self.rules[event.group_id]
        del rules[event.rule_id]
        if not rules:
            del self.rules[event.group_id]
        source = event.source_group_id
        if source is None:
            return
        left = self._named.pop(source) - 1
        if left:
            self._named[source] = left
            return
        for uuid in self._members.pop(source, ()):
            self._forget(uuid, source)

    def _group_deleted(self, event: SecurityGroupDeleted) -> None:
        self.rules.pop(event.group_id, None)

    def _provider_rule_created(self, event: ProviderFirewallRuleCreated) -> None:
        rule = Rule(event.protocol, event.from_port, event.to_port, event.cidr, None)
        self.provider[event.rule_id] = rule

    def _provider_rule_deleted(self, event: ProviderFirewallRuleDeleted) -> None:
        del self.provider[event.rule_id]

    # --- Members --------------------------------------------------------------------------------------------

    def _spawned(self, event: InstanceSpawned) -> None:
        here = event.host == self.host
        named = [group_id for group_id in event.security_groups if here or group_id in self._named]
        if here or named:
            self._instances[event.instance_uuid] = Member(dict.fromkeys(named), {}, here)
        for group_id in named:
            self._enlist(group_id, event.instance_uuid)

    def _enlist(self, group_id: str, uuid: str) -> None:
        if group_id in self._named:
            self._members.setdefault(group_id, {})[uuid] = None

    def _deleted(self, event: InstanceDeleted) -> None:
        self._instances.pop(event.instance_uuid, None)
        for group_id in event.security_groups:
            self._delist(group_id, event.instance_uuid)

    def _delist(self, group_id: str, uuid: str) -> None:
        members = self._members.get(group_id)
        if members is not None:
            members.pop(uuid, None)
            if not members:
                del self._members[group_id]

    def _joined(self, event: InstanceSecurityGroupAdded) -> None:
        known = self._instances.get(event.instance_uuid)
        if event.group_id not in self._named and (known is None or not known.here):
            return
        member = self._instances.setdefault(event.instance_uuid, Member())
        member.addresses.update(_by_allocation(event.addresses))
        member.groups[event.group_id] = None
        self._enlist(event.group_id, event.instance_uuid)

    def _left(self, event: InstanceSecurityGroupRemoved) -> None:
        self._delist(event.group_id, event.instance_uuid)
        member = self._instances.get(event.instance_uuid)
        if member is not None:
            member.groups.pop(event.group_id, None)
            self._drop_if_strange(event.instance_uuid, member)

    def _forget(self, uuid: str, group_id: str) -> None:
        """Keep an instance no longer for the sake of a group, which it may be in still."""
        member = self._instances[uuid]
        if not member.here:
            del member.groups[group_id]
            self._drop_if_strange(uuid, member)

    def _drop_if_strange(self, uuid: str, member: Member) -> None:
        if not member.here and not member.groups:
            del self._instances[uuid]

    def _allocated(self, event: FixedIpAllocated) -> None:
        member = self._instances.get(event.instance_uuid)
        if member is not None:
            member.addresses[event.allocation_id] = event.address

    def _deallocated(self, event: FixedIpDeallocated) -> None:
        member = self._instances.get(event.instance_uuid)
        if member is not None:
            member.addresses.pop(event.allocation_id, None)

    def _came(self, event: InstanceBound | InstancePrepared) -> None:
        if event.host != self.host:
            return
        member = self._instances.setdefault(event.instance_uuid, Member())
        member.here = True
        member.groups = dict.fromkeys(event.security_groups)
        member.addresses.update(_brought(event))
        for group_id in event.security_groups:
            self._enlist(group_id, event.instance_uuid)

    def _went(self, event: InstanceUnbound | InstanceUnprepared) -> None:
        member = self._instances.get(event.instance_uuid)
        if event.host == self.host and member is not None:
            member.here = False
            member.groups = {group_id: None for group_id in member.groups if group_id in self._named}
            self._drop_if_strange(event.instance_uuid, member)

    def rows(self) -> Iterator[tuple[str | int | bool | None, ...]]:
        """Yield everything known as canonical rows, sorted within each kind."""
        for group_id, rules in sorted(self.rules.items()):
            for rule_id, rule in rules.items():
                ports = (rule.protocol, rule.from_port, rule.to_port)
                yield ("group rule", group_id, rule_id, *ports, rule.cidr, rule.source_group_id)
        for rule_id, rule in self.provider.items():
            yield ("provider rule", rule_id, rule.protocol, rule.from_port, rule.to_port, rule.cidr)
        for uuid, member in sorted(self._instances.items()):
            yield ("member", uuid, member.here, *member.groups)
            for allocation_id, address in sorted(member.addresses.items()):
                yield ("member address", uuid, allocation_id, address)


def _by_allocation(addresses: tuple[MemberAddress, ...]) -> dict[str, str]:
    return {one.allocation_id: one.address for one in addresses}


def _brought(event: InstanceBound | InstancePrepared) -> dict[str, str]:
    """Return the addresses with which an instance comes here, by allocation id."""
    if isinstance(event, InstancePrepared):
        return _by_allocation(event.addresses)
    return {fixed.allocation_id: fixed.address for port in event.ports for fixed in port.fixed}
