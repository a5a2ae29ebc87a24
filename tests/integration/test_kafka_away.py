"""Kafka out of reach, frozen, restarted, cut off: bounded errors, and nothing acknowledged is lost."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from events.errors import AppenderClosed, LogUnavailable
from events.log.kafka import KafkaLog
from events.log.kafka_settings import KafkaSettings
from events.log.port import Appender, AppendOutcome, Feed, LogRecord, Message, TopicPartition, TopicSpec
from services.dev.kafka import DevKafka
from services.dev.kafka_plan import Detour, free_ports
from tests.eventually import eventually
from tests.fix_kafka import KafkaUnderTest
from tests.kafka_line import KafkaLine

IMPATIENT_S = 0.3
FLUSH_S = 60.0


def messages(name: str, count: int) -> list[Message]:
    """Return messages that tell who sent them and in which order."""
    return [Message((("from", name.encode()),), f"{name}:{number}".encode()) for number in range(count)]


def values(records: Sequence[LogRecord]) -> list[bytes]:
    """Return what the records carry."""
    return [record.value for record in records]


def settled(appender: Appender) -> Sequence[AppendOutcome]:
    """Wait for and return every outcome."""
    assert appender.flush(FLUSH_S)
    return appender.outcomes()


def take(feed: Feed, count: int) -> list[LogRecord]:
    """Poll until `count` records came, however often the feed says that Kafka is away."""
    records: list[LogRecord] = []

    def enough() -> bool:
        try:
            records.extend(feed.poll(count - len(records), 1.0))
        except LogUnavailable:
            return False
        return len(records) >= count

    eventually(enough)
    return records


@contextmanager
def frozen(kafka: DevKafka) -> Iterator[None]:
    """Stop the broker's processes for the time of the block, as a long pause of theirs would."""
    for pid in kafka.pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in kafka.pids:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def where(fragile_kafka: DevKafka, topic_name: str) -> TopicPartition:
    """Create a topic on the broker that may break."""
    with KafkaLog(KafkaSettings(fragile_kafka.bootstrap_servers)) as log:
        log.ensure_topic(TopicSpec(topic_name, 1, "ledger"))
    return TopicPartition(topic_name, 0)


@pytest.fixture
def log(fragile_kafka: DevKafka) -> Iterator[KafkaLog]:
    """Return a patient log on the broker that may break."""
    with KafkaLog(KafkaSettings(fragile_kafka.bootstrap_servers, delivery_timeout_s=FLUSH_S)) as log:
        yield log


# No broker at all -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda log, where: log.brokers(),
        lambda log, where: log.topic(where.topic),
        lambda log, where: log.bounds(where),
        lambda log, where: log.read(where, 0, 1),
        lambda log, where: log.follow({where: 0}),
        lambda log, where: log.appender(where),
        lambda log, where: log.ensure_topic(TopicSpec(where.topic, 1, "ledger")),
    ],
    ids=["brokers", "topic", "bounds", "read", "follow", "appender", "ensure_topic"],
)
def test_unreachable_broker_is_named_in_time(
    ask: Callable[[KafkaLog, TopicPartition], object], capfd: pytest.CaptureFixture[str]
) -> None:
    """Every question ends in LogUnavailable with servers and reason, and nothing is printed meanwhile."""
    (port,) = free_ports(1)
    servers = f"127.0.0.1:{port}"
    log = KafkaLog(KafkaSettings(servers, answer_timeout_s=IMPATIENT_S))

    with pytest.raises(LogUnavailable, match=servers) as caught:
        ask(log, TopicPartition("ledger", 0))

    assert "refused" in str(caught.value)
    log.close()
    assert capfd.readouterr().err == ""


# The broker goes and comes back -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("end", [DevKafka.stop, DevKafka.kill], ids=["stopped", "killed"])
def test_restart_in_the_middle(
    fragile_kafka: DevKafka, log: KafkaLog, where: TopicPartition, end: Callable[[DevKafka], None]
) -> None:
    """Appends in flight arrive once and in order after the restart; the feed goes on by itself."""
    incarnation = log.topic(where.topic).incarnation
    appender, feed = log.appender(where), log.follow({where: 0})
    appender.append(messages("before", 50))
    outcomes = list(settled(appender))
    assert take(feed, 50)
    appender.append(messages("during", 500))
    end(fragile_kafka)
    appender.append(messages("away", 50))
    fragile_kafka.start()
    outcomes += settled(appender)
    appender.append(messages("after", 50))
    outcomes += settled(appender)

    expected = [
        message.value
        for name, count in (("before", 50), ("during", 500), ("away", 50), ("after", 50))
        for message in messages(name, count)
    ]
    assert [outcome.offset for outcome in outcomes] == list(range(650))
    assert values(take(feed, 600)) == expected[50:]
    assert values(log.read(where, 0, 1000)) == expected
    assert log.topic(where.topic).incarnation == incarnation
    appender.close()
    feed.close()


