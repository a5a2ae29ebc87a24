"""The database's own alarm: a double holding put in by a forged ledger shows, and stops nothing."""

import random
from typing import Any

import psycopg
import pytest

from events.fixed_ips import FixedIpReserved, FixedIpUnreserved
from projections.ipam import history, queries
from projections.ipam.digest import digests
from tests.ipam import look, project
from tests.written_ledger import (
    WrittenLedger,
    allocated,
    allocation_id,
    associated,
    deallocated,
    delete,
    floating,
    freed,
    instance_id,
    leased,
    mac,
    network,
    network_id,
    spawn,
    vif_created,
)

NET = network_id(1)
ADDRESS = "10.1.0.5"
BATCHES = pytest.mark.parametrize("batch", [1, 2, 3, 1000])
"""The alarm must not depend on how decisions fall into batches."""


@pytest.fixture
def ledger() -> WrittenLedger:
    """Return a ledger with one network and an instance with 10.1.0.5."""
    ledger = WrittenLedger()
    ledger.decide(network(1))
    ledger.decide(*spawn(1, (NET, ADDRESS)))
    return ledger


def seen(dsn: str) -> list[dict[str, Any]]:
    """Return what was reported, oldest first."""
    with look(dsn) as reader:
        return list(reversed(history.conflicts(reader)))


@BATCHES
def test_two_current_holders(ledger: WrittenLedger, database: str, batch: int) -> None:
    """An address given out twice is reported with both holders, and both can be seen."""
    ledger.decide(allocated(2, 0, NET, ADDRESS))
    assert project(ledger, database, batch) == 1
    (conflict,) = seen(database)
    assert (conflict["problem"], conflict["what"], conflict["seq"]) == ("held twice", "fixed_ips", 3)
    assert conflict["held"] == {"network_id": NET, "address": ADDRESS}
    assert conflict["holder"]["instance_uuid"] == instance_id(1)
    assert conflict["other"]["instance_uuid"] == instance_id(2)
    assert (conflict["holder"]["from_seq"], conflict["other"]["from_seq"]) == (2, 3)
    with look(database) as reader:
        holders = queries.fixed_ips_by_address(reader, ADDRESS)
    assert [(row["instance_uuid"], row["contested"]) for row in holders] == [
        (instance_id(1), False),
        (instance_id(2), True),
    ]


@BATCHES
def test_a_holder_that_comes_and_goes_beside_another(
    ledger: WrittenLedger, database: str, batch: int
) -> None:
    """A short second hold is reported although nothing of it is left when the batch is written."""
    ledger.decide(allocated(2, 0, NET, ADDRESS))
    ledger.decide(freed(2, 0, NET, ADDRESS))
    assert project(ledger, database, batch) == 1
    with look(database) as reader:
        held = history.of_address(reader, ADDRESS)
    assert [(row["instance_uuid"], row["from"]["seq"], row["contested"]) for row in held] == [
        (instance_id(1), 2, False),
        (instance_id(2), 3, True),
    ]


@BATCHES
def test_a_holder_that_goes_while_another_stays(ledger: WrittenLedger, database: str, batch: int) -> None:
    """An ended hold that reaches into a current one is reported too."""
    ledger.decide(allocated(2, 0, NET, ADDRESS))
    ledger.decide(*delete(1, (NET, ADDRESS)))
    ledger.decide(freed(1, 0, NET, ADDRESS))
    assert project(ledger, database, batch) == 1
    assert [conflict["seq"] for conflict in seen(database)] == [3]


@BATCHES
def test_the_second_holder_becomes_the_first_and_meets_a_third(
    ledger: WrittenLedger, database: str, batch: int
) -> None:
    """When the first holder is gone, a third one conflicts with the second."""
    ledger.decide(allocated(2, 0, NET, ADDRESS))
    ledger.decide(freed(1, 0, NET, ADDRESS))
    ledger.decide(allocated(3, 0, NET, ADDRESS))
    ledger.decide(freed(2, 0, NET, ADDRESS))
    ledger.decide(freed(3, 0, NET, ADDRESS))
    assert project(ledger, database, batch) == 2
    second, third = seen(database)
    assert (second["seq"], third["seq"]) == (3, 5)
    assert third["holder"]["instance_uuid"] == instance_id(2)
    with look(database) as reader:
        held = history.of_address(reader, ADDRESS)
    assert [row["to"]["seq"] for row in held] == [4, 6, 7]


@BATCHES
def test_one_mac_on_two_nics(ledger: WrittenLedger, database: str, batch: int) -> None:
    """A MAC drawn twice in a cell is as bad as an address."""
    ledger.decide(vif_created(2, 0, NET).model_copy(update={"mac": mac(1, 0)}))
    assert project(ledger, database, batch) == 1
    assert [(one["what"], one["held"]) for one in seen(database)] == [("vifs", {"mac": mac(1, 0)})]


@BATCHES
def test_one_floating_ip_of_two_projects_and_on_two_instances(
    ledger: WrittenLedger, database: str, batch: int
) -> None:
    """Ownership and association are watched separately."""
    ledger.decide(floating("203.0.113.7", "blue"))
    ledger.decide(floating("203.0.113.7", "red"))
    ledger.decide(associated("203.0.113.7", allocated(1, 0, NET, ADDRESS)))
    ledger.decide(associated("203.0.113.7", allocated(2, 0, NET, "10.1.0.6")))
    assert project(ledger, database, batch) == 2
    assert [one["what"] for one in seen(database)] == ["floating_ips", "floating_associations"]


