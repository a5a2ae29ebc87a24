"""Reading the present: networks, instances, addresses, hosts, and where the tables are.

Each query is one SQL statement; answers are plain dicts with nova's field names, in nova's order (that of
creation).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from projections.ipam.connection import Reader
from projections.ipam.network_info import FixedIp, Nic, network_info

Row = dict[str, Any]

_VPN_SERVER = """
    (SELECT count(*) FROM fixed_ips v
        WHERE (v.network_id, v.address) = (networks.network_id, networks.vpn_private_address))
"""
"""1 while a VPN server has the address that its network keeps for it, which is none of those handed out."""

_NETWORK = f"""
    network_id::text AS id, network_id::text AS uuid, label, injected, cidr::text, host(netmask) AS netmask,
    host(broadcast) AS broadcast, host(gateway) AS gateway, host(dhcp_start) AS dhcp_start,
    host(dhcp_server) AS dhcp_server, enable_dhcp, share_address, cidr_v6::text,
    host(gateway_v6) AS gateway_v6, netmask_v6, multi_host, bridge, bridge_interface, vlan, mtu,
    host(dns1) AS dns1, host(dns2) AS dns2, host(vpn_public_address) AS vpn_public_address, vpn_public_port,
    host(vpn_private_address) AS vpn_private_address, rxtx_base, project_id, host, priority,
    kind, physical_network, epoch,
    usable AS addresses, coalesce(held, 0) - {_VPN_SERVER} AS used, coalesce(draining, 0) AS draining,
    (SELECT count(*) FROM fixed_ip_reservations r WHERE r.network_id = networks.network_id) AS reserved,
    usable - coalesce(held, 0) + {_VPN_SERVER} - (
        SELECT count(*) FROM fixed_ip_reservations r WHERE r.network_id = networks.network_id
        AND NOT EXISTS (SELECT FROM fixed_ips f WHERE (f.network_id, f.address) = (r.network_id, r.address))
        AND NOT EXISTS (
            SELECT FROM host_addresses h WHERE (h.network_id, h.address) = (r.network_id, r.address)
        )
    ) - (SELECT count(*) FROM host_addresses h WHERE h.network_id = networks.network_id) AS free
"""
_HELD = """
    SELECT network_id, count(*) AS held, count(*) FILTER (WHERE draining) AS draining
    FROM fixed_ips GROUP BY network_id
