"""What the obvious model says of projects: what they may have."""

from events.quotas import Resource, SetQuota
from projections.cell.state import Rules
from tests.unit.cell.model_rows import Answer, Floating, Net, Vm


class Projects:
    """The part of the cell that is about projects."""

    def __init__(self, rules: Rules) -> None:
        """Begin empty."""
        self.nets: dict[str, Net] = {}
        self.vms: dict[str, Vm] = {}
        self.floatings: list[Floating] = []
        self.seq = 0
        self._limits: dict[tuple[str, str], int] = {}
        self._default = {
            "fixed_ips": rules.quota_fixed_ips,
            "floating_ips": rules.quota_floating_ips,
            "networks": rules.quota_networks if rules.enable_network_quota else -1,
        }

    def over(self, resource: Resource, project: str, more: int) -> bool:
        """Tell whether so many more are too many, by counting all that there is."""
        if resource == "fixed_ips":
            rows = [row for net in self.nets.values() for row in net.rows if row.instance is not None]
            used = sum(self.vms[str(row.instance)].project == project for row in rows)
        elif resource == "networks":
            used = sum(net.project == project for net in self.nets.values())
        else:
            used = sum(one.project == project and not one.auto for one in self.floatings)
        limit = self._limits.get((project, resource), self._default[resource])
        return limit != -1 and more > 0 and used + more > limit

    def _SetQuota(self, asked: SetQuota, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        if set(asked.reset) & set(asked.limits):
            return "InvalidInput", "reset"
        if not asked.reset and not asked.limits:
            return "InvalidInput", "limits"
        for resource in asked.reset:
            self._limits.pop((asked.project_id, resource), None)
        for resource, limit in asked.limits.items():
            self._limits[asked.project_id, resource] = limit
        return None
