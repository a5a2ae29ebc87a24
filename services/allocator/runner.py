"""The allocator's I/O: reads inputs and ledger, drives the engine, appends what it decides.

One thread, two feeds. While decisions are in flight it waits on the ledger, otherwise on the inputs; so a
batch is whatever came while the last one was on its way, and nothing ever waits for a round trip per command.
When more inputs are there than a batch takes, it waits for nothing.
"""

import random
from collections.abc import Callable
from threading import Event
from time import monotonic, time_ns
from uuid import uuid4

import structlog

from events.errors import LedgerAlarm, LogUnavailable
from events.ids import CommandDraws, Draws
from events.ledger.fold import Alarm
from events.log.ownership import Ownership
from events.log.port import Log
from projections.cell.state import Rules
from services.allocator.engine import CLAIM_PAUSE_MS_MAX, Engine, Phase, Settings
from services.allocator.garbage import look_at_everything
from services.allocator.runner_attempt import BATCH_MAX, Attempt, input_identities
from services.allocator.topics import CellTopics
from services.last_place import LastPlace

__all__ = ["BATCH_MAX", "TICK_S", "Allocator", "CellTopics", "now_ms"]

TICK_S = 0.1
"""How long nothing may come before time is let pass; also the resolution of all time limits."""


def now_ms() -> int:
    """Return the clock in Unix milliseconds."""
    return time_ns() // 1_000_000


class Allocator:
    """Decides for one cell until told to stop; starts over whenever it cannot be sure of its ledger."""

    def __init__(
        self,
        log: Log,
        ownership: Ownership,
        topics: CellTopics,
        rules: Rules,
        *,
        clock_ms: Callable[[], int] = now_ms,
        draws: Callable[[str], Draws] = CommandDraws,
        new_owner: Callable[[], str] = lambda: str(uuid4()),
        claim_pause_ms_max: int = CLAIM_PAUSE_MS_MAX,
    ) -> None:
        """Prepare; nothing is read before `run`."""
        self._log = log
        self._ownership = ownership
        self._topics = topics
        self._rules = rules
        self._clock_ms = clock_ms
        self._draws = draws
        self._new_owner = new_owner
        self._claim_pause_ms_max = claim_pause_ms_max
        self._logger = structlog.get_logger("allocator").bind(cell=topics.cell)
        self._last = LastPlace(log, topics.ledger, topics.cell)
        self.engine: Engine | None = None
        """The current attempt, for status and metrics; None while there is none."""
        self.problem: str | None = None
        """Why there is none."""

    @property
    def ready(self) -> bool:
        """Whether it owns the cell or follows it as a standby."""
        engine = self.engine
        return engine is not None and engine.phase is not Phase.STEPPED_DOWN and engine.state is not None

    @property
    def owning(self) -> bool:
        """Whether it decides."""
        return self.engine is not None and self.engine.phase is Phase.OWNING

    def run(self, stop: Event) -> None:
        """Decide until `stop` is set. May be called again after it has raised.

        Raises:
            LedgerAlarm: the log lost or changed records; it is raised again until an operator has led on.
            LedgerMissing: the ledger was never initialised.

        """
        claim_not_before_ms = 0
        refused: frozenset[tuple[str, int]] = frozenset()
        while not stop.is_set():
            try:
                self._attempt(stop, claim_not_before_ms, refused)
            except LedgerAlarm as alarm:
                if alarm.reason != Alarm.EPOCH_DIVERGED:
                    raise
                self._logger.warning("starting over in a new history epoch")
            except LogUnavailable as error:
                self._logger.warning("the log does not answer; starting over", error=str(error))
                self.engine, self.problem = None, str(error)
            engine = self.engine
            if engine is not None and engine.phase is Phase.STEPPED_DOWN:
                self._logger.warning("stepped down", because=engine.stepped_down_because)
                if engine.poisoned is not None:
                    refused |= {engine.poisoned}
            claim_not_before_ms = self._clock_ms() + self._pause_ms()
            if not stop.wait(TICK_S):
                look_at_everything()

    def _pause_ms(self) -> int:
        return random.randrange(self._claim_pause_ms_max + 1)  # noqa: S311 - spreads claims, guards nothing

    def _attempt(self, stop: Event, claim_not_before_ms: int, refused: frozenset[tuple[str, int]]) -> None:
        """Follow, claim, own, until something makes it step down."""
        self._last.check()
        ledger = self._log.topic(self._topics.ledger.topic)
        inputs = input_identities(self._log, self._topics)
        self.engine = engine = Engine(
            Settings(self._topics.cell, ledger.incarnation, inputs, self._rules),
            new_owner=self._new_owner,
            pause_ms=self._pause_ms,
            claim_not_before_ms=claim_not_before_ms,
            draws=self._draws,
            refused_inputs=refused,
            monotonic_ms=lambda: int(monotonic() * 1000),
        )
        try:
            with Attempt(engine, self._log, self._topics, self._ownership, self._clock_ms) as attempt:
                while not stop.is_set() and engine.phase in {Phase.FOLLOWING, Phase.CLAIMING}:
                    attempt.follow(BATCH_MAX, TICK_S)
                if engine.phase is Phase.OWNING:
                    self._logger.info("owns the cell", term=engine.fold.term, seq=engine.fold.seq)
                    self._own(engine, attempt, stop)
        finally:
            self._last.remember(engine.fold)

    def _own(self, engine: Engine, attempt: Attempt, stop: Event) -> None:
        """Decide until the engine steps down or we are told to stop; what is in flight is judged later."""
        ticked_at = monotonic()
        while not stop.is_set() and engine.phase is Phase.OWNING:
            more = attempt.decide(BATCH_MAX, 0.0 if engine.in_flight else TICK_S)
            attempt.read_back(BATCH_MAX, TICK_S if engine.in_flight and not more else 0.0)
            if monotonic() - ticked_at >= TICK_S:
                ticked_at = monotonic()
                attempt.tick()
