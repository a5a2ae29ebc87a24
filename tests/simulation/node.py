"""An allocator process: takes the steps of `services.allocator.runner`, in an order of the world's choosing.

Between any two of them it may pause, crash, or be told that somebody else should own the cell.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from events.errors import LedgerAlarm, LedgerMissing, LogUnavailable
from events.ledger.fold import Alarm
from events.log.memory import ScriptedOwnership
from projections.cell.state import Rules
from services.allocator.engine import Engine, Phase, Settings
from services.allocator.runner_attempt import Attempt, input_identities
from services.last_place import LastPlace
from tests.simulation.line import CELL, LEDGER, TOPICS, Crashed, Line
from tests.simulation.plan import Plan
from tests.simulation.wishes import DOMAIN, FewDraws

if TYPE_CHECKING:
    from tests.simulation.world import World


def rules_of(plan: Plan) -> Rules:
    """Return the settings of a seed's cell."""
    return Rules(
        fixed_ip_disassociate_timeout=30,
        lease_margin=plan.lease_margin,
        quota_fixed_ips=plan.quota_fixed_ips,
        quota_floating_ips=plan.quota_floating_ips,
        enable_network_quota=True,
        quota_networks=plan.quota_networks,
        use_ipv6=plan.ipv6,
        auto_assign_floating_ip=plan.auto_floating,
        instance_dns_domain=DOMAIN,
    )


