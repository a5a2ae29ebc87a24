"""What one host must know of its cell: a fold of its own that grows with the host, not with the cell.

It keeps every network's definition (there are few), the NICs on this host, and addresses and floating
associations of the networks that this host serves as network host. Those of networks that nobody has served
yet are kept too, because a later claim of ours must find them; they are dropped when another host wins the
claim. A network that is taken over from another host is `missing` its addresses: the view must be folded
again from the first record, told to `keep` them. What it knows of security groups is in
`projections.host_groups`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from pydantic_core import to_json

from events.catalog import AnyEvent
from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpLeased, FixedIpReleased
from events.floating_ips import FloatingIpAssociated, FloatingIpDisassociated
from events.hosts import HostFenced, HostRegistered
from events.instances import VifCreated, VifDeleted
from events.model import Event
from events.moves import InstanceBound, InstancePrepared, InstanceUnbound, InstanceUnprepared
from events.moves import Port as MovedPort
from events.networks import NetworkClaimed, NetworkCreated, NetworkDeleted
from events.ownership import NetworkHostAssigned, NetworkHostLetGo, NetworkHostReleased
from projections.host_blocks import Served
from projections.host_groups import OF_GROUPS, GroupsView
from projections.host_network import Allocation, Floating, NetworkView

_OF_THE_HOST = (
    VifCreated,
    VifDeleted,
    InstanceUnbound,
    InstanceBound,
    InstancePrepared,
    InstanceUnprepared,
    HostRegistered,
    HostFenced,
)
_OF_A_NETWORK = (
    NetworkCreated,
    NetworkDeleted,
    NetworkClaimed,
    NetworkHostAssigned,
    NetworkHostReleased,
    NetworkHostLetGo,
    FixedIpAllocated,
    FixedIpDeallocated,
    FixedIpLeased,
    FixedIpReleased,
    FloatingIpAssociated,
    FloatingIpDisassociated,
)


def concerns(event: AnyEvent, host: str) -> bool:
    """Tell whether a host must see an event at all, without knowing any state.

    What happens on a network or to a security group concerns every host here: who serves it, or has members,
    is state, and the view decides that.
    """
    if isinstance(event, _OF_THE_HOST):
        return event.host == host
    return isinstance(event, (*_OF_A_NETWORK, *OF_GROUPS))


@dataclass(frozen=True, slots=True)
class Port:
    """A NIC of an instance that this host has, or that was made ready here."""

    vif_id: str
    network_id: str
    mac: str
    instance_uuid: str


class HostView:
    """The fold for one host; `apply` takes every event in order and ignores what does not concern it."""

    def __init__(self, host: str, keep: frozenset[str] = frozenset()) -> None:
        """Begin with nothing, before the first record.

        Args:
            host: Whose view it is.
            keep: Networks of which the addresses are kept although other hosts own them, until `settle`.

        """
        self.host = host
        self.fenced = False
        """Whether this host fell silent and has not been registered again since."""
        self.lease_s: int | None = None
        """As the ledger has it; None before the first registration."""
        self.network_host = False
        self._keep = keep
        self._missing: set[str] = set()
        self.physical_networks: frozenset[str] = frozenset()
        self._networks: dict[str, NetworkView] = {}
        self._ports: dict[str, Port] = {}
        self._ports_on: dict[str, int] = {}
        self._created = 0
        self.groups = GroupsView(host)
        self._appliers: dict[type[Event], Callable[[int, Any], str | tuple[str, ...] | None]] = {
            HostRegistered: self._host_registered,
            NetworkCreated: self._network_created,
            NetworkDeleted: self._network_deleted,
            HostFenced: self._host_fenced,
            NetworkClaimed: self._network_owned,
            NetworkHostAssigned: self._network_owned,
            NetworkHostReleased: self._network_released,
            NetworkHostLetGo: self._network_let_go,
            VifCreated: self._vif_created,
            VifDeleted: self._vif_deleted,
            InstanceUnbound: self._ports_lost,
            InstanceBound: self._ports_gained,
            InstancePrepared: self._ports_gained,
            InstanceUnprepared: self._ports_lost,
            FixedIpAllocated: self._fixed_ip_allocated,
            FixedIpDeallocated: self._fixed_ip_deallocated,
            FixedIpLeased: self._fixed_ip_leased,
            FixedIpReleased: self._fixed_ip_released,
            FloatingIpAssociated: self._floating_ip_associated,
            FloatingIpDisassociated: self._floating_ip_disassociated,
        }

    @property
    def networks(self) -> Mapping[str, NetworkView]:
        """All networks of the cell, by id, in the order of their creation."""
        return MappingProxyType(self._networks)

    @property
    def ports(self) -> Mapping[str, Port]:
        """NICs on this host, by VIF id."""
        return MappingProxyType(self._ports)

    def serves(self, network: NetworkView) -> bool:
        """Tell whether this host owns the network's gateway, DHCP and NAT, and knows enough to serve them."""
        return network.owner == self.host and network.complete

    def has_ports_on(self, network_id: str) -> bool:
        """Tell whether an instance on this host has a NIC on a network."""
        return network_id in self._ports_on

    def claimable(self) -> tuple[str, ...]:
        """Return ids of the networks that may be claimed and this host reaches, oldest first.

        A flat network has no network host: its gateway and DHCP are the operator's. Nor has a multi_host one:
        every host serves its own instances. One that shares addresses with a network of another project is
        for a host that does not serve that.
        """
        served = Served(
            one.definition for one in self._networks.values() if self.host in {one.owner, one.leaving}
        )
        return tuple(
            network_id
            for network_id, network in self._networks.items()
            if network.owner is None
            and network.leaving is None
            and network.definition.kind != "flat"
            and not network.definition.multi_host
            and network.definition.physical_network in self.physical_networks
            and not served.overlap(network.definition)
        )

    def apply(self, seq: int, event: AnyEvent) -> tuple[str, ...]:
        """Fold one event of the decision at `seq`.

        Returns:
            Ids of the networks whose parts of the host plan may have changed.

        """
        self.groups.apply(event)
        applier = self._appliers.get(type(event))
        changed = None if applier is None else applier(seq, event)
        if changed is None:
            return ()
        return (changed,) if isinstance(changed, str) else changed

    def _host_registered(self, _seq: int, event: HostRegistered) -> None:
        if event.host == self.host:
            self.physical_networks = frozenset(event.physical_networks)
            self.lease_s, self.network_host = event.lease_s, event.network_host
            self.fenced = False

    def _host_fenced(self, _seq: int, event: HostFenced) -> None:
        self.fenced = self.fenced or event.host == self.host

    def _network_created(self, _seq: int, event: NetworkCreated) -> str:
        self._networks[event.network_id] = NetworkView(event, self._created)
        self._created += 1
        return event.network_id

    def _network_deleted(self, _seq: int, event: NetworkDeleted) -> str:
        self._networks.pop(event.network_id, None)
        self._missing.discard(event.network_id)
        return event.network_id

    def _network_owned(self, _seq: int, event: NetworkClaimed | NetworkHostAssigned) -> str:
        network = self._networks[event.network_id]
        if event.host != self.host and event.network_id not in self._keep:
            network.forget_details()
        network.owner = event.host
        network.epoch = event.epoch
        network.leaving = None
        if event.host == self.host and not network.complete:
            self._missing.add(event.network_id)
        return event.network_id

    def _network_released(self, _seq: int, event: NetworkHostReleased) -> str:
        network = self._networks[event.network_id]
        network.owner = None
        self._missing.discard(event.network_id)
        network.leaving = None if event.reason == "fenced" else event.host
        return event.network_id

    def _network_let_go(self, _seq: int, event: NetworkHostLetGo) -> str:
        self._networks[event.network_id].leaving = None
        return event.network_id

    @property
    def missing(self) -> frozenset[str]:
        """Networks that this host owns and whose addresses it does not know: it must not serve them yet."""
        return frozenset(self._missing)

    def settle(self) -> None:
        """Keep no more than other views from now on: those of another host's networks are dropped."""
        self._keep = frozenset()
        for network in self._networks.values():
            if network.owner not in (None, self.host):
                network.forget_details()

    def _vif_created(self, _seq: int, event: VifCreated) -> str | None:
        if event.host != self.host:
            return None
        self._add_port(event.instance_uuid, event)
        return event.network_id

    def _vif_deleted(self, _seq: int, event: VifDeleted) -> str | None:
        return self._remove_port(event.vif_id)

    def _ports_gained(self, _seq: int, event: InstanceBound | InstancePrepared) -> tuple[str, ...]:
        if event.host != self.host:
            return ()
        for port in event.ports:
            self._add_port(event.instance_uuid, port)
        return tuple(port.network_id for port in event.ports)

    def _ports_lost(self, _seq: int, event: InstanceUnbound | InstanceUnprepared) -> tuple[str, ...]:
        if event.host != self.host:
            return ()
        for port in event.ports:
            self._remove_port(port.vif_id)
        return tuple(port.network_id for port in event.ports)

    def _add_port(self, instance_uuid: str, nic: VifCreated | MovedPort) -> None:
        if nic.vif_id not in self._ports:
            self._ports[nic.vif_id] = Port(nic.vif_id, nic.network_id, nic.mac, instance_uuid)
            self._ports_on[nic.network_id] = self._ports_on.get(nic.network_id, 0) + 1

    def _remove_port(self, vif_id: str) -> str | None:
        port = self._ports.pop(vif_id, None)
        if port is None:
            return None
        left = self._ports_on.pop(port.network_id) - 1
        if left:
            self._ports_on[port.network_id] = left
        return port.network_id

    def _details_of(self, network_id: str) -> NetworkView | None:
        """Return a network whose addresses this host must know."""
        network = self._networks.get(network_id)
        return network if network is not None and network.complete else None

    def _fixed_ip_allocated(self, _seq: int, event: FixedIpAllocated) -> str | None:
        network = self._details_of(event.network_id)
        if network is None:
            return None
        network.hold(
            Allocation(
                event.allocation_id,
                event.network_id,
                event.address,
                event.mac,
                event.instance_uuid,
                event.hostname,
            )
        )
        return event.network_id

    def _fixed_ip_deallocated(self, _seq: int, event: FixedIpDeallocated) -> str | None:
        network = self._details_of(event.network_id)
        if network is None:
            return None
        network.release(event.address, event.allocation_id)
        return event.network_id

    def _fixed_ip_leased(self, _seq: int, event: FixedIpLeased) -> None:
        self._lease(event, leased=True)

    def _fixed_ip_released(self, _seq: int, event: FixedIpReleased) -> None:
        self._lease(event, leased=False)

    def _lease(self, event: FixedIpLeased | FixedIpReleased, *, leased: bool) -> None:
        network = self._details_of(event.network_id)
        allocation = network.allocation(event.address, event.allocation_id) if network else None
        if allocation is not None:
            allocation.leased = leased

    def _floating_ip_associated(self, seq: int, event: FloatingIpAssociated) -> str | None:
        network = self._details_of(event.network_id)
        if network is None:
            return None
        network.associate(
            Floating(
                event.address,
                event.interface,
                event.network_id,
                event.allocation_id,
                event.fixed_address,
                event.instance_uuid,
                seq,
            )
        )
        return event.network_id

    def _floating_ip_disassociated(self, _seq: int, event: FloatingIpDisassociated) -> str | None:
        network = self._details_of(event.network_id)
        if network is None:
            return None
        network.disassociate(event.address, event.allocation_id)
        return event.network_id

    def rows(self) -> Iterator[tuple[str | int | bool | None, ...]]:
        """Yield everything the view knows as canonical rows, sorted within each kind."""
        registered = (self.lease_s, self.network_host, self.fenced)
        yield ("host", self.host, *registered, *sorted(self.physical_networks))
        for network_id, network in sorted(self._networks.items()):
            definition = network.definition.model_dump_json(exclude={"type"})
            owner = (network.owner, network.epoch, network.leaving)
            yield ("network", network_id, network.order, *owner, definition)
            for _, held in sorted(network.allocations.items()):
                yield (
                    "allocation",
                    network_id,
                    held.address,
                    held.allocation_id,
                    held.mac,
                    held.instance_uuid,
                    held.hostname,
                    held.leased,
                )
            for _, floating in sorted(network.floating.items()):
                yield (
                    "floating",
                    network_id,
                    floating.address,
                    floating.allocation_id,
                    floating.fixed_address,
                    floating.interface,
                    floating.instance_uuid,
                    floating.since,
                )
        for vif_id, port in sorted(self._ports.items()):
            yield ("port", vif_id, port.network_id, port.mac, port.instance_uuid)
        yield from self.groups.rows()

    def digest(self) -> str:
        """Return a digest of all rows: two views are equal if and only if their digests are."""
        digest = blake2b(digest_size=32)
        for row in self.rows():
            digest.update(to_json(row) + b"\n")
        return digest.hexdigest()
