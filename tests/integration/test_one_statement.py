"""Whatever is looked up is one SQL statement: one moment of the ledger, and no query for each row."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from projections.ipam.connection import Reader
from services.client import Client
from services.methods import METHODS
from services.methods.base import Read
from tests.integration.test_client import Cell, cell, client, spawn
from tests.integration.test_client_fixed_ips import network

__all__ = ["cell", "client"]


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect the statements that are asked."""
    asked: list[str] = []
    rows = Reader.rows

    def noted(self: Reader, query: str, parameters: Any = ()) -> list[dict[str, Any]]:  # noqa: ANN401 - psycopg's
        asked.append(query)
        return rows(self, query, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(Reader, "rows", noted)
        yield asked


def test_every_lookup_is_one_statement(cell: Cell, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each method of the table that asks nothing of the allocator, on a cell where it finds something."""
    alls = network(client, "all")
    uuid, info = spawn(client, "anns", requested_networks=[[alls, "10.0.0.9"]])
    spawn(client, "anns")
    client.floating_create("192.0.2.0/29")
    floating = client.allocate_floating_ip("anns")
    client.associate_floating_ip(floating, "10.0.0.9")
    client.call("create_public_dns_domain", {"domain": "example.org", "project": "anns"})
    entry = {"name": "www", "address": floating, "domain": "example.org"}
    client.call("add_dns_entry", {**entry, "dns_type": "A"})
    group = client.call("create_security_group", {"name": "web", "project_id": "anns"})
    (rule,) = client.call(
        "add_security_group_rules",
        {
            "security_group": "web",
            "project_id": "anns",
            "rules": [{"protocol": "tcp", "from_port": 1, "to_port": 2}],
        },
    )
    fixed = client.get_fixed_ip_by_address("10.0.0.9")
    given: dict[str, dict[str, Any]] = {
        "get_network": {"network_uuid": alls},
        "get_instance_nw_info": {"instance_uuid": uuid},
        "get_vifs_by_instance": {"instance_uuid": uuid},
        "get_vif_by_mac_address": {"mac_address": info[0]["address"]},
        "get_fixed_ip": {"id": fixed["allocation_id"]},
        "get_fixed_ip_by_address": {"address": "10.0.0.9"},
        "fixed_list": {"network_uuid": alls},
        "get_floating_ip": {"id": floating},
        "get_floating_ip_by_address": {"address": floating},
        "get_instance_id_by_floating_address": {"address": floating},
        "get_floating_ips_by_fixed_address": {"fixed_address": "10.0.0.9"},
        "get_dns_entries_by_address": {"address": floating, "domain": "example.org"},
        "get_dns_entries_by_name": {"name": "www", "domain": "example.org"},
        "check_free_ips": {"project_id": "anns", "host": "h"},
        "validate_networks": {"networks": [[alls, "10.0.0.77"]]},
        "list_security_groups": {"project_id": "anns"},
        "get_security_group": {"security_group": group["name"], "project_id": "anns"},
        "get_security_group_rule": {"rule_id": rule["id"]},
        "get_instance_security_groups": {"instance_uuid": uuid},
        "quota_show": {"project_id": "anns"},
        "get_instance_uuids_by_ip_filter": {"ip": "10.*"},
        "get_dhcp_leases": {"network": alls},
    }
    reads = [name for name, method in METHODS.items() if isinstance(method, Read)]
    counted: dict[str, int] = {}
    for name in reads:
        with statements(monkeypatch) as asked:
            client.call(name, given.get(name, {}))
        counted[name] = len(asked)

    assert {name: number for name, number in counted.items() if number > 1} == {}
    assert client.call("get_dns_entries_by_name", given["get_dns_entries_by_name"]) == [floating]
