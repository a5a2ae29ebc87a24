"""Commands about security groups for tests, with what matters as arguments and good values for the rest."""

from events.catalog import AnyCommand
from events.model import Actor
from events.security_groups import (
    AddInstanceToSecurityGroup,
    AddSecurityGroupRules,
    CreateProviderFirewallRule,
    CreateSecurityGroup,
    DeleteProviderFirewallRule,
    DeleteSecurityGroup,
    RemoveInstanceFromSecurityGroup,
    RemoveSecurityGroupRules,
    RuleSpec,
    UpdateSecurityGroup,
)
from tests.unit.people import ADMIN, ANN, ANY_ID, uid


def create_group(
    name: str = "web", actor: Actor = ANN, description: str = "", project: str | None = None
) -> CreateSecurityGroup:
    """Ask for a security group of the actor's project, or of the one named."""
    return CreateSecurityGroup(id=ANY_ID, actor=actor, name=name, description=description, project_id=project)


def update_group(group: str = "web", actor: Actor = ANN, **fields: str) -> UpdateSecurityGroup:
    """Ask to change a security group."""
    asked = {"id": ANY_ID, "actor": actor, "security_group": group, **fields}
    return UpdateSecurityGroup.model_validate(asked)


def delete_group(group: str = "web", actor: Actor = ANN, project: str | None = None) -> DeleteSecurityGroup:
    """Ask to delete a security group."""
    return DeleteSecurityGroup(id=ANY_ID, actor=actor, security_group=group, project_id=project)


def letting(
    protocol: str | None = "tcp", ports: tuple[int, int] | None = (80, 80), **fields: object
) -> RuleSpec:
    """Describe a rule; from anywhere unless a block or a group is named."""
    first, last = ports or (None, None)
    asked = {"protocol": protocol, "from_port": first, "to_port": last, **fields}
    return RuleSpec.model_validate(asked)


def add_rules(
    group: str, *rules: RuleSpec, actor: Actor = ANN, project: str | None = None
) -> AddSecurityGroupRules:
    """Ask to let something in through a security group."""
    return AddSecurityGroupRules(
        id=ANY_ID, actor=actor, security_group=group, rules=rules, project_id=project
    )


def remove_rules(group: str, *rule_ids: str, actor: Actor = ANN) -> RemoveSecurityGroupRules:
    """Ask to remove rules from a security group."""
    return RemoveSecurityGroupRules(id=ANY_ID, actor=actor, security_group=group, rule_ids=rule_ids)


def join_group(vm: str = "vm", group: str = "web", actor: Actor = ANN) -> AddInstanceToSecurityGroup:
    """Ask to put an instance into a security group."""
    return AddInstanceToSecurityGroup(id=ANY_ID, actor=actor, instance_uuid=uid(vm), security_group=group)


def leave_group(vm: str = "vm", group: str = "web", actor: Actor = ANN) -> RemoveInstanceFromSecurityGroup:
    """Ask to take an instance out of a security group."""
    return RemoveInstanceFromSecurityGroup(
        id=ANY_ID, actor=actor, instance_uuid=uid(vm), security_group=group
    )


def provider_drop(
    cidr: str = "198.51.100.0/24", protocol: str = "tcp", actor: Actor = ADMIN, **ports: int
) -> CreateProviderFirewallRule:
    """Ask to drop something before it comes to any instance."""
    asked = {"id": ANY_ID, "actor": actor, "cidr": cidr, "protocol": protocol, **ports}
    return CreateProviderFirewallRule.model_validate(asked)


def provider_pass(rule_id: str, actor: Actor = ADMIN) -> DeleteProviderFirewallRule:
    """Ask to drop it no longer."""
    return DeleteProviderFirewallRule(id=ANY_ID, actor=actor, rule_id=rule_id)


GROUP_WISHES: tuple[AnyCommand, ...] = (
    create_group(),
    update_group("web", name="www", description="from the world"),
    delete_group(),
    add_rules("web", letting(), letting("icmp", None, group_id="default")),
    remove_rules("web", uid("rule")),
    join_group(),
    leave_group(),
    provider_drop(from_port=25, to_port=25),
    provider_pass(uid("rule")),
)
"""One of every type."""
