"""Security groups through the client: what each method takes and returns, and who may see what."""

from typing import Any

import pytest

from events.security_groups import default_group_id
from projections.ipam import groups
from services.client import Client
from services.outcomes import Refused
from tests.integration.test_client import ADMIN, ANN, BOB, Cell, cell, client, refusal_of, spawn

__all__ = ["cell", "client"]

SSH: dict[str, str | int | None] = {"protocol": "TCP", "from_port": 22, "to_port": 22, "cidr": "10.0.0.9/8"}


def names(found: list[dict[str, Any]]) -> list[str]:
    """Return the names of groups."""
    return [one["name"] for one in found]


def test_a_groups_life(cell: Cell, client: Client) -> None:
    """Created, given rules, joined, left, renamed, deleted; each answer in the names of nova's tables."""
    ann = cell.client(ANN)
    made = ann.create_security_group("web", "front")
    assert list(made) == ["id", "name", "description", "user_id", "project_id", "rules", "members"]
    assert (made["name"], made["user_id"], made["project_id"], made["rules"]) == ("web", "ann", "anns", [])

    added = ann.add_security_group_rules(
        "web", [SSH, {"protocol": "icmp", "from_port": -1, "to_port": -1}, {"group_id": "default"}]
    )
    assert list(added[0]) == [
        *("id", "parent_group_id", "protocol", "from_port", "to_port", "cidr", "group_id")
    ]
    assert list(added[0].values())[1:] == [made["id"], "tcp", 22, 22, "10.0.0.0/8", None]
    assert [rule["cidr"] for rule in added] == ["10.0.0.0/8", "0.0.0.0/0", None]
    assert added[2]["group_id"] == default_group_id("anns")
    assert ann.get_security_group_rule(added[1]["id"]) == added[1]
    assert ann.get_security_group("web")["rules"] == added

    uuid, _ = spawn(ann, "anns", security_groups=["web"])
    assert names(ann.get_instance_security_groups(uuid)) == ["web"]
    ann.add_security_group_to_instance(uuid, "default")
    assert names(ann.get_instance_security_groups(uuid)) == ["web", "default"]
    assert ann.get_security_group(made["id"])["members"] == 1
    assert refusal_of(ann, "delete_security_group", {"security_group": "web"}) == (
        "InvalidGroup",
        "security_group",
    )
    ann.remove_security_group_from_instance(uuid, made["id"])
    ann.remove_security_group_rules("web", [added[0]["id"]])
    ann.update_security_group("web", name="www")
    assert (ann.get_security_group("www")["id"], len(ann.get_security_group("www")["rules"])) == (
        made["id"],
        2,
    )
    ann.delete_security_group("www")
    assert names(ann.list_security_groups()) == ["default"]


def test_the_default_group_is_seen_before_it_is_used(cell: Cell, client: Client) -> None:
    """With the id that it will have; then the one that there is, where it was created."""
    ann = cell.client(ANN)
    known = default_group_id("anns")
    before = ann.list_security_groups()
    assert (names(before), before[0]["id"], before[0]["user_id"]) == (["default"], known, None)
    for named in ("default", known):
        assert ann.get_security_group(named) == before[0]
    assert client.list_security_groups(all_tenants=True) == []

    ann.create_security_group("web")
    assert names(ann.list_security_groups()) == ["default", "web"]
    spawn(ann, "anns")
    assert names(ann.list_security_groups()) == ["web", "default"]
    assert ann.get_security_group("default") | {"members": 0, "user_id": None} == before[0]
    assert names(client.list_security_groups(all_tenants=True)) == ["web", "default"]


def test_who_sees_which_groups(cell: Cell, client: Client) -> None:
    """Another project's are not there, by name, id or rule; an admin sees all."""
    ann, bob = cell.client(ANN), cell.client(BOB)
    made = ann.create_security_group("web")
    (rule,) = ann.add_security_group_rules("web", [SSH])
    uuid, _ = spawn(ann, "anns")

    gone = ("SecurityGroupNotFoundForProject", "security_group")
    for named in ("web", made["id"]):
        assert refusal_of(bob, "get_security_group", {"security_group": named}) == gone
    assert refusal_of(bob, "get_security_group_rule", {"rule_id": rule["id"]}) == (
        "SecurityGroupNotFoundForRule",
        "rule_id",
    )
    assert refusal_of(bob, "get_instance_security_groups", {"instance_uuid": uuid})[0] == "InstanceNotFound"
    assert refusal_of(bob, "list_security_groups", {"project_id": "anns"}) == ("Forbidden", "project_id")
    assert refusal_of(bob, "list_security_groups", {"all_tenants": True}) == ("Forbidden", "all_tenants")
    assert refusal_of(client, "list_security_groups", {}) == ("InvalidInput", "project_id")
    assert names(bob.list_security_groups()) == ["default"]
    assert names(client.list_security_groups(project_id="anns")) == ["web", "default"]
    assert client.get_security_group(made["id"])["name"] == "web"
    assert client.get_security_group("web", project_id="anns")["id"] == made["id"]
    assert client.get_security_group("web", actor=ANN)["id"] == made["id"]
    for method in ("add_security_group_to_instance", "remove_security_group_from_instance"):
        args = {"instance_uuid": uuid, "security_group": "default"}
        assert refusal_of(bob, method, args) == ("Forbidden", "instance_uuid")


