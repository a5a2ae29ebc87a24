"""The checks of what is held bite: whoever lets two have one thing, or one too much, is found out.

Where what is folded would not believe such a decision either, the mutant believes it: then only the records
tell.
"""

from typing import NamedTuple

import pytest

from events.moves import InstanceBound
from events.networks import NetworkClaimed
from events.projects import NetworkProjectAssigned
from projections.cell import quotas
from projections.cell.address import fixed_ips
from projections.cell.address.pool import AddressPool
from projections.cell.floating import floating_ips
from projections.cell.host import hosting, hosts, ownership
from projections.cell.instance import macs, moves
from projections.cell.network import projects
from projections.cell.state import Instance
from services.allocator.liveness import Liveness
from tests.simulation.memo import remembering
from tests.simulation.mutants import rules
from tests.simulation.mutants.mutant import SEEDS_MAX, Mutant
from tests.simulation.parts import Parts

SILENT = {"silence": 0.3, "lease_s": 2, "lease_margin": 1, "step_ms": 300, "business": 8}
LONG = {**SILENT, "lease_s": 30}
BUSY = {"business": 8, "race": 0.5}
VLANS = {**BUSY, "kind": "vlan"}


class FoundOut(NamedTuple):
    """A mutant, and a part of the sentence that finds it out."""

    says: str
    mutant: Mutant


MUTANTS = (
    FoundOut(
        "('address', ",
        Mutant(
            "two hold an address",
            patches=(
                (AddressPool, "candidates", rules.all_addresses),
                (AddressPool, "take", rules.hold_again),
            ),
            plan=BUSY,
        ),
    ),
    FoundOut(
        "('MAC', ",
        Mutant(
            "two NICs have a MAC",
            patches=(
                (macs, "draw", rules.draw_any_mac),
                (macs, "claim", rules.claim_any_mac),
                (macs, "give_back", rules.give_back_any_mac),
            ),
            plan={**BUSY, "mac_values": 4, "ipv6": False},
        ),
    ),
    FoundOut(
        "gets a network of h",
        Mutant(
            "two own a network",
            patches=((ownership, "decide_claim", rules.claim_what_is_owned),),
            events={NetworkClaimed: rules.own_what_is_owned},
            plan=BUSY,
        ),
    ),
    FoundOut(
        "('binding', ",
        Mutant(
            "two hosts have an instance",
            patches=((moves, "decide_bind", rules.bind_what_is_bound),),
            events={InstanceBound: rules.have_what_is_bound},
            plan=BUSY,
        ),
    ),
    FoundOut(
        '("network\'s project", ',
        Mutant(
            "two projects have a VLAN network",
            patches=((projects, "decide_add", rules.add_what_is_owned),),
            events={NetworkProjectAssigned: rules.belong_to_two},
            plan=VLANS,
        ),
    ),
    FoundOut("but may be ", Mutant("no quotas", patches=((quotas, "over", rules.never_over),), plan=BUSY)),
    FoundOut(
        "which is reserved",
        Mutant(
            "reserved addresses are handed out",
            patches=((AddressPool, "reserve", rules.reserve_nothing),),
            plan=BUSY,
        ),
    ),
    FoundOut(
        "points into another project",
        Mutant("floating IPs of others", patches=((floating_ips, "_target", rules.any_target),), plan=BUSY),
    ),
    FoundOut(
        "which it did not say",
        Mutant(
            "hosts let go unasked",
            patches=((hosts, "addresses_let_go", rules.everything_let_go),),
            plan=BUSY,
        ),
    ),
    FoundOut(
        "is free (timeout)",
        Mutant(
            "addresses drain too briefly",
            patches=((fixed_ips, "decide_expired", rules.everything_expired),),
            plan=BUSY,
        ),
    ),
    FoundOut(
        "does not wait for",
        Mutant("addresses wait for nobody", patches=((Instance, "hosts", rules.no_hosts),), plan=BUSY),
    ),
    FoundOut(
        "usage are ",
        Mutant("uncounted usage", patches=((quotas, "count", rules.do_nothing),), plan=BUSY),
    ),
    FoundOut(
        "an invariant of the state",
        Mutant("a stale index", patches=((hosting, "withdraw", rules.do_nothing),), plan=BUSY),
    ),
    FoundOut(
        "begins to serve",
        Mutant("takeovers at once", patches=((Liveness, "_due", rules.all_due),), plan=LONG),
    ),
    FoundOut(
        "begins to serve",
        Mutant("leases that do not run out", Parts(host=rules.ServesForEver), plan=SILENT),
    ),
)


@pytest.mark.parametrize("found", MUTANTS, ids=lambda found: found.mutant.name)
def test_a_rule_left_out_is_found_out(found: FoundOut) -> None:
    """Some seed finds it out, by the check that is for it."""
    with remembering():
        assert any(found.says in found.mutant.caught_by(seed) for seed in range(SEEDS_MAX))
