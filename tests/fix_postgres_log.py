"""A log on an empty database, and its administrator."""

from collections.abc import Iterator

import psycopg
import pytest

from events.log.postgres import PostgresLog
from tests.integration.postgres_steps import SPEC


@pytest.fixture
def postgres_log(database: str) -> Iterator[PostgresLog]:
    """Return a log with one topic of one partition."""
    with PostgresLog(database) as log:
        log.ensure_topic(SPEC)
        yield log


@pytest.fixture
def postgres_admin(database: str) -> Iterator[psycopg.Connection]:
    """Return an administrator's connection to the log's database."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection
