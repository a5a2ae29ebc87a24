"""Moves through the client: nova's methods and arguments, in the orders in which compute calls them."""

from typing import Any

from services.client import Client, new_command_id
from services.methods.instances import find
from tests.integration.test_client import ANN, BOB, Cell, cell, client, refusal_of, spawn

__all__ = ["cell", "client"]


def shown(client: Client, uuid: str) -> tuple[str | None, int, list[str]]:
    """Return who has an instance, in which epoch, and which hosts are ready for it."""
    found = find(uuid, client.actor, client.tables)
    return found["host"], found["epoch"], found["prepared"]


def running(client: Client) -> str:
    """Return the id of a new instance on host h."""
    networks = client.call("get_all_networks")
    uuid, _ = spawn(client, "anns", requested_networks=[[str(networks[0]["id"])]])
    return str(uuid)


def test_a_cold_migration_as_novas_compute_calls_it(cell: Cell, client: Client) -> None:
    """All of nova's arguments are taken; what it is told stays the same through it all."""
    ann = cell.client(ANN)
    uuid = running(ann)
    host = shown(ann, uuid)[0]
    before = ann.get_instance_nw_info(uuid)
    args: dict[str, Any] = {"instance_uuid": uuid, "floating_addresses": None, "rxtx_factor": 1.5}
    args |= {"project_id": "anns", "source": host, "dest": "elsewhere"}

    assert ann.call("migrate_instance_start", args) is None
    assert shown(ann, uuid) == (None, 1, [])
    ready = {"instance_id": uuid, "host": "elsewhere", "instance": {"uuid": uuid}, "teardown": False}
    assert ann.call("setup_networks_on_host", ready) is None
    assert shown(ann, uuid) == (None, 1, ["elsewhere"])
    assert ann.call("migrate_instance_finish", {**args, "host": "elsewhere"}) is None
    assert shown(ann, uuid) == ("elsewhere", 2, [])
    assert ann.get_instance_nw_info(uuid) == before
    assert refusal_of(ann, "migrate_instance_start", args) == ("InstanceNotOnHost", "source")
    assert refusal_of(cell.client(BOB), "migrate_instance_start", args) == ("Forbidden", "instance_uuid")


def test_the_typed_methods(client: Client) -> None:
    """Evacuation and shelving; each step may be repeated under its id."""
    uuid = running(client)
    host = str(shown(client, uuid)[0])
    known = new_command_id()
    for _ in range(2):
        client.setup_instance_network_on_host(uuid, "spare", command_id=known)
    assert shown(client, uuid) == ("spare", 2, [])
    client.setup_networks_on_host(uuid, host)
    client.setup_networks_on_host(uuid, host, teardown=True)
    client.cleanup_instance_network_on_host(uuid, "spare", epoch=2)
    client.migrate_instance_start(uuid, [], source="spare")
    client.migrate_instance_finish(uuid, source="spare", dest=host)
    assert shown(client, uuid) == (host, 3, [])


def test_what_is_wrong_with_a_step_is_named(client: Client) -> None:
    """By the argument that the caller gave."""
    uuid = running(client)
    host = shown(client, uuid)[0]
    step = {"instance_uuid": uuid}

    assert refusal_of(client, "migrate_instance_finish", step) == ("InvalidInput", "dest")
    assert refusal_of(client, "migrate_instance_finish", {**step, "source": host, "dest": "b"}) == (
        "InstanceStillBound",
        "source",
    )
    assert refusal_of(client, "migrate_instance_start", {**step, "floating_addresses": ["all"]}) == (
        "InvalidAddress",
        "floating_addresses.0",
    )
    assert refusal_of(client, "migrate_instance_start", {**step, "source": host, "dest": "!"}) == (
        "InvalidInput",
        "dest",
    )
    assert refusal_of(client, "setup_networks_on_host", step) == ("InvalidInput", "host")
    assert refusal_of(client, "setup_networks_on_host", {**step, "host": "b", "epoch": 7}) == (
        "InstanceNotOnHost",
        "epoch",
    )
