"""Something with a sentence left out, and how many seeds it survives."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

from events.errors import NetledgerError
from events.model import Event
from projections.cell import apply
from projections.cell.state import CellState
from tests.simulation.parts import Parts
from tests.simulation.plan import draw_plan
from tests.simulation.seeds import FailedSeed, run_seed
from tests.simulation.violation import Violation

SEEDS_MAX = 500
"""Most seeds that a mutant may survive. Most live for a few, the rarest on average for sixty."""


@dataclass(frozen=True)
class Mutant:
    """What is left out, and how."""

    name: str
    parts: Parts = field(default_factory=Parts)
    patches: tuple[tuple[Any, str, Any], ...] = ()
    plan: dict[str, Any] = field(default_factory=dict)
    """What its seeds have in common: the fault that it is blind to."""
    events: dict[type[Event], Callable[[CellState, Any], None]] = field(default_factory=dict)
    """How events are applied instead."""

    def caught_by(self, seed: int) -> str:
        """Return what a seed finds out about it; empty for nothing."""
        plan = draw_plan(Random(seed))._replace(**{"disaster": "none", **self.plan})
        with ExitStack() as stack:
            for module, name, value in self.patches:
                stack.enter_context(patch.object(module, name, value))
            stack.enter_context(patch.dict(apply._APPLY, self.events))  # noqa: SLF001 - what readers apply
            try:
                run_seed(seed, self.parts, plan)
            except FailedSeed as failed:
                if not isinstance(failed.__cause__, Violation | NetledgerError):
                    raise
                return str(failed)
        return ""
