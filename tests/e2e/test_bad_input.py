"""What bad input gets: its own code, the field, a sentence; and nothing has changed."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from events.ids import uuid7
from events.log.port import Message, TopicSpec
from events.log.postgres import PostgresLog
from events.record import Genesis, encode_genesis
from services.allocator.runner import CellTopics, now_ms
from services.embedded.postgres import EmbeddedPostgres
from tests.e2e.driver import Netledger
from tests.eventually import eventually

pytestmark = pytest.mark.slow

NOBODY = "0195f3c0-7a2b-7c3d-9e4f-0123456789ab"
"""An id of nothing."""

CREATE = {"label": "bad", "cidr": "10.40.0.0/24"}
SPAWN = {"project_id": "p", "host": "h"}

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("create_networks", {"label": "x"}, "NetworkNotCreated", "cidr"),
    ("create_networks", {**CREATE, "surplus": 1}, "InvalidInput", "surplus"),
    ("create_networks", {**CREATE, "cidr": "10.40.0.0"}, "InvalidCidr", "cidr"),
    ("create_networks", {**CREATE, "cidr": "10.40.0.0/33"}, "InvalidCidr", "cidr"),
    ("create_networks", {**CREATE, "cidr": "fd00::/64"}, "InvalidCidr", "cidr"),
    ("create_networks", {**CREATE, "cidr": "10.40.0.0/31"}, "InvalidCidr", "cidr"),
    ("create_networks", {**CREATE, "label": ""}, "InvalidInput", "label"),
    ("create_networks", {**CREATE, "label": "x" * 256}, "LabelTooLong", "label"),
    ("create_networks", {**CREATE, "label": "a\nb"}, "InvalidInput", "label"),
    ("create_networks", {**CREATE, "uuid": "not-one"}, "InvalidInput", "uuid"),
    ("create_networks", {**CREATE, "kind": "token-ring"}, "InvalidInput", "kind"),
    ("create_networks", {**CREATE, "gateway": "10.40.0"}, "InvalidAddress", "gateway"),
    ("create_networks", {**CREATE, "gateway": "10.41.0.1"}, "AddressOutOfRange", "gateway"),
    ("create_networks", {**CREATE, "allowed_start": "10.41.0.1"}, "AddressOutOfRange", "allowed_start"),
    ("create_networks", {**CREATE, "bridge": "a-name-longer-than-15"}, "InvalidInput", "bridge"),
    ("create_networks", {**CREATE, "mtu": 12}, "InvalidInput", "mtu"),
    ("create_networks", {**CREATE, "cidr": "10.41.0.0/16"}, "CidrConflict", "cidr"),
    ("create_networks", {**CREATE, "num_networks": 0}, "InvalidInput", "num_networks"),
    ("create_networks", {**CREATE, "num_networks": "many"}, "InvalidIntValue", "num_networks"),
    ("create_networks", {"cidr": "10.40.0.0/24"}, "NetworkNotCreated", "label"),
    ("create_networks", {**CREATE, "kind": "vlan"}, "NetworkNotCreated", "bridge_interface"),
    ("create_networks", {**CREATE, "vlan": 7}, "InvalidInput", "vlan"),
    ("create_networks", {**CREATE, "vpn": True}, "InvalidInput", "vpn"),
    ("create_networks", {"label": "x", "cidr_v6": "fd00::/65"}, "InvalidCidr", "cidr_v6"),
    ("create_networks", {"label": "x", "cidr_v6": "10.40.0.0/24"}, "InvalidCidr", "cidr_v6"),
    (
        "create_networks",
        {**CREATE, "gateway_v6": "x", "cidr_v6": "fd00::/64"},
        "InvalidAddress",
        "gateway_v6",
    ),
    ("create_networks", {**CREATE, "network_size": 512}, "InvalidCidr", "cidr"),
    ("create_networks", {**CREATE, "num_networks": 2, "bridge": "br9"}, "InvalidInput", "bridge"),
    ("create_networks", {**CREATE, "cidr": "10.41.0.0/23", "num_networks": 2}, "CidrConflict", "cidr"),
    ("create_networks", {**CREATE, "fixed_cidr": "10.40.0.64"}, "InvalidCidr", "fixed_cidr"),
    ("create_networks", {**CREATE, "fixed_cidr": "10.41.0.0/26"}, "AddressOutOfRange", "fixed_cidr"),
    ("delete_network", {}, "InvalidInput", "uuid"),
    ("delete_network", {"uuid": NOBODY}, "NetworkNotFound", "uuid"),
    ("delete_network", {"uuid": ""}, "InvalidInput", "uuid"),
    ("network_modify", {"network_uuid": "", "project": "p"}, "InvalidInput", "network_uuid"),
    ("delete_network", {"fixed_range": "10.40.0.0/24"}, "NetworkNotFound", "fixed_range"),
    ("get_network", {"network_uuid": NOBODY}, "NetworkNotFound", "network_uuid"),
    ("get_network", {"network_uuid": 7}, "InvalidInput", "network_uuid"),
    ("allocate_for_instance", {"host": "h"}, "InvalidInput", "project_id"),
    ("allocate_for_instance", {**SPAWN, "instance_uuid": "i-17"}, "InvalidInput", "instance_uuid"),
    ("allocate_for_instance", {**SPAWN, "instance_uuid": ""}, "InvalidInput", "instance_uuid"),
    (
        "allocate_for_instance",
        {**SPAWN, "instance_uuid": NOBODY, "instance_id": NOBODY[:-1] + "1"},
        "InvalidInput",
        "instance_uuid",
    ),
    ("allocate_for_instance", {**SPAWN, "host": "a host"}, "InvalidInput", "host"),
    (
        "allocate_for_instance",
        {**SPAWN, "requested_networks": [[NOBODY]]},
        "NoNetworksFound",
        "requested_networks.0.network_id",
    ),
    (
        "allocate_for_instance",
        {**SPAWN, "requested_networks": [["NET", "10.41.0.300"]]},
        "InvalidAddress",
        "requested_networks.0.address",
    ),
    (
        "allocate_for_instance",
        {**SPAWN, "requested_networks": [["NET", "10.99.0.3"]]},
        "FixedIpNotFoundForNetwork",
        "requested_networks.0.address",
    ),
    (
        "allocate_for_instance",
        {**SPAWN, "requested_networks": [["NET"], ["FULL"]]},
        "NoMoreFixedIps",
        "requested_networks.1.network_id",
    ),
    (
        "allocate_for_instance",
        {**SPAWN, "requested_networks": [["NET"]] * 65},
        "InvalidInput",
        "requested_networks",
    ),
    ("deallocate_for_instance", {}, "InvalidInput", "instance_uuid"),
    ("get_instance_nw_info", {"instance_id": NOBODY}, "InstanceNotFound", "instance_uuid"),
    ("get_vif_by_mac_address", {"mac_address": "fa:16:3e"}, "InvalidInput", "mac_address"),
    ("get_vif_by_mac_address", {"mac_address": "01:00:5e:00:00:01"}, "InvalidInput", "mac_address"),
    ("add_fixed_ip_to_instance", {"network_id": "NET"}, "InvalidInput", "instance_uuid"),
    (
        "add_fixed_ip_to_instance",
        {"instance_uuid": NOBODY, "network_id": "NET"},
        "InstanceNotFound",
        "instance_uuid",
    ),
    (
        "remove_fixed_ip_from_instance",
        {"instance_uuid": NOBODY, "address": "10.41"},
        "InvalidAddress",
        "address",
    ),
    ("get_fixed_ip_by_address", {"address": "10.41.0.77"}, "FixedIpNotFoundForAddress", "address"),
    ("get_fixed_ip_by_address", {"address": "10.41.0"}, "FixedIpInvalid", "address"),
    ("fixed_reserve", {"address": "10.99.0.1"}, "FixedIpNotFoundForAddress", "address"),
    ("fixed_unreserve", {"address": "10.41.0.1"}, "FixedIpNotFoundForNetwork", "address"),
    ("fixed_list", {"network_uuid": NOBODY}, "NetworkNotFound", "network_uuid"),
    ("floating_create", {"ip_range": "192.0.2.0/31"}, "InvalidInput", "ip_range"),
    ("floating_create", {"ip_range": "here"}, "InvalidInput", "ip_range"),
    ("allocate_floating_ip", {"project_id": "p", "pool": "none"}, "FloatingIpPoolNotFound", "pool"),
    ("allocate_floating_ip", {}, "InvalidInput", "project_id"),
    ("deallocate_floating_ip", {"address": "192.0.2.77"}, "FloatingIpNotFoundForAddress", "address"),
    ("disassociate_floating_ip", {"address": "192.0.2"}, "InvalidAddress", "address"),
    (
        "associate_floating_ip",
        {"floating_address": "192.0.2.77", "fixed_address": "10.41.0.2"},
        "FloatingIpNotFoundForAddress",
        "floating_address",
    ),
    ("get_floating_ip_by_address", {"address": "192.0.2.77"}, "FloatingIpNotFoundForAddress", "address"),
    ("validate_networks", {"networks": [["NET", "10.99.0.1"]]}, "FixedIpNotFoundForAddress", "networks.0.1"),
    ("floating_list", {"host": "a\0b"}, "InvalidInput", "host"),
    ("quota_show", {"project_id": "a\0b"}, "InvalidInput", "project_id"),
    ("list_security_groups", {"project_id": "a\0b"}, "InvalidInput", "project_id"),
    ("get_security_group", {"security_group": "x", "project_id": "a\0b"}, "InvalidInput", "project_id"),
    ("get_dns_entries_by_name", {"name": "a\0b", "domain": "d"}, "InvalidInput", "name"),
    ("get_dns_entries_by_address", {"address": "10.0.0.1", "domain": "a\0b"}, "InvalidInput", "domain"),
    ("dns_export", {"domain": "a\0b"}, "InvalidInput", "domain"),
]


def everything(netledger: Netledger) -> list[Any]:
    """Return all that a reader of the tables can see."""
    return [
        netledger(*words, "--json").json()
        for words in (("network", "list"), ("instance", "list"), ("floating", "list"), ("floating", "pools"))
    ]


def with_ids(value: Any, ids: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Return arguments with the names of networks replaced by their ids."""
    return json.loads(
        json.dumps(value).replace('"NET"', f'"{ids["NET"]}"').replace('"FULL"', f'"{ids["FULL"]}"')
    )


