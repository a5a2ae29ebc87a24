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


def domain(reader: Reader, domain: str, *, address: str | None = None, name: str | None = None) -> Row | None:
    """Return a registered domain, or None, with its `names` of an address and its `addresses` of a name.

    Names are in order of creation, an instance's display name before its id; a name has one address, or none.
    """
    return reader.row(
        """
        SELECT domain, scope, availability_zone, project_id, ARRAY (
            SELECT name FROM dns_entries there
            WHERE there.domain = dns_domains.domain AND address = %(address)s::inet
            ORDER BY from_seq, name = instance_uuid::text, name
        ) AS names, ARRAY (
            SELECT host(address) FROM dns_entries there
            WHERE there.domain = dns_domains.domain AND name = %(name)s
        ) AS addresses
        FROM dns_domains WHERE domain = %(domain)s
        """,
        {"domain": domain, "address": address, "name": name},
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
