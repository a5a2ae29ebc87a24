"""Readers and callers that each leave out one sentence of the protocol, named at its end."""

from events.ids import uuid7
from events.ledger.fold import LedgerFold, Skip, Verdict
from events.ledger.follow import Decided
from events.ledger.position import Position
from events.log.port import Message
from events.record import DecisionHead, Genesis, decode_head, record_digest, record_kind
from projections.cell.window import Window
from tests.simulation.caller import Answer, Caller, Key
from tests.simulation.line import CELL, LEDGER
from tests.simulation.reader import CellReader
from tests.simulation.world import LEDGER_ID


class StoresNoTerm(CellReader):
    """Its stored position lacks the term and the owner (S2)."""

    def open(self, position: Position | None) -> None:
        """Go on without them."""
        super().open(position and position.model_copy(update={"term": 0, "owner": ""}))


class StoresNoWindow(CellReader):
    """Its snapshot lacks the window of command ids (S5)."""

    def restart(self) -> None:
        """Go on with an empty one."""
        super().restart()
        if self.state is not None and self.reader.fold.genesis is not None:
            self.state.window = Window(self.reader.fold.genesis.window_commands)


class BelievesTheAllocator(Caller):
    """It takes an allocator's word for what is not read back yet."""

    def poll(self, limit: int | None = None) -> None:
        """Ask the allocators."""
        super().poll(limit)
        for node in self.world.nodes:
            for flight in node.engine.in_flight if node.engine is not None else ():
                key = Key(flight.head.command_id or "", flight.head.body_digest or "")
                if self.pending.pop(key, None) is not None:
                    self.answers.append(Answer(key, flight.head.seq, not flight.head.refused))


class MatchesTheIdAlone(Caller):
    """It does not compare the body digest (S6)."""

    def key(self, decided: Decided) -> Key:
        """Return the first command under way of that id."""
        return next((key for key in self.pending if key.command_id == decided.head.command_id), Key("", ""))


class DoesNotJudge(Caller):
    """It believes every record with its id (S6)."""

    _next = 0

    def poll(self, limit: int | None = None) -> None:
        """Look at all records."""
        super().poll(limit)
        for record in self.world.log.read(LEDGER, self._next, 500):
            self._next = record.offset + 1
            head = decode_head(CELL, record.headers) if record_kind(record.headers) == "decision" else None
            if head is not None:
                super().take(Decided(head, record))

    def take(self, decided: Decided) -> None:
        """Leave what was judged to the look at all records."""


class _Adopts(LedgerFold):
    """Takes the first decision that it sees for valid."""

    def judge_decision(self, offset: int, head: DecisionHead, digest: bytes) -> Verdict:
        if not self.owner:
            self.term, self.owner, self.seq = head.term, head.owner, head.seq - 1
            self.chain = bytes.fromhex(head.previous)
            self.inputs = {mark.name: mark._replace(offset=-1) for mark in head.inputs}
        return super().judge_decision(offset, head, digest)

    def _judge_claim(self, offset: int, value: bytes, digest: bytes) -> Verdict:
        return (
            super()._judge_claim(offset, value, digest)
            if self.owner
            else self._skip(offset, digest, Skip.FOREIGN)
        )


class StartsAnywhere(Caller):
    """It starts in the middle without a stored position (S2)."""

    def follow_from(self, position: Position | None) -> None:
        """Follow from now on."""
        super().follow_from(None)
        log = self.world.log
        last = log.read(LEDGER, log.bounds(LEDGER).end - 1, 1)[0]
        fold = _Adopts(CELL, log.topic(LEDGER.topic).incarnation)
        fold.genesis = Genesis(
            ledger_id=LEDGER_ID, cell=CELL, level=1, window_commands=self.world.plan.window_commands
        )
        fold.next_offset, fold.last_offset = last.offset + 1, last.offset
        fold.last_digest = record_digest(Message(last.headers, last.value))
        self.reader.fold = fold


class StampsRetriesAnew(Caller):
    """It repeats a command under a new id (S5)."""

    def repeat(self, key: Key) -> None:
        """Send the wish again as another command."""
        sent = self.pending.pop(key)
        self.send(sent.wish, sent.body, uuid7(self.world.now_ms, self.world.rng.getrandbits(74)))
