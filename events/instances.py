"""Instances and their NICs (nova-network.md sections 2.2, 7)."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, Strict, StringConstraints

from events.model import (
    PRINTABLE_PATTERN,
    Command,
    Event,
    Flag,
    Hostname,
    Ipv4,
    Mac,
    Message,
    Name,
    ProjectId,
    Uuid,
)
from events.security_groups import GROUPS_PER_INSTANCE_MAX, GroupName

NICS_MAX = 64
"""NICs of one instance; QEMU's PCI topology ends well below."""

Tag = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=PRINTABLE_PATTERN)]
"""A caller's name for a NIC, as in nova's server request."""


def _as_set(macs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(macs)))


Macs = Annotated[tuple[Mac, ...], Field(max_length=NICS_MAX), AfterValidator(_as_set)]
"""A set of MACs, in ascending order whatever order it is given in."""

ZoneName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=PRINTABLE_PATTERN)]
"""An availability zone."""


class RequestedNetwork(Message):
    """One NIC asked for."""

    network_id: Uuid
    address: Ipv4 | None = None
    """This address or none."""
    tag: Tag | None = None


class SpawnInstance(Command):
    """Give an instance its NICs, MACs and fixed IPs, all or none (nova's allocate_for_instance)."""

    subject_field: ClassVar[str] = "instance_uuid"

    type: Literal["SpawnInstance.v1"] = "SpawnInstance.v1"
    instance_uuid: Uuid
    project_id: ProjectId
    host: Name
    """Compute host that the instance runs on."""
    requested_networks: Annotated[tuple[RequestedNetwork, ...], Field(max_length=NICS_MAX)] | None = None
    """NICs in order; when left out, one on every network that the project sees."""
    auto_allocate: Flag = False
    """Refuse to be without NICs (nova's request for `auto`); by itself that is no error."""
    macs: Macs | None = None
    """MACs that the hypervisor supplies, one for each NIC from the lowest on; drawn when left out."""
    vpn: Flag = False
    """The instance is a project's VPN server: on VLAN networks it takes the address kept for that."""
    hostname: Hostname | None = None
    """Name that DHCP hands out and DNS answers."""
    display_name: Annotated[str, StringConstraints(max_length=255, pattern=PRINTABLE_PATTERN)] | None = None
    availability_zone: ZoneName | None = None
    rxtx_factor: Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)] | None = None
    security_groups: Annotated[tuple[GroupName, ...], Field(max_length=GROUPS_PER_INSTANCE_MAX)] | None = None
    """Groups of the project that it joins, each by id or by name; its default group when none is named."""


class DeleteInstance(Command):
    """Take everything back from an instance (nova's deallocate_for_instance). No NICs is not an error."""

    subject_field: ClassVar[str] = "instance_uuid"

    type: Literal["DeleteInstance.v1"] = "DeleteInstance.v1"
    instance_uuid: Uuid


class InstanceSpawned(Event):
    """An instance has networking on a host."""

    type: Literal["InstanceSpawned.v1"] = "InstanceSpawned.v1"
    instance_uuid: str
    project_id: str
    host: str
    hostname: str | None
    display_name: str | None
    availability_zone: str | None = None
    rxtx_factor: float | None
    request_digest: str
    """Digest of all that was asked, by which a repeated spawn is known."""
    security_groups: tuple[str, ...]
    """Ids of the groups that it is in; a project's default group is there once an instance is in it."""


class MacGenerated(Event):
    """A MAC was drawn for a NIC; `draws` counts candidates, those in use included."""

    type: Literal["MacGenerated.v1"] = "MacGenerated.v1"
    mac: str
    vif_id: str
    draws: int


class VifCreated(Event):
    """An instance has a NIC; `index` counts its NICs from 0 (eth0, eth1...)."""

    type: Literal["VifCreated.v1"] = "VifCreated.v1"
    vif_id: str
    mac: str
    instance_uuid: str
    network_id: str
    host: str | None
    """Host that has the instance; None in the middle of a move."""
    index: int
    tag: str | None
    address_v6: str | None = None
    """Derived from the MAC when the NIC was created, where its network has IPv6; it goes with the NIC."""


class VifDeleted(Event):
    """A NIC is gone and its MAC may be used again."""

    type: Literal["VifDeleted.v1"] = "VifDeleted.v1"
    vif_id: str
    mac: str
    instance_uuid: str
    network_id: str
    host: str | None
    address_v6: str | None = None


class InstanceDeleted(Event):
    """An instance has no networking any more."""

    type: Literal["InstanceDeleted.v1"] = "InstanceDeleted.v1"
    instance_uuid: str
    project_id: str
    host: str | None
    security_groups: tuple[str, ...]
    """Ids of the groups that it was in until now."""
