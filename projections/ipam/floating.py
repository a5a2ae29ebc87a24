"""Reading floating IPs: owners, targets, pools and their ranges. Each query is one SQL statement."""

from typing import Any

from projections.ipam.connection import Reader

Row = dict[str, Any]

_HOST = "CASE WHEN networks.multi_host THEN instances.host ELSE networks.host END"

_JOINED = """
    LEFT JOIN floating_associations there USING (address, contest)
    LEFT JOIN networks ON networks.network_id = there.network_id
    LEFT JOIN instances ON instances.instance_uuid = there.instance_uuid
"""


def _columns(of: str) -> str:
    """Return nova's columns in its order, then ours; an allocation's id stands for that of its row.

    `of` is the table that knows pool and interface.
    """
    return f"""
        host(address) AS id, host(address) AS address, there.allocation_id::text AS fixed_ip_id,
        floating_ips.project_id, {_HOST} AS host,
        coalesce(floating_ips.auto_assigned, false) AS auto_assigned, {of}.pool, {of}.interface,
        host(there.fixed_address) AS fixed_address, there.network_id::text, there.instance_uuid::text
    """


def floating_ips(
    reader: Reader, project_id: str | None = None, *, host: str | None = None, automatic: bool = True
) -> list[Row]:
    """Return the floating IPs that projects own in order of address, and what each points at.

    Of one project, or bound on one host, if named. Without `automatic`, not those assigned automatically.
    """
    return reader.rows(
        f"""
        SELECT {_columns("floating_ips")} FROM floating_ips {_JOINED}
        WHERE (%(project)s::text IS NULL OR floating_ips.project_id = %(project)s)
            AND (%(host)s::text IS NULL OR {_HOST} = %(host)s)
            AND (%(automatic)s OR NOT floating_ips.auto_assigned)
        ORDER BY floating_ips.address, contest
        """,
        {"project": project_id, "host": host, "automatic": automatic},
    )


def floating_ip(reader: Reader, address: str) -> Row | None:
    """Return a floating IP, owned or free (its `project_id` is None then), or None for what is in no pool."""
    return reader.row(
        f"""
        SELECT {_columns("ranges")}
        FROM (SELECT %(address)s::inet AS address) asked
        JOIN floating_ranges ranges ON asked.address BETWEEN ranges.first AND ranges.last
        LEFT JOIN floating_ips USING (address) {_JOINED}
        ORDER BY contest LIMIT 1
        """,
        {"address": address},
    )


def floating_ips_by_fixed_address(reader: Reader, address: str, project_id: str | None = None) -> list[str]:
    """Return the floating IPs that point at a fixed address, of one project if named, as they came to."""
    rows = reader.rows(
        """
        SELECT host(address) AS address FROM floating_associations
        WHERE fixed_address = %(address)s::inet AND (%(project)s::text IS NULL OR project_id = %(project)s)
        ORDER BY from_seq, floating_associations.address
        """,
        {"address": address, "project": project_id},
    )
    return [row["address"] for row in rows]


def floating_pools(reader: Reader) -> list[Row]:
    """Return floating pools by name, as nova's `{name}`, with the numbers of their addresses."""
    return reader.rows("""
        WITH ranges AS (
            SELECT pool, sum(last - first + 1)::int8 AS addresses FROM floating_ranges GROUP BY pool
        ), taken AS (SELECT pool, count(*) AS used FROM floating_ips GROUP BY pool)
        SELECT pool AS name, addresses, coalesce(used, 0) AS used, addresses - coalesce(used, 0) AS free
        FROM ranges LEFT JOIN taken USING (pool) ORDER BY pool
    """)


def floating_ranges(reader: Reader) -> list[Row]:
    """Return the ranges of all pools in order of address, each with the numbers of its addresses."""
    return reader.rows("""
        SELECT pool, interface, host(first) AS first, host(last) AS last, from_seq,
            last - first + 1 AS addresses, used, last - first + 1 - used AS free
        FROM floating_ranges ranges, LATERAL (
            SELECT count(*) AS used FROM floating_ips
            WHERE contest = 0 AND address BETWEEN ranges.first AND ranges.last
        ) taken
        ORDER BY ranges.first
    """)
