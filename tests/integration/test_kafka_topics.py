"""Topics on a real Kafka: as we make them, and as others have made them."""

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType  # type: ignore[attr-defined] # public, not in __all__

from events.errors import TopicMissing, WrongTopicSettings
from events.log.kafka import KafkaLog
from events.log.kafka_settings import KafkaSettings
from events.log.port import Message, TopicPartition, TopicSpec
from tests.eventually import eventually


def make(bootstrap: str, name: str, **config: str) -> None:
    """Create a topic as somebody else would."""
    dotted = {setting.replace("_", "."): value for setting, value in config.items()}
    admin = AdminClient(KafkaSettings(bootstrap).admin())
    admin.create_topics([NewTopic(name, 1, 1, config=dotted)])[name].result()
    eventually(lambda: admin.list_topics(name, timeout=10).topics[name].error is None)


@pytest.mark.parametrize("purpose", ["ledger", "input"])
def test_what_is_created(kafka_log: KafkaLog, kafka_bootstrap: str, topic_name: str, purpose: str) -> None:
    """Kept for ever, never compacted, written by the producers' clocks, large enough for a record."""
    kafka_log.ensure_topic(TopicSpec(topic_name, 2, purpose))  # type: ignore[arg-type] # the parameters are right

    resource = ConfigResource(ResourceType.TOPIC, topic_name)
    described = AdminClient(KafkaSettings(kafka_bootstrap).admin())
    entries = described.describe_configs([resource])[resource].result()
    expected = {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "message.timestamp.type": "CreateTime",
        "max.message.bytes": "8388608",
        "unclean.leader.election.enable": "false",
    }
    assert {name: entries[name].value for name in expected} == expected
    assert kafka_log.topic(topic_name).partitions == 2


def test_wrong_settings_are_named_with_the_command(
    kafka_log: KafkaLog, kafka_bootstrap: str, topic_name: str
) -> None:
    """Each setting, its value, what it must be, and how to mend all of it."""
    make(
        kafka_bootstrap,
        topic_name,
        cleanup_policy="compact",
        retention_ms="3600000",
        max_message_bytes="1000000",
    )

    with pytest.raises(WrongTopicSettings) as caught:
        kafka_log.ensure_topic(TopicSpec(topic_name, 1, "ledger"))

    for said in (
        f"topic {topic_name}",
        "cleanup.policy is compact and must be delete",
        "retention.ms is 3600000 and must be -1",
        "max.message.bytes is 1000000 and must be at least 8388608",
        f"kafka-configs --bootstrap-server {kafka_bootstrap} --alter --entity-type topics",
        f"--entity-name {topic_name} --add-config ",
        "cleanup.policy=delete,retention.ms=-1,max.message.bytes=8388608",
    ):
        assert said in str(caught.value)


def test_a_topic_of_good_settings_is_taken_over(
    kafka_log: KafkaLog, kafka_bootstrap: str, topic_name: str
) -> None:
    """An administrator may create the topics: inputs with Kafka's default retention, too."""
    make(kafka_bootstrap, topic_name, max_message_bytes="10000000", retention_ms="604800000")

    info = kafka_log.ensure_topic(TopicSpec(topic_name, 1, "input"))

    assert info == kafka_log.topic(topic_name)


def test_impossible_replication_is_said(kafka_bootstrap: str, topic_name: str) -> None:
    """More replicas than brokers: Kafka's own sentence, nothing created."""
    with KafkaLog(KafkaSettings(kafka_bootstrap, replication_factor=1000)) as log:
        with pytest.raises(WrongTopicSettings, match=f"creating topic {topic_name}.*[Rr]eplication"):
            log.ensure_topic(TopicSpec(topic_name, 1, "ledger"))
        with pytest.raises(TopicMissing):
            log.topic(topic_name)


def test_too_small_a_topic_fails_the_append(
    kafka_log: KafkaLog, kafka_bootstrap: str, topic_name: str
) -> None:
    """Kafka takes the first record and refuses the second; the outcomes say which, and nothing follows."""
    make(kafka_bootstrap, topic_name, max_message_bytes="100000")
    where = TopicPartition(topic_name, 0)
    appender = kafka_log.appender(where)
    appender.append([Message((), b"small")])
    assert appender.flush(30.0)
    appender.append([Message((), bytes(200_000))])
    assert appender.flush(30.0)

    outcomes = appender.outcomes()

    assert [outcome.offset for outcome in outcomes] == [0, None]
    assert [type(outcome.error).__name__ for outcome in outcomes] == ["NoneType", "RecordTooLarge"]
    assert kafka_log.bounds(where) == (0, 1)
    appender.close()


def test_null_of_a_foreign_producer_is_empty(
    kafka_log: KafkaLog, kafka_bootstrap: str, topic_name: str
) -> None:
    """Values and headers that Kafka calls null are bytes here, so that no reader falls over them."""
    from confluent_kafka import Producer  # noqa: PLC0415 - a foreign producer, used here alone

    kafka_log.ensure_topic(TopicSpec(topic_name, 1, "input"))
    producer = Producer(KafkaSettings(kafka_bootstrap).producer())
    producer.produce(topic_name, None, key=b"key", partition=0, headers=[("a", None), ("b", b"1")])
    assert producer.flush(30.0) == 0

    (record,) = kafka_log.read(TopicPartition(topic_name, 0), 0, 10)

    assert record.value == b""
    assert record.headers == (("a", b""), ("b", b"1"))
