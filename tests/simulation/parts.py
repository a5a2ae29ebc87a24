"""What a world is built from. A mutant replaces one part by one that leaves something out."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from events.ids import uuid7
from events.ledger.fold import LedgerFold
from services.allocator.engine import CLAIM_PAUSE_MS_MAX, Engine
from services.allocator.runner_attempt import Attempt
from tests.simulation.caller import Caller
from tests.simulation.host import Host
from tests.simulation.reader import CellReader


def fresh_owner(_name: str, rng: Random) -> str:
    """Return an owner id that nobody had before (S1)."""
    return uuid7(0, rng.getrandbits(74))


def random_pause(rng: Random) -> int:
    """Return how long a node waits before it claims again."""
    return rng.randrange(CLAIM_PAUSE_MS_MAX + 1)


@dataclass(frozen=True)
class Parts:
    """The classes and draws under test."""

    engine: type[Engine] = Engine
    fold: type[LedgerFold] = LedgerFold
    attempt: type[Attempt] = Attempt
    caller: type[Caller] = Caller
    host: type[Host] = Host
    reader: type[CellReader] = CellReader
    new_owner: Callable[[str, Random], str] = fresh_owner
    pause_ms: Callable[[Random], int] = random_pause