@pytest.fixture(scope="module")
def networks(netledger: Netledger) -> dict[str, str]:
    """Return the ids of a network with room and of one that is full."""
    (room,) = netledger("network", "create", "room", "10.41.0.0/24", "--json").json()
    (full,) = netledger(
        "network",
        "create",
        "full",
        "10.42.0.0/29",
        "--allowed-start",
        "10.42.0.1",
        "--allowed-end",
        "10.42.0.2",
        "--json",
    ).json()
    taken = netledger("instance", "spawn", "--project", "p", "--host", "h", "--nic", "full")
    assert taken.code == 0, taken
    return {"NET": room["id"], "FULL": full["id"]}


def test_each_bad_call_is_refused_by_name_and_changes_nothing(
    netledger: Netledger, networks: dict[str, str]
) -> None:
    """One stream of bad calls: each gets its code and the field, and the tables stay as they are."""
    before = everything(netledger)

    answers = netledger.batch(
        *({"method": method, "args": with_ids(args, networks)} for method, args, _, _ in REFUSED)
    )

    told = [
        (answer.get("refusal", {}).get("code"), answer.get("refusal", {}).get("field")) for answer in answers
    ]
    expected = [(code, field) for _, _, code, field in REFUSED]
    assert [(REFUSED[at][:2], told[at]) for at in range(len(REFUSED)) if told[at] != expected[at]] == []
    assert all(len(answer["refusal"]["message"]) > 20 for answer in answers)
    assert everything(netledger) == before


