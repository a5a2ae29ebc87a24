"""A pool of addresses: what is used is stored, never a row per address.

Taking the next address, taking a specific one and giving one back cost the same whatever the size of the pool
and however full it is: a watermark below which every address has been used at least once, a bitmap of those
that were taken by name above it, and a queue of free used addresses in the order of their release. Never-used
addresses go first, then the one that has been idle longest (nova's `32b4ce0e92`, and its bug 1532809: an
address that is handed straight back meets its last holder's leases and caches).

Of free addresses above the watermark so many are remembered and no more; then the one idle longest counts as
never used again. So the memory is bounded by what is held, whatever addresses callers name.

A reserved address is in neither queue: it is as if taken, but held by nobody. One that is reserved while
somebody holds it is kept out when it is given back.
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from events.errors import InvariantBroken
from projections.cell.address.used import UsedAddresses

RELEASED_LENGTH_MAX = 65_536
"""Free used addresses remembered before they are reused ahead of never-used ones, or, if they were taken by
name, count as never used again: it bounds the memory."""

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
        "_released_above",
        "_starts",
        "_used_above",
        "_withheld",
        "apart",
        "capacity",
        "held",
        "kept",
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
        self._used_above = UsedAddresses()
        """Those above the watermark that are held, reserved or released."""
        self._released: OrderedDict[int, int] = OrderedDict()
        self._released_above: OrderedDict[int, None] = OrderedDict()
        """Those of `_released` that were above the watermark when they were released, in the same order."""
        self.held: dict[int, Holder] = {}
        self.apart: set[int] = set()
        """Held addresses that do not belong to the pool."""
        self.reserved: set[int] = set()
        """Addresses that are never handed out, held by somebody or not."""
        self.kept: set[int] = set()
        """Addresses that hosts hold for themselves."""
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
        return self.capacity - len(self.held) + len(self.apart) - self._withheld - len(self.kept)

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
            address = self._used_above.next_outside(max(address, self._ranges[index].first))
            if address > self._ranges[index].last:
                index += 1
            else:
                yield address
                address += 1

    def take(self, address: int, holder: Holder) -> None:
        """Let `holder` hold an address.

        Raises:
            InvariantBroken: it does not belong to the pool, is reserved, or somebody holds it.

        """
        self._check_free(address)
        self.held[address] = holder
        self._withdraw(address)

    def keep(self, address: int) -> None:
        """Let a host hold an address for itself.

        Raises:
            InvariantBroken: it does not belong to the pool, is reserved, or somebody holds it.

        """
        self._check_free(address)
        self.kept.add(address)
        self._withdraw(address)

    def give_up(self, address: int, now_ms: int) -> None:
        """Let a host hold an address no longer, as `give_back` does.

        Raises:
            InvariantBroken: no host holds it.

        """
        if address not in self.kept:
            message = f"address {address} is given up but no host holds it"
            raise InvariantBroken(message)
        self.kept.remove(address)
        if address in self.reserved:
            self._withheld += 1
        else:
            self._set_free(address, now_ms)

    def _check_free(self, address: int) -> None:
        taken = address in self.held or address in self.kept
        if taken or address in self.reserved or address not in self:
            message = f"address {address} is held already, reserved, or outside its pool"
            raise InvariantBroken(message)

    def take_apart(self, address: int, holder: Holder) -> None:
        """Let `holder` hold an address that the pool never hands out by itself.

        Raises:
            InvariantBroken: it belongs to the pool, or somebody holds it.

        """
        if address in self.held or address in self:
            message = f"address {address} is held already, or one of its pool"
            raise InvariantBroken(message)
        self.held[address] = holder
        self.apart.add(address)

    def _withdraw(self, address: int) -> None:
        """Take a free address out of what is to be handed out."""
        if address in self._released:
            del self._released[address]
            self._released_above.pop(address, None)
        elif address == self._fresh:
            self._advance()
        else:
            self._used_above.add(address)

    def _advance(self) -> None:
        """Move the watermark to the next address that was never used."""
        fresh = self._used_above.next_outside(self._fresh + 1)
        self._used_above.forget(self._fresh, fresh)
        self._fresh = fresh
        self._skip_to_next_range()

    def _skip_to_next_range(self) -> None:
        last = len(self._ranges) - 1
        while self._fresh_range < last and self._fresh > self._ranges[self._fresh_range].last:
            self._fresh_range += 1
            self._fresh = self._used_above.next_outside(self._ranges[self._fresh_range].first)

    def _set_free(self, address: int, now_ms: int) -> None:
        """Put a used address behind all that have been idle longer."""
        self._released[address] = now_ms
        if address > self._fresh:
            self._released_above[address] = None
            if len(self._released_above) > RELEASED_LENGTH_MAX:
                self._forget_longest_idle()

    def _forget_longest_idle(self) -> None:
        """Let the address above the watermark that has been idle longest count as never used again."""
        address, _ = self._released_above.popitem(last=False)
        if address > self._fresh:
            del self._released[address]
            self._used_above.discard(address)

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
        elif address in self.apart:
            self.apart.remove(address)
        else:
            self._set_free(address, now_ms)
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
        if address not in self.held and address not in self.kept:
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
        if address not in self.held and address not in self.kept:
            self._withheld -= 1
            self._set_free(address, now_ms)

    def internals(self) -> tuple[object, ...]:
        """Return what decides the order of handing out, for digests."""
        return (
            *(self._fresh_range, self._fresh, self._used_above.internals()),
            *(list(self._released.items()), list(self._released_above)),
        )

    @property
    def remembered(self) -> int:
        """How many entries are kept about addresses that nobody holds: what bounds the memory."""
        return len(self._released) + len(self._released_above) + len(self._used_above)
