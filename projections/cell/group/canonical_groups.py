"""Security groups and the provider's rules as sorted, canonical rows, and what else decides about them."""

from typing import Any

from projections.cell.state import CellState


def rows(state: CellState) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of `projections.ipam` by table, sorted."""
    groups = state.groups.by_id.values()
    return {
        "security_groups": sorted((g.id, g.project_id, g.name, g.description) for g in groups),
        "security_group_rules": sorted(
            (rule.id, g.id, t.protocol, t.from_port, t.to_port, t.cidr, rule.source_group_id)
            for g in groups
            for rule in g.rules.values()
            for t in [rule.traffic]
        ),
        "security_group_members": sorted((uuid, g.id) for g in groups for uuid in g.members),
        "provider_fw_rules": sorted(
            (rule_id, t.protocol, t.from_port, t.to_port, t.cidr)
            for rule_id, t in state.groups.provider.items()
        ),
    }


def internals(state: CellState) -> dict[str, Any]:
    """Return orders, counts, and who may still let in what was revoked."""
    return {
        "groups": sorted(
            (
                *(g.id, list(g.rules), sorted(g.hosts.items()), sorted(g.named_by.items())),
                sorted(g.lingering.items()),
            )
            for g in state.groups.by_id.values()
        ),
        "names": sorted((project, sorted(mine.items())) for project, mine in state.groups.names.items()),
        "provider": list(state.groups.provider),
        "instances": sorted(
            (i.uuid, i.security_groups, sorted((i.lingering or {}).items())) for i in state.instances.values()
        ),
    }