def test_an_oversize_line_is_refused_and_the_next_one_answered(netledger: Netledger) -> None:
    """A program that sends nonsense without end does not fill the memory."""
    large, small = netledger.batch(b'{"method": "' + b"x" * 3_000_000, {"method": "get_floating_ip_pools"})

    assert large["refusal"]["code"] == "CommandTooLarge"
    assert "result" in small


def test_bad_records_in_the_inputs_are_refused_in_the_ledger_and_stop_nothing(netledger: Netledger) -> None:
    """Another program's bytes in commands and reports, and in the ledger itself: the cell goes on."""
    start = netledger("ledger", "verify", "--json").json()
    head = {"id": uuid7(now_ms()), "reporter": "h1"}
    claim = {**head, "type": "ClaimNetwork.v1", "host": "h2", "network_id": NOBODY}
    spawn = {**SPAWN, "type": "SpawnInstance.v1", "actor": {"user": "u"}, "instance_uuid": NOBODY}
    topics = CellTopics("default")
    with PostgresLog(EmbeddedPostgres(netledger.data / "postgres").dsn) as log:
        for where, bodies in (
            (
                topics.commands,
                (
                    b"\x00\xff not json",
                    b"[]",
                    json.dumps({**spawn, "id": uuid7(now_ms()), "type": "SpawnInstance.v99"}).encode(),
                    json.dumps({**spawn, "id": uuid7(now_ms()), "surplus": 1}).encode(),
                    json.dumps({**spawn, "id": str(uuid4())}).encode(),
                    json.dumps({**claim, "id": uuid7(now_ms())}).encode(),
                    b'{"padding": "' + b"x" * 300_000 + b'"}',
                ),
            ),
            (topics.reports, (json.dumps(claim).encode(),)),
            (topics.ledger, (b"somebody else's record",)),
        ):
            appender = log.appender(where)
            appender.append([Message((), body) for body in bodies])
            assert appender.flush(30)
            appender.close()

    def refusals() -> list[str]:
        tail = netledger("log", "tail", "--from", str(start["seq"] + 1), "--json").out.splitlines()
        return [json.loads(line).get("refusal", {}).get("code") for line in tail]

    assert sorted(eventually(lambda: found if len(found := refusals()) == 8 else [])) == [
        "CommandTooLarge",
        "ForeignInput",
        "InvalidCommand",
        "InvalidCommand",
        "MalformedCommand",
        "MalformedCommand",
        "ReportAboutAnotherHost",
        "UnknownCommand",
    ]
    assert netledger("status").code == 0
    end = netledger("ledger", "verify", "--json").json()
    assert (end["ok"], end["skipped"].get("foreign")) == (True, 1 + start["skipped"].get("foreign", 0))


