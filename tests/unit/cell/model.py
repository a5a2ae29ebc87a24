"""A slow and obvious cell: one row for every address, and every question answered by looking at all of them.

It shares nothing with `projections.cell` but the language, and keeps the same rules in the plainest way.
"""

from collections.abc import Callable, Iterator

from events.catalog import AnyCommand, AnyReport
from events.fixed_ips import (
    AddFixedIp,
    LeaseFixedIp,
    ReleaseFixedIp,
    RemoveFixedIp,
    ReserveFixedIp,
    UnreserveFixedIp,
)
from events.hosts import RegisterHost, ReportApplied
from events.instances import DeleteInstance, SpawnInstance
from events.networks import ClaimNetwork, CreateNetworks, DeleteNetwork
from projections.cell.state import Rules
from tests.unit.cell.model_moves import MovingModel
from tests.unit.cell.model_rows import Answer, Net, Row, Vm, addresses

DrawMac = Callable[[str, int, int], int]


class Model(MovingModel):
    """The cell."""

    def __init__(self, draw_mac: DrawMac, rules: Rules) -> None:
        """Begin empty."""
        super().__init__(rules)
        self._draw_mac = draw_mac
        self._timeout_ms = rules.fixed_ip_disassociate_timeout * 1000
        self._mac_attempts = rules.create_unique_mac_address_attempts

    # --- Asking -----------------------------------------------------------------------------------------

    def rows(self) -> Iterator[tuple[Net, Row]]:
        """Yield every address of every network."""
        for net in self.nets.values():
            for row in net.rows:
                yield net, row

    def free(self, net: Net) -> list[str]:
        """Return the addresses that may be handed out, in order: never used, then free for longest."""
        return [
            row.address for row in sorted((row for row in net.rows if row.free), key=lambda row: row.freed)
        ]

    # --- Deciding ---------------------------------------------------------------------------------------

    def decide(self, message: AnyCommand | AnyReport, now_ms: int) -> Answer:
        """Decide on a message and do what was decided."""
        self.seq += 1
        handler: Callable[..., Answer] = getattr(self, f"_{type(message).__name__}")
        return handler(message, now_ms)

    def tick(self, now_ms: int) -> None:
        """Let time pass."""
        self.seq += 1
        expired = [
            row for _, row in self.rows() if row.draining and row.waits_for and row.deadline_ms <= now_ms
        ]
        for row in sorted(expired, key=lambda row: (row.released_seq, row.taken)):
            self._free(row)

    def _free(self, row: Row) -> None:
        self._freed += 1
        fresh = Row(row.address, reserved=row.reserved, freed=self._freed)
        row.__dict__.update(fresh.__dict__)

    def _CreateNetworks(self, asked: CreateNetworks, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        if asked.vlan is not None and any(net.asked.vlan == asked.vlan for net in self.nets.values()):
            return "DuplicateVlan", "vlan"
        if asked.uuid in self.nets:
            return "NetworkExists", "uuid"
        block = addresses(str(asked.cidr))
        size = asked.network_size or len(block)
        used = {
            row.address
            for net, row in self.rows()
            if not net.may_share(asked.project_id, multi_host=asked.multi_host)
        }
        parts = [block[first : first + size] for first in range(0, len(block), size)]
        free = [part for part in parts if not used.intersection(part)]
        if not free:
            return "CidrConflict", "cidr"
        wanted = free[0]
        part = addresses(asked.fixed_cidr) if asked.fixed_cidr else wanted
        reserved = set(wanted) - set(part[3 if asked.kind == "vlan" else 2 : -1])
        rows = [Row(address, address in reserved) for address in wanted]
        self.nets[str(asked.uuid)] = Net(asked, rows, asked.project_id, self.seq)
        return None

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

    def _RegisterHost(self, report: RegisterHost, _now_ms: int) -> Answer:  # noqa: N802 - named after its report
        self.hosts[report.host] = set(report.physical_networks)
        return None

    def _ClaimNetwork(self, report: ClaimNetwork, _now_ms: int) -> Answer:  # noqa: N802 - named after its report
        net = self.nets.get(str(report.network_id))
        if net is None:
            return "NetworkNotFound", "network_id"
        if report.host not in self.hosts:
            return "HostNotFound", "host"
        if net.host is not None:
            return None if net.host == report.host else ("NetworkAlreadyClaimed", "network_id")
        if net.asked.kind == "flat":
            return "NotImplementedForKind", "network_id"
        if net.asked.physical_network not in self.hosts[report.host]:
            return "NetworkNotReachable", "host"
        if any(one.host == report.host and one.shares(net) for one in self.nets.values()):
            return "CidrConflict", "host"
        net.host, net.epoch = report.host, net.epoch + 1
        return None

    def _SpawnInstance(self, asked: SpawnInstance, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin and asked.actor.project != asked.project_id:
            return "Forbidden", "project_id"
        request = (
            *(asked.project_id, asked.host, asked.requested_networks, asked.hostname),
            *(asked.macs, asked.auto_allocate, asked.vpn),
        )
        if asked.instance_uuid in self.vms:
            same = self.vms[asked.instance_uuid].asked == request
            return None if same else ("InstanceExists", "instance_uuid")
        wanted = self._wanted(asked)
        if isinstance(wanted, tuple):
            return wanted
        impossible = self._impossible(asked, len(wanted))
        if impossible is not None:
            return impossible
        taken: list[tuple[str, Row, int]] = []
        for index, (network_id, address) in enumerate(wanted):
            supplied = None if asked.macs is None else int(asked.macs[index].replace(":", ""), 16)
            got = self._take(network_id, address, index, [mac for _, _, mac in taken], asked.id, supplied)
            if isinstance(got[0], str):
                return got
            if supplied is not None and any(supplied in vm.macs.values() for vm in self.vms.values()):
                return "VirtualInterfaceMacAddressException", "macs"
            taken.append((network_id, got[0], int(got[1] or 0)))
        for network_id, _ in wanted:
            self._claim_on_demand(self.nets[network_id])
        for network_id, row, mac in taken:
            if network_id not in self.seen_by(asked.project_id):
                self.nets[network_id].project, self.nets[network_id].since = asked.project_id, self.seq
            row.instance, row.host, row.mac, row.taken = asked.instance_uuid, asked.host, mac, self.seq
        macs = {network_id: mac for network_id, _, mac in taken}
        self.vms[asked.instance_uuid] = Vm(asked.project_id, asked.host, request, macs)
        return None

    def _impossible(self, asked: SpawnInstance, nics: int) -> Answer:
        """Refuse what no network can give."""
        if asked.auto_allocate and not nics:
            return "UnableToAutoAllocateNetwork", "requested_networks"
        if asked.vpn:
            return "NotImplementedForKind", "vpn"
        if self.over("fixed_ips", asked.project_id, nics):
            return "FixedIpLimitExceeded", "project_id"
        if asked.macs is not None and len(asked.macs) < nics:
            return "VirtualInterfaceCreateException", "macs"
        return None

    def _claim_on_demand(self, net: Net) -> None:
        owned = [other.host for other in self.nets.values()]
        unfit = {other.host for other in self.nets.values() if other.shares(net)}
        able = [
            name
            for name, reaches in self.hosts.items()
            if net.asked.physical_network in reaches and name not in unfit
        ]
        if able and net.host is None and net.asked.kind != "flat":
            net.host = min(able, key=lambda name: (owned.count(name), name))
            net.epoch += 1

    def _wanted(self, asked: SpawnInstance) -> list[tuple[str, str | None]] | tuple[str, str | None]:
        """Return the networks and addresses of the NICs, or a refusal."""
        if asked.requested_networks is None:
            seen_ones = self.seen_by(asked.project_id)
            if not seen_ones:
                return self._on_demand(asked)
            reached = [key for key in seen_ones if self._reaches(asked.host, self.nets[key])]
            return [(key, None) for key in reached] or ("NetworkNotReachable", "host")
        ids = [nic.network_id for nic in asked.requested_networks]
        where = [f"requested_networks.{index}.network_id" for index in range(len(ids))]
        for index, network_id in enumerate(ids):
            if network_id in ids[:index]:
                return "NetworkDuplicated", where[index]
        seen = [network_id in self.seen_by(asked.project_id) for network_id in ids]
        if not all(seen):
            code = "NetworkNotFoundForProject" if any(seen) else "NoNetworksFound"
            return code, where[seen.index(False)]
        for index, network_id in enumerate(ids):
            if not self._reaches(asked.host, self.nets[network_id]):
                return "NetworkNotReachable", where[index]
        return [(nic.network_id, nic.address) for nic in asked.requested_networks]

    def _on_demand(self, asked: SpawnInstance) -> list[tuple[str, str | None]] | tuple[str, str | None]:
        """Return the VLAN network that a project without networks gets."""
        for network_id in self.unowned_vlans():
            if self._reaches(asked.host, self.nets[network_id]):
                return [(network_id, None)]
        if self.unowned_vlans():
            return "NetworkNotReachable", "host"
        if any(net.asked.kind == "vlan" for net in self.nets.values()):
            return "NoMoreNetworks", "project_id"
        return []

    def _take(
        self,
        network_id: str,
        address: str | None,
        index: int,
        drawn: list[int],
        command_id: str,
        known: int | None = None,
    ) -> tuple[Row, int] | tuple[str, str | None]:
        """Return the row and the MAC of a NIC, drawn unless known, or a refusal."""
        net = self.nets[network_id]
        if address is None:
            free = self.free(net)
            if not free:
                return "NoMoreFixedIps", f"requested_networks.{index}.network_id"
            address = free[0]
        row = next((row for row in net.rows if row.address == address and not row.planned), None)
        if row is None:
            return "FixedIpNotFoundForNetwork", f"requested_networks.{index}.address"
        if not row.free:
            return "FixedIpAlreadyInUse", f"requested_networks.{index}.address"
        if known is not None:
            return row, known
        used = {mac for vm in self.vms.values() for mac in vm.macs.values()} | set(drawn)
        for attempt in range(self._mac_attempts):
            mac = self._draw_mac(command_id, index, attempt)
            if mac not in used:
                return row, mac
        return "VirtualInterfaceMacAddressException", f"requested_networks.{index}"

    def _DeleteInstance(self, asked: DeleteInstance, now_ms: int) -> Answer:  # noqa: N802 - named after its command
        vm = self.vms.get(asked.instance_uuid)
        if vm is None:
            return None
        if not asked.actor.is_admin and asked.actor.project != vm.project:
            return "Forbidden", "instance_uuid"
        for network_id in vm.macs:
            net = self.nets[network_id]
            mine = [row for row in net.rows if row.instance == asked.instance_uuid]
            for row in sorted(mine, key=lambda row: row.taken):
                self._release(net, row, now_ms)
        del self.vms[asked.instance_uuid]
        return None

    def _release(self, net: Net, row: Row, now_ms: int) -> None:
        """Take an address from its instance."""
        self._unpoint(row)
        serving = self._hosts_of(self.vms[str(row.instance)]) | {net.host}
        row.waits_for = {host for host in serving if host in self.hosts and host is not None}
        row.instance, row.draining = None, True
        row.released_seq, row.deadline_ms = self.seq, now_ms + self._timeout_ms
        if not row.waits_for:
            self._free(row)

    def _AddFixedIp(self, asked: AddFixedIp, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        vm = self.vms.get(asked.instance_uuid)
        if vm is None:
            return "InstanceNotFound", "instance_uuid"
        if not asked.actor.is_admin and asked.actor.project != vm.project:
            return "Forbidden", "instance_uuid"
        net = self.nets.get(asked.network_id)
        if net is None:
            return "NetworkNotFound", "network_id"
        if asked.network_id not in self.seen_by(vm.project):
            return "NetworkNotFoundForProject", "network_id"
        if not all(self._reaches(host, net) for host in (vm.host, *vm.ready) if host is not None):
            return "NetworkNotReachable", "network_id"
        if self.over("fixed_ips", vm.project, 1):
            return "FixedIpLimitExceeded", "instance_uuid"
        got = self._take(asked.network_id, asked.address, 0, [], asked.id, vm.macs.get(asked.network_id))
        if isinstance(got[0], str):
            last = str(got[1]).rpartition(".")[2]
            return got[0], last if last in {"network_id", "address"} else "network_id"
        row, mac = got
        vm.macs.setdefault(asked.network_id, int(mac or 0))
        row.instance, row.host, row.mac, row.taken = asked.instance_uuid, vm.host, int(mac or 0), self.seq
        return None

    def _RemoveFixedIp(self, asked: RemoveFixedIp, now_ms: int) -> Answer:  # noqa: N802 - named after its command
        vm = self.vms.get(asked.instance_uuid)
        if vm is None:
            return "InstanceNotFound", "instance_uuid"
        if not asked.actor.is_admin and asked.actor.project != vm.project:
            return "Forbidden", "instance_uuid"
        for net, row in self.rows():
            if row.address == asked.address and row.instance == asked.instance_uuid:
                self._release(net, row, now_ms)
                return None
        return "FixedIpNotFoundForSpecificInstance", "address"

    def _ReserveFixedIp(self, asked: ReserveFixedIp | UnreserveFixedIp, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        having = [row for _, row in self.rows() if row.address == asked.address]
        if not having:
            return "FixedIpNotFoundForAddress", "address"
        if len(having) > 1:
            return "InvalidInput", "network_id"
        row = having[0]
        reserve = isinstance(asked, ReserveFixedIp)
        if row.planned:
            return None if reserve else ("FixedIpNotFoundForNetwork", "address")
        if row.reserved and not reserve:
            self._freed += 1
            row.freed = self._freed
        row.reserved = reserve
        return None

    _UnreserveFixedIp = _ReserveFixedIp

    def _ReportApplied(self, report: ReportApplied, _now_ms: int) -> Answer:  # noqa: N802 - named after its report
        if report.host not in self.hosts:
            return "HostNotFound", "host"
        if report.seq >= self.seq:
            return "PositionAhead", "seq"
        for vm in self.vms.values():
            if vm.left.get(report.host, self.seq) <= report.seq:
                del vm.left[report.host]
        let_go = [
            row for _, row in self.rows() if report.host in row.waits_for and row.released_seq <= report.seq
        ]
        for row in sorted(let_go, key=lambda row: (row.released_seq, row.taken)):
            row.waits_for.discard(report.host)
            if not row.waits_for:
                self._free(row)
        return None

    def _LeaseFixedIp(self, report: LeaseFixedIp | ReleaseFixedIp, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        net = self.nets.get(report.network_id)
        if net is None:
            return None
        if net.host != report.host:
            return "ReportAboutAnotherHost", "network_id"
        for row in net.rows:
            held = row.instance is not None or row.draining
            if row.address == report.address and held and row.mac == int(report.mac.replace(":", ""), 16):
                row.leased = isinstance(report, LeaseFixedIp)
        return None

    _ReleaseFixedIp = _LeaseFixedIp
