"""A Kafka for the run, and what tests need around it.

Looked for in this order: the brokers that KAFKA_BOOTSTRAP_SERVERS names; a container, where a Docker engine
answers; Apache Kafka's own jars, where Java and Maven are there. Where none of these is, the test is skipped,
or fails when CI=true.

With pytest-xdist every worker process that meets such a test has a broker of its own (300 MB, three
seconds). `tests/conftest.py` puts all tests marked `kafka` in one group, so with `--dist loadgroup` there is
one. A broker shared by the workers would have to outlive whichever of them started it; a group needs no such
care.
"""

import gc
import os
import warnings
from collections.abc import Iterator
from typing import NamedTuple
from uuid import uuid4

import pytest

from events.errors import BrokenEnvironment
from events.log.kafka import KafkaLog
from events.log.kafka_settings import KafkaSettings
from services.dev.kafka import DevKafka
from services.dev.kafka_jars import fetch_jars, find_java
from services.dev.kafka_plan import Detour, free_ports
from tests import needs
from tests.contract.kafka_harness import KafkaHarness

OUTSIDE_BROKERS = "KAFKA_BOOTSTRAP_SERVERS"
IMAGE = "confluentinc/cp-kafka:7.9.0"
ENGINE_TIMEOUT_S = 2


FIXTURES = {"kafka", "fragile_kafka"}
"""A test that asks for one of these, also indirectly, is marked `kafka`."""


class KafkaUnderTest(NamedTuple):
    """A running Kafka. Only our own has a detour, on which a test can hold and cut connections."""

    bootstrap: str
    detour: Detour | None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark every test that uses a broker."""
    if FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker("kafka")


def require_java() -> None:
    """Go on only where a broker of our own can be started."""
    try:
        find_java()
        fetch_jars()
    except BrokenEnvironment as error:
        needs.absent("kafka", f"{error}; or name brokers in {OUTSIDE_BROKERS}")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaUnderTest]:
    """Return the Kafka of this run."""
    if outside := os.environ.get(OUTSIDE_BROKERS):
        yield KafkaUnderTest(outside, None)
    elif _docker_answers():
        from testcontainers.community.kafka import KafkaContainer  # noqa: PLC0415 - slow, and rarely needed

        with KafkaContainer(IMAGE).with_kraft() as container:
            yield KafkaUnderTest(container.get_bootstrap_server(), None)
    else:
        require_java()
        detour = Detour(*free_ports(2))
        with DevKafka(tmp_path_factory.mktemp("kafka"), detour=detour) as broker:
            yield KafkaUnderTest(broker.bootstrap_servers, detour)


@pytest.fixture(scope="session")
def kafka_bootstrap(kafka: KafkaUnderTest) -> str:
    """Return the bootstrap servers of this run's Kafka."""
    return kafka.bootstrap


@pytest.fixture
def kafka_log(kafka_bootstrap: str) -> Iterator[KafkaLog]:
    """Return a log on it."""
    with KafkaLog(KafkaSettings(kafka_bootstrap)) as log:
        yield log


@pytest.fixture
def kafka_harness(kafka: KafkaUnderTest) -> KafkaHarness:
    """Return Kafka, ready for the contract suite."""
    return KafkaHarness(kafka.bootstrap, kafka.detour)


@pytest.fixture(scope="module")
def fragile_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevKafka]:
    """Return a broker that the tests of one module may stop, freeze and kill; each leaves it running."""
    require_java()
    with DevKafka(tmp_path_factory.mktemp("fragile-kafka")) as broker:
        yield broker


@pytest.fixture
def topic_name() -> str:
    """Return a name that no other test uses."""
    return f"test-{uuid4().hex[:12]}"


def _docker_answers() -> bool:
    import docker  # type: ignore[import-untyped] # noqa: PLC0415 - it has no types; slow, and rarely needed

    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        answers = True
        try:
            engine = docker.from_env(timeout=ENGINE_TIMEOUT_S)
            engine.ping()
            engine.close()
        except docker.errors.DockerException:
            answers = False
        gc.collect()  # what a failed attempt left open is found now, not in the middle of some test
    return answers
