"""Finding instances by address, and leases by network: each one SQL statement."""

import re
from typing import Any

from psycopg.errors import InvalidRegularExpression

from projections.ipam.connection import Reader
from projections.ipam.errors import IpamUnstorable

Row = dict[str, Any]

PATTERN_LENGTH_MAX = 100
"""Longest pattern; without counted repetition and back references, which are not taken, any such is cheap."""

_ALLOWED = re.compile(r"(?:[0-9A-Fa-f.:*+?|()\[\]^$-]|\\[.d])+")


class BadPattern(ValueError):
    """Something is no pattern of addresses; the text says why."""


def checked_pattern(text: str) -> str:
    """Return a regular expression of addresses that is safe to run.

    Raises:
        BadPattern: it is too long, or holds what patterns of addresses do not need.

    """
    if len(text) > PATTERN_LENGTH_MAX:
        message = f"a pattern has at most {PATTERN_LENGTH_MAX} characters, this one {len(text)}"
        raise BadPattern(message)
    if not _ALLOWED.fullmatch(text):
        message = (
            f"{text!r} is no pattern of addresses; it may hold hexadecimal digits, '.' and ':', and the"
            " regular expressions' . [ ] ( ) | * + ? ^ $ \\. and \\d"
        )
        raise BadPattern(message)
    try:
        re.compile(text)
    except re.error as error:
        message = f"{text!r} is no regular expression: {error}"
        raise BadPattern(message) from None
    return text


def instances_by_ip(
    reader: Reader,
    *,
    fixed_ip: str | None = None,
    ip: str | None = None,
    ip6: str | None = None,
    project_id: str | None = None,
) -> list[Row]:
    """Return `{instance_uuid, ip}` of every address that one of the filters matches, in order of NICs.

    A NIC's fixed IPs come first, those of IPv6 last. Where a fixed IP matches, the floating IPs that point at
    it are not tried, as in nova. Addresses that drain are nobody's.

    Args:
        reader: Reads the tables.
        fixed_ip: Exactly this fixed address, of either family.
        ip: A checked pattern that all of a fixed or floating address matches.
        ip6: A checked pattern that all of an IPv6 address matches.
        project_id: Only instances of this project.

    Raises:
        BadPattern: PostgreSQL takes a pattern for no regular expression.

    """
    try:
        return reader.rows(
            _BY_IP,
            {
                "fixed_ip": fixed_ip,
                "ip": None if ip is None else f"^(?:{ip})$",
                "ip6": None if ip6 is None else f"^(?:{ip6})$",
                "project": project_id,
            },
        )
    except IpamUnstorable as error:
        if isinstance(error.__cause__, InvalidRegularExpression):
            message = f"{ip or ip6!r} is no regular expression: {error.__cause__.diag.message_primary}"
            raise BadPattern(message) from None
        raise


_BY_IP = """
    WITH nics AS (
        SELECT instances.from_seq AS born, vifs.instance_uuid, vifs.vif_id, vifs.index
        FROM vifs JOIN instances USING (instance_uuid)
        WHERE %(project)s::text IS NULL OR instances.project_id = %(project)s
    ), fixed AS (
        SELECT nics.*, held.from_seq, held.address, held.allocation_id,
            coalesce(held.address = %(fixed_ip)s::inet, false)
                OR coalesce(host(held.address) ~ %(ip)s::text, false) AS matches
        FROM nics JOIN fixed_ips held USING (instance_uuid, vif_id)
        WHERE NOT held.draining AND (%(ip)s::text IS NOT NULL OR (
            held.address = %(fixed_ip)s::inet
            AND held.network_id IN (SELECT network_id FROM networks WHERE cidr >>= %(fixed_ip)s::inet)
        ))
    ), found AS (
        SELECT born, instance_uuid, index, 4 AS family, from_seq, address,
            from_seq AS pointed, address AS shown
        FROM fixed WHERE matches
        UNION ALL
        SELECT born, fixed.instance_uuid, index, 4, fixed.from_seq, fixed.address,
            there.from_seq, there.address
        FROM fixed JOIN floating_associations there USING (allocation_id)
        WHERE NOT matches AND host(there.address) ~ %(ip)s::text
        UNION ALL
        SELECT born, instance_uuid, index, 6, held.from_seq, held.address, held.from_seq, held.address
        FROM nics JOIN ipv6_addresses held USING (instance_uuid, vif_id)
        WHERE held.address = %(fixed_ip)s::inet OR host(held.address) ~* %(ip6)s::text
    )
    SELECT instance_uuid::text, host(shown) AS ip FROM found
    ORDER BY born, found.instance_uuid, index, family, from_seq, address, pointed, shown
"""


def leases(reader: Reader, network_id: str, host: str | None = None) -> list[Row] | None:
    """Return the leased addresses of a network, draining ones too, of instances on a host if named.

    None where there is no such network.
    """
    rows = reader.rows(
        """
        SELECT mac::text, host(held.address) AS address, hostname
        FROM networks LEFT JOIN fixed_ips held ON held.network_id = networks.network_id
            AND leased AND (%(host)s::text IS NULL OR held.host = %(host)s)
        WHERE networks.network_id = %(network)s::uuid ORDER BY held.address, contest
        """,
        {"network": network_id, "host": host},
    )
    return [row for row in rows if row["address"] is not None] if rows else None
