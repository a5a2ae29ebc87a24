"""What the obvious model keeps: one row for every address of a network, and one for every floating one."""

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from events.networks import CreateNetworks, NetworkCreated

Answer = tuple[str, str | None] | None
"""Code and field of a refusal; None for a grant."""


@dataclass
class Row:
    """One address. It is free without an instance, unless it is kept or draining."""

    address: str
    planned: bool = False
    """Kept by the network's plan."""
    reserved: bool = False
    """Kept by an admin."""
    server: str | None = None
    """Host whose own address it is, on a multi_host network."""
    instance: str | None = None
    host: str | None = None
    mac: int = 0
    leased: bool = False
    draining: bool = False
    waits_for: set[str] = field(default_factory=set)
    released_seq: int = 0
    deadline_ms: int = 0
    taken: int = 0
    """Position of its allocation."""
    freed: int = 0
    """When it was last freed or unreserved, as a count of all that; 0 if it was never used."""

    @property
    def held(self) -> bool:
        """Whether it is an instance's, or still drains."""
        return self.instance is not None or self.draining

    @property
    def free(self) -> bool:
        """Whether it may be handed out."""
        return not self.planned and not self.reserved and self.server is None and not self.held


@dataclass
class Net:
    """One network."""

    key: str
    asked: CreateNetworks | NetworkCreated
    rows: list[Row]
    project: str | None
    since: int
    """Position since which it belongs to whom it does."""
    host: str | None = None
    epoch: int = 0
    owned: int = 0
    """When its host came to own it, as a count of all that."""
    offered: int = 0
    """When it came to be nobody's, as a count of all that."""
    leaving: str | None = None
    """Host that is still to let go of it."""
    left_seq: int = 0
    heir: str | None = None
    vpn: tuple[str | None, int | None] = (None, None)

    @property
    def blocks(self) -> list[IPv4Network | IPv6Network]:
        """Its blocks of addresses, of one kind or of both."""
        return [ip_network(one) for one in (self.asked.cidr, self.asked.cidr_v6) if one is not None]

    @property
    def vpn_address(self) -> str | None:
        """The address that it keeps for a VPN server."""
        return self.asked.vpn_private_address if isinstance(self.asked, NetworkCreated) else None

    @property
    def has_owner(self) -> bool:
        """Whether one host serves it."""
        return self.asked.kind != "flat" and not self.asked.multi_host

    def seen_by(self, project: str) -> bool:
        """Whether a project may use it: its own, and of nobody's all but VLANs."""
        return self.project == project or (self.project is None and self.asked.kind != "vlan")

    def may_share(self, project: str | None, *, multi_host: bool) -> bool:
        """Whether it may share addresses with a network of a project: two projects' may, no others."""
        theirs = None not in {self.project, project} and self.project != project
        return theirs and not self.asked.multi_host and not multi_host

    def covers(self, block: IPv4Network | IPv6Network) -> bool:
        """Whether it has an address of a block."""
        return any(mine.version == block.version and mine.overlaps(block) for mine in self.blocks)

    def shares(self, other: "Net") -> bool:
        """Whether it has an address of another one."""
        return any(self.covers(block) for block in other.blocks)


@dataclass
class Machine:
    """One host."""

    reaches: set[str]
    lease_s: int
    serves: bool
    """Whether it serves networks."""
    epoch: int = 1
    fenced: bool = False


@dataclass
class Vm:
    """One instance."""

    project: str
    host: str | None
    asked: tuple[Any, ...]
    macs: dict[str, int]
    """MAC by network."""
    v6: dict[str, str] = field(default_factory=dict)
    """Derived address by network."""
    groups: list[str] = field(default_factory=list)
    """Ids of its security groups, in the order in which it joined."""
    lingering: list[tuple[str, int]] = field(default_factory=list)
    """Hosts that let it in by a group that it has left, and until when they may still do so."""
    epoch: int = 1
    last: str | None = None
    """Host that had it last, while none has."""
    ready: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    """Hosts that have not let go of it, with the position since which they should."""

    @property
    def hosts(self) -> set[str]:
        """Every host that may have ports of it."""
        return {*self.ready, *self.left, *([] if self.host is None else [self.host])}


@dataclass
class Floating:
    """One floating address."""

    address: str
    pool: str
    project: str | None = None
    target: Row | None = None
    auto: bool = False
    pointed: int = 0
    """When it came to point where it does, as a count of all that."""
    freed: int = 0


def addresses(block: str) -> list[str]:
    """Return every address of a small block whose last octet only matters."""
    base, length = block.split("/")
    prefix, _, last = base.rpartition(".")
    return [f"{prefix}.{int(last) + step}" for step in range(1 << (32 - int(length)))]
