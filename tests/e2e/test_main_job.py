"""The main job through the command line, on both logs: networks, an instance, what an auditor sees."""

import json
from typing import Any

import pytest

from tests.e2e.driver import Netledger, await_gone

pytestmark = pytest.mark.slow


def addresses(info: list[dict[str, Any]]) -> list[str]:
    """Return the fixed addresses of network_info, in the order of the NICs."""
    return [ip["address"] for vif in info for ip in vif["network"]["subnets"][0]["ips"]]


def get_and_lose_an_address(netledger: Netledger, instance: str) -> None:
    """Reserve an address, and give the instance another one for a while."""
    assert netledger("fixed", "reserve", "10.11.0.3").code == 0
    info = netledger("instance", "add-ip", instance, "blue", "--json").json()
    assert addresses(info) == ["10.11.0.2", "10.11.0.4", "10.12.0.77"]
    listed = netledger("fixed", "list", "--network", "blue", "--json").json()
    assert [(one["address"], one["state"]) for one in listed] == [
        ("10.11.0.2", "allocated"),
        ("10.11.0.3", "reserved"),
        ("10.11.0.4", "allocated"),
    ]
    info = netledger("instance", "remove-ip", instance, "10.11.0.4", "--json").json()
    assert addresses(info) == ["10.11.0.2", "10.12.0.77"]
    assert netledger("fixed", "unreserve", "10.11.0.3").code == 0
    assert "10.12.0.77" in netledger("fixed", "list").out


def do_the_main_job(netledger: Netledger) -> None:
    """Do everything that a first user does, and check what it says."""
    (blue,) = netledger("network", "create", "blue", "10.11.0.0/24", "--json").json()
    (green,) = netledger("network", "create", "green", "10.12.0.0/24", "--json").json()
    assert (green["label"], green["gateway"], green["free"]) == ("green", "10.12.0.1", 253)

    spawn = (
        "instance",
        "spawn",
        "--project",
        "p",
        "--host",
        "h1",
        "--nic",
        "blue",
        "--nic",
        "green=10.12.0.77",
    )
    spawned = netledger(*spawn, "--json").json()
    instance, info = spawned["instance_uuid"], spawned["network_info"]
    assert addresses(info) == ["10.11.0.2", "10.12.0.77"]
    assert [vif["network"]["id"] for vif in info] == [blue["id"], green["id"]]
    assert all(vif["address"].startswith("fa:16:3e:") for vif in info)
    assert netledger("instance", "show", instance, "--json").json()["network_info"] == info

    get_and_lose_an_address(netledger, instance)

    assert netledger("floating", "create", "198.51.100.0/29").code == 0
    assert netledger("floating", "create", "203.0.113.7", "--pool", "other").code == 0
    assert netledger("floating", "allocate", "--project", "p", "--json").json() == {"address": "198.51.100.1"}
    assert netledger("floating", "associate", "198.51.100.1", "10.11.0.2").code == 0
    (floating,) = netledger("floating", "list", "--project", "p", "--json").json()
    assert (floating["fixed_address"], floating["instance_uuid"]) == ("10.11.0.2", instance)
    assert {pool["name"]: pool["free"] for pool in netledger("floating", "pools", "--json").json()} == {
        "nova": 5,
        "other": 1,
    }

    assert netledger("instance", "delete", instance).code == 0
    (held,) = netledger("history", "10.11.0.2", "--json").json()["fixed_ips"]
    assert (held["instance_uuid"], held["from"]["cause"]) == (instance, "SpawnInstance.v1")
    assert (held["to"]["cause"], held["reason"]) == ("DeleteInstance.v1", "unserved")
    command_id = held["from"]["command_id"]
    shown = netledger("command", "show", command_id, "--json").json()
    assert shown["command"]["instance_uuid"] == instance
    assert shown["events"][0]["type"] == "InstanceSpawned.v1"
    (vif,) = netledger("history", info[0]["address"], "--json").json()["vifs"]
    assert vif["instance_uuid"] == instance

    tail = [json.loads(line) for line in netledger("log", "tail", "--from", "1", "--json").out.splitlines()]
    assert [one["seq"] for one in tail] == list(range(1, len(tail) + 1))
    assert {"CreateNetworks.v1", "SpawnInstance.v1", "DeleteInstance.v1"} <= {one["cause"] for one in tail}
    verified = netledger("ledger", "verify", "--json").json()
    assert (verified["ok"], verified["seq"], verified["skipped"]) == (True, len(tail), {})
    assert netledger("conflicts", "--json").json() == []


def test_the_main_job_on_the_embedded_default(own_netledger: Netledger) -> None:
    """From an empty directory to an audited spawn; Ctrl-C then stops all processes and leaves none behind."""
    netledger = own_netledger.up()
    do_the_main_job(netledger)
    pids = [role["pid"] for role in netledger.roles().values()]

    assert netledger.down() == 0

    await_gone(*pids)
    assert not list((netledger.data / "run").glob("*.json"))
    assert netledger("network", "list").code == 0


@pytest.mark.kafka
def test_the_main_job_on_kafka(on_kafka: Netledger) -> None:
    """The same on a real broker, after the ledger was initialised on purpose."""
    refused = on_kafka.process("up")
    assert refused.code == 4
    assert "netledger ledger init" in refused.err
    assert on_kafka("ledger", "init").code == 0
    assert on_kafka("ledger", "init").code == 4

    do_the_main_job(on_kafka.up())
