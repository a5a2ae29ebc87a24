"""Running deployments for tests that use netledger as a person would."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.e2e.driver import Netledger


@pytest.fixture(scope="session")
def netledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Netledger]:
    """Return a running deployment on the embedded default, shared by tests that disturb nobody."""
    running = Netledger(tmp_path_factory.mktemp("netledger")).up()
    yield running
    running.down()


@pytest.fixture
def own_netledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Netledger]:
    """Return a data directory of the test's own, on which nothing runs yet; stopped at the end."""
    own = Netledger(tmp_path_factory.mktemp("own"))
    yield own
    own.down()


@pytest.fixture
def on_kafka(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Netledger]:
    """Return a deployment whose log is Kafka, with topics of its own; nothing runs yet."""
    settings = {
        "NETLEDGER_LOG": "kafka",
        "NETLEDGER_KAFKA_BOOTSTRAP_SERVERS": kafka_bootstrap,
        "NETLEDGER_TOPIC_PREFIX": f"e2e-{uuid4().hex[:8]}",
    }
    own = Netledger(tmp_path_factory.mktemp("on-kafka"), settings)
    yield own
    own.down()
