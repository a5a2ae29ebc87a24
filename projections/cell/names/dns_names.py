"""Domains and entries as a cell keeps them, each found by what it is asked for by."""

from dataclasses import dataclass
from typing import NamedTuple

from events.dns import Scope
from events.errors import InvariantBroken


@dataclass(slots=True)
class Domain:
    """A registered domain."""

    name: str
    scope: Scope
    availability_zone: str | None
    project_id: str | None


class Entry(NamedTuple):
    """A name and its address; the allocation's id where an instance is what it stands for."""

    domain: str
    name: str
    address: int
    allocation_id: str | None

    @property
    def full_name(self) -> str:
        """The name with its domain."""
        return full_name(self.name, self.domain)


def full_name(name: str, domain: str) -> str:
    """Return a name with its domain."""
    return f"{name}.{domain}"


class Names:
    """All domains and entries of a cell. One full name has one address, whatever domains it is told of in."""

    __slots__ = ("domains", "entries", "of_address", "of_allocation", "of_domain")

    def __init__(self) -> None:
        """Begin without any."""
        self.domains: dict[str, Domain] = {}
        self.entries: dict[str, Entry] = {}
        """By full name."""
        self.of_domain: dict[str, dict[str, None]] = {}
        """Full names by domain, registered or not; in order of creation, like the next two."""
        self.of_address: dict[int, dict[str, None]] = {}
        """Full names by floating IP."""
        self.of_allocation: dict[str, dict[str, None]] = {}
        """Full names by the allocation that they stand for."""

    def add(self, entry: Entry) -> None:
        """Let a name stand for an address.

        Raises:
            InvariantBroken: it stands for one already.

        """
        name = entry.full_name
        if name in self.entries:
            message = f"name {name} has two addresses"
            raise InvariantBroken(message)
        self.entries[name] = entry
        self.of_domain.setdefault(entry.domain, {})[name] = None
        if entry.allocation_id is None:
            self.of_address.setdefault(entry.address, {})[name] = None
        else:
            self.of_allocation.setdefault(entry.allocation_id, {})[name] = None

    def remove(self, name: str) -> Entry:
        """Forget a full name.

        Raises:
            KeyError: it stands for nothing.

        """
        entry = self.entries.pop(name)
        _forget(self.of_domain, entry.domain, name)
        if entry.allocation_id is None:
            _forget(self.of_address, entry.address, name)
        else:
            _forget(self.of_allocation, entry.allocation_id, name)
        return entry

    def narrower_domain(self, name: str, domain: str) -> str | None:
        """Return the registered domain inside `domain` in which a name of it would lie."""
        labels = name.split(".")
        for at in range(len(labels)):
            inner = full_name(".".join(labels[at:]), domain)
            if inner in self.domains:
                return inner
        return None


def _forget(index: dict[str, dict[str, None]] | dict[int, dict[str, None]], key: object, name: str) -> None:
    names = index[key]  # type: ignore[index]  # the key is of the index's own kind
    del names[name]
    if not names:
        del index[key]  # type: ignore[arg-type]  # likewise
