"""Decisions become row changes: folded in a batch, and never so that a second holder disappears."""

from typing import Any

from events.hosts import HostApplied
from events.ledger.follow import LedgerReader
from events.model import Event
from events.networks import NetworkClaimed, NetworkDeleted
from events.refusals import Code, Refusal
from projections.ipam.changes import Changes
from projections.ipam.rows import fold, storable
from projections.ipam.rows_hosts import array_text
from projections.ipam.tables import DECISION_COLUMNS, FIXED_IPS, HELD_TABLES, NETWORKS
from tests.host_events import registered
from tests.written_ledger import (
    LEDGER,
    WrittenLedger,
    allocated,
    allocation_id,
    deallocated,
    delete,
    draws,
    freed,
    instance_id,
    leased,
    mac,
    network,
    network_id,
    spawn,
)

NET = network_id(1)
ADDRESS = "10.1.0.5"


def folded(*decisions: tuple[Event, ...]) -> Changes:
    """Fold decisions with these events, from seq 1 on."""
    ledger = WrittenLedger()
    for events in decisions:
        ledger.decide(*events)
    return fold(LedgerReader(ledger.log, LEDGER, ledger.cell).poll(1000, 0.0))


def began(changes: Changes, table: str = "fixed_ips") -> list[dict[str, Any]]:
    """Return the rows of a table that began, by column."""
    holds = changes.holds[table]
    return [dict(zip(holds.table.columns, row, strict=True)) for row in holds.began.values()]


def passed(changes: Changes, table: str = "fixed_ips") -> list[dict[str, Any]]:
    """Return the rows of a table's history that began and ended in the batch, by column."""
    holds = changes.holds[table]
    return [dict(zip(holds.table.history_columns, row, strict=True)) for row in holds.passed]


def test_a_spawn_is_one_instance_and_a_nic_and_address_for_each_network() -> None:
    """Seven rows for two NICs, with its group and the decision's own."""
    changes = folded(spawn(1, (NET, ADDRESS), (network_id(2), "10.2.0.5")))
    counts = {name: len(holds.began) for name, holds in changes.holds.items() if holds.began}
    assert counts == {"instances": 1, "vifs": 2, "fixed_ips": 2, "security_group_members": 1}
    assert len(changes.decisions) == 1
    first = began(changes)[0]
    assert (first["address"], first["leased"], first["draining"], first["from_seq"]) == (
        ADDRESS,
        False,
        False,
        1,
    )
    assert first["from_time"] == "2026-05-28T20:26:41.000Z"


def test_what_begins_and_ends_in_a_batch_is_one_row_of_history() -> None:
    """Nothing is written that is deleted at once."""
    changes = folded(spawn(1, (NET, ADDRESS)), delete(1, (NET, ADDRESS)), (freed(1, 0, NET, ADDRESS),))
    assert all(not holds.began and not holds.ended for holds in changes.holds.values())
    (row,) = passed(changes)
    assert (row["from_seq"], row["released_seq"], row["to_seq"], row["reason"]) == (1, 2, 3, "applied")
    assert passed(changes, "vifs")[0]["mac"] == mac(1, 0)
    assert passed(changes, "instances")[0]["instance_uuid"] == instance_id(1)
    assert changes.released == {}


def test_two_holders_of_one_address_stay_two() -> None:
    """What the database must see is never folded away."""
    changes = folded((allocated(1, 0, NET, ADDRESS), allocated(2, 0, NET, ADDRESS)))
    assert {row["allocation_id"] for row in began(changes)} == {allocation_id(1), allocation_id(2)}
    assert not changes.irregular


def test_one_holder_that_begins_twice_cannot_be_folded() -> None:
    """Then the events have to be looked at one by one."""
    assert folded((allocated(1, 0, NET, ADDRESS),), (allocated(1, 0, NET, ADDRESS),)).irregular


def test_what_was_held_before_is_changed_where_it_is() -> None:
    """Leases and releases of earlier holds are updates; the last of several counts."""
    changes = folded((leased(1, 0, NET, ADDRESS),), (deallocated(1, 0, NET, ADDRESS, ("host-1", "host-2")),))
    where = (NET, ADDRESS, allocation_id(1))
    assert changes.leased == {where: True}
    assert changes.released[where][0] == 2
    assert changes.released[where][2] == '{"host-1","host-2"}'


