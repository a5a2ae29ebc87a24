"""Floating IPs and names through the client, from both projects' sides."""

from services.client import Client
from tests.integration.test_client import ANN, BOB, Cell, cell, client, refusal_of, spawn

__all__ = ["cell", "client"]

DOMAIN = "example.org"


def test_names_of_floating_ips(cell: Cell, client: Client) -> None:
    """Nova's methods, its shapes and its codes; what another project may not do, and may not see."""
    ann, bob = cell.client(ANN), cell.client(BOB)
    client.floating_create("198.51.100.0/29", "names")
    anns, bobs = ann.allocate_floating_ip(pool="names"), bob.allocate_floating_ip(pool="names")
    client.create_public_dns_domain(DOMAIN, "anns")
    client.create_private_dns_domain("cloud.example", "z1")
    public = {"domain": DOMAIN, "scope": "public", "project": "anns"}
    private = {"domain": "cloud.example", "scope": "private", "availability_zone": "z1"}
    assert client.get_dns_domains() == [public, private]
    assert (ann.get_dns_domains(), bob.get_dns_domains()) == ([public], [])

    ann.add_dns_entry(anns, "WWW", "A", DOMAIN)
    ann.add_dns_entry(anns, "mail.eu", "A", DOMAIN)
    assert ann.get_dns_entries_by_address(anns, DOMAIN) == ["www", "mail.eu"]
    assert ann.get_dns_entries_by_name("Www", "EXAMPLE.org") == [anns]
    assert ann.get_dns_entries_by_name("ftp", DOMAIN) == []
    second = ann.allocate_floating_ip(pool="names")
    ann.modify_dns_entry(second, "www", DOMAIN)
    ann.delete_dns_entry("mail.eu", DOMAIN)
    assert ann.get_dns_entries_by_address(second, DOMAIN) == ["www"]
    assert client.dns_export(DOMAIN).splitlines()[1:] == [f"{second} www.{DOMAIN}"]
    assert client.dns_export("none.example").count("\n") == 1

    entry = {"address": bobs, "name": "www", "domain": DOMAIN}
    for asking, method, args, told in (
        (ann, "add_dns_entry", {**entry, "address": second}, ("FloatingIpDNSExists", "name")),
        (ann, "add_dns_entry", {**entry, "name": None}, ("InvalidInput", "name")),
        (ann, "add_dns_entry", {**entry, "name": "a_b"}, ("InvalidInput", "name")),
        (ann, "add_dns_entry", {**entry, "dns_type": "MX"}, ("InvalidInput", "dns_type")),
        (ann, "add_dns_entry", {**entry, "name": "b"}, ("Forbidden", "address")),
        (ann, "add_dns_entry", {**entry, "address": "x"}, ("InvalidAddress", "address")),
        (ann, "delete_dns_entry", {"name": "ftp", "domain": DOMAIN}, ("NotFound", "name")),
        (
            ann,
            "get_dns_entries_by_address",
            {"address": "x", "domain": DOMAIN},
            ("InvalidAddress", "address"),
        ),
        (ann, "get_dns_entries_by_name", {"name": "a", "domain": "none.example"}, ("NotFound", "domain")),
        (ann, "get_dns_entries_by_name", {"name": "a", "domain": "cloud.example"}, ("Forbidden", "domain")),
        (bob, "add_dns_entry", {**entry, "name": "b"}, ("Forbidden", "domain")),
        (bob, "modify_dns_entry", entry, ("Forbidden", "domain")),
        (bob, "delete_dns_entry", {"name": "www", "domain": DOMAIN}, ("Forbidden", "domain")),
        (bob, "get_dns_entries_by_name", {"name": "www", "domain": DOMAIN}, ("Forbidden", "domain")),
        (bob, "dns_export", {}, ("Forbidden", "actor.is_admin")),
        (bob, "delete_dns_domain", {"domain": DOMAIN}, ("Forbidden", "actor.is_admin")),
        (bob, "create_public_dns_domain", {"domain": "b.example"}, ("Forbidden", "actor.is_admin")),
        (
            client,
            "create_private_dns_domain",
            {"domain": "b.x", "av_zone": "\0"},
            ("InvalidInput", "av_zone"),
        ),
        (client, "delete_dns_domain", {"domain": "none.example"}, ("NotFound", "domain")),
    ):
        assert refusal_of(asking, method, args) == told, (method, args)

    ann.deallocate_floating_ip(second)
    assert client.get_dns_entries_by_name("www", DOMAIN) == []
    client.delete_dns_domain(DOMAIN)
    client.delete_dns_domain("cloud.example")
    client.floating_delete("198.51.100.0/29", force=True)


