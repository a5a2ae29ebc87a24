"""Moves in the tables: who had an instance from when to when, and the alarm about two owners."""

from typing import Any

import pytest

from events.model import Event
from events.moves import InstanceBound, InstanceUnbound
from projections.ipam import history, queries
from projections.ipam.digest import digests
from tests.ipam import look, project
from tests.unit.given import Scenario, Step, given
from tests.unit.wishes import (
    add_ip,
    bind,
    create,
    delete,
    nic,
    prepare,
    register,
    spawn,
    teardown,
    uid,
    unbind,
)
from tests.written_ledger import WrittenLedger, instance_id, network, network_id
from tests.written_ledger import spawn as spawned

BATCHES = pytest.mark.parametrize("batch", [1, 2, 3, 1000])
"""Nothing may depend on how decisions fall into batches."""

BEGUN: tuple[Step, ...] = (create(), create("lan", "10.0.1.0/24"), register("h1"), register("h2"))


def written(*steps: Step) -> tuple[Scenario, WrittenLedger]:
    """Return a ledger of what was decided on some messages after the beginning."""
    scenario, ledger = given(), WrittenLedger()
    for step in (*BEGUN, *steps):
        assert not isinstance(step, Event)
        ledger.decide(*scenario.when(step).events)  # type: ignore[arg-type]  # no time passes here
    return scenario, ledger


MOVED: tuple[Step, ...] = (
    spawn("vm", nic("net"), nic("lan")),
    prepare(),
    add_ip("vm", "net"),
    unbind(dest="h2"),
    bind(rxtx_factor=2.0),
    prepare(host="h1"),
    teardown(host="h1"),
    bind(host="h1", source=None),
)


@BATCHES
def test_the_present_says_which_host_has_an_instance(database: str, batch: int) -> None:
    """The instance, its NICs and its addresses agree."""
    _, ledger = written(*MOVED)
    assert project(ledger, database, batch) == 0
    with look(database) as reader:
        found = queries.instance(reader, uid("vm"))
        assert found is not None
        hosts = [row["host"] for row in queries.fixed_ips(reader, uid("net"))]
        nics = [row["host"] for row in history.vifs_of_instance(reader, uid("vm"))]
    assert (found["host"], found["epoch"], found["prepared"], found["rxtx_factor"]) == ("h1", 3, [], 2.0)
    assert (hosts, nics) == (["h1", "h1"], ["h1", "h1"])


@BATCHES
@pytest.mark.parametrize("deleted", [False, True])
def test_the_past_says_which_host_had_it_from_when_to_when(
    database: str,
    batch: int,
    deleted: bool,  # noqa: FBT001 - pytest passes it
) -> None:
    """Bindings and hosts made ready, in order; also of an instance that is gone."""
    _, ledger = written(*MOVED, *((delete(),) if deleted else ()))
    assert project(ledger, database, batch) == 0
    with look(database) as reader:
        spans = [
            (row["what"], row["host"], row["epoch"], row["from"]["seq"], row["to"] and row["to"]["seq"])
            for row in history.hosts_of_instance(reader, uid("vm"))
        ]
    assert spans == [
        ("bound", "h1", 1, 5, 8),
        ("prepared", "h2", None, 6, 9),
        ("bound", "h2", 2, 9, 12),
        ("prepared", "h1", None, 10, 11),
        ("bound", "h1", 3, 12, 13 if deleted else None),
    ]


@BATCHES
def test_an_instance_that_is_gone_in_the_middle_of_a_move_was_nobodys(database: str, batch: int) -> None:
    """Its rows of history name no host; the binding before does."""
    _, ledger = written(spawn("vm", nic("net")), unbind(), delete())
    assert project(ledger, database, batch) == 0
    with look(database) as reader:
        (held,) = history.of_instance(reader, uid("vm"))
        (bound,) = history.hosts_of_instance(reader, uid("vm"))
    assert held["host"] is None
    assert (bound["host"], bound["to"]["seq"]) == ("h1", 6)


def _bound(host: str, epoch: int) -> InstanceBound:
    return InstanceBound(
        instance_uuid=instance_id(1),
        host=host,
        epoch=epoch,
        prepared=False,
        hostname=None,
        rxtx_factor=None,
        security_groups=(),
        ports=(),
    )


def _unbound(host: str, epoch: int) -> InstanceUnbound:
    return InstanceUnbound(instance_uuid=instance_id(1), host=host, epoch=epoch, ports=())


def forged(*decisions: Event) -> WrittenLedger:
    """Return a ledger with an instance on host-1 and whatever else somebody wrote into it."""
    ledger = WrittenLedger()
    ledger.decide(network(1))
    ledger.decide(*spawned(1, (network_id(1), "10.1.0.5")))
    for event in decisions:
        ledger.decide(event)
    return ledger


def seen(dsn: str) -> list[tuple[str, str, Any]]:
    """Return what was reported, oldest first: problem, table, who came."""
    with look(dsn) as reader:
        found = reversed(history.conflicts(reader))
        return [(one["problem"], one["what"], one["other"]["host"]) for one in found]


@BATCHES
def test_two_owners_of_one_binding_are_reported(database: str, batch: int) -> None:
    """The second is written, because the ledger says so; the alarm says who was there."""
    assert project(forged(_bound("host-2", 2)), database, batch) == 1
    assert seen(database) == [("held twice", "instances", "host-2")]
    with look(database) as reader:
        found = queries.instance(reader, instance_id(1))
    assert found is not None
    assert found["host"] == "host-2"


@BATCHES
@pytest.mark.parametrize("wrong", [_unbound("host-2", 1), _unbound("host-1", 2)])
def test_a_host_that_does_not_have_it_cannot_lose_it(
    database: str, batch: int, wrong: InstanceUnbound
) -> None:
    """Reported; the owner stays."""
    assert project(forged(wrong), database, batch) == 1
    assert seen(database) == [("not held", "instances", None)]
    with look(database) as reader:
        found = queries.instance(reader, instance_id(1))
    assert found is not None
    assert found["host"] == "host-1"


@BATCHES
def test_a_move_of_nothing_is_reported(database: str, batch: int) -> None:
    """An instance that there is not."""
    ledger = WrittenLedger()
    ledger.decide(network(1))
    ledger.decide(_unbound("host-1", 1))
    assert project(ledger, database, batch) == 1
    assert seen(database) == [("not held", "instances", None)]


def test_a_move_belongs_to_the_digests(database: str) -> None:
    """A rebuild that lost a binding would be seen."""
    project(written(*MOVED)[1], database)
    with look(database) as reader:
        assert {"instance_binding_history", "prepared_instance_history"} <= set(digests(reader.connection))
