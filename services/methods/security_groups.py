"""Security groups, rules, members and the provider's rules: nova's SecurityGroupAPI (nova-network.md 2.6).

nova's methods are called `list`, `get`, `destroy`, `add_rules`; here each says what of.
"""

from events.ids import parse_uuid
from events.model import Actor, ProjectId
from events.refusals import Code
from events.security_groups import (
    DEFAULT_GROUP,
    AddInstanceToSecurityGroup,
    AddSecurityGroupRules,
    CreateProviderFirewallRule,
    CreateSecurityGroup,
    DeleteProviderFirewallRule,
    DeleteSecurityGroup,
    ProviderFirewallRuleCreated,
    RemoveInstanceFromSecurityGroup,
    RemoveSecurityGroupRules,
    RuleSpec,
    SecurityGroupCreated,
    SecurityGroupRuleAdded,
    UpdateSecurityGroup,
    default_group_id,
)
from projections.ipam import groups
from services.methods.base import Args, Asked, Method, NoArgs, Read, Write, checked, nothing
from services.methods.instances import find
from services.outcomes import Answer, refused
from services.tables import Row, Tables


class CreateArgs(Args):
    """A new group; of the actor's own project when none is named."""

    name: str
    description: str = ""
    project_id: ProjectId | None = None


class GroupArgs(Args):
    """A group by id or name; a name is one of the project's, the actor's own when left out."""

    security_group: str
    project_id: ProjectId | None = None


class UpdateArgs(GroupArgs):
    """A group, and its new name or description; what is left out stays."""

    name: str | None = None
    description: str | None = None


class ListArgs(Args):
    """Groups of a project, the actor's own when left out; an admin may ask for those of all tenants."""

    project_id: ProjectId | None = None
    all_tenants: bool = False


class AddRulesArgs(GroupArgs):
    """A group, and the rules that it shall have too."""

    rules: list[RuleSpec]


class RemoveRulesArgs(GroupArgs):
    """A group, and ids of its rules."""

    rule_ids: list[str]


class RuleArgs(Args):
    """A rule by id."""

    rule_id: str


class OfInstanceArgs(Args):
    """An instance by id."""

    instance_uuid: str

    def uuid(self) -> str:
        """Return the instance's id in canonical text.

        Raises:
            Refused: it is no UUID.

        """
        return checked(parse_uuid, self.instance_uuid, Code.INVALID_INPUT, "instance_uuid")


class MemberArgs(OfInstanceArgs):
    """An instance, and a group of its project by id or name."""

    security_group: str


class ProviderRuleArgs(Args):
    """What shall be dropped; all ports, or all of ICMP, where none are named."""

    protocol: str
    cidr: str
    from_port: int | None = None
    to_port: int | None = None


