"""The SQL that writes holds, made from the tables' columns; every value is a parameter."""

from collections.abc import Iterable
from functools import cache

from projections.ipam.tables import HeldTable


def copy_into(table: str, columns: Iterable[str]) -> bytes:
    """Return the statement that takes rows of a table."""
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()


def insert_into(table: str, columns: Iterable[str]) -> bytes:
    """Return the statement that takes one row of a table."""
    columns = tuple(columns)
    values = ", ".join(["%s"] * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})".encode()


@cache
def end_holds(table: HeldTable) -> bytes:
    """Return the statement that moves holds to the history.

    It takes an array for each of `where`, `ending`, to_seq and to_time. Where holds can be contested, it then
    takes whether contested ones are ended too, and whether all that end become contested.
    """
    given = {**table.where, **table.ending, "to_seq": "int8", "to_time": "timestamptz"}
    moved = {name: _moved(table, name, given) for name in table.history_columns}
    which = ""
    if table.contested:
        which = "AND (%s OR NOT held.contested)"
        moved["contested"] = "held.contested OR %s"
    return f"""
        WITH gone AS (
            DELETE FROM {table.name} held
            USING unnest({_arrays(given.values())}) AS ended({", ".join(given)})
            WHERE {_same(table.where, "held", "ended")} {which}
            RETURNING {", ".join(f"{value} AS {name}" for name, value in moved.items())}
        )
        INSERT INTO {table.history} ({", ".join(moved)}) SELECT {", ".join(moved)} FROM gone
    """.encode()


def _moved(table: HeldTable, name: str, given: Iterable[str]) -> str:
    """Return where a column of the history comes from: the row, what ended it, or whichever knows it."""
    if name in table.ending and name in table.columns:
        return f"coalesce(ended.{name}, held.{name})"
    return f"ended.{name}" if name in given and name not in table.columns else f"held.{name}"


@cache
def overlaps(table: HeldTable) -> bytes:
    """Return the query that counts holds which began before an ended hold of the same key was over.

    It takes an array for each column of the key, and one of to_seq.
    """
    return f"""
        SELECT count(*) AS found
        FROM unnest({_arrays((*table.key.values(), "int8"))}) AS ended({", ".join(table.key)}, to_seq)
        JOIN {table.name} held ON {_same(table.key, "held", "ended")} AND held.from_seq < ended.to_seq
    """.encode()


@cache
def move_up(table: HeldTable) -> bytes:
    """Return the statement that gives rank 0 to the next contested holder of each key without a first."""
    return f"""
        UPDATE {table.name} held SET contest = 0 WHERE contest > 0
        AND contest = (SELECT min(contest) FROM {table.name} other WHERE {_same(table.key, "other", "held")})
    """.encode()


@cache
def insert_beside(table: HeldTable) -> bytes:
    """Return the statement that keeps a second holder beside the first: a row, then the key again."""
    columns = (*table.columns, "contest", "contested")
    values = ", ".join(["%s"] * len(table.columns))
    rank = f"(SELECT max(contest) + 1 FROM {table.name} WHERE {_is_key(table)})"
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({values}, {rank}, true)".encode()


@cache
def holder_of(table: HeldTable) -> bytes:
    """Return the query for the first holder of a key, as JSON."""
    first = "ORDER BY contest LIMIT 1" if table.contested else ""
    return f"SELECT to_jsonb(held) AS holder FROM {table.name} held WHERE {_is_key(table)} {first}".encode()


@cache
def overlapped_by(table: HeldTable) -> bytes:
    """Return the query for an ended hold that overlaps a key's current one: the key twice, then to_seq."""
    current = f"SELECT min(from_seq) FROM {table.name} WHERE {_is_key(table)}"
    return f"""
        SELECT to_jsonb(past) AS holder FROM {table.history} past
        WHERE {_is_key(table)} AND NOT contested
            AND int8range(from_seq, to_seq) && int8range(({current}), %s)
        ORDER BY from_seq LIMIT 1
    """.encode()


def _arrays(kinds: Iterable[str]) -> str:
    return ", ".join(f"%s::{kind}[]" for kind in kinds)


def _is_key(table: HeldTable) -> str:
    return " AND ".join(f"{name} = %s::{kind}" for name, kind in table.key.items())


def _same(columns: Iterable[str], one: str, other: str) -> str:
    return " AND ".join(f"{one}.{name} = {other}.{name}" for name in columns)


