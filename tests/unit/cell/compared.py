"""Two cells that decide the same: the real one and the obvious model, compared after every step."""

from typing import ClassVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from events.addresses import ipv4_number, ipv4_text, ipv6_text
from events.addresses import mac_text as long_mac_text
from events.ids import uuid7
from events.networks import CreateNetworks, NetworkCreated
from events.refusals import Refusal
from projections.cell.host.fences import NO_SILENCE, Silence
from projections.cell.state import Rules
from tests.unit.cell.few_macs import FewMacs, draw_mac
from tests.unit.cell.model import Model
from tests.unit.cell.model_rows import Machine
from tests.unit.cell.reached import REACHED
from tests.unit.given import Message, Scenario, given


class Compared(RuleBasedStateMachine):
    """A cell and its model; what happens to them is up to who inherits this."""

    settled: ClassVar[Rules]
    obvious: ClassVar[type[Model]] = Model

    def __init__(self) -> None:
        """Begin with two empty cells."""
        super().__init__()
        self.cell: Scenario = given(rules=self.settled, draws=FewMacs)
        self.model = self.obvious(draw_mac, self.settled)
        self._sent = 0

    def send(self, message: Message) -> None:
        """Let both decide, and compare their answers."""
        self._sent += 1
        known_as = uuid7(self.cell.now_ms, self._sent)
        time_ms = self.cell.now_ms
        decision = self.cell.when(message).decision
        told = (str(decision.code), decision.field) if isinstance(decision, Refusal) else None
        if isinstance(message, CreateNetworks):
            events = () if isinstance(decision, Refusal) else decision
            self.model.planned = tuple(event for event in events if isinstance(event, NetworkCreated))
        expected = self.model.decide(message.model_copy(update={"id": known_as}), time_ms)
        REACHED.heard(message, decision)
        assert told == expected

    def refuse(self, message: Message, code: str, field: str) -> None:
        """Have something refused that makes no sense whatever exists."""
        self._sent += 1
        decision = self.cell.when(message).decision
        self.model.seq += 1
        REACHED.heard(message, decision)
        assert isinstance(decision, Refusal)
        assert (str(decision.code), decision.field) == (code, field)

    def wait(self, seconds: int, silence: Silence = NO_SILENCE) -> None:
        """Let time pass, and what it brings about."""
        REACHED.happened(self.cell.when_time_passes(seconds, silence).events)
        self.model.tick(self.cell.now_ms, silence)

    @invariant()
    def the_hosts_are_the_same(self) -> None:
        """What each reaches, and whether it serves networks, is fenced, and came back how often."""
        assert {
            name: Machine(
                set(one.physical_networks),
                one.lease_s,
                one.network_host,
                one.epoch,
                one.fenced_until is not None,
            )
            for name, one in self.cell.state.hosts.items()
        } == self.model.hosts

    @invariant()
    def the_networks_are_the_same(self) -> None:
        """Each with its project, its host, the one that is to let go and the next, and its VPN."""
        state, model = self.cell.state, self.model
        assert {
            key: (one.project_id, one.host, one.epoch, one.leaving, one.heir)
            for key, one in state.networks.items()
        } == {
            key: (one.project, one.host, one.epoch, one.leaving, one.heir) for key, one in model.nets.items()
        }
        assert {
            key: (one.vpn_public_address, one.vpn_public_port) for key, one in state.networks.items()
        } == {key: one.vpn for key, one in model.nets.items()}
        physical_networks = {net.asked.physical_network for net in model.nets.values()}
        unhosted = {one: [net.key for net in model.unhosted(one)] for one in physical_networks}
        assert {one: list(keys) for one, keys in state.unhosted.items()} == {
            one: keys for one, keys in unhosted.items() if keys
        }

    @invariant()
    def the_rows_are_the_same(self) -> None:
        """Every address with its holder, its state and its place in the order."""
        state = self.cell.state
        assert state.seq == self.model.seq
        for network_id, net in self.model.nets.items():
            network = state.networks[network_id]
            assert {ipv4_text(one) for one in network.pool.reserved} == {
                row.address for row in net.rows if row.reserved
            }
            free = [ipv4_text(one) for one in network.pool.candidates(self.cell.now_ms)]
            assert free == self.model.free(net)
            assert {host: ipv4_text(one.address) for host, one in network.host_addresses.items()} == {
                row.server: row.address for row in net.rows if row.server is not None
            }
            held = {
                (one.address, one.host, one.mac, one.leased, one.draining, frozenset(one.waits_for))
                for one in network.pool.held.values()
            }
            rows = [row for row in net.rows if row.held]
            assert held == {
                (
                    ipv4_number(row.address),
                    row.host,
                    long_mac_text(row.mac),
                    row.leased,
                    row.draining,
                    frozenset(row.waits_for),
                )
                for row in rows
            }

    @invariant()
    def the_instances_are_the_same(self) -> None:
        """Each with its project, its host, and its MACs and derived addresses in order."""
        assert {
            uuid: (one.project_id, one.host, [(vif.network_id, vif.mac) for vif in one.vifs])
            for uuid, one in self.cell.state.instances.items()
        } == {uuid: (vm.project, vm.host, list(vm.macs.items())) for uuid, vm in self.model.vms.items()}
        assert {
            (uuid, vif.network_id): ipv6_text(vif.address_v6)
            for uuid, one in self.cell.state.instances.items()
            for vif in one.vifs
            if vif.address_v6 is not None
        } == {(uuid, key): text for uuid, vm in self.model.vms.items() for key, text in vm.v6.items()}

    @invariant()
    def the_floating_addresses_are_the_same(self) -> None:
        """Each with its owner and its target, and the free ones in order."""
        state = self.cell.state
        assert set(state.floating_pools) == {one.pool for one in self.model.floatings}
        for name, pool in state.floating_pools.items():
            free = [ipv4_text(one) for one in pool.candidates(self.cell.now_ms)]
            assert free == self.model.free_floating(name)
        found = {
            ipv4_text(one.address): (
                one.project_id,
                one.auto_assigned,
                None if one.association is None else one.association.fixed_address,
            )
            for one in state.floating_ips.values()
        }
        assert found == {
            one.address: (one.project, one.auto, one.target.address if one.target else None)
            for one in self.model.floatings
            if one.project is not None
        }
