"""What must be true at the end, from the records alone.

One pass over the records that count (`tests.simulation.truth`): one holder at any position, every input
decided exactly once, nobody misled about an answer, and every reader with the same state, digest for digest.
"""

from collections.abc import Iterator
from typing import Any

from events.clock import parse_time
from events.ids import parse_uuid7
from events.log.port import LogRecord
from events.record import body_digest, decode_outcome
from projections.cell.apply import apply_decision
from projections.cell.canonical import digest
from projections.cell.decide import decide_report
from projections.cell.state import CellState
from services.allocator.inputs import InputName, receive
from services.allocator.topics import INPUTS
from tests.simulation.books import Books, Decision
from tests.simulation.line import LEDGER, TOPICS
from tests.simulation.node import rules_of
from tests.simulation.truth import Mark, Valid, valid_records
from tests.simulation.violation import Violation
from tests.simulation.world import World
from tests.unit.invariants import check as check_invariants

_SAYS_NOTHING = frozenset({"CommandTooOld", "CommandFromTheFuture", "CommandIdReused"})
"""Refusals of an id: whatever was decided earlier under it stands."""


class Audit:
    """One pass over a ledger's valid records."""

    def __init__(self, world: World) -> None:
        """Look at everything in a world that has come to rest.

        Raises:
            Violation: something is not as it must be.

        """
        self.world = world
        self.records = list(world.log.read(LEDGER, 0, world.log.bounds(LEDGER).end))
        self.valid = valid_records(self.records)
        self.decisions = {one.seq: one for one in self.valid if one.is_decision}
        self.state = CellState(world.plan.window_commands)
        self.digests = {0: digest(self.state)}
        self._asked = {sighting.seq for sighting in world.sightings}
        self._marks: dict[str, Mark] = {}
        self._first: dict[str, int] = {}
        """Seq of the first decision by command id."""
        self.books = Books(rules_of(world.plan))
        self._inputs = {name: _by_offset(world, name) for name in INPUTS}
        for record in self.valid:
            self._take(record)
        self._check_the_rest_of_the_inputs()

    def _take(self, one: Valid) -> None:
        if one.kind == "netledger.HistoryEpochBegun.v1":
            self._marks = one.marks
        elif one.kind == "netledger.TermClaimed.v1":
            for entry in one.body["inputs"]:
                self._marks.setdefault(entry["name"], Mark(entry["incarnation"], -1, ""))
        elif one.is_decision:
            self._check_inputs(one)
            self._check_the_command(one)
            where = Decision(one.seq, _time_ms(one), one.body.get("command"))
            self.books.take(where, one.body.get("events") or [])
            outcome = decode_outcome(one.record.value)
            cause = None
            if "ce_commandid" in one.fields:
                cause = (one.fields["ce_commandid"], one.fields["ce_bodydigest"])
            self._check_time(one)
            apply_decision(self.state, one.seq, _time_ms(one), cause, outcome.refusal or outcome.events)
            if one.seq in self._asked:
                self.digests[one.seq] = digest(self.state)

    # --- Every input decided exactly once ---------------------------------------------------------------

    def _check_inputs(self, one: Valid) -> None:
        decided: list[InputName] = []
        marks = one.marks
        for name in INPUTS:
            mark = marks[name]
            before = self._marks[name]
            if mark.incarnation != before.incarnation or mark.offset < before.offset:
                raise Violation(f"decision {one.seq} goes from {name} {before} to {mark}")
            if mark.offset > before.offset and mark.digest == one.fields.get("ce_bodydigest"):
                decided.append(name)
            last = mark.offset - (name in decided)
            for offset in range(before.offset + 1, last + 1):
                self._check_unrecorded(name, mark.incarnation, offset)
        if len(decided) != ("ce_bodydigest" in one.fields):
            raise Violation(f"decision {one.seq} decides {decided or 'no new input'}")
        for name in decided:
            there = self._input(name, marks[name].incarnation, marks[name].offset)
            if there is not None and body_digest(there.value) != marks[name].digest:
                raise Violation(
                    f"decision {one.seq} decides something else than is at {name} {marks[name].offset}"
                )
        self._marks = marks

    def _check_unrecorded(self, name: InputName, incarnation: str, offset: int) -> None:
        """An input leaves no record only if it is a report that changes nothing (S13)."""
        there = self._input(name, incarnation, offset)
        if there is None and name == "reports":
            return  # it is gone with its topic, and may have changed nothing
        received = receive("reports", there.value) if there is not None and name == "reports" else None
        if received is None or received.message is None or decide_report(self.state, received.message) != ():  # type: ignore[arg-type]  # reports hold reports
            raise Violation(f"{name} {offset} left no record")

    def _check_the_rest_of_the_inputs(self) -> None:
        for name, records in self._inputs.items():
            mark = self._marks[name]
            for offset in range(mark.offset + 1, max(records, default=-1) + 1):
                self._check_unrecorded(name, mark.incarnation, offset)

    def _input(self, name: InputName, incarnation: str, offset: int) -> LogRecord | None:
        """Return an input record, unless it is gone with its topic, was trimmed, or may have been another."""
        if self.world.inputs_lost_their_tail:
            return None
        is_there = incarnation == self.world.log.topic(TOPICS.input(name).topic).incarnation
        return self._inputs[name].get(offset) if is_there else None

    # --- Every command decided once ---------------------------------------------------------------------

    def _check_the_command(self, one: Valid) -> None:
        command_id = one.fields.get("ce_commandid")
        if command_id is None:
            return
        body = one.body
        events, refusal = body.get("events") or (), body.get("refusal")
        if refusal is not None and refusal["code"] in _SAYS_NOTHING:
            first = self._first.get(command_id)
            known = None if first is None else self.decisions[first].fields["ce_bodydigest"]
            if refusal["code"] == "CommandIdReused" and known in {None, one.fields["ce_bodydigest"]}:
                raise Violation(f"decision {one.seq} takes the command of seq {first} for another")
            return
        first = self._first.setdefault(command_id, one.seq)
        repeated = [event for event in events if event["type"] == "CommandRepeated.v1"]
        if not repeated and first != one.seq:
            raise Violation(f"command {command_id} is decided at seq {first} and again at {one.seq}")
        for event in repeated:
            same_body = self.decisions[first].fields["ce_bodydigest"] == one.fields["ce_bodydigest"]
            if event["first_seq"] != first or not same_body:
                raise Violation(f"decision {one.seq} repeats {event['first_seq']}, but {first} was first")

    def _check_time(self, one: Valid) -> None:
        if _time_ms(one) < self.state.time_ms:
            raise Violation(f"decision {one.seq} is recorded before the one before it")

    # --- What everybody saw -----------------------------------------------------------------------------

    def check_readers(self) -> None:
        """Whoever is not stopped holds what the records say.

        Raises:
            Violation: somebody does not.

        """
        seq, chain = self.valid[-1].seq, self.valid[-1].chain
        for name, fold in self._folds():
            if (fold.seq, fold.chain) != (seq, chain):
                raise Violation(
                    f"{name} is at seq {fold.seq} with another past than the ledger's, which is at {seq}"
                )
        for sighting in self.world.sightings:
            if self.digests.get(sighting.seq) != sighting.digest:
                raise Violation(f"{sighting.who} has another state at seq {sighting.seq} than the ledger")
        final = digest(self.state)
        states = [(node.name, node.engine.state) for node in self.world.nodes if node.engine is not None]
        for name, state in (*states, (self.world.reader.name, self.world.reader.state)):
            if state is not None and digest(state) != final:
                raise Violation(f"{name} ends with another state than the ledger")

    def _folds(self) -> Iterator[tuple[str, Any]]:
        for follower in self.world.followers:
            yield follower.name, follower.reader.fold
        for node in self.world.nodes:
            if node.engine is not None:
                yield node.name, node.engine.fold

    def check_state(self) -> None:
        """What is found by key in the state at the end is what is there.

        Raises:
            Violation: it is not.

        """
        try:
            check_invariants(self.state)
        except (AssertionError, LookupError) as error:
            raise Violation(f"an invariant of the state does not hold: {error!r}") from error

    def check_answers(self) -> None:
        """No acknowledged decision is lost, and no wish came true twice.

        Raises:
            Violation: one is, or one did.

        """
        for caller in self.world.callers:
            for index, answer in enumerate(caller.answers):
                there = self.decisions.get(answer.seq)
                told = (answer.key.command_id, answer.key.body_digest, answer.granted)
                if there is None or _told_by(there) != told:
                    if self.world.lossy and (caller.alarms or index < caller.forgotten):
                        continue  # it was told that data was lost, or no longer knows what it was told
                    raise Violation(
                        f"{caller.name} was told {told} at seq {answer.seq}, which the ledger does not say"
                    )
            for number, ids in caller.ids.items():
                granted = [one for one in set(ids) if self._is_granted(one)]
                if len(granted) > 1:
                    raise Violation(f"wish {number} of {caller.name} came true {len(granted)} times")

    def _is_granted(self, command_id: str) -> bool:
        first = self._first.get(parse_uuid7(command_id))
        return first is not None and bool(self.decisions[first].body.get("events"))


def _by_offset(world: World, name: InputName) -> dict[int, LogRecord]:
    where = TOPICS.input(name)
    bounds = world.log.bounds(where)
    return {record.offset: record for record in world.log.read(where, bounds.start, bounds.end)}


def _told_by(one: Valid) -> tuple[str | None, str | None, bool]:
    granted = one.kind.startswith("netledger.decided.")
    return one.fields.get("ce_commandid"), one.fields.get("ce_bodydigest"), granted


def _time_ms(one: Valid) -> int:
    return parse_time(one.fields["ce_time"])


def check(world: World) -> None:
    """Check a world that has come to rest.

    Raises:
        Violation: something is not as it must be.

    """
    audit = Audit(world)
    audit.check_readers()
    audit.check_answers()
    audit.books.agrees(audit.state)
    audit.check_state()