"""


def networks(reader: Reader) -> list[Row]:
    """Return all networks in order of creation, each with its numbers of usable, used and free addresses.

    `used` counts draining addresses too: they cannot be handed out yet; but not a VPN server's, which never
    is. `reserved` counts those that an admin reserved, held or not; the plan's own are not usable anyway.
    """
    return reader.rows(
        f"SELECT {_NETWORK} FROM networks LEFT JOIN ({_HELD}) counted USING (network_id)"
        " ORDER BY from_seq, from_rank"
    )


def network(reader: Reader, network_id: str) -> Row | None:
    """Return one network by id, or None."""
    counted = """
        SELECT count(*) AS held, count(*) FILTER (WHERE draining) AS draining
        FROM fixed_ips WHERE network_id = networks.network_id
    """
    return reader.row(
        f"SELECT {_NETWORK} FROM networks, LATERAL ({counted}) counted WHERE network_id = %s::uuid",
        [network_id],
    )


def networks_by_cidr(reader: Reader, cidr: str) -> list[Row]:
    """Return networks of exactly this IPv4 or IPv6 block, in order of creation."""
    return reader.rows(
        f"SELECT {_NETWORK} FROM networks LEFT JOIN ({_HELD}) counted USING (network_id)"
        " WHERE %s::cidr IN (cidr, cidr_v6) ORDER BY from_seq, from_rank",
        [cidr],
    )


def hosts(reader: Reader) -> list[Row]:
    """Return registered hosts in order of registration, with what each last said about itself.

    `applied_seq` is the position that its kernel agrees with, None when it has not reported; `networks`
    counts those that it is the network host of, `instances` those that run on it. `fenced_until` is set while
    it is fenced: about when others take its networks over.
    """
    return reader.rows("""
        SELECT host, CASE WHEN fenced_until IS NULL THEN 'live' ELSE 'fenced' END AS state,
            physical_networks, network_host, lease_s, epoch, fenced_until,
            from_seq AS registered_seq, from_time AS registered_at, let_go_seq,
            status.seq AS applied_seq, status.failures, status.repairs, status.reported_time AS reported_at,
            (SELECT count(*) FROM networks WHERE networks.host = hosts.host) AS networks,
            coalesce(running.instances, 0) AS instances
        FROM hosts LEFT JOIN host_status status USING (host)
        LEFT JOIN (SELECT host, count(*) AS instances FROM instances GROUP BY host) running USING (host)
        ORDER BY from_seq, host
    """)


_NICS = """
    SELECT instances.instance_uuid::text, instances.project_id, instances.host, instances.epoch,
        array(SELECT host FROM prepared_instances ready WHERE ready.instance_uuid = instances.instance_uuid
            ORDER BY from_seq, host) AS prepared, instances.hostname,
        instances.display_name, instances.availability_zone, instances.rxtx_factor,
        instances.from_seq, instances.from_time,
        vifs.vif_id::text, vifs.mac::text, vifs.index, vifs.tag, to_jsonb(networks) AS network,
        coalesce(held.fixed, '[]') AS fixed, host(derived.address) AS address_v6,
        (SELECT host(own.address) FROM host_addresses own
            WHERE (own.network_id, own.host) = (vifs.network_id, instances.host) LIMIT 1) AS host_address
    FROM instances
    LEFT JOIN vifs USING (instance_uuid)
    LEFT JOIN networks USING (network_id)
    LEFT JOIN ipv6_addresses derived ON (derived.network_id, derived.instance_uuid, derived.vif_id)
        = (vifs.network_id, vifs.instance_uuid, vifs.vif_id)
    LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(host(fixed_ips.address), pointing.floating)
            ORDER BY fixed_ips.from_seq, fixed_ips.address) AS fixed
        FROM fixed_ips, LATERAL (
            SELECT coalesce(jsonb_agg(host(address) ORDER BY there.from_seq, address), '[]') AS floating
            FROM floating_associations there
            WHERE there.instance_uuid = fixed_ips.instance_uuid
                AND there.allocation_id = fixed_ips.allocation_id
        ) pointing
        WHERE fixed_ips.instance_uuid = vifs.instance_uuid AND fixed_ips.vif_id = vifs.vif_id
            AND NOT fixed_ips.draining
    ) held ON true
