"""Accidents in the middle of the work: nothing that was acknowledged is lost, and nothing happens twice."""

import json
import signal
import subprocess
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.driver import Netledger, command_line, environment

pytestmark = pytest.mark.slow

SPAWNS = 600
KILLED_AFTER = (50, 300)
"""The allocator dies when so many spawns were answered."""


def spawns(network: str) -> list[dict[str, Any]]:
    """Return calls that spawn instances with one NIC on a network."""
    return [
        {
            "method": "allocate_for_instance",
            "args": {
                "instance_uuid": str(uuid4()),
                "project_id": "p",
                "host": "h",
                "requested_networks": [[network]],
            },
        }
        for _ in range(SPAWNS)
    ]


def answers_while_the_allocator_dies(
    netledger: Netledger, calls: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the answers to a batch, in the middle of which the allocator is killed twice."""
    process = subprocess.Popen(
        command_line("call", "--batch", "--timeout", "60"),
        env=environment(netledger.data, netledger.settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"".join(json.dumps(call).encode() + b"\n" for call in calls))
        process.stdin.close()
        for number, line in enumerate(process.stdout):
            if number in KILLED_AFTER:
                assert netledger("status", "--wait", "60").code == 0
                netledger.send("allocator", signal.SIGKILL)
            yield json.loads(line)


def addresses(answers: list[dict[str, Any]]) -> list[str]:
    """Return the address that each answer gave."""
    return [answer["result"][0]["network"]["subnets"][0]["ips"][0]["address"] for answer in answers]


def survive_a_dying_allocator(netledger: Netledger) -> None:
    """Kill the allocator in the middle of a stream of spawns; then stop everything and start again."""
    netledger.up()
    (network,) = netledger("network", "create", "net", "10.0.0.0/16", "--json").json()
    calls = spawns(network["id"])

    answers = list(answers_while_the_allocator_dies(netledger, calls))

    assert [answer for answer in answers if "result" not in answer] == []
    given = addresses(answers)
    assert len(set(given)) == SPAWNS
    asked = [call["args"]["instance_uuid"] for call in calls]
    held = {
        one["instance_uuid"]: one["network_info"] for one in netledger("instance", "list", "--json").json()
    }
    assert [held[uuid] for uuid in asked] == [answer["result"] for answer in answers]
    assert len(held) == SPAWNS
    assert netledger("status", "--wait", "60").code == 0
    terms = netledger("ledger", "verify", "--json").json()["term"]
    assert terms == 1 + len(KILLED_AFTER)

    assert netledger.down() == 0
    netledger.up()
    assert netledger.batch(*calls[:3]) == answers[:3]
    assert len(netledger("instance", "list", "--json").json()) == SPAWNS
    assert netledger("conflicts", "--json").json() == []


def test_a_dying_allocator_loses_nothing_on_the_embedded_default(own_netledger: Netledger) -> None:
    """On PostgreSQL."""
    survive_a_dying_allocator(own_netledger)


@pytest.mark.kafka
def test_a_dying_allocator_loses_nothing_on_kafka(on_kafka: Netledger) -> None:
    """On Kafka, with the same code."""
    assert on_kafka("ledger", "init").code == 0
    survive_a_dying_allocator(on_kafka)
