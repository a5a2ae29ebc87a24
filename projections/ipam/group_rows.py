"""What events about security groups and the provider's rules change in the tables. Pure.

A project's default group is there without an event that creates it: its row is made when something first
refers to it, and stays.
"""

from collections.abc import Callable, Sequence
from typing import Any

from events.instances import InstanceDeleted, InstanceSpawned
from events.model import Event
from events.security_groups import (
    DEFAULT_GROUP,
    InstanceSecurityGroupAdded,
    InstanceSecurityGroupRemoved,
    ProviderFirewallRuleCreated,
    ProviderFirewallRuleDeleted,
    SecurityGroupCreated,
    SecurityGroupDeleted,
    SecurityGroupRuleAdded,
    SecurityGroupRuleRemoved,
    SecurityGroupUpdated,
    default_group_id,
)
from projections.ipam.changes import Changes
from projections.ipam.tables import GROUPS, Row

_NAME = GROUPS.columns.index("name")


def spawned(changes: Changes, seq: int, time: str, event: InstanceSpawned) -> None:
    """Let a new instance be in its groups."""
    _join(changes, seq, time, event.project_id, event.instance_uuid, event.security_groups)


def deleted(changes: Changes, seq: int, time: str, event: InstanceDeleted) -> None:
    """Let an instance be in no group any more."""
    for group_id in event.security_groups:
        changes.holds["security_group_members"].end((event.instance_uuid, group_id), [], seq, time)


def _join(
    changes: Changes, seq: int, time: str, project_id: str, instance_uuid: str, group_ids: Sequence[str]
) -> None:
    for rank, group_id in enumerate(group_ids):
        _refer(changes, seq, time, project_id, group_id)
        where = (instance_uuid, group_id)
        changes.holds["security_group_members"].begin(where, [*where, rank, seq, time])


def _refer(changes: Changes, seq: int, time: str, project_id: str, group_id: str | None) -> None:
    if group_id == default_group_id(project_id):
        row: Row = [group_id, project_id, DEFAULT_GROUP, DEFAULT_GROUP, 0, seq, time]
        changes.default_groups.setdefault(group_id, row)


def _joined(changes: Changes, seq: int, time: str, _rank: int, event: InstanceSecurityGroupAdded) -> None:
    _join(changes, seq, time, event.project_id, event.instance_uuid, (event.group_id,))


def _left(changes: Changes, seq: int, time: str, _rank: int, event: InstanceSecurityGroupRemoved) -> None:
    where = (event.instance_uuid, event.group_id)
    changes.holds["security_group_members"].end(where, [], seq, time)


def _created(changes: Changes, seq: int, time: str, rank: int, event: SecurityGroupCreated) -> None:
    row: Row = [event.group_id, event.project_id, event.name, event.description, rank, seq, time]
    changes.holds["security_groups"].begin((event.group_id,), row)


def _updated(changes: Changes, _seq: int, _time: str, _rank: int, event: SecurityGroupUpdated) -> None:
    row = changes.holds["security_groups"].began.get((event.group_id,))
    if row is not None:
        row[_NAME : _NAME + 2] = [event.name, event.description]
    else:
        changes.renamed[event.group_id] = [event.name, event.description]


def _group_deleted(changes: Changes, seq: int, time: str, _rank: int, event: SecurityGroupDeleted) -> None:
    changes.holds["security_groups"].end((event.group_id,), [], seq, time)


def _rule_added(changes: Changes, seq: int, time: str, rank: int, event: SecurityGroupRuleAdded) -> None:
    _refer(changes, seq, time, event.project_id, event.group_id)
    _refer(changes, seq, time, event.project_id, event.source_group_id)
    row: Row = [
        *(event.rule_id, event.group_id, event.protocol, event.from_port, event.to_port, event.cidr),
        *(event.source_group_id, rank, seq, time),
    ]
    changes.holds["security_group_rules"].begin((event.rule_id,), row)


def _rule_removed(changes: Changes, seq: int, time: str, _rank: int, event: SecurityGroupRuleRemoved) -> None:
    changes.holds["security_group_rules"].end((event.rule_id,), [], seq, time)


def _provider_rule_created(
    changes: Changes, seq: int, time: str, _rank: int, event: ProviderFirewallRuleCreated
) -> None:
    row: Row = [event.rule_id, event.protocol, event.from_port, event.to_port, event.cidr, seq, time]
    changes.holds["provider_fw_rules"].begin((event.rule_id,), row)


def _provider_rule_deleted(
    changes: Changes, seq: int, time: str, _rank: int, event: ProviderFirewallRuleDeleted
) -> None:
    changes.holds["provider_fw_rules"].end((event.rule_id,), [], seq, time)


HANDLERS: dict[type[Event], Callable[[Changes, int, str, int, Any], None]] = {
    SecurityGroupCreated: _created,
    SecurityGroupUpdated: _updated,
    SecurityGroupDeleted: _group_deleted,
    SecurityGroupRuleAdded: _rule_added,
    SecurityGroupRuleRemoved: _rule_removed,
    InstanceSecurityGroupAdded: _joined,
    InstanceSecurityGroupRemoved: _left,
    ProviderFirewallRuleCreated: _provider_rule_created,
    ProviderFirewallRuleDeleted: _provider_rule_deleted,
}
"""By type; each takes changes, seq, time, and the event's place in its decision."""
