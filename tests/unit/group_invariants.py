"""What holds of security groups after every decision: whatever is counted or indexed is what it counts."""

from collections import Counter

from events.security_groups import DEFAULT_GROUP, default_group_id
from projections.cell.group.group_state import WAITED_FOR_MAX
from projections.cell.state import CellState


def check_groups(state: CellState) -> None:
    """Fail with the first invariant that does not hold."""
    groups = state.groups.by_id
    names = {
        (project, name): key for project, mine in state.groups.names.items() for name, key in mine.items()
    }
    assert names == {(group.project_id, group.name): group.id for group in groups.values()}
    assert all(state.groups.names.values()), "a project without groups is remembered"
    members = {(uuid, key) for uuid, one in state.instances.items() for key in one.security_groups}
    assert members == {(uuid, group.id) for group in groups.values() for uuid in group.members}
    for key, group in groups.items():
        assert group.id == key
        assert (group.name == DEFAULT_GROUP) == (key == default_group_id(group.project_id))
        instances = [state.instances[uuid] for uuid in group.members]
        assert {one.project_id for one in instances} <= {group.project_id}, "a member of another project"
        assert group.hosts == Counter(host for one in instances for host in one.hosts())
        naming = Counter(
            other.id
            for other in groups.values()
            for rule in other.rules.values()
            if rule.source_group_id == key
        )
        assert group.named_by == naming
        assert all(groups[other].project_id == group.project_id for other in naming)
        assert len({(rule.traffic, rule.source_group_id) for rule in group.rules.values()}) == len(
            group.rules
        )
        assert len(group.lingering) <= WAITED_FOR_MAX
    for instance in state.instances.values():
        assert len(set(instance.security_groups)) == len(instance.security_groups)
        assert len(instance.lingering or {}) <= WAITED_FOR_MAX
