"""A slow and obvious cell: one row for every address, and every question answered by looking at all of them.

It shares nothing with `projections.cell` but the language, and keeps the same rules in the plainest way. Each
subject has a module: what projects may have, floating IPs, moves, who serves a network, networks, and here
instances with their NICs and addresses. Names and security groups come on top.
"""

from collections.abc import Callable
from hashlib import sha1

from events.catalog import AnyCommand, AnyReport
from events.fixed_ips import (
    AddFixedIp,
    LeaseFixedIp,
    ReleaseFixedIp,
    RemoveFixedIp,
    ReserveFixedIp,
    UnreserveFixedIp,
)
from events.instances import DeleteInstance, SpawnInstance
from projections.cell.state import Rules
from tests.unit.cell.model_networks import NetworksModel
from tests.unit.cell.model_rows import Answer, Net, Row, Vm

DrawMac = Callable[[str, int, int], int]
Refused = tuple[str, str | None]
Wanted = list[tuple[str, str | None]]
"""Networks of NICs, each with the address that is asked for."""


class Model(NetworksModel):
    """The cell."""

    def __init__(self, draw_mac: DrawMac, rules: Rules) -> None:
        """Begin empty."""
        super().__init__(rules)
        self._draw_mac = draw_mac
        self._rules = rules
        self._timeout_ms = rules.fixed_ip_disassociate_timeout * 1000

    def decide(self, message: AnyCommand | AnyReport, now_ms: int) -> Answer:
        """Decide on a message and do what was decided."""
        self.seq += 1
        handler: Callable[..., Answer] = getattr(self, f"_{type(message).__name__}")
        return handler(message, now_ms)

    # --- Spawning ---------------------------------------------------------------------------------------

    def _SpawnInstance(self, asked: SpawnInstance, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin and asked.actor.project != asked.project_id:
            return "Forbidden", "project_id"
        request = (
            *(asked.project_id, asked.host, asked.requested_networks, asked.hostname),
            *(asked.macs, asked.auto_allocate, asked.vpn, asked.security_groups),
        )
        if asked.instance_uuid in self.vms:
            same = self.vms[asked.instance_uuid].asked == request
            return None if same else ("InstanceExists", "instance_uuid")
        wanted = self._wanted(asked)
        if isinstance(wanted, tuple):
            return wanted
        impossible = self._impossible(asked, [self.nets[key] for key, _ in wanted])
        if impossible is not None:
            return impossible
        return self._give(asked, wanted, Vm(asked.project_id, asked.host, request, {}))

    def _give(self, asked: SpawnInstance, wanted: Wanted, vm: Vm) -> Answer:
        """Give an instance its NICs and all that comes with them, or nothing."""
        taken: list[tuple[Row, int]] = []
        for index, (key, address) in enumerate(wanted):
            net, path = self.nets[key], f"requested_networks.{index}"
            row = self._row(net, address, f"{path}.", vpn=asked.vpn)
            if isinstance(row, tuple):
                return row
            supplied = None if asked.macs is None else int(asked.macs[index].replace(":", ""), 16)
            mac = self._mac(asked.id, net, vm, index, supplied)
            if mac is None:
                return "VirtualInterfaceMacAddressException", path if supplied is None else "macs"
            self._plug(net, vm, mac)
            taken += [] if row is None else [(row, mac)]
        nets = [self.nets[key] for key, _ in wanted]
        servers = self._servers(nets, [asked.host], [row for row, _ in taken])
        if isinstance(servers, tuple):
            return servers
        for net in nets:
            if net.asked.kind == "vlan":
                self._assign(net, asked.project_id)
        self._claim_on_demand(nets)
        for row, mac in taken:
            row.instance, row.host, row.mac, row.taken = asked.instance_uuid, asked.host, mac, self.seq
        self._let_serve(servers)
        joined = self._joined(asked)
        vm.groups = [] if isinstance(joined, tuple) else joined
        self.vms[asked.instance_uuid] = vm
        return None

    def _joined(self, _asked: SpawnInstance) -> list[str] | Refused:
        """Return the ids of the security groups that an instance joins."""
        return []

    def _plug(self, net: Net, vm: Vm, mac: int) -> None:
        vm.macs[net.key] = mac
        derived = self._v6(net, vm.project, mac)
        if derived is not None:
            vm.v6[net.key] = derived

    def _impossible(self, asked: SpawnInstance, nets: list[Net]) -> Answer:
        """Refuse what no network can give."""
        if asked.auto_allocate and not nets:
            return "UnableToAutoAllocateNetwork", "requested_networks"
        if asked.vpn and not any(net.vpn_address for net in nets):
            return "NotImplementedForKind", "vpn"
        if self.over("fixed_ips", asked.project_id, sum(net.asked.cidr is not None for net in nets)):
            return "FixedIpLimitExceeded", "project_id"
        joined = self._joined(asked)
        if isinstance(joined, tuple):
            return joined
        if asked.macs is not None and len(asked.macs) < len(nets):
            return "VirtualInterfaceCreateException", "macs"
        return None

    def _wanted(self, asked: SpawnInstance) -> Wanted | Refused:
        """Return the networks and addresses of the NICs, or a refusal."""
        if asked.requested_networks is None:
            seen = [net for net in self.nets.values() if net.seen_by(asked.project_id)]
            if not seen:
                return self._next_vlan(asked)
            by_age = sorted(seen, key=lambda net: (net.project is not None, net.since))
            reached: Wanted = [(net.key, None) for net in by_age if self._reaches(asked.host, net)]
            return reached or ("NetworkNotReachable", "host")
        ids = [nic.network_id for nic in asked.requested_networks]
        where = [f"requested_networks.{index}.network_id" for index in range(len(ids))]
        for index, network_id in enumerate(ids):
            if network_id in ids[:index]:
                return "NetworkDuplicated", where[index]
        found = [key in self.nets and self.nets[key].seen_by(asked.project_id) for key in ids]
        if not all(found):
            code = "NetworkNotFoundForProject" if any(found) else "NoNetworksFound"
            return code, where[found.index(False)]
        for index, network_id in enumerate(ids):
            if not self._reaches(asked.host, self.nets[network_id]):
                return "NetworkNotReachable", where[index]
        return [(nic.network_id, nic.address) for nic in asked.requested_networks]

    def _next_vlan(self, asked: SpawnInstance) -> Wanted | Refused:
        """Return the VLAN network that a project without networks gets, nothing if there are no VLANs."""
        reaches = self.hosts[asked.host].reaches if asked.host in self.hosts else None
        able = self._unowned_vlans(reaches)
        if able:
            over = self.over("networks", asked.project_id, 1)
            return ("OverQuota", "project_id") if over else [(able[0].key, None)]
        if self._unowned_vlans(None):
            return "NetworkNotReachable", "host"
        vlans = any(net.asked.kind == "vlan" for net in self.nets.values())
        return ("NoMoreNetworks", "project_id") if vlans else []

    # --- Addresses --------------------------------------------------------------------------------------

    def _row(self, net: Net, address: str | None, path: str, *, vpn: bool) -> Row | Refused | None:
        """Return the row of a NIC's address, None where the network has no IPv4, or a refusal."""
        if vpn and net.vpn_address is not None:
            if address not in {None, net.vpn_address}:
                return "FixedIpNotFoundForNetwork", f"{path}address"
            row = next(row for row in net.rows if row.address == net.vpn_address)
            return ("FixedIpAlreadyInUse", f"{path}address") if row.held else row
        if address is None:
            free = self.free(net)
            if net.rows and not free:
                return "NoMoreFixedIps", f"{path}network_id"
            return next((row for row in net.rows if free and row.address == free[0]), None)
        found = next((row for row in net.rows if row.address == address and not row.planned), None)
        if found is None:
            return "FixedIpNotFoundForNetwork", f"{path}address"
        return found if found.free else ("FixedIpAlreadyInUse", f"{path}address")

    def _mac(self, command_id: str, net: Net, vm: Vm, index: int, supplied: int | None) -> int | None:
        """Return the MAC of a NIC, drawn unless supplied; None if there is none to be had."""
        everybody = [*self.vms.values(), vm]
        used = {mac for one in everybody for mac in one.macs.values()}
        used_v6 = {one.v6.get(net.key) for one in everybody} - {None}
        attempts = self._rules.create_unique_mac_address_attempts
        drawn = [self._draw_mac(command_id, index, attempt) for attempt in range(attempts)]
        for mac in drawn if supplied is None else [supplied]:
            if mac not in used and self._v6(net, vm.project, mac) not in used_v6:
                return mac
        return None

    def _v6(self, net: Net, project: str, mac: int) -> str | None:
        """Return the address of a MAC as nova's account_identifier backend derived it; see section 7.7."""
        if net.asked.cidr_v6 is None or not self._rules.use_ipv6:
            return None
        digest, half = sha1(project.encode(), usedforsecurity=False).hexdigest(), f"{mac & 0xFFFFFF:06x}"
        prefix = net.asked.cidr_v6.replace("::/64", "")
        words = (digest[:4], digest[4:8], f"ff{half[:2]}", half[2:])
        return ":".join([prefix, *(f"{int(word, 16):x}" for word in words)])

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

    def _serving(self, vm: Vm, net: Net, _now_ms: int) -> set[str | None]:
        """Return the hosts that serve an instance's address."""
        return {*vm.hosts, net.host, net.leaving}

    def _release(self, net: Net, row: Row, now_ms: int) -> None:
        """Take an address from its instance."""
        self._unpoint(row)
        serving = self._serving(self.vms[str(row.instance)], net, now_ms)
        row.waits_for = {host for host in serving if host in self.hosts and host is not None}
        row.instance, row.draining = None, True
        row.released_seq, row.deadline_ms = self.seq, now_ms + self._timeout_ms
        if not row.waits_for:
            self._free(row)

    def _not_addable(self, asked: AddFixedIp) -> Answer:
        """Refuse what is not there, or not the actor's or the instance's project's."""
        vm = self.vms.get(asked.instance_uuid)
        if vm is None:
            return "InstanceNotFound", "instance_uuid"
        if not asked.actor.is_admin and asked.actor.project != vm.project:
            return "Forbidden", "instance_uuid"
        net = self.nets.get(asked.network_id)
        if net is None:
            return "NetworkNotFound", "network_id"
        if not net.seen_by(vm.project):
            return "NetworkNotFoundForProject", "network_id"
        return None

    def _AddFixedIp(self, asked: AddFixedIp, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        refused = self._not_addable(asked)
        if refused is not None:
            return refused
        vm, net = self.vms[asked.instance_uuid], self.nets[asked.network_id]
        having_ports = [host for host in (vm.host, *vm.ready) if host is not None]
        if not all(self._reaches(host, net) for host in having_ports):
            return "NetworkNotReachable", "network_id"
        if self.over("fixed_ips", vm.project, 1):
            return "FixedIpLimitExceeded", "instance_uuid"
        if asked.vpn and net.vpn_address is None:
            return "NotImplementedForKind", "vpn"
        row = self._row(net, asked.address, "", vpn=asked.vpn)
        if isinstance(row, tuple):
            return row
        if row is None:
            return "NoMoreFixedIps", "network_id"
        mac = vm.macs.get(net.key) or self._mac(asked.id, net, vm, 0, None)
        if mac is None:
            return "VirtualInterfaceMacAddressException", "network_id"
        servers = self._servers([net], having_ports, [row])
        if isinstance(servers, tuple):
            return servers
        if net.key not in vm.macs:
            self._plug(net, vm, mac)
        row.instance, row.host, row.mac, row.taken = asked.instance_uuid, vm.host, mac, self.seq
        self._let_serve(servers)
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
        if asked.network_id is not None and asked.network_id not in self.nets:
            return "NetworkNotFound", "network_id"
        having = [
            row
            for net, row in self.rows()
            if row.address == asked.address and asked.network_id in {None, net.key}
        ]
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

    def _LeaseFixedIp(self, report: LeaseFixedIp | ReleaseFixedIp, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        net = self.nets.get(report.network_id)
        if net is None:
            return None
        held = [row for row in net.rows if row.address == report.address and row.held]
        server = held[0].host if held and net.asked.multi_host else net.host
        if report.host != server and (server is not None or not net.asked.multi_host):
            return "ReportAboutAnotherHost", "network_id"
        for row in held:
            if row.mac == int(report.mac.replace(":", ""), 16):
                row.leased = isinstance(report, LeaseFixedIp)
        return None

    _ReleaseFixedIp = _LeaseFixedIp
