"""Who reads the ledger along: the base of callers and hosts, and a projection that folds the cell's state.

All of them run `events.ledger.follow.LedgerReader` and obey its alarms.
"""

import pickle
from typing import TYPE_CHECKING, NamedTuple

from events.errors import LedgerAlarm, LogUnavailable, OffsetOutOfRange
from events.ledger.fold import Alarm
from events.ledger.follow import Decided, LedgerReader
from events.ledger.position import Position
from events.log.memory import MemoryLog
from projections.cell.apply import apply_decision
from projections.cell.state import CellState
from tests.simulation.line import CELL, LEDGER

if TYPE_CHECKING:
    from tests.simulation.world import World


class Follower:
    """Somebody who reads the ledger from its start or from a stored position, and stops at an alarm."""

    def __init__(self, world: "World", name: str) -> None:
        """Begin at the start of the ledger."""
        self.world = world
        self.name = name
        self.stopped_by: LedgerAlarm | None = None
        self.alarms = 0
        """How often it was stopped."""
        self.log = MemoryLog(world.store)
        self.reader: LedgerReader
        self.open(None)

    def open(self, position: Position | None) -> None:
        """Read from the start, or go on at a stored position."""
        self.stopped_by = None
        self._from, self.is_open = position, False
        incarnation = self.log.topic(LEDGER.topic).incarnation
        try:
            self.reader = LedgerReader(self.log, LEDGER, CELL, position, self.world.seconds)
            self.reader.fold = self.world.parts.fold(CELL, incarnation, position)
            self.is_open = True
        except LedgerAlarm as alarm:
            self._stop(alarm)

    def poll(self, limit: int | None = None) -> None:
        """Read on; one that is stopped looks whether an operator has helped."""
        if not self.is_open:
            self.open(self._from)
        if not self.is_open:
            return
        if self.world.has_outage():
            self.log.faults.outage()
        try:
            decided = self.reader.poll(limit or self.world.batch(), 0.0)
        except LogUnavailable:
            self.world.say(self.name, "gets no answer from the log")
            self.log.faults.end_outage()
            return
        except LedgerAlarm as alarm:
            self._stop(alarm)
            return
        except OffsetOutOfRange as error:
            self.world.say(self.name, f"finds that {error}")
            return
        self.stopped_by = None
        for decision in decided:
            self.take(decision)

    def _stop(self, alarm: LedgerAlarm) -> None:
        if alarm.reason == Alarm.EPOCH_DIVERGED:
            self.world.say(self.name, "starts over in a new history epoch")
            self.alarms += 1
            self.start_over()
            return
        if self.stopped_by is None:
            self.alarms += 1
            self.world.alarmed(self.name, alarm)
        self.stopped_by = alarm

    def start_over(self) -> None:
        """Drop what was built and read from the start."""
        self.open(None)

    def take(self, decided: Decided) -> None:
        """Take the next valid decision."""


class Snapshot(NamedTuple):
    """A stored state with the position it belongs to."""

    position: str
    state: bytes


class CellReader(Follower):
    """A projection: the state of the cell, folded, stored now and then, and restored in the middle."""

    def __init__(self, world: "World", name: str) -> None:
        """Begin with nothing."""
        self.state: CellState | None = None
        self.snapshots: list[Snapshot] = []
        super().__init__(world, name)

    def take(self, decided: Decided) -> None:
        """Apply a decision."""
        genesis = self.reader.fold.genesis
        if self.state is None and genesis is not None:
            self.state = CellState(genesis.window_commands)
        if self.state is None:
            raise AssertionError("a decision before the genesis record")
        apply_decided(self.state, decided)

    def poll(self, limit: int | None = None) -> None:
        """Read on, and let the world know what it sees."""
        super().poll(limit)
        if self.stopped_by is None and self.state is not None and self.world.rng.random() < 0.1:
            self.world.sight(self.name, self.state.seq, self.state)

    def store(self) -> None:
        """Keep a snapshot."""
        if self.state is not None and self.stopped_by is None:
            position = self.reader.fold.position().model_dump_json()
            self.snapshots.append(Snapshot(position, pickle.dumps(self.state)))

    def restart(self) -> None:
        """Go on from one of the snapshots, not always the newest."""
        if not self.snapshots:
            self.start_over()
            return
        snapshot = self.world.rng.choice(self.snapshots[-3:])
        position = Position.model_validate_json(snapshot.position)
        self.world.say(self.name, f"restarts at seq {position.seq}")
        self.state = pickle.loads(snapshot.state)  # noqa: S301 - written by `store` in this process
        self.open(position)

    def start_over(self) -> None:
        """Rebuild from the start."""
        self.state = None
        self.snapshots.clear()
        super().start_over()


def apply_decided(state: CellState, decided: Decided) -> None:
    """Apply a valid decision to a state."""
    head, outcome = decided.head, decided.outcome
    cause = (head.command_id, head.body_digest) if head.command_id and head.body_digest else None
    apply_decision(state, head.seq, head.time_ms, cause, outcome.refusal or outcome.events)
