"""Rules of security groups, and the provider's (nova-network.md sections 2.6, 15.3)."""

from events.clock import parse_time
from events.errors import InvariantBroken
from events.ids import Draws
from events.model import Actor, Event
from events.quotas import UNLIMITED
from events.refusals import Code, Refusal
from events.security_groups import (
    AddSecurityGroupRules,
    CreateProviderFirewallRule,
    DeleteProviderFirewallRule,
    GroupMember,
    ProviderFirewallRuleCreated,
    ProviderFirewallRuleDeleted,
    RemoveSecurityGroupRules,
    RuleSpec,
    SecurityGroupRuleAdded,
    SecurityGroupRuleRemoved,
)
from projections.cell.group import rule_grammar
from projections.cell.group.group_members import addresses_of
from projections.cell.group.group_state import GroupRule, SecurityGroup, Traffic, linger
from projections.cell.group.security_groups import find, group_of, not_found, rule_removed
from projections.cell.network.networks import admin_only
from projections.cell.state import CellState, Rules

MEMBERS_TOLD_MAX = 10_000
"""Members of a group that a rule begins to name: the event lists them, and a record is at most 4 MiB."""


def decide_add(
    state: CellState, command: AddSecurityGroupRules, rules: Rules, draws: Draws
) -> tuple[Event, ...] | Refusal:
    """Add rules to a group, all or none, within its quota."""
    group = group_of(state, command)
    if isinstance(group, Refusal):
        return group
    count = len(group.rules) + len(command.rules)
    if UNLIMITED < rules.quota_security_group_rules < count:
        message = (
            f"Security group {group.name!r} has {len(group.rules)} rules and would have {count}; the quota is"
            f" {rules.quota_security_group_rules} (quota_security_group_rules)."
        )
        return Refusal(code=Code.SECURITY_GROUP_LIMIT_EXCEEDED, field="rules", message=message)
    known = {(rule.traffic, rule.source_group_id) for rule in group.rules.values()}
    told: set[str] = set()
    events: list[Event] = []
    for index, spec in enumerate(command.rules):
        asked = _asked(state, group, spec, f"rules.{index}.")
        if isinstance(asked, Refusal):
            return asked
        traffic, source = asked
        same = (traffic, None if source is None else source.id)
        if same in known:
            message = f"Security group {group.name!r} has this rule already: {_said(traffic, source)}."
            return Refusal(code=Code.SECURITY_GROUP_RULE_EXISTS, field=f"rules.{index}", message=message)
        known.add(same)
        members = None
        if source is not None and not source.named_by and source.id not in told:
            if len(source.members) > MEMBERS_TOLD_MAX:
                return _too_many(source, f"rules.{index}.group_id")
            told.add(source.id)
            members = _members(state, source)
        events.append(_added(group, draws.uuid("security group rule", index), traffic, source, members))
    return tuple(events)


def _asked(
    state: CellState, group: SecurityGroup, spec: RuleSpec, where: str
) -> tuple[Traffic, SecurityGroup | None] | Refusal:
    """Return what a rule shall let in, and the members of which group it comes from, if of one."""
    if spec.group_id is None:
        traffic = rule_grammar.from_block(spec, where)
        return traffic if isinstance(traffic, Refusal) else (traffic, None)
    source = find(state.groups, group.project_id, spec.group_id)
    if source is None:
        return not_found(spec.group_id, group.project_id, f"{where}group_id")
    traffic = rule_grammar.from_group(spec, where)
    return traffic if isinstance(traffic, Refusal) else (traffic, source)


def _said(traffic: Traffic, source: SecurityGroup | None) -> str:
    ports = "" if traffic.protocol is None else f" {traffic.from_port} to {traffic.to_port}"
    whence = traffic.cidr if source is None else f"security group {source.name!r}"
    return f"{traffic.protocol or 'anything'}{ports} from {whence}"


def _too_many(source: SecurityGroup, field: str) -> Refusal:
    message = (
        f"Security group {source.name!r} has {len(source.members)} members; a rule can begin to name a group"
        f" of at most {MEMBERS_TOLD_MAX}. Name it while it is small, or let its block of addresses in."
    )
    return Refusal(code=Code.SECURITY_GROUP_LIMIT_EXCEEDED, field=field, message=message)


def _members(state: CellState, source: SecurityGroup) -> tuple[GroupMember, ...]:
    return tuple(
        GroupMember(instance_uuid=uuid, addresses=addresses_of(state.instances[uuid]))
        for uuid in source.members
    )


