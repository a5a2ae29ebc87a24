"""Which blocks a host serves: of two that overlap it could serve one only."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from events.addresses import cidr4_bounds, cidr6_bounds
from events.networks import NetworkCreated

_Block = tuple[int, int, int]
"""IP version, first and last address."""


class Served:
    """The blocks of the networks that a host serves, which never overlap."""

    def __init__(self, networks: Iterable[NetworkCreated]) -> None:
        """Take the networks that it serves now."""
        self._blocks = sorted(block for network in networks for block in _blocks(network))

    def overlap(self, network: NetworkCreated) -> bool:
        """Tell whether a network shares addresses with one of them."""
        return any(self._overlap(block) for block in _blocks(network))

    def _overlap(self, block: _Block) -> bool:
        version, first, last = block
        index = bisect_right(self._blocks, (version, last, last)) - 1
        if index < 0 or self._blocks[index][0] != version:
            return False
        return self._blocks[index][2] >= first


def _blocks(network: NetworkCreated) -> Iterator[_Block]:
    if network.cidr is not None:
        yield (4, *cidr4_bounds(network.cidr))
    if network.cidr_v6 is not None:
        yield (6, *cidr6_bounds(network.cidr_v6))