"""


def instance(reader: Reader, instance_uuid: str, rxtx_factor: float | None = None) -> Row | None:
    """Return an instance with its `network_info`, or None where it has no networking.

    `rxtx_factor` counts instead of the one that it was spawned with.
    """
    where = "WHERE instances.instance_uuid = %s::uuid ORDER BY index, vifs.vif_id"
    rows = reader.rows(f"{_NICS} {where}", [instance_uuid])
    return _instances(rows, rxtx_factor)[0] if rows else None


def instances(
    reader: Reader, *, project_id: str | None = None, host: str | None = None, limit: int | None = None
) -> list[Row]:
    """Return instances in order of creation with their `network_info`, of one project or host if named."""
    rows = reader.rows(
        f"""
        {_NICS}
        WHERE instances.instance_uuid IN (
            SELECT instance_uuid FROM instances
            WHERE (%(project)s::text IS NULL OR project_id = %(project)s)
                AND (%(host)s::text IS NULL OR host = %(host)s)
            ORDER BY from_seq, instance_uuid LIMIT %(limit)s
        )
        ORDER BY instances.from_seq, instances.instance_uuid, index, vifs.vif_id
        """,
        {"project": project_id, "host": host, "limit": limit},
    )
    return _instances(rows)


_OF_INSTANCE = (
    *("instance_uuid", "project_id", "host", "epoch", "prepared", "hostname", "display_name"),
    *("availability_zone", "rxtx_factor", "from_seq"),
)


def _instances(rows: Iterable[Row], rxtx_factor: float | None = None) -> list[Row]:
    """Put the rows of each instance, one for each NIC, together."""
    found: dict[str, Row] = {}
    nics: dict[str, list[Nic]] = {}
    for row in rows:
        uuid = row["instance_uuid"]
        found.setdefault(uuid, {name: row[name] for name in _OF_INSTANCE})
        of_instance = nics.setdefault(uuid, [])
        if row["network"] is not None:
            of_instance.append(_nic(row, row["rxtx_factor"] if rxtx_factor is None else rxtx_factor))
    return [{**one, "network_info": network_info(nics[uuid])} for uuid, one in found.items()]


def _nic(row: Row, rxtx_factor: float | None) -> Nic:
    fixed = tuple(FixedIp(address, tuple(floating)) for address, floating in row["fixed"])
    return Nic(
        row["vif_id"],
        row["mac"],
        row["network"],
        fixed,
        address_v6=row["address_v6"],
        host_address=row["host_address"],
        rxtx_factor=rxtx_factor,
    )


_VIF = """
    vif_id::text AS uuid, vif_id::text AS id, mac::text AS address, instance_uuid::text,
    network_id::text AS net_uuid, network_id::text AS network_id, index, tag
"""


class Vifs(NamedTuple):
    """NICs in their order, with nova's `net_uuid`, and the project whose they are."""

    project_id: str
    vifs: list[Row]


def vifs_by_instance(reader: Reader, instance_uuid: str) -> Vifs | None:
    """Return an instance's NICs, or None where it has no networking."""
    return _vifs(
        reader.rows(
            f"""
            SELECT {_VIF}, instances.project_id AS owner FROM instances LEFT JOIN vifs USING (instance_uuid)
            WHERE instance_uuid = %s::uuid ORDER BY index, vif_id
            """,
            [instance_uuid],
        )
    )


def vif_by_mac(reader: Reader, mac: str) -> Vifs | None:
    """Return the NIC that holds a MAC, or None."""
    return _vifs(
        reader.rows(
            f"""
            SELECT {_VIF}, instances.project_id AS owner FROM vifs JOIN instances USING (instance_uuid)
            WHERE mac = %s::macaddr ORDER BY contest LIMIT 1
            """,
            [mac],
        )
    )


def _vifs(rows: list[Row]) -> Vifs | None:
    owners = [row.pop("owner") for row in rows]
    return Vifs(owners[0], [row for row in rows if row["id"] is not None]) if rows else None


_FIXED_IP = """
    SELECT allocation_id::text AS id, host(address) AS address, network_id::text, allocation_id::text,
        mac::text, instance_uuid::text, vif_id::text AS virtual_interface_id, project_id, host, hostname,
        NOT draining AS allocated, leased, EXISTS (
            SELECT FROM fixed_ip_reservations kept
            WHERE (kept.network_id, kept.address) = (fixed_ips.network_id, fixed_ips.address)
        ) AS reserved, coalesce(vif_id = (
            SELECT vif_id FROM vifs WHERE vifs.instance_uuid = fixed_ips.instance_uuid
            ORDER BY index, vif_id LIMIT 1
        ), false) AS default_route, draining, waits_for, drain_until, contested, from_seq
    FROM fixed_ips
"""


_DERIVED_IP = """
    SELECT NULL AS id, host(address) AS address, derived.network_id::text, NULL AS allocation_id,
        derived.mac::text, derived.instance_uuid::text, derived.vif_id::text AS virtual_interface_id,
        project_id, host, hostname, true AS allocated, false AS leased, false AS reserved,
        coalesce(derived.vif_id = (
            SELECT vif_id FROM vifs WHERE vifs.instance_uuid = derived.instance_uuid
            ORDER BY index, vif_id LIMIT 1
        ), false) AS default_route, false AS draining, NULL::text[] AS waits_for,
        NULL::timestamptz AS drain_until, contested, derived.from_seq
    FROM ipv6_addresses derived JOIN instances USING (instance_uuid)
"""


