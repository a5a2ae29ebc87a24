"""Events as a cell would record them, short to write: networks, NICs, addresses, leases, floating IPs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from events.addresses import cidr4_bounds, cidr4_netmask, ipv4_text
from events.catalog import AnyEvent
from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpLeased, FixedIpReleased
from events.floating_ips import FloatingIpAssociated, FloatingIpDisassociated
from events.hosts import HostFenced, HostRegistered
from events.instances import VifCreated, VifDeleted
from events.moves import (
    BoundFixed,
    BoundPort,
    InstanceBound,
    InstancePrepared,
    InstanceUnbound,
    InstanceUnprepared,
    Port,
)
from events.networks import NetworkClaimed, NetworkCreated, NetworkDeleted
from events.ownership import NetworkHostReleased

HOST = "alpha"
OTHER = "beta"
PROJECT = "blue"


def uuid(kind: int, number: int) -> str:
    """Return an id that tells what it names."""
    return f"{kind:08x}-0000-8000-8000-{number:012x}"


def network_id(number: int) -> str:
    """Return the id of the `number`th network."""
    return uuid(0xA, number)


def mac(number: int) -> str:
    """Return the MAC of the `number`th NIC."""
    return f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"


def network(number: int, cidr: str = "", **changes: object) -> NetworkCreated:
    """Return the creation of a FlatDHCP network: 10.<number>.0.0/24, bridge br<number> unless changed."""
    cidr = cidr or f"10.{number}.0.0/24"
    first, last = cidr4_bounds(cidr)
    fields: dict[str, object] = {
        "network_id": network_id(number),
        "kind": "flatdhcp",
        "label": f"net{number}",
        "cidr": cidr,
        "netmask": cidr4_netmask(cidr),
        "broadcast": ipv4_text(last),
        "gateway": ipv4_text(first + 1),
        "dhcp_server": ipv4_text(first + 1),
        "dhcp_start": ipv4_text(first + 2),
        "enable_dhcp": True,
        "dns1": None,
        "dns2": None,
        "bridge": f"br{number}",
        "bridge_interface": None,
        "mtu": None,
        "reserved": (),
        "project_id": None,
        "physical_network": "default",
    }
    return NetworkCreated.model_validate(fields | changes)


def network_deleted(number: int) -> NetworkDeleted:
    """Return the end of a network."""
    return NetworkDeleted(network_id=network_id(number))


def claimed(number: int, host: str = HOST, epoch: int = 1) -> NetworkClaimed:
    """Return a claim that was won."""
    return NetworkClaimed(network_id=network_id(number), host=host, epoch=epoch)


def released(number: int, host: str = HOST, epoch: int = 1) -> NetworkHostReleased:
    """Return that a host owns a network no longer, by hand: nobody may claim it before it was let go."""
    return NetworkHostReleased(
        network_id=network_id(number), host=host, epoch=epoch, reason="disassociated", heir=None
    )


def fenced_off(number: int, host: str = HOST, epoch: int = 1) -> NetworkHostReleased:
    """Return that a fenced host owns a network no longer."""
    return released(number, host, epoch).model_copy(update={"reason": "fenced"})


def fenced(host: str = HOST, epoch: int = 1) -> HostFenced:
    """Return that a host fell silent."""
    return HostFenced(host=host, epoch=epoch, until="2026-11-21T00:00:45.000Z")


def registered(
    host: str = HOST, physical_networks: tuple[str, ...] = ("default",), epoch: int = 1
) -> HostRegistered:
    """Return a host's registration."""
    return HostRegistered(
        host=host, physical_networks=physical_networks, lease_s=30, network_host=True, epoch=epoch
    )


