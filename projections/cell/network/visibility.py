"""Which project may use which network, and whose its blocks are: indices, so that nothing is searched for.

`selectable` has the networks that a project may use, under its name, and under none those that all may use;
`unowned_vlans` the VLAN networks of nobody, which wait for a project, by physical network. Both are in order
of creation; a network that comes back goes to the end. `blocks` and `blocks_v6` tell whose addresses are.
"""

from events.model import Event
from events.projects import NetworkProjectReleased
from projections.cell import quotas
from projections.cell.address.pool import Range
from projections.cell.network.blocks import Block, Blocks
from projections.cell.state import SELECTABLE_BY_ALL, CellState, Network


def visible(network: Network, project_id: str) -> bool:
    """Return whether a project may use a network: its own, and of nobody's all but VLAN networks."""
    return network.project_id == project_id or (network.project_id is None and network.plan.kind != "vlan")


def enter(state: CellState, network: Network) -> None:
    """Let those who may use a network find it, and have its blocks, now that it belongs to whom it says."""
    plan, project_id = network.plan, network.project_id
    if project_id is None and plan.kind == "vlan":
        state.unowned_vlans.setdefault(plan.physical_network, {})[plan.network_id] = None
    else:
        state.selectable.setdefault(project_id, {})[plan.network_id] = None
    for blocks, block in blocks_of(state, network):
        blocks.add(Block(*block, plan.network_id), network.owner)
    if project_id is not None:
        quotas.count(state, "networks", project_id, 1)


def leave(state: CellState, network: Network) -> None:
    """Let nobody find a network that is about to change hands or to be deleted, nor its blocks."""
    plan, project_id = network.plan, network.project_id
    if project_id is None and plan.kind == "vlan":
        waiting = state.unowned_vlans[plan.physical_network]
        del waiting[plan.network_id]
        if not waiting:
            del state.unowned_vlans[plan.physical_network]
    else:
        mine = state.selectable[project_id]
        del mine[plan.network_id]
        if not mine and project_id is not SELECTABLE_BY_ALL:
            del state.selectable[project_id]
    for blocks, block in blocks_of(state, network):
        blocks.remove(Block(*block, plan.network_id), network.owner)
    if project_id is not None:
        quotas.count(state, "networks", project_id, -1)


def blocks_of(state: CellState, network: Network) -> list[tuple[Blocks, Range]]:
    """Return a network's blocks, each with the index of all blocks of its IP version."""
    having: list[tuple[Blocks, Range]] = []
    if network.block is not None:
        having.append((state.blocks, network.block))
    if network.block_v6 is not None:
        having.append((state.blocks_v6, network.block_v6))
    return having


def next_unowned_vlan(state: CellState, reached: frozenset[str] | None) -> Network | None:
    """Return the VLAN network of nobody that waits for longest on some physical networks, or on any."""
    for physical_network in sorted(state.unowned_vlans if reached is None else reached):
        for network_id in state.unowned_vlans.get(physical_network, ()):
            return state.networks[network_id]
    return None


def released(network: Network) -> tuple[Event, ...]:
    """Return the event by which a network belongs to nobody, if it belongs to somebody."""
    if network.project_id is None:
        return ()
    return (NetworkProjectReleased(network_id=network.plan.network_id, project_id=network.project_id),)
