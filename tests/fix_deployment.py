"""Running deployments for tests that use netledger as a person would."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.e2e.driver import Netledger
from tests.places import data_directory


@pytest.fixture(scope="session")
def netledger() -> Iterator[Netledger]:
    """Return a running deployment on the embedded default, shared by tests that disturb nobody."""
    with data_directory("shared") as data:
        running = Netledger(data).up()
        yield running
        running.down()


@pytest.fixture
def own_netledger() -> Iterator[Netledger]:
    """Return a data directory of the test's own, on which nothing runs yet; stopped at the end."""
    with data_directory("own") as data:
        own = Netledger(data)
        yield own
        own.down()


@pytest.fixture
def on_kafka(kafka_bootstrap: str) -> Iterator[Netledger]:
    """Return a deployment whose log is Kafka, with topics of its own; nothing runs yet."""
    settings = {
        "NETLEDGER_LOG": "kafka",
        "NETLEDGER_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "NETLEDGER_TOPIC_PREFIX": f"e2e-{uuid4().hex[:8]}",
    }
    with data_directory("kafka") as data:
        own = Netledger(data, settings)
        yield own
        own.down()
