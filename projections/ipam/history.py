"""Reading the past: who held what from when to when, by which commands, on whose behalf, and why.

Each query is one SQL statement. Positions are exact, times are those recorded with them. `to` is None while
something is still held; `contested` marks holds that overlap another one (see `conflicts`).
"""

from typing import Any

from projections.ipam.connection import Reader

Row = dict[str, Any]

_DECISION = """
    jsonb_build_object('seq', {0}.seq, 'command_id', {0}.command_id, 'cause', {0}.cause,
        'time', to_char({0}.time, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'user', {0}.user_name, 'project', {0}.project_id)
"""


def _by(decision: str) -> str:
    return f"CASE WHEN {decision}.seq IS NOT NULL THEN {_DECISION.format(decision)} END"


_SPAN = f'{_by("began")} AS "from", {_by("ended")} AS "to"'
_JOIN = (
    "JOIN decisions began ON began.seq = held.from_seq LEFT JOIN decisions ended ON ended.seq = held.to_seq"
)

_FIXED = f"""
    WITH held AS (
        SELECT network_id, address, allocation_id, vif_id, mac, instance_uuid, project_id, host, hostname,
            released_seq, reason, from_seq, to_seq, contested
        FROM fixed_ip_history WHERE {{0}}
        UNION ALL
        SELECT network_id, address, allocation_id, vif_id, mac, instance_uuid, project_id, host, hostname,
            released_seq, NULL, from_seq, NULL, contested
        FROM fixed_ips WHERE {{0}}
    ), known AS (
        SELECT network_id, label FROM networks UNION ALL SELECT network_id, label FROM network_history
    )
    SELECT host(held.address) AS address, held.network_id::text,
        (SELECT label FROM known WHERE known.network_id = held.network_id LIMIT 1) AS network,
        held.instance_uuid::text, held.project_id, held.mac::text, held.vif_id::text, held.host,
        held.hostname, held.allocation_id::text, {_SPAN}, {_by("released")} AS released, held.reason,
        held.contested
    FROM held {_JOIN} LEFT JOIN decisions released ON released.seq = held.released_seq
    ORDER BY held.from_seq, held.address, held.allocation_id
"""


def of_address(reader: Reader, address: str, network_id: str | None = None) -> list[Row]:
    """Return who held a fixed address, oldest first, in every network or in one.

    `released` is the decision by which an instance lost it; it drained from then to `to`, for `reason`.
    """
    where = "address = %(address)s::inet AND (%(network)s::uuid IS NULL OR network_id = %(network)s::uuid)"
    return reader.rows(_FIXED.format(where), {"address": address, "network": network_id})


def of_instance(reader: Reader, instance_uuid: str) -> list[Row]:
    """Return which fixed addresses an instance held, oldest first."""
    return reader.rows(_FIXED.format("instance_uuid = %(instance)s::uuid"), {"instance": instance_uuid})


_DERIVED = f"""
    WITH held AS (
        SELECT network_id, address, vif_id, mac, instance_uuid, from_seq, to_seq, contested
        FROM ipv6_address_history WHERE {{0}}
        UNION ALL
        SELECT network_id, address, vif_id, mac, instance_uuid, from_seq, NULL, contested
        FROM ipv6_addresses WHERE {{0}}
    ), known AS (
        SELECT network_id, label FROM networks UNION ALL SELECT network_id, label FROM network_history
    ), owned AS (
        SELECT instance_uuid, project_id FROM instances
        UNION ALL SELECT instance_uuid, project_id FROM instance_history
    )
    SELECT host(held.address) AS address, held.network_id::text,
        (SELECT label FROM known WHERE known.network_id = held.network_id LIMIT 1) AS network,
        held.instance_uuid::text,
        (SELECT project_id FROM owned WHERE owned.instance_uuid = held.instance_uuid LIMIT 1) AS project_id,
        held.mac::text, held.vif_id::text, {_SPAN}, held.contested
    FROM held {_JOIN} ORDER BY held.from_seq, held.address, held.vif_id
"""


def of_ipv6_address(reader: Reader, address: str) -> list[Row]:
    """Return whose NICs had an IPv6 address, oldest first, in every network."""
    return reader.rows(_DERIVED.format("address = %(address)s::inet"), {"address": address})


def ipv6_addresses_of_instance(reader: Reader, instance_uuid: str) -> list[Row]:
    """Return which IPv6 addresses an instance's NICs had, oldest first."""
    return reader.rows(_DERIVED.format("instance_uuid = %(instance)s::uuid"), {"instance": instance_uuid})


_VIFS = f"""
    WITH held AS (
        SELECT mac, vif_id, instance_uuid, network_id, host, index, tag, from_seq, to_seq, contested
        FROM mac_history WHERE {{0}}
        UNION ALL
        SELECT mac, vif_id, instance_uuid, network_id, host, index, tag, from_seq, NULL, contested
        FROM vifs WHERE {{0}}
    )
    SELECT held.mac::text, held.vif_id::text, held.instance_uuid::text, held.network_id::text, held.host,
        held.index, held.tag, {_SPAN}, held.contested
    FROM held {_JOIN} ORDER BY held.from_seq, held.index, held.vif_id
"""


def of_mac(reader: Reader, mac: str) -> list[Row]:
    """Return which NICs held a MAC, oldest first."""
    return reader.rows(_VIFS.format("mac = %(mac)s::macaddr"), {"mac": mac})


def vifs_of_instance(reader: Reader, instance_uuid: str) -> list[Row]:
    """Return which NICs an instance had, with their MACs, oldest first."""
    return reader.rows(_VIFS.format("instance_uuid = %(instance)s::uuid"), {"instance": instance_uuid})


