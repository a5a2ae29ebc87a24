"""What the tables answer: the present in nova's shapes, the past with who, when and why."""

import json
from collections.abc import Iterator

import pytest

from events.floating_ips import FloatingIpReleased, FloatingIpsCreated
from events.hosts import HostApplied, ReportApplied
from events.ids import uuid7
from events.networks import NetworkClaimed, NetworkDeleted
from events.repeats import CommandRepeated
from projections.ipam import floating as pools
from projections.ipam import history, placement, queries
from projections.ipam.connection import Reader
from projections.ipam.liveness import ReportPosition, read_report_position, write_reports
from tests.host_events import registered
from tests.ipam import look, project
from tests.written_ledger import (
    WrittenLedger,
    allocated,
    allocation_id,
    associated,
    delete,
    draws,
    floating,
    freed,
    instance_id,
    leased,
    mac,
    network,
    network_id,
    spawn,
    unassociated,
)

ONE, TWO = network_id(1), network_id(2)
FIRST = allocated(1, 0, ONE, "10.1.0.2")


@pytest.fixture
def ledger() -> WrittenLedger:
    """Return a ledger with a two-NIC instance that has a floating IP, and one that is gone."""
    ledger = WrittenLedger()
    ledger.decide(
        network(2, kind="flat", label="plain", dns1=None), network(1, bridge_interface="eth1", dns2="9.9.9.9")
    )
    ledger.decide(registered("host-1", ("default", "fast")))
    ledger.decide(NetworkClaimed(network_id=ONE, host="host-1", epoch=1))
    ledger.decide(*spawn(1, (ONE, "10.1.0.2"), (TWO, "10.2.0.2")), cause="SpawnInstance.v1")
    ledger.decide(FloatingIpsCreated(pool="nova", interface=None, first="203.0.113.1", last="203.0.113.14"))
    ledger.decide(floating("203.0.113.7"))
    ledger.decide(floating("203.0.113.3"))
    ledger.decide(associated("203.0.113.7", FIRST))
    ledger.decide(associated("203.0.113.3", FIRST))
    ledger.decide(*spawn(2, (ONE, "10.1.0.3")))
    ledger.decide(*delete(2, (ONE, "10.1.0.3")), cause="DeleteInstance.v1")
    return ledger


@pytest.fixture
def reader(ledger: WrittenLedger, database: str) -> Iterator[Reader]:
    """Return tables of that ledger, open for reading."""
    project(ledger, database)
    with look(database) as reader:
        yield reader


def test_network_info_has_exactly_novas_keys(reader: Reader) -> None:
    """A hypervisor driver written for nova finds what it looks for, and nothing else."""
    one = queries.instance(reader, instance_id(1))
    assert one is not None
    first, second = one["network_info"]
    assert first == {
        "id": draws(1).uuid("vif", 0),
        "address": mac(1, 0),
        "type": "bridge",
        "details": {},
        "devname": None,
        "ovs_interfaceid": None,
        "qbh_params": None,
        "qbg_params": None,
        "active": False,
        "vnic_type": "normal",
        "profile": None,
        "preserve_on_delete": False,
        "meta": {},
        "network": {
            "id": ONE,
            "bridge": "br1",
            "label": "net-1",
            "meta": {"tenant_id": None, "should_create_bridge": True, "bridge_interface": "eth1"},
            "subnets": [
                {
                    "cidr": "10.1.0.0/16",
                    "version": 4,
                    "routes": [],
                    "meta": {"dhcp_server": "10.1.0.1"},
                    "gateway": {"address": "10.1.0.1", "type": "gateway", "version": 4, "meta": {}},
                    "dns": [
                        {"address": "8.8.4.4", "type": "dns", "version": 4, "meta": {}},
                        {"address": "9.9.9.9", "type": "dns", "version": 4, "meta": {}},
                    ],
                    "ips": [
                        {
                            "address": "10.1.0.2",
                            "type": "fixed",
                            "version": 4,
                            "meta": {},
                            "floating_ips": [
                                {"address": "203.0.113.7", "type": "floating", "version": 4, "meta": {}},
                                {"address": "203.0.113.3", "type": "floating", "version": 4, "meta": {}},
                            ],
                        }
                    ],
                },
                {
                    "cidr": None,
                    "version": None,
                    "routes": [],
                    "meta": {},
                    "gateway": {"address": None, "type": "gateway", "version": None, "meta": {}},
                    "dns": [],
                    "ips": [],
                },
            ],
        },
    }
    assert second["network"]["meta"] == {"tenant_id": None}
    assert second["network"]["subnets"][0]["meta"] == {}
    assert second["network"]["subnets"][0]["dns"] == []
    assert [ip["address"] for ip in second["network"]["subnets"][0]["ips"]] == ["10.2.0.2"]


