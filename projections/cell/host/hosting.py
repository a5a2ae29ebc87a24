"""Which networks may be claimed, and by whom: two indices, so that neither question is a search.

`unhosted` has the networks without an owner in the order in which they came to have none; `claimants` the
live network hosts in the order of the number of networks that they own.
"""

from bisect import bisect_left, insort

from events.networks import NetworkCreated
from events.ownership import HostReleaseReason, NetworkHostReleased
from projections.cell.state import CellState, Host, Network


def has_owner(plan: NetworkCreated) -> bool:
    """Return whether one host serves a network: not a flat one, which none serves; of multi_host, all do."""
    return plan.kind != "flat" and not plan.multi_host


def offer(state: CellState, network: Network) -> None:
    """Let a network without an owner be claimed."""
    if has_owner(network.plan):
        state.unhosted.setdefault(network.plan.physical_network, {})[network.plan.network_id] = None


def withdraw(state: CellState, network: Network) -> None:
    """Let a network not be claimed any more; twice is no error."""
    there = state.unhosted.get(network.plan.physical_network)
    if there is not None:
        there.pop(network.plan.network_id, None)
        if not there:
            del state.unhosted[network.plan.physical_network]


def rank(state: CellState, name: str, host: Host) -> None:
    """Let a host be given networks, if it is live and serves any."""
    if host.network_host and host.fenced_until is None:
        for physical_network in host.physical_networks:
            insort(state.claimants.setdefault(physical_network, []), (len(host.networks), name))


def unrank(state: CellState, name: str, host: Host) -> None:
    """Take a host out of the order, because what decides its place is about to change."""
    if host.network_host and host.fenced_until is None:
        for physical_network in host.physical_networks:
            ranked = state.claimants[physical_network]
            del ranked[bisect_left(ranked, (len(host.networks), name))]
            if not ranked:
                del state.claimants[physical_network]


def own(state: CellState, network: Network, name: str) -> None:
    """Let a host own a network."""
    withdraw(state, network)
    host = state.hosts[name]
    unrank(state, name, host)
    host.networks[network.plan.network_id] = None
    rank(state, name, host)
    network.host = name


def disown(state: CellState, network: Network) -> None:
    """Let a network have no owner, without offering it to others yet."""
    name = network.host
    if name is None:
        return
    host = state.hosts[name]
    unrank(state, name, host)
    del host.networks[network.plan.network_id]
    rank(state, name, host)
    network.host = None


def released(network: Network, reason: HostReleaseReason, heir: str | None = None) -> NetworkHostReleased:
    """Return the event by which a network's owner, or the last one that has not let go, owns it no longer."""
    return NetworkHostReleased(
        network_id=network.plan.network_id,
        host=str(network.host or network.leaving),
        epoch=network.epoch,
        reason=reason,
        heir=heir,
    )


def let_go(state: CellState, network: Network) -> None:
    """Let nobody be waited for before a network is owned again."""
    if network.leaving is not None:
        del state.hosts[network.leaving].giving_up[network.plan.network_id]
        del state.leaving[network.plan.network_id]
    network.leaving = network.heir = None


def forget(state: CellState, network: Network) -> None:
    """Take a network that is deleted out of everything here."""
    disown(state, network)
    let_go(state, network)
    withdraw(state, network)
