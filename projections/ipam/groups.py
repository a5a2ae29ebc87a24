"""Reading security groups, their rules and members, and the provider's rules: each query is one statement.

Dicts have the names of nova's tables: a rule of `parent_group_id` lets `cidr` in, or the members of
`group_id`.
"""

from typing import Any

from projections.ipam.connection import Reader

Row = dict[str, Any]

_RULE = """
    rule.rule_id::text AS id, rule.group_id::text AS parent_group_id, rule.protocol, rule.from_port,
    rule.to_port, rule.cidr::text, rule.source_group_id::text AS group_id
"""
_GROUP = f"""
    SELECT had.group_id::text AS id, had.name, had.description, decisions.user_name AS user_id,
        had.project_id, coalesce(let.rules, '[]') AS rules,
        (SELECT count(*) FROM security_group_members m WHERE m.group_id = had.group_id) AS members
    FROM security_groups had
    LEFT JOIN decisions ON decisions.seq = had.from_seq
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(to_jsonb(told) ORDER BY rule.from_seq, rule.from_rank) AS rules
        FROM security_group_rules rule, LATERAL (SELECT {_RULE}) told WHERE rule.group_id = had.group_id
    ) let ON true
"""


def groups(reader: Reader, project_id: str | None = None) -> list[Row]:
    """Return groups with their rules and number of members, of one project if named, in order of creation.

    `user_id` created it, or first referred to it if it is a project's default group.
    """
    return reader.rows(
        f"""
        {_GROUP} WHERE %(project)s::text IS NULL OR had.project_id = %(project)s
        ORDER BY had.from_seq, had.from_rank, had.group_id
        """,
        {"project": project_id},
    )


def group(reader: Reader, group_id: str) -> Row | None:
    """Return a group by its id, or None."""
    return reader.row(f"{_GROUP} WHERE had.group_id = %s::uuid", [group_id])


def group_by_name(reader: Reader, project_id: str, name: str) -> Row | None:
    """Return a project's group by its name, or None."""
    return reader.row(f"{_GROUP} WHERE had.project_id = %s AND had.name = %s", [project_id, name])


def groups_of_instance(reader: Reader, instance_uuid: str) -> list[Row]:
    """Return the groups that an instance is in, in the order in which it joined them."""
    return reader.rows(
        f"""
        {_GROUP} JOIN security_group_members membership USING (group_id)
        WHERE membership.instance_uuid = %s::uuid ORDER BY membership.from_seq, membership.from_rank
        """,
        [instance_uuid],
    )


def rule(reader: Reader, rule_id: str) -> Row | None:
    """Return a rule by its id, with the project that its group is of; or None."""
    return reader.row(
        f"""
        SELECT {_RULE}, had.project_id FROM security_group_rules rule
        JOIN security_groups had USING (group_id) WHERE rule.rule_id = %s::uuid
        """,
        [rule_id],
    )


def provider_rules(reader: Reader) -> list[Row]:
    """Return what the provider drops, in order of creation."""
    return reader.rows("""
        SELECT rule_id::text AS id, protocol, from_port, to_port, cidr::text FROM provider_fw_rules
        ORDER BY from_seq, rule_id
    """)
