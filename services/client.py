"""The client of a cell: commands and their answers, nova's methods, and reads that see what was written.

    with Client(log, topics, dsn, actor) as client:
        info = client.allocate_for_instance(instance_uuid, project_id, host, [(network_id, None)])

Safe for use by several threads. All of them share one appender and one reader of the ledger.
"""

from collections.abc import Mapping, Sequence
from time import time_ns
from typing import Any, Self

from pydantic import ValidationError
from pydantic_core import to_json

from events.catalog import AnyCommand
from events.errors import InvariantBroken, LedgerAlarm, OutcomeUnknown
from events.ids import uuid7
from events.ledger.fold import Alarm
from events.ledger.follow import LedgerReader
from events.log.port import Log
from events.model import Actor
from events.record import Outcome, decode_head, decode_outcome
from events.refusals import Code
from events.repeats import CommandRepeated
from services.allocator.inputs import COMMAND_BYTES_MAX
from services.allocator.runner import CellTopics
from services.answers import Answers, Ticket
from services.manager import NetworkManager
from services.methods import ABSENT, METHODS
from services.methods.base import Args, Asked, Defaults, Method, Read, parse_args, refusal_of
from services.outcomes import Answer, Refused, refused
from services.positions import seq_at_least
from services.tables import Tables

TIMEOUT_S = 30.0
"""How long to wait for an answer, and for reads to show its effect, unless told."""


