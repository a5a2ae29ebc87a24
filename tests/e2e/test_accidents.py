"""Accidents in the middle of the work: nothing that was acknowledged is lost, and nothing happens twice."""

import json
import signal
import subprocess
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from services.embedded.postgres import EmbeddedPostgres
from tests.e2e.driver import Netledger, await_gone, command_line, environment
from tests.eventually import eventually

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
    again = netledger.batch(*calls[:3])
    assert [one["result"] for one in again] == [one["result"] for one in answers[:3]]
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


def server_of(netledger: Netledger) -> int:
    """Return the process id of the embedded PostgreSQL; 0 while there is none."""
    try:
        return int((netledger.data / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, IndexError, ValueError):
        return 0


def test_a_dying_database_is_started_again(own_netledger: Netledger) -> None:
    """The embedded PostgreSQL is killed under everybody: it comes back with all that it held."""
    netledger = own_netledger.up()
    assert netledger("network", "create", "before", "10.1.0.0/24").code == 0
    killed = server_of(netledger)

    netledger.send_to(killed, signal.SIGKILL)
    await_gone(killed)
    eventually(lambda: server_of(netledger) not in {0, killed})

    eventually(lambda: netledger("network", "list").code == 0)
    assert netledger("network", "create", "after", "10.2.0.0/24", "--timeout", "60").code == 0
    assert netledger("status", "--wait", "60").code == 0
    assert [one["label"] for one in netledger("network", "list", "--json").json()] == ["before", "after"]


def lose_the_last_records(netledger: Netledger, count: int) -> None:
    """Let the log forget the end of the ledger, as a failover to a stale standby would."""
    with EmbeddedPostgres(netledger.data / "postgres") as server, psycopg.connect(server.dsn) as connection:
        lost = connection.execute(
            """
            WITH ledger AS (
                SELECT topic_id, partition, end_offset - %s AS end_offset
                FROM netledger_log.partitions JOIN netledger_log.topics USING (topic_id)
                WHERE name = 'netledger.ledger'
            ), gone AS (
                DELETE FROM netledger_log.records USING ledger
                WHERE records.topic_id = ledger.topic_id AND records.record_offset >= ledger.end_offset
            )
            UPDATE netledger_log.partitions SET end_offset = ledger.end_offset FROM ledger
            WHERE partitions.topic_id = ledger.topic_id
            """,
            [count],
        )
        assert lost.rowcount == 1


def test_lost_records_are_noticed_and_an_operator_leads_on(own_netledger: Netledger) -> None:
    """The projector stops and says so; after `ledger recover` all goes on from what the log still holds."""
    netledger = own_netledger.up()
    for number in range(3):
        assert netledger("network", "create", f"n{number}", f"10.{number}.0.0/24").code == 0
    assert netledger.down() == 0
    lose_the_last_records(netledger, 2)

    netledger.up(ready=False)
    problem = str(eventually(lambda: netledger.roles().get("projector", {}).get("problem")))
    assert "netledger ledger recover" in problem
    assert netledger("status").code == 4
    assert "LedgerAlarm" in netledger("network", "create", "x", "10.9.0.0/24").err

    done = netledger(
        "ledger", "recover", "--operator", "op", "--reason", "failover", "--force", "--json"
    ).json()
    assert (done["epoch"], done["rebuilt"]) == (1, True)
    assert netledger("status", "--wait", "60").code == 0
    assert [one["label"] for one in netledger("network", "list", "--json").json()] == ["n0", "n1", "n2"]
