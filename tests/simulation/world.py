"""The world of one seed: a log, a clock, and everybody who reads and writes; the dice say who acts next.

Nothing here is random but `rng` and nothing waits: the same seed does the same thing, step for step.
"""

from collections.abc import Callable
from random import Random

from pydantic_core import to_json

from events.errors import NetledgerError
from events.ledger.position import Position
from events.log.memory import Backup, MemoryLog, MemoryStore
from events.log.port import Message, TopicPartition
from events.record import Genesis, encode_genesis
from projections.cell.canonical import digest
from projections.cell.state import CellState
from tests.simulation.line import CELL, COMMANDS, LEDGER, REPORTS, Line
from tests.simulation.mix import rival, wish
from tests.simulation.node import Node
from tests.simulation.parts import Parts
from tests.simulation.plan import Plan, draw_plan
from tests.simulation.reader import Follower
from tests.simulation.wishes import first_wishes, fresh_id

BEGIN_MS = 1_700_000_000_000
LEDGER_ID = "0195f3c0-0000-7000-8000-000000000000"
_BATCHES = (1, 3, 500, 500, 500)
_STEPS_TO_OWN = 6
_TROUBLE = 0.25
"""How often something goes wrong, if the seed's plan has such a thing."""


class Sighting:
    """The digest of a state that somebody had at a seq."""

    __slots__ = ("digest", "seq", "who")

    def __init__(self, who: str, seq: int, state: CellState) -> None:
        """Note what `who` has."""
        self.who, self.seq, self.digest = who, seq, digest(state)


