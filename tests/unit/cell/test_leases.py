"""DHCP facts are fenced: one about an allocation that has ended changes nothing (nova's bug 1249065)."""

import pytest

from events.fixed_ips import FixedIpLeased, FixedIpReleased, StaleLeaseReported
from events.instances import MacGenerated
from events.refusals import Code
from tests.unit.given import Later, Scenario, fact, given, refused
from tests.unit.wishes import claim, create, delete, delete_network, lease, nic, register, release, spawn, uid

ADDRESS = "10.0.0.2"


def serving() -> tuple[Scenario, str]:
    """Return a cell whose host h1 serves an instance with 10.0.0.2, and the MAC of that instance."""
    scenario = given(create(), register("h1"), claim("h1"))
    (mac,) = scenario.when(spawn("vm", nic("net", ADDRESS))).of(MacGenerated)
    return scenario, mac.mac


def leased(scenario: Scenario) -> list[bool]:
    """Return whether each address of the network is leased."""
    return [held.leased for held in scenario.state.networks[uid("net")].pool.held.values()]


def test_a_guest_takes_its_lease() -> None:
    """The fact names the allocation that it is about."""
    scenario, mac = serving()
    allocation_id = next(iter(scenario.state.allocations))

    scenario.when(lease("h1", ADDRESS, mac)).then(
        fact(FixedIpLeased, allocation_id=allocation_id, address=ADDRESS, mac=mac, host="h1")
    )
    assert leased(scenario) == [True]


def test_failure_7_a_lease_that_is_known_leaves_no_trace() -> None:
    """Renewals never fill the ledger."""
    scenario, mac = serving()
    scenario.happens(lease("h1", ADDRESS, mac))

    scenario.when(lease("h1", ADDRESS, mac)).then()


def test_a_guest_gives_its_lease_back() -> None:
    """The allocation stays; a guest that runs dhclient -r keeps its address."""
    scenario, mac = serving()
    scenario.happens(lease("h1", ADDRESS, mac))

    scenario.when(release("h1", ADDRESS, mac)).then(fact(FixedIpReleased, address=ADDRESS, mac=mac))
    assert leased(scenario) == [False]
    scenario.when(release("h1", ADDRESS, mac)).then()


@pytest.mark.parametrize("report", [lease, release], ids=["lease", "release"])
def test_a_late_fact_about_the_last_holder_is_stale(report: type) -> None:
    """Its MAC is not the present holder's: recorded, and nothing changes."""
    scenario, mac = serving()
    scenario.happens(delete(), Later(600), spawn("next", nic("net", ADDRESS)))

    kind = "lease" if report is lease else "release"
    scenario.when(report("h1", ADDRESS, mac)).then(
        fact(StaleLeaseReported, report=kind, network_id=uid("net"), address=ADDRESS, mac=mac, host="h1")
    )
    assert leased(scenario) == [False]


def test_a_fact_about_a_free_address_is_stale() -> None:
    """Also about one that nobody ever held, or that the network does not have."""
    scenario, mac = serving()

    for address in ("10.0.0.9", "10.0.0.1", "9.9.9.9"):
        scenario.when(lease("h1", address, mac)).then(fact(StaleLeaseReported, address=address))


def test_failure_22_a_fact_about_a_deleted_network_is_stale() -> None:
    """The host has not heard yet."""
    scenario, mac = serving()
    scenario.happens(delete(), Later(600), delete_network())

    scenario.when(release("h1", ADDRESS, mac)).then(fact(StaleLeaseReported, report="release"))


def test_a_draining_address_may_still_end_its_lease() -> None:
    """Its MAC is still its holder's; the address stays in the drain."""
    scenario, mac = serving()
    scenario.happens(lease("h1", ADDRESS, mac), delete())

    scenario.when(release("h1", ADDRESS, mac)).then(fact(FixedIpReleased, address=ADDRESS))
    assert len(leased(scenario)) == 1


@pytest.mark.parametrize("report", [lease, release], ids=["lease", "release"])
def test_only_the_network_host_knows_of_leases(report: type) -> None:
    """Another host's DHCP server on that network is a fault, or a lie."""
    scenario, mac = serving()
    scenario.happens(register("h2"))

    scenario.when(report("h2", ADDRESS, mac)).then(
        refused(Code.REPORT_ABOUT_ANOTHER_HOST, "network_id", "h2", "h1")
    )


def test_nobody_reports_leases_of_an_unhosted_network() -> None:
    """No host was told to serve it."""
    given(create(), register()).when(lease("h1", ADDRESS, "fa:16:3e:00:00:01")).then(
        refused(Code.REPORT_ABOUT_ANOTHER_HOST, "network_id", "no host")
    )
