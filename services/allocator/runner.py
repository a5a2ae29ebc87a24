"""The allocator's I/O: reads inputs and ledger, drives the engine, appends what it decides.

One thread, two feeds. While decisions are in flight it waits on the ledger, otherwise on the inputs; so a
batch is whatever came while the last one was on its way, and nothing ever waits for a round trip per command.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from threading import Event
from time import monotonic, time_ns
from uuid import uuid4

import structlog

from events.errors import LedgerAlarm, LogError, LogUnavailable, OffsetOutOfRange
from events.ids import CommandDraws, Draws
from events.ledger.fold import Alarm
from events.ledger.follow import CHECK_INTERVAL_S, check_position, struck_out
from events.log.ownership import Ownership
from events.log.port import Appender, Feed, Log, LogRecord, TopicPartition
from events.record import InputIdentity
from projections.cell.state import Rules
from services.allocator.engine import CLAIM_PAUSE_MS_MAX, Engine, Phase, Settings
from services.allocator.inputs import InputName

TICK_S = 0.1
"""How long nothing may come before time is let pass; also the resolution of all time limits."""

BATCH_MAX = 500
"""Records taken from a feed at once."""

INPUTS: tuple[InputName, ...] = ("commands", "reports")


def now_ms() -> int:
    """Return the clock in Unix milliseconds."""
    return time_ns() // 1_000_000


class CellTopics:
    """Where a cell's records are: one partition of each topic, named by us."""

    def __init__(self, cell: str, partition: int = 0, prefix: str = "netledger") -> None:
        """Name the topics `<prefix>.ledger`, `<prefix>.commands`, `<prefix>.reports`."""
        self.cell = cell
        self.ledger = TopicPartition(f"{prefix}.ledger", partition)
        self.commands = TopicPartition(f"{prefix}.commands", partition)
        self.reports = TopicPartition(f"{prefix}.reports", partition)

    def input(self, name: InputName) -> TopicPartition:
        """Return the partition of an input."""
        return self.commands if name == "commands" else self.reports


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
        self.engine: Engine | None = None
        """The current attempt, for status and metrics."""

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
        """Decide until `stop` is set.

        Raises:
            LedgerAlarm: the log lost or changed records; the cell stays stopped until an operator has looked.
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
            engine = self.engine
            if engine is not None and engine.phase is Phase.STEPPED_DOWN:
                self._logger.warning("stepped down", because=engine.stepped_down_because)
                if engine.poisoned is not None:
                    refused |= {engine.poisoned}
            claim_not_before_ms = self._clock_ms() + self._pause_ms()
            stop.wait(TICK_S)

    def _pause_ms(self) -> int:
        return random.randrange(self._claim_pause_ms_max + 1)  # noqa: S311 - spreads claims, guards nothing

    def _attempt(self, stop: Event, claim_not_before_ms: int, refused: frozenset[tuple[str, int]]) -> None:
        """Follow, claim, own, until something makes it step down."""
        engine = Engine(
            self._settings(),
            new_owner=self._new_owner,
            pause_ms=self._pause_ms,
            claim_not_before_ms=claim_not_before_ms,
            draws=self._draws,
            refused_inputs=refused,
        )
        self.engine = engine
        with ExitStack() as stack:
            ledger = self._log.follow({self._topics.ledger: 0})
            stack.callback(ledger.close)
            appender = self._log.appender(self._topics.ledger)
            stack.callback(appender.close)
            try:
                self._follow(engine, ledger, appender, stop)
            except OffsetOutOfRange as error:
                raise self._truncated(error) from error
            if engine.phase is Phase.OWNING:
                self._logger.info("owns the cell", term=engine.fold.term, seq=engine.fold.seq)
                inputs = self._open_inputs(engine)
                stack.callback(inputs.close)
                self._own(engine, ledger, inputs, appender, stop)

    def _truncated(self, error: OffsetOutOfRange) -> LedgerAlarm:
        message = f"The ledger of cell {self._topics.cell!r} is shorter than what was read of it: {error}"
        return LedgerAlarm(Alarm.LOG_TRUNCATED, message)

    def _settings(self) -> Settings:
        identities = []
        for name in INPUTS:
            topic = self._log.topic(self._topics.input(name).topic)
            identities.append(
                InputIdentity(
                    name=name, topic=topic.name, incarnation=topic.incarnation, partitions=topic.partitions
                )
            )
        ledger = self._log.topic(self._topics.ledger.topic)
        return Settings(self._topics.cell, ledger.incarnation, tuple(identities), self._rules)

    def _follow(self, engine: Engine, ledger: Feed, appender: Appender, stop: Event) -> None:
        """Fold the ledger and stay at its end until our claim is judged valid."""
        end = self._log.bounds(self._topics.ledger).end
        checked_at = monotonic()
        while not stop.is_set() and engine.phase in {Phase.FOLLOWING, Phase.CLAIMING}:
            caught_up = engine.fold.next_offset >= end
            records = ledger.poll(BATCH_MAX, TICK_S if caught_up else 1.0)
            self._read_ledger(engine, records)
            engine.tick(
                self._clock_ms(), assigned=self._ownership.assigned(), caught_up=caught_up and not records
            )
            self._append(engine, appender)
            checked_at = self._check_now_and_then(engine, checked_at)

    def _own(self, engine: Engine, ledger: Feed, inputs: Feed, appender: Appender, stop: Event) -> None:
        """Decide until the engine steps down or we are told to stop; what is in flight is then judged."""
        checked_at = monotonic()
        ticked_at = monotonic()
        while not stop.is_set() and engine.phase is Phase.OWNING:
            if engine.room:
                idle = not engine.in_flight
                self._read_inputs(engine, inputs.poll(min(engine.room, BATCH_MAX), TICK_S if idle else 0.0))
                self._append(engine, appender)
            self._read_ledger(engine, ledger.poll(BATCH_MAX, TICK_S if engine.in_flight else 0.0))
            if monotonic() - ticked_at >= TICK_S:
                ticked_at = monotonic()
                engine.tick(self._clock_ms(), assigned=self._ownership.assigned(), caught_up=True)
                self._append(engine, appender)
                checked_at = self._check_now_and_then(engine, checked_at)

    def _open_inputs(self, engine: Engine) -> Feed:
        """Resume the inputs after the last decided ones, and make sure that they are still the same (S12)."""
        positions: dict[TopicPartition, int] = {}
        for name in INPUTS:
            where = self._topics.input(name)
            bounds = self._log.bounds(where)
            last = engine.resume_offset(name) - 1
            there = self._log.read(where, last, 1) if bounds.start <= last < bounds.end else ()
            engine.check_resume(name, bounds.start, there[0] if there else None)
            positions[where] = engine.resume_offset(name)
        return self._log.follow(positions)

    def _read_inputs(self, engine: Engine, records: Sequence[LogRecord]) -> None:
        now = self._clock_ms()
        for name in INPUTS:
            where = self._topics.input(name)
            batch = [record for record in records if record.where == where]
            if batch:
                engine.read_input(name, batch, now)

    def _read_ledger(self, engine: Engine, records: Sequence[LogRecord]) -> None:
        try:
            engine.read_ledger(records, self._clock_ms())
        except LedgerAlarm:
            struck = struck_out(self._log, self._topics.ledger, engine.fold)
            if struck is None:
                raise
            engine.fold.strike_out(struck)
            self._read_ledger(engine, [record for record in records if record.offset >= struck.start])

    def _append(self, engine: Engine, appender: Appender) -> None:
        appends = engine.take_appends()
        try:
            if appends:
                appender.append(appends)
            failure = next(
                (outcome.error for outcome in appender.outcomes() if outcome.error is not None), None
            )
        except LogError as error:
            failure = error
        if failure is not None:
            engine.append_failed(str(failure))

    def _check_now_and_then(self, engine: Engine, checked_at: float) -> float:
        """Compare the record at our own position with the log (S10)."""
        if monotonic() - checked_at < CHECK_INTERVAL_S or engine.fold.genesis is None:
            return checked_at
        check_position(self._log, self._topics.ledger, engine.position())
        return monotonic()
