"""Each contract test runs once with each adapter of the `Log` port, on a topic of its own."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from events.log.port import Log, TopicPartition, TopicSpec
from tests.contract.harness import LogHarness


@pytest.fixture(
    params=[
        "memory",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.xdist_group("kafka")]),
    ]
)
def harness(request: pytest.FixtureRequest) -> Iterator[LogHarness]:
    """Run the test once with each adapter."""
    harness: LogHarness = request.getfixturevalue(f"{request.param}_harness")
    yield harness
    harness.close()


@pytest.fixture
def spec(harness: LogHarness) -> TopicSpec:
    """Create a topic of three partitions for this test alone."""
    spec = TopicSpec(f"contract-{uuid4().hex[:12]}", 3, "ledger")
    harness.open().ensure_topic(spec)
    return spec


@pytest.fixture
def where(spec: TopicSpec) -> TopicPartition:
    """Return its middle partition."""
    return TopicPartition(spec.name, 1)


@pytest.fixture
def log(harness: LogHarness, spec: TopicSpec) -> Log:
    """Return a log on which the topic exists."""
    return harness.open()
