"""The simulation bites: whoever leaves out a sentence of the protocol is found out."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from events.ledger import follow
from projections.cell import state as cell_state
from services.allocator import engine, runner_attempt
from tests.simulation import mutants
from tests.simulation.memo import remembering
from tests.simulation.parts import Parts
from tests.simulation.plan import draw_plan
from tests.simulation.seeds import FailedSeed, run_seed

SEEDS_MAX = 500
"""Most seeds that a mutant may survive. Most live for a few, the rarest on average for sixty."""
SEEDS_OF_THE_REAL_ONE = 30


@dataclass(frozen=True)
class Mutant:
    """What is left out, and how."""

    name: str
    parts: Parts = field(default_factory=Parts)
    patches: tuple[tuple[Any, str, Any], ...] = ()
    plan: dict[str, Any] = field(default_factory=dict)
    """What its seeds have in common: the fault that it is blind to."""

    def caught_by(self, seed: int) -> str:
        """Return what a seed finds out about it; empty for nothing."""
        plan = draw_plan(Random(seed))._replace(**{"disaster": "none", **self.plan})
        with ExitStack() as stack:
            for module, name, value in self.patches:
                stack.enter_context(patch.object(module, name, value))
            try:
                run_seed(seed, self.parts, plan)
            except FailedSeed as failed:
                return str(failed)
        return ""


def _nothing(*_args: object) -> None:
    """Find everything right."""


NO_LOOK_BACK = ((follow, "check_position", _nothing), (runner_attempt, "check_position", _nothing))
"""Nobody reads the record at its own position again (S10)."""
HARSH = {"lost_append": 0.25, "crash": 0.3, "flip": 0.8}
VANISHING = {"silently_lost_append": 0.2}
LATE = {"repeated_append": 0.3}
LOST_TAIL = {"disaster": "truncate", "disaster_at": 60}
OLD_BACKUP = {"disaster": "backup", "disaster_at": 60}

TRIMMED_INPUT = {"disaster": "trim input", "disaster_at": 60}
PLANS = (LATE, HARSH, VANISHING, LOST_TAIL, OLD_BACKUP, TRIMMED_INPUT)

MUTANTS = (
    Mutant("claims of any term", Parts(fold=mutants.ClaimsOfAnyTerm), plan=LATE),
    Mutant("decisions of any term and owner", Parts(fold=mutants.AnyTermAndOwner)),
    Mutant("any seq", Parts(fold=mutants.AnySeq)),
    Mutant("seqs with gaps", Parts(fold=mutants.SeqWithGaps)),
    Mutant("seqs with duplicates", Parts(fold=mutants.SeqWithDuplicates)),
    Mutant("no read-back", Parts(engine=mutants.TrustsItsAppends)),
    Mutant("acknowledging before read-back", Parts(caller=mutants.BelievesTheAllocator), plan=HARSH),
    Mutant("resume at the start", Parts(engine=mutants.ResumesAtTheStart, fold=mutants.InputsAgain)),
    Mutant("resume at the end", Parts(attempt=mutants.ResumesAtTheEnd)),
    Mutant("owning before the own claim", Parts(engine=mutants.OwnsBeforeItsClaim)),
    Mutant("one owner id for all", Parts(new_owner=mutants.one_owner_id_for_all)),
    Mutant(
        "timers without inputs",
        Parts(fold=mutants.InputsAgain),
        patches=((engine, "Decider", mutants.TimersForgetInputs),),
    ),
    Mutant("repeats decided again", patches=((engine, "Decider", mutants.DecidesRepeatsAgain),)),
    Mutant("a reused seq", Parts(engine=mutants.ReusesSeqs, attempt=mutants.OpensAnotherAppender)),
    Mutant("a stored position without term", Parts(reader=mutants.StoresNoTerm)),
    Mutant("a snapshot without window", Parts(reader=mutants.StoresNoWindow)),
    Mutant("going on after an own invalid record", Parts(engine=mutants.GoesOnAfterInvalid), plan=VANISHING),
    Mutant("no read-back timeout", Parts(engine=mutants.WaitsForEver), plan=VANISHING),
    Mutant("eviction forgotten", patches=((cell_state, "Window", mutants.ForgetsThatItForgot),)),
    Mutant("callers that match the id alone", Parts(caller=mutants.MatchesTheIdAlone)),
    Mutant("callers that do not judge", Parts(caller=mutants.DoesNotJudge)),
    Mutant("callers that start anywhere", Parts(caller=mutants.StartsAnywhere)),
    Mutant("retries stamped anew", Parts(caller=mutants.StampsRetriesAnew)),
    Mutant(
        "no alarms, no look back; lost tail",
        Parts(fold=mutants.SkipsInsteadOfAlarms),
        NO_LOOK_BACK,
        LOST_TAIL,
    ),
    Mutant(
        "no alarms, no look back; backup", Parts(fold=mutants.SkipsInsteadOfAlarms), NO_LOOK_BACK, OLD_BACKUP
    ),
    Mutant("no chain, no look back", Parts(fold=mutants.NoChain), NO_LOOK_BACK, LOST_TAIL),
    Mutant("no look back", Parts(), NO_LOOK_BACK, OLD_BACKUP),
    Mutant(
        "no resume check",
        Parts(engine=mutants.NoResumeCheck),
        plan=TRIMMED_INPUT,
    ),
    Mutant("epochs that keep the owner", Parts(fold=mutants.EpochsKeepTheOwner), plan=LOST_TAIL),
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
