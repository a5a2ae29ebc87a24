"""Security groups, their rules and members, and the provider's rules (nova-network.md sections 2.6, 15.3).

A command names a group by id or by name; a name is one of the project's groups. What a rule says is checked
when it is decided, so that it is refused under nova's exception names; events hold it in canonical form.
"""

from hashlib import blake2b
from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict, StringConstraints

from events.model import PRINTABLE_PATTERN, Command, Event, Message, ProjectId, Uuid

DEFAULT_GROUP = "default"
"""Name of the group that every project has, and that an instance joins when none is named."""

RULES_PER_COMMAND_MAX = 100
GROUPS_PER_INSTANCE_MAX = 64

GroupName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$"
    ),
]
"""A group's name: up to 255 characters, as in nova; blanks around it are taken off, as nova's API did."""

Description = Annotated[str, StringConstraints(max_length=255, pattern=PRINTABLE_PATTERN)]
Word = Annotated[str, StringConstraints(max_length=64, pattern=PRINTABLE_PATTERN)]
Port = Annotated[int, Strict(), Field(ge=-(1 << 31), lt=1 << 31)]


def default_group_id(project_id: str) -> str:
    """Return the id of a project's default group: a UUIDv8 (RFC 9562 section 5.8) made of the project's id.

    Every project has that group from the first, so no event has to create it.
    """
    text = blake2b(f"security group {DEFAULT_GROUP} {project_id}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-8{text[17:20]}-{text[20:]}"


class GroupCommand(Command):
    """A wish about a group that exists."""

    subject_field: ClassVar[str] = "security_group"

    security_group: GroupName
    """The group, by id or by name."""
    project_id: ProjectId | None = None
    """Whose group the name means; the actor's own project when left out."""


class CreateSecurityGroup(Command):
    """Create a group without rules, through which nothing comes in (nova's create_security_group)."""

    subject_field: ClassVar[str] = "name"

    type: Literal["CreateSecurityGroup.v1"] = "CreateSecurityGroup.v1"
    name: GroupName
    description: Description = ""
    project_id: ProjectId | None = None
    """Project that shall own it; the actor's own when left out."""


class UpdateSecurityGroup(GroupCommand):
    """Change a group's name or description (nova's update_security_group)."""

    type: Literal["UpdateSecurityGroup.v1"] = "UpdateSecurityGroup.v1"
    name: GroupName | None = None
    """Stays as it is when left out."""
    description: Description | None = None
    """Stays as it is when left out."""


class DeleteSecurityGroup(GroupCommand):
    """Delete a group that no instance is in, with the rules that name it as their source (nova's destroy)."""

    type: Literal["DeleteSecurityGroup.v1"] = "DeleteSecurityGroup.v1"


class RuleSpec(Message):
    """What shall be let in: from the members of a group, or from a block of addresses."""

    protocol: Word | None = None
    """tcp, udp or icmp; from a group also left out: any."""
    from_port: Port | None = None
    """First port, or ICMP type, -1 for any."""
    to_port: Port | None = None
    """Last port, or ICMP code, -1 for any."""
    cidr: Word | None = None
    """Block of IPv4 or IPv6 that it comes from; 0.0.0.0/0 when neither block nor group is named."""
    group_id: GroupName | None = None
    """Group of the same project, by id or by name, whose members it comes from."""


class AddSecurityGroupRules(GroupCommand):
    """Let more in through a group, all of it or nothing (nova's add_rules)."""

    type: Literal["AddSecurityGroupRules.v1"] = "AddSecurityGroupRules.v1"
    rules: Annotated[tuple[RuleSpec, ...], Field(min_length=1, max_length=RULES_PER_COMMAND_MAX)]


class RemoveSecurityGroupRules(GroupCommand):
    """Take rules from a group, all of them or none (nova's remove_rules)."""

    type: Literal["RemoveSecurityGroupRules.v1"] = "RemoveSecurityGroupRules.v1"
    rule_ids: Annotated[tuple[Uuid, ...], Field(min_length=1, max_length=RULES_PER_COMMAND_MAX)]


class AddInstanceToSecurityGroup(Command):
    """Put an instance into a group of its project (nova's add_to_instance)."""

    subject_field: ClassVar[str] = "instance_uuid"

    type: Literal["AddInstanceToSecurityGroup.v1"] = "AddInstanceToSecurityGroup.v1"
    instance_uuid: Uuid
    security_group: GroupName
    """The group, by id or by name."""


class RemoveInstanceFromSecurityGroup(Command):
    """Take an instance out of a group (nova's remove_from_instance)."""

    subject_field: ClassVar[str] = "instance_uuid"

    type: Literal["RemoveInstanceFromSecurityGroup.v1"] = "RemoveInstanceFromSecurityGroup.v1"
    instance_uuid: Uuid
    security_group: GroupName
    """The group, by id or by name."""


class CreateProviderFirewallRule(Command):
    """Drop something before it comes to any instance (nova's provider_fw_rule_create)."""

    subject_field: ClassVar[str] = "cidr"

    type: Literal["CreateProviderFirewallRule.v1"] = "CreateProviderFirewallRule.v1"
    protocol: Word
    from_port: Port | None = None
    to_port: Port | None = None
    """All ports, or all of ICMP, where both are left out."""
    cidr: Word


class DeleteProviderFirewallRule(Command):
    """No longer drop it (nova's provider_fw_rule_destroy)."""

    subject_field: ClassVar[str] = "rule_id"

    type: Literal["DeleteProviderFirewallRule.v1"] = "DeleteProviderFirewallRule.v1"
    rule_id: Uuid


class SecurityGroupCreated(Event):
    """A project has a group more. Its default group is there without this."""

    type: Literal["SecurityGroupCreated.v1"] = "SecurityGroupCreated.v1"
    group_id: str
    project_id: str
    name: str
    description: str


class SecurityGroupUpdated(Event):
    """A group has this name and description from now on."""

    type: Literal["SecurityGroupUpdated.v1"] = "SecurityGroupUpdated.v1"
    group_id: str
    project_id: str
    name: str
    description: str


class SecurityGroupDeleted(Event):
    """A group is gone; its rules and those that named it were removed before, in the same decision."""

    type: Literal["SecurityGroupDeleted.v1"] = "SecurityGroupDeleted.v1"
    group_id: str
    project_id: str


class MemberAddress(Message):
    """A fixed IP of a group's member."""

    allocation_id: str
    address: str


class GroupMember(Message):
    """An instance in a group, with its fixed IPs."""

    instance_uuid: str
    addresses: tuple[MemberAddress, ...]


class SecurityGroupRuleAdded(Event):
    """A group lets something in."""

    type: Literal["SecurityGroupRuleAdded.v1"] = "SecurityGroupRuleAdded.v1"
    rule_id: str
    group_id: str
    project_id: str
    protocol: str | None
    """tcp, udp, icmp; None: any."""
    from_port: int | None
    """First port, or ICMP type; None: any."""
    to_port: int | None
    """Last port, or ICMP code; None: any."""
    cidr: str | None
    source_group_id: str | None
    """Group whose members it comes from, if it comes from no block."""
    members: tuple[GroupMember, ...] | None
    """Who is in the source group, if no rule named it until now: hosts must know its members from here on."""


class SecurityGroupRuleRemoved(Event):
    """A group no longer lets something in."""

    type: Literal["SecurityGroupRuleRemoved.v1"] = "SecurityGroupRuleRemoved.v1"
    rule_id: str
    group_id: str
    project_id: str
    source_group_id: str | None
    revoked_by: str
    """Time (RFC 3339) until when hosts may still let it in; addresses released before then wait for them."""


class InstanceSecurityGroupAdded(Event):
    """An instance is in a group more."""

    type: Literal["InstanceSecurityGroupAdded.v1"] = "InstanceSecurityGroupAdded.v1"
    instance_uuid: str
    group_id: str
    project_id: str
    addresses: tuple[MemberAddress, ...]


class InstanceSecurityGroupRemoved(Event):
    """An instance is in a group less."""

    type: Literal["InstanceSecurityGroupRemoved.v1"] = "InstanceSecurityGroupRemoved.v1"
    instance_uuid: str
    group_id: str
    project_id: str
    revoked_by: str
    """Time (RFC 3339) until when hosts may still count it as a member."""


class ProviderFirewallRuleCreated(Event):
    """Something is dropped before it comes to any instance."""

    type: Literal["ProviderFirewallRuleCreated.v1"] = "ProviderFirewallRuleCreated.v1"
    rule_id: str
    protocol: str
    from_port: int
    to_port: int
    cidr: str


class ProviderFirewallRuleDeleted(Event):
    """It is no longer dropped."""

    type: Literal["ProviderFirewallRuleDeleted.v1"] = "ProviderFirewallRuleDeleted.v1"
    rule_id: str