def fixed_ips(reader: Reader, network_id: str) -> list[Row]:
    """Return the held addresses of a network in order; `allocated` is false for draining ones, as in nova."""
    return reader.rows(f"{_FIXED_IP} WHERE network_id = %s::uuid ORDER BY address, contest", [network_id])


def fixed_list(reader: Reader, network_id: str | None = None) -> list[Row] | None:
    """Return the held and the reserved addresses of a network, or of all, in order of address.

    None where there is no such network. `state` is allocated, draining, reserved, or host: held by a `host`
    itself, to serve a multi_host network. A held address may be `reserved` too. `reserved_by` is the user who
    reserved it.
    """
    rows = reader.rows(
        """
        WITH held AS (
            SELECT network_id, address, instance_uuid, project_id, mac, host, hostname, leased, draining,
                waits_for, drain_until, contest, NULL AS of_host FROM fixed_ips
            UNION ALL
            SELECT network_id, address, NULL, NULL, NULL, host, NULL, false, false, NULL, NULL, contest, host
            FROM host_addresses
        )
        SELECT host(address) AS address, network_id::text, networks.label AS network,
            CASE WHEN held.draining THEN 'draining' WHEN of_host IS NOT NULL THEN 'host'
                WHEN held.address IS NULL THEN 'reserved' ELSE 'allocated' END AS state,
            held.instance_uuid::text, held.project_id, held.mac::text, held.host, held.hostname,
            coalesce(held.leased, false) AS leased, held.waits_for, held.drain_until,
            kept.address IS NOT NULL AS reserved, decisions.user_name AS reserved_by,
            kept.from_time AS reserved_at
        FROM held FULL JOIN fixed_ip_reservations kept USING (network_id, address)
        RIGHT JOIN networks USING (network_id)
        LEFT JOIN decisions ON decisions.seq = kept.from_seq
        WHERE %(network)s::uuid IS NULL OR network_id = %(network)s::uuid
        ORDER BY coalesce(held.address, kept.address), contest
        """,
        {"network": network_id},
    )
    if network_id is not None and not rows:
        return None
    return [row for row in rows if row["address"] is not None]


def fixed_ips_by_address(reader: Reader, address: str) -> list[Row]:
    """Return who holds an address, in each network whose block has it; a derived IPv6 address too."""
    return reader.rows(
        f"""
        {_FIXED_IP}
        WHERE address = %(address)s::inet
            AND network_id IN (SELECT network_id FROM networks WHERE cidr >>= %(address)s::inet)
        UNION ALL
        {_DERIVED_IP}
        WHERE address = %(address)s::inet
            AND derived.network_id IN (SELECT network_id FROM networks WHERE cidr_v6 >>= %(address)s::inet)
        ORDER BY from_seq, allocation_id
        """,
        {"address": address},
    )


def fixed_ip(reader: Reader, allocation_id: str) -> Row | None:
    """Return an address by the id of its allocation, or None; one that drains too."""
    return reader.row(f"{_FIXED_IP} WHERE allocation_id = %s::uuid", [allocation_id])


def status(reader: Reader) -> Row | None:
    """Return where the tables are, or None when nothing was written yet.

    Compare `next_offset` with the end of the ledger for the lag in records.
    """
    return reader.row("""
        SELECT position->>'cell' AS cell, position->>'ledger_id' AS ledger_id, seq, next_offset,
            (position->>'term')::int8 AS term, (position->>'epoch')::int8 AS epoch, written_at,
            (SELECT count(*) FROM conflicts) AS conflicts
        FROM position
    """)
