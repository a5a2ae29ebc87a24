"""An engine driven by hand: a ledger and two inputs as lists, and a clock that only the test moves.

What the engine appends stays on its way until `land` puts it into the ledger; what is in the ledger is
unknown to the engine until `read_back`. So every order of things that a log can bring about can be spelled
out.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

from pydantic_core import to_json

from events.ids import CommandDraws, Draws, uuid7
from events.ledger.fold import LedgerFold
from events.ledger.position import Position
from events.log.port import LogRecord, Message, TopicPartition
from events.record import (
    Genesis,
    HistoryEpochBegun,
    InputIdentity,
    Outcome,
    TermClaimed,
    decode_outcome,
    encode_claim,
    encode_epoch,
    encode_genesis,
)
from events.refusals import Refusal
from projections.cell.state import Rules
from services.allocator.engine import Engine, Phase, Settings
from services.allocator.inputs import InputName
from tests.unit.given import START_MS
from tests.unit.given import Message as Wish
from tests.unit.wishes import create

CELL = "default"
LEDGER_ID = "0195f3c0-7a2b-7c3d-9e4f-00000000000a"
INCARNATION = "ledger-topic"
LEDGER = TopicPartition("netledger.ledger", 0)
PAUSE_MS = 500


def identities(**incarnations: str) -> tuple[InputIdentity, ...]:
    """Return the inputs' identities, as they are unless told."""
    return tuple(
        InputIdentity(
            name=name,
            topic=f"netledger.{name}",
            incarnation=incarnations.get(name, f"{name}-topic"),
            partitions=1,
        )
        for name in ("commands", "reports")
    )


def owner_id(number: int) -> str:
    """Return the owner of the `number`th claim of a test."""
    return f"00000000-0000-4000-8000-{number:012d}"