_HOSTS = f"""
    WITH held AS (
        SELECT 'bound' AS what, host, epoch, from_seq, to_seq, contested
        FROM instance_binding_history WHERE {{0}}
        UNION ALL
        SELECT 'bound', host, epoch, host_seq, NULL, false FROM instances WHERE {{0}} AND host IS NOT NULL
        UNION ALL
        SELECT 'bound', host, epoch, host_seq, to_seq, false
        FROM instance_history WHERE {{0}} AND host IS NOT NULL
        UNION ALL
        SELECT 'prepared', host, NULL, from_seq, to_seq, false FROM prepared_instance_history WHERE {{0}}
        UNION ALL
        SELECT 'prepared', host, NULL, from_seq, NULL, false FROM prepared_instances WHERE {{0}}
    )
    SELECT held.what, held.host, held.epoch, {_SPAN}, held.contested
    FROM held {_JOIN} ORDER BY held.from_seq, held.to_seq, held.what, held.host
"""


def hosts_of_instance(reader: Reader, instance_uuid: str) -> list[Row]:
    """Return which hosts an instance was bound to, and which were made ready for it, oldest first.

    `what` tells which; `epoch` counts bindings.
    """
    where = "instance_uuid = %(instance)s::uuid"
    return reader.rows(_HOSTS.format(where), {"instance": instance_uuid})


_OWNED = """
    SELECT 'owned' AS what, address, project_id, pool, NULL::uuid AS instance_uuid,
        NULL::inet AS fixed_address, NULL::uuid AS network_id, from_seq, to_seq, contested
    FROM floating_ip_history WHERE {0}
    UNION ALL
    SELECT 'owned', address, project_id, pool, NULL, NULL, NULL, from_seq, NULL, contested
    FROM floating_ips WHERE {0}
"""
_ASSOCIATED = """
    SELECT 'associated' AS what, address, project_id, NULL AS pool, instance_uuid, fixed_address, network_id,
        from_seq, to_seq, contested
    FROM floating_association_history WHERE {0}
    UNION ALL
    SELECT 'associated', address, project_id, NULL, instance_uuid, fixed_address, network_id,
        from_seq, NULL, contested
    FROM floating_associations WHERE {0}
"""
_FLOATING = f"""
    WITH held AS ({{0}})
    SELECT held.what, host(held.address) AS address, held.project_id, held.pool, held.instance_uuid::text,
        host(held.fixed_address) AS fixed_address, held.network_id::text, {_SPAN}, held.contested
    FROM held {_JOIN} ORDER BY held.from_seq, held.what DESC, held.address
"""


def of_floating_ip(reader: Reader, address: str) -> list[Row]:
    """Return which projects owned a floating IP and what it pointed at, oldest first; `what` tells which."""
    held = f"{_OWNED} UNION ALL {_ASSOCIATED}".format("address = %(address)s::inet")
    return reader.rows(_FLOATING.format(held), {"address": address})


def floating_ips_of_instance(reader: Reader, instance_uuid: str) -> list[Row]:
    """Return which floating IPs pointed at an instance, oldest first."""
    held = _ASSOCIATED.format("instance_uuid = %(instance)s::uuid")
    return reader.rows(_FLOATING.format(held), {"instance": instance_uuid})


_PROJECTS = f"""
    WITH held AS (
        SELECT network_id, project_id, from_seq, to_seq, false AS contested
        FROM network_project_history WHERE network_id = %(network)s::uuid
        UNION ALL
        SELECT network_id, project_id, from_seq, NULL, false
        FROM network_projects WHERE network_id = %(network)s::uuid
    ), known AS (
        SELECT network_id, label FROM networks UNION ALL SELECT network_id, label FROM network_history
    )
    SELECT held.network_id::text,
        (SELECT label FROM known WHERE known.network_id = held.network_id LIMIT 1) AS network,
        held.project_id, {_SPAN}, held.contested
    FROM held {_JOIN} ORDER BY held.from_seq
"""


def projects_of_network(reader: Reader, network_id: str) -> list[Row]:
    """Return which projects a network belonged to, oldest first; while it was nobody's there is no row."""
    return reader.rows(_PROJECTS, {"network": network_id})


_DECISIONS = """
    SELECT seq, log_offset, term, time, cause, subject, command_id, correlation_id, user_name AS user,
        project_id AS project, is_admin,
        CASE WHEN code IS NOT NULL
            THEN jsonb_build_object('code', code, 'field', field, 'message', message) END AS refusal,
        repeats_seq
    FROM decisions
"""


def command(reader: Reader, command_id: str) -> Row | None:
    """Return the first decision on a command, and those on its repetitions as `repeats`; or None."""
    rows = reader.rows(f"{_DECISIONS} WHERE command_id = %s ORDER BY seq", [command_id])
    return {**rows[0], "repeats": rows[1:]} if rows else None


def decision(reader: Reader, seq: int) -> Row | None:
    """Return the decision at a position, or None."""
    return reader.row(f"{_DECISIONS} WHERE seq = %s", [seq])


def conflicts(reader: Reader, limit: int | None = None) -> list[Row]:
    """Return what the database found held twice, or given back without being held; newest first.

    `holder` is the row that was there, `other` what came; None as `holder`: nobody held it.
    """
    return reader.rows(
        """
        SELECT seq, time, problem, what, held, holder, other FROM conflicts
        ORDER BY seq DESC, held::text LIMIT %s
        """,
        [limit],
    )
