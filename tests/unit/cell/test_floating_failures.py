"""What went wrong with nova's floating IPs, by its number in nova-network.md section 18."""

from events.addresses import ipv4_number, ipv4_text
from events.fixed_ips import FixedIpDeallocated
from events.floating_ips import FloatingIpAllocated, FloatingIpAssociated, FloatingIpDisassociated
from events.refusals import Code
from tests.unit.cell.test_floating_ips import FIXED, FLOATING, owned
from tests.unit.given import fact, refused
from tests.unit.wishes import BOB, associate, delete, floating_allocate, floating_release, nic, spawn


def test_failure_10_what_points_elsewhere_is_named_by_the_decision() -> None:
    """A move tells both ends; nothing is left for a host to remember, so no rule is left behind."""
    scenario = owned(associate(FLOATING, FIXED), spawn("other", nic("net", "10.0.0.9")))
    before = scenario.state.floating_ips[ipv4_number(FLOATING)].association
    moved = scenario.when(associate(FLOATING, "10.0.0.9"))

    assert before is not None
    assert moved.of(FloatingIpDisassociated)[0].allocation_id == before.allocation_id
    gone = scenario.when(delete("other"))
    ended = gone.of(FloatingIpDisassociated)[0]
    assert ended.allocation_id == moved.of(FloatingIpAssociated)[0].allocation_id
    assert gone.events.index(ended) < [type(event) for event in gone.events].index(FixedIpDeallocated)


def test_failure_11_a_floating_ip_is_at_one_instance_and_never_orphaned() -> None:
    """Repeated, crossed and late commands: one target at any time, and a project that can let go."""
    scenario = owned(spawn("other", nic("net", "10.0.0.9")))
    scenario.happens(associate(FLOATING, FIXED), associate(FLOATING, "10.0.0.9"), associate(FLOATING, FIXED))
    pointed = [one.address for one in scenario.state.allocations.values() if one.floating]

    assert [ipv4_text(address) for address in pointed] == [FIXED]
    scenario.when(floating_release(FLOATING)).then(refused(Code.FLOATING_IP_ASSOCIATED, "address"))
    scenario.happens(delete(), floating_release(FLOATING))
    scenario.when(floating_release(FLOATING)).then(refused(Code.FORBIDDEN, "address"))
    scenario.when(floating_allocate(BOB, "blue")).then(fact(FloatingIpAllocated, project_id="blue"))
