"""The obvious model with security groups: lists of rules and members, and who lets whom in by looking at all.

What a rule means is not worked out here but looked up: the tests say it of every rule that they ask for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from events.ids import CommandDraws
from events.instances import SpawnInstance
from events.model import Actor
from events.security_groups import (
    AddInstanceToSecurityGroup,
    AddSecurityGroupRules,
    CreateProviderFirewallRule,
    CreateSecurityGroup,
    DeleteProviderFirewallRule,
    DeleteSecurityGroup,
    GroupCommand,
    RemoveInstanceFromSecurityGroup,
    RemoveSecurityGroupRules,
    RuleSpec,
    UpdateSecurityGroup,
    default_group_id,
)
from projections.cell.state import Rules
from tests.unit.cell.model import DrawMac, Model, Refused
from tests.unit.cell.model_rows import Answer, Net, Vm


class Traffic(NamedTuple):
    """What a rule lets in."""

    protocol: str | None
    from_port: int | None
    to_port: int | None
    cidr: str | None


class Member(NamedTuple):
    """An instance and a group of its project."""

    vm: Vm
    group: "Group"


Meaning = Callable[[RuleSpec | CreateProviderFirewallRule], Traffic | Refused]
"""What a rule lets in, or code and last part of the field of its refusal."""


@dataclass
class Group:
    """A group."""

    key: str
    project: str
    name: str
    description: str = ""
    rules: dict[str, tuple[Traffic, str | None]] = field(default_factory=dict)
    """Traffic, and the id of the group that it comes from."""
    lingering: list[tuple[str, int]] = field(default_factory=list)
    """Hosts that let its members in by a rule that is gone, and until when they may still do so."""


class GroupsModel(Model):
    """The cell with security groups."""

    def __init__(self, draw_mac: DrawMac, rules: Rules) -> None:
        """Begin empty."""
        super().__init__(draw_mac, rules)
        self.groups: dict[str, Group] = {}
        self.provider: dict[str, Traffic] = {}
        self.meaning: Meaning

    # --- Finding ----------------------------------------------------------------------------------------

    def _default_group(self, project: str) -> Group:
        key = default_group_id(project)
        return self.groups.setdefault(key, Group(key, project, "default"))

    def _found(self, project: str, named: str) -> Group | None:
        self._default_group(project)
        mine = [one for one in self.groups.values() if one.project == project]
        return next((one for one in mine if named in {one.name, one.key}), None)

    def _owner(self, actor: Actor, project: str | None) -> str | Refused:
        owner = project or actor.project
        if owner is None:
            return "InvalidInput", "project_id"
        return owner if actor.is_admin or actor.project == owner else ("Forbidden", "project_id")

    def _meant(self, asked: GroupCommand) -> Group | Refused:
        group = self.groups.get(asked.security_group)
        if group is not None and (asked.actor.is_admin or asked.actor.project == group.project):
            return group
        project = self._owner(asked.actor, asked.project_id)
        if isinstance(project, tuple):
            return project
        missing = "SecurityGroupNotFoundForProject", "security_group"
        return self._found(project, asked.security_group) or missing

    def members(self, group: Group) -> list[Vm]:
        """Return the instances of a group."""
        return [vm for vm in self.vms.values() if group.key in vm.groups]

    # --- Who lets whom in -------------------------------------------------------------------------------

    def _letting_in(self, group: Group, now_ms: int) -> set[str]:
        naming = [
            one
            for one in self.groups.values()
            if any(source == group.key for _, source in one.rules.values())
        ]
        hosts = {host for one in naming for vm in self.members(one) for host in vm.hosts}
        return hosts | {host for host, until_ms in group.lingering if until_ms > now_ms}

    def _serving(self, vm: Vm, net: Net, now_ms: int) -> set[str | None]:
        letting_in = {host for key in vm.groups for host in self._letting_in(self.groups[key], now_ms)}
        lingering = {host for host, until_ms in vm.lingering if until_ms > now_ms}
        return super()._serving(vm, net, now_ms) | letting_in | lingering

    def _rule_gone(self, group: Group, rule_id: str, now_ms: int) -> None:
        _, source = group.rules.pop(rule_id)
        if source is not None:
            hosts = {host for vm in self.members(group) for host in vm.hosts}
            self.groups[source].lingering += [(host, now_ms + self._timeout_ms) for host in hosts]

    # --- Members ----------------------------------------------------------------------------------------

    def _joined(self, asked: SpawnInstance) -> list[str] | Refused:
        found: dict[str, None] = {}
        for index, named in enumerate(asked.security_groups or ["default"]):
            group = self._found(asked.project_id, named)
            if group is None:
                return "SecurityGroupNotFoundForProject", f"security_groups.{index}"
            found[group.key] = None
        return list(found)

    def _member(
        self, asked: AddInstanceToSecurityGroup | RemoveInstanceFromSecurityGroup
    ) -> Member | Refused:
        vm = self.vms.get(asked.instance_uuid)
        if vm is None:
            return "InstanceNotFound", "instance_uuid"
        if not asked.actor.is_admin and asked.actor.project != vm.project:
            return "Forbidden", "instance_uuid"
        group = self._found(vm.project, asked.security_group)
        return ("SecurityGroupNotFoundForProject", "security_group") if group is None else Member(vm, group)

    def _AddInstanceToSecurityGroup(self, asked: AddInstanceToSecurityGroup, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        found = self._member(asked)
        if not isinstance(found, Member):
            return found
        vm, group = found
        if group.key in vm.groups:
            return "SecurityGroupExistsForInstance", "security_group"
        vm.groups.append(group.key)
        return None

    def _RemoveInstanceFromSecurityGroup(  # noqa: N802 - named after its command
        self, asked: RemoveInstanceFromSecurityGroup, now_ms: int
    ) -> Answer:
        found = self._member(asked)
        if not isinstance(found, Member):
            return found
        vm, group = found
        if group.key not in vm.groups:
            return "SecurityGroupNotExistsForInstance", "security_group"
        until_ms = now_ms + self._timeout_ms
        vm.lingering += [(host, until_ms) for host in self._letting_in(group, now_ms)]
        for source in {source for _, source in group.rules.values()} - {None}:
            self.groups[str(source)].lingering += [(host, until_ms) for host in vm.hosts]
        vm.groups.remove(group.key)
        return None

    # --- Groups -----------------------------------------------------------------------------------------

    def _nameable(self, project: str, name: str) -> Answer:
        if self._found(project, name) is not None:
            return "SecurityGroupExists", "name"
        return ("InvalidInput", "name") if _like_an_id(name) else None

    def _CreateSecurityGroup(self, asked: CreateSecurityGroup, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        project = self._owner(asked.actor, asked.project_id)
        if isinstance(project, tuple):
            return project
        refused = self._nameable(project, asked.name)
        if refused is not None:
            return refused
        mine = [one for one in self.groups.values() if one.project == project]
        if len(mine) >= self._rules.quota_security_groups:
            return "SecurityGroupLimitExceeded", "project_id"
        key = CommandDraws(asked.id).uuid("security group", 0)
        self.groups[key] = Group(key, project, asked.name, asked.description)
        return None

    def _UpdateSecurityGroup(self, asked: UpdateSecurityGroup, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        group = self._meant(asked)
        if isinstance(group, tuple):
            return group
        if group.name == "default":
            return "InvalidGroup", "security_group"
        if asked.name not in {None, group.name}:
            refused = self._nameable(group.project, str(asked.name))
            if refused is not None:
                return refused
        group.name = asked.name or group.name
        group.description = group.description if asked.description is None else asked.description
        return None

    def _DeleteSecurityGroup(self, asked: DeleteSecurityGroup, now_ms: int) -> Answer:  # noqa: N802 - likewise
        group = self._meant(asked)
        if isinstance(group, tuple):
            return group
        if group.name == "default" or self.members(group):
            return "InvalidGroup", "security_group"
        for one in self.groups.values():
            for rule_id, (_, source) in list(one.rules.items()):
                if one is group or source == group.key:
                    self._rule_gone(one, rule_id, now_ms)
        del self.groups[group.key]
        return None

    # --- Rules ------------------------------------------------------------------------------------------

    def _AddSecurityGroupRules(self, asked: AddSecurityGroupRules, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        group = self._meant(asked)
        if isinstance(group, tuple):
            return group
        if len(group.rules) + len(asked.rules) > self._rules.quota_security_group_rules:
            return "SecurityGroupLimitExceeded", "rules"
        new: dict[str, tuple[Traffic, str | None]] = {}
        for index, spec in enumerate(asked.rules):
            source = None if spec.group_id is None else self._found(group.project, spec.group_id)
            if spec.group_id is not None and source is None:
                return "SecurityGroupNotFoundForProject", f"rules.{index}.group_id"
            means = self.meaning(spec)
            if not isinstance(means, Traffic):
                return means[0], f"rules.{index}.{means[1]}"
            rule = (means, None if source is None else source.key)
            if rule in [*group.rules.values(), *new.values()]:
                return "SecurityGroupRuleExists", f"rules.{index}"
            new[CommandDraws(asked.id).uuid("security group rule", index)] = rule
        group.rules |= new
        return None

    def _RemoveSecurityGroupRules(self, asked: RemoveSecurityGroupRules, now_ms: int) -> Answer:  # noqa: N802 - likewise
        group = self._meant(asked)
        if isinstance(group, tuple):
            return group
        for index, rule_id in enumerate(asked.rule_ids):
            if rule_id not in group.rules or rule_id in asked.rule_ids[:index]:
                return "SecurityGroupNotFoundForRule", f"rule_ids.{index}"
        for rule_id in asked.rule_ids:
            self._rule_gone(group, rule_id, now_ms)
        return None

    def _CreateProviderFirewallRule(self, asked: CreateProviderFirewallRule, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        means = self.meaning(asked)
        if not isinstance(means, Traffic):
            return means
        if means in self.provider.values():
            return "SecurityGroupRuleExists", "cidr"
        self.provider[CommandDraws(asked.id).uuid("provider rule", 0)] = means
        return None

    def _DeleteProviderFirewallRule(self, asked: DeleteProviderFirewallRule, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        gone = self.provider.pop(asked.rule_id, None)
        return None if gone is not None else ("ProviderFwRuleNotFound", "rule_id")


def _like_an_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
