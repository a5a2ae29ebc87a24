"""What can happen to the records themselves, and the operator who leads on afterwards (S11)."""

from events.errors import LedgerMissing
from events.log.memory import Backup
from events.log.port import TopicPartition
from services import ledger_admin
from tests.simulation.line import COMMANDS, LEDGER, REPORTS, TOPICS
from tests.simulation.world import World


def strike(world: World, backup: Backup | None) -> None:
    """Let the disaster of the seed's plan happen."""
    world.lossy = True
    world.sightings.clear()
    world.say("disaster", world.plan.disaster)
    match world.plan.disaster:
        case "truncate":
            truncate(world, LEDGER, world.rng.randrange(1, 7))
        case "backup" if backup is not None:
            world.inputs_lost_their_tail = world.rng.random() < 0.5
            world.store.restore(backup, None if world.inputs_lost_their_tail else [LEDGER.topic])
        case "replace ledger":
            world.store.replace_topic(LEDGER.topic)
        case "replace input":
            world.store.replace_topic(world.rng.choice((COMMANDS, REPORTS)).topic)
        case "trim input":
            where = world.rng.choice((COMMANDS, REPORTS))
            world.store.trim(where, world.rng.randrange(world.log.bounds(where).end + 1))
        case "truncate input":
            world.inputs_lost_their_tail = True
            truncate(world, world.rng.choice((COMMANDS, REPORTS)), world.rng.randrange(1, 7))
        case _:
            pass


def truncate(world: World, where: TopicPartition, count: int) -> None:
    """Lose the last records of a partition, but not the first."""
    end = max(world.log.bounds(where).end - count, 1)
    world.store.truncate(where, end)
    world.say("disaster", f"{where.topic} ends at {end} now")


def recover(world: World) -> None:
    """Let an operator lead on, with `netledger ledger recover`: what stopped by itself goes on by itself."""
    try:
        recovered = ledger_admin.recover(world.log, TOPICS, "operator", "records were lost", force=True)
    except LedgerMissing:
        world.say("operator", "finds no ledger")
        return
    world.say("operator", f"begins history epoch {recovered.epoch} after seq {recovered.seq}")
    for node in world.nodes:
        if node.stopped_by is not None:
            node.start_again()
