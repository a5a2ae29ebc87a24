"""What the tables answer about floating IPs and about names."""

from unittest.mock import ANY

from events.dns import (
    DnsDomainChanged,
    DnsDomainDeleted,
    DnsDomainRegistered,
    DnsEntryChanged,
    DnsEntryCreated,
    DnsEntryDeleted,
    InstanceDnsEntriesCreated,
    InstanceDnsEntriesDeleted,
)
from projections.ipam import dns
from projections.ipam import floating as queries
from projections.ipam.connection import Reader
from tests.integration.test_ipam_queries import FIRST, ONE, ledger, reader
from tests.ipam import look, project
from tests.written_ledger import WrittenLedger, instance_id

__all__ = ["ledger", "reader"]


def test_floating_ips(reader: Reader) -> None:
    """Lists in order of address; the host is the network host of what it points at."""
    third, seventh = queries.floating_ips(reader, "blue")
    assert (third["address"], seventh["address"]) == ("203.0.113.3", "203.0.113.7")
    assert seventh == {
        "id": "203.0.113.7",
        "address": "203.0.113.7",
        "fixed_ip_id": FIRST.allocation_id,
        "project_id": "blue",
        "host": "host-1",
        "auto_assigned": False,
        "pool": "nova",
        "interface": None,
        "fixed_address": "10.1.0.2",
        "network_id": ONE,
        "instance_uuid": instance_id(1),
    }
    assert queries.floating_ip(reader, "203.0.113.3") == third
    free = queries.floating_ip(reader, "203.0.113.9")
    assert free is not None
    assert list(free) == list(third)
    assert (free["address"], free["pool"], free["project_id"]) == ("203.0.113.9", "nova", None)
    assert queries.floating_ip(reader, "203.0.113.15") is None
    assert queries.floating_ips(reader, host="host-1") == [third, seventh]
    assert queries.floating_ips(reader, host="host-2") == []
    assert queries.floating_ips(reader, "red") == []
    assert queries.floating_ips_by_fixed_address(reader, "10.1.0.2", "red") == []
    assert queries.floating_ips_by_fixed_address(reader, "10.1.0.2") == ["203.0.113.7", "203.0.113.3"]
    assert queries.floating_pools(reader) == [{"name": "nova", "addresses": 14, "used": 2, "free": 12}]
    assert queries.floating_ranges(reader) == [
        {
            "pool": "nova",
            "interface": None,
            "first": "203.0.113.1",
            "last": "203.0.113.14",
            "from_seq": ANY,
            "addresses": 14,
            "used": 2,
            "free": 12,
        }
    ]


def test_names(ledger: WrittenLedger, database: str) -> None:
    """Domains in order of registration, names in order of creation, and each as it was in the history."""
    instance = instance_id(1)
    names = {
        "domain": "cloud.example",
        "names": ("web", instance),
        "address": "10.1.0.2",
        "allocation_id": FIRST.allocation_id,
        "instance_uuid": instance,
    }
    public = {"domain": "example.org", "scope": "public", "availability_zone": None}
    ledger.decide(DnsDomainRegistered.model_validate({**public, "project_id": "red"}))
    ledger.decide(
        DnsDomainRegistered(domain="cloud.example", scope="private", availability_zone="z1", project_id=None),
        DnsDomainChanged.model_validate({**public, "project_id": "blue"}),
        InstanceDnsEntriesCreated.model_validate(names),
    )
    www = {"domain": "example.org", "name": "www", "address": "203.0.113.7"}
    ledger.decide(
        DnsEntryCreated.model_validate(www),
        DnsEntryCreated.model_validate({**www, "name": "mail"}),
        DnsEntryChanged.model_validate(
            {**www, "name": "mail", "address": "203.0.113.3", "was": www["address"]}
        ),
    )
    assert project(ledger, database) == 0
    with look(database) as looking:
        assert [(one["domain"], one["project_id"], one["entries"]) for one in dns.domains(looking)] == [
            ("cloud.example", None, 2),
            ("example.org", "blue", 2),
        ]
        assert dns.domain(looking, "cloud.example") == {
            "domain": "cloud.example",
            "scope": "private",
            "availability_zone": "z1",
            "project_id": None,
            "names": [],
            "addresses": [],
        }
        assert dns.domain(looking, "none.example") is None
        assert [(one["address"], one["name"]) for one in dns.entries(looking)] == [
            ("10.1.0.2", "web"),
            ("10.1.0.2", instance),
            ("203.0.113.3", "mail"),
            ("203.0.113.7", "www"),
        ]
        assert [one["name"] for one in dns.entries(looking, "example.org")] == ["mail", "www"]
        cloud = dns.domain(looking, "cloud.example", address="10.1.0.2", name="web")
        owned = dns.domain(looking, "example.org", address="10.1.0.2", name="www")
        assert cloud is not None
        assert owned is not None
        assert (cloud["names"], cloud["addresses"]) == (["web", instance], ["10.1.0.2"])
        assert (owned["names"], owned["addresses"]) == ([], ["203.0.113.7"])
    ledger.decide(
        InstanceDnsEntriesDeleted.model_validate(names),
        DnsEntryDeleted.model_validate(www),
        DnsEntryDeleted.model_validate({**www, "name": "mail", "address": "203.0.113.3"}),
        DnsDomainDeleted(domain="example.org"),
    )
    assert project(ledger, database) == 0
    with look(database) as looking:
        assert dns.entries(looking) == []
        past = looking.rows(
            "SELECT name, host(address) AS address FROM dns_entry_history ORDER BY to_seq, domain, name"
        )
        assert [(one["name"], one["address"]) for one in past if one["name"] in {"www", "mail"}] == [
            ("mail", "203.0.113.7"),
            ("mail", "203.0.113.3"),
            ("www", "203.0.113.7"),
        ]
