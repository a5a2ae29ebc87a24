"""Fixed IPs: allocated, draining, free, reserved; leased and released by DHCP (nova-network.md section 8).

Every allocation has an identity (allocation id). DHCP facts name address and MAC; one about an allocation
that has ended is recorded as stale and changes nothing (nova's bug 1249065).
"""

from typing import ClassVar, Literal

from events.model import Command, Event, Flag, Ipv4, Mac, Report, Uuid

DisassociateReason = Literal["applied", "timeout", "fenced", "unserved", "network_deleted"]


class AddFixedIp(Command):
    """Give an instance another address of a network, on its NIC there (nova's add_fixed_ip_to_instance).

    An instance without a NIC on that network gets one.
    """

    subject_field: ClassVar[str] = "instance_uuid"

    type: Literal["AddFixedIp.v1"] = "AddFixedIp.v1"
    instance_uuid: Uuid
    network_id: Uuid
    address: Ipv4 | None = None
    """This address or none; the next free one when left out."""
    vpn: Flag = False
    """The address that a VLAN network keeps for the project's VPN server."""


class RemoveFixedIp(Command):
    """Take an address from an instance, whose NIC stays (nova's remove_fixed_ip_from_instance)."""

    subject_field: ClassVar[str] = "instance_uuid"

    type: Literal["RemoveFixedIp.v1"] = "RemoveFixedIp.v1"
    instance_uuid: Uuid
    address: Ipv4


class ReserveFixedIp(Command):
    """Never hand out an address, whoever holds it now (nova-manage fixed reserve). Twice is no error."""

    subject_field: ClassVar[str] = "address"

    type: Literal["ReserveFixedIp.v1"] = "ReserveFixedIp.v1"
    address: Ipv4
    network_id: Uuid | None = None
    """Needed only where several networks have the address."""


class UnreserveFixedIp(Command):
    """Let a reserved address be handed out again (nova-manage fixed unreserve). Twice is no error."""

    subject_field: ClassVar[str] = "address"

    type: Literal["UnreserveFixedIp.v1"] = "UnreserveFixedIp.v1"
    address: Ipv4
    network_id: Uuid | None = None
    """Needed only where several networks have the address."""


class LeaseFixedIp(Report):
    """A guest took an address by DHCP (nova's lease_fixed_ip). Renewals are not reported."""

    type: Literal["LeaseFixedIp.v1"] = "LeaseFixedIp.v1"
    network_id: Uuid
    address: Ipv4
    mac: Mac


class ReleaseFixedIp(Report):
    """A DHCP lease ended (nova's release_fixed_ip)."""

    type: Literal["ReleaseFixedIp.v1"] = "ReleaseFixedIp.v1"
    network_id: Uuid
    address: Ipv4
    mac: Mac


class FixedIpAllocated(Event):
    """An address belongs to a NIC of an instance; carries all that its hosts need to serve it."""

    type: Literal["FixedIpAllocated.v1"] = "FixedIpAllocated.v1"
    allocation_id: str
    network_id: str
    address: str
    vif_id: str
    mac: str
    instance_uuid: str
    project_id: str
    host: str | None
    hostname: str | None


class FixedIpDeallocated(Event):
    """An address is no longer the instance's. It drains: out of the pool until its hosts have let go."""

    type: Literal["FixedIpDeallocated.v1"] = "FixedIpDeallocated.v1"
    allocation_id: str
    network_id: str
    address: str
    instance_uuid: str
    host: str | None
    waits_for: tuple[str, ...]
    """Registered hosts that must report a position at or past this decision; none: it is free at once."""
    drain_until: str
    """Time (RFC 3339) after which it is free whatever its hosts say."""
    until_deadline: bool
    """It waits for that time in any case: too many hosts let it in by their security groups to wait for."""


class FixedIpDisassociated(Event):
    """An address is free and may be handed out again, after those that have been idle longer."""

    type: Literal["FixedIpDisassociated.v1"] = "FixedIpDisassociated.v1"
    allocation_id: str
    network_id: str
    address: str
    reason: DisassociateReason


class FixedIpLeased(Event):
    """A guest holds a DHCP lease on its address."""

    type: Literal["FixedIpLeased.v1"] = "FixedIpLeased.v1"
    allocation_id: str
    network_id: str
    address: str
    mac: str
    host: str


class FixedIpReleased(Event):
    """The DHCP lease on an address ended; the allocation did not."""

    type: Literal["FixedIpReleased.v1"] = "FixedIpReleased.v1"
    allocation_id: str
    network_id: str
    address: str
    mac: str
    host: str


class StaleLeaseReported(Event):
    """A host reported a lease fact about an allocation that has ended, or never was; nothing changes."""

    type: Literal["StaleLeaseReported.v1"] = "StaleLeaseReported.v1"
    report: Literal["lease", "release"]
    network_id: str
    address: str
    mac: str
    host: str


class FixedIpReserved(Event):
    """An address is not handed out any more; who holds it keeps it."""

    type: Literal["FixedIpReserved.v1"] = "FixedIpReserved.v1"
    network_id: str
    address: str


class FixedIpUnreserved(Event):
    """An address may be handed out again, after those that have been idle longer."""

    type: Literal["FixedIpUnreserved.v1"] = "FixedIpUnreserved.v1"
    network_id: str
    address: str
