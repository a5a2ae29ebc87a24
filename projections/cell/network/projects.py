"""Networks that change hands: from nobody to a project and back (nova-network.md sections 5.3 and 5.4).

Whoever uses a network keeps it: a change that would take it from the instances on it, or from guests whose
hosts have not let go of their addresses yet, is refused.
"""

from events.errors import InvariantBroken
from events.model import Event
from events.networks import CreateNetworks
from events.projects import (
    AddNetworkToProject,
    ModifyNetwork,
    NetworkProjectAssigned,
    NetworkProjectReleased,
)
from events.refusals import Code, Refusal
from projections.cell import quotas
from projections.cell.host import ownership
from projections.cell.instance.selection import no_more_networks
from projections.cell.network.networks import admin_only, not_found
from projections.cell.network.overlaps import overlapping_if
from projections.cell.network.visibility import enter, leave, next_unowned_vlan, released
from projections.cell.state import CellState, Network, Rules


def within_quota(
    state: CellState, rules: Rules, command: CreateNetworks, planned: tuple[Event, ...] | Refusal
) -> tuple[Event, ...] | Refusal:
    """Return planned networks, unless they are more than their project may have."""
    if isinstance(planned, Refusal) or command.project_id is None:
        return planned
    over = quotas.over(state, rules, command.project_id, "networks", len(planned), "project_id")
    return planned if over is None else over


def decide_add(state: CellState, command: AddNetworkToProject, rules: Rules) -> tuple[Event, ...] | Refusal:
    """Give a project a VLAN network of nobody: the one that is named, or the next one."""
    if not command.actor.is_admin:
        return admin_only("give a network to a project")
    if command.network_id is None:
        network = next_unowned_vlan(state, None)
        if network is None:
            return no_more_networks("No VLAN network is free", "network_id")
    else:
        named = state.networks.get(command.network_id)
        if named is None:
            return not_found(command.network_id)
        network = named
    if network.plan.kind != "vlan":
        message = (
            f"Network {network.plan.label!r} is {network.plan.kind}; only VLAN networks are given to projects"
            " like this. Restrict others with `netledger network modify --project`."
        )
        return Refusal(code=Code.NOT_IMPLEMENTED_FOR_KIND, field="network_id", message=message)
    return belong(state, rules, network, command.project_id, overwrite=False)


def decide_modify(state: CellState, command: ModifyNetwork, rules: Rules) -> tuple[Event, ...] | Refusal:
    """Change whose a network is and which host serves it, both or neither."""
    if not command.actor.is_admin:
        return admin_only("change whose a network is")
    refusal = _misread(command)
    if refusal is not None:
        return refusal
    network = state.networks.get(command.network_id)
    if network is None:
        return not_found(command.network_id)
    whose: tuple[Event, ...] | Refusal = ()
    if command.project_id is not None or command.disassociate_project:
        whose = belong(state, rules, network, command.project_id, overwrite=command.overwrite)
    if isinstance(whose, Refusal):
        return whose
    served = _serve(state, network, command)
    return served if isinstance(served, Refusal) else (*whose, *served)


def _misread(command: ModifyNetwork) -> Refusal | None:
    """Refuse what says two things, or nothing."""
    for wanted, away, what in (
        (command.project_id, command.disassociate_project, "project"),
        (command.host, command.disassociate_host, "host"),
    ):
        if wanted is not None and away:
            message = f"The network is given to a {what} and taken from it in one command; say one of them."
            return Refusal(code=Code.INVALID_INPUT, field=f"disassociate_{what}", message=message)
    if not (command.project_id or command.host or command.disassociate_project or command.disassociate_host):
        message = "Nothing is to be changed; name a project or a host, or disassociate the network from it."
        return Refusal(code=Code.INVALID_INPUT, field="project_id", message=message)
    return None


def _serve(state: CellState, network: Network, command: ModifyNetwork) -> tuple[Event, ...] | Refusal:
    """Return the events by which a host serves a network, or none does."""
    if command.disassociate_host:
        return ownership.release_host(network)
    if command.host is None:
        return ()
    owner = network.host or network.heir or network.leaving
    if owner not in {None, command.host} and not command.overwrite:
        message = f"Network {network.plan.label!r} is served by host {owner!r}; disassociate it first."
        details: dict[str, str | int | None] = {"host": owner, "epoch": network.epoch}
        return Refusal(code=Code.NETWORK_ALREADY_CLAIMED, field="host", message=message, details=details)
    return ownership.assign_host(state, network, command.host)


def belong(
    state: CellState, rules: Rules, network: Network, project_id: str | None, *, overwrite: bool
) -> tuple[Event, ...] | Refusal:
    """Return the events by which a network belongs to a project, or to nobody, or why it cannot."""
    plan, owner = network.plan, network.project_id
    if owner == project_id:
        return ()
    if owner is not None and project_id is not None and not overwrite:
        message = f"Network {plan.label!r} belongs to project {owner!r}; disassociate it first."
        return Refusal(code=Code.NO_MORE_NETWORKS, field="network_id", message=message)
    stays_usable = project_id is None and plan.kind != "vlan"
    if not stays_usable and (network.nics or network.draining):
        message = (
            f"Network {plan.label!r} is in use: {network.nics} NICs are on it and {len(network.draining)}"
            " addresses still drain. Delete the instances first."
        )
        return Refusal(code=Code.NETWORK_IN_USE, field="network_id", message=message)
    other = overlapping_if(state, network, project_id)
    if other is not None:
        message = (
            f"Network {plan.label!r} shares addresses with {other.plan.label!r} ({other.plan.network_id});"
            " only networks of different projects may."
        )
        return Refusal(code=Code.CIDR_CONFLICT, field="network_id", message=message)
    events: list[Event] = list(released(network))
    if project_id is not None:
        over = quotas.over(state, rules, project_id, "networks", 1, "project_id")
        if over is not None:
            return over
        events.append(NetworkProjectAssigned(network_id=plan.network_id, project_id=project_id, forced=True))
    return tuple(events)


def apply_assigned(state: CellState, event: NetworkProjectAssigned) -> None:
    """Let a network belong to a project."""
    network = state.networks[event.network_id]
    if network.project_id is not None:
        message = f"network {event.network_id} is assigned, but belongs to project {network.project_id}"
        raise InvariantBroken(message)
    leave(state, network)
    network.project_id = event.project_id
    enter(state, network)


def apply_released(state: CellState, event: NetworkProjectReleased) -> None:
    """Let a network belong to nobody."""
    network = state.networks[event.network_id]
    if network.project_id != event.project_id:
        message = f"network {event.network_id} is taken from a project that it does not belong to"
        raise InvariantBroken(message)
    leave(state, network)
    network.project_id = None
    enter(state, network)
