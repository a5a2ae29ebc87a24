"""A PostgreSQL server for the run, and an empty database for each test that asks for one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from events.errors import BrokenEnvironment
from services.embedded.postgres import EmbeddedPostgres
from tests import needs
from tests.places import fast_place

OUTSIDE_SERVER = "NETLEDGER_TEST_DSN"
"""The connection string of a server to be used instead of the embedded one. It must allow CREATE DATABASE."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test that uses a database."""
    if {"postgres_server", "database"} & set(getattr(item, "fixturenames", ())):
        item.add_marker("postgres")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Return the connection string of a server: the named one, or an embedded one for this worker process."""
    if outside := os.environ.get(OUTSIDE_SERVER):
        yield outside
        return
    directory = Path(tempfile.mkdtemp(prefix="netledger-postgres-", dir=fast_place()))
    server = EmbeddedPostgres(directory)
    try:
        dsn = server.start()
    except BrokenEnvironment as error:
        shutil.rmtree(directory)
        needs.absent("postgres", f"{error}; or name a server in {OUTSIDE_SERVER}")
    yield dsn
    server.stop()
    shutil.rmtree(directory)


@pytest.fixture
def database(postgres_server: str) -> Iterator[str]:
    """Return the connection string of an empty database, dropped after the test."""
    name = f"netledger_test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} STRATEGY file_copy").format(sql.Identifier(name)))
        yield make_conninfo(postgres_server, dbname=name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
