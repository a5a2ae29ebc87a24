"""Instances and their NICs (nova-network.md sections 2.2, 7)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict, StringConstraints

from events.model import PRINTABLE_PATTERN, Command, Event, Hostname, Ipv4, Message, Name, ProjectId, Uuid

NICS_MAX = 64
"""NICs of one instance; QEMU's PCI topology ends well below."""

Tag = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=PRINTABLE_PATTERN)]
"""A caller's name for a NIC, as in nova's server request."""


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
    hostname: Hostname | None = None
    """Name that DHCP hands out and DNS answers."""
    display_name: Annotated[str, StringConstraints(max_length=255, pattern=PRINTABLE_PATTERN)] | None = None
    rxtx_factor: Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)] | None = None


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
    rxtx_factor: float | None
    request_digest: str
    """Digest of what was asked, by which a repeated spawn is known."""


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
    host: str
    index: int
    tag: str | None


class VifDeleted(Event):
    """A NIC is gone and its MAC may be used again."""

    type: Literal["VifDeleted.v1"] = "VifDeleted.v1"
    vif_id: str
    mac: str
    instance_uuid: str
    network_id: str
    host: str


class InstanceDeleted(Event):
    """An instance has no networking any more."""

    type: Literal["InstanceDeleted.v1"] = "InstanceDeleted.v1"
    instance_uuid: str
    project_id: str
    host: str
