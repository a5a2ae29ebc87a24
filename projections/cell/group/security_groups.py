"""Security groups: found by id or name, created, renamed, deleted (nova-network.md sections 2.6, 15.3)."""

from collections.abc import Sequence

from events.clock import time_text
from events.errors import InvariantBroken
from events.ids import Draws, parse_uuid
from events.model import Actor, Event
from events.quotas import UNLIMITED
from events.refusals import Code, Refusal
from events.security_groups import (
    DEFAULT_GROUP,
    CreateSecurityGroup,
    DeleteSecurityGroup,
    GroupCommand,
    SecurityGroupCreated,
    SecurityGroupDeleted,
    SecurityGroupRuleRemoved,
    SecurityGroupUpdated,
    UpdateSecurityGroup,
    default_group_id,
)
from projections.cell.group.group_state import GroupRule, SecurityGroup, SecurityGroups
from projections.cell.network.networks import forbidden
from projections.cell.state import CellState, Rules

REMOVED_PER_DECISION_MAX = 1000
"""Bound on the facts of one decision (design section 4)."""


def resolve(state: CellState, project_id: str, asked: Sequence[str] | None) -> tuple[str, ...] | Refusal:
    """Return the ids of the groups that a new instance joins: its project's default group, or those named."""
    if not asked:
        known = state.groups.names.get(project_id, {}).get(DEFAULT_GROUP)
        return (known or default_group_id(project_id),)
    found: dict[str, None] = {}
    for index, named in enumerate(asked):
        group = find(state.groups, project_id, named)
        if group is None:
            return not_found(named, project_id, f"security_groups.{index}")
        found[group.id] = None
    return tuple(found)


def find(groups: SecurityGroups, project_id: str, named: str) -> SecurityGroup | None:
    """Return a project's group by its id or name."""
    group_id = groups.names.get(project_id, {}).get(named)
    if group_id is None:
        group_id = default_group_id(project_id) if named == DEFAULT_GROUP else canonical(named)
    try:
        group = groups.get(group_id, project_id)
    except KeyError:
        return None
    return group if group.project_id == project_id else None


def canonical(named: str) -> str:
    """Return an id in canonical text, and anything else as it is."""
    try:
        return parse_uuid(named)
    except ValueError:
        return named


def not_found(named: str, project_id: str, field: str) -> Refusal:
    """Return the refusal of a group that there is not, or that is another project's."""
    message = f"Project {project_id!r} has no security group {named!r}."
    return Refusal(code=Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, field=field, message=message)


def owner(actor: Actor, project_id: str | None) -> str | Refusal:
    """Return the project whose groups a command is about."""
    project = project_id or actor.project
    if project is None:
        message = "Name the project whose groups are meant: the actor has none."
        return Refusal(code=Code.INVALID_INPUT, field="project_id", message=message)
    if not actor.is_admin and actor.project != project:
        return forbidden(actor, f"change security groups of project {project!r}", "project_id")
    return project


def group_of(state: CellState, command: GroupCommand) -> SecurityGroup | Refusal:
    """Return the group that a command names; an admin may name any group by its id."""
    actor, named = command.actor, command.security_group
    group = state.groups.by_id.get(canonical(named))
    if group is not None and (actor.is_admin or actor.project == group.project_id):
        return group
    project = owner(actor, command.project_id)
    if isinstance(project, Refusal):
        return project
    return find(state.groups, project, named) or not_found(named, project, "security_group")


def decide_create(
    state: CellState, command: CreateSecurityGroup, rules: Rules, draws: Draws
) -> tuple[Event, ...] | Refusal:
    """Create a group of a project, within its quota."""
    project = owner(command.actor, command.project_id)
    if isinstance(project, Refusal):
        return project
    refusal = _name_refused(state, project, command.name)
    if refusal is not None:
        return refusal
    count = len({*state.groups.names.get(project, {}), DEFAULT_GROUP})
    if UNLIMITED < rules.quota_security_groups <= count:
        message = (
            f"Project {project!r} has {count} security groups, its default one included; its quota is"
            f" {rules.quota_security_groups} (quota_security_groups)."
        )
        return Refusal(code=Code.SECURITY_GROUP_LIMIT_EXCEEDED, field="project_id", message=message)
    return (
        SecurityGroupCreated(
            group_id=draws.uuid("security group", 0),
            project_id=project,
            name=command.name,
            description=command.description,
        ),
    )