def test_an_instance_that_is_gone_or_never_was_is_none(reader: Reader) -> None:
    """Nobody is told about addresses that drain."""
    assert queries.instance(reader, instance_id(2)) is None
    assert queries.instance(reader, instance_id(99)) is None


def test_instances_are_listed_in_order_of_creation(ledger: WrittenLedger, database: str) -> None:
    """A list can be cut to a project, a host and a length, and its NICs stay in order."""
    for number in (9, 5, 7):
        ledger.decide(*spawn(number, (TWO, f"10.2.1.{number}"), (ONE, f"10.1.1.{number}")))
    project(ledger, database)
    with look(database) as reader:
        rows = queries.instances(reader)
        assert [row["instance_uuid"] for row in rows] == [instance_id(number) for number in (1, 9, 5, 7)]
        assert [len(row["network_info"]) for row in rows] == [2, 2, 2, 2]
        assert [nic["network"]["id"] for nic in rows[1]["network_info"]] == [TWO, ONE]
        assert len(queries.instances(reader, project_id="blue", limit=2)) == 2
        assert queries.instances(reader, project_id="red") == []
        assert queries.instances(reader, host="host-2") == []


def test_networks_are_listed_in_order_of_creation_with_counts(reader: Reader) -> None:
    """Order within one decision counts too; a draining address is used, and not free."""
    two, one = queries.networks(reader)
    assert (two["uuid"], one["uuid"]) == (TWO, ONE)
    assert (one["addresses"], one["used"], one["draining"], one["free"]) == (65533, 2, 1, 65531)
    assert (two["used"], two["draining"], two["free"]) == (1, 0, 65532)
    assert (one["host"], one["epoch"], two["host"]) == ("host-1", 1, None)
    assert queries.network(reader, ONE) == one
    assert queries.network(reader, network_id(9)) is None
    assert queries.networks_by_cidr(reader, "10.2.0.0/16") == [two]
    assert [row["free"] for row in placement.availability(reader).networks] == [65532, 65531]


def test_vifs_in_nic_order(reader: Reader) -> None:
    """Nova's order of NICs is that of their creation."""
    found = queries.vifs_by_instance(reader, instance_id(1))
    assert found is not None
    assert found.project_id == "blue"
    rows = found.vifs
    assert [(row["address"], row["net_uuid"], row["index"]) for row in rows] == [
        (mac(1, 0), ONE, 0),
        (mac(1, 1), TWO, 1),
    ]
    assert queries.vif_by_mac(reader, mac(1, 1)) == ("blue", [rows[1]])
    assert queries.vif_by_mac(reader, "fa:16:3e:ff:ff:ff") is None


def test_fixed_ips_of_a_network(reader: Reader) -> None:
    """A draining address is shown as not allocated, with whom it waits for."""
    active, draining = queries.fixed_ips(reader, ONE)
    assert (active["address"], active["allocated"], active["draining"]) == ("10.1.0.2", True, False)
    assert (draining["address"], draining["allocated"], draining["waits_for"]) == (
        "10.1.0.3",
        False,
        ["host-1"],
    )
    assert queries.fixed_ips_by_address(reader, "10.1.0.2") == [active]
    assert queries.fixed_ips_by_address(reader, "192.0.2.1") == []