class Node:
    """One process that wants to own the cell when told to."""

    def __init__(self, world: "World", name: str, skew_ms: int = 0) -> None:
        """Start without having read anything."""
        self.world = world
        self.name = name
        self.ownership = ScriptedOwnership()
        self.skew_ms = skew_ms
        """How far its clock is from the true time."""
        self.line: Line | None = None
        self.attempt: Attempt | None = None
        self.stopped_by: LedgerAlarm | LedgerMissing | None = None
        """Why the cell stopped here; only an operator starts it again."""
        self.down = False
        self.paused = False
        self._claim_not_before_ms = 0
        self._refused: frozenset[tuple[str, int]] = frozenset()
        self._last = LastPlace(world.log, LEDGER, CELL)

    @property
    def engine(self) -> Engine | None:
        """The engine of the current attempt."""
        return None if self.attempt is None else self.attempt.engine

    @property
    def owning(self) -> bool:
        """Whether its engine decides."""
        return self.engine is not None and self.engine.phase is Phase.OWNING

    def now_ms(self) -> int:
        """Return the time by the node's own clock."""
        return self.world.now_ms + self.skew_ms

    def step(self) -> None:
        """Do one thing that the runner might do next."""
        dice = self.world.rng.random()
        if self.engine is None:
            self.begin()
        elif self.engine.phase is Phase.STEPPED_DOWN:
            self.finish()
        elif self.engine.phase is not Phase.OWNING:
            self.follow()
            self.follow()
        elif dice < 0.45:
            self.decide()
        elif dice < 0.9:
            self.read_back()
        else:
            self.tick()

    def begin(self) -> None:
        """Begin an attempt: a fresh engine, which folds the ledger from its start."""
        try:
            self._last.check()
        except LedgerAlarm as alarm:
            self._stop(alarm)
            return
        world, log = self.world, self.world.log
        settings = Settings(
            CELL,
            log.topic(LEDGER.topic).incarnation,
            input_identities(log, TOPICS),
            rules_of(world.plan),
            in_flight_max=world.plan.in_flight_max,
        )
        engine = world.parts.engine(
            settings,
            new_owner=lambda: world.parts.new_owner(self.name, world.rng),
            pause_ms=self._pause_ms,
            claim_not_before_ms=self._claim_not_before_ms,
            draws=lambda command_id: FewDraws(command_id, world.plan.mac_values),
            refused_inputs=self._refused,
            monotonic_ms=self.now_ms,
        )
        engine.fold = world.parts.fold(CELL, settings.ledger_incarnation)
        self.line = Line(world.store, self.name, world.crash_after)
        self.attempt = world.parts.attempt(
            engine, self.line.log, TOPICS, self.ownership, self.now_ms, world.seconds
        )
        world.say(self.name, f"begins to follow, the ledger ends at {log.bounds(LEDGER).end}")

    def _pause_ms(self) -> int:
        return self.world.parts.pause_ms(self.world.rng)

    def finish(self) -> None:
        """Drop an engine that has stepped down; its successor waits for a while."""
        engine = self.engine
        if engine is None:
            return
        self.world.say(self.name, f"stepped down: {engine.stepped_down_because}")
        if engine.poisoned is not None:
            self._refused |= {engine.poisoned}
        self._claim_not_before_ms = self.now_ms() + self._pause_ms()
        self._drop()

    def _drop(self) -> None:
        if self.attempt is not None:
            self._last.remember(self.attempt.engine.fold)
            self.attempt.close()
            self.attempt = None
        if self.line is not None:
            self.world.set_adrift(self.line)
            self.line = None

    def crash(self) -> None:
        """Lose everything but what is on its way to the log."""
        self.world.say(self.name, "crashes")
        self._drop()
        self._refused = frozenset()
        self._claim_not_before_ms = 0
        self._last = LastPlace(self.world.log, LEDGER, CELL)
        self.down = True

    def follow(self, limit: int | None = None) -> None:
        """Read on in the ledger and claim when it is time to."""
        self._take(lambda attempt: attempt.follow(limit or self.world.batch(), 0.0))

    def tick(self) -> None:
        """Let time pass."""
        self._take(Attempt.tick)

    def decide(self, limit: int | None = None) -> None:
        """Decide on what came in."""
        before = 0 if self.engine is None else len(self.engine.in_flight)
        self._take(lambda attempt: attempt.decide(limit or self.world.batch(), 0.0))
        after = 0 if self.engine is None else len(self.engine.in_flight)
        if after != before:
            self.world.say(self.name, f"decides; {after} decisions are in flight")

    def read_back(self, limit: int | None = None) -> None:
        """Read on in the ledger."""
        if self._take(lambda attempt: attempt.read_back(limit or self.world.batch(), 0.0)):
            engine = self.engine
            if self.owning and engine is not None and engine.state is not None and not engine.in_flight:
                self.world.sight(self.name, engine.fold.seq, engine.state)

    def _take(self, step: Callable[[Attempt], object]) -> bool:
        """Take a step; an alarm stops the cell here, a new history epoch lets it start over."""
        if self.attempt is None:
            return False
        owning = self.owning
        try:
            if self.line is not None and self.world.has_outage():
                self.line.log.faults.outage()
            step(self.attempt)
        except Crashed:
            self.crash()
            return False
        except LedgerAlarm as alarm:
            if alarm.reason == Alarm.EPOCH_DIVERGED:
                self.world.say(self.name, "starts over in a new history epoch")
            else:
                self._stop(alarm)
            self._drop()
            return False
        except LogUnavailable:
            self.world.say(self.name, "starts over, the log does not answer")
            self._claim_not_before_ms = self.now_ms() + self._pause_ms()
            self._drop()
            return False
        except LedgerMissing as missing:
            self._stop(missing)
            self._drop()
            return False
        if self.owning and not owning and self.engine is not None:
            fold = self.engine.fold
            self.world.say(self.name, f"owns the cell in term {fold.term} from seq {fold.seq}")
        return True

    def _stop(self, why: LedgerAlarm | LedgerMissing) -> None:
        self.stopped_by = why
        self.world.alarmed(self.name, why)

    def start_again(self) -> None:
        """Do what an operator does after a recovery: start the process that an alarm had stopped."""
        self.stopped_by = None
        self.down = self.paused = False
        self._claim_not_before_ms = 0
