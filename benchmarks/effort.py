"""How much is measured: enough to trust the ratios, or just enough to see that everything still runs."""

from typing import NamedTuple


class Effort(NamedTuple):
    """Sizes of everything that is measured."""

    rounds: int
    """Rounds of everything; what is compared is measured in turns within a round."""
    stream_s: float
    """About how long one open stream lasts; also one round of 64 callers, and of a paced stream."""
    stream_max: int
    """Most commands of one open stream."""
    warm_up: int
    """Commands before the first measurement, which also tell how many to send later."""
    callers: int
    """Callers that take turns, each with one command under way."""
    alone: int
    """Commands of one caller in a round."""
    held: int
    """Addresses that are held when the allocator is started again."""
    large_prefix: int
    """Prefix length of the large network whose pool is filled."""
    pool_rounds: int
    """Rounds at each fill of a pool."""
    pool_spawns: int
    """Spawns of a round at each fill; as many addresses are free in the fullest pool."""
    scale_held: int
    """Held addresses of the large cell."""
    scale_rounds: int
    """Rounds of large and small cell, and of rules on and off."""
    scale_pairs: int
    """Spawns and deletes of a round."""
    scale_counted: int
    """Spawns and deletes whose bytecodes are counted in a round."""
    churns: int
    """Spawns and deletes on one network."""


FULL = Effort(
    rounds=5,
    stream_s=2.5,
    stream_max=40_000,
    warm_up=4_000,
    callers=64,
    alone=300,
    held=100_000,
    large_prefix=8,
    pool_rounds=40,
    pool_spawns=32,
    scale_held=1_000_000,
    scale_rounds=15,
    scale_pairs=400,
    scale_counted=5,
    churns=1_000_000,
)

QUICK = Effort(
    rounds=1,
    stream_s=0.2,
    stream_max=500,
    warm_up=200,
    callers=8,
    alone=20,
    held=2_000,
    large_prefix=20,
    pool_rounds=2,
    pool_spawns=2,
    scale_held=4_000,
    scale_rounds=2,
    scale_pairs=10,
    scale_counted=1,
    churns=200,
)
