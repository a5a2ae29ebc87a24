"""What callers and hosts say in the simulation is all that there is to say."""

from random import Random

from pydantic_core import to_json

from events.catalog import COMMAND_TYPES, COMMANDS
from events.ids import uuid7
from tests.simulation.mix import rival, wish
from tests.simulation.plan import KINDS, Plan
from tests.simulation.seen import Seen

DRAWN = 4000


def test_every_command_is_wanted() -> None:
    """A command that is new must be wanted by somebody; each wish, and each rival's, is a command."""
    rng, seen = Random(1), Seen()
    wanted: set[str] = set()
    for number in range(DRAWN):
        body = wish(rng, Plan(kind=KINDS[number % len(KINDS)]), seen)
        for one in (body, rival(rng, body, seen)):
            COMMANDS.validate_json(to_json({**one, "id": uuid7(number, number)}))
            wanted.add(one["type"])
    assert wanted == COMMAND_TYPES