def _create(args: CreateArgs, asked: Asked, _tables: Tables) -> CreateSecurityGroup:
    return CreateSecurityGroup(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _created(_args: CreateArgs, answer: Answer, tables: Tables) -> Row | None:
    created = next(event for event in answer.events if isinstance(event, SecurityGroupCreated))
    return tables.ask(lambda reader: groups.group(reader, created.group_id))


def _update(args: UpdateArgs, asked: Asked, _tables: Tables) -> UpdateSecurityGroup:
    return UpdateSecurityGroup(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _delete(args: GroupArgs, asked: Asked, _tables: Tables) -> DeleteSecurityGroup:
    return DeleteSecurityGroup(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _add_rules(args: AddRulesArgs, asked: Asked, _tables: Tables) -> AddSecurityGroupRules:
    return AddSecurityGroupRules(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _rules_added(_args: AddRulesArgs, answer: Answer, _tables: Tables) -> list[Row]:
    return [
        {
            "id": event.rule_id,
            "parent_group_id": event.group_id,
            "protocol": event.protocol,
            "from_port": event.from_port,
            "to_port": event.to_port,
            "cidr": event.cidr,
            "group_id": event.source_group_id,
        }
        for event in answer.events
        if isinstance(event, SecurityGroupRuleAdded)
    ]


def _remove_rules(args: RemoveRulesArgs, asked: Asked, _tables: Tables) -> RemoveSecurityGroupRules:
    return RemoveSecurityGroupRules(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _join(args: MemberArgs, asked: Asked, _tables: Tables) -> AddInstanceToSecurityGroup:
    return AddInstanceToSecurityGroup(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=args.uuid(),
        security_group=args.security_group,
    )


def _leave(args: MemberArgs, asked: Asked, _tables: Tables) -> RemoveInstanceFromSecurityGroup:
    return RemoveInstanceFromSecurityGroup(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=args.uuid(),
        security_group=args.security_group,
    )


def _create_provider_rule(
    args: ProviderRuleArgs, asked: Asked, _tables: Tables
) -> CreateProviderFirewallRule:
    return CreateProviderFirewallRule(id=asked.command_id, actor=asked.actor, **args.model_dump())


def _provider_rule_created(_args: ProviderRuleArgs, answer: Answer, _tables: Tables) -> Row:
    created = next(event for event in answer.events if isinstance(event, ProviderFirewallRuleCreated))
    return {
        "id": created.rule_id,
        "protocol": created.protocol,
        "from_port": created.from_port,
        "to_port": created.to_port,
        "cidr": created.cidr,
    }


def _delete_provider_rule(args: RuleArgs, asked: Asked, _tables: Tables) -> DeleteProviderFirewallRule:
    return DeleteProviderFirewallRule(id=asked.command_id, actor=asked.actor, rule_id=args.rule_id)


# --- Reads --------------------------------------------------------------------------------------------------


def _project(actor: Actor, project_id: str | None) -> str:
    """Return the project whose groups are asked for.

    Raises:
        Refused: the actor has none, or may not see those of the one named.

    """
    project = project_id or actor.project
    if project is None:
        message = "Name the project whose groups are meant: the actor has none."
        raise refused(Code.INVALID_INPUT, message, "project_id")
    if not actor.is_admin and actor.project != project:
        message = f"User {actor.user!r} of project {actor.project!r} may not see groups of {project!r}."
        raise refused(Code.FORBIDDEN, message, "project_id")
    return project


def _default(project: str) -> Row:
    """Return a project's default group as it is before anything refers to it."""
    group = {"id": default_group_id(project), "name": DEFAULT_GROUP, "description": DEFAULT_GROUP}
    return {**group, "user_id": None, "project_id": project, "rules": [], "members": 0}


def _list(args: ListArgs, actor: Actor, tables: Tables) -> list[Row]:
    if args.all_tenants:
        if not actor.is_admin:
            raise refused(Code.FORBIDDEN, "Only an admin sees all security groups.", "all_tenants")
        return tables.ask(groups.groups)
    project = _project(actor, args.project_id)
    found = tables.ask(lambda reader: groups.groups(reader, project))
    there = any(group["name"] == DEFAULT_GROUP for group in found)
    return found if there else [_default(project), *found]


def _get(args: GroupArgs, actor: Actor, tables: Tables) -> Row:
    named = args.security_group.strip()
    try:
        group_id = parse_uuid(named)
    except ValueError:
        group_id = None
    if group_id is not None:
        found = tables.ask(lambda reader: groups.group(reader, str(group_id)))
        if found is not None and (actor.is_admin or found["project_id"] == actor.project):
            return found
    project = _project(actor, args.project_id)
    if named == DEFAULT_GROUP or group_id == default_group_id(project):
        known = tables.ask(lambda reader: groups.group_by_name(reader, project, DEFAULT_GROUP))
        return known or _default(project)
    found = tables.ask(lambda reader: groups.group_by_name(reader, project, named))
    if found is None:
        message = f"Project {project!r} has no security group {named!r}."
        raise refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, message, "security_group")
    return found


def _get_rule(args: RuleArgs, actor: Actor, tables: Tables) -> Row:
    rule_id = checked(parse_uuid, args.rule_id, Code.INVALID_INPUT, "rule_id")
    found = tables.ask(lambda reader: groups.rule(reader, rule_id))
    if found is None or not (actor.is_admin or found["project_id"] == actor.project):
        message = f"There is no rule {rule_id} of a security group."
        raise refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_RULE, message, "rule_id")
    return {name: value for name, value in found.items() if name != "project_id"}


def _of_instance(args: OfInstanceArgs, actor: Actor, tables: Tables) -> list[Row]:
    uuid = args.uuid()
    found = tables.ask(lambda reader: groups.groups_of_instance(reader, uuid))
    if not (found and (actor.is_admin or found[0]["project_id"] == actor.project)):
        find(uuid, actor, tables)  # it may be in no group, be another project's, or not be there
    return found


def _provider_rules(_args: NoArgs, actor: Actor, tables: Tables) -> list[Row]:
    if not actor.is_admin:
        raise refused(Code.FORBIDDEN, "Only an admin sees the provider's rules.", "actor.is_admin")
    return tables.ask(groups.provider_rules)


METHODS: dict[str, Method] = {
    "create_security_group": Write(CreateArgs, _create, _created, adds=True, sighted=True),
    "update_security_group": Write(UpdateArgs, _update, nothing),
    "delete_security_group": Write(GroupArgs, _delete, nothing),
    "list_security_groups": Read(ListArgs, _list),
    "get_security_group": Read(GroupArgs, _get),
    "add_security_group_rules": Write(AddRulesArgs, _add_rules, _rules_added),
    "remove_security_group_rules": Write(RemoveRulesArgs, _remove_rules, nothing),
    "get_security_group_rule": Read(RuleArgs, _get_rule),
    "get_instance_security_groups": Read(OfInstanceArgs, _of_instance),
    "add_security_group_to_instance": Write(MemberArgs, _join, nothing),
    "remove_security_group_from_instance": Write(MemberArgs, _leave, nothing),
    "provider_fw_rule_create": Write(
        ProviderRuleArgs, _create_provider_rule, _provider_rule_created, adds=True
    ),
    "provider_fw_rule_destroy": Write(RuleArgs, _delete_provider_rule, nothing),
    "provider_fw_rule_get_all": Read(NoArgs, _provider_rules),
}
