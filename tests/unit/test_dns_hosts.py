"""The hosts file that dnsmasq reads."""

from projections.dns_hosts import HEAD, HostsEntry, hosts_text


def test_a_line_for_each_entry() -> None:
    """Full names behind their addresses, in the order given; the first of an address is its reverse name."""
    entries = [
        HostsEntry("10.0.0.2", "web", "cloud.example"),
        HostsEntry("10.0.0.2", "6f6a3b1e-0000-4000-8000-000000000001", "cloud.example"),
        HostsEntry("192.0.2.1", "www", "example.org"),
    ]

    assert hosts_text(entries) == HEAD + (
        "10.0.0.2 web.cloud.example\n"
        "10.0.0.2 6f6a3b1e-0000-4000-8000-000000000001.cloud.example\n"
        "192.0.2.1 www.example.org\n"
    )


def test_no_entries_are_a_comment() -> None:
    """Dnsmasq reads a file without entries all the same."""
    assert hosts_text(()) == HEAD
    assert all(line.startswith("#") for line in HEAD.splitlines())
