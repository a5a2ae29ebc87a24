"""What is passed through to librdkafka, and what nobody may weaken."""

import pytest

from events.errors import WrongLogSettings
from events.log.kafka import KafkaLog
from events.log.kafka_settings import KafkaSettings
from events.log.port import RECORD_BYTES_MAX

SERVERS = "broker-1:9092,broker-2:9092"


def test_any_setting_reaches_every_client() -> None:
    """TLS and SASL settings go to the admin client, producers and consumers alike."""
    passed = {"security.protocol": "SASL_SSL", "sasl.username": "netledger", "ssl.ca.location": "/etc/ca.pem"}
    settings = KafkaSettings(SERVERS, librdkafka=passed)

    for config in (settings.admin(), settings.producer(), settings.consumer("group")):
        assert config["bootstrap.servers"] == SERVERS
        assert passed.items() <= config.items()


def test_what_safety_depends_on_is_set() -> None:
    """Order and durability of appends; no jump, no commit and no stall of reads; no topic by accident."""
    settings = KafkaSettings(SERVERS, delivery_timeout_s=2.5)
    producer, consumer = settings.producer(), settings.consumer("group")

    assert producer["acks"] == "all"
    assert producer["enable.idempotence"] is True
    assert producer["max.in.flight"] <= 5
    assert producer["message.timeout.ms"] == 2500
    assert producer["message.max.bytes"] > RECORD_BYTES_MAX
    assert consumer["auto.offset.reset"] == "error"
    assert consumer["enable.auto.commit"] is False
    assert consumer["isolation.level"] == "read_uncommitted"
    assert consumer["group.id"] == "group"
    for config in (settings.admin(), producer, consumer):
        assert config["allow.auto.create.topics"] is False


def test_our_defaults_can_be_replaced() -> None:
    """A setting without danger is ours only until somebody names it."""
    settings = KafkaSettings(SERVERS, librdkafka={"linger.ms": "5", "client.id": "mine"})

    assert settings.producer()["linger.ms"] == "5"
    assert settings.consumer("group")["client.id"] == "mine"


@pytest.mark.parametrize(
    "name",
    [
        "acks",
        "request.required.acks",
        "enable.idempotence",
        "max.in.flight.requests.per.connection",
        "transactional.id",
        "auto.offset.reset",
        "enable.auto.commit",
        "isolation.level",
        "group.id",
        "message.timeout.ms",
        "bootstrap.servers",
        "allow.auto.create.topics",
    ],
)
def test_what_safety_depends_on_is_refused(name: str) -> None:
    """The error names the setting, so that the line can be found and removed."""
    with pytest.raises(WrongLogSettings, match=name):
        KafkaSettings(SERVERS, librdkafka={name: "1"})


@pytest.mark.parametrize("name", ["error_cb", "logger", "default.topic.config"])
def test_what_no_file_can_hold_is_refused(name: str) -> None:
    """Callbacks and objects are not settings."""
    with pytest.raises(WrongLogSettings, match=name):
        KafkaSettings(SERVERS, librdkafka={name: "x"})


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        ({"no.such.setting": "1"}, "no.such.setting"),
        ({"security.protocol": "carrier-pigeon"}, "security.protocol"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}, r"sasl\.username"),
    ],
)
def test_what_librdkafka_does_not_take_is_said(passed: dict[str, str], said: str) -> None:
    """Unknown names, wrong values and missing companions are told before anything is connected."""
    with pytest.raises(WrongLogSettings, match=said):
        KafkaLog(KafkaSettings(SERVERS, librdkafka=passed))


def test_senseless_values_are_refused() -> None:
    """No servers, no replicas, no time."""
    with pytest.raises(WrongLogSettings, match="bootstrap"):
        KafkaSettings(" ")
    with pytest.raises(WrongLogSettings, match="replication"):
        KafkaSettings(SERVERS, replication_factor=0)
    with pytest.raises(WrongLogSettings, match="timeouts"):
        KafkaSettings(SERVERS, delivery_timeout_s=0)


def test_passwords_are_not_shown() -> None:
    """Settings are printed by tracebacks and debuggers."""
    settings = KafkaSettings(SERVERS, librdkafka={"sasl.password": "geheim"})

    assert "geheim" not in repr(settings)