class World:
    """Everything there is in one seed."""

    def __init__(self, seed: int, parts: Parts | None = None, plan: Plan | None = None) -> None:
        """Make the world of a seed; with a plan of its own it is for a script to move."""
        self.rng = Random(seed)
        self.parts = Parts() if parts is None else parts
        self.plan = draw_plan(self.rng) if plan is None else plan
        self.now_ms = BEGIN_MS
        self.trace: list[str] = []
        self.sightings: list[Sighting] = []
        self.lossy = False
        """Whether the log has lost records, so that alarms are right."""
        self.inputs_lost_their_tail = False
        """Whether other input records may be where decided ones were."""
        self.calm = False
        """Whether faults have stopped."""
        self.alarms: list[str] = []
        self.mail: list[tuple[TopicPartition, bytes]] = []
        self.adrift: list[Line] = []
        self.backups: list[Backup] = []
        self.store = MemoryStore("sim")
        for where in (LEDGER, COMMANDS, REPORTS):
            self.store.create(where.topic, 1)
        self.log = MemoryLog(self.store)
        genesis = Genesis(ledger_id=LEDGER_ID, cell=CELL, level=1, window_commands=self.plan.window_commands)
        self.append(LEDGER, encode_genesis(genesis, BEGIN_MS))
        skew = self.plan.skew_ms
        self.nodes = [
            Node(self, f"node{index}", self.rng.randint(-skew, skew)) for index in range(self.plan.nodes)
        ]
        self.callers = [self.parts.caller(self, f"caller{index}") for index in range(self.plan.callers)]
        self.hosts = [self.parts.host(self, f"h{index + 1}") for index in range(self.plan.hosts)]
        self.reader = self.parts.reader(self, "reader")

    # --- What everybody uses ----------------------------------------------------------------------------

    def say(self, who: str, what: str) -> None:
        """Write down what happens."""
        self.trace.append(f"{self.now_ms - BEGIN_MS:>8} ms  {who:<8} {what}")

    def seconds(self) -> float:
        """Return the clock in seconds."""
        return self.now_ms / 1000

    def batch(self) -> int:
        """Return how many records somebody takes at once."""
        return 500 if self.calm else self.rng.choice(_BATCHES)

    def append(self, where: TopicPartition, message: Message) -> None:
        """Append a record, at once and without fail."""
        self.log.appender(where).append([message])

    def post(self, where: TopicPartition, raw: bytes) -> None:
        """Send a command or report: it arrives later, or never."""
        if not self.calm and self.rng.random() < self.plan.lost_mail:
            self.say("mail", f"to {where.topic} is lost")
        else:
            self.mail.append((where, raw))

    def set_adrift(self, line: Line) -> None:
        """Keep what a process left on its way to the log."""
        if line.waiting:
            self.adrift.append(line)

    def sight(self, who: str, seq: int, state: CellState) -> None:
        """Write down, now and then, what state somebody has: it stays true unless the log loses records."""
        if not self.lossy and self.rng.random() < 0.15:
            self.sightings.append(Sighting(who, seq, state))

    def alarmed(self, who: str, why: NetledgerError) -> None:
        """Write down that somebody stopped."""
        self.say(who, f"STOPS: {getattr(why, 'reason', why.code)}")
        self.alarms.append(f"{who}: {why}")

    def stored_position(self) -> Position | None:
        """Return the position of the last snapshot."""
        if not self.reader.snapshots:
            return None
        return Position.model_validate_json(self.reader.snapshots[-1].position)

    def crash_after(self, count: int) -> int | None:
        """Return after how many of its appends a node crashes; None: it does not."""
        if self.calm or self.rng.random() >= self.plan.crash_while_appending:
            return None
        return self.rng.randrange(count + 1)

    def has_outage(self) -> bool:
        """Tell whether the log does not answer somebody now."""
        return not self.calm and self.rng.random() < self.plan.outage

    @property
    def followers(self) -> list[Follower]:
        """Everybody who reads the ledger along, but the nodes."""
        return [*self.callers, *self.hosts, self.reader]

    @property
    def stopped(self) -> list[str]:
        """Who waits for an operator."""
        nodes = [node.name for node in self.nodes if node.stopped_by is not None]
        return nodes + [who.name for who in self.followers if who.stopped_by is not None]

    # --- One step ---------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Let the cell begin with an owner, its networks and floating IPs, and hosts."""
        for body in first_wishes(self.plan):
            self.append(COMMANDS, Message((), to_json({**body, "id": fresh_id(self.rng, self.now_ms, 0.0)})))
        for host in self.hosts:
            host.report("RegisterHost.v1")
            host.report("ClaimNetwork.v1")
        while self.mail:
            self.deliver()
        node = self.nodes[0]
        node.ownership.assign()
        for _ in range(_STEPS_TO_OWN):
            node.step()
            if node.line is not None:
                node.line.land()

    def step(self) -> None:
        """Let one of them do one thing."""
        rng = self.rng
        self.now_ms += rng.randrange(self.plan.step_ms)
        dice = rng.random()
        if dice < 0.45:
            awake = [node for node in self.nodes if not (node.down or node.paused or node.stopped_by)]
            if awake:
                rng.choice(awake).step()
        elif dice < 0.63:
            self.land()
        elif dice < 0.76:
            self.deliver()
        elif dice < 0.88:
            if rng.random() < self.plan.race:
                self.race()
            rng.choice(self.callers).act()
        elif dice < 0.95:
            rng.choice(self.hosts).act()
        else:
            self._read()
        if rng.random() < _TROUBLE:
            self._trouble()

    def land(self) -> None:
        """Let something arrive at the ledger, or not."""
        rng, plan = self.rng, self.plan
        lines = [node.line for node in self.nodes if node.line is not None and node.line.waiting]
        lines += self.adrift
        if not lines:
            return
        line = rng.choice(lines)
        if rng.random() < plan.lost_append:
            self.say(line.name, "loses an append")
            line.lose()
        elif rng.random() < plan.silently_lost_append:
            self.say(line.name, "loses an append without knowing")
            line.lose(silently=True)
        else:
            acknowledge = rng.random() >= plan.lost_ack
            count = rng.choice((1, 2, None))
            before = self.log.bounds(LEDGER).end
            line.land(count, acknowledge=acknowledge)
            lost = "" if acknowledge else ", which it is not told"
            self.say(line.name, f"lands {before} to {self.log.bounds(LEDGER).end - 1}{lost}")
        self.adrift = [other for other in self.adrift if other.waiting]
        end = self.log.bounds(LEDGER).end
        if end and rng.random() < plan.repeated_append:
            self.echo(rng.randrange(end))

    def race(self) -> None:
        """Let every caller want the same thing at once."""
        first = self.callers[0]
        body = wish(self.rng, self.plan, first.seen)
        self.say("world", "has a race")
        for caller in self.callers:
            caller.want(body if caller is first else rival(self.rng, body, first.seen))

    def echo(self, offset: int) -> None:
        """Append a record of the ledger once more: a late duplicate."""
        for record in self.log.read(LEDGER, offset, 1):
            self.say("log", f"repeats offset {offset} at {self.log.bounds(LEDGER).end}")
            self.append(LEDGER, Message(record.headers, record.value))

    def deliver(self) -> None:
        """Let some mail arrive, not always in order; and some of it again, much later."""
        if not self.mail:
            return
        late = self.rng.random() < 0.3
        where, raw = self.mail.pop(self.rng.randrange(len(self.mail)) if late else 0)
        self.append(where, Message((), raw))
        if not self.calm and self.rng.random() < self.plan.repeated_mail:
            bounds = self.log.bounds(where)
            at = self.rng.randrange(bounds.start, bounds.end)
            self.say("mail", f"to {where.topic} repeats offset {at}")
            self.mail.append((where, self.log.read(where, at, 1)[0].value))

    def _read(self) -> None:
        dice = self.rng.random()
        if dice < self.plan.reader_restart:
            self.reader.restart()
        elif dice < self.plan.reader_restart + 0.25:
            self.reader.store()
        else:
            self.reader.poll()
        if self.rng.random() < self.plan.reader_restart:
            self.rng.choice(self.callers).restart()

    def _trouble(self) -> None:
        rng, plan = self.rng, self.plan
        node = rng.choice(self.nodes)
        if node.down or node.paused:
            if rng.random() < 0.5:
                self.say(node.name, "goes on" if node.paused else "starts")
                node.down = node.paused = False
        elif rng.random() < plan.crash:
            node.crash()
        elif rng.random() < plan.pause:
            self.say(node.name, "pauses")
            node.paused = True
        if rng.random() < plan.silence:
            host = rng.choice(self.hosts)
            host.deaf, host.mute = rng.choice(((False, False), (True, True), (True, False), (False, True)))
            self.say(host.name, f"hears {'nothing' if host.deaf else 'all'}, is{' not' * host.mute} heard")
        if rng.random() < plan.flip:
            self.flip(rng.choice(self.nodes))
        if rng.random() < plan.jump:
            seconds = rng.choice((3, 11, 12, 35))
            self.say("clock", f"jumps by {seconds} s")
            self.now_ms += seconds * 1000

    def flip(self, node: Node) -> None:
        """Assign the cell to a node, or take it away; the others are not asked."""
        change: Callable[[], None] = (
            node.ownership.revoke if node.ownership.assigned() else node.ownership.assign
        )
        change()
        self.say(node.name, "is assigned" if node.ownership.assigned() else "is no longer assigned")
