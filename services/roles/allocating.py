"""The allocator as a role: looks for its log before it begins, and says how it is."""

from collections.abc import Callable
from threading import Event
from time import monotonic

from events.errors import NetledgerError
from events.log.port import Log, TopicPartition
from services.allocator.engine import Engine, Phase
from services.allocator.garbage import look_at_young_only
from services.allocator.runner import Allocator, CellTopics
from services.roles.health import Health

STANDBY_AFTER_S = 15.0
"""An allocator that was not assigned for so long, which outlasts a dead one, stands by for a living one."""

LAG_EVERY_S = 2.0
"""How often the log is asked for its ends, which is what the lag is measured by."""

REFUSED = "refused."
"""Beginning of the engine's counters of refusals."""


class AllocatorRole:
    """Runs an allocator."""

    name = "allocator"

    def __init__(
        self, allocator: Allocator, log: Log, topics: CellTopics, check_topics: Callable[[], None]
    ) -> None:
        """Run `allocator`, which reads `topics` of `log`, whenever `check_topics` finds nothing wrong."""
        self._check_topics = check_topics
        self._allocator = allocator
        self._log = log
        self._topics = topics
        self._following_since: float | None = None
        self._lag: int | None = None
        self._lag_at = -LAG_EVERY_S

    def run(self, stop: Event) -> None:
        """Decide until `stop` is set.

        Raises:
            NetledgerError: the log does not answer, or the ledger cannot be used as it is.

        """
        self._check_topics()
        look_at_young_only()
        self._allocator.run(stop)

    def health(self) -> Health:
        """Say whether it owns its cell or stands by, and how far it is."""
        engine = self._allocator.engine
        if engine is None:
            return Health(ready=False, phase="starting", problem=self._allocator.problem)
        state = engine.state
        networks = list(state.networks.items()) if state is not None else []
        return Health(
            ready=self._is_ready(engine),
            phase=str(engine.phase),
            problem=engine.stepped_down_because or None,
            term=engine.fold.term,
            seq=engine.fold.seq,
            lag=self._measured_lag(engine),
            skipped={str(reason): count for reason, count in list(engine.fold.skipped.items())},
            refusals={
                name.removeprefix(REFUSED): count
                for name, count in list(engine.counters.items())
                if name.startswith(REFUSED)
            },
            free_addresses={network_id: network.pool.free for network_id, network in networks},
        )

    def _is_ready(self, engine: Engine) -> bool:
        """Tell whether it decides, or follows another one that does."""
        if engine.phase is not Phase.FOLLOWING:
            self._following_since = None
            return self._allocator.owning
        self._following_since = self._following_since or monotonic()
        return self._allocator.ready and monotonic() - self._following_since > STANDBY_AFTER_S

    def _measured_lag(self, engine: Engine) -> int | None:
        """Return how many records are still to be read, of the inputs when it owns and of the ledger else."""
        if monotonic() - self._lag_at < LAG_EVERY_S:
            return self._lag
        self._lag_at = monotonic()
        try:
            if engine.phase is Phase.OWNING:
                self._lag = sum(
                    self._left(self._topics.input(name), engine.resume_offset(name))
                    for name in ("commands", "reports")
                )
            else:
                self._lag = self._left(self._topics.ledger, engine.fold.next_offset)
        except (NetledgerError, KeyError):
            self._lag = None
        return self._lag

    def _left(self, where: TopicPartition, next_offset: int) -> int:
        return max(0, self._log.bounds(where).end - next_offset)
