"""Running seeds: each one a whole world, from its beginning to its audit."""

from events.log.memory import Backup
from tests.simulation.checks import check
from tests.simulation.disasters import strike
from tests.simulation.heal import heal
from tests.simulation.memo import remembering
from tests.simulation.parts import Parts
from tests.simulation.plan import Plan
from tests.simulation.world import World

TRACE_SHOWN = 30


class FailedSeed(AssertionError):
    """A seed that found something; its text says how to replay it, its cause what was found."""

    def __init__(self, seed: int, world: World, why: Exception) -> None:
        """Tell what happened last."""
        last = "\n".join(world.trace[-TRACE_SHOWN:])
        super().__init__(
            f"seed {seed}: {type(why).__name__}: {why}\n{last}\n"
            f"Replay it step by step: python -m tests.simulation --seed {seed} --trace"
        )
        self.seed = seed


def run(world: World) -> None:
    """Run a world from its beginning to its audit.

    Raises:
        Violation: it did what the protocol forbids.

    """
    world.begin()
    backup: Backup | None = None
    for number in range(world.plan.steps):
        if world.plan.disaster != "none":
            if number == world.plan.disaster_at // 2:
                backup = world.store.backup()
            elif number == world.plan.disaster_at:
                strike(world, backup)
        world.step()
    if heal(world):
        check(world)


def run_seed(seed: int, parts: Parts | None = None, plan: Plan | None = None) -> World:
    """Run one seed and return its world.

    Raises:
        FailedSeed: it found something.

    """
    world = World(seed, parts, plan)
    try:
        run(world)
    except Exception as why:
        raise FailedSeed(seed, world, why) from why
    return world


def failures_of(seeds: range) -> list[str]:
    """Run seeds and return what the failed ones say."""
    failures: list[str] = []
    with remembering():
        for seed in seeds:
            try:
                run_seed(seed)
            except FailedSeed as failed:
                failures.append(str(failed))
    return failures
