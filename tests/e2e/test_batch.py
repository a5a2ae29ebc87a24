"""`call --batch`: a line in, a line out, in order; programs talk to it for as long as they like."""

import json
import subprocess
from typing import Any
from uuid import uuid4

import pytest

from events.ids import uuid7
from services.allocator.runner import now_ms
from tests.e2e.driver import Netledger, command_line, environment

pytestmark = pytest.mark.slow

ANN = {"user": "ann", "project": "anns", "is_admin": False}
BOB = {"user": "bob", "project": "bobs", "is_admin": False}


def spawn(project: str, network: str, **more: object) -> dict[str, Any]:
    """Return the call that spawns an instance with one NIC."""
    args = {
        "instance_uuid": str(uuid4()),
        "project_id": project,
        "host": "h",
        "requested_networks": [[network]],
    }
    return {"method": "allocate_for_instance", "args": args | more}


def new_network(netledger: Netledger, cidr: str) -> str:
    """Create a network and return its id."""
    (network,) = netledger("network", "create", f"net-{cidr}", cidr, "--json").json()
    return str(network["id"])


def test_good_and_bad_lines_are_answered_in_order(netledger: Netledger) -> None:
    """A line that makes no sense gets a refusal of its own and ends nothing."""
    network = new_network(netledger, "10.21.0.0/24")
    first, second = spawn("anns", network), spawn("anns", network)

    answers = netledger.batch(
        first,
        b"{nonsense",
        b"[1, 2]",
        b'{"method": "get_all_networks", "arguments": {}}',
        b'{"args": {}}',
        {"method": "get_no_such_thing"},
        b"",
        {**second, "actor": ANN},
        {**spawn("anns", network), "actor": BOB},
        {"method": "get_instance_nw_info", "args": {"instance_id": first["args"]["instance_uuid"]}},
        {"method": "get_all_networks", "actor": BOB},
        b"\xff\xfe",
    )

    told = [answer.get("refusal", {}).get("code") for answer in answers]
    assert told == [
        None,
        "MalformedCommand",
        "MalformedCommand",
        "InvalidInput",
        "InvalidInput",
        "UnknownMethod",
        None,
        "Forbidden",
        None,
        None,
        "MalformedCommand",
    ]
    assert [answers[at]["refusal"]["field"] for at in (3, 4, 5, 7)] == [
        "arguments",
        "method",
        "method",
        "project_id",
    ]
    assert answers[0]["result"] == answers[8]["result"]
    assert network in {one["id"] for one in answers[9]["result"]}


def test_lines_take_effect_one_after_the_other(netledger: Netledger) -> None:
    """What is sent ahead changes no answer: each is as if the line had waited for those before it."""
    network = new_network(netledger, "10.22.0.0/24")
    one = spawn("anns", network)
    uuid = one["args"]["instance_uuid"]
    who = {"method": "get_instance_nw_info", "args": {"instance_uuid": uuid}}
    delete = {"method": "deallocate_for_instance", "args": {"instance_uuid": uuid}}

    answers = netledger.batch(one, delete, who, one, who, delete, one, who)

    assert [len(answers[at]["result"]) for at in (0, 3, 4, 6, 7)] == [1, 1, 1, 1, 1]
    assert answers[2]["refusal"]["code"] == "InstanceNotFound"
    assert [answers[at]["result"] for at in (1, 5)] == [None, None]


def test_many_lines_sent_ahead_keep_their_order(netledger: Netledger) -> None:
    """Five hundred spawns get five hundred addresses, in the order of the lines."""
    network = new_network(netledger, "10.23.0.0/16")

    answers = netledger.batch(*(spawn("anns", network) for _ in range(500)))

    got = [answer["result"][0]["network"]["subnets"][0]["ips"][0]["address"] for answer in answers]
    assert got == [f"10.23.{number // 256}.{number % 256}" for number in range(2, 502)]


def test_each_line_is_answered_at_once_and_the_stream_stays_open(netledger: Netledger) -> None:
    """A program that waits for every answer is never kept waiting for more lines."""
    process = subprocess.Popen(
        command_line("call", "--batch"),
        env=environment(netledger.data, netledger.settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            call = {
                "method": "create_networks",
                "args": {"label": f"n{number}", "cidr": f"10.24.{number}.0/24"},
            }
            process.stdin.write(json.dumps(call).encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["result"][0]["label"] == f"n{number}"
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait() == 0


def test_an_id_in_a_line_repeats_a_command(netledger: Netledger) -> None:
    """Whoever writes a line again with the same id gets the first answer, and nothing happens twice."""
    assert netledger("floating", "create", "192.0.2.0/28", "--pool", "batch").code == 0
    call = {"method": "allocate_floating_ip", "args": {"project_id": "anns", "pool": "batch"}}
    again = {**call, "id": uuid7(now_ms())}
    far_off = {**call, "id": uuid7(now_ms() + 30 * 86_400_000)}

    answers = netledger.batch(again, call, again, far_off, {**call, "id": "not-an-id"})

    assert [one["result"] for one in answers[:3]] == [f"192.0.2.{number}" for number in (1, 2, 1)]
    assert answers[0]["position"] == answers[2]["position"]
    assert [one["refusal"]["code"] for one in answers[3:]] == ["CommandFromTheFuture", "InvalidInput"]
