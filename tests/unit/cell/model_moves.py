"""The obvious model's moves: every instance knows its host, which are ready, and which have not let go."""

from events.moves import BindInstance, PrepareInstance, UnbindInstance
from projections.cell.state import Rules
from tests.unit.cell.model_floating import FloatingModel
from tests.unit.cell.model_rows import Answer, Machine, Net, Row, Vm

READY_MAX = 4


class MovingModel(FloatingModel):
    """The part of the cell that has to do with where instances are."""

    def __init__(self, rules: Rules) -> None:
        """Begin empty."""
        super().__init__(rules)
        self.hosts: dict[str, Machine] = {}

    def _reaches(self, host: str, net: Net) -> bool:
        return host not in self.hosts or net.asked.physical_network in self.hosts[host].reaches

    def _servers(
        self, nets: list[Net], hosts: list[str], taken: list[Row]
    ) -> list[tuple[Row, str]] | tuple[str, str | None]:
        """Return the addresses that hosts need on networks that every host serves, or a refusal."""
        found: list[tuple[Row, str]] = []
        for net in nets:
            own = net.asked.multi_host and not net.asked.share_address and net.asked.kind != "flat"
            for host in hosts if own and net.rows else []:
                if host in {row.server for row in net.rows}:
                    continue
                picked = [id(row) for row in [*taken, *(row for row, _ in found)]]
                free = [row for row in self.free_rows(net) if id(row) not in picked]
                if not free:
                    return "NoMoreFixedIps", "host"
                found.append((free[0], host))
        return found

    def _let_serve(self, servers: list[tuple[Row, str]]) -> None:
        for row, host in servers:
            row.server = host

    def _step(self, asked: UnbindInstance | BindInstance | PrepareInstance) -> Vm | tuple[str, str | None]:
        """Return the instance of a step, or a refusal."""
        vm = self.vms.get(asked.instance_uuid)
        if vm is None:
            return "InstanceNotFound", "instance_uuid"
        if not asked.actor.is_admin and asked.actor.project != vm.project:
            return "Forbidden", "instance_uuid"
        if asked.epoch is not None and asked.epoch != vm.epoch:
            return "InstanceNotOnHost", "epoch"
        if not isinstance(asked, PrepareInstance):
            known = {one.address for one in self.floatings}
            for index, address in enumerate(asked.floating_addresses):
                if address not in known:
                    return "FloatingIpNotFoundForAddress", f"floating_addresses.{index}"
        return vm

    def _leave(self, vm: Vm, host: str) -> None:
        if host in self.hosts:
            vm.left[host] = self.seq

    def _put(self, uuid: str, vm: Vm, host: str | None) -> None:
        vm.host = host
        for _, row in self.rows():
            if row.instance == uuid:
                row.host = host

    def _unbind(self, uuid: str, vm: Vm) -> None:
        vm.last = vm.host
        if vm.host is not None:
            self._leave(vm, vm.host)
        self._put(uuid, vm, None)

    def _UnbindInstance(self, asked: UnbindInstance, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        vm = self._step(asked)
        if isinstance(vm, tuple):
            return vm
        if vm.host is None:
            return None if asked.host in (None, vm.last) else ("InstanceNotOnHost", "host")
        if asked.host not in (None, vm.host):
            return "InstanceNotOnHost", "host"
        if asked.dest != vm.host:
            self._unbind(asked.instance_uuid, vm)
        return None

    def _BindInstance(self, asked: BindInstance, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        vm = self._step(asked)
        if isinstance(vm, tuple):
            return vm
        if vm.host == asked.host:
            return None
        if asked.source is not None and asked.source == vm.host:
            return "InstanceStillBound", "source"
        if asked.source is not None and (vm.host is not None or vm.last != asked.source):
            return "InstanceNotOnHost", "source"
        if not all(self._reaches(asked.host, self.nets[one]) for one in vm.macs):
            return "NetworkNotReachable", "host"
        servers = self._servers([self.nets[one] for one in vm.macs], [asked.host], [])
        if isinstance(servers, tuple):
            return servers
        self._let_serve(servers)
        if vm.host is not None:
            self._unbind(asked.instance_uuid, vm)
        vm.epoch, vm.last = vm.epoch + 1, None
        vm.ready = [host for host in vm.ready if host != asked.host]
        vm.left.pop(asked.host, None)
        self._put(asked.instance_uuid, vm, asked.host)
        return None

    def _PrepareInstance(self, asked: PrepareInstance, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if asked.teardown and asked.instance_uuid not in self.vms:
            return None
        vm = self._step(asked)
        if isinstance(vm, tuple):
            return vm
        if asked.teardown and vm.host == asked.host:
            self._unbind(asked.instance_uuid, vm)
        elif asked.teardown and asked.host in vm.ready:
            vm.ready.remove(asked.host)
            self._leave(vm, asked.host)
        elif not asked.teardown and asked.host not in (vm.host, *vm.ready):
            if len(vm.ready) >= READY_MAX:
                return "InvalidInput", "host"
            if not all(self._reaches(asked.host, self.nets[one]) for one in vm.macs):
                return "NetworkNotReachable", "host"
            servers = self._servers([self.nets[one] for one in vm.macs], [asked.host], [])
            if isinstance(servers, tuple):
                return servers
            self._let_serve(servers)
            vm.ready.append(asked.host)
            vm.left.pop(asked.host, None)
        return None