def _name_refused(state: CellState, project: str, name: str) -> Refusal | None:
    if find(state.groups, project, name) is not None:
        message = f"Project {project!r} has a security group {name!r} already."
        return Refusal(code=Code.SECURITY_GROUP_EXISTS, field="name", message=message)
    if canonical(name) in state.groups.by_id or _is_uuid(name):
        message = (
            f"{name!r} has the form of an id: groups are found by name or id, so no name looks like one."
        )
        return Refusal(code=Code.INVALID_INPUT, field="name", message=message)
    return None


def _is_uuid(text: str) -> bool:
    try:
        parse_uuid(text)
    except ValueError:
        return False
    return True


def decide_update(state: CellState, command: UpdateSecurityGroup) -> tuple[Event, ...] | Refusal:
    """Change a group's name or description; its id, rules and members stay."""
    group = group_of(state, command)
    if isinstance(group, Refusal):
        return group
    if group.name == DEFAULT_GROUP:
        return _is_default(group, "changed")
    name = group.name if command.name is None else command.name
    description = group.description if command.description is None else command.description
    if (name, description) == (group.name, group.description):
        return ()
    refusal = None if name == group.name else _name_refused(state, group.project_id, name)
    if refusal is not None:
        return refusal
    return (
        SecurityGroupUpdated(
            group_id=group.id, project_id=group.project_id, name=name, description=description
        ),
    )


def _is_default(group: SecurityGroup, what: str) -> Refusal:
    message = f"The default security group of project {group.project_id!r} cannot be {what}."
    return Refusal(code=Code.INVALID_GROUP, field="security_group", message=message)


def decide_delete(
    state: CellState, command: DeleteSecurityGroup, rules: Rules, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Delete a group that no instance is in, with its rules and those that name it as their source."""
    group = group_of(state, command)
    if isinstance(group, Refusal):
        return group
    if group.name == DEFAULT_GROUP:
        return _is_default(group, "deleted")
    if group.members:
        message = (
            f"Security group {group.name!r} is still in use: {len(group.members)} instances are in it, such"
            f" as {next(iter(group.members))}."
        )
        return Refusal(code=Code.INVALID_GROUP, field="security_group", message=message)
    removed = list(group.rules.values())
    affected = [(group, rule) for rule in removed]
    for other_id in group.named_by:
        other = state.groups.by_id[other_id]
        if other is not group:
            affected += [(other, rule) for rule in other.rules.values() if rule.source_group_id == group.id]
    if len(affected) >= REMOVED_PER_DECISION_MAX:
        message = (
            f"{len(affected)} rules go with security group {group.name!r}, more than one decision holds"
            f" ({REMOVED_PER_DECISION_MAX}); remove some of them first."
        )
        return Refusal(code=Code.INVALID_GROUP, field="security_group", message=message)
    gone = [rule_removed(one, rule, rules, now_ms) for one, rule in affected]
    return (*gone, SecurityGroupDeleted(group_id=group.id, project_id=group.project_id))


def rule_removed(
    group: SecurityGroup, rule: GroupRule, rules: Rules, now_ms: int
) -> SecurityGroupRuleRemoved:
    """Return the event by which a group loses a rule."""
    return SecurityGroupRuleRemoved(
        rule_id=rule.id,
        group_id=group.id,
        project_id=group.project_id,
        source_group_id=rule.source_group_id,
        revoked_by=revoked_by(rules, now_ms),
    )


def revoked_by(rules: Rules, now_ms: int) -> str:
    """Return until when hosts may let in what is revoked now; a draining address waits no longer either."""
    return time_text(now_ms + rules.fixed_ip_disassociate_timeout * 1000)


def apply_created(state: CellState, event: SecurityGroupCreated) -> None:
    """Add a group."""
    if event.group_id in state.groups.by_id:
        message = f"security group {event.group_id} is created twice"
        raise InvariantBroken(message)
    state.groups.keep(SecurityGroup(event.group_id, event.project_id, event.name, event.description))


def apply_updated(state: CellState, event: SecurityGroupUpdated) -> None:
    """Change a group's name and description."""
    group = state.groups.by_id[event.group_id]
    names = state.groups.names[group.project_id]
    del names[group.name]
    names[event.name] = group.id
    group.name, group.description = event.name, event.description


def apply_deleted(state: CellState, event: SecurityGroupDeleted) -> None:
    """Forget a group."""
    group = state.groups.by_id.pop(event.group_id)
    if group.members or group.rules or group.named_by:
        message = f"security group {group.id} is deleted while it has members or rules, or is named by one"
        raise InvariantBroken(message)
    names = state.groups.names[group.project_id]
    del names[group.name]
    if not names:
        del state.groups.names[group.project_id]
