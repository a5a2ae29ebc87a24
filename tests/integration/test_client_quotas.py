"""Quotas through the client: limits, defaults and usage, from every project's side."""

from services.client import Client
from tests.integration.test_client import ADMIN, ANN, BOB, Cell, cell, client, refusal_of, spawn

__all__ = ["cell", "client"]


def test_what_a_project_may_have_and_has(cell: Cell, client: Client) -> None:
    """Nova's defaults, then limits of its own, then the default ones again; usage is what there is."""
    ann = cell.client(ANN)
    shown = ann.quota_show()
    assert shown["id"] == "anns"
    assert shown["fixed_ips"] == {"limit": -1, "in_use": 0, "reserved": 0, "default": -1}
    assert shown["floating_ips"] == {"limit": 10, "in_use": 0, "reserved": 0, "default": 10}
    assert shown["networks"]["limit"] == -1

    own = client.quota_update("anns", {"fixed_ips": 2, "floating_ips": 1, "networks": None})
    assert own == {"id": "anns", "fixed_ips": 2, "floating_ips": 1, "networks": None}
    uuid, info = spawn(ann, "anns")
    assert len(info) == 2
    client.call("floating_create", {"ip_range": "192.0.2.0/29"})
    ann.allocate_floating_ip("anns")
    shown = client.quota_show("anns")
    assert [shown[name]["in_use"] for name in ("fixed_ips", "floating_ips")] == [2, 1]
    assert (shown["fixed_ips"]["limit"], shown["fixed_ips"]["default"]) == (2, -1)
    assert refusal_of(ann, "allocate_floating_ip", {}) == ("FloatingIpLimitExceeded", "project_id")
    more = {"instance_uuid": uuid, "network_id": info[0]["network"]["id"]}
    assert refusal_of(ann, "add_fixed_ip_to_instance", more) == ("FixedIpLimitExceeded", "instance_uuid")

    listed = [
        (row["project_id"], row["resource"], row["limit"], row["set_by"]) for row in client.quota_list()
    ]
    assert listed == [("anns", "fixed_ips", 2, "root"), ("anns", "floating_ips", 1, "root")]
    client.call("deallocate_for_instance", {"instance_uuid": uuid})
    client.quota_update("anns", {"fixed_ips": None, "floating_ips": None})
    assert client.quota_list() == []
    shown = client.quota_show("anns")
    assert (shown["fixed_ips"]["limit"], shown["fixed_ips"]["in_use"]) == (-1, 0)


def test_what_quotas_refuse(cell: Cell, client: Client) -> None:
    """A project sees its own quotas, and sets none."""
    bob = cell.client(BOB)
    update = {"project_id": "bobs", "quota_set": {"fixed_ips": 99}}
    assert refusal_of(bob, "quota_update", update) == ("Forbidden", "actor.is_admin")
    assert refusal_of(bob, "quota_show", {"project_id": "anns"}) == ("Forbidden", "project_id")
    assert refusal_of(bob, "quota_list", {}) == ("Forbidden", "actor.is_admin")
    assert bob.quota_show()["id"] == "bobs"
    assert bob.quota_show("bobs", actor=ADMIN)["id"] == "bobs"
    nothing = {"project_id": "bobs", "quota_set": {}}
    assert refusal_of(client, "quota_update", nothing) == ("InvalidInput", "quota_set")
    for wrong in ({"fixed_ips": -2}, {"cores": 5}, {"fixed_ips": "many"}, {"fixed_ips": 1 << 40}):
        refusal = refusal_of(client, "quota_update", {"project_id": "bobs", "quota_set": wrong})
        assert refusal[0] == "InvalidInput", wrong
