"""Moves of instances between hosts: whose they are, and where their NICs are made ready (nova-network.md 10).

The binding of an instance is all that a host has of it: its NICs' ports, its addresses, and the floating IPs
that point there wherever a compute host answers for them. It has one owner or none, and an epoch that counts
its owners. A host may have ports made ready beforehand (live migration); that makes it the owner of nothing.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from events.model import Command, Count, Event, Flag, Ipv4, Message, Name, Uuid
from events.security_groups import MemberAddress

FLOATING_ADDRESSES_MAX = 1000
"""Floating IPs that a step of a migration may name."""

FloatingAddresses = Annotated[tuple[Ipv4, ...], Field(max_length=FLOATING_ADDRESSES_MAX)]


class UnbindInstance(Command):
    """Take the binding of an instance from its host (nova's migrate_instance_start).

    Ports, addresses and floating IPs are nobody's until `BindInstance`. Nothing happens where `host` and
    `dest` are the same, or where the host let go already.
    """

    subject_field: ClassVar[str] = "instance_uuid"

    type: Literal["UnbindInstance.v1"] = "UnbindInstance.v1"
    instance_uuid: Uuid
    host: Name | None = None
    """Host that has it; refused if another one has. Left out: whichever has it."""
    dest: Name | None = None
    """Where it will go, if that is known."""
    floating_addresses: FloatingAddresses = ()
    """Checked to be floating IPs; all of the instance's go along, named or not."""
    epoch: Count | None = None
    """Refused unless this is the binding's epoch."""


class BindInstance(Command):
    """Give the binding of an instance to a host (nova's migrate_instance_finish)."""

    subject_field: ClassVar[str] = "instance_uuid"

    type: Literal["BindInstance.v1"] = "BindInstance.v1"
    instance_uuid: Uuid
    host: Name
    source: Name | None = None
    """Host that had it last and must have let go. Left out, as for an evacuation: taken from whichever has
    it, in the same decision."""
    floating_addresses: FloatingAddresses = ()
    """As for `UnbindInstance`."""
    rxtx_factor: Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)] | None = None
    """That of the flavour which the instance was resized to; as before when left out."""
    epoch: Count | None = None
    """Refused unless this is the binding's epoch."""


class PrepareInstance(Command):
    """Make the NICs of an instance ready on a host, beside the one that has it, or take that back.

    nova's setup_networks_on_host. Taken back on the host that has the instance, it is unbound there.
    """

    subject_field: ClassVar[str] = "instance_uuid"

    type: Literal["PrepareInstance.v1"] = "PrepareInstance.v1"
    instance_uuid: Uuid
    host: Name
    teardown: Flag = False
    epoch: Count | None = None
    """Refused unless this is the binding's epoch."""


class Port(Message):
    """A NIC as a host must know it to plug it."""

    vif_id: str
    mac: str
    network_id: str
    address_v6: str | None = None
    """Its IPv6 address, where its network has one."""


class BoundFloating(Message):
    """A floating IP that points at an address."""

    address: str
    interface: str | None


class BoundFixed(Message):
    """An address of a NIC."""

    allocation_id: str
    address: str
    leased: bool
    floating: tuple[BoundFloating, ...]
    """In order of association."""


class BoundPort(Port):
    """A NIC with everything that its host answers for."""

    fixed: tuple[BoundFixed, ...]


class InstanceUnbound(Event):
    """A host does not have an instance any more; nobody has it now."""

    type: Literal["InstanceUnbound.v1"] = "InstanceUnbound.v1"
    instance_uuid: str
    host: str
    epoch: int
    ports: tuple[BoundPort, ...]
    """What the host must let go of."""


class InstanceBound(Event):
    """A host has an instance, its ports, its addresses and the floating IPs that point there."""

    type: Literal["InstanceBound.v1"] = "InstanceBound.v1"
    instance_uuid: str
    host: str
    epoch: int
    """Counts the owners of this instance; its spawn is 1."""
    prepared: bool
    """Whether it was made ready there, which is over now."""
    hostname: str | None
    rxtx_factor: float | None
    security_groups: tuple[str, ...]
    """Ids of the groups whose rules it lets traffic in by."""
    ports: tuple[BoundPort, ...]


class InstancePrepared(Event):
    """Ports of an instance are on a host that does not have it."""

    type: Literal["InstancePrepared.v1"] = "InstancePrepared.v1"
    instance_uuid: str
    host: str
    epoch: int
    """Epoch of the binding at that time."""
    security_groups: tuple[str, ...]
    """As for `InstanceBound`: filters must be there before the guest is."""
    more: bool
    """Whether the host had ports of it already, and gets some more."""
    ports: tuple[Port, ...]
    """Those that were not there before."""
    addresses: tuple[MemberAddress, ...]
    """All its fixed IPs, for the rules that let them in."""


class InstanceUnprepared(Event):
    """Ports that were made ready on a host are not wanted there any more."""

    type: Literal["InstanceUnprepared.v1"] = "InstanceUnprepared.v1"
    instance_uuid: str
    host: str
    epoch: int
    ports: tuple[Port, ...]
