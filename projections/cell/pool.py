"""A pool of addresses: what is used is stored, never a row per address.

Taking the next address, taking a specific one and giving one back cost the same whatever the size of the pool
and however full it is: a watermark below which every address has been used at least once, runs of addresses
that were taken by name above it, and a queue of free used addresses in the order of their release. Never-used
addresses go first, then the one that has been idle longest (nova's `32b4ce0e92`, and its bug 1532809: an
address that is handed straight back meets its last holder's leases and caches).

A reserved address is in neither queue: it is as if taken, but held by nobody. One that is reserved while
somebody holds it is kept out when it is given back.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from events.errors import InvariantBroken

RELEASED_LENGTH_MAX = 65_536
"""Free used addresses remembered before they are reused ahead of never-used ones: it bounds the memory."""

COOL_DOWN_MS = 30_000
"""An address must have been free this long to be reused ahead of never-used ones."""

Holder = TypeVar("Holder")


class Range(NamedTuple):
    """Addresses from `first` to `last`, both included, as integers."""

    first: int
    last: int


class AddressPool(Generic[Holder]):
    """Addresses of one network or floating pool, each free or held by one holder."""

    __slots__ = (
        "_fresh",
        "_fresh_range",
        "_ranges",
        "_released",
        "_run_ends",
        "_runs",
        "_starts",
        "_withheld",
        "capacity",
        "held",
        "reserved",
    )

    def __init__(self, ranges: tuple[Range, ...]) -> None:
        """Hold `ranges`, which must be ascending and disjoint."""
        self._ranges: list[Range] = []
        self._starts: list[int] = []
        self._fresh_range = 0
        """Index of the range in which the watermark is."""
        self._fresh = 0
        """The watermark: below it, in its range and all before, every address has been used."""
        self._runs: dict[int, int] = {}
        self._run_ends: dict[int, int] = {}
        self._released: OrderedDict[int, int] = OrderedDict()
        self.held: dict[int, Holder] = {}
        self.reserved: set[int] = set()
        """Addresses that are never handed out, held by somebody or not."""
        self._withheld = 0
        """How many reserved addresses nobody holds."""
        self.capacity = 0
        for addresses in ranges:
            self.add_range(addresses)

    def add_range(self, addresses: Range) -> None:
        """Add addresses behind all others in the order of handing out; they must lie above them."""
        if addresses.first > addresses.last or (self._ranges and addresses.first <= self._ranges[-1].last):
            message = f"range {addresses} is empty or does not follow {self._ranges[-1:]}"
            raise InvariantBroken(message)
        if not self._ranges:
            self._fresh = addresses.first
        self._ranges.append(addresses)
        self._starts.append(addresses.first)
        self.capacity += addresses.last - addresses.first + 1
        self._skip_to_next_range()

    @property
    def free(self) -> int:
        """How many addresses can be taken now."""
        return self.capacity - len(self.held) - self._withheld

    def __contains__(self, address: int) -> bool:
        """Return whether an address belongs to the pool, free or not."""
        index = bisect_right(self._starts, address) - 1
        return index >= 0 and address <= self._ranges[index].last

    def candidates(self, now_ms: int) -> Iterator[int]:
        """Yield free addresses in the order in which they are to be taken."""
        crowded = len(self._released) > RELEASED_LENGTH_MAX
        if crowded and next(iter(self._released.values())) + COOL_DOWN_MS <= now_ms:
            yield from self._released
            yield from self._never_used()
        else:
            yield from self._never_used()
            yield from self._released

    def _never_used(self) -> Iterator[int]:
        index, address = self._fresh_range, self._fresh
        while index < len(self._ranges):
            if address > self._ranges[index].last:
                index += 1
                if index < len(self._ranges):
                    address = max(address, self._ranges[index].first)
            elif (run_end := self._runs.get(address)) is not None:
                address = run_end + 1
            else:
                yield address
                address += 1

    def take(self, address: int, holder: Holder) -> None:
        """Let `holder` hold an address.

        Raises:
            InvariantBroken: it does not belong to the pool, is reserved, or somebody holds it.

        """
        if address in self.held or address in self.reserved or address not in self:
            message = f"address {address} is held already, reserved, or outside its pool"
            raise InvariantBroken(message)
        self.held[address] = holder
        self._withdraw(address)

    def _withdraw(self, address: int) -> None:
        """Take a free address out of what is to be handed out."""
        if address in self._released:
            del self._released[address]
        else:
            self._touch(address)

    def _touch(self, address: int) -> None:
        """Remember that a never-used address has been used; move the watermark over every run it meets."""
        start = end = address
        if address - 1 in self._run_ends:
            start = self._run_ends.pop(address - 1)
        if address + 1 in self._runs:
            end = self._runs.pop(address + 1)
        self._runs[start] = end
        self._run_ends[end] = start
        if start == self._fresh:
            del self._runs[start]
            del self._run_ends[end]
            self._fresh = end + 1
            self._skip_to_next_range()

    def _skip_to_next_range(self) -> None:
        last = len(self._ranges) - 1
        while self._fresh_range < last and self._fresh > self._ranges[self._fresh_range].last:
            self._fresh_range += 1
            self._fresh = max(self._fresh, self._ranges[self._fresh_range].first)
            run_end = self._runs.pop(self._fresh, None)
            if run_end is not None:
                del self._run_ends[run_end]
                self._fresh = run_end + 1

    def give_back(self, address: int, now_ms: int) -> Holder:
        """Make an address free, behind all that have been idle longer, and return who held it.

        A reserved one is then held by nobody, and not free.

        Raises:
            InvariantBroken: nobody holds it.

        """
        if address not in self.held:
            message = f"address {address} is given back but nobody holds it"
            raise InvariantBroken(message)
        if address in self.reserved:
            self._withheld += 1
        else:
            self._released[address] = now_ms
        return self.held.pop(address)

    def reserve(self, address: int) -> None:
        """Never hand out an address from now on, whoever holds it.

        Raises:
            InvariantBroken: it does not belong to the pool or is reserved.

        """
        if address in self.reserved or address not in self:
            message = f"address {address} is reserved already or outside its pool"
            raise InvariantBroken(message)
        self.reserved.add(address)
        if address not in self.held:
            self._withheld += 1
            self._withdraw(address)

    def unreserve(self, address: int, now_ms: int) -> None:
        """Let an address be handed out again, after those that have been idle longer.

        Raises:
            InvariantBroken: it is not reserved.

        """
        if address not in self.reserved:
            message = f"address {address} is unreserved but was not reserved"
            raise InvariantBroken(message)
        self.reserved.remove(address)
        if address not in self.held:
            self._withheld -= 1
            self._released[address] = now_ms

    def internals(self) -> tuple[object, ...]:
        """Return what decides the order of handing out, for digests."""
        return (self._fresh_range, self._fresh, sorted(self._runs.items()), list(self._released.items()))
