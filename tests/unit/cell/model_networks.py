"""The obvious model's networks: created, given to projects, deleted.

What addresses a network gets is planned by the cell alone, and tested by itself (`test_network_plan`);
whether it may be created at all is decided here too.
"""

from ipaddress import ip_network

from events.networks import ChangeVpn, CreateNetworks, DeleteNetwork, NetworkCreated
from events.projects import AddNetworkToProject, ModifyNetwork
from projections.cell.state import Rules
from tests.unit.cell.model_ownership import OwnershipModel
from tests.unit.cell.model_rows import Answer, Net, Row, addresses

SLAAC_PREFIX = 64


class NetworksModel(OwnershipModel):
    """The part of the cell that has to do with which networks there are, and whose they are."""

    def __init__(self, rules: Rules) -> None:
        """Begin empty."""
        super().__init__(rules)
        self.planned: tuple[NetworkCreated, ...] = ()
        """The plans of the networks that are asked for."""

    # --- Creating and deleting --------------------------------------------------------------------------

    def _CreateNetworks(self, asked: CreateNetworks, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        if asked.vlan is not None and asked.vlan in {net.asked.vlan for net in self.nets.values()}:
            return "DuplicateVlan", "vlan"
        if asked.uuid in self.nets:
            return "NetworkExists", "uuid"
        count = asked.num_networks or 1
        for field, size in (("cidr", asked.network_size or 0), ("cidr_v6", 1 << 128 - SLAAC_PREFIX)):
            cidr = getattr(asked, field)
            if cidr is not None and self._parts_free(asked, cidr, size) < count:
                return "CidrConflict", field
        if asked.project_id is not None and self.over("networks", asked.project_id, count):
            return "OverQuota", "project_id"
        for plan in self.planned:
            vpn = (plan.vpn_public_address, plan.vpn_public_port)
            offered = self.turn()
            self.nets[plan.network_id] = Net(
                plan.network_id, plan, _rows(plan), asked.project_id, self.seq, offered=offered, vpn=vpn
            )
        return None

    def _parts_free(self, asked: CreateNetworks, cidr: str, size: int) -> int:
        """Return how many networks of a size find room in a block."""
        block = ip_network(cidr)
        longest = block.max_prefixlen
        length = longest - (size - 1).bit_length() if size else block.prefixlen
        in_the_way = [
            net
            for net in self.nets.values()
            if not net.may_share(asked.project_id, multi_host=asked.multi_host)
        ]
        parts = block.subnets(new_prefix=length)
        return sum(not any(net.covers(part) for net in in_the_way) for part in parts)

    def _DeleteNetwork(self, asked: DeleteNetwork, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        net = self.nets.get(asked.network_id)
        if net is None:
            return "NetworkNotFound", "network_id"
        if net.project is not None and asked.require_disassociated:
            return "NetworkHasProject", "network_id"
        if any(asked.network_id in vm.macs for vm in self.vms.values()):
            return "NetworkInUse", "network_id"
        self._freed += sum(row.draining for row in net.rows)
        del self.nets[asked.network_id]
        return None

    # --- Projects ---------------------------------------------------------------------------------------

    def _unowned_vlans(self, reaches: set[str] | None) -> list[Net]:
        """Return the VLAN networks of nobody, by physical network and then waiting for longest."""
        waiting = [net for net in self.nets.values() if net.asked.kind == "vlan" and net.project is None]
        able = [net for net in waiting if reaches is None or net.asked.physical_network in reaches]
        return sorted(able, key=lambda net: (net.asked.physical_network, net.since))

    def _assign(self, net: Net, project: str | None) -> None:
        if net.project != project:
            net.project, net.since = project, self.seq

    def _ChangeVpn(self, asked: ChangeVpn, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        mine = [
            net for net in self.nets.values() if net.project == asked.project_id and net.asked.kind == "vlan"
        ]
        for net in mine:
            net.vpn = (asked.vpn_public_address, asked.vpn_public_port)
        return None if mine else ("NetworkNotFoundForProject", "project_id")

    def _AddNetworkToProject(self, asked: AddNetworkToProject, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        waiting = self._unowned_vlans(None)
        if asked.network_id is None and not waiting:
            return "NoMoreNetworks", "network_id"
        net = waiting[0] if asked.network_id is None else self.nets.get(asked.network_id)
        if net is None:
            return "NetworkNotFound", "network_id"
        if net.asked.kind != "vlan":
            return "NotImplementedForKind", "network_id"
        refused = self._may_belong(net, asked.project_id, overwrite=False)
        if refused is None:
            self._assign(net, asked.project_id)
        return refused

    def _may_belong(self, net: Net, project: str | None, *, overwrite: bool) -> Answer:
        if net.project == project:
            return None
        if net.project is not None and project is not None and not overwrite:
            return "NoMoreNetworks", "network_id"
        used = any(net.key in vm.macs for vm in self.vms.values()) or any(row.draining for row in net.rows)
        if used and (project is not None or net.asked.kind == "vlan"):
            return "NetworkInUse", "network_id"
        multi_host = net.asked.multi_host
        for one in self.nets.values():
            if one is not net and one.shares(net) and not one.may_share(project, multi_host=multi_host):
                return "CidrConflict", "network_id"
        if project is not None and self.over("networks", project, 1):
            return "OverQuota", "project_id"
        return None

    def _ModifyNetwork(self, asked: ModifyNetwork, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        if asked.project_id is not None and asked.disassociate_project:
            return "InvalidInput", "disassociate_project"
        if asked.host is not None and asked.disassociate_host:
            return "InvalidInput", "disassociate_host"
        whose = asked.project_id is not None or asked.disassociate_project
        serves = asked.host is not None or asked.disassociate_host
        if not whose and not serves:
            return "InvalidInput", "project_id"
        net = self.nets.get(asked.network_id)
        if net is None:
            return "NetworkNotFound", "network_id"
        refused: Answer = None
        if whose:
            refused = self._may_belong(net, asked.project_id, overwrite=asked.overwrite)
        if refused is None and asked.host is not None:
            refused = self._may_serve(net, asked.host, overwrite=asked.overwrite)
        if refused is not None:
            return refused
        if whose:
            self._assign(net, asked.project_id)
        if serves:
            self._serve(net, asked.host)
        return None


def _rows(plan: NetworkCreated) -> list[Row]:
    """Return a row for each address of a plan."""
    if plan.cidr is None:
        return []
    everything = addresses(plan.cidr)
    kept: set[str] = set()
    for one in plan.reserved:
        kept.update(everything[everything.index(one.first) : everything.index(one.last) + 1])
    return [Row(address, planned=address in kept) for address in everything]
