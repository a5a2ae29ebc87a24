"""The `Log` port on Apache Kafka 3.x and 4.x, and on what speaks its protocol.

No transactions and no consumer groups: a partition is an ordered log, we name the partition and the
offset, and the ledger's terms and hashes do the rest (design section 3). Offsets are dense because an
idempotent producer without transactions writes no markers. Durability is the topic's: three replicas, two
of which acknowledge.

The parts: `kafka_settings` (what clients are told), `kafka_admin` and `kafka_topics` (topics),
`kafka_appender`, `kafka_feed`, `kafka_errors` (translation), `kafka_logging`.
"""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Self

from events.errors import LogUnavailable, OffsetOutOfRange
from events.log.kafka_admin import KafkaAdmin
from events.log.kafka_appender import KafkaAppender
from events.log.kafka_feed import KafkaFeed, KafkaReader
from events.log.kafka_settings import KafkaSettings
from events.log.port import Bounds, LogRecord, TopicInfo, TopicPartition, TopicSpec


class KafkaLog:
    """The log on a Kafka cluster.

    Nothing is asked of the cluster until the first call, so making one does not fail when it is away.

    Raises:
        WrongLogSettings: librdkafka does not take the settings.

    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._admin = KafkaAdmin(settings)
        self._reader: KafkaReader | None = None
        self._reading = Lock()
        self._closed = False

    def ensure_topic(self, spec: TopicSpec) -> TopicInfo:
        """Create the topic if it is missing, and check its settings through Kafka's description of them."""
        self._check_open()
        return self._admin.ensure_topic(spec)

    def topic(self, name: str) -> TopicInfo:
        """Describe an existing topic; the incarnation is Kafka's topic id."""
        self._check_open()
        return self._admin.topic(name)

    def bounds(self, where: TopicPartition) -> Bounds:
        """Return the offsets that the partition holds now, asked of its leader."""
        self._check_open()
        return self._admin.bounds(where)

    def read(self, where: TopicPartition, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` on. Threads take turns."""
        bounds = self.bounds(where)
        check_range(where, offset, bounds)
        if offset == bounds.end or limit <= 0:
            return ()
        with self._reading:
            self._check_open()
            if self._reader is None:
                self._reader = KafkaReader(self._settings)
            return self._reader.read(where, offset, min(limit, bounds.end - offset))

    def follow(self, positions: Mapping[TopicPartition, int]) -> KafkaFeed:
        """Follow partitions, each from the offset given."""
        self._check_open()
        topics = [self._admin.topic(name) for name in sorted({where.topic for where in positions})]
        for where, offset in positions.items():
            check_range(where, offset, self.bounds(where))

        def check() -> None:
            for topic in topics:
                if self._admin.topic(topic.name).incarnation != topic.incarnation:
                    raise OffsetOutOfRange(f"topic {topic.name} was deleted and created again while followed")

        return KafkaFeed(self._settings, positions, check)

    def appender(self, where: TopicPartition) -> KafkaAppender:
        """Open an ordered stream of appends to one partition."""
        self._check_open()
        self._admin.require(where)
        return KafkaAppender(self._settings, where)

    def brokers(self) -> int:
        """Return how many brokers the cluster has now."""
        self._check_open()
        return self._admin.brokers()

    def close(self) -> None:
        """Close what this log itself opened. Appenders and feeds are closed by who opened them."""
        with self._reading:
            self._closed = True
            if self._reader is not None:
                self._reader.close()
                self._reader = None
        self._admin.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise LogUnavailable("this log was closed")


def check_range(where: TopicPartition, offset: int, bounds: Bounds) -> None:
    """Do nothing if reading can begin at `offset`.

    Raises:
        OffsetOutOfRange: it cannot.

    """
    if not bounds.start <= offset <= bounds.end:
        raise OffsetOutOfRange(
            f"{where.topic}/{where.partition} holds the offsets from {bounds.start} to {bounds.end}, "
            f"not {offset}"
        )
