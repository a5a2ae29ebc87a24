"""Security groups and the provider's rules: what is decided on each command, what each event changes."""

from collections.abc import Callable
from typing import Any, assert_never

from events.ids import Draws
from events.model import Event
from events.refusals import Refusal
from events.security_groups import (
    AddInstanceToSecurityGroup,
    AddSecurityGroupRules,
    CreateProviderFirewallRule,
    CreateSecurityGroup,
    DeleteProviderFirewallRule,
    DeleteSecurityGroup,
    InstanceSecurityGroupAdded,
    InstanceSecurityGroupRemoved,
    ProviderFirewallRuleCreated,
    ProviderFirewallRuleDeleted,
    RemoveInstanceFromSecurityGroup,
    RemoveSecurityGroupRules,
    SecurityGroupCreated,
    SecurityGroupDeleted,
    SecurityGroupRuleAdded,
    SecurityGroupRuleRemoved,
    SecurityGroupUpdated,
    UpdateSecurityGroup,
)
from projections.cell.group import group_members, security_group_rules, security_groups
from projections.cell.state import CellState, Rules

GroupCommand = (
    CreateSecurityGroup
    | UpdateSecurityGroup
    | DeleteSecurityGroup
    | AddSecurityGroupRules
    | RemoveSecurityGroupRules
    | AddInstanceToSecurityGroup
    | RemoveInstanceFromSecurityGroup
    | CreateProviderFirewallRule
    | DeleteProviderFirewallRule
)


def decide(
    state: CellState, command: GroupCommand, rules: Rules, draws: Draws, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Decide a wish about groups, their rules or members, or the provider's rules."""
    match command:
        case CreateSecurityGroup():
            return security_groups.decide_create(state, command, rules, draws)
        case UpdateSecurityGroup():
            return security_groups.decide_update(state, command)
        case DeleteSecurityGroup():
            return security_groups.decide_delete(state, command, rules, now_ms)
        case AddSecurityGroupRules():
            return security_group_rules.decide_add(state, command, rules, draws)
        case RemoveSecurityGroupRules():
            return security_group_rules.decide_remove(state, command, rules, now_ms)
        case AddInstanceToSecurityGroup():
            return group_members.decide_join(state, command)
        case RemoveInstanceFromSecurityGroup():
            return group_members.decide_leave(state, command, rules, now_ms)
        case CreateProviderFirewallRule():
            return security_group_rules.decide_create_provider_rule(state, command, draws)
        case DeleteProviderFirewallRule():
            return security_group_rules.decide_delete_provider_rule(state, command)
        case _:
            assert_never(command)


APPLY: dict[type[Event], Callable[[CellState, Any], None]] = {
    SecurityGroupCreated: security_groups.apply_created,
    SecurityGroupUpdated: security_groups.apply_updated,
    SecurityGroupDeleted: security_groups.apply_deleted,
    SecurityGroupRuleAdded: security_group_rules.apply_added,
    SecurityGroupRuleRemoved: security_group_rules.apply_removed,
    InstanceSecurityGroupAdded: group_members.apply_joined,
    InstanceSecurityGroupRemoved: group_members.apply_left,
    ProviderFirewallRuleCreated: security_group_rules.apply_provider_rule_created,
    ProviderFirewallRuleDeleted: security_group_rules.apply_provider_rule_deleted,
}
"""How each event changes the state."""
