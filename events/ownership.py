"""Which host serves a network: given on demand or by hand, taken back (nova-network.md 5.1 and 5.4)."""

from typing import ClassVar, Literal

from events.model import Command, Event, Uuid

HostReleaseReason = Literal["fenced", "disassociated", "assigned", "network_deleted"]
"""Why a host owns a network no longer: it fell silent; by hand; by hand, for another host; it is gone."""

LetGoReason = Literal["applied", "timeout"]
"""How it is known that a host serves a network no longer: it said so, or its lease has run out since."""


class SetNetworkHost(Command):
    """Give a network that nobody serves to a host now, and learn its owner (nova's set_network_host).

    Of the live network hosts that reach it, the one with the fewest networks. One that has an owner keeps it.
    """

    subject_field: ClassVar[str] = "network_id"

    type: Literal["SetNetworkHost.v1"] = "SetNetworkHost.v1"
    network_id: Uuid


class NetworkHostAssigned(Event):
    """An admin gave a network to a host, which owns its gateway, DHCP and NAT from now on."""

    type: Literal["NetworkHostAssigned.v1"] = "NetworkHostAssigned.v1"
    network_id: str
    host: str
    epoch: int
    """Counts the owners of this network, from 1, as in NetworkClaimed."""


class NetworkHostReleased(Event):
    """A host owns a network no longer.

    After a fence the network is free to be claimed. By hand, nobody may claim it before the host is known to
    have let go of it (NetworkHostLetGo).
    """

    type: Literal["NetworkHostReleased.v1"] = "NetworkHostReleased.v1"
    network_id: str
    host: str
    epoch: int
    """That of the ownership which ends."""
    reason: HostReleaseReason
    heir: str | None
    """The host that shall own it next."""


class NetworkHostLetGo(Event):
    """A host that owned a network is known to serve it no longer: it may have an owner again."""

    type: Literal["NetworkHostLetGo.v1"] = "NetworkHostLetGo.v1"
    network_id: str
    host: str
    reason: LetGoReason


class HostAddressClaimed(Event):
    """A host serves a multi_host network at an address of its pool, as gateway and DHCP server.

    It is held like a fixed IP, by no instance, until the network is deleted.
    """

    type: Literal["HostAddressClaimed.v1"] = "HostAddressClaimed.v1"
    allocation_id: str
    network_id: str
    host: str
    address: str


class HostAddressReleased(Event):
    """The address of a host on a multi_host network is the network's again."""

    type: Literal["HostAddressReleased.v1"] = "HostAddressReleased.v1"
    allocation_id: str
    network_id: str
    host: str
    address: str