class Hand:
    """One cell's ledger and inputs, and the engine that is driven at present."""

    def __init__(self, *, window_commands: int = 1000, genesis: bool = True) -> None:
        """Begin with a ledger that holds its genesis."""
        self.now_ms = START_MS
        self.monotonic_ms = 0
        """The clock by which hosts fall silent; it stands still unless `hear_nobody` moves it."""
        self.ledger: list[LogRecord] = []
        self.inputs: dict[InputName, list[LogRecord]] = {"commands": [], "reports": []}
        self.on_their_way: list[Message] = []
        self._owners = count(1)
        self._ids = count(1)
        if genesis:
            first = Genesis(ledger_id=LEDGER_ID, cell=CELL, level=1, window_commands=window_commands)
            self.append(encode_genesis(first, self.now_ms))

    def start(
        self,
        *,
        rules: Rules | None = None,
        draws: Callable[[str], Draws] = CommandDraws,
        in_flight_max: int = 100,
        refused_inputs: frozenset[tuple[str, int]] = frozenset(),
        inputs: tuple[InputIdentity, ...] | None = None,
        claim_not_before_ms: int = 0,
    ) -> "Hand":
        """Drive a new engine, which has not read anything."""
        settings = Settings(CELL, INCARNATION, inputs or identities(), rules or Rules(), in_flight_max)
        self.engine = Engine(
            settings,
            new_owner=lambda: owner_id(next(self._owners)),
            pause_ms=lambda: PAUSE_MS,
            claim_not_before_ms=claim_not_before_ms,
            draws=draws,
            refused_inputs=refused_inputs,
            monotonic_ms=lambda: self.monotonic_ms,
        )
        self.read_up_to = 0
        self.on_their_way = []
        return self

    def own(self, **started: Any) -> "Hand":  # noqa: ANN401 - whatever `start` takes
        """Drive a new engine until it owns the cell."""
        self.start(**started).read_back()
        self.tick()
        self.land()
        self.read_back()
        assert self.engine.phase is Phase.OWNING, self.engine.stepped_down_because
        return self

    # --- The log --------------------------------------------------------------------------------------

    def append(self, message: Message) -> LogRecord:
        """Put a record into the ledger, whoever it is from."""
        record = LogRecord(LEDGER, len(self.ledger), *message)
        self.ledger.append(record)
        return record

    def take(self) -> list[Message]:
        """Take what the engine wants to have appended; it is on its way."""
        taken = self.engine.take_appends()
        self.on_their_way += taken
        return taken

    def land(self, number: int | None = None) -> list[LogRecord]:
        """Let the first records on their way arrive, all unless a number is given."""
        self.take()
        landing = self.on_their_way[: len(self.on_their_way) if number is None else number]
        del self.on_their_way[: len(landing)]
        return [self.append(message) for message in landing]

    def lose(self) -> list[Message]:
        """Let everything on its way be lost."""
        self.take()
        lost, self.on_their_way = self.on_their_way, []
        return lost

    def read_back(self) -> None:
        """Let the engine read all that it has not read of the ledger."""
        records = self.ledger[self.read_up_to :]
        self.read_up_to = len(self.ledger)
        self.engine.read_ledger(records, self.now_ms)

    # --- Inputs and time --------------------------------------------------------------------------------

    def put(self, name: InputName, value: bytes) -> LogRecord:
        """Put a record into an input."""
        record = LogRecord(TopicPartition(f"netledger.{name}", 0), len(self.inputs[name]), (), value)
        self.inputs[name].append(record)
        return record

    def put_wish(self, wish: Wish) -> LogRecord:
        """Put a command or report into its input, under a new id."""
        return self.put(
            input_of(wish), to_json(wish.model_copy(update={"id": uuid7(self.now_ms, next(self._ids))}))
        )

    def decide(self) -> None:
        """Let the engine decide on all inputs that it has room for."""
        names: tuple[InputName, ...] = ("commands", "reports")
        for name in names:
            if self.engine.phase is Phase.OWNING:
                at = self.engine.resume_offset(name)
                self.engine.read_input(name, self.inputs[name][at : at + self.engine.room], self.now_ms)

    def tick(self, later_ms: int = 0, *, assigned: bool = True, caught_up: bool = True) -> None:
        """Let time pass."""
        self.now_ms += later_ms
        self.engine.tick(self.now_ms, assigned=assigned, caught_up=caught_up)

    def hear_nobody(self) -> None:
        """Let so much time pass without a report that all hosts are fenced, and their fences have run out."""
        for _ in range(4):
            self.monotonic_ms += 60_000
            self.tick(60_000)
            self.settle()

    def settle(self) -> None:
        """Decide, append and read back until nothing is left to do."""
        while True:
            self.decide()
            if not self.land() and self.read_up_to == len(self.ledger):
                return
            self.read_back()

    def say(self, *wishes: Wish) -> list[Outcome]:
        """Put these in, settle, and return what was recorded meanwhile."""
        before = len(self.ledger)
        for wish in wishes:
            self.put_wish(wish)
            self.settle()
        return self.outcomes(before)

    def say_raw(self, name: InputName, value: bytes) -> list[Outcome]:
        """Put these bytes in, settle, and return what was recorded meanwhile."""
        before = len(self.ledger)
        self.put(name, value)
        self.settle()
        return self.outcomes(before)

    # --- What is to be seen -----------------------------------------------------------------------------

    def phase(self) -> Phase:
        """Return what the engine is doing."""
        return self.engine.phase

    def outcomes(self, since: int = 0) -> list[Outcome]:
        """Return what valid decisions say, from an offset on."""
        fold = LedgerFold(CELL, INCARNATION)
        verdicts = [(record, fold.judge(record)) for record in self.ledger]
        return [
            decode_outcome(record.value)
            for record, verdict in verdicts
            if verdict.kind == "decision" and record.offset >= since
        ]

    def refusals(self) -> list[Refusal | None]:
        """Return the refusal, or None, of every valid decision."""
        return [outcome.refusal for outcome in self.outcomes()]


def input_of(wish: Wish) -> InputName:
    """Return the input that a command or report belongs in."""
    return "reports" if hasattr(wish, "reporter") else "commands"


def headers_of(record: LogRecord) -> dict[str, str]:
    """Return a record's headers as texts."""
    return {name: value.decode() for name, value in record.headers}


STRANGER = "99999999-0000-4000-8000-000000000000"


def rival(hand: Hand, term: int, base_seq: int = 0) -> Message:
    """Return somebody else's claim."""
    claim = TermClaimed(
        ledger_id=LEDGER_ID, cell=CELL, term=term, owner=STRANGER, base_seq=base_seq, inputs=identities()
    )
    return encode_claim(claim, hand.now_ms)


def recovery(position: Position, time_ms: int) -> Message:
    """Return the record by which an operator leads on from a position."""
    begun = HistoryEpochBegun(
        ledger_id=LEDGER_ID,
        cell=CELL,
        epoch=position.epoch + 1,
        base_offset=position.last_offset,
        base_seq=position.seq,
        base_chain=position.chain,
        operator="root",
        reason="a drill",
        inputs=position.inputs,
    )
    return encode_epoch(begun, time_ms)


def ask(hand: Hand, *numbers: int) -> None:
    """Ask for networks and let the engine decide, without anything landing."""
    for number in numbers:
        hand.put_wish(create(f"n{number}", f"10.0.{number}.0/24"))
    hand.decide()
