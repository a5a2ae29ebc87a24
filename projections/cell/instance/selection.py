"""Which networks an instance gets NICs on: by kind and project (nova-network.md sections 5.3 and 7.2).

What is requested counts, in its order. Without a request: every network that the project sees and the host
reaches. A project that sees none gets a VLAN network of its own in the same decision, if the cell has VLAN
networks; its next instance, however soon it comes, finds that one.
"""

from typing import NamedTuple

from events.instances import NICS_MAX, RequestedNetwork, SpawnInstance
from events.model import Event
from events.projects import NetworkProjectAssigned
from events.refusals import Code, Refusal
from projections.cell import quotas
from projections.cell.network.networks import not_reachable
from projections.cell.network.visibility import next_unowned_vlan, visible
from projections.cell.state import SELECTABLE_BY_ALL, CellState, Host, Network, Rules


class Selected(NamedTuple):
    """The networks of an instance's NICs in their order, and what must happen for it to have them."""

    wanted: list[tuple[Network, RequestedNetwork]]
    events: tuple[Event, ...] = ()


def select(state: CellState, command: SpawnInstance, rules: Rules) -> Selected | Refusal:
    """Return the networks of the NICs of an instance."""
    if command.requested_networks is None:
        return _select_all(state, command, rules)
    return _select_requested(state, command, command.requested_networks)


def _select_requested(
    state: CellState, command: SpawnInstance, requested: tuple[RequestedNetwork, ...]
) -> Selected | Refusal:
    """Return the requested networks; what the project does not see is not told from what there is not."""
    wanted: list[tuple[Network, RequestedNetwork]] = []
    missing: list[int] = []
    seen: set[str] = set()
    for index, nic in enumerate(requested):
        if nic.network_id in seen:
            message = f"Network {nic.network_id} is requested twice; an instance has one NIC on a network."
            return Refusal(code=Code.NETWORK_DUPLICATED, field=_path(index), message=message)
        seen.add(nic.network_id)
        network = state.networks.get(nic.network_id)
        if network is None or not visible(network, command.project_id):
            missing.append(index)
        else:
            wanted.append((network, nic))
    if missing:
        return _not_found(command.project_id, requested, missing)
    host = state.hosts.get(command.host)
    for index, (network, _) in enumerate(wanted):
        if not reached(network, host):
            return not_reachable(network, command.host, _path(index))
    return Selected(wanted)


def _path(index: int) -> str:
    return f"requested_networks.{index}.network_id"


def _not_found(project_id: str, requested: tuple[RequestedNetwork, ...], missing: list[int]) -> Refusal:
    if len(missing) == len(requested):
        named = ", ".join(nic.network_id for nic in requested)
        message = f"Project {project_id!r} has none of the requested networks: {named}."
        return Refusal(code=Code.NO_NETWORKS_FOUND, field=_path(missing[0]), message=message)
    message = f"Network {requested[missing[0]].network_id} is not one of project {project_id!r}."
    return Refusal(code=Code.NETWORK_NOT_FOUND_FOR_PROJECT, field=_path(missing[0]), message=message)


def _select_all(state: CellState, command: SpawnInstance, rules: Rules) -> Selected | Refusal:
    """Return every network that the project sees and the host reaches: those of nobody first, as created."""
    own = state.selectable.get(command.project_id, {})
    of_all = state.selectable[SELECTABLE_BY_ALL]
    seen = len(of_all) + len(own)
    if seen > NICS_MAX:
        message = (
            f"Project {command.project_id!r} sees {seen} networks, an instance has at most {NICS_MAX} NICs:"
            " name those that it shall have."
        )
        return Refusal(code=Code.INVALID_INPUT, field="requested_networks", message=message)
    host = state.hosts.get(command.host)
    if not seen:
        return _select_on_demand(state, command, rules, host)
    visible_ones = [state.networks[network_id] for network_id in (*of_all, *own)]
    usable = [network for network in visible_ones if reached(network, host)]
    if not usable:
        return not_reachable(visible_ones[0], command.host, "host")
    return Selected([(network, _any_nic(network.plan.network_id)) for network in usable])


def _select_on_demand(
    state: CellState, command: SpawnInstance, rules: Rules, host: Host | None
) -> Selected | Refusal:
    """Give a project that sees no network a VLAN network of its own; nothing in a cell without VLANs."""
    network = next_unowned_vlan(state, None if host is None else host.physical_networks)
    if network is not None:
        over = quotas.over(state, rules, command.project_id, "networks", 1, "project_id")
        if over is not None:
            return over
        assigned = NetworkProjectAssigned(
            network_id=network.plan.network_id, project_id=command.project_id, forced=False
        )
        return Selected([(network, _any_nic(network.plan.network_id))], (assigned,))
    elsewhere = next_unowned_vlan(state, None)
    if elsewhere is not None:
        return not_reachable(elsewhere, command.host, "host")
    if state.vlan_networks:
        return no_more_networks(f"Project {command.project_id!r} has no network", "project_id")
    return Selected([])


def no_more_networks(what: str, field: str) -> Refusal:
    """Refuse because no VLAN network is left for a project."""
    message = (
        f"{what}, and every VLAN network belongs to a project; create more with `netledger network create`,"
        " or disassociate one that its project does not use."
    )
    return Refusal(code=Code.NO_MORE_NETWORKS, field=field, message=message)


def _any_nic(network_id: str) -> RequestedNetwork:
    return RequestedNetwork.model_construct(network_id=network_id, address=None, tag=None)


def reached(network: Network, host: Host | None) -> bool:
    """Return whether a host is attached to a network; nothing is known of one that has not registered."""
    return host is None or network.plan.physical_network in host.physical_networks
