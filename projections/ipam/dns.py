"""Reading DNS domains and entries. Each query is one SQL statement."""

from typing import Any

from projections.ipam.connection import Reader

Row = dict[str, Any]


def domains(reader: Reader) -> list[Row]:
    """Return registered domains in order of registration, with the numbers of their entries."""
    return reader.rows("""
        SELECT domain, scope, availability_zone, project_id,
            (SELECT count(*) FROM dns_entries WHERE dns_entries.domain = dns_domains.domain) AS entries
        FROM dns_domains ORDER BY from_seq, domain
    """)


def domain(reader: Reader, name: str) -> Row | None:
    """Return a registered domain, or None."""
    return reader.row(
        "SELECT domain, scope, availability_zone, project_id FROM dns_domains WHERE domain = %s", [name]
    )


def entries(reader: Reader, name: str | None = None) -> list[Row]:
    """Return the entries of all domains, or of one, by address; an instance's display name before its id."""
    return reader.rows(
        """
        SELECT name, domain, host(address) AS address, instance_uuid::text, from_time FROM dns_entries
        WHERE %(domain)s::text IS NULL OR domain = %(domain)s
        ORDER BY dns_entries.address, from_seq, name = instance_uuid::text, domain, name
        """,
        {"domain": name},
    )


def names_of(reader: Reader, address: str, name: str) -> list[str]:
    """Return the names that stand for an address in a domain, in order of creation."""
    rows = reader.rows(
        """
        SELECT name FROM dns_entries WHERE address = %s::inet AND domain = %s
        ORDER BY from_seq, name = instance_uuid::text, name
        """,
        [address, name],
    )
    return [row["name"] for row in rows]


def addresses_of(reader: Reader, name: str, in_domain: str) -> list[str]:
    """Return what a name of a domain stands for: one address, or none."""
    rows = reader.rows(
        "SELECT host(address) AS address FROM dns_entries WHERE domain = %s AND name = %s", [in_domain, name]
    )
    return [row["address"] for row in rows]