def test_a_ledger_of_a_higher_level_is_not_touched(database: str, tmp_path: Path) -> None:
    """The program says that it is too old, and decides nothing."""
    newer = Netledger(tmp_path, {"NETLEDGER_DATABASE": database})
    with PostgresLog(database) as log:
        log.ensure_topic(TopicSpec("newer.ledger", 1, "ledger"))
        log.ensure_topic(TopicSpec("newer.commands", 1, "input"))
        log.ensure_topic(TopicSpec("newer.reports", 1, "input"))
        topics = CellTopics("default", prefix="newer")
        appender = log.appender(topics.ledger)
        genesis = Genesis(ledger_id=uuid7(now_ms()), cell="default", level=99, window_commands=10)
        appender.append([encode_genesis(genesis, now_ms())])
        assert appender.flush(30)
        appender.close()
    newer.settings["NETLEDGER_TOPIC_PREFIX"] = "newer"

    answers = [newer("ledger", "verify"), newer("log", "tail"), newer.process("allocator")]

    assert [answer.code for answer in answers] == [4, 4, 4]
    assert all("LedgerTooNew" in answer.err and "99" in answer.err for answer in answers), answers


def test_a_ledger_that_was_never_begun_is_4_and_says_how(database: str, tmp_path: Path) -> None:
    """No role and no command begins one by accident."""
    empty = Netledger(tmp_path, {"NETLEDGER_DATABASE": database})

    answers = [empty("ledger", "verify"), empty.process("allocator"), empty.process("up")]

    assert [answer.code for answer in answers] == [4, 4, 4]
    assert all("netledger ledger init" in answer.err for answer in answers), answers
    assert empty("ledger", "init").code == 0
    assert empty("ledger", "init", "--if-missing").code == 0
    assert "LedgerExists" in empty("ledger", "init").err
