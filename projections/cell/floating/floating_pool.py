"""A pool of floating IPs: ranges in any order, and the order in which their addresses are handed out.

Nobody asks for a certain floating IP, so never-used addresses are runs that shrink from their start. Taking
the next address and giving one back cost the same however many ranges and addresses there are. Never-used
addresses go first, in the order in which their ranges were created, then the one that has been idle longest
in the whole pool; as for fixed IPs, a long queue of idle ones goes before never-used ones.
"""

from collections import OrderedDict
from collections.abc import Iterator

from events.errors import InvariantBroken
from projections.cell.address.pool import COOL_DOWN_MS, RELEASED_LENGTH_MAX, Range


class FloatingPool:
    """What is free in a pool; who owns the rest is known by address (`CellState.floating_ips`)."""

    __slots__ = ("_fresh", "_released", "capacity")

    def __init__(self) -> None:
        """Begin without addresses."""
        self._fresh: OrderedDict[int, int] = OrderedDict()
        """Last address of each run of never-used ones by its first, in the order of handing out."""
        self._released: OrderedDict[int, int] = OrderedDict()
        """Free used addresses in the order of their release, each with its time in ms."""
        self.capacity = 0
        """How many addresses the pool has, free or not."""

    def add(self, addresses: Range) -> None:
        """Add never-used addresses, behind those that are there; they must be new to the pool."""
        self._fresh[addresses.first] = addresses.last
        self.capacity += addresses.last - addresses.first + 1

    def remove(self, addresses: Range) -> None:
        """Take addresses out of the pool, all of them its own and free."""
        self._cut(addresses)
        count = addresses.last - addresses.first + 1
        if count < len(self._released):
            idle = [one for one in range(addresses.first, addresses.last + 1) if one in self._released]
        else:
            idle = [one for one in self._released if addresses.first <= one <= addresses.last]
        for one in idle:
            del self._released[one]
        self.capacity -= count

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
        for first, last in self._fresh.items():
            yield from range(first, last + 1)

    def take(self, address: int) -> None:
        """Let an address be somebody's.

        Raises:
            InvariantBroken: it is not free.

        """
        if address in self._released:
            del self._released[address]
        elif address == next(iter(self._fresh), None):
            last = self._fresh.pop(address)
            if address < last:
                self._fresh[address + 1] = last
                self._fresh.move_to_end(address + 1, last=False)
        elif any(first <= address <= last for first, last in self._fresh.items()):
            self._cut(Range(address, address))
        else:
            message = f"floating address {address} is held already, or belongs to another pool"
            raise InvariantBroken(message)

    def give_back(self, address: int, now_ms: int) -> None:
        """Make an address free, behind all that have been idle longer."""
        self._released[address] = now_ms

    def _cut(self, addresses: Range) -> None:
        """Take what there is of a range out of the never-used addresses; what is left keeps its place."""
        left: OrderedDict[int, int] = OrderedDict()
        for first, last in self._fresh.items():
            if last < addresses.first or addresses.last < first:
                left[first] = last
                continue
            if first < addresses.first:
                left[first] = addresses.first - 1
            if addresses.last < last:
                left[addresses.last + 1] = last
        self._fresh = left

    def internals(self) -> tuple[object, ...]:
        """Return what decides the order of handing out, for digests."""
        return (self.capacity, list(self._fresh.items()), list(self._released.items()))