@dataclass(frozen=True)
class Nic:
    """A NIC with one address; everything about it follows from its number, its network and its address."""

    number: int
    network: int = 1
    address: str = ""
    host: str = HOST
    hostname: str | None = None

    @property
    def mac(self) -> str:
        """MAC of the NIC."""
        return mac(self.number)

    @property
    def fixed(self) -> str:
        """Its address: host part 10 plus its number unless told otherwise."""
        return self.address or f"10.{self.network}.0.{10 + self.number}"

    @property
    def allocation_id(self) -> str:
        """Identity of the allocation."""
        return uuid(0xB, self.number)

    @property
    def _of_the_vif(self) -> dict[str, str]:
        return {
            "vif_id": uuid(0xC, self.number),
            "mac": self.mac,
            "instance_uuid": uuid(0xD, self.number),
            "network_id": network_id(self.network),
            "host": self.host,
        }

    @property
    def _of_the_address(self) -> dict[str, str]:
        return {
            "allocation_id": self.allocation_id,
            "network_id": network_id(self.network),
            "address": self.fixed,
            "host": self.host,
        }

    def vif_created(self) -> VifCreated:
        """Return the NIC's creation."""
        return VifCreated.model_validate({**self._of_the_vif, "index": 0, "tag": None})

    def vif_deleted(self) -> VifDeleted:
        """Return the NIC's end."""
        return VifDeleted.model_validate(self._of_the_vif)

    def allocated(self) -> FixedIpAllocated:
        """Return the allocation of its address."""
        vif = self._of_the_vif
        more = {"project_id": PROJECT, "hostname": self.hostname}
        return FixedIpAllocated.model_validate({**vif, **self._of_the_address, **more})

    def deallocated(self) -> FixedIpDeallocated:
        """Return the release of its address, which drains."""
        more = {
            "instance_uuid": uuid(0xD, self.number),
            "waits_for": (self.host,),
            "drain_until": "2026-11-21T00:00:00.000Z",
            "until_deadline": False,
        }
        return FixedIpDeallocated.model_validate({**self._of_the_address, **more})

    def leased(self) -> FixedIpLeased:
        """Return that a guest took the address."""
        return FixedIpLeased.model_validate({**self._of_the_address, "mac": self.mac})

    def released(self) -> FixedIpReleased:
        """Return that the guest's lease ended."""
        return FixedIpReleased.model_validate({**self._of_the_address, "mac": self.mac})

    def _floating(self, address: str) -> dict[str, str]:
        return {
            "address": address,
            "allocation_id": self.allocation_id,
            "network_id": network_id(self.network),
            "fixed_address": self.fixed,
            "instance_uuid": uuid(0xD, self.number),
            "project_id": PROJECT,
        }

    def associated(self, address: str, interface: str | None = None) -> FloatingIpAssociated:
        """Return that a floating IP points here."""
        return FloatingIpAssociated.model_validate({**self._floating(address), "interface": interface})

    def disassociated(self, address: str) -> FloatingIpDisassociated:
        """Return that a floating IP points here no longer."""
        return FloatingIpDisassociated.model_validate(self._floating(address))

    def spawned(self) -> tuple[AnyEvent, ...]:
        """Return all that a spawn records about a NIC."""
        return (self.vif_created(), self.allocated())

    def gone(self) -> tuple[AnyEvent, ...]:
        """Return all that a deletion records about a NIC."""
        return (self.deallocated(), self.vif_deleted())


@dataclass(frozen=True)
class Decision:
    """A valid decision as a reader gives it."""

    seq: int
    events: tuple[AnyEvent, ...]


@dataclass
class FakeLedger:
    """A ledger in memory that an agent can follow; `away` is raised while it is set."""

    decisions: list[Decision] = field(default_factory=list)
    away: Exception | None = None
    _read: int = 0

    def decide(self, *events: AnyEvent) -> int:
        """Append a decision and return its seq."""
        self.decisions.append(Decision(len(self.decisions) + 1, events))
        return len(self.decisions)

    @property
    def next_offset(self) -> int:
        """Return how many decisions were read."""
        return self._read

    def end(self) -> int:
        """Return how many decisions there are."""
        if self.away is not None:
            raise self.away
        return len(self.decisions)

    def reopen(self) -> "FakeLedger":
        """Return the same ledger, not read yet."""
        return replace(self, _read=0)

    def close(self) -> None:
        """Do nothing."""

    def catch_up(self) -> Sequence[Sequence[Decision]]:
        """Return everything up to now in one batch."""
        return [self.poll(len(self.decisions), 0.0)]

    def poll(self, limit: int, timeout_s: float) -> Sequence[Decision]:
        """Return what is new, at once."""
        if self.away is not None:
            raise self.away
        new = self.decisions[self._read : self._read + limit]
        self._read += len(new)
        return new


def _bound_ports(nics: tuple[Nic, ...]) -> tuple[BoundPort, ...]:
    return tuple(
        BoundPort(
            vif_id=nic.vif_created().vif_id,
            mac=nic.mac,
            network_id=network_id(nic.network),
            fixed=(
                BoundFixed(allocation_id=nic.allocation_id, address=nic.fixed, leased=False, floating=()),
            ),
        )
        for nic in nics
    )


def bound(epoch: int, host: str, *nics: Nic) -> InstanceBound:
    """Return that an instance with these NICs is a host's."""
    return InstanceBound(
        instance_uuid=nics[0].vif_created().instance_uuid,
        host=host,
        epoch=epoch,
        prepared=False,
        hostname=None,
        rxtx_factor=None,
        security_groups=(),
        ports=_bound_ports(nics),
    )


def unbound(epoch: int, *nics: Nic, host: str = HOST) -> InstanceUnbound:
    """Return that it is a host's no longer."""
    uuid_of = nics[0].vif_created().instance_uuid
    return InstanceUnbound(instance_uuid=uuid_of, host=host, epoch=epoch, ports=_bound_ports(nics))


def prepared(epoch: int, host: str, *nics: Nic) -> InstancePrepared:
    """Return that a host is made ready for an instance."""
    uuid_of = nics[0].vif_created().instance_uuid
    more = {"epoch": epoch, "more": False, "security_groups": (), "addresses": ()}
    return InstancePrepared.model_validate(
        {"instance_uuid": uuid_of, "host": host, "ports": _ports(nics), **more}
    )


def unprepared(epoch: int, host: str, *nics: Nic) -> InstanceUnprepared:
    """Return that a host is no longer ready for it."""
    uuid_of = nics[0].vif_created().instance_uuid
    return InstanceUnprepared(instance_uuid=uuid_of, host=host, epoch=epoch, ports=_ports(nics))


def _ports(nics: tuple[Nic, ...]) -> tuple[Port, ...]:
    return tuple(
        Port(vif_id=nic.vif_created().vif_id, mac=nic.mac, network_id=network_id(nic.network)) for nic in nics
    )
