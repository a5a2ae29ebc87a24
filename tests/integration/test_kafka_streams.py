"""What only Kafka's appenders and feeds can meet: full queues, cut logs, deleted topics."""

import pytest
from confluent_kafka import KafkaError
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient

from events.errors import AppenderClosed, LogError, LogUnavailable, OffsetOutOfRange, TopicMissing
from events.log.kafka import KafkaLog
from events.log.kafka_feed import KafkaFeed
from events.log.kafka_settings import KafkaSettings
from events.log.port import Message, TopicPartition, TopicSpec
from tests.eventually import eventually

FLUSH_S = 60.0


@pytest.fixture
def where(kafka_log: KafkaLog, topic_name: str) -> TopicPartition:
    """Create a topic for this test alone."""
    kafka_log.ensure_topic(TopicSpec(topic_name, 1, "ledger"))
    return TopicPartition(topic_name, 0)


def append(log: KafkaLog, where: TopicPartition, count: int) -> None:
    """Append numbers and wait for the acknowledgements."""
    appender = log.appender(where)
    appender.append([Message((), str(number).encode()) for number in range(count)])
    assert appender.flush(FLUSH_S)
    assert all(outcome.error is None for outcome in appender.outcomes())
    appender.close()


def delete(bootstrap: str, where: TopicPartition) -> None:
    """Delete the topic as an administrator would."""
    admin = AdminClient(KafkaSettings(bootstrap).admin())
    admin.delete_topics([where.topic])[where.topic].result()


def is_created(log: KafkaLog, spec: TopicSpec) -> bool:
    """Create the topic; False while Kafka is still deleting one of the name."""
    try:
        log.ensure_topic(spec)
    except LogError:
        return False
    return True


def test_a_full_queue_makes_the_appender_wait(kafka_bootstrap: str, where: TopicPartition) -> None:
    """Nothing is lost or reordered when librdkafka takes no more for the moment."""
    small = KafkaSettings(kafka_bootstrap, {"queue.buffering.max.messages": "50"})
    with KafkaLog(small) as log:
        append(log, where, 2000)

        assert [record.value for record in log.read(where, 0, 5000)] == [
            b"%d" % number for number in range(2000)
        ]


def test_closing_with_appends_in_flight_gives_them_up(kafka_bootstrap: str, where: TopicPartition) -> None:
    """Each of them gets an outcome, and close does not wait for the log."""
    with KafkaLog(KafkaSettings(kafka_bootstrap)) as log:
        appender = log.appender(where)
        appender.append([Message((), b"x")] * 1000)
        appender.close()

        outcomes = appender.outcomes()

        assert len(outcomes) == 1000
        assert isinstance(outcomes[-1].error, LogUnavailable)
        assert appender.flush(0.0)
        with pytest.raises(AppenderClosed):
            appender.append([])


def test_a_cut_front_is_out_of_range(
    kafka_log: KafkaLog, kafka_bootstrap: str, where: TopicPartition
) -> None:
    """Before, while and after following: an offset that is gone is an error, never a jump."""
    append(kafka_log, where, 10)
    admin = AdminClient(KafkaSettings(kafka_bootstrap).admin())
    (done,) = admin.delete_records([KafkaPartition(where.topic, 0, 7)]).values()
    done.result()

    assert kafka_log.bounds(where) == (7, 10)
    with pytest.raises(OffsetOutOfRange, match="from 7 to 10, not 0"):
        kafka_log.follow({where: 0})
    with pytest.raises(OffsetOutOfRange):
        kafka_log.read(where, 6, 1)
    late = KafkaFeed(KafkaSettings(kafka_bootstrap), {where: 3}, lambda: None)  # cut after `follow` looked
    for _ in range(2):
        with pytest.raises(OffsetOutOfRange, match=where.topic):
            late.poll(10, FLUSH_S)
    late.close()
    with pytest.raises(OffsetOutOfRange):
        late.poll(10, 0.0)


def test_a_cut_end_is_out_of_range(kafka_bootstrap: str, kafka_log: KafkaLog, where: TopicPartition) -> None:
    """A reader beyond the end of the log has met lost data."""
    append(kafka_log, where, 3)
    ahead = KafkaFeed(KafkaSettings(kafka_bootstrap), {where: 5}, lambda: None)

    with pytest.raises(OffsetOutOfRange, match=where.topic):
        ahead.poll(10, FLUSH_S)
    ahead.close()


def test_a_deleted_topic_ends_the_feed(
    kafka_bootstrap: str, kafka_log: KafkaLog, where: TopicPartition
) -> None:
    """It is said, and goes on being said."""
    append(kafka_log, where, 3)
    feed = kafka_log.follow({where: 0})
    assert eventually(lambda: feed.poll(10, 1.0))
    delete(kafka_bootstrap, where)

    def is_said() -> bool:
        try:
            feed.poll(10, 0.1)
        except TopicMissing:
            return True
        return False

    eventually(is_said)
    with pytest.raises(TopicMissing, match=where.topic):
        feed.poll(10, 1.0)
    feed.close()


def test_a_topic_made_again_ends_the_feed_that_doubts(
    kafka_bootstrap: str, kafka_log: KafkaLog, where: TopicPartition
) -> None:
    """Another topic of the same name is another topic; without doubt a feed does not look."""
    feed = kafka_log.follow({where: 0})
    doubt = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
    feed._complaints(doubt)  # noqa: SLF001 - as librdkafka does while a broker starts
    assert list(feed.poll(10, 0.0)) == []
    delete(kafka_bootstrap, where)
    again = TopicSpec(where.topic, 1, "ledger")
    eventually(lambda: is_created(kafka_log, again))

    feed._complaints(doubt)  # noqa: SLF001 - the same
    for _ in range(2):
        with pytest.raises(OffsetOutOfRange, match=f"{where.topic} was deleted and created again"):
            feed.poll(10, 0.0)
    feed.close()


def test_closed_things_say_so(kafka_bootstrap: str, where: TopicPartition) -> None:
    """Use after closing is an error of ours, not one of the client's."""
    log = KafkaLog(KafkaSettings(kafka_bootstrap))
    feed = log.follow({where: 0})
    feed.close()
    log.close()

    with pytest.raises(LogUnavailable, match="closed"):
        feed.poll(1, 0.0)
    with pytest.raises(LogUnavailable, match="closed"):
        log.bounds(where)
    with pytest.raises(LogUnavailable, match="closed"):
        log.read(where, 0, 1)