RELEASE = b"""
    UPDATE fixed_ips held SET draining = true, released_seq = new.released_seq,
        released_time = new.released_time, waits_for = new.waits_for::text[], drain_until = new.drain_until
    FROM unnest(
        %s::uuid[], %s::inet[], %s::uuid[], %s::int8[], %s::timestamptz[], %s::text[], %s::timestamptz[]
    ) AS new(network_id, address, allocation_id, released_seq, released_time, waits_for, drain_until)
    WHERE held.network_id = new.network_id AND held.address = new.address
        AND held.allocation_id = new.allocation_id
"""
LEASE = b"""
    UPDATE fixed_ips held SET leased = new.leased
    FROM unnest(%s::uuid[], %s::inet[], %s::uuid[], %s::bool[])
        AS new(network_id, address, allocation_id, leased)
    WHERE held.network_id = new.network_id AND held.address = new.address
        AND held.allocation_id = new.allocation_id
"""
CLAIM = b"""
    UPDATE networks held SET host = new.host, epoch = new.epoch
    FROM unnest(%s::uuid[], %s::text[], %s::int4[]) AS new(network_id, host, epoch)
    WHERE held.network_id = new.network_id
"""
END_BINDING = b"""
    INSERT INTO instance_binding_history (instance_uuid, host, epoch, from_seq, to_seq, contested)
    SELECT gone.instance_uuid, gone.host, gone.epoch, coalesce(gone.from_seq, held.host_seq), gone.to_seq, %s
    FROM unnest(%s::uuid[], %s::text[], %s::int4[], %s::int8[], %s::int8[])
        AS gone(instance_uuid, host, epoch, from_seq, to_seq)
    LEFT JOIN instances held USING (instance_uuid)
    WHERE coalesce(gone.from_seq, held.host_seq) IS NOT NULL
"""
MOVE_INSTANCE = b"""
    UPDATE instances held SET host = new.host, epoch = new.epoch, host_seq = new.host_seq,
        rxtx_factor = CASE WHEN new.resized THEN new.rxtx_factor ELSE held.rxtx_factor END
    FROM unnest(
        %s::uuid[], %s::text[], %s::int4[], %s::text[], %s::int4[], %s::int8[], %s::bool[], %s::float8[]
    ) AS new(instance_uuid, was_host, was_epoch, host, epoch, host_seq, resized, rxtx_factor)
    WHERE held.instance_uuid = new.instance_uuid AND held.epoch = new.was_epoch
        AND held.host IS NOT DISTINCT FROM new.was_host
"""
MOVE_VIF = b"""
    UPDATE vifs held SET host = new.host FROM unnest(%s::macaddr[], %s::uuid[], %s::text[])
        AS new(mac, vif_id, host)
    WHERE held.mac = new.mac AND held.vif_id = new.vif_id
"""
MOVE_FIXED_IP = b"""
    UPDATE fixed_ips held SET host = new.host FROM unnest(%s::uuid[], %s::inet[], %s::uuid[], %s::text[])
        AS new(network_id, address, allocation_id, host)
    WHERE held.network_id = new.network_id AND held.address = new.address
        AND held.allocation_id = new.allocation_id
"""
BELONG = b"""
    UPDATE networks held SET project_id = new.project_id
    FROM unnest(%s::uuid[], %s::text[]) AS new(network_id, project_id)
    WHERE held.network_id = new.network_id
"""
VPN = b"""
    UPDATE networks held SET vpn_public_address = new.address, vpn_public_port = new.port
    FROM unnest(%s::uuid[], %s::inet[], %s::int4[]) AS new(network_id, address, port)
    WHERE held.network_id = new.network_id
"""
REGISTER = b"""
    INSERT INTO hosts (
        host, physical_networks, lease_s, network_host, epoch, fenced_until, from_seq, from_time
    ) VALUES (%s, %s::text[], %s, %s, %s, %s, %s, %s)
    ON CONFLICT (host) DO UPDATE SET physical_networks = excluded.physical_networks,
        lease_s = excluded.lease_s, network_host = excluded.network_host, epoch = excluded.epoch,
        fenced_until = excluded.fenced_until
"""
FENCE = b"UPDATE hosts SET fenced_until = %s WHERE host = %s"
SET_QUOTA = b"""
    INSERT INTO quotas (project_id, resource, hard_limit, from_seq, from_time) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (project_id, resource) DO UPDATE SET
        hard_limit = excluded.hard_limit, from_seq = excluded.from_seq, from_time = excluded.from_time
"""
RESET_QUOTA = b"DELETE FROM quotas WHERE project_id = %s AND resource = %s"
LET_GO = b"UPDATE hosts SET let_go_seq = %s WHERE host = %s"
RENAME_GROUP = b"""
    UPDATE security_groups held SET name = new.name, description = new.description
    FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS new(group_id, name, description)
    WHERE held.group_id = new.group_id
"""
DEFAULT_GROUP = b"""
    INSERT INTO security_groups (group_id, project_id, name, description, from_rank, from_seq, from_time)
    SELECT * FROM unnest(
        %s::uuid[], %s::text[], %s::text[], %s::text[], %s::int4[], %s::int8[], %s::timestamptz[]
    ) ON CONFLICT (group_id) DO NOTHING
"""
