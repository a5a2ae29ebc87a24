"""The random histories reach everything: each command, each report, each event, each code of the rules.

`python -m tests.unit.cell.test_reached` prints how often each was answered what.
"""

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

import projections.cell
from events.catalog import AnyCommand, AnyEvent, AnyReport
from events.refusals import Code
from tests.unit.cell.reached import GRANTED, REACHED
from tests.unit.cell.test_against_model import Histories
from tests.unit.cell.test_groups_against_model import GroupHistories
from tests.unit.cell.test_moves_against_model import MovingHistories
from tests.unit.cell.test_names_against_model import NamedHistories
from tests.unit.cell.test_networks_against_model import NetworkHistories

MACHINES: tuple[type[RuleBasedStateMachine], ...] = (
    Histories,
    MovingHistories,
    NamedHistories,
    NetworkHistories,
    GroupHistories,
)
EXAMPLES = 20
"""Of each machine in a round."""
ROUNDS_MAX = 12
"""It ends with the first round that leaves nothing out."""

UNREACHABLE_EVENTS = {
    "CommandRepeated": "the allocator decides on a command that comes twice, before the rules are asked",
}
UNREACHABLE_CODES = {
    Code.COMMAND_TOO_OLD: "the allocator asks the window of command ids, before the rules are asked",
    Code.COMMAND_FROM_THE_FUTURE: "likewise",
    Code.COMMAND_ID_REUSED: "likewise",
    Code.INTERNAL_ERROR: "named by the window of command ids as what is not remembered",
    Code.DECISION_TOO_LARGE: "likewise",
    Code.FLOATING_IP_ASSOCIATE_FAILED: "an instance has more floating IPs than a short history can give it",
}
"""What no history of the rules can reach, and why."""


def play(number: int) -> None:
    """Play a round of histories: the same ones for the same number, wherever it is played."""
    for machine in MACHINES:
        wish = settings(
            machine.TestCase.settings,
            max_examples=EXAMPLES,
            database=None,
            derandomize=False,  # or Hypothesis plays the same round again and again where CI is set
            print_blob=False,
        )
        run_state_machine_as_test(seed(number)(machine), settings=wish)


def names(union: object) -> set[str]:
    """Return the names of the types of a catalogue."""
    return {one.__name__ for one in get_args(get_args(union)[0])}


def codes_of_the_rules() -> set[str]:
    """Return the codes that the rules of a cell name."""
    sources = Path(str(projections.cell.__file__)).parent.rglob("*.py")
    named = {code for source in sources for code in re.findall(r"Code\.([A-Z_]+)", source.read_text())}
    return {str(Code[name]) for name in named}


def missing() -> set[str]:
    """Return the commands and reports never granted, the events and codes never seen."""
    granted = {kind for kind, answer, _ in REACHED.answers if answer == GRANTED}
    refused_with = {code for _, code, _ in REACHED.answers}
    return (
        ((names(AnyCommand) | names(AnyReport)) - granted)
        | (names(AnyEvent) - set(REACHED.events) - set(UNREACHABLE_EVENTS))
        | (codes_of_the_rules() - refused_with - {str(code) for code in UNREACHABLE_CODES})
    )


@pytest.mark.slow
@pytest.mark.timeout(600)  # some ten thousand decisions, each compared with the obvious model
def test_random_histories_reach_everything() -> None:
    """Each type is granted at least once, each event comes about, each code is refused with."""
    for number in range(ROUNDS_MAX):
        play(number)
        if not missing():
            break

    assert missing() == set()


if __name__ == "__main__":
    for number in range(3):
        play(number)
    print(REACHED.table())  # noqa: T201 - what this is run for
    print("never:", *sorted(missing()))  # noqa: T201 - likewise
