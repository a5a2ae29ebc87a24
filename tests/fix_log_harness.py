"""One harness per adapter for the contract suite of the log."""

import pytest

from tests.contract.harness import LogHarness, MemoryHarness


@pytest.fixture
def memory_harness() -> LogHarness:
    """Return the log in memory, ready for the contract suite."""
    return MemoryHarness()
