"""After the faults: what is on its way arrives, and the cell must come to rest with everything decided."""

from services.allocator.topics import INPUTS
from tests.simulation.disasters import recover
from tests.simulation.line import COMMANDS, LEDGER, REPORTS
from tests.simulation.mix import wish
from tests.simulation.node import Node
from tests.simulation.violation import Violation
from tests.simulation.world import World

ROUND_MS = 2_000
ROUNDS_MAX = 60
TURNS = 3
"""Turns of the runner's loop in a round."""
REPEAT_ROUNDS = 15
"""How often callers repeat what has no answer yet."""
PATIENCE_ROUNDS = 25
"""How long somebody is stopped before the operator comes; all have compared their positions by then (S10)."""
LOOK_BACK_MS = 31_000
"""Until everybody compares his position again."""
RECOVERIES_MAX = 4


def heal(world: World) -> bool:
    """Stop all faults and let everybody go on until the cell is at rest; False when its ledger is gone.

    Raises:
        Violation: it does not come to rest, or somebody stopped though nothing was lost.

    """
    world.calm = True
    world.say("world", "faults stop")
    for node in world.nodes:
        node.down = node.paused = False
        node.ownership.revoke()
    chosen = world.rng.choice(world.nodes)
    recoveries = 0
    while True:
        if _settle(world, chosen):
            return True
        if not world.lossy or recoveries == RECOVERIES_MAX:
            raise Violation(f"the cell does not come to rest: {restless(world)}")
        if _ledger_is_gone(world):
            return False
        recover(world)
        recoveries += 1


def _settle(world: World, chosen: Node) -> bool:
    stopped_rounds, looked_back = 0, False
    for number in range(ROUNDS_MAX):
        if number % REPEAT_ROUNDS == 2:
            repeat_all(world)
        if chosen.stopped_by is not None:
            chosen = next((node for node in world.nodes if node.stopped_by is None), chosen)
        assign_only(world, chosen)
        if number < world.plan.business:
            do_business(world)
        else:
            for host in world.hosts:
                host.deaf = host.mute = False
        round_of_all(world)
        if world.stopped:
            if not world.lossy:
                raise Violation(f"somebody stopped though the log lost nothing: {world.alarms[0]}")
            stopped_rounds += 1
            if stopped_rounds >= PATIENCE_ROUNDS:
                return False
        elif not restless(world):
            if looked_back or not world.lossy:
                return True
            looked_back = True
            world.now_ms += LOOK_BACK_MS
    return False


def assign_only(world: World, chosen: Node) -> None:
    """Tell one node that it should own the cell, and the others that they should not."""
    for node in world.nodes:
        if node is chosen:
            node.ownership.assign()
        else:
            node.ownership.revoke()


def round_of_all(world: World) -> None:
    """Let everybody do everything once."""
    world.now_ms += ROUND_MS
    while world.mail:
        world.deliver()
    for _ in range(TURNS):
        for node in world.nodes:
            _drive(node)
        for line in (*world.adrift, *(node.line for node in world.nodes if node.line is not None)):
            line.land()
        world.adrift.clear()
        for node in world.nodes:
            if node.stopped_by is None:
                node.read_back()
    for follower in world.followers:
        follower.poll()


def do_business(world: World) -> None:
    """Let everybody want and report things; all of it arrives, and is decided."""
    for host in world.hosts:
        host.act()
    if world.rng.random() < world.plan.race:
        world.race()
    for caller in world.callers:
        caller.want(wish(world.rng, world.plan, caller.seen))


def repeat_all(world: World) -> None:
    """Let every caller repeat what has no answer yet."""
    for caller in world.callers:
        for key in [*caller.pending]:
            caller.repeat(key)


def _drive(node: Node) -> None:
    """Let a node do what one turn of the runner's loop does."""
    if node.stopped_by is not None:
        return
    if node.engine is None:
        node.begin()
    if node.owning:
        node.decide()
        node.tick()
    else:
        node.follow()
        node.follow()
    if node.engine is not None and node.engine.phase == "stepped_down":
        node.finish()


def restless(world: World) -> str:
    """Return what is still to be done; empty when the cell is at rest."""
    owner = next((node.engine for node in world.nodes if node.owning), None)
    if owner is None or owner.in_flight:
        return (
            "nobody owns the cell" if owner is None else f"{len(owner.in_flight)} decisions are not read back"
        )
    end = world.log.bounds(LEDGER).end
    if owner.fold.next_offset != end or any(who.reader.fold.next_offset != end for who in world.followers):
        return "the ledger is not read to its end"
    if world.mail or any(caller.pending for caller in world.callers):
        return "callers wait for answers"
    ends = {"commands": world.log.bounds(COMMANDS).end, "reports": world.log.bounds(REPORTS).end}
    undecided = [name for name in INPUTS if owner.resume_offset(name) != ends[name]]
    return f"{', '.join(undecided)} are not decided" if undecided else ""


def _ledger_is_gone(world: World) -> bool:
    """Tell whether an administrator deleted the ledger; nobody may go on then."""
    if world.plan.disaster != "replace ledger":
        return False
    deciding = [node.name for node in world.nodes if node.stopped_by is None]
    reading = [who.name for who in world.followers if who.stopped_by is None and who.reader.fold.seq]
    going_on = [*deciding, *reading]
    if going_on:
        raise Violation(f"{', '.join(going_on)} go on though the ledger was replaced")
    return True
