"""Connecting to a cell's tables.

Every cell has a schema of its own, which is all that a session has on its search path. So readers know one
stable name, and a rebuilt schema takes it over when it is renamed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from events.clock import parse_time, time_text
from projections.ipam.errors import IpamServerUnfit, translated

SCHEMA = "ipam"
DEFAULT_CELL = "default"
CELL_NAME_MAX = 40
"""PostgreSQL cuts names after 63 bytes, and a rebuild adds a suffix to the schema's."""

CONNECT_TIMEOUT_S = 10

_DEFAULTS: dict[str, str | int] = {"application_name": "netledger ipam", "connect_timeout": CONNECT_TIMEOUT_S}


def schema_name(cell: str) -> str:
    """Return the schema of a cell's tables: `ipam`, or `ipam_<cell>` for cells other than `default`."""
    if len(cell) > CELL_NAME_MAX:
        raise IpamServerUnfit(
            f"Cell name {cell!r} is too long for a schema's name; {CELL_NAME_MAX} characters are the most."
        )
    return SCHEMA if cell == DEFAULT_CELL else f"{SCHEMA}_{cell}"


def connect(dsn: str, schema: str) -> psycopg.Connection[DictRow]:
    """Open a session on one schema, in UTC and UTF-8; a statement is a transaction unless one is begun.

    Raises:
        IpamUnavailable: the server does not answer or does not let us in.
        IpamServerUnfit: the connection string cannot be read.

    """
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise IpamServerUnfit(
            f"The PostgreSQL connection string cannot be read: {str(error).strip()}."
        ) from error
    missing = {name: value for name, value in _DEFAULTS.items() if name not in given}
    with translated():
        connection = psycopg.connect(
            make_conninfo(dsn, client_encoding="UTF8", **missing), autocommit=True, row_factory=dict_row
        )
        connection.execute(
            "SELECT set_config('search_path', %s, false), set_config('TimeZone', 'UTC', false)",
            [sql.Identifier(schema).as_string(connection)],
        )
    return connection


class TimeLoader(Loader):
    """Reads times as they stand in the ledger: RFC 3339 text in UTC."""

    def load(self, data: Buffer) -> str:
        """Return the text of a `timestamptz`."""
        return time_text(parse_time(bytes(data).decode()))


class Reader:
    """A session that reads a cell's tables, one statement at a time. Not for several threads at once."""

    def __init__(self, dsn: str, cell: str, schema: str | None = None) -> None:
        """Connect to the cell's tables.

        Raises:
            IpamUnavailable: the server does not answer or does not let us in.

        """
        self.cell = cell
        self.connection = connect(dsn, schema or schema_name(cell))
        self.connection.adapters.register_loader("timestamptz", TimeLoader)

    def rows(self, query: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return the rows of one SQL statement.

        Raises:
            IpamMissing: there are no tables yet.
            IpamUnavailable: the server did not answer.

        """
        with translated():
            return self.connection.execute(query.encode(), parameters).fetchall()

    def row(self, query: str, parameters: Mapping[str, Any] | Sequence[Any] = ()) -> dict[str, Any] | None:
        """Return the first row of one SQL statement, or None."""
        rows = self.rows(query, parameters)
        return rows[0] if rows else None

    def close(self) -> None:
        """Close the session. Safe to call twice."""
        self.connection.close()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()
