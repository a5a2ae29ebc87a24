"""A Kafka that knows its users: settings passed through let us in, wrong ones are said for what they are."""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not listed in __all__
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from events.errors import LogAccessDenied, LogError, TopicMissing
from events.log.kafka import KafkaLog
from events.log.kafka_settings import KafkaSettings
from events.log.port import Message, TopicPartition, TopicSpec
from services.dev.kafka import DevKafka
from tests.eventually import eventually
from tests.fix_kafka import require_java

pytestmark = pytest.mark.kafka

LOGIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
SERVER = {
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "listener.name.plaintext.plain.sasl.jaas.config": (
        f'{LOGIN_MODULE} required username="admin" password="right" user_admin="right" user_guest="welcome";'
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",
    "auto.create.topics.enable": "true",
}


def login(user: str, password: str) -> dict[str, str]:
    """Return the librdkafka settings of a user."""
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": password,
    }


def allow_guest(broker: DevKafka, topic: str, operation: AclOperation) -> None:
    """Give the guest one permission."""
    admin = AdminClient(KafkaSettings(broker.bootstrap_servers, login("admin", "right")).admin())
    binding = AclBinding(
        ResourceType.TOPIC,
        topic,
        ResourcePatternType.LITERAL,
        "User:guest",
        "*",
        operation,
        AclPermissionType.ALLOW,
    )
    admin.create_acls([binding])[binding].result()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevKafka]:
    """Return a broker that asks for a password, knows one administrator, and lets a guest do nothing."""
    require_java()
    directory = tmp_path_factory.mktemp("guarded-kafka")
    with DevKafka(directory, server_settings=SERVER, client_settings=login("admin", "right")) as broker:
        yield broker


@pytest.fixture
def where(guarded: DevKafka, topic_name: str) -> TopicPartition:
    """Create a topic as the administrator."""
    with KafkaLog(KafkaSettings(guarded.bootstrap_servers, login("admin", "right"))) as log:
        log.ensure_topic(TopicSpec(topic_name, 1, "ledger"))
    return TopicPartition(topic_name, 0)


def test_credentials_are_passed_through(guarded: DevKafka, where: TopicPartition) -> None:
    """Every kind of client logs in: admin, producer, feed and reader."""
    with KafkaLog(KafkaSettings(guarded.bootstrap_servers, login("admin", "right"))) as log:
        appender = log.appender(where)
        appender.append([Message((), b"hello")])
        assert appender.flush(30.0)
        assert [outcome.offset for outcome in appender.outcomes()] == [0]
        appender.close()
        assert [record.value for record in log.read(where, 0, 1)] == [b"hello"]
        feed = log.follow({where: 0})
        assert [record.value for record in feed.poll(1, 30.0)] == [b"hello"]
        feed.close()


def test_a_wrong_password_is_said_and_not_shown(guarded: DevKafka) -> None:
    """It is not called an outage."""
    settings = KafkaSettings(guarded.bootstrap_servers, login("admin", "geheim"), answer_timeout_s=2.0)

    with KafkaLog(settings) as log, pytest.raises(LogAccessDenied, match=r"[Aa]uthentication") as caught:
        log.brokers()

    assert "geheim" not in str(caught.value)


def test_a_missing_permission_is_said(guarded: DevKafka, where: TopicPartition) -> None:
    """A user without ACLs learns that, not that the topic does not exist."""
    with KafkaLog(KafkaSettings(guarded.bootstrap_servers, login("guest", "welcome"))) as log:
        with pytest.raises(LogAccessDenied, match=where.topic):
            log.topic(where.topic)
        with pytest.raises(LogAccessDenied, match=where.topic):
            log.ensure_topic(TopicSpec(where.topic, 1, "ledger"))
        with pytest.raises(LogAccessDenied):
            log.bounds(where)


def test_a_permission_taken_away_ends_feed_and_appender(guarded: DevKafka, where: TopicPartition) -> None:
    """Who may describe but neither read nor write is told so by both."""
    allow_guest(guarded, where.topic, AclOperation.DESCRIBE)
    with KafkaLog(KafkaSettings(guarded.bootstrap_servers, login("guest", "welcome"))) as log:
        appender, feed = log.appender(where), log.follow({where: 0})
        appender.append([Message((), b"no")])
        assert appender.flush(30.0)
        (outcome,) = appender.outcomes()
        assert isinstance(outcome.error, LogAccessDenied)
        appender.close()
        with pytest.raises(LogAccessDenied, match=where.topic):
            eventually(lambda: feed.poll(1, 1.0))
        feed.close()


def test_a_reader_needs_no_permission_for_a_group(guarded: DevKafka, where: TopicPartition) -> None:
    """To read the topic is enough, for pages and for following: we name a group and never use it."""
    allow_guest(guarded, where.topic, AclOperation.READ)
    with KafkaLog(KafkaSettings(guarded.bootstrap_servers, login("admin", "right"))) as log:
        appender = log.appender(where)
        appender.append([Message((), b"for all")])
        assert appender.flush(30.0)
        appender.close()
    with KafkaLog(KafkaSettings(guarded.bootstrap_servers, login("guest", "welcome"))) as log:
        feed = log.follow({where: 0})
        assert [record.value for record in eventually(lambda: feed.poll(10, 1.0))] == [b"for all"]
        for _ in range(5):
            assert list(feed.poll(10, 0.2)) == []
        assert [record.value for record in log.read(where, 0, 10)] == [b"for all"]
        feed.close()


def test_nothing_is_created_by_asking(guarded: DevKafka, topic_name: str) -> None:
    """Also not by a broker that creates what is asked for: a ledger comes to be only on purpose."""
    nowhere = TopicPartition(topic_name, 0)
    with KafkaLog(KafkaSettings(guarded.bootstrap_servers, login("admin", "right"))) as log:
        with pytest.raises(TopicMissing):
            log.bounds(nowhere)
        with pytest.raises(TopicMissing):
            log.follow({nowhere: 0})
        with pytest.raises(TopicMissing):
            log.appender(nowhere)
        with pytest.raises(TopicMissing):
            log.topic(topic_name)


def test_a_deleted_topic_is_not_made_again_by_who_writes_to_it(
    guarded: DevKafka, where: TopicPartition
) -> None:
    """Else a ledger deleted by mistake would come back empty, and with the broker's default settings."""
    settings = KafkaSettings(guarded.bootstrap_servers, login("admin", "right"), delivery_timeout_s=3.0)
    admin = AdminClient(KafkaSettings(guarded.bootstrap_servers, login("admin", "right")).admin())
    with KafkaLog(settings) as log:
        appender = log.appender(where)
        appender.append([Message((), b"there")])
        assert appender.flush(30.0)
        admin.delete_topics([where.topic])[where.topic].result()
        appender.append([Message((), b"gone")])
        assert appender.flush(30.0)

        outcomes = appender.outcomes()

        assert [outcome.offset for outcome in outcomes] == [0, None]
        assert isinstance(outcomes[1].error, LogError)
        with pytest.raises(TopicMissing):
            log.topic(where.topic)
        appender.close()