def test_the_end_of_an_earlier_hold_takes_its_release_along() -> None:
    """Released and freed in one batch is one statement, not two."""
    changes = folded(
        (leased(1, 0, NET, ADDRESS), deallocated(1, 0, NET, ADDRESS)), (freed(1, 0, NET, ADDRESS),)
    )
    assert (changes.leased, changes.released) == ({}, {})
    (ended,) = changes.holds["fixed_ips"].ended
    names = [*FIXED_IPS.where, *FIXED_IPS.ending, "to_seq", "to_time"]
    row = dict(zip(names, ended, strict=True))
    assert (row["allocation_id"], row["released_seq"], row["to_seq"]) == (allocation_id(1), 1, 2)


def test_a_new_hold_is_leased_and_released_in_its_row() -> None:
    """An update of a row that is not written yet is that row."""
    changes = folded(
        spawn(1, (NET, ADDRESS)), (leased(1, 0, NET, ADDRESS),), (deallocated(1, 0, NET, ADDRESS),)
    )
    (row,) = began(changes)
    assert (row["leased"], row["draining"], row["released_seq"], row["waits_for"]) == (
        True,
        True,
        3,
        '{"host-1"}',
    )
    assert row["drain_until"] is not None


def test_a_networks_usable_addresses() -> None:
    """The size of its block less what is never handed out."""
    changes = folded((network(1),))
    (row,) = began(changes, "networks")
    assert (row["usable"], row["host"], row["epoch"], row["from_rank"]) == (65533, None, 0, 0)


def test_a_claim_of_a_new_and_of_an_earlier_network() -> None:
    """One changes the row that will be written, the other a row that is there."""
    claim = NetworkClaimed(network_id=NET, host="host-1", epoch=1)
    assert began(folded((network(1), claim)), "networks")[0]["host"] == "host-1"
    assert folded((claim,)).claimed == {NET: ["host-1", 1]}
    assert folded((claim,), (NetworkDeleted(network_id=NET),)).claimed == {}


def test_hosts() -> None:
    """A host that registers anew keeps the position of its first registration."""
    changes = folded(
        (registered("host-1", ("default",)),),
        (registered("host-1", ("default", "fast")),),
        (HostApplied(host="host-1", seq=1),),
    )
    assert changes.registered["host-1"][:2] == ["host-1", '{"default","fast"}']
    assert changes.registered["host-1"][6] == 1
    assert changes.let_go == {"host-1": 1}


def test_a_decision_says_who_asked_and_what_was_answered() -> None:
    """The row of a refusal, column by column."""
    ledger = WrittenLedger()
    refusal = Refusal(code=Code.NO_MORE_FIXED_IPS, field="requested_networks.0", message="It is full.")
    ledger.decide(refusal=refusal)
    changes = fold(LedgerReader(ledger.log, LEDGER, ledger.cell).poll(1000, 0.0))
    row = dict(zip(DECISION_COLUMNS, changes.decisions[0], strict=True))
    assert row == {
        "seq": 1,
        "log_offset": 2,
        "term": 1,
        "time": "2026-05-28T20:26:41.000Z",
        "cause": "SpawnInstance.v1",
        "subject": "-",
        "command_id": ledger.command_id(1),
        "correlation_id": None,
        "user_name": "ann",
        "project_id": "blue",
        "is_admin": False,
        "code": "NoMoreFixedIps",
        "field": "requested_networks.0",
        "message": "It is full.",
        "repeats_seq": None,
    }


def test_text_that_was_never_checked_is_made_storable() -> None:
    """PostgreSQL holds no NUL; a field that is no text is none."""
    assert storable("a\0b") == "a\\0b"
    assert storable("x" * 1000) == "x" * 255
    assert storable(5) is None
    assert storable(None) is None


def test_array_text() -> None:
    """A host may be called NULL."""
    assert array_text(()) == "{}"
    assert array_text(("a", "NULL")) == '{"a","NULL"}'


def test_tables_name_columns_that_they_have() -> None:
    """What goes to a history, tells holders apart or is changed later must be a column."""
    for table in HELD_TABLES:
        assert set(table.where) <= set(table.columns)
        assert set(table.kept) <= set(table.columns)
        assert table.columns[-2:] == ("from_seq", "from_time")
        assert set(table.where) <= set(table.history_columns)
    assert NETWORKS.history_columns[-4:] == ("from_seq", "from_time", "to_seq", "to_time")


def test_draws_differ_by_instance() -> None:
    """The written ledger's identities are distinct, or the tests above would prove nothing."""
    assert draws(1).uuid("vif", 0) != draws(2).uuid("vif", 0) != draws(2).uuid("vif", 1)
