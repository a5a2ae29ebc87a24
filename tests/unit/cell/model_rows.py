"""What the obvious model keeps: one row for every address of a network, and one for every floating one."""

from dataclasses import dataclass, field
from typing import Any

from events.networks import CreateNetworks

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
    def free(self) -> bool:
        """Whether it may be handed out."""
        return not self.planned and not self.reserved and self.instance is None and not self.draining


@dataclass
class Net:
    """One network."""

    asked: CreateNetworks
    rows: list[Row]
    project: str | None
    since: int
    """Position since which it belongs to whom it does."""
    host: str | None = None
    epoch: int = 0

    def may_share(self, project: str | None, *, multi_host: bool) -> bool:
        """Whether it may share addresses with a network of a project: two projects' may, no others."""
        theirs = None not in {self.project, project} and self.project != project
        return theirs and not self.asked.multi_host and not multi_host

    def shares(self, other: "Net") -> bool:
        """Whether it has an address of another one."""
        return not {row.address for row in self.rows}.isdisjoint(row.address for row in other.rows)


@dataclass
class Vm:
    """One instance."""

    project: str
    host: str | None
    asked: tuple[Any, ...]
    macs: dict[str, int]
    """MAC by network."""
    epoch: int = 1
    last: str | None = None
    """Host that had it last, while none has."""
    ready: list[str] = field(default_factory=list)
    left: dict[str, int] = field(default_factory=dict)
    """Hosts that have not let go of it, with the position since which they should."""


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
