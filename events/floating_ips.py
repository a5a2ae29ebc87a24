"""Floating IPs: pools as ranges, ownership, association with fixed IPs (nova-network.md section 9)."""

from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from events.model import Command, Event, Flag, Interface, Ipv4, Name, ProjectId, Uuid

DEFAULT_POOL = "nova"


class CreateFloatingIps(Command):
    """Add a single address, or the host addresses of a block, to a pool."""

    subject_field: ClassVar[str] = "ip_range"

    type: Literal["CreateFloatingIps.v1"] = "CreateFloatingIps.v1"
    ip_range: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    pool: Name = DEFAULT_POOL
    interface: Interface | None = None
    """Public interface on network hosts; their own setting when left out."""


class DeleteFloatingIps(Command):
    """Take a single address, or the host addresses of a block, out of their pools.

    A part of what was created may go. A pool is gone with its last address.
    """

    subject_field: ClassVar[str] = "ip_range"

    type: Literal["DeleteFloatingIps.v1"] = "DeleteFloatingIps.v1"
    ip_range: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    force: Flag = False
    """Disassociate and release first what is in use; refused when left out."""


class AllocateFloatingIp(Command):
    """Give a project an address of a pool (nova's allocate_floating_ip)."""

    subject_field: ClassVar[str] = "project_id"

    type: Literal["AllocateFloatingIp.v1"] = "AllocateFloatingIp.v1"
    project_id: ProjectId
    pool: Name = DEFAULT_POOL
    auto_assigned: Flag = False
    """Counts in no quota, is in no list of the project, and its project cannot use it. For admins."""


class AssociateFloatingIp(Command):
    """Point a project's floating IP at a fixed IP; a floating IP that points elsewhere moves."""

    subject_field: ClassVar[str] = "floating_address"

    type: Literal["AssociateFloatingIp.v1"] = "AssociateFloatingIp.v1"
    floating_address: Ipv4
    fixed_address: Ipv4
    network_id: Uuid | None = None
    """Needed only where several networks use the fixed address."""
    affect_auto_assigned: Flag = False
    """Also if the address was assigned automatically; for admins."""


class DisassociateFloatingIp(Command):
    """Stop pointing a floating IP at anything; the project keeps it."""

    subject_field: ClassVar[str] = "address"

    type: Literal["DisassociateFloatingIp.v1"] = "DisassociateFloatingIp.v1"
    address: Ipv4
    affect_auto_assigned: Flag = False
    """Also if the address was assigned automatically; for admins."""


class ReleaseFloatingIp(Command):
    """Give a floating IP back to its pool (nova's deallocate_floating_ip). It must not be associated."""

    subject_field: ClassVar[str] = "address"

    type: Literal["ReleaseFloatingIp.v1"] = "ReleaseFloatingIp.v1"
    address: Ipv4
    affect_auto_assigned: Flag = False
    """Also if the address was assigned automatically; for admins."""


class FloatingIpsCreated(Event):
    """A pool has a range of addresses more, `first` to `last`, both included."""

    type: Literal["FloatingIpsCreated.v1"] = "FloatingIpsCreated.v1"
    pool: str
    interface: str | None
    first: str
    last: str


class FloatingIpsDeleted(Event):
    """A pool has the addresses `first` to `last` no more, both included; nobody owned one of them."""

    type: Literal["FloatingIpsDeleted.v1"] = "FloatingIpsDeleted.v1"
    pool: str
    interface: str | None
    first: str
    last: str
    range_first: str
    """First address of the range that they were part of; what lies before `first` stays."""
    range_last: str
    """Last address of that range; what lies after `last` stays."""


class FloatingIpAllocated(Event):
    """A floating IP belongs to a project."""

    type: Literal["FloatingIpAllocated.v1"] = "FloatingIpAllocated.v1"
    address: str
    pool: str
    interface: str | None
    project_id: str
    auto_assigned: bool


class FloatingIpAssociated(Event):
    """Traffic for a floating IP goes to a fixed IP."""

    type: Literal["FloatingIpAssociated.v1"] = "FloatingIpAssociated.v1"
    address: str
    interface: str | None
    allocation_id: str
    network_id: str
    fixed_address: str
    instance_uuid: str
    project_id: str


class FloatingIpDisassociated(Event):
    """A floating IP points at nothing."""

    type: Literal["FloatingIpDisassociated.v1"] = "FloatingIpDisassociated.v1"
    address: str
    allocation_id: str
    network_id: str
    fixed_address: str
    instance_uuid: str
    project_id: str


class FloatingIpReleased(Event):
    """A floating IP is free in its pool."""

    type: Literal["FloatingIpReleased.v1"] = "FloatingIpReleased.v1"
    address: str
    pool: str
    project_id: str
