"""Which addresses above a pool's watermark have been used: a bitmap that exists only where there are some.

Marking an address and unmarking it cost the same however many are marked; finding the next unmarked one
looks at a block of 1,024 addresses at once.
"""

_BLOCK_BITS = 10
_BLOCK_MASK = (1 << _BLOCK_BITS) - 1


class UsedAddresses:
    """A set of addresses, dense or sparse, that can tell the next address outside it."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        """Begin with no address."""
        self._blocks: dict[int, int] = {}
        """By address divided by the block's length: one bit for each address of the block."""

    def __len__(self) -> int:
        """Return how many blocks are kept, which bounds the memory."""
        return len(self._blocks)

    def add(self, address: int) -> None:
        """Mark an address."""
        block = address >> _BLOCK_BITS
        self._blocks[block] = self._blocks.get(block, 0) | 1 << (address & _BLOCK_MASK)

    def discard(self, address: int) -> None:
        """Unmark an address."""
        block = address >> _BLOCK_BITS
        left = self._blocks.get(block, 0) & ~(1 << (address & _BLOCK_MASK))
        if left:
            self._blocks[block] = left
        else:
            self._blocks.pop(block, None)

    def next_outside(self, address: int) -> int:
        """Return the first address from `address` on that is not marked."""
        while True:
            marked = self._blocks.get(address >> _BLOCK_BITS, 0) >> (address & _BLOCK_MASK)
            ones = (~marked & (marked + 1)).bit_length() - 1
            address += ones
            if not ones or address & _BLOCK_MASK:
                return address

    def forget(self, since: int, until: int) -> None:
        """Drop the blocks from that of `since` up to that of `until`, the last one excluded."""
        if self._blocks:
            for block in range(since >> _BLOCK_BITS, until >> _BLOCK_BITS):
                self._blocks.pop(block, None)

    def internals(self) -> list[tuple[int, str]]:
        """Return every block and its bits in hex, sorted, for digests."""
        return sorted((block, f"{bits:x}") for block, bits in self._blocks.items())
