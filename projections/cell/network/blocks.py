"""Which blocks of addresses networks have, and which of them may not overlap.

Two networks may share addresses only if both belong to projects, different ones, and neither is multi_host.
So a block has an owner, whose other networks may not overlap it; of owner None, no network at all may.
Whether a host would serve two that overlap is another question (`projections.cell.network.overlaps`).

Blocks are CIDR blocks: of two that overlap, one holds the other. So what overlaps a block either begins
inside it, which one bisection finds, or is one of the few larger blocks around it, one for each size that is
in use. Nothing is searched for, however many networks there are.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from projections.cell.address.pool import Range


class Block(NamedTuple):
    """A network's block: first and last address, and whose it is."""

    first: int
    last: int
    network_id: str


class _Index:
    """Blocks by their place; several networks may have the same one."""

    __slots__ = ("_at", "_blocks", "_sizes")

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._at: dict[tuple[int, int], dict[str, Block]] = {}
        self._sizes: dict[int, int] = {}

    @property
    def empty(self) -> bool:
        return not self._blocks

    def add(self, block: Block) -> None:
        size = block.last - block.first + 1
        self._blocks.insert(bisect_left(self._blocks, block), block)
        self._at.setdefault((block.first, size), {})[block.network_id] = block
        self._sizes[size] = self._sizes.get(size, 0) + 1

    def remove(self, block: Block) -> None:
        size = block.last - block.first + 1
        del self._blocks[bisect_left(self._blocks, block)]
        here = self._at[block.first, size]
        del here[block.network_id]
        if not here:
            del self._at[block.first, size]
        self._sizes[size] -= 1
        if not self._sizes[size]:
            del self._sizes[size]

    def overlapping(self, wanted: Range) -> Iterator[Block]:
        for size in self._sizes:
            first = wanted.first - wanted.first % size
            if first < wanted.first:
                yield from self._at.get((first, size), {}).values()
        index = bisect_left(self._blocks, (wanted.last + 1,)) - 1
        while index >= 0 and self._blocks[index].first >= wanted.first:
            yield self._blocks[index]
            index -= 1

    def at(self, address: int) -> Iterator[Block]:
        for size in self._sizes:
            yield from self._at.get((address - address % size, size), {}).values()


class Blocks:
    """The blocks of all networks of a cell, of one IP version."""

    __slots__ = ("_all", "_of")

    def __init__(self) -> None:
        """Begin without networks."""
        self._all = _Index()
        self._of: dict[str | None, _Index] = {}

    def add(self, block: Block, owner: str | None) -> None:
        """Add a block that only networks of other owners may overlap; of owner None, no network at all."""
        self._all.add(block)
        self._of.setdefault(owner, _Index()).add(block)

    def remove(self, block: Block, owner: str | None) -> None:
        """Remove a block that was added for this owner."""
        self._all.remove(block)
        self._of[owner].remove(block)
        if self._of[owner].empty:
            del self._of[owner]

    def conflicts(self, wanted: Range, owner: str | None) -> Iterator[Block]:
        """Yield the blocks that forbid an owner to have this one.

        Larger ones come first, then those that begin in it, from the last to the first.
        """
        if owner is None:
            yield from self._all.overlapping(wanted)
            return
        for mine in (None, owner):
            index = self._of.get(mine)
            if index is not None:
                yield from index.overlapping(wanted)

    def overlapping(self, wanted: Range) -> Iterator[Block]:
        """Yield every block that has an address of this one."""
        yield from self._all.overlapping(wanted)

    def at(self, address: int) -> Iterator[Block]:
        """Yield every block that has an address."""
        yield from self._all.at(address)

    def at_for(self, address: int, owner: str | None) -> Iterator[Block]:
        """Yield the blocks that have an address and are this owner's or nobody's; there are at most a few."""
        for mine in (None,) if owner is None else (owner, None):
            index = self._of.get(mine)
            if index is not None:
                yield from index.at(address)
