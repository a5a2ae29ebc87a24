"""Is there room? What a scheduler or an API asks before an instance is placed. Nothing is held by asking.

Each query is one SQL statement. What is counted is counted now, network by network: by the primary key of
`fixed_ips`, so a network costs what it holds, and networks that are not asked about cost nothing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from projections.ipam.connection import Reader

Row = dict[str, Any]

_COUNTED = """
    LATERAL (
        SELECT * FROM (
            SELECT count(*) FILTER (WHERE address IS DISTINCT FROM vpn_private_address) AS used,
                count(*) FILTER (WHERE draining) AS draining
            FROM fixed_ips WHERE fixed_ips.network_id = networks.network_id
        ) held, (
            SELECT count(*) AS kept, count(*) FILTER (WHERE NOT EXISTS (
                SELECT FROM fixed_ips f WHERE (f.network_id, f.address) = (r.network_id, r.address)
            ) AND NOT EXISTS (
                SELECT FROM host_addresses h WHERE (h.network_id, h.address) = (r.network_id, r.address)
            )) + (
                SELECT count(*) FROM host_addresses h WHERE h.network_id = networks.network_id
            ) AS withheld
            FROM fixed_ip_reservations r WHERE r.network_id = networks.network_id
        ) reserved
    ) counted
"""
_FREE = """
    greatest(usable - used - withheld - (
        multi_host AND NOT share_address AND kind <> 'flat' AND cidr IS NOT NULL
        AND %(host)s::text IS NOT NULL AND NOT EXISTS (
            SELECT FROM host_addresses own
            WHERE own.network_id = networks.network_id AND own.host = %(host)s
        )
    )::int, 0)
"""
"""What instances can get: with the first of them, a host of a multi_host network takes one for itself."""
_REACHED = """
    coalesce(
        (SELECT networks.physical_network = ANY(physical_networks) FROM hosts WHERE host = %(host)s), true
    )
"""


class Availability(NamedTuple):
    """What is free."""

    networks: list[Row]
    """In order of creation, each with its numbers."""
    vlans: bool
    """Whether the cell has VLAN networks at all."""


def availability(
    reader: Reader,
    *,
    project_id: str | None = None,
    host: str | None = None,
    network_ids: Sequence[str] | None = None,
) -> Availability:
    """Return how many addresses are free in each network, in order of creation.

    `used` counts draining addresses too, which cannot be handed out yet; `reserved` those that an admin
    reserved, held or not. `reached` tells whether the host is attached to it; of one that has not registered
    nothing is known, so it counts as reaching all. Where the host would take an address for itself, too, that
    one is not free.

    Args:
        reader: Reads the tables.
        project_id: Only what this project sees. One that sees nothing is told of the VLAN network of nobody
            that a spawn would give it (`on_demand`): the first that is reached, and the first that is not.
            All networks when left out.
        host: The host that `reached` is about.
        network_ids: Only these of them.

    """
    rows = reader.rows(
        f"""
        WITH vlan_networks AS (
            SELECT FROM networks WHERE kind = 'vlan' LIMIT 1
        ), about AS (
            SELECT *, kind = 'vlan' AND project_id IS NULL AS on_demand, {_REACHED} AS reached FROM networks
            WHERE %(project)s::text IS NULL OR project_id IS NULL OR project_id = %(project)s
        ), placed AS (
            SELECT *, row_number() OVER (
                PARTITION BY on_demand, reached ORDER BY from_seq, from_rank
            ) AS place
            FROM about
        ), networks AS (
            SELECT * FROM placed
            WHERE (%(networks)s::uuid[] IS NULL OR network_id = ANY(%(networks)s::uuid[])) AND (
                %(project)s::text IS NULL OR NOT on_demand
                OR (place = 1 AND NOT EXISTS (SELECT FROM about WHERE NOT on_demand))
            )
        )
        SELECT cell.vlans, network_id::text, label, kind, cidr::text, project_id, physical_network, reached,
            on_demand, usable AS addresses, used, draining, counted.kept AS reserved,
            {_FREE} AS free
        FROM (SELECT EXISTS (SELECT FROM vlan_networks) AS vlans) cell
        LEFT JOIN networks ON true LEFT JOIN {_COUNTED} ON true
        ORDER BY from_seq, from_rank
        """,
        {
            "project": project_id,
            "host": host,
            "networks": None if network_ids is None else list(network_ids),
        },
    )
    vlans = bool(rows[0]["vlans"])
    for row in rows:
        del row["vlans"]
    return Availability([row for row in rows if row["network_id"] is not None], vlans)


def requested(
    reader: Reader, asked: Sequence[tuple[str, str | None]], *, host: str | None = None
) -> list[Row]:
    """Return what is to be known of each requested network and address, in the order of asking.

    `label` is None where there is no such network. Of an address: `inside` the block, `planned` (the plan
    of the network keeps it), `held` (also while it drains), `kept` (an admin reserved it), and whether it
    is `somewhere`, in any network.
    """
    return reader.rows(
        f"""
        SELECT asked.network_id::text, label, kind, cidr::text, project_id, physical_network,
            {_REACHED} AS reached, {_FREE} AS free, host(asked.address) AS address,
            coalesce(cidr >>= asked.address, false) AS inside,
            EXISTS (
                SELECT FROM jsonb_array_elements(networks.reserved) AS range
                WHERE asked.address BETWEEN (range->>'first')::inet AND (range->>'last')::inet
            ) AS planned,
            EXISTS (
                SELECT FROM fixed_ips f WHERE (f.network_id, f.address) = (asked.network_id, asked.address)
            ) OR EXISTS (
                SELECT FROM host_addresses h
                WHERE (h.network_id, h.address) = (asked.network_id, asked.address)
            ) AS held,
            EXISTS (
                SELECT FROM fixed_ip_reservations r
                WHERE (r.network_id, r.address) = (asked.network_id, asked.address)
            ) AS kept,
            EXISTS (SELECT FROM networks other WHERE other.cidr >>= asked.address) AS somewhere
        FROM unnest(%(networks)s::uuid[], %(addresses)s::inet[])
            WITH ORDINALITY AS asked (network_id, address, place)
        LEFT JOIN networks USING (network_id)
        LEFT JOIN {_COUNTED} ON true
        ORDER BY place
        """,
        {
            "networks": [network_id for network_id, _ in asked],
            "addresses": [address for _, address in asked],
            "host": host,
        },
    )
