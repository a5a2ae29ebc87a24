"""The obvious model's hosts: who is live, who serves which network, and who is still to let go of one."""

from collections.abc import Iterable

from events.hosts import RegisterHost, ReportApplied
from events.networks import ClaimNetwork
from events.ownership import SetNetworkHost
from projections.cell.host.fences import NO_SILENCE, Silence
from projections.cell.state import Rules
from tests.unit.cell.model_moves import MovingModel
from tests.unit.cell.model_rows import Answer, Machine, Net


class OwnershipModel(MovingModel):
    """The part of the cell that has to do with who serves a network."""

    def __init__(self, rules: Rules) -> None:
        """Begin empty."""
        super().__init__(rules)
        self._on_demand = rules.claim_on_demand
        self._turns = 0

    def turn(self) -> int:
        """Return a number higher than any before."""
        self._turns += 1
        return self._turns

    # --- Who may ----------------------------------------------------------------------------------------

    def _live(self, host: str) -> Answer:
        if host not in self.hosts:
            return "HostNotFound", "host"
        return ("HostFenced", "host") if self.hosts[host].fenced else None

    def _clashes(self, net: Net, host: str) -> bool:
        others = [one for one in self.nets.values() if one is not net and host in {one.host, one.leaving}]
        return any(one.shares(net) for one in others)

    def _unfit(self, net: Net, host: str) -> Answer:
        if not net.has_owner:
            return "NotImplementedForKind", "network_id"
        if net.asked.physical_network not in self.hosts[host].reaches:
            return "NetworkNotReachable", "host"
        return ("CidrConflict", "host") if self._clashes(net, host) else None

    def unhosted(self, physical_network: str) -> list[Net]:
        """Return the networks that may be claimed, without an owner for longest first."""
        free = [
            net
            for net in self.nets.values()
            if net.has_owner and net.host is None and net.leaving is None
            if net.asked.physical_network == physical_network
        ]
        return sorted(free, key=lambda net: net.offered)

    def _own(self, net: Net, host: str) -> None:
        net.host, net.epoch, net.owned = host, net.epoch + 1, self.turn()
        net.leaving = net.heir = None

    def _claim_on_demand(self, nets: Iterable[Net]) -> None:
        for net in nets:
            if not net.has_owner or net.host is not None or net.leaving is not None:
                continue
            owned = [other.host for other in self.nets.values()]
            able = [
                name
                for name, one in self.hosts.items()
                if one.serves and not one.fenced and self._unfit(net, name) is None
            ]
            if able:
                self._own(net, min(able, key=lambda name: (owned.count(name), name)))

    # --- Reports and commands ---------------------------------------------------------------------------

    def _RegisterHost(self, report: RegisterHost, _now_ms: int) -> Answer:  # noqa: N802 - named after its report
        epoch = 1
        if report.host in self.hosts:
            known = self.hosts[report.host]
            epoch = known.epoch + known.fenced
        reaches = set(report.physical_networks)
        self.hosts[report.host] = Machine(reaches, report.lease_s, report.network_host, epoch)
        return None

    def _ClaimNetwork(self, report: ClaimNetwork, _now_ms: int) -> Answer:  # noqa: N802 - named after its report
        net = self.nets.get(str(report.network_id))
        if net is None and report.network_id is not None:
            return "NetworkNotFound", "network_id"
        refused = self._live(report.host)
        if refused is not None:
            return refused
        host = self.hosts[report.host]
        if not host.serves:
            return "InvalidInput", "host"
        if report.network_id is None:
            able = [
                one
                for physical_network in sorted(host.reaches)
                for one in self.unhosted(physical_network)
                if not self._clashes(one, report.host)
            ]
            net = able[0] if able else None
        if net is None or net.host == report.host:
            return None
        if net.host is not None or net.leaving is not None:
            return "NetworkAlreadyClaimed", "network_id"
        refused = self._unfit(net, report.host)
        if refused is None:
            self._own(net, report.host)
        return refused

    def _SetNetworkHost(self, asked: SetNetworkHost, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        net = self.nets.get(asked.network_id)
        if net is None:
            return "NetworkNotFound", "network_id"
        if not net.has_owner:
            return "NotImplementedForKind", "network_id"
        self._claim_on_demand([net])
        return None if net.host is not None else ("NetworkSetHostFailed", "network_id")

    def _ReportApplied(self, report: ReportApplied, _now_ms: int) -> Answer:  # noqa: N802 - named after its report
        if report.host not in self.hosts:
            return "HostNotFound", "host"
        if report.seq >= self.seq:
            return "PositionAhead", "seq"
        self._applied(report.host, report.seq)
        left = [
            net for net in self.nets.values() if net.leaving == report.host and net.left_seq <= report.seq
        ]
        self._let_go(sorted(left, key=lambda net: net.left_seq))
        return None

    def _applied(self, host: str, seq: int) -> bool:
        """Let nothing wait for a host that was released up to a position; tell whether anything did."""
        gone = [vm for vm in self.vms.values() if vm.left.get(host, self.seq) <= seq]
        for vm in gone:
            del vm.left[host]
        let_go = [row for _, row in self.rows() if host in row.waits_for and row.released_seq <= seq]
        for row in sorted(let_go, key=lambda row: (row.released_seq, row.taken)):
            row.waits_for.discard(host)
            if not row.waits_for:
                self._free(row)
        return bool(gone or let_go)

    def _let_go(self, nets: list[Net]) -> None:
        """Let networks be owned again, each by its heir if that one can; what is so before decides."""
        given: list[tuple[Net, str]] = []
        for net in nets:
            heir = net.heir
            if heir is not None and self._live(heir) is None and self._unfit(net, heir) is None:
                meets = any(name == heir and one.shares(net) for one, name in given)
                given += [] if meets else [(net, heir)]
        for net in nets:
            net.leaving = net.heir = None
            net.offered = self.turn()
        for net, heir in given:
            self._own(net, heir)

    # --- An admin's hand --------------------------------------------------------------------------------

    def _may_serve(self, net: Net, host: str, *, overwrite: bool) -> Answer:
        owner = net.host or net.heir or net.leaving
        if owner not in {None, host} and not overwrite:
            return "NetworkAlreadyClaimed", "host"
        return self._live(host) or self._unfit(net, host)

    def _serve(self, net: Net, host: str | None) -> None:
        """Give a network to a host, or to none, once the one that has it let go."""
        if host is not None and net.host is None and net.leaving in {None, host}:
            self._own(net, host)
        elif net.host is None:
            net.heir = host
        elif net.host != host:
            net.leaving, net.left_seq = net.host, self.seq
            net.host, net.heir = None, host

    # --- Time -------------------------------------------------------------------------------------------

    def tick(self, now_ms: int, silence: Silence = NO_SILENCE) -> None:
        """Let time pass: first what drained for too long, then what follows from a silence."""
        self.seq += 1
        expired = [
            row for _, row in self.rows() if row.draining and row.waits_for and row.deadline_ms <= now_ms
        ]
        for row in sorted(expired, key=lambda row: (row.released_seq, row.taken)):
            self._free(row)
        if not expired:
            self._fall_silent(silence)

    def _fall_silent(self, silence: Silence) -> None:
        silent = [name for name in silence.hosts if not self.hosts[name].fenced]
        for name in silent:
            self.hosts[name].fenced = True
        if silent:
            return
        for name in silence.fences:
            if self.hosts[name].fenced and self._relieve(name):
                return
        self._let_go([self.nets[key] for key in silence.leavings if self.nets[key].leaving is not None])

    def _relieve(self, name: str) -> bool:
        """Take from a fenced host what it served; tell whether it served anything."""
        if self._applied(name, self.seq - 1):
            return True
        owned = sorted((net for net in self.nets.values() if net.host == name), key=lambda net: net.owned)
        for net in owned:
            net.host, net.offered = None, self.turn()
        return bool(owned)
