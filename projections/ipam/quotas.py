"""Reading quotas: what a project has, and what it may have where that was set for it."""

from typing import Any

from projections.ipam.connection import Reader

Row = dict[str, Any]


def of_project(reader: Reader, project_id: str) -> dict[str, Row]:
    """Return `in_use` and `limit` of each resource; `limit` is None where the default one holds.

    What drains has been given back. One SQL statement.
    """
    rows = reader.rows(
        """
        WITH used AS (
            SELECT 'fixed_ips' AS resource, count(*) AS in_use FROM fixed_ips
            WHERE project_id = %(project)s AND NOT draining
            UNION ALL
            SELECT 'floating_ips', count(*) FROM floating_ips
            WHERE project_id = %(project)s AND NOT auto_assigned
            UNION ALL
            SELECT 'networks', count(*) FROM networks WHERE project_id = %(project)s
        )
        SELECT resource, in_use, hard_limit AS "limit" FROM used LEFT JOIN (
            SELECT resource, hard_limit FROM quotas WHERE project_id = %(project)s
        ) own USING (resource)
        """,
        {"project": project_id},
    )
    return {row.pop("resource"): row for row in rows}


def limits(reader: Reader) -> list[Row]:
    """Return every limit that was set for a project, by project and resource, with who set it."""
    return reader.rows("""
        SELECT quotas.project_id, resource, hard_limit AS "limit", decisions.user_name AS set_by,
            quotas.from_time AS set_at
        FROM quotas LEFT JOIN decisions ON decisions.seq = quotas.from_seq
        ORDER BY quotas.project_id, resource
    """)
