"""Members of security groups: instances join and leave; which hosts let a member in.

An address leaves its groups in the decision in which it begins to drain, and is free only when every host
that let it in has applied that. nova freed first and revoked later: the next holder was let in (bug 1021352).
"""

from collections.abc import Collection

from events.addresses import ipv4_text
from events.clock import parse_time
from events.errors import InvariantBroken
from events.model import Event
from events.refusals import Code, Refusal
from events.security_groups import (
    GROUPS_PER_INSTANCE_MAX,
    AddInstanceToSecurityGroup,
    InstanceSecurityGroupAdded,
    InstanceSecurityGroupRemoved,
    MemberAddress,
    RemoveInstanceFromSecurityGroup,
)
from projections.cell.group.group_state import SecurityGroup, linger
from projections.cell.group.security_groups import find, not_found, revoked_by
from projections.cell.network.networks import forbidden
from projections.cell.state import CellState, Instance, Rules


def decide_join(state: CellState, command: AddInstanceToSecurityGroup) -> tuple[Event, ...] | Refusal:
    """Put an instance into a group of its project."""
    found = _instance_and_group(state, command)
    if isinstance(found, Refusal):
        return found
    instance, group = found
    if group.id in instance.security_groups:
        message = f"Instance {instance.uuid} is in security group {group.name!r} already."
        code = Code.SECURITY_GROUP_EXISTS_FOR_INSTANCE
        return Refusal(code=code, field="security_group", message=message)
    if len(instance.security_groups) >= GROUPS_PER_INSTANCE_MAX:
        message = f"Instance {instance.uuid} is in {GROUPS_PER_INSTANCE_MAX} groups, as many as it may."
        return Refusal(code=Code.SECURITY_GROUP_LIMIT_EXCEEDED, field="instance_uuid", message=message)
    return (
        InstanceSecurityGroupAdded(
            instance_uuid=instance.uuid,
            group_id=group.id,
            project_id=group.project_id,
            addresses=addresses_of(instance),
        ),
    )


def addresses_of(instance: Instance) -> tuple[MemberAddress, ...]:
    """Return the fixed IPs by which an instance is let in; not those that drain."""
    return tuple(
        MemberAddress(allocation_id=allocation.id, address=ipv4_text(allocation.address))
        for vif in instance.vifs
        for allocation in vif.allocations.values()
    )


def decide_leave(
    state: CellState, command: RemoveInstanceFromSecurityGroup, rules: Rules, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Take an instance out of a group; it may be in none, and then nothing comes in."""
    found = _instance_and_group(state, command)
    if isinstance(found, Refusal):
        return found
    instance, group = found
    if group.id not in instance.security_groups:
        message = f"Instance {instance.uuid} is not in security group {group.name!r}."
        code = Code.SECURITY_GROUP_NOT_EXISTS_FOR_INSTANCE
        return Refusal(code=code, field="security_group", message=message)
    return (
        InstanceSecurityGroupRemoved(
            instance_uuid=instance.uuid,
            group_id=group.id,
            project_id=group.project_id,
            revoked_by=revoked_by(rules, now_ms),
        ),
    )


def _instance_and_group(
    state: CellState, command: AddInstanceToSecurityGroup | RemoveInstanceFromSecurityGroup
) -> tuple[Instance, SecurityGroup] | Refusal:
    """Return an instance that the actor may change, and the group of its project that is named."""
    instance = state.instances.get(command.instance_uuid)
    if instance is None:
        message = f"Instance {command.instance_uuid} has no networking here."
        return Refusal(code=Code.INSTANCE_NOT_FOUND, field="instance_uuid", message=message)
    actor = command.actor
    if not actor.is_admin and actor.project != instance.project_id:
        what = f"change the security groups of instance {instance.uuid}"
        return forbidden(actor, what, "instance_uuid")
    group = find(state.groups, instance.project_id, command.security_group)
    if group is None:
        return not_found(command.security_group, instance.project_id, "security_group")
    return instance, group


def join(state: CellState, instance: Instance, group_ids: Collection[str]) -> None:
    """Make an instance a member of groups of its project."""
    for group_id in group_ids:
        group = state.groups.kept(group_id, instance.project_id)
        if instance.uuid in group.members:
            message = f"instance {instance.uuid} joins security group {group_id} twice"
            raise InvariantBroken(message)
        group.members[instance.uuid] = None
        group.count_hosts(instance.hosts(), 1)
        instance.security_groups = (*instance.security_groups, group.id)


def leave(state: CellState, instance: Instance, group_ids: Collection[str]) -> None:
    """End an instance's membership in groups."""
    for group_id in group_ids:
        group = state.groups.by_id[group_id]
        del group.members[instance.uuid]
        group.count_hosts(instance.hosts(), -1)
    instance.security_groups = tuple(one for one in instance.security_groups if one not in group_ids)


def apply_joined(state: CellState, event: InstanceSecurityGroupAdded) -> None:
    """Make an instance a member of a group."""
    join(state, state.instances[event.instance_uuid], (event.group_id,))


def apply_left(state: CellState, event: InstanceSecurityGroupRemoved) -> None:
    """End an instance's membership; hosts that have not heard of it yet count on until they must have.

    Those are the hosts that let the group's members in, for this instance's addresses; and the hosts that
    have ports of it, for whoever this group let in.
    """
    instance = state.instances[event.instance_uuid]
    group = state.groups.by_id[event.group_id]
    until_ms, now_ms = parse_time(event.revoked_by), state.time_ms
    hosts = state.groups.letting_in(group, now_ms)
    if hosts:
        instance.lingering = instance.lingering or {}
        linger(instance.lingering, hosts, until_ms, now_ms)
    leave(state, instance, (group.id,))
    for source_id in {rule.source_group_id for rule in group.rules.values()} - {None}:
        linger(state.groups.by_id[str(source_id)].lingering, instance.hosts(), until_ms, now_ms)
