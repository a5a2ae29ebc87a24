"""Digests of the tables: live and rebuilt ones must agree, and the present with a fold of the ledger."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, tuple_row
from pydantic_core import to_json

from events.networks import NetworkCreated
from projections.ipam.errors import translated
from projections.ipam.tables import HELD_TABLES

TABLES = (
    *(table.name for table in HELD_TABLES),
    *(table.history for table in HELD_TABLES),
    *("hosts", "quotas", "instance_binding_history", "decisions", "conflicts"),
)
"""Everything that the ledger alone determines; positions and what hosts say of themselves are left out."""

_PAGE = 10_000

_TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
_PRESENT = {
    "host_addresses": "SELECT network_id::text, host(address), allocation_id::text, host FROM host_addresses",
    "hosts": f"""
        SELECT host, lease_s, network_host, epoch, {_TIME.format("fenced_until")}, physical_networks
        FROM hosts
    """,
    "instances": """
        SELECT instance_uuid::text, project_id, host, epoch, hostname, display_name, availability_zone,
            rxtx_factor
        FROM instances
    """,
    "prepared_instances": "SELECT instance_uuid::text, host FROM prepared_instances",
    "vifs": """
        SELECT vif_id::text, vifs.mac::text, vifs.instance_uuid::text, network_id::text, index, tag,
            host(address)
        FROM vifs LEFT JOIN ipv6_addresses USING (vif_id, network_id)
    """,
    "fixed_ips": """
        SELECT allocation_id::text, network_id::text, host(address), mac::text, vif_id::text,
            instance_uuid::text, project_id, host, leased, draining
        FROM fixed_ips
    """,
    "fixed_ip_reservations": "SELECT network_id::text, host(address) FROM fixed_ip_reservations",
    "floating_ranges": "SELECT host(first), host(last), pool, interface FROM floating_ranges",
    "floating_ips": """
        SELECT host(address), pool, floating_ips.interface, floating_ips.project_id, auto_assigned,
            allocation_id::text
        FROM floating_ips LEFT JOIN floating_associations USING (address, contest)
    """,
    "dns_domains": "SELECT domain, scope, availability_zone, project_id FROM dns_domains",
    "dns_entries": "SELECT domain, name, host(address), allocation_id::text FROM dns_entries",
    "quotas": "SELECT project_id, resource, hard_limit FROM quotas",
    "security_groups": "SELECT group_id::text, project_id, name, description FROM security_groups",
    "security_group_rules": """
        SELECT rule_id::text, group_id::text, protocol, from_port, to_port, cidr::text, source_group_id::text
        FROM security_group_rules
    """,
    "security_group_members": "SELECT instance_uuid::text, group_id::text FROM security_group_members",
    "provider_fw_rules": """
        SELECT rule_id::text, protocol, from_port, to_port, cidr::text FROM provider_fw_rules
    """,
}
_NETWORKS = """
    SELECT network_id::text, kind, label, injected, cidr::text, host(netmask) AS netmask,
        host(broadcast) AS broadcast, host(gateway) AS gateway, host(dhcp_start) AS dhcp_start,
        host(dhcp_server) AS dhcp_server, enable_dhcp, share_address, cidr_v6::text,
        host(gateway_v6) AS gateway_v6, netmask_v6, multi_host, bridge, bridge_interface, vlan, mtu,
        host(dns1) AS dns1, host(dns2) AS dns2, host(vpn_public_address) AS vpn_public_address,
        vpn_public_port, host(vpn_private_address) AS vpn_private_address, rxtx_base, project_id, priority,
        physical_network, reserved, host, epoch
    FROM networks
"""


def digests(connection: psycopg.Connection[DictRow]) -> dict[str, str]:
    """Return the SHA-256 of each table's sorted rows in hex, all as of one moment unless in a transaction.

    Raises:
        IpamMissing: there are no tables.
        IpamUnavailable: the server did not answer.

    """
    outermost = connection.info.transaction_status == TransactionStatus.IDLE
    with translated(), connection.transaction():
        if outermost:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return {table: _digest(connection, table) for table in TABLES}


def _digest(connection: psycopg.Connection[DictRow], table: str) -> str:
    query = sql.SQL('SELECT to_jsonb(t)::text COLLATE "C" AS line FROM {} t ORDER BY line')
    hashed = sha256()
    with connection.cursor(f"digest_{table}", row_factory=tuple_row) as cursor:
        cursor.itersize = _PAGE
        cursor.execute(query.format(sql.Identifier(table)))
        for (line,) in cursor:
            hashed.update(line.encode())
            hashed.update(b"\n")
    return hashed.hexdigest()


def canonical_rows(connection: psycopg.Connection[DictRow]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the present in the form of `projections.cell.canonical`, by table, sorted."""
    with translated(), connection.transaction():
        present = {table: sorted(_rows(connection, query)) for table, query in _PRESENT.items()}
        present["hosts"] = sorted((*host, *sorted(reaches)) for *host, reaches in present["hosts"])
        return {"networks": sorted(_networks(connection)), **present}


def _rows(connection: psycopg.Connection[DictRow], query: str) -> list[tuple[Any, ...]]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def _networks(connection: psycopg.Connection[DictRow]) -> Iterator[tuple[Any, ...]]:
    for row in connection.execute(_NETWORKS):
        host, epoch = row.pop("host"), row.pop("epoch")
        plan = NetworkCreated.model_validate(row)
        yield plan.network_id, to_json(plan).decode(), host, epoch
