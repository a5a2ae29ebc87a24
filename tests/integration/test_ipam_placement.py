"""Free addresses as the tables count them: by network, project and host, in one statement."""

from collections.abc import Iterator

import pytest

from events.fixed_ips import FixedIpReserved
from projections.ipam import placement
from projections.ipam.connection import Reader
from tests.host_events import registered
from tests.ipam import look, project
from tests.written_ledger import WrittenLedger, delete, network, network_id, spawn

ONE = FAST = network_id(1)
OWN, FIRST_VLAN = network_id(2), network_id(3)


@pytest.fixture
def reader(database: str) -> Iterator[Reader]:
    """Return the tables of a cell with networks of three kinds on two physical networks."""
    ledger = WrittenLedger()
    ledger.decide(
        network(1, physical_network="fast"),
        network(2, kind="flat", project_id="blue"),
        network(3, kind="vlan", physical_network="fast", vlan=3),
        network(4, kind="vlan", vlan=4),
        network(5, kind="vlan", vlan=5),
    )
    ledger.decide(registered("near", ("default", "fast")))
    ledger.decide(registered("far", ("default",)))
    ledger.decide(*spawn(1, (FAST, "10.1.0.2"), (OWN, "10.2.0.2")))
    ledger.decide(*spawn(2, (FAST, "10.1.0.3")))
    ledger.decide(*delete(2, (FAST, "10.1.0.3"), waits_for=("near",)))
    ledger.decide(*(FixedIpReserved(network_id=FAST, address=f"10.1.0.{last}") for last in (2, 9)))
    project(ledger, database)
    with look(database) as there:
        yield there


def test_held_draining_and_reserved_addresses_are_not_free(reader: Reader) -> None:
    """A held address that is reserved, too, counts once."""
    fast = placement.availability(reader).networks[0]

    numbers = {name: fast[name] for name in ("addresses", "used", "draining", "reserved", "free")}
    assert numbers == {"addresses": 65533, "used": 2, "draining": 1, "reserved": 2, "free": 65530}


def test_a_host_does_not_reach_every_network(reader: Reader) -> None:
    """Of one that has not registered nothing is known, so it counts as reaching all, as in a spawn."""

    def reached(host: str | None) -> list[bool]:
        return [row["reached"] for row in placement.availability(reader, host=host).networks]

    assert reached("near") == reached("unknown") == reached(None) == [True] * 5
    assert reached("far") == [False, True, False, True, True]


def test_a_project_that_sees_a_network_gets_no_other(reader: Reader) -> None:
    """What belongs to nobody and is no VLAN network is everybody's."""

    def seen(name: str) -> list[tuple[str, bool]]:
        rows = placement.availability(reader, project_id=name).networks
        return [(row["network_id"], row["on_demand"]) for row in rows]

    assert seen("blue") == [(FAST, False), (OWN, False)]
    assert seen("red") == [(FAST, False)]


def test_a_project_without_networks_is_told_of_the_one_that_it_would_get(database: str) -> None:
    """The first VLAN network of nobody that the host reaches, and only that one."""
    ledger = WrittenLedger()
    ledger.decide(registered("far"))
    ledger.decide(network(1, project_id="blue"))
    project(ledger, database)
    with look(database) as reader:
        assert placement.availability(reader, project_id="red") == ([], False)
    ledger.decide(*(network(number, kind="vlan", vlan=number, physical_network="fast") for number in (2, 3)))
    ledger.decide(*(network(number, kind="vlan", vlan=number) for number in (4, 5)))
    project(ledger, database)
    with look(database) as reader:

        def given_to(name: str, host: str | None = None) -> list[tuple[str, bool, bool]]:
            rows = placement.availability(reader, project_id=name, host=host).networks
            return [(row["network_id"], row["on_demand"], row["reached"]) for row in rows]

        assert given_to("red") == [(network_id(2), True, True)]
        assert given_to("red", "far") == [(network_id(2), True, False), (network_id(4), True, True)]
        assert given_to("blue", "far") == [(ONE, False, True)]
        assert placement.availability(reader, project_id="red").vlans


def test_what_is_requested_is_told_in_its_order(reader: Reader) -> None:
    """Networks that there are not have a place in it, too."""
    nobody = network_id(99)
    asked = [(OWN, "10.2.0.2"), (nobody, None), (FAST, "10.1.0.9"), (FIRST_VLAN, "10.1.0.1")]
    own, none, fast, vlan = placement.requested(reader, asked, host="far")

    assert [row["network_id"] for row in (own, none, fast, vlan)] == [OWN, nobody, FAST, FIRST_VLAN]
    assert (own["held"], own["kept"], own["inside"], own["planned"], own["reached"]) == (
        True,
        False,
        True,
        False,
        True,
    )
    assert (none["label"], none["address"], none["inside"]) == (None, None, False)
    assert (fast["held"], fast["kept"], fast["reached"], fast["free"]) == (False, True, False, 65530)
    assert (vlan["inside"], vlan["somewhere"]) == (False, True)
    assert placement.requested(reader, [(FAST, "10.1.0.1")])[0]["planned"]