def test_what_the_provider_drops(cell: Cell, client: Client) -> None:
    """For admins alone."""
    made = client.provider_fw_rule_create("tcp", "198.51.100.7/24", 25, 25)
    assert list(made) == ["id", "protocol", "from_port", "to_port", "cidr"]
    assert client.provider_fw_rule_get_all() == [made]
    assert made["cidr"] == "198.51.100.0/24"

    ann = cell.client(ANN)
    refused = ("Forbidden", "actor.is_admin")
    assert refusal_of(ann, "provider_fw_rule_get_all", {}) == refused
    assert refusal_of(ann, "provider_fw_rule_create", {"protocol": "tcp", "cidr": "0.0.0.0/0"}) == refused
    assert refusal_of(ann, "provider_fw_rule_destroy", {"rule_id": made["id"]}) == refused
    client.provider_fw_rule_destroy(made["id"])
    assert client.provider_fw_rule_get_all(actor=ADMIN) == []


@pytest.mark.parametrize(
    ("method", "args", "refusal"),
    [
        ("create_security_group", {"name": ""}, ("InvalidInput", "name")),
        ("create_security_group", {"name": "x" * 256}, ("InvalidInput", "name")),
        ("create_security_group", {"name": "a\nb"}, ("InvalidInput", "name")),
        ("create_security_group", {"name": "default"}, ("SecurityGroupExists", "name")),
        ("create_security_group", {"name": "x", "description": "d" * 256}, ("InvalidInput", "description")),
        (
            "update_security_group",
            {"security_group": "default", "name": "x"},
            ("InvalidGroup", "security_group"),
        ),
        ("add_security_group_rules", {"security_group": "default", "rules": []}, ("InvalidInput", "rules")),
        (
            "add_security_group_rules",
            {"security_group": "default", "rules": [{"protocol": "tcp", "from_port": "22", "to_port": 22}]},
            ("InvalidInput", "rules.0.from_port"),
        ),
        (
            "add_security_group_rules",
            {"security_group": "default", "rules": [{**SSH, "cidr": "10.0.0.0/99"}]},
            ("InvalidCidr", "rules.0.cidr"),
        ),
        (
            "add_security_group_rules",
            {"security_group": "default", "rules": [{**SSH, "from_port": 23}]},
            ("InvalidPortRange", "rules.0.from_port"),
        ),
        (
            "add_security_group_rules",
            {"security_group": "default", "rules": [{**SSH, "protocol": "gre"}]},
            ("InvalidIpProtocol", "rules.0.protocol"),
        ),
        (
            "remove_security_group_rules",
            {"security_group": "default", "rule_ids": ["x"]},
            ("InvalidInput", "rule_ids.0"),
        ),
        ("get_security_group_rule", {"rule_id": "x"}, ("InvalidInput", "rule_id")),
        ("provider_fw_rule_destroy", {"rule_id": "x"}, ("InvalidInput", "rule_id")),
        (
            "allocate_for_instance",
            {"project_id": "anns", "host": "h", "security_groups": ["nobody"]},
            ("SecurityGroupNotFoundForProject", "security_groups.0"),
        ),
    ],
)
def test_bad_arguments_are_refused_by_name(
    cell: Cell, client: Client, method: str, args: dict[str, Any], refusal: tuple[str, str]
) -> None:
    """Each by nova's name for what is wrong, with the argument; nothing is there afterwards."""
    ann = cell.client(ANN)
    try:
        assert refusal_of(ann, method, args) == refusal
    except Refused as error:  # pragma: no cover - says more when it fails
        pytest.fail(str(error))
    assert client.tables.ask(groups.groups) == []
