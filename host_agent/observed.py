"""What is there on a host: plain values that are compared with the plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from projections.host_nat import Chain, Elements

MARK = "netledger:"
"""Begins the alias of every interface of ours; kind and id follow."""
BRIDGE_MARK = f"{MARK}network:"
LINK_GROUP = 0x4E4C
"""Link group of interfaces of ours ("NL"). It is set with the creation, the alias only after it."""
ADDRESS_LABEL = "netledger"
"""Label of floating IPs that we bound to an interface which is not ours."""


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface."""

    index: int
    name: str
    kind: str | None
    mac: str
    mtu: int
    up: bool
    master: int
    """Index of the bridge it is a port of; 0: of none."""
    alias: str | None
    group: int

    @property
    def is_ours(self) -> bool:
        """Tell whether we made it; where its maker died before giving it its alias, the group tells."""
        return self.group == LINK_GROUP or (self.alias or "").startswith(MARK)


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 address of an interface, as `10.0.0.1/24`."""

    interface: str
    address: str
    label: str


@dataclass(frozen=True, slots=True)
class NatTable:
    """Our nftables table as the kernel has it."""

    chains: tuple[Chain, ...]
    maps: Mapping[str, tuple[str, ...]]
    """Types of each map's key."""
    elements: Elements


@dataclass(frozen=True, slots=True)
class DhcpProcess:
    """A running dnsmasq of ours, and what it was started with."""

    pid: int
    generation: str
    """Digest of the files that it reads only at its start."""
    interface_index: int


@dataclass(frozen=True, slots=True)
class DhcpDirectory:
    """The directory of one network's DHCP service."""

    process: DhcpProcess | None
    hosts: frozenset[str]
    """All dhcp-host lines that the process has read, if it runs."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything of a host that the plan speaks about."""

    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    nat: NatTable | None = None
    dhcp: Mapping[str, DhcpDirectory] = field(default_factory=dict)
    """By network id."""
