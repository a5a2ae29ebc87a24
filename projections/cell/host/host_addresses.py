"""Addresses of hosts on multi_host networks: gateway and DHCP server for their own guests.

nova-network.md section 8.7. Unless all hosts share one address (share_address), each host that has a port on
the network holds one of its pool. It is claimed in the decision that gives the host its first port there, and
kept, as by nova's default (teardown_unused_network_gateway is off): a host that comes back has its old one.
"""

from collections.abc import Iterable

from events.addresses import ipv4_number, ipv4_text
from events.errors import InvariantBroken
from events.fixed_ips import FixedIpAllocated
from events.ids import Draws
from events.model import Event
from events.ownership import HostAddressClaimed, HostAddressReleased
from events.refusals import Code, Refusal
from projections.cell.state import CellState, HostAddress, Network


def needed(network: Network, host: str) -> bool:
    """Return whether a host must get an address of its own before it serves guests on a network."""
    plan = network.plan
    own = plan.multi_host and not plan.share_address and plan.kind != "flat"
    return own and network.block is not None and host not in network.host_addresses


def claimed(
    networks: Iterable[Network], hosts: Iterable[str | None], made: Iterable[Event], draws: Draws, now_ms: int
) -> list[Event] | Refusal:
    """Return the events that give hosts their addresses on networks; all of them, or why one gets none.

    Args:
        networks: Those on which the hosts get ports.
        hosts: Those that get them.
        made: What is decided in the same decision, whose addresses are taken.
        draws: Where identities are drawn.
        now_ms: The time.

    """
    wanted = [(network, host) for network in networks for host in hosts if host and needed(network, host)]
    if not wanted:
        return []
    taken = {
        (event.network_id, ipv4_number(event.address))
        for event in made
        if isinstance(event, FixedIpAllocated)
    }
    events: list[Event] = []
    for index, (network, host) in enumerate(wanted):
        network_id = network.plan.network_id
        free = (one for one in network.pool.candidates(now_ms) if (network_id, one) not in taken)
        address = next(free, None)
        if address is None:
            message = (
                f"No address of multi_host network {network.plan.label!r} is left for host {host!r} itself,"
                " which must have one to serve guests there."
            )
            return Refusal(code=Code.NO_MORE_FIXED_IPS, field="host", message=message)
        taken.add((network_id, address))
        events.append(
            HostAddressClaimed(
                allocation_id=draws.uuid("host address", index),
                network_id=network_id,
                host=host,
                address=ipv4_text(address),
            )
        )
    return events


def released(network: Network) -> list[HostAddressReleased]:
    """Return the events by which all hosts' addresses on a network are the network's again."""
    return [
        HostAddressReleased(
            allocation_id=held.id,
            network_id=network.plan.network_id,
            host=host,
            address=ipv4_text(held.address),
        )
        for host, held in network.host_addresses.items()
    ]


def apply_claimed(state: CellState, event: HostAddressClaimed) -> None:
    """Let a host hold an address."""
    network = state.networks[event.network_id]
    if event.host in network.host_addresses:
        message = f"host {event.host} gets a second address on network {event.network_id}"
        raise InvariantBroken(message)
    address = ipv4_number(event.address)
    network.pool.keep(address)
    network.host_addresses[event.host] = HostAddress(event.allocation_id, address)


def apply_released(state: CellState, event: HostAddressReleased, time_ms: int) -> None:
    """Give a host's address back to its pool."""
    network = state.networks[event.network_id]
    held = network.host_addresses.pop(event.host)
    if held.id != event.allocation_id:
        message = f"host {event.host} gives back what it does not hold on network {event.network_id}"
        raise InvariantBroken(message)
    network.pool.give_up(held.address, time_ms)
