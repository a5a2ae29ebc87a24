"""A caller: sends commands, repeats them under the same id, believes valid records with its id and body."""

from typing import TYPE_CHECKING, NamedTuple

from pydantic_core import to_json

from events.ids import uuid7
from events.ledger.follow import Decided
from events.ledger.position import Position
from events.record import body_digest
from events.refusals import Code
from events.repeats import CommandRepeated
from tests.simulation.line import COMMANDS
from tests.simulation.mix import wish
from tests.simulation.reader import Follower
from tests.simulation.seen import Seen
from tests.simulation.wishes import Body, fresh_id, poison

if TYPE_CHECKING:
    from tests.simulation.world import World


class Key(NamedTuple):
    """By what a caller knows its answer: command id and digest of the body (S6)."""

    command_id: str
    body_digest: str


class Sent(NamedTuple):
    """A command that waits for its answer."""

    wish: int
    body: Body
    raw: bytes


class Answer(NamedTuple):
    """What a caller was told: the decision at `seq` is the one on its command."""

    key: Key
    seq: int
    granted: bool


class Caller(Follower):
    """One process that wants things, with a few commands under way at a time."""

    def __init__(self, world: "World", name: str) -> None:
        """Begin with nothing under way."""
        self.pending: dict[Key, Sent] = {}
        self.answers: list[Answer] = []
        self.forgotten = 0
        """How many of the answers were given before the last restart."""
        self.ids: dict[int, list[str]] = {}
        """Command ids by wish. A wish has one, however often it is repeated."""
        self.seen = Seen()
        self._sent: list[Sent] = []
        super().__init__(world, name)

    def act(self) -> None:
        """Read on, then want something new, repeat what has no answer, or misuse an id."""
        self.poll()
        dice = self.world.rng.random()
        if dice < 0.65 and len(self.pending) < 8:
            self.want(wish(self.world.rng, self.world.plan, self.seen))
        elif dice < 0.8 and self.pending:
            self.repeat(self.world.rng.choice(list(self.pending)))
        elif dice < 0.85 and self._sent:
            self.misuse_an_id()
        elif dice < 0.85 + self.world.plan.poison:
            self.world.post(
                COMMANDS, poison(self.world.rng, uuid7(self.world.now_ms, self.world.rng.getrandbits(74)))
            )

    def want(self, body: Body) -> Key:
        """Send a new command."""
        number = len(self._sent)
        return self.send(number, body, fresh_id(self.world.rng, self.world.now_ms, self.world.plan.poison))

    def send(self, number: int, body: Body, command_id: str) -> Key:
        """Send a command for a wish."""
        sent = Sent(number, body, to_json({**body, "id": command_id}))
        key = Key(command_id, body_digest(sent.raw))
        self.pending[key] = sent
        self._sent.append(sent)
        self.ids.setdefault(number, []).append(command_id)
        self.world.say(self.name, f"wants {body['type']} as {command_id[-6:]}")
        self.world.post(COMMANDS, sent.raw)
        return key

    def repeat(self, key: Key) -> None:
        """Send a command again, byte for byte."""
        self.world.say(self.name, f"repeats {key.command_id[-6:]}")
        self.world.post(COMMANDS, self.pending[key].raw)

    def misuse_an_id(self) -> None:
        """Send another body under an id that was used before."""
        earlier = self.world.rng.choice(self._sent)
        number = len(self._sent)
        self.send(number, wish(self.world.rng, self.world.plan, self.seen), self.ids[earlier.wish][0])

    def take(self, decided: Decided) -> None:
        """Look whether a valid decision answers a command of ours."""
        self.seen.take(decided.events)
        key = self.key(decided)
        if key not in self.pending:
            return
        self.world.say(self.name, f"has its answer on {key.command_id[-6:]} at seq {decided.seq}")
        del self.pending[key]
        refusal = decided.refusal
        if refusal is not None and refusal.code in (Code.COMMAND_TOO_OLD, Code.COMMAND_FROM_THE_FUTURE):
            return  # whatever was decided earlier stands; this record says nothing about it
        first = decided.events[0] if decided.events else None
        if isinstance(first, CommandRepeated):
            self.answers.append(Answer(key, first.first_seq, first.refusal is None))
        else:
            self.answers.append(Answer(key, decided.seq, refusal is None))

    def key(self, decided: Decided) -> Key:
        """Return by what a decision is compared with the commands under way."""
        return Key(decided.head.command_id or "", decided.head.body_digest or "")

    def restart(self) -> None:
        """Start again from a stored position: older decisions are seen only when a repeat names them."""
        if self.stopped_by is None and self.reader.fold.genesis is not None:
            self.follow_from(self.world.stored_position())

    def follow_from(self, position: Position | None) -> None:
        """Follow the ledger from somebody's stored position."""
        self.world.say(self.name, f"restarts at seq {position.seq if position else 0}")
        self.forgotten = len(self.answers)
        self.open(position)
