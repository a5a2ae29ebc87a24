"""One harness per adapter for the contract suite of the log; Kafka's is in `fix_kafka`."""

import pytest

from tests.contract.harness import LogHarness, MemoryHarness
from tests.contract.postgres_harness import PostgresHarness


@pytest.fixture
def memory_harness() -> LogHarness:
    """Return the log in memory, ready for the contract suite."""
    return MemoryHarness()


@pytest.fixture
def postgres_harness(database: str) -> LogHarness:
    """Return an empty database, ready for the contract suite."""
    return PostgresHarness(database)