def test_the_history_of_an_address(ledger: WrittenLedger, database: str) -> None:
    """Who held it from when to when, which commands began and ended it, and why it became free."""
    ledger.decide(freed(2, 0, ONE, "10.1.0.3"), cause="Timer.v1")
    ledger.decide(*spawn(3, (ONE, "10.1.0.3")))
    project(ledger, database)
    with look(database) as reader:
        past, present = history.of_address(reader, "10.1.0.3")
        assert history.of_address(reader, "10.1.0.3", TWO) == []
        assert history.of_instance(reader, instance_id(2)) == [past]
    assert (past["instance_uuid"], past["project_id"], past["mac"]) == (instance_id(2), "blue", mac(2, 0))
    assert past["from"] == {
        "seq": 10,
        "time": "2026-05-28T20:26:50.000Z",
        "command_id": ledger.command_id(10),
        "cause": "SpawnInstance.v1",
        "user": "ann",
        "project": "blue",
    }
    assert (past["released"]["seq"], past["released"]["cause"]) == (11, "DeleteInstance.v1")
    assert (past["to"]["seq"], past["to"]["cause"], past["reason"]) == (12, "Timer.v1", "applied")
    assert (present["instance_uuid"], present["from"]["seq"], present["to"]) == (instance_id(3), 13, None)
    assert (past["network"], past["network_id"]) == ("net-1", ONE)


def test_the_history_of_a_mac(reader: Reader) -> None:
    """A MAC is held from the NIC's creation to its end."""
    (gone,) = history.of_mac(reader, mac(2, 0))
    assert (gone["instance_uuid"], gone["from"]["seq"], gone["to"]["seq"]) == (instance_id(2), 10, 11)
    (current,) = history.of_mac(reader, mac(1, 0))
    assert (current["from"]["seq"], current["to"]) == (4, None)


def test_the_history_of_a_floating_ip(ledger: WrittenLedger, database: str) -> None:
    """Ownership and what it pointed at, together in order."""
    ledger.decide(unassociated("203.0.113.7", FIRST))
    ledger.decide(FloatingIpReleased(address="203.0.113.7", pool="nova", project_id="blue"))
    ledger.decide(floating("203.0.113.7", "red"))
    project(ledger, database)
    with look(database) as reader:
        rows = history.of_floating_ip(reader, "203.0.113.7")
    assert [
        (row["what"], row["project_id"], row["from"]["seq"], row["to"] and row["to"]["seq"]) for row in rows
    ] == [
        ("owned", "blue", 6, 13),
        ("associated", "blue", 8, 12),
        ("owned", "red", 14, None),
    ]
    assert (rows[1]["fixed_address"], rows[1]["instance_uuid"]) == ("10.1.0.2", instance_id(1))


def test_the_history_of_an_instance(ledger: WrittenLedger, database: str) -> None:
    """Its NICs, addresses and floating IPs, also when it is gone."""
    ledger.decide(unassociated("203.0.113.7", FIRST))
    project(ledger, database)
    with look(database) as reader:
        nics = history.vifs_of_instance(reader, instance_id(1))
        floating_ips = history.floating_ips_of_instance(reader, instance_id(1))
        gone = history.vifs_of_instance(reader, instance_id(2))
        assert history.floating_ips_of_instance(reader, instance_id(2)) == []
    assert [(row["index"], row["mac"], row["to"]) for row in nics] == [
        (0, mac(1, 0), None),
        (1, mac(1, 1), None),
    ]
    assert [(row["address"], row["to"] and row["to"]["seq"]) for row in floating_ips] == [
        ("203.0.113.7", 12),
        ("203.0.113.3", None),
    ]
    assert [row["to"]["cause"] for row in gone] == ["DeleteInstance.v1"]


def test_a_deleted_network_keeps_its_label_in_history(ledger: WrittenLedger, database: str) -> None:
    """An auditor reads a name, not only an id, after the network is gone."""
    ledger.decide(freed(2, 0, ONE, "10.1.0.3"), NetworkDeleted(network_id=ONE))
    project(ledger, database)
    with look(database) as reader:
        assert [row["network"] for row in history.of_address(reader, "10.1.0.3")] == ["net-1"]
        assert queries.network(reader, ONE) is None


