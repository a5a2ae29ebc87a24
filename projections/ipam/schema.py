"""Making a cell's tables, and checking that they are the ones this program knows."""

from importlib.resources import files

import psycopg
from psycopg import sql
from psycopg.rows import DictRow

from projections.ipam.errors import IpamMissing, IpamOutdated, IpamServerUnfit, translated

LAYOUT = 3
"""Number of the tables' layout. Tables of another layout are not migrated but rebuilt from the ledger."""

SERVER_VERSION_MIN = 150_000

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('netledger ipam tables', 0))"


def ensure_schema(connection: psycopg.Connection[DictRow], schema: str, cell: str) -> None:
    """Make the tables of a cell if they are missing; any number of processes may try at once.

    Raises:
        IpamServerUnfit: the server is too old, not in UTF-8, or does not let us make them.
        IpamOutdated: there are tables, of another layout.

    """
    _check_server(connection)
    with translated(), connection.transaction():
        connection.execute(_LOCK)
        if connection.execute("SELECT to_regnamespace(quote_ident(%s)) AS there", [schema]).fetchone() == {
            "there": None
        }:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        if connection.execute("SELECT to_regclass('about') AS there").fetchone() == {"there": None}:
            _make(connection, cell)
    check_layout(connection, schema, cell)


def check_layout(connection: psycopg.Connection[DictRow], schema: str, cell: str) -> None:
    """Check that the tables are this cell's and of our layout.

    Raises:
        IpamMissing: there are no tables.
        IpamOutdated: they are of another layout.
        IpamServerUnfit: they are another cell's.

    """
    with translated():
        about = connection.execute("SELECT layout, cell FROM about").fetchone()
    if about is None:
        raise IpamMissing(f"Schema {schema!r} holds no complete IPAM tables.")
    if about["cell"] != cell:
        raise IpamServerUnfit(
            f"Schema {schema!r} holds the tables of cell {about['cell']!r}, not of {cell!r}."
        )
    if about["layout"] != LAYOUT:
        message = (
            f"The tables in schema {schema!r} have layout {about['layout']}, this program knows {LAYOUT}: run"
            " `netledger ledger rebuild`, which builds them anew from the ledger."
        )
        raise IpamOutdated(message)


def _check_server(connection: psycopg.Connection[DictRow]) -> None:
    if connection.info.server_version < SERVER_VERSION_MIN:
        message = (
            f"The server is PostgreSQL {connection.info.server_version // 10_000}; 15 or newer is needed."
        )
        raise IpamServerUnfit(message)
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        message = (
            f"The database {connection.info.dbname!r} is in {encoding}; create one with ENCODING 'UTF8'."
        )
        raise IpamServerUnfit(message)


def _make(connection: psycopg.Connection[DictRow], cell: str) -> None:
    # The extension outlives our schema; its operators are found by type, whatever the search path.
    if connection.execute("SELECT FROM pg_extension WHERE extname = 'btree_gist'").fetchone() is None:
        connection.execute("CREATE EXTENSION btree_gist SCHEMA public")
    connection.execute(files(__package__).joinpath("ddl.sql").read_bytes())
    connection.execute("INSERT INTO about (layout, cell) VALUES (%s, %s)", [LAYOUT, cell])
