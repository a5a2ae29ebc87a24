"""Networks: created, deleted, claimed by a network host (nova-network.md sections 2.1, 4, 5)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from events.model import (
    Cidr4,
    Cidr6,
    Command,
    Event,
    Flag,
    Interface,
    Ipv4,
    Ipv6,
    Label,
    Message,
    Name,
    ProjectId,
    Report,
    Uuid,
)

Kind = Literal["flat", "flatdhcp", "vlan"]
Mtu = Annotated[int, Strict(), Field(ge=68, le=65535)]

DEFAULT_PHYSICAL_NETWORK = "default"

LABEL_LENGTH_MAX = 255

NETWORK_SIZE_MIN = 8
"""Addresses of the smallest network: its own, gateway and broadcast address, and some for guests."""

VLAN_ID_MAX = 4094
"""Highest VLAN id (IEEE 802.1Q: 4095 is reserved)."""

VPN_PORT_MAX = 65535

NETWORKS_PER_COMMAND_MAX = VLAN_ID_MAX
"""As many as there are VLANs; their records stay below `RECORD_BYTES_MAX`."""

VlanId = Annotated[int, Strict(), Field(ge=1, le=VLAN_ID_MAX)]
Port = Annotated[int, Strict(), Field(ge=1, le=VPN_PORT_MAX)]


class CreateNetworks(Command):
    """Create one network or several, all or none, with their complete address plans (nova's create_networks).

    With `num_networks` above 1, the label of each gets its index (`label_0`), and what can be of one network
    only must be left out: uuid, bridge, vlan, gateway, gateway_v6, dhcp_server, allowed_start, allowed_end,
    fixed_cidr.
    """

    subject_field: ClassVar[str] = "label"

    type: Literal["CreateNetworks.v1"] = "CreateNetworks.v1"
    kind: Kind
    label: Label
    cidr: Cidr4 | None = None
    """The network's block, or what its networks take theirs from: the first free ones from its start. None
    for networks of IPv6 alone."""
    cidr_v6: Cidr6 | None = None
    """Block that each network takes a /64 of: the first free ones from its start."""
    num_networks: Annotated[int, Strict(), Field(ge=1, le=NETWORKS_PER_COMMAND_MAX)] | None = None
    """How many networks; one when left out."""
    network_size: Annotated[int, Strict(), Field(ge=NETWORK_SIZE_MIN, le=1 << 32)] | None = None
    """Addresses of each network, rounded up to a power of two. An equal share of the block, rounded down to
    one, when left out."""
    ipam: Flag = False
    """Take the blocks exactly as given, as one network, whatever num_networks and network_size say."""
    uuid: Uuid | None = None
    """Identity of the network; drawn from the command when left out."""
    gateway: Ipv4 | None = None
    """First address of the block when left out; may be an external router."""
    gateway_v6: Ipv6 | None = None
    """First address of the /64 when left out; may be a link-local one."""
    dhcp_server: Ipv4 | None = None
    """The gateway when left out."""
    enable_dhcp: Flag = True
    dns1: Ipv4 | None = None
    dns2: Ipv4 | None = None
    bridge: Interface | None = None
    """Bridge on every host of the network; named after the network's id when left out. That of a VLAN is
    always `br<vlan>`."""
    bridge_interface: Interface | None = None
    """Physical interface to enslave, or to make the VLAN on; none for a network that lives on one host."""
    vlan: VlanId | None = None
    """VLAN id; the next free one when left out."""
    vlan_start: VlanId | None = None
    """Lowest VLAN id to take; nova's default when left out."""
    vpn_start: Port | None = None
    """Lowest VPN port to take; nova's default when left out."""
    vpn_public_address: Ipv4 | None = None
    """Address at which the VPN servers of VLANs are reached from outside."""
    cnt_vpn_clients: Annotated[int, Strict(), Field(ge=0, le=1 << 16)] | None = None
    """Addresses at a VLAN's end that are kept for clients of its VPN; none when left out."""
    mtu: Mtu | None = None
    allowed_start: Ipv4 | None = None
    allowed_end: Ipv4 | None = None
    fixed_cidr: Cidr4 | None = None
    """Part of the block whose addresses alone are handed out, but for its first two (VLAN: three) and its
    last one."""
    project_id: ProjectId | None = None
    """Restricts the network to one project."""
    physical_network: Name = DEFAULT_PHYSICAL_NETWORK
    multi_host: Flag = False
    """Every host of an instance is the network host for its own instances."""
    share_address: Flag = False
    """All hosts of a multi_host network use one DHCP address."""
    injected: Flag = False
    """The guest's network configuration is written into its disk."""
    rxtx_base: Annotated[int, Strict(), Field(ge=0, le=(1 << 31) - 1)] | None = None
    """Base of a NIC's bandwidth (`rxtx_cap`), multiplied by its instance's rxtx_factor."""
    priority: Annotated[int, Strict(), Field(ge=-(1 << 31), le=(1 << 31) - 1)] | None = None
    """Kept for the operator; nothing is decided by it, as in nova."""


class DeleteNetwork(Command):
    """Delete a network that nothing uses (nova's delete_network)."""

    subject_field: ClassVar[str] = "network_id"

    type: Literal["DeleteNetwork.v1"] = "DeleteNetwork.v1"
    network_id: Uuid
    require_disassociated: Flag = True
    """Refuse while the network is restricted to a project."""


class ChangeVpn(Command):
    """Change where the VPN of a project's VLAN networks is reached from outside (nova-manage vpn change)."""

    subject_field: ClassVar[str] = "project_id"

    type: Literal["ChangeVpn.v1"] = "ChangeVpn.v1"
    project_id: ProjectId
    vpn_public_address: Ipv4
    vpn_public_port: Port


class ClaimNetwork(Report):
    """A host asks to become the network host of a network it reaches (nova's set_network_hosts)."""

    type: Literal["ClaimNetwork.v1"] = "ClaimNetwork.v1"
    network_id: Uuid | None = None
    """The one that has been without an owner for longest, of those it reaches, when left out."""


class AddressRange(Message):
    """Addresses from `first` to `last`, both included."""

    first: Annotated[str, Field(json_schema_extra={"format": "ipv4"})]
    last: Annotated[str, Field(json_schema_extra={"format": "ipv4"})]


class NetworkCreated(Event):
    """A network exists, with its complete address plan: nova's fields in nova's order, then ours.

    A network of IPv6 alone has no `cidr`, nor anything else of IPv4, and hands out no addresses.
    """

    type: Literal["NetworkCreated.v1"] = "NetworkCreated.v1"
    network_id: str
    kind: Kind
    label: str
    injected: bool = False
    cidr: str | None = None
    netmask: str | None = None
    broadcast: str | None = None
    gateway: str | None = None
    dhcp_start: str | None = None
    dhcp_server: str | None = None
    enable_dhcp: bool
    share_address: bool = False
    cidr_v6: str | None = None
    gateway_v6: str | None = None
    netmask_v6: str | None = None
    """Prefix length, as nova kept it."""
    multi_host: bool = False
    bridge: str
    bridge_interface: str | None = None
    vlan: int | None = None
    mtu: int | None = None
    dns1: str | None = None
    dns2: str | None = None
    vpn_public_address: str | None = None
    vpn_public_port: int | None = None
    vpn_private_address: str | None = None
    rxtx_base: int | None = None
    project_id: str | None = None
    """The project that it belonged to when it was created."""
    priority: int | None = None
    physical_network: str
    reserved: tuple[AddressRange, ...]
    """Addresses of `cidr` that are never handed out, in order, not overlapping."""


class NetworkVpnChanged(Event):
    """The VPN of a network is reached elsewhere from outside."""

    type: Literal["NetworkVpnChanged.v1"] = "NetworkVpnChanged.v1"
    network_id: str
    vpn_public_address: str
    vpn_public_port: int


class NetworkDeleted(Event):
    """A network is gone; creating its block again makes another network."""

    type: Literal["NetworkDeleted.v1"] = "NetworkDeleted.v1"
    network_id: str


class NetworkClaimed(Event):
    """A host owns the network's gateway, DHCP and NAT from now on."""

    type: Literal["NetworkClaimed.v1"] = "NetworkClaimed.v1"
    network_id: str
    host: str
    epoch: int
    """Counts the owners of this network, from 1."""
