"""Which host serves a network (nova-network.md sections 5.1 and 5.4).

At every position a network has one owner or none. It gets one when a host claims it, when an instance needs
it, or by an admin's hand; it loses it by hand, or when its owner fell silent
(`projections.cell.host.fences`). An owner that lost it by hand still serves it until it has read so: until it
reports that, or its lease has run out, the network is nobody's and cannot be claimed (docs/adr/0021).
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from events.errors import InvariantBroken
from events.model import Event
from events.networks import ClaimNetwork, NetworkClaimed
from events.ownership import (
    LetGoReason,
    NetworkHostAssigned,
    NetworkHostLetGo,
    NetworkHostReleased,
    SetNetworkHost,
)
from events.refusals import Code, Refusal
from projections.cell.host import hosting
from projections.cell.network.networks import admin_only, not_found, not_reachable
from projections.cell.network.overlaps import hosts_that_overlap, overlaps_on_host, sharing
from projections.cell.state import CellState, Host, Network, Rules

LOOKED_AT_MAX = 64
"""Networks that a claim which names none looks at; some may share addresses with what its host serves."""


def decide_claim(state: CellState, report: ClaimNetwork) -> tuple[Event, ...] | Refusal:
    """Give an unhosted network to a host that reaches it; the loser is told the real owner."""
    network = None if report.network_id is None else state.networks.get(report.network_id)
    if network is None and report.network_id is not None:
        return not_found(report.network_id)
    host = live_host(state, report.host, "claims")
    if isinstance(host, Refusal):
        return host
    if not host.network_host:
        message = f"Host {report.host!r} registered as one that serves no networks (network_host)."
        return Refusal(code=Code.INVALID_INPUT, field="host", message=message)
    network = network or _next(state, report.host, host)
    if network is None or network.host == report.host:
        return ()
    owner = network.host or network.leaving
    if owner is not None:
        message = f"Network {report.network_id} belongs to host {owner!r}."
        if network.host is None:
            message = f"Network {report.network_id} has no owner until host {owner!r} has let go of it."
        details: dict[str, str | int | None] = {"host": network.host, "epoch": network.epoch}
        return Refusal(
            code=Code.NETWORK_ALREADY_CLAIMED, field="network_id", message=message, details=details
        )
    refusal = _unfit(state, network, report.host, host, "host")
    return refusal if refusal is not None else (_claimed(network, report.host),)


def live_host(state: CellState, name: str, what: str) -> Host | Refusal:
    """Return a host that may be given something."""
    host = state.hosts.get(name)
    if host is None:
        message = f"Host {name!r} is not registered; its agent must register before it {what}."
        return Refusal(code=Code.HOST_NOT_FOUND, field="host", message=message)
    if host.fenced_until is not None:
        message = f"Host {name!r} fell silent and is fenced; its agent must register again before it {what}."
        return Refusal(code=Code.HOST_FENCED, field="host", message=message)
    return host


def _unfit(state: CellState, network: Network, name: str, host: Host, field: str) -> Refusal | None:
    """Refuse what a host cannot serve."""
    refusal = ownerless(network)
    if refusal is not None:
        return refusal
    if network.plan.physical_network not in host.physical_networks:
        return not_reachable(network, name, field)
    served = overlaps_on_host(state, network, name)
    if served is None:
        return None
    message = (
        f"Host {name!r} serves network {served.plan.label!r} ({served.plan.network_id}), which shares"
        f" addresses with {network.plan.label!r}: its routing table could not tell them apart. Another host"
        " can serve it."
    )
    return Refusal(code=Code.CIDR_CONFLICT, field=field, message=message)


def ownerless(network: Network) -> Refusal | None:
    """Refuse where no host can own a network."""
    if hosting.has_owner(network.plan):
        return None
    message = "A flat network has no network host: its gateway and DHCP are the operator's."
    if network.plan.multi_host:
        message = "A multi_host network has no network host: each host serves its own instances."
    return Refusal(code=Code.NOT_IMPLEMENTED_FOR_KIND, field="network_id", message=message)


def _next(state: CellState, name: str, host: Host) -> Network | None:
    """Return the network that has been without an owner for longest, of those that a host can serve."""
    for physical_network in sorted(host.physical_networks):
        for network_id in state.unhosted.get(physical_network, ()):
            if overlaps_on_host(state, state.networks[network_id], name) is None:
                return state.networks[network_id]
    return None


def _claimed(network: Network, host: str) -> NetworkClaimed:
    return NetworkClaimed(network_id=network.plan.network_id, host=host, epoch=network.epoch + 1)


def claim_on_demand(state: CellState, networks: Iterable[Network], rules: Rules) -> list[Event]:
    """Return the events that give networks without an owner to live hosts, as nova's first allocation does.

    Each goes to the host that reaches it and owns the fewest networks. Where there is none, nothing happens:
    an address is allocated all the same.
    """
    claims: list[Event] = []
    given: dict[str, int] = {}
    for network in networks:
        if network.host is None and network.leaving is None and rules.claim_on_demand:
            host = _least_loaded(state, network, given)
            if host is not None:
                given[host] = given.get(host, 0) + 1
                claims.append(_claimed(network, host))
    return claims


def _least_loaded(state: CellState, network: Network, given: dict[str, int]) -> str | None:
    """Return the live host with the fewest networks, counting what this decision gives.

    The networks of one decision are a project's, so that no two of them share addresses.
    """
    if not hosting.has_owner(network.plan):
        return None
    ranked = state.claimants.get(network.plan.physical_network)
    if not ranked:
        return None
    unfit = hosts_that_overlap(state, network)
    first = islice((one for one in ranked if one[1] not in unfit), len(given) + 1)
    return min(((count + given.get(name, 0), name) for count, name in first), default=(0, None))[1]


def decide_set_host(state: CellState, command: SetNetworkHost) -> tuple[Event, ...] | Refusal:
    """Give a network that nobody serves to a live host; one that has an owner keeps it."""
    if not command.actor.is_admin:
        return admin_only("have a network served")
    network = state.networks.get(command.network_id)
    if network is None:
        return not_found(command.network_id)
    refusal = ownerless(network)
    if refusal is not None:
        return refusal
    if network.host is not None:
        return ()
    claims = claim_on_demand(state, (network,), Rules(claim_on_demand=True))
    if claims:
        return tuple(claims)
    message = f"No live network host reaches physical network {network.plan.physical_network!r}."
    if network.leaving is not None:
        message = (
            f"Network {command.network_id} has no owner until host {network.leaving!r} has let go of it."
        )
    return Refusal(code=Code.NETWORK_SET_HOST_FAILED, field="network_id", message=message)


def assign_host(state: CellState, network: Network, name: str) -> tuple[Event, ...] | Refusal:
    """Return the events by which an admin gives a network to a host, whoever owns it now.

    If another host owns it, that one must let go first; then the events go on by themselves.
    """
    host = live_host(state, name, "is given a network")
    if isinstance(host, Refusal):
        return host
    refusal = _unfit(state, network, name, host, "host")
    if refusal is not None:
        return refusal
    if network.host == name:
        return ()
    if network.host is None and network.leaving in {None, name}:
        return (_assigned(network, name),)
    if network.host is None and network.heir == name:
        return ()
    return (hosting.released(network, "assigned", name),)


def release_host(network: Network) -> tuple[Event, ...]:
    """Return the events by which an admin lets nobody own a network; it may be claimed once it is let go."""
    if network.host is None and network.heir is None:
        return ()
    return (hosting.released(network, "disassociated"),)


def _assigned(network: Network, host: str) -> NetworkHostAssigned:
    return NetworkHostAssigned(network_id=network.plan.network_id, host=host, epoch=network.epoch + 1)


def after_letting_go(
    state: CellState, network: Network, reason: LetGoReason, before: Sequence[Event] = ()
) -> list[Event]:
    """Return the events when a host is known to serve a network no longer: its heir owns it, if it can.

    `before` are those of the same decision before these: an heir of two networks that share addresses gets
    the first of them.
    """
    network_id, host = network.plan.network_id, str(network.leaving)
    events: list[Event] = [NetworkHostLetGo(network_id=network_id, host=host, reason=reason)]
    heir = None if network.heir is None else live_host(state, network.heir, "is given a network")
    given = {
        event.network_id
        for event in before
        if isinstance(event, NetworkHostAssigned) and event.host == network.heir
    }
    fit = isinstance(heir, Host) and _unfit(state, network, str(network.heir), heir, "host") is None
    meets = bool(given) and any(one.plan.network_id in given for one in sharing(state, network))
    if fit and not meets:
        events.append(_assigned(network, str(network.heir)))
    return events


def apply_owned(state: CellState, event: NetworkClaimed | NetworkHostAssigned) -> None:
    """Let a host own a network."""
    network = state.networks[event.network_id]
    held_back = network.leaving not in {None, event.host}
    if event.epoch != network.epoch + 1 or network.host is not None or held_back:
        message = (
            f"network {event.network_id} is given to {event.host} for epoch {event.epoch}, but"
            f" {network.host or 'nobody'} owns it, {network.leaving or 'nobody'} is to let go of it, and its"
            f" epoch is {network.epoch}"
        )
        raise InvariantBroken(message)
    hosting.let_go(state, network)
    hosting.own(state, network, event.host)
    network.epoch = event.epoch


def apply_released(state: CellState, event: NetworkHostReleased, seq: int) -> None:
    """Let a host own a network no longer."""
    network = state.networks[event.network_id]
    if event.host not in {network.host, network.leaving} or event.epoch != network.epoch:
        message = f"network {event.network_id} is taken from {event.host}, which does not own it"
        raise InvariantBroken(message)
    if event.reason == "fenced":
        hosting.disown(state, network)
        hosting.offer(state, network)
        return
    if network.host is not None:
        hosting.disown(state, network)
        network.leaving = event.host
        state.leaving[event.network_id] = None
        state.hosts[event.host].giving_up[event.network_id] = seq
    network.heir = event.heir


def apply_let_go(state: CellState, event: NetworkHostLetGo) -> None:
    """Let a network that its last owner serves no longer be claimed."""
    network = state.networks[event.network_id]
    if network.leaving != event.host:
        message = f"network {event.network_id} is let go by {event.host}, which was not asked to"
        raise InvariantBroken(message)
    hosting.let_go(state, network)
    hosting.offer(state, network)
