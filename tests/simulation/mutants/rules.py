"""Rules of a cell that each leave out what keeps two from having one thing, or one from having too much."""

from collections.abc import Iterable, Iterator
from typing import Any

from events.fixed_ips import DisassociateReason
from events.floating_ips import AssociateFloatingIp
from events.ids import Draws
from events.model import Event
from events.moves import BindInstance, InstanceBound, InstanceUnbound
from events.networks import ClaimNetwork, NetworkClaimed
from events.projects import AddNetworkToProject, NetworkProjectAssigned
from events.refusals import Refusal
from projections.cell.address import fixed_ips
from projections.cell.address.pool import AddressPool
from projections.cell.floating import floating_ips
from projections.cell.host import hosting, hosts, ownership
from projections.cell.instance import macs, moves
from projections.cell.network import projects
from projections.cell.state import Allocation, CellState, FloatingIp, Host, Instance, Rules
from services.allocator.liveness import Liveness
from tests.simulation.host import Host as SimulatedHost

_HOUR_MS = 3_600_000

Decided = tuple[Event, ...] | Refusal

decide_claim = ownership.decide_claim
decide_bind = moves.decide_bind
decide_add = projects.decide_add
decide_expired = fixed_ips.decide_expired
addresses_let_go = hosts.addresses_let_go


class ServesForEver(SimulatedHost):
    """It does not give up what only one host may do when its lease runs out."""

    def holds_lease(self) -> bool:
        """Think so."""
        return True


# --- Whatever is held already is there to be had ------------------------------------------------------------


def all_addresses(pool: AddressPool[Any], _now_ms: int) -> Iterator[int]:
    """Hand out the first addresses of a pool, held or not."""
    for addresses in pool._ranges:  # noqa: SLF001 - a mutant may look inside
        yield from range(addresses.first, addresses.last + 1)


def hold_again(pool: AddressPool[Any], address: int, holder: object) -> None:
    """Let somebody hold an address that is held."""
    pool.held[address] = holder


def reserve_nothing(_pool: AddressPool[Any], _address: int) -> None:
    """Go on to hand out what was reserved."""


def draw_any_mac(
    _state: CellState, _place: macs.Place, _taken: object, _rules: Rules, draws: Draws, index: int
) -> macs.Hardware:
    """Take the first MAC that is drawn."""
    return macs.Hardware(macs.MAC_PREFIX << 24 | draws.mac_suffix(index, 0), 1, None)


def claim_any_mac(state: CellState, mac: int, vif_id: str) -> None:
    """Let a NIC have another's MAC."""
    state.macs[mac] = vif_id


def give_back_any_mac(state: CellState, mac: int, _vif_id: str) -> None:
    """Let a MAC be used again, whoever has it."""
    state.macs.pop(mac, None)


def claim_what_is_owned(state: CellState, report: ClaimNetwork) -> Decided:
    """Give a network to whoever claims it."""
    decided = decide_claim(state, report)
    network = state.networks.get(report.network_id or "")
    if not isinstance(decided, Refusal) or network is None or network.host is None:
        return decided
    if report.host not in state.hosts or report.host == network.host:
        return decided
    return (NetworkClaimed(network_id=network.plan.network_id, host=report.host, epoch=network.epoch + 1),)


def own_what_is_owned(state: CellState, event: NetworkClaimed) -> None:
    """Let the last one who claims it own a network."""
    hosting.disown(state, state.networks[event.network_id])
    ownership.apply_owned(state, event)


def bind_what_is_bound(state: CellState, command: BindInstance, draws: Draws, now_ms: int) -> Decided:
    """Let a host have an instance that another host has."""
    decided = decide_bind(state, command, draws, now_ms)
    if isinstance(decided, Refusal):
        return decided
    return tuple(event for event in decided if not isinstance(event, InstanceUnbound))


def have_what_is_bound(state: CellState, event: InstanceBound) -> None:
    """Let the last one who has it have an instance."""
    state.instances[event.instance_uuid].host = None
    moves.apply_bound(state, event)


def add_what_is_owned(state: CellState, command: AddNetworkToProject, rules: Rules) -> Decided:
    """Give a project a VLAN network of another project."""
    network = state.networks.get(command.network_id or "")
    decided = decide_add(state, command, rules)
    if network is None or network.project_id in {None, command.project_id} or network.plan.kind != "vlan":
        return decided
    return (
        NetworkProjectAssigned(
            network_id=network.plan.network_id, project_id=command.project_id, forced=True
        ),
    )


def belong_to_two(state: CellState, event: NetworkProjectAssigned) -> None:
    """Let a network belong to the last one to whom it was given."""
    network = state.networks[event.network_id]
    if network.project_id is None:
        projects.apply_assigned(state, event)
    else:
        network.project_id = event.project_id


# --- Nobody is waited for -----------------------------------------------------------------------------------


def everything_let_go(
    state: CellState, name: str, host: Host, _up_to: int, reason: DisassociateReason
) -> list[Event]:
    """Take any report for one about everything."""
    return addresses_let_go(state, name, host, state.seq, reason)


def everything_expired(state: CellState, now_ms: int) -> tuple[Event, ...]:
    """Free what drains long before its time."""
    return decide_expired(state, now_ms + _HOUR_MS)


def no_hosts(_instance: Instance) -> set[str]:
    """Think that no host has ports of an instance."""
    return set()


def all_due(
    _liveness: Liveness, waiting: Iterable[tuple[str, int, int]], _read_back: int, _at_ms: int
) -> tuple[str, ...]:
    """Think that a host does nothing any more as soon as it is fenced, or is to let go of a network."""
    return tuple(name for name, _, _ in waiting)


# --- Nothing is too much ------------------------------------------------------------------------------------


def never_over(*_args: object) -> None:
    """Let a project have more."""


def do_nothing(*_args: object) -> None:
    """Keep no account."""


def any_target(state: CellState, command: AssociateFloatingIp, floating: FloatingIp) -> Allocation | Refusal:
    """Let a floating IP point into another project."""
    return floating_ips._active(state, command, floating.project_id)  # noqa: SLF001 - a mutant may look inside
