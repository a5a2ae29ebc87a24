"""Network hosts: who serves a network (nova-network.md 12.1)."""

from events.networks import NetworkClaimed
from events.ownership import SetNetworkHost
from projections.ipam import queries
from services.methods.base import Args, Asked, Method, Write
from services.outcomes import Answer
from services.tables import Tables


class NetworkHostArgs(Args):
    """A network by id."""

    network: str


def _set_host(args: NetworkHostArgs, asked: Asked, _tables: Tables) -> SetNetworkHost:
    return SetNetworkHost(id=asked.command_id, actor=asked.actor, network_id=args.network)


def _owner(args: NetworkHostArgs, answer: Answer, tables: Tables) -> str | None:
    """Return the owner: who was given the network, or who owns it already."""
    for event in answer.events:
        if isinstance(event, NetworkClaimed):
            return event.host
    network = tables.ask(lambda reader: queries.network(reader, args.network))
    return None if network is None else network["host"]


METHODS: dict[str, Method] = {
    "set_network_host": Write(
        NetworkHostArgs, _set_host, _owner, sighted=True, renamed={"network_id": "network"}
    ),
}
"""By name."""
