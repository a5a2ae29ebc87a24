"""What the obvious model says of projects: what they may have, and which networks are theirs."""

from events.projects import AddNetworkToProject, ModifyNetwork
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
        self._default = {"fixed_ips": rules.quota_fixed_ips, "floating_ips": rules.quota_floating_ips}

    def over(self, resource: Resource, project: str, more: int) -> bool:
        """Tell whether so many more are too many, by counting all that there is."""
        if resource == "fixed_ips":
            rows = [row for net in self.nets.values() for row in net.rows if row.instance is not None]
            used = sum(self.vms[str(row.instance)].project == project for row in rows)
        else:
            used = sum(one.project == project and not one.auto for one in self.floatings)
        limit = self._limits.get((project, resource), self._default[resource])
        return limit != -1 and more > 0 and used + more > limit

    def seen_by(self, project: str) -> list[str]:
        """Return the networks that a project may use: those of nobody, then its own."""
        by_age = sorted(self.nets, key=lambda key: self.nets[key].since)
        open_ones = [
            key for key in by_age if self.nets[key].project is None and self.nets[key].asked.kind != "vlan"
        ]
        return open_ones + [key for key in by_age if self.nets[key].project == project]

    def unowned_vlans(self) -> list[str]:
        """Return the VLAN networks of nobody, in the order in which they are given to projects."""
        waiting = [key for key, net in self.nets.items() if net.project is None and net.asked.kind == "vlan"]
        return sorted(waiting, key=lambda key: (self.nets[key].asked.physical_network, self.nets[key].since))

    def _SetQuota(self, asked: SetQuota, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        for resource in asked.reset:
            self._limits.pop((asked.project_id, resource), None)
        for resource, limit in asked.limits.items():
            self._limits[asked.project_id, resource] = limit
        return None

    def _AddNetworkToProject(self, asked: AddNetworkToProject, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        network_id = asked.network_id or next(iter(self.unowned_vlans()), None)
        if network_id is None:
            return "NoMoreNetworks", "network_id"
        net = self.nets.get(network_id)
        if net is None:
            return "NetworkNotFound", "network_id"
        if net.asked.kind != "vlan":
            return "NotImplementedForKind", "network_id"
        return self._belong(network_id, asked.project_id, overwrite=False)

    def _ModifyNetwork(self, asked: ModifyNetwork, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        if asked.network_id not in self.nets:
            return "NetworkNotFound", "network_id"
        return self._belong(asked.network_id, asked.project_id, overwrite=asked.overwrite)

    def _belong(self, network_id: str, project: str | None, *, overwrite: bool) -> Answer:
        net = self.nets[network_id]
        if net.project == project:
            return None
        if net.project is not None and project is not None and not overwrite:
            return "NoMoreNetworks", "network_id"
        used = any(network_id in vm.macs for vm in self.vms.values())
        opened = project is None and net.asked.kind != "vlan"
        if not opened and (used or any(row.draining for row in net.rows)):
            return "NetworkInUse", "network_id"
        for one in self.nets.values():
            if one is net or not one.shares(net):
                continue
            if not one.may_share(project, multi_host=net.asked.multi_host):
                return "CidrConflict", "network_id"
        net.project, net.since = project, self.seq
        return None