def _added(
    group: SecurityGroup,
    rule_id: str,
    traffic: Traffic,
    source: SecurityGroup | None,
    members: tuple[GroupMember, ...] | None,
) -> SecurityGroupRuleAdded:
    return SecurityGroupRuleAdded(
        rule_id=rule_id,
        group_id=group.id,
        project_id=group.project_id,
        protocol=traffic.protocol,
        from_port=traffic.from_port,
        to_port=traffic.to_port,
        cidr=traffic.cidr,
        source_group_id=None if source is None else source.id,
        members=members,
    )


def decide_remove(
    state: CellState, command: RemoveSecurityGroupRules, rules: Rules, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Remove rules from a group, all or none."""
    group = group_of(state, command)
    if isinstance(group, Refusal):
        return group
    events: list[Event] = []
    for index, rule_id in enumerate(command.rule_ids):
        rule = group.rules.get(rule_id)
        if rule is None or rule_id in command.rule_ids[:index]:
            message = f"Security group {group.name!r} has no rule {rule_id}, or it is named twice."
            code = Code.SECURITY_GROUP_NOT_FOUND_FOR_RULE
            return Refusal(code=code, field=f"rule_ids.{index}", message=message)
        events.append(rule_removed(group, rule, rules, now_ms))
    return tuple(events)


def decide_create_provider_rule(
    state: CellState, command: CreateProviderFirewallRule, draws: Draws
) -> tuple[Event, ...] | Refusal:
    """Drop something before it comes to any instance."""
    refusal = _not_admin(command.actor)
    if refusal is not None:
        return refusal
    traffic = rule_grammar.of_provider(command)
    if isinstance(traffic, Refusal):
        return traffic
    if traffic in state.groups.provider.values():
        message = f"The provider drops this already: {_said(traffic, None)}."
        return Refusal(code=Code.SECURITY_GROUP_RULE_EXISTS, field="cidr", message=message)
    return (
        ProviderFirewallRuleCreated(
            rule_id=draws.uuid("provider rule", 0),
            protocol=str(traffic.protocol),
            from_port=int(traffic.from_port or 0),
            to_port=int(traffic.to_port or 0),
            cidr=str(traffic.cidr),
        ),
    )


def decide_delete_provider_rule(
    state: CellState, command: DeleteProviderFirewallRule
) -> tuple[Event, ...] | Refusal:
    """No longer drop it."""
    refusal = _not_admin(command.actor)
    if refusal is not None:
        return refusal
    if command.rule_id not in state.groups.provider:
        message = f"There is no provider rule {command.rule_id}; `netledger group provider list` shows them."
        return Refusal(code=Code.PROVIDER_FW_RULE_NOT_FOUND, field="rule_id", message=message)
    return (ProviderFirewallRuleDeleted(rule_id=command.rule_id),)


def _not_admin(actor: Actor) -> Refusal | None:
    return None if actor.is_admin else admin_only("change the provider's rules")


def apply_added(state: CellState, event: SecurityGroupRuleAdded) -> None:
    """Add a rule to a group."""
    group = state.groups.kept(event.group_id, event.project_id)
    if event.rule_id in group.rules:
        message = f"rule {event.rule_id} of security group {group.id} is added twice"
        raise InvariantBroken(message)
    traffic = Traffic(event.protocol, event.from_port, event.to_port, event.cidr)
    source_id = None
    if event.source_group_id is not None:
        source = state.groups.kept(event.source_group_id, event.project_id)
        source.named_by[group.id] = source.named_by.get(group.id, 0) + 1
        source_id = source.id
    group.rules[event.rule_id] = GroupRule(event.rule_id, traffic, source_id)


def apply_removed(state: CellState, event: SecurityGroupRuleRemoved) -> None:
    """Take a rule from a group; its members' hosts may let its source in until they must have heard."""
    group = state.groups.by_id[event.group_id]
    del group.rules[event.rule_id]
    if event.source_group_id is None:
        return
    source = state.groups.by_id[event.source_group_id]
    left = source.named_by.pop(group.id) - 1
    if left:
        source.named_by[group.id] = left
    if group.hosts:
        linger(source.lingering, group.hosts, parse_time(event.revoked_by), state.time_ms)


def apply_provider_rule_created(state: CellState, event: ProviderFirewallRuleCreated) -> None:
    """Add a rule of the provider's."""
    if event.rule_id in state.groups.provider:
        message = f"provider rule {event.rule_id} is created twice"
        raise InvariantBroken(message)
    traffic = Traffic(event.protocol, event.from_port, event.to_port, event.cidr)
    state.groups.provider[event.rule_id] = traffic


def apply_provider_rule_deleted(state: CellState, event: ProviderFirewallRuleDeleted) -> None:
    """Remove a rule of the provider's."""
    del state.groups.provider[event.rule_id]
