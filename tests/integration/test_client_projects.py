"""Whose networks are through the client: nova's methods, seen from every project's side."""

import pytest

from projections.ipam import history
from services.client import Client
from tests.integration.test_client import ANN, BOB, Cell, cell, client, refusal_of, spawn

__all__ = ["cell", "client"]


def labels(asking: Client) -> list[str]:
    """Return the labels of the networks that somebody sees."""
    return [str(one["label"]) for one in asking.get_all_networks()]


def network(client: Client, label: str) -> str:
    """Return the id of a network."""
    return next(str(one["id"]) for one in client.get_all_networks() if one["label"] == label)


def test_a_network_changes_hands(cell: Cell, client: Client) -> None:
    """Who sees it changes with it, and its history tells since when it was whose."""
    ann, bob = cell.client(ANN), cell.client(BOB)
    anns = network(client, "ann")
    assert labels(ann) == ["all", "ann"]
    assert labels(bob) == ["all"]

    client.network_modify(anns, project="bobs")
    assert labels(ann) == ["all"]
    assert bob.get_network(anns)["project_id"] == "bobs"
    uuid, info = spawn(bob, "bobs", requested_networks=[[anns]])
    assert info[0]["network"]["meta"]["tenant_id"] == "bobs"
    wish = {"network_uuid": anns, "project": "anns"}
    assert refusal_of(client, "network_modify", wish) == ("NetworkInUse", "network_uuid")
    bob.deallocate_for_instance(uuid)
    client.disassociate_network(anns)
    assert labels(ann) == labels(bob) == ["all", "ann"]
    assert client.get_network(anns)["project_id"] is None
    client.associate(anns, {"project": "anns"})
    assert labels(bob) == ["all"]
    past = client.tables.ask(lambda reader: history.projects_of_network(reader, anns))
    assert [row["project_id"] for row in past] == ["anns", "bobs", "anns"]
    assert [row["to"] and row["to"]["user"] for row in past] == ["root", "root", None]
    assert {row["network"] for row in past} == {"ann"}
    client.delete_network(uuid=anns, require_disassociated=False)
    past = client.tables.ask(lambda reader: history.projects_of_network(reader, anns))
    assert past[-1]["to"] is not None
    assert client.quota_show("anns")["networks"]["in_use"] == 0


def test_a_network_is_found_by_its_block(client: Client) -> None:
    """As nova-manage does it."""
    client.network_modify(fixed_range="10.1.0.0/24", disassociate_project=True)
    assert client.get_network(network(client, "ann"))["project_id"] is None


def test_what_associations_refuse(cell: Cell, client: Client) -> None:
    """Each by its reason and its argument."""
    anns, alls = network(client, "ann"), network(client, "all")
    for method, args, code, field in (
        ("associate", {"network_uuid": anns, "associations": {}}, "InvalidInput", "associations"),
        ("associate", {"network_uuid": anns, "associations": {"vm": "x"}}, "InvalidInput", None),
        (
            *("associate", {"network_uuid": anns, "associations": {"project": "bobs"}}),
            *("NoMoreNetworks", "network_uuid"),
        ),
        (
            *("associate", {"network_uuid": alls, "associations": {"host": "h9"}}),
            *("HostNotFound", "associations.host"),
        ),
        (
            *("network_modify", {"network_uuid": anns, "project": "a", "disassociate_host": True}),
            *("InvalidInput", "disassociate_host"),
        ),
        ("network_modify", {"network_uuid": anns}, "InvalidInput", "project"),
        ("network_modify", {"project": "a"}, "InvalidInput", "network_uuid"),
        ("network_modify", {"fixed_range": "10.9.0.0/24", "project": "a"}, "NetworkNotFound", "fixed_range"),
        ("network_modify", {"network_uuid": alls, "host": "h9"}, "HostNotFound", "host"),
        ("add_network_to_project", {"project_id": "bobs"}, "NoMoreNetworks", "network_uuid"),
        (
            *("add_network_to_project", {"project_id": "bobs", "network_uuid": alls}),
            *("NotImplementedForKind", "network_uuid"),
        ),
    ):
        refusal = refusal_of(client, method, args)
        assert refusal[0] == code, (method, args)
        assert field is None or refusal[1] == field, (method, args)


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("add_network_to_project", {"project_id": "bobs"}),
        ("associate", {"associations": {"project": "bobs"}}),
        ("disassociate_network", {}),
        ("network_modify", {"project": "bobs"}),
    ],
)
def test_projects_change_nothing(cell: Cell, client: Client, method: str, args: dict[str, object]) -> None:
    """Not even of their own networks."""
    anns = network(client, "ann")
    named = args if method == "add_network_to_project" else {**args, "network_uuid": anns}
    for actor in (ANN, BOB):
        assert refusal_of(cell.client(actor), method, named) == ("Forbidden", "actor.is_admin")
