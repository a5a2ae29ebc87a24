"""One network as a host sees it: its definition, its owner, and its addresses if this host must know them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from events.networks import NetworkCreated


@dataclass(slots=True)
class Allocation:
    """An address in use on a network; `leased` while a guest holds it by DHCP."""

    allocation_id: str
    network_id: str
    address: str
    mac: str
    instance_uuid: str
    hostname: str | None
    leased: bool = False


@dataclass(frozen=True, slots=True)
class Floating:
    """A floating IP that points at an allocation; `since` is the position at which it began to."""

    address: str
    interface: str | None
    network_id: str
    allocation_id: str
    fixed_address: str
    instance_uuid: str
    since: int


class NetworkView:
    """A network as this host sees it."""

    __slots__ = ("_allocations", "_floating", "complete", "definition", "epoch", "leaving", "order", "owner")

    def __init__(self, definition: NetworkCreated, order: int) -> None:
        """Begin with a network that nobody serves; `order` counts the cell's networks."""
        self.definition = definition
        self.order = order
        self.owner: str | None = None
        self.epoch = 0
        self.leaving: str | None = None
        """Host that owned it and is not known yet to have let go of it."""
        self.complete = True
        """Whether all addresses in use are known here."""
        self._allocations: dict[str, Allocation] = {}
        self._floating: dict[str, Floating] = {}

    @property
    def allocations(self) -> Mapping[str, Allocation]:
        """Addresses in use, by address; a released one is not among them, even while it drains."""
        return MappingProxyType(self._allocations)

    @property
    def floating(self) -> Mapping[str, Floating]:
        """Floating associations, by floating address."""
        return MappingProxyType(self._floating)

    def hold(self, allocation: Allocation) -> None:
        """Take an address into use."""
        self._allocations[allocation.address] = allocation

    def release(self, address: str, allocation_id: str) -> None:
        """Forget an allocation that has ended."""
        if self.allocation(address, allocation_id) is not None:
            del self._allocations[address]

    def allocation(self, address: str, allocation_id: str) -> Allocation | None:
        """Return an allocation, unless the address is another one's by now."""
        found = self._allocations.get(address)
        return found if found is not None and found.allocation_id == allocation_id else None

    def associate(self, floating: Floating) -> None:
        """Point a floating IP at an allocation."""
        self._floating[floating.address] = floating

    def disassociate(self, address: str, allocation_id: str) -> None:
        """Stop pointing a floating IP at an allocation."""
        found = self._floating.get(address)
        if found is not None and found.allocation_id == allocation_id:
            del self._floating[address]

    def forget_details(self) -> None:
        """Drop what only the network host needs."""
        self.complete = False
        self._allocations.clear()
        self._floating.clear()