def test_a_repeated_command_shows_its_first_decision(ledger: WrittenLedger, database: str) -> None:
    """What came of a command is what was decided first."""
    first = ledger.command_id(4)
    ledger.decide(CommandRepeated(command_id=first, first_seq=4, refusal=None), command_id=first)
    project(ledger, database)
    with look(database) as reader:
        asked = history.command(reader, first)
        assert history.command(reader, uuid7(1, 1)) is None
        assert history.decision(reader, 12) == (asked or {})["repeats"][0]
    assert asked is not None
    assert (asked["seq"], asked["cause"], asked["refusal"], asked["repeats_seq"]) == (
        4,
        "SpawnInstance.v1",
        None,
        None,
    )
    assert [(again["seq"], again["repeats_seq"]) for again in asked["repeats"]] == [(12, 4)]


def test_hosts_with_what_they_said(ledger: WrittenLedger, database: str) -> None:
    """Registration comes from the ledger, liveness from reports, of which the newest counts."""
    ledger.decide(HostApplied(host="host-1", seq=11))
    project(ledger, database)
    old, new = (
        ReportApplied(id=uuid7(ms), reporter="host-1", host="host-1", seq=ms, failures=0, repairs=ms)
        for ms in (1_780_000_001_000, 1_780_000_002_000)
    )
    stranger = new.model_copy(update={"host": "host-9", "reporter": "host-9"})
    with look(database) as reader:
        assert read_report_position(reader) is None
        write_reports(reader, [new, stranger], ReportPosition("topic-1", 2))
        write_reports(reader, [old], ReportPosition("topic-1", 3))
        assert read_report_position(reader) == ReportPosition("topic-1", 3)
        (host,) = queries.hosts(reader)
    assert host == {
        "host": "host-1",
        "physical_networks": ["default", "fast"],
        "state": "live",
        "network_host": True,
        "lease_s": 30,
        "epoch": 1,
        "fenced_until": None,
        "registered_seq": 2,
        "registered_at": "2026-05-28T20:26:42.000Z",
        "let_go_seq": 11,
        "applied_seq": 1_780_000_002_000,
        "failures": 0,
        "repairs": 1_780_000_002_000,
        "reported_at": "2026-05-28T20:26:42.000Z",
        "networks": 1,
        "instances": 1,
    }


def test_status_tells_where_the_tables_are(reader: Reader, ledger: WrittenLedger) -> None:
    """The lag is the end of the ledger less `next_offset`."""
    status = queries.status(reader)
    assert status is not None
    assert (status["cell"], status["ledger_id"], status["seq"], status["term"]) == (
        "default",
        "ledger-1",
        11,
        1,
    )
    assert (status["next_offset"], status["epoch"], status["conflicts"]) == (13, 0, 0)


def test_every_answer_is_json(reader: Reader) -> None:
    """The command line prints answers as they are."""
    answers = [
        queries.networks(reader),
        queries.hosts(reader),
        queries.instances(reader),
        queries.fixed_ips(reader, ONE),
        queries.fixed_list(reader),
        pools.floating_ips(reader),
        queries.status(reader),
        history.of_address(reader, "10.1.0.3"),
        history.of_mac(reader, mac(1, 0)),
        history.of_floating_ip(reader, "203.0.113.7"),
        history.decision(reader, 4),
        history.conflicts(reader),
    ]
    assert json.loads(json.dumps(answers)) == answers


def test_a_lease_shows(ledger: WrittenLedger, database: str) -> None:
    """Nova's `leased` flag."""
    ledger.decide(leased(1, 0, ONE, "10.1.0.2"))
    project(ledger, database)
    with look(database) as reader:
        assert [row["leased"] for row in queries.fixed_ips_by_address(reader, "10.1.0.2")] == [True]
        assert queries.fixed_ips_by_address(reader, "10.1.0.2")[0]["allocation_id"] == allocation_id(1)