@BATCHES
def test_what_nobody_holds_cannot_be_given_back(ledger: WrittenLedger, database: str, batch: int) -> None:
    """An end, a lease and a release of an allocation that does not exist are reported."""
    ledger.decide(freed(9, 0, NET, "10.1.0.9"))
    ledger.decide(leased(9, 0, NET, "10.1.0.9"))
    ledger.decide(deallocated(9, 0, NET, "10.1.0.9"))
    assert project(ledger, database, batch) == 3
    assert [(one["seq"], one["problem"], one["holder"]) for one in seen(database)] == [
        (3, "not held", None),
        (4, "not held", None),
        (5, "not held", None),
    ]
    assert seen(database)[0]["other"]["allocation_id"] == allocation_id(9)


@BATCHES
def test_an_address_reserved_twice_or_unreserved_without_being_reserved(
    ledger: WrittenLedger, database: str, batch: int
) -> None:
    """It is reported; one that is reserved, unreserved and reserved again is not."""
    for address in ("10.1.0.9", "10.1.0.8", "10.1.0.9"):
        ledger.decide(FixedIpReserved(network_id=NET, address=address))
    for address in ("10.1.0.8", "10.1.0.7"):
        ledger.decide(FixedIpUnreserved(network_id=NET, address=address))
    ledger.decide(FixedIpReserved(network_id=NET, address="10.1.0.8"))
    assert project(ledger, database, batch) == 2
    assert [(one["problem"], one["held"]["address"]) for one in seen(database)] == [
        ("held twice", "10.1.0.9"),
        ("not held", "10.1.0.7"),
    ]
    with look(database) as reader:
        listed = queries.fixed_list(reader, NET)
    assert listed is not None
    assert [one["address"] for one in listed] == [ADDRESS, "10.1.0.8", "10.1.0.9"]


@BATCHES
def test_an_instance_spawned_twice(ledger: WrittenLedger, database: str, batch: int) -> None:
    """A network, an instance or its place in a group that is there already is reported; the first stays."""
    ledger.decide(*spawn(1))
    ledger.decide(network(1))
    assert project(ledger, database, batch) == 3
    assert [one["what"] for one in seen(database)] == ["instances", "security_group_members", "networks"]


@BATCHES
def test_the_same_hold_twice(ledger: WrittenLedger, database: str, batch: int) -> None:
    """One allocation that begins twice is two holds of one address."""
    ledger.decide(allocated(1, 0, NET, ADDRESS))
    assert project(ledger, database, batch) == 1
    assert [one["other"]["allocation_id"] for one in seen(database)] == [allocation_id(1)]


def test_giving_an_address_on_is_no_conflict(ledger: WrittenLedger, database: str) -> None:
    """A hold ends where the next begins: half-open, even within one decision."""
    ledger.decide(freed(1, 0, NET, ADDRESS), allocated(2, 0, NET, ADDRESS))
    ledger.decide(freed(2, 0, NET, ADDRESS))
    ledger.decide(allocated(3, 0, NET, ADDRESS), freed(3, 0, NET, ADDRESS))
    ledger.decide(allocated(4, 0, NET, ADDRESS))
    assert project(ledger, database) == 0


def test_the_same_address_of_two_networks_is_no_conflict(ledger: WrittenLedger, database: str) -> None:
    """What is held is an address on a network."""
    ledger.decide(network(2))
    ledger.decide(allocated(2, 0, network_id(2), ADDRESS))
    assert project(ledger, database) == 0


@pytest.mark.parametrize("seed", range(8))
def test_every_second_holder_is_reported_however_the_ledger_is_read(database: str, seed: int) -> None:
    """Random double holdings: each one is reported once, and the tables do not depend on the batches."""
    ledger = WrittenLedger()
    ledger.decide(network(1))
    chance = random.Random(seed)
    holders: dict[str, list[int]] = {f"10.1.0.{last}": [] for last in range(2, 6)}
    second_holders = 0
    for number in range(60):
        address = chance.choice(list(holders))
        if holders[address] and chance.random() < 0.6:
            gone = holders[address].pop(chance.randrange(len(holders[address])))
            ledger.decide(freed(gone, 0, NET, address))
        else:
            second_holders += bool(holders[address])
            holders[address].append(number)
            ledger.decide(allocated(number, 0, NET, address))
    found = set()
    for batch in (1, 2, 5, 1000):
        assert project(ledger, database, batch) == second_holders
        with look(database) as reader:
            found.add(tuple(digests(reader.connection).items()))
        with psycopg.connect(database) as connection:
            connection.execute("DROP SCHEMA ipam CASCADE")
    assert len(found) == 1


@pytest.mark.parametrize(
    ("span", "conflicts"),
    [((4, 6), 1), ((1, 3), 1), ((3, 4), 1), ((1, 9), 1), ((5, 5), 0), ((5, 9), 0), ((1, 2), 0)],
)
def test_ended_holds_are_compared_by_position(
    ledger: WrittenLedger, database: str, span: tuple[int, int], conflicts: int
) -> None:
    """The exclusion constraint alone catches what somebody wrote into the history by hand."""
    project(ledger, database)
    with psycopg.connect(database) as connection:
        connection.execute(
            """
            INSERT INTO ipam.fixed_ip_history SELECT network_id, address, gen_random_uuid(), vif_id, mac,
                instance_uuid, project_id, host, hostname, NULL, NULL, 'by hand', %s, now(), %s, now()
            FROM ipam.fixed_ips
            """,
            span,
        )
    for _ in range(2):
        ledger.decide(network(7 + ledger.seq))
    ledger.decide(freed(1, 0, NET, ADDRESS))
    assert ledger.seq == 5
    assert project(ledger, database) == conflicts
    assert [one["holder"]["reason"] for one in seen(database)] == ["by hand"] * conflicts
    with look(database) as reader:
        assert [row["contested"] for row in history.of_address(reader, ADDRESS)].count(True) == conflicts