def test_pools_and_ids(cell: Cell, client: Client) -> None:
    """Ranges that lose parts, ids, lists of a host, and addresses that are assigned automatically."""
    ann, bob = cell.client(ANN), cell.client(BOB)
    client.floating_create("203.0.113.0/28", "parts", "eth8")
    client.floating_delete("203.0.113.4/30")
    mine = [one for one in client.floating_ranges() if one["pool"] == "parts"]
    assert [(one["first"], one["last"], one["interface"]) for one in mine] == [
        ("203.0.113.1", "203.0.113.4", "eth8"),
        ("203.0.113.7", "203.0.113.14", "eth8"),
    ]
    floating = client.allocate_floating_ip("anns", "parts", auto_assigned=True)
    assert ann.get_floating_ip(floating) == ann.get_floating_ip_by_address(floating)
    assert ann.get_floating_ip(floating)["auto_assigned"] is True
    assert floating not in {one["address"] for one in ann.get_floating_ips_by_project()}
    assert client.get_floating_ip("203.0.113.2")["project_id"] is None
    _, info = spawn(ann, "anns")
    fixed = info[0]["network"]["subnets"][0]["ips"][0]["address"]
    client.associate_floating_ip(floating, fixed, affect_auto_assigned=True)
    assert ann.get_floating_ips_by_fixed_address(fixed) == [floating]
    for asking, method, args, told in (
        (ann, "get_floating_ip", {"id": "7"}, ("InvalidID", "id")),
        (ann, "get_floating_ip", {"id": "203.0.113.5"}, ("FloatingIpNotFound", "id")),
        (ann, "get_floating_ip", {"id": "203.0.113.2"}, ("Forbidden", "id")),
        (bob, "get_floating_ip", {"id": floating}, ("Forbidden", "id")),
        (bob, "get_floating_ip_by_address", {"address": floating}, ("Forbidden", "address")),
        (
            ann,
            "get_floating_ip_by_address",
            {"address": "203.0.113.5"},
            ("FloatingIpNotFoundForAddress", "address"),
        ),
        (
            ann,
            "disassociate_floating_ip",
            {"address": floating},
            ("CannotDisassociateAutoAssignedFloatingIP", "address"),
        ),
        (
            ann,
            "deallocate_floating_ip",
            {"address": floating, "affect_auto_assigned": True},
            ("Forbidden", "affect_auto_assigned"),
        ),
        (ann, "allocate_floating_ip", {"auto_assigned": True}, ("Forbidden", "auto_assigned")),
        (client, "floating_delete", {"ip_range": floating}, ("FloatingIpAssociated", "ip_range")),
        (client, "floating_delete", {"ip_range": "x"}, ("InvalidInput", "ip_range")),
        (client, "floating_list", {"host": "nobody"}, ("FloatingIpNotFoundForHost", "host")),
    ):
        assert refusal_of(asking, method, args) == told, (method, args)
    ann.deallocate_floating_ip(floating)
    client.floating_delete("203.0.113.0/28", force=True)
    assert "parts" not in {pool["name"] for pool in client.get_floating_ip_pools()}
