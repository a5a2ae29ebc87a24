"""The simulation bites: whoever leaves out a sentence of the protocol is found out."""

from typing import Any

import pytest

from events.ledger import follow
from projections.cell import state as cell_state
from services.allocator import engine, runner_attempt
from tests.simulation.memo import remembering
from tests.simulation.mutants import allocators, judges, readers
from tests.simulation.mutants.mutant import SEEDS_MAX, Mutant
from tests.simulation.parts import Parts

SEEDS_OF_THE_REAL_ONE = 30


def _nothing(*_args: object) -> None:
    """Find everything right."""


NO_LOOK_BACK = ((follow, "check_position", _nothing), (runner_attempt, "check_position", _nothing))
"""Nobody reads the record at its own position again (S10)."""
HARSH = {"lost_append": 0.25, "crash": 0.3, "flip": 0.8}
VANISHING = {"silently_lost_append": 0.2}
LATE = {"repeated_append": 0.3}
LOST_TAIL = {"disaster": "truncate", "disaster_at": 60}
OLD_BACKUP = {"disaster": "backup", "disaster_at": 60}

TRUNCATED_INPUT = {"disaster": "truncate input", "disaster_at": 60}
TRIMMED_INPUT = {"disaster": "trim input", "disaster_at": 60}
PLANS = (LATE, HARSH, VANISHING, LOST_TAIL, OLD_BACKUP, TRIMMED_INPUT, TRUNCATED_INPUT)

MUTANTS = (
    Mutant("claims of any term", Parts(fold=judges.ClaimsOfAnyTerm), plan=LATE),
    Mutant("decisions of any term and owner", Parts(fold=judges.AnyTermAndOwner)),
    Mutant("any seq", Parts(fold=judges.AnySeq)),
    Mutant("seqs with gaps", Parts(fold=judges.SeqWithGaps)),
    Mutant("seqs with duplicates", Parts(fold=judges.SeqWithDuplicates)),
    Mutant("no read-back", Parts(engine=allocators.TrustsItsAppends)),
    Mutant("acknowledging before read-back", Parts(caller=readers.BelievesTheAllocator), plan=HARSH),
    Mutant("resume at the start", Parts(engine=allocators.ResumesAtTheStart, fold=judges.InputsAgain)),
    Mutant("resume at the end", Parts(attempt=allocators.ResumesAtTheEnd)),
    Mutant("owning before the own claim", Parts(engine=allocators.OwnsBeforeItsClaim)),
    Mutant("one owner id for all", Parts(new_owner=allocators.one_owner_id_for_all)),
    Mutant(
        "timers without inputs",
        Parts(fold=judges.InputsAgain),
        patches=((engine, "Decider", allocators.TimersForgetInputs),),
    ),
    Mutant("repeats decided again", patches=((engine, "Decider", allocators.DecidesRepeatsAgain),)),
    Mutant("a reused seq", Parts(engine=allocators.ReusesSeqs, attempt=allocators.OpensAnotherAppender)),
    Mutant("a stored position without term", Parts(reader=readers.StoresNoTerm)),
    Mutant("a snapshot without window", Parts(reader=readers.StoresNoWindow)),
    Mutant(
        "going on after an own invalid record", Parts(engine=allocators.GoesOnAfterInvalid), plan=VANISHING
    ),
    Mutant("no read-back timeout", Parts(engine=allocators.WaitsForEver), plan=VANISHING),
    Mutant("eviction forgotten", patches=((cell_state, "Window", allocators.ForgetsThatItForgot),)),
    Mutant(
        "another body in its place",
        patches=((cell_state, "Window", allocators.RemembersAnotherBody),),
        plan={"repeated_mail": 0.6},
    ),
    Mutant("callers that match the id alone", Parts(caller=readers.MatchesTheIdAlone)),
    Mutant("callers that do not judge", Parts(caller=readers.DoesNotJudge)),
    Mutant("callers that start anywhere", Parts(caller=readers.StartsAnywhere)),
    Mutant("retries stamped anew", Parts(caller=readers.StampsRetriesAnew)),
    Mutant(
        "no alarms, no look back; lost tail",
        Parts(fold=judges.SkipsInsteadOfAlarms),
        NO_LOOK_BACK,
        LOST_TAIL,
    ),
    Mutant(
        "no alarms, no look back; backup", Parts(fold=judges.SkipsInsteadOfAlarms), NO_LOOK_BACK, OLD_BACKUP
    ),
    Mutant("no chain, no look back", Parts(fold=judges.NoChain), NO_LOOK_BACK, LOST_TAIL),
    Mutant(
        "no resume check",
        Parts(engine=allocators.NoResumeCheck),
        plan=TRIMMED_INPUT,
    ),
    Mutant("no resume check; cut input", Parts(engine=allocators.NoResumeCheck), plan=TRUNCATED_INPUT),
    Mutant("epochs that keep the owner", Parts(fold=judges.EpochsKeepTheOwner), plan=LOST_TAIL),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_found_out(mutant: Mutant) -> None:
    """Some seed finds it out."""
    with remembering():
        assert any(mutant.caught_by(seed) for seed in range(SEEDS_MAX))


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_the_same_faults_do_not_harm_the_real_one(plan: dict[str, Any]) -> None:
    """What the mutants fall over is what was left out of them."""
    with remembering():
        assert [
            seed for seed in range(SEEDS_OF_THE_REAL_ONE) if Mutant("none", plan=plan).caught_by(seed)
        ] == []
