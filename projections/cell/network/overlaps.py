"""Which networks have an address, and which networks exclude each other.

An address alone does not name a network: those of different projects may share addresses
(`projections.cell.network.blocks`). One host never serves two that overlap: its routing table could not tell
them apart.
"""

from collections.abc import Iterator

from projections.cell.network.visibility import blocks_of, visible
from projections.cell.state import Allocation, CellState, Network


def networks_at(state: CellState, address: int, project_id: str | None = None) -> list[Network]:
    """Return the networks whose block has an IPv4 address; of a project, only those that it sees.

    Those that a project sees are found at once, and are one or two; all of them may be as many as there are
    projects.
    """
    if project_id is None:
        return [state.networks[block.network_id] for block in state.blocks.at(address)]
    found = [state.networks[block.network_id] for block in state.blocks.at_for(address, project_id)]
    return [network for network in found if visible(network, project_id)]


def held_at(state: CellState, address: int, project_id: str) -> Allocation | None:
    """Return the live allocation of an address that a project means: its own, first on networks it sees.

    It may have others, on networks that were its own or everybody's once. If it has none, another project's
    is returned, so that the project can be told.
    """
    others: Allocation | None = None
    for networks in (networks_at(state, address, project_id), networks_at(state, address)):
        for network in networks:
            held = network.pool.held.get(address)
            if held is None or held.draining:
                continue
            if held.project_id == project_id:
                return held
            others = others or held
    return others


def overlapping_if(state: CellState, network: Network, project_id: str | None) -> Network | None:
    """Return the network that would forbid a network its blocks if it belonged to a project, or to all."""
    owner = None if network.plan.multi_host else project_id
    for blocks, block in blocks_of(state, network):
        for other in blocks.conflicts(block, owner):
            if other.network_id != network.plan.network_id:
                return state.networks[other.network_id]
    return None


def overlaps_on_host(state: CellState, network: Network, host: str) -> Network | None:
    """Return a network that a host serves, still or for good, and that shares addresses with another one."""
    for served in sharing(state, network):
        if host in {served.host, served.leaving}:
            return served
    return None


def hosts_that_overlap(state: CellState, network: Network) -> set[str]:
    """Return the hosts that cannot serve a network, because they serve one that shares addresses with it."""
    return {
        host
        for served in sharing(state, network)
        for host in (served.host, served.leaving)
        if host is not None
    }


def sharing(state: CellState, network: Network) -> Iterator[Network]:
    """Yield the other networks that have some of a network's addresses."""
    for blocks, block in blocks_of(state, network):
        for other in blocks.overlapping(block):
            if other.network_id != network.plan.network_id:
                yield state.networks[other.network_id]
