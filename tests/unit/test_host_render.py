"""Golden files for every text that a host's daemons and kernel are given."""

from dataclasses import replace

from pydantic_core import from_json, to_json

from projections import host_dhcp
from projections.host_dhcp import DhcpHost, DhcpService
from projections.host_nat import (
    MARK,
    Elements,
    FloatingNat,
    Nat,
    NatNetwork,
    chains,
    change_elements,
    delete_table,
    document,
    elements,
    replace_table,
)
from tests import golden

DIRECTORY = "/var/lib/netledger/networks/0000000a-0000-8000-8000-000000000001"
LONG = "a-name-that-is-longer-than-dns-allows-for-one-label-and-then-some-more-of-it"
SERVICE = DhcpService(
    network_id="0000000a-0000-8000-8000-000000000001",
    interface="br1",
    first="10.1.0.2",
    netmask="255.255.255.0",
    router="10.1.0.1",
    mtu=None,
    lease_time_s=86400,
    lease_max=256,
    domain="novalocal",
    servers=(),
    hosts=(
        DhcpHost("fa:16:3e:00:00:01", "10.1.0.11", "web"),
        DhcpHost("fa:16:3e:00:00:02", "10.1.0.12", None),
        DhcpHost("fa:16:3e:00:00:03", "10.1.0.13", LONG),
    ),
)
BARE = replace(SERVICE, domain="", servers=("192.0.2.53", "192.0.2.54"), mtu=1400)

NAT = Nat(
    public_interface="eth0",
    networks=(
        NatNetwork("10.1.0.0/24", "masquerade"),
        NatNetwork("10.2.0.0/16", "192.0.2.1"),
        NatNetwork("10.3.0.0/24", None),
    ),
    floating=(
        FloatingNat("203.0.113.12", "10.1.0.11", "eth0"),
        FloatingNat("203.0.113.11", "10.1.0.11", "eth0"),
        FloatingNat("198.51.100.7", "10.2.0.9", "eth1"),
    ),
)


def pretty(value: bytes) -> str:
    """Return JSON for people."""
    return to_json(from_json(value), indent=1).decode() + "\n"


def test_failure_25_dnsmasq_configuration() -> None:
    """The plain case, and one without a domain (nova's bug 1161027) but with name servers."""
    golden.check("host/dnsmasq.conf", host_dhcp.config(SERVICE, DIRECTORY))
    golden.check("host/dnsmasq-bare.conf", host_dhcp.config(BARE, DIRECTORY))


def test_failure_25_dhcp_hosts() -> None:
    """A name, none, and one of more than 63 characters (nova's bug 1238910); the same without a domain."""
    golden.check("host/hosts", "\n".join(host_dhcp.host_lines(SERVICE)) + "\n")
    golden.check("host/hosts-bare", "\n".join(host_dhcp.host_lines(BARE)) + "\n")


def test_dhcp_options() -> None:
    """The router always; the MTU where the network has one."""
    golden.check("host/options", host_dhcp.options(SERVICE))
    golden.check("host/options-mtu", host_dhcp.options(BARE))


def test_dhcp_leases_and_script() -> None:
    """The leases that a starting dnsmasq is told, and the program it tells of others."""
    golden.check("host/leases", host_dhcp.leases(SERVICE.hosts, 1795219200))
    golden.check("host/dhcp-script", host_dhcp.script(DIRECTORY))


def test_a_name_of_63_characters_is_left_alone() -> None:
    """The limit itself is allowed; one more is shortened to 63."""
    assert host_dhcp.shortened("x" * 63) == "x" * 63
    assert len(host_dhcp.shortened("x" * 64)) == 63


def test_generation_follows_what_is_read_at_start_and_not_the_hosts() -> None:
    """A new host needs no restart, another domain does, and so does another directory."""
    first = host_dhcp.generation(SERVICE, DIRECTORY)

    assert host_dhcp.generation(replace(SERVICE, hosts=()), DIRECTORY) == first
    assert host_dhcp.generation(replace(SERVICE, domain="example"), DIRECTORY) != first
    assert host_dhcp.generation(replace(SERVICE, router="10.1.0.254"), DIRECTORY) != first
    assert host_dhcp.generation(SERVICE, "/elsewhere") != first


def test_nat_table() -> None:
    """The whole table in one transaction; removal; a change of elements that moves a floating IP."""
    golden.check("host/nat-replace.json", pretty(document(replace_table(NAT))))
    golden.check("host/nat-delete.json", pretty(document(delete_table())))
    before: Elements = {"floating_dnat": {("203.0.113.1",): "10.1.0.1"}}
    after: Elements = {"floating_dnat": {("203.0.113.1",): "10.1.0.2"}}
    golden.check("host/nat-change.json", pretty(document(change_elements(before, after))))


def test_of_several_floating_ips_the_first_is_the_source() -> None:
    """All lead in; the oldest association leads out, for reflected traffic too (nova-network.md 14.3)."""
    contents = elements(NAT)

    assert contents["floating_dnat"]["203.0.113.11",] == "10.1.0.11"
    assert contents["floating_snat"]["eth0", "10.1.0.11"] == "203.0.113.12"
    assert contents["floating_reflect"]["10.1.0.11",] == "203.0.113.12"


def test_every_rule_carries_a_digest_of_itself() -> None:
    """Rules that differ have different comments, so that the kernel's table can be compared by them."""
    comments = [comment for chain in chains(NAT) for comment in chain.rules]
    expressions = {
        command["add"]["rule"]["comment"]: to_json(command["add"]["rule"]["expr"])
        for command in replace_table(NAT)
        if "rule" in command.get("add", {})
    }

    assert all(comment.startswith(MARK) for comment in comments)
    assert len(set(expressions.values())) == len(expressions) == len(set(comments))
