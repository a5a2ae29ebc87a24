"""Questions to Kafka about topics: what they are, what they hold, and making those that are missing."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not listed in __all__
    AdminClient,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
    TopicDescription,
)
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from events.errors import LogError, LogUnavailable, TopicMissing
from events.log import kafka_topics
from events.log.kafka_errors import Complaints, error_of, translate
from events.log.kafka_settings import KafkaSettings
from events.log.port import Bounds, TopicInfo, TopicPartition, TopicSpec

T = TypeVar("T")

ANSWER_MARGIN_S = 5.0
"""librdkafka ends a request itself at its timeout; this much later we stop waiting for it to do so."""

ATTEMPT_S = 2.0
"""How long to wait for the leader of a partition before asking again who leads it."""

RETRY_WAIT_S = 0.05

NEWS_S = 2.0
"""How long a topic must be unknown to be missing: brokers hear of a new one at different times."""


class TopicExists(LogError):
    """The topic to be created exists by now: another process was quicker."""

    code = "TopicExists"


class KafkaAdmin:
    """One admin client. Safe for use by several threads."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._complaints = Complaints()
        config: Any = {**settings.admin(), "error_cb": self._complaints}  # its stub forgets callbacks
        try:
            self._client = AdminClient(config)
        except KafkaException as error:
            raise self._translate(error, "connecting") from error

    def brokers(self) -> int:
        """Return how many brokers the cluster has now."""

        def ask(timeout_s: float) -> "Future[Any]":
            return self._client.describe_cluster(request_timeout=timeout_s)

        return len(self._ask("counting the brokers", ask).nodes)

    def topic(self, name: str) -> TopicInfo:
        """Describe a topic. Its incarnation is Kafka's topic id.

        Raises:
            TopicMissing: there is none of this name.

        """
        described = self._while(TopicMissing, NEWS_S)(self._describe, name)
        return TopicInfo(name, str(described.topic_id), len(described.partitions))

    def require(self, where: TopicPartition) -> None:
        """Do nothing if the partition exists.

        Raises:
            TopicMissing: it does not.

        """
        count = self.topic(where.topic).partitions
        if not 0 <= where.partition < count:
            raise TopicMissing(f"topic {where.topic} has {count} partitions, and no {where.partition}")

    def bounds(self, where: TopicPartition) -> Bounds:
        """Return the offsets that the partition holds now; waits while its leader changes."""
        return self._while(LogUnavailable, self._settings.answer_timeout_s)(self._bounds, where)

    def ensure_topic(self, spec: TopicSpec) -> TopicInfo:
        """Create the topic if it is missing, and check what is there."""
        replicas = kafka_topics.replicas_for(self._settings.replication_factor, self.brokers())
        try:
            described = self._describe(spec.name)
        except TopicMissing:
            self._create(spec, replicas)
            described = self._await_created(spec.name)
        topic = kafka_topics.Topic(
            partitions=len(described.partitions),
            replicas=min(len(one.replicas) for one in described.partitions),
            settings=self._topic_settings(spec.name),
        )
        kafka_topics.check(spec, topic, replicas, self._settings.bootstrap_servers)
        return TopicInfo(spec.name, str(described.topic_id), topic.partitions)

    def close(self) -> None:
        """Serve what is left; the client itself ends with its last reference."""
        self._client.poll(0)

    def _bounds(self, where: TopicPartition) -> Bounds:
        doing = f"reading the bounds of {where.topic}/{where.partition}"
        timeout_s = min(self._settings.answer_timeout_s, ATTEMPT_S)
        self._refresh(where, doing, timeout_s)
        place = KafkaPartition(where.topic, where.partition)

        def ask(which: OffsetSpec) -> "Future[Any]":
            return self._client.list_offsets({place: which}, request_timeout=timeout_s)[place]

        start = ask(OffsetSpec.earliest())  # type: ignore[no-untyped-call] # no stub
        end = ask(OffsetSpec.latest())  # type: ignore[no-untyped-call] # no stub
        return Bounds(
            self._answer(start, doing, timeout_s).offset, self._answer(end, doing, timeout_s).offset
        )

    def _refresh(self, where: TopicPartition, doing: str, timeout_s: float) -> None:
        """Learn who leads the partition: `list_offsets` by itself would ask a former leader for ever."""
        try:
            topic = self._client.list_topics(where.topic, timeout_s).topics[where.topic]
        except KafkaException as error:
            raise self._heard(error, doing) from error
        if topic.error is not None:
            raise translate(topic.error, doing, self._settings.bootstrap_servers)
        if where.partition not in topic.partitions:
            self.require(where)
            raise LogUnavailable(f"{doing}: not every broker knows the partition yet")

    def _describe(self, name: str) -> TopicDescription:
        def ask(timeout_s: float) -> "Future[TopicDescription]":
            return self._client.describe_topics(TopicCollection([name]), request_timeout=timeout_s)[name]

        return self._ask(f"describing topic {name}", ask)

    def _topic_settings(self, name: str) -> dict[str, str]:
        resource = ConfigResource(ResourceType.TOPIC, name)

        def ask(timeout_s: float) -> "Future[dict[str, ConfigEntry]]":
            return self._client.describe_configs([resource], request_timeout=timeout_s)[resource]

        entries = self._ask(f"reading the settings of topic {name}", ask)
        return {entry.name: str(entry.value) for entry in entries.values()}

    def _create(self, spec: TopicSpec, replicas: int) -> None:
        new = NewTopic(spec.name, spec.partitions, replicas, config=kafka_topics.settings_for(replicas))

        def ask(timeout_s: float) -> "Future[None]":
            return self._client.create_topics([new], request_timeout=timeout_s)[spec.name]

        try:
            self._ask(f"creating topic {spec.name}", ask)
        except TopicExists:
            return

    def _await_created(self, name: str) -> TopicDescription:
        """Wait until the brokers have heard of the new topic and its partitions have leaders."""

        def describe() -> TopicDescription:
            described = self._describe(name)
            if any(one.leader is None for one in described.partitions):
                raise TopicMissing(f"topic {name} was created, but has no leaders yet")
            return described

        return self._while(TopicMissing, self._settings.answer_timeout_s)(describe)

    @staticmethod
    def _while(error: type[LogError], seconds: float) -> Retrying:
        """Try again while it fails with this error, so long."""
        return Retrying(
            retry=retry_if_exception_type(error),
            wait=wait_fixed(RETRY_WAIT_S),
            stop=stop_after_delay(seconds),
            reraise=True,
        )

    def _ask(self, doing: str, start: Callable[[float], "Future[T]"]) -> T:
        """Ask, and wait for the answer at most as long as the settings say."""
        timeout_s = self._settings.answer_timeout_s
        try:
            answer = start(timeout_s)
        except KafkaException as error:
            raise self._heard(error, doing) from error
        return self._answer(answer, doing, timeout_s)

    def _answer(self, answer: "Future[T]", doing: str, timeout_s: float) -> T:
        try:
            return answer.result(timeout_s + ANSWER_MARGIN_S)
        except KafkaException as error:
            raise self._heard(error, doing) from error
        except TimeoutError:
            raise LogUnavailable(
                f"{doing}: Kafka at {self._settings.bootstrap_servers} did not answer in {timeout_s:g} s"
            ) from None

    def _heard(self, error: KafkaException, doing: str) -> LogError:
        """Translate an error, after listening for its reason."""
        self._client.poll(0)
        return self._translate(error, doing)

    def _translate(self, error: KafkaException, doing: str) -> LogError:
        inner = error_of(error)
        if inner.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return TopicExists(f"{doing}: it exists by now")
        return translate(inner, doing, self._settings.bootstrap_servers, self._complaints.last)