def new_command_id() -> str:
    """Return a UUIDv7 for a command, to be kept for repeating it."""
    return uuid7(time_ns() // 1_000_000)


class Client(NetworkManager):
    """Asks one cell. Give each process one, and close it."""

    def __init__(
        self,
        log: Log,
        topics: CellTopics,
        database_dsn: str,
        actor: Actor,
        *,
        timeout_s: float = TIMEOUT_S,
        defaults: Defaults | None = None,
    ) -> None:
        """Prepare; nothing is connected before the first call.

        Args:
            log: Carries commands and ledger; stays the caller's to close.
            topics: The cell's place in it.
            database_dsn: Where the projection's tables are.
            actor: On whose behalf calls are made that name nobody.
            timeout_s: How long to wait for an answer.
            defaults: What is filled in where a call leaves something out.

        """
        self.actor = actor
        self.tables = Tables(database_dsn, topics.cell)
        self._log = log
        self._topics = topics
        self._timeout_s = timeout_s
        self._defaults = defaults or Defaults()
        self._answers = Answers(log, topics.commands, self._open_reader)

    def close(self) -> None:
        """Close what the client opened. Commands without an answer have an unknown outcome."""
        self._answers.close()
        self.tables.close()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()

    # --- Commands -------------------------------------------------------------------------------------------

    def submit(self, command: AnyCommand) -> Answer:
        """Send a command and return its answer, a refusal too; reads may not show its effect yet.

        Raises:
            OutcomeUnknown: the ledger did not show the decision in time. Sending it again is safe.
            LogError: it could not be sent.

        """
        return self.submit_many([command])[0]

    def submit_many(self, commands: Sequence[AnyCommand]) -> list[Answer]:
        """Send commands in their order without waiting in between, and return their answers in that order.

        Raises:
            OutcomeUnknown: the ledger did not show one of the decisions in time.
            LogError: they could not be sent.

        """
        return [self.answer(ticket) for ticket in self.send_many(commands)]

    def send_many(self, commands: Sequence[AnyCommand]) -> list[Ticket]:
        """Send commands in their order; `answer` waits for each.

        Raises:
            Refused: one is larger than the allocator takes; nothing was sent.
            LogError: they could not be sent.

        """
        bodies = [(command.id, to_json(command, exclude_none=True)) for command in commands]
        for _, body in bodies:
            if len(body) > COMMAND_BYTES_MAX:
                message = f"The command has {len(body)} bytes; the most that is taken is {COMMAND_BYTES_MAX}."
                raise refused(Code.COMMAND_TOO_LARGE, message)
        return self._answers.send_many(bodies)

    def answer(self, ticket: Ticket) -> Answer:
        """Return the answer to a command that was sent.

        Raises:
            OutcomeUnknown: the ledger did not show it in time.
            NetledgerError: the ledger cannot be read as it is.

        """
        try:
            decided = ticket.decision(self._timeout_s)
        except OutcomeUnknown:
            self._answers.forget(ticket)
            raise
        except KeyboardInterrupt:
            raise OutcomeUnknown(
                ticket.command_id,
                f"Interrupted before the ledger showed a decision on command {ticket.command_id}. It may "
                f"still be decided; repeating it with `--id {ticket.command_id}` is safe.",
            ) from None
        outcome = decided.outcome
        repeated = outcome.events[0] if outcome.events else None
        if isinstance(repeated, CommandRepeated):
            return self._first_answer(ticket.command_id, repeated)
        return self._answer(decided.seq, ticket.command_id, outcome)

    def _answer(self, seq: int, command_id: str, outcome: Outcome, *, repeated: bool = False) -> Answer:
        return Answer(self._topics.cell, seq, command_id, outcome.events, outcome.refusal, repeated)

    def _first_answer(self, command_id: str, repeated: CommandRepeated) -> Answer:
        """Return the decision that was made when the command came for the first time."""
        if repeated.refusal is not None:
            refusal = repeated.refusal
            return Answer(self._topics.cell, repeated.first_seq, command_id, (), refusal, repeated=True)
        self.wait_for(repeated.first_seq)
        outcome = self.outcome_of(repeated.first_seq)
        return self._answer(repeated.first_seq, command_id, outcome, repeated=True)

    def outcome_of(self, seq: int) -> Outcome:
        """Return what was asked and decided at a position that the tables show.

        Raises:
            ProjectionBehind: they do not show it.
            LedgerAlarm: the log holds something else there.

        """
        offset = self.tables.offset_of(seq)
        there = self._log.read(self._topics.ledger, offset, 1)
        head = decode_head(self._topics.cell, there[0].headers) if there else None
        if head is None or head.seq != seq:
            message = f"Offset {offset} of the ledger should hold decision {seq}, and does not."
            raise LedgerAlarm(Alarm.RECORD_CHANGED, message)
        return decode_outcome(there[0].value)

    def _open_reader(self) -> LedgerReader:
        """Open the ledger where the projection is: not behind any command that will be sent."""
        position = self.tables.position()
        reader = LedgerReader(self._log, self._topics.ledger, self._topics.cell, position)
        if position is None:
            for _ in reader.catch_up():
                pass
            reader.require_genesis()
        return reader

    # --- Reads that see writes ------------------------------------------------------------------------------

    def at_least(self, position: str) -> NetworkManager:
        """Return the same methods, whose reads show a position of this cell or a later one.

        Args:
            position: As an answer to a command has it, here or at another client (`Answer.position`).

        """
        return _AtLeast(self, position)

    def wait_until(self, position: str) -> None:
        """Wait until reads show a position.

        Raises:
            Refused: it is no position of this cell.
            ProjectionBehind: they do not in time.

        """
        self.wait_for(seq_at_least(position, self._topics.cell))

    def wait_for(self, seq: int) -> None:
        """Wait until reads show the effect of the decision at a position.

        Raises:
            ProjectionBehind: they do not in time; the decision stands all the same.

        """
        self.tables.wait_for(seq, self._timeout_s)

    # --- Methods under nova's names -------------------------------------------------------------------------

    def call(
        self,
        method: str,
        args: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
        at_least: str | None = None,
    ) -> Any:  # noqa: ANN401 - as different as nova's return values
        """Call a method by nova's name; returns what nova returned.

        Args:
            method: A name of `services.methods.METHODS`.
            args: By nova's names.
            actor: On whose behalf; the client's own actor when left out.
            command_id: Id of the command to be repeated; a new one when left out.
            at_least: Position that must be shown by what is looked up.

        Raises:
            Refused: it was refused; the refusal says why.
            OutcomeUnknown: the ledger did not show the decision in time; its `command_id` repeats it safely.
            NetledgerError: log, ledger or tables cannot be used.

        """
        return self.begin(method, args or {}, actor=actor, command_id=command_id, at_least=at_least).result()

    def begin(
        self,
        method: str,
        args: Mapping[str, Any],
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
        at_least: str | None = None,
    ) -> "Call":
        """Begin a call: a command is sent at once, a lookup is made when its result is asked for.

        Raises:
            Refused: there is no such method, or its arguments do not fit.
            ProjectionBehind: the tables do not show the demanded position in time.
            LogError: the command could not be sent.

        """
        known = METHODS.get(method)
        if known is None:
            message = f"There is no method {method!r}; there are {', '.join(sorted(METHODS))}."
            if method in ABSENT:
                message = f"Method {method!r} is not offered: {ABSENT[method]}."
            raise refused(Code.UNKNOWN_METHOD, message, "method")
        asked = Asked(command_id or new_command_id(), actor or self.actor, self._defaults)
        read_args = parse_args(known.args, args)
        if at_least is not None:
            self.wait_until(at_least)
        if isinstance(known, Read):
            return Call(self, known, read_args, asked, None)
        try:
            command = known.command(read_args, asked, self.tables)
        except ValidationError as error:
            raise Refused(known.refusal(refusal_of(error))) from None
        return Call(self, known, read_args, asked, self.send_many([command])[0])


class Call:
    """A call of a method that has begun."""

    def __init__(
        self, client: Client, method: Method, args: Args, asked: Asked, ticket: Ticket | None
    ) -> None:
        """Hold what is needed for the result."""
        self._client = client
        self._method = method
        self._args = args
        self._asked = asked
        self._ticket = ticket
        self.position: str | None = None
        """Position of the decision, once a command has its result."""

    def result(self) -> Any:  # noqa: ANN401 - as different as nova's return values
        """Return what nova returned, as soon as reads show it.

        Raises:
            Refused: the command was refused.
            OutcomeUnknown: the ledger did not show the decision in time.
            NetledgerError: log, ledger or tables cannot be used.

        """
        tables = self._client.tables
        if isinstance(self._method, Read):
            return self._method.answer(self._args, self._asked, tables)
        if self._ticket is None:
            raise InvariantBroken("a call that asks the allocator has no ticket")
        answer = self._client.answer(self._ticket)
        if answer.refusal is not None:
            raise Refused(self._method.refusal(answer.refusal))
        self._client.wait_for(answer.seq)
        self.position = answer.position
        return self._method.result(self._args, answer, tables)


class _AtLeast(NetworkManager):
    """A client's methods, whose reads show a position."""

    def __init__(self, client: Client, position: str) -> None:
        self._client = client
        self._position = position

    def call(
        self,
        method: str,
        args: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> Any:  # noqa: ANN401 - as different as nova's return values
        return self._client.call(method, args, actor=actor, command_id=command_id, at_least=self._position)
