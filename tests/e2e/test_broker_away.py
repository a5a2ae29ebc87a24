"""A broker that goes away under a running deployment: everything waits, says so, and goes on."""

from collections.abc import Iterator

import pytest

from services.dev.kafka import DevKafka
from tests.e2e.driver import Netledger
from tests.eventually import eventually
from tests.places import data_directory

pytestmark = [pytest.mark.slow, pytest.mark.kafka]


@pytest.fixture
def on_fragile_kafka(fragile_kafka: DevKafka) -> Iterator[Netledger]:
    """Return a running deployment on a broker that may be stopped."""
    settings = {
        "NETLEDGER_LOG": "kafka",
        "NETLEDGER_KAFKA_BOOTSTRAP_SERVERS": fragile_kafka.bootstrap_servers,
        "NETLEDGER_TIMEOUT": "60",
    }
    with data_directory("fragile") as data:
        running = Netledger(data, settings)
        assert running("ledger", "init").code == 0
        yield running.up()
        running.down()


def test_everything_goes_on_when_the_broker_is_back(
    on_fragile_kafka: Netledger, fragile_kafka: DevKafka
) -> None:
    """No role ends; a caller meanwhile is told; what was decided before is still there after."""
    netledger = on_fragile_kafka
    assert netledger("network", "create", "before", "10.1.0.0/24").code == 0
    before = {name: role["pid"] for name, role in netledger.roles().items()}

    fragile_kafka.stop()
    eventually(lambda: netledger("status").code == 4)
    away = netledger("network", "create", "meanwhile", "10.2.0.0/24", "--timeout", "1")
    assert away.code == 4
    assert fragile_kafka.bootstrap_servers in away.err
    fragile_kafka.start()

    assert netledger("status", "--wait", "80").code == 0, netledger.said()
    assert netledger("network", "create", "after", "10.3.0.0/24").code == 0
    assert [one["label"] for one in netledger("network", "list", "--json").json()] == ["before", "after"]
    assert {name: role["pid"] for name, role in netledger.roles().items()} == before
