"""Rows of hosts: registrations and fences, the networks that they own, their addresses. Pure."""

from collections.abc import Iterable

from events.hosts import HostApplied, HostFenced, HostRegistered
from events.networks import NetworkClaimed
from events.ownership import (
    HostAddressClaimed,
    HostAddressReleased,
    NetworkHostAssigned,
    NetworkHostReleased,
)
from projections.ipam.changes import Changes
from projections.ipam.tables import NETWORKS, Row

_NETWORK_HOST = NETWORKS.columns.index("host")
_FENCED = 5
"""Place of `fenced_until` in a row of `Changes.registered`."""


def array_text(items: Iterable[str]) -> str:
    """Return PostgreSQL's text of an array of names, which hold neither quotes nor backslashes."""
    return "{" + ",".join(f'"{item}"' for item in items) + "}"


def network_owned(changes: Changes, seq: int, time: str, event: NetworkClaimed | NetworkHostAssigned) -> None:
    """Let a host own a network."""
    _network_host(changes, event.network_id, event.host, event.epoch)
    row: Row = [event.network_id, event.host, event.epoch, seq, time]
    changes.holds["network_hosts"].begin((event.network_id, event.host), row)


def network_released(changes: Changes, seq: int, time: str, event: NetworkHostReleased) -> None:
    """Let a host own a network no longer."""
    _network_host(changes, event.network_id, None, event.epoch)
    changes.holds["network_hosts"].end((event.network_id, event.host), [event.reason], seq, time)


def _network_host(changes: Changes, network_id: str, host: str | None, epoch: int) -> None:
    row = changes.holds["networks"].began.get((network_id,))
    if row is not None:
        row[_NETWORK_HOST : _NETWORK_HOST + 2] = [host, epoch]
    else:
        changes.claimed[network_id] = [host, epoch]


def host_registered(changes: Changes, seq: int, time: str, event: HostRegistered) -> None:
    """Register a host, or change what is known of it."""
    known = changes.registered.get(event.host)
    since = known[_FENCED + 1 :] if known is not None else [seq, time]
    changes.fenced.pop(event.host, None)
    changes.registered[event.host] = [
        *(event.host, array_text(event.physical_networks), event.lease_s, event.network_host, event.epoch),
        *(None, *since),
    ]


def host_fenced(changes: Changes, _seq: int, _time: str, event: HostFenced) -> None:
    """Fence a host."""
    row = changes.registered.get(event.host)
    if row is not None:
        row[_FENCED] = event.until
    else:
        changes.fenced[event.host] = event.until


def host_applied(changes: Changes, _seq: int, _time: str, event: HostApplied) -> None:
    """Remember how far a host has let go of what was released."""
    changes.let_go[event.host] = event.seq


def address_claimed(changes: Changes, seq: int, time: str, event: HostAddressClaimed) -> None:
    """Let a host hold an address of a multi_host network."""
    where = (event.network_id, event.address, event.allocation_id)
    changes.holds["host_addresses"].begin(where, [*where, event.host, seq, time])


def address_released(changes: Changes, seq: int, time: str, event: HostAddressReleased) -> None:
    """Let a host hold it no longer."""
    where = (event.network_id, event.address, event.allocation_id)
    changes.holds["host_addresses"].end(where, [], seq, time)
