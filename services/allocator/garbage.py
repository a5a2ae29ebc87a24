"""Python's garbage collector, told what an allocator's memory is like.

A cell's state is plain containers without cycles: what is dropped is freed at once by its reference count.
The collector finds nothing there, but by default it walks over all of the state again and again: a third of
the time of a spawn at 20,000 instances, with pauses of 0.3 s that grow with the cell (`docs/adr/0019`).
So it looks at young objects only, twice, in steps of some milliseconds. Cycles that got old (an error that
holds its own traceback, and with it an engine) are looked for when an engine has stepped down, for then
nothing is decided anyway.
"""

import gc

YOUNG_MAX = 5_000
"""New containers after which they are looked at: about two milliseconds of work."""

YOUNG_ROUNDS = 2
"""Rounds of these after which the survivors are looked at a second and last time."""

NEVER = 1_000_000_000


def look_at_young_only() -> None:
    """Set up the collector of this process; called once by the program in which an allocator runs."""
    gc.set_threshold(YOUNG_MAX, YOUNG_ROUNDS, NEVER)


def look_at_everything() -> None:
    """Free what an engine that has stepped down left in cycles."""
    gc.collect()