@pytest.mark.slow
def test_frozen_broker_leaves_the_fate_unknown(fragile_kafka: DevKafka, where: TopicPartition) -> None:
    """The appender says so in its time and takes no more; what it sent may still land, once and in order."""
    with KafkaLog(KafkaSettings(fragile_kafka.bootstrap_servers, delivery_timeout_s=5.0)) as log:
        deposed = log.appender(where)
        deposed.append(messages("known", 1))
        assert [outcome.offset for outcome in settled(deposed)] == [0]
        with frozen(fragile_kafka):
            deposed.append(messages("unknown", 3))
            outcomes = settled(deposed)

        assert [outcome.offset for outcome in outcomes] == [None] * 3
        assert {type(outcome.error) for outcome in outcomes} == {LogUnavailable}
        with pytest.raises(AppenderClosed):
            deposed.append(messages("more", 1))
        deposed.close()

    with KafkaLog(KafkaSettings(fragile_kafka.bootstrap_servers)) as log:
        successor = log.appender(where)
        successor.append(messages("new", 2))
        assert [outcome.error for outcome in settled(successor)] == [None, None]
        successor.close()
        found = values(log.read(where, 0, 100))
    landed = [value for value in found if value.startswith(b"unknown")]
    assert landed == [message.value for message in messages("unknown", 3)][: len(landed)]
    assert [value for value in found if not value.startswith(b"unknown")] == [b"known:0", b"new:0", b"new:1"]


# The way to the broker --------------------------------------------------------------------------------------


@pytest.fixture
def detour(kafka: KafkaUnderTest, kafka_log: KafkaLog, topic_name: str) -> tuple[Detour, TopicPartition]:
    """Return a second way to the run's broker, and a topic there."""
    if kafka.detour is None:
        pytest.skip("brokers of somebody else send clients past our wire; unset KAFKA_BOOTSTRAP_SERVERS")
    kafka_log.ensure_topic(TopicSpec(topic_name, 1, "ledger"))
    return kafka.detour, TopicPartition(topic_name, 0)


@pytest.mark.slow
def test_the_way_is_cut(detour: tuple[Detour, TopicPartition], kafka_log: KafkaLog) -> None:
    """A cut is mended unseen; a lasting one ends the appender in its time, and the feed goes on later."""
    way, where = detour
    settings = KafkaSettings(f"127.0.0.1:{way.advertised_port}", delivery_timeout_s=3.0)
    with KafkaLine(way.advertised_port, way.port) as line, KafkaLog(settings) as log:
        appender, feed = log.appender(where), log.follow({where: 0})
        appender.append(messages("first", 1))
        settled(appender)
        line.hold_appends()
        appender.append(messages("cut", 2))
        line.cut()
        line.release_appends()
        assert [outcome.offset for outcome in settled(appender)] == [1, 2]
        assert values(take(feed, 3)) == [b"first:0", b"cut:0", b"cut:1"]
        line.close()
        appender.append(messages("lost", 1))
        outcomes = settled(appender)
        assert [type(outcome.error) for outcome in outcomes] == [LogUnavailable]

        def is_said() -> bool:
            try:
                feed.poll(100, 0.1)
            except LogUnavailable as error:
                return f"127.0.0.1:{way.advertised_port}" in str(error)
            return False

        eventually(is_said)
        appender.close()
        successor = kafka_log.appender(where)
        successor.append(messages("beside", 1))
        settled(successor)
        successor.close()
        with KafkaLine(way.advertised_port, way.port):
            (record,) = take(feed, 1)
        assert record == LogRecord(where, 3, *messages("beside", 1)[0])
        feed.close()


def test_a_lost_acknowledgement_is_a_retry_not_a_second_record(
    detour: tuple[Detour, TopicPartition], kafka_log: KafkaLog
) -> None:
    """The idempotent producer asks again, and Kafka answers with the offset of the first time."""
    way, where = detour
    settings = KafkaSettings(f"127.0.0.1:{way.advertised_port}")
    with KafkaLine(way.advertised_port, way.port) as line, KafkaLog(settings) as log:
        appender = log.appender(where)
        appender.append(messages("a", 1))
        settled(appender)
        line.lose_next_acknowledgement()
        appender.append(messages("b", 3))
        assert [outcome.offset for outcome in settled(appender)] == [1, 2, 3]
        assert line.answers_lost == 1
        appender.close()

    assert values(kafka_log.read(where, 0, 10)) == [b"a:0", b"b:0", b"b:1", b"b:2"]
