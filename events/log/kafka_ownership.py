"""Who should own a cell, told by a Kafka consumer group: liveness only, the ledger says who does own it.

The group of a cell has the processes that could own it as members. Kafka gives each partition of the
commands topic to one of them, notices when one dies, and gives its partitions to another. Nothing is
consumed through the group and no offset is committed.

The classic group protocol is used, since brokers 3.x have no other, with cooperative rebalancing: a member
that joins does not make the owner let go and claim again.
"""

import logging
import time

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from events.log.kafka_errors import Complaints, error_of, translate
from events.log.kafka_settings import KafkaSettings
from events.log.port import TopicPartition

SESSION_TIMEOUT_S = 10.0
"""How long after the death of an owner another one is assigned. Brokers allow 6 s and more by default."""

SILENCE_MAX_S = 60.0
"""An owner that does not call `assigned` for so long is stuck and loses the assignment."""

EVENTS_PER_CALL = 16
CALL_S = 0.01
"""`assigned` serves at most so many events and takes no longer than this."""

logger = logging.getLogger(__name__)


def group_of(cell: str) -> str:
    """Return the name of the cell's consumer group, as ACLs must name it."""
    return f"netledger-allocator-{cell}"


class KafkaOwnership:
    """The `Ownership` port on a consumer group.

    Args:
        settings: where Kafka is.
        cell: names the group; all processes that could own the cell are its members.
        commands: the cell's partition of the commands topic, which stands for the cell.
        session_timeout_s: how long after the death of an owner another one is assigned.

    Raises:
        WrongLogSettings: librdkafka does not take the settings.

    """

    def __init__(
        self,
        settings: KafkaSettings,
        cell: str,
        commands: TopicPartition,
        session_timeout_s: float = SESSION_TIMEOUT_S,
    ) -> None:
        self._doing = f"joining the group {group_of(cell)}"
        self._servers = settings.bootstrap_servers
        self._commands = commands
        self._assigned = False
        self._complaints = Complaints()
        self._told: int | None = None
        self._config = settings.consumer(
            group_of(cell),
            auto_offset_reset="latest",  # nothing is read, so nothing can be missed
            partition_assignment_strategy="cooperative-sticky",
            session_timeout_ms=round(session_timeout_s * 1000),
            heartbeat_interval_ms=max(100, round(session_timeout_s * 1000 / 4)),
            max_poll_interval_ms=round(max(SILENCE_MAX_S, session_timeout_s) * 1000),
        )
        self._consumer: Consumer | None = self._join()

    def assigned(self) -> bool:
        """Return whether the cell's partition is ours now. What Kafka complains about is logged once."""
        if self._consumer is None:
            return False
        try:
            self._serve(self._consumer)
        except KafkaException as error:  # librdkafka has given this member up: be another one
            self._tell(error_of(error))
            self.close()
            self._consumer = self._join()
        return self._assigned

    def close(self) -> None:
        """Leave the group, so that another member is assigned at once. Safe to call twice."""
        consumer, self._consumer, self._assigned = self._consumer, None, False
        if consumer is not None:
            consumer.close()

    def _join(self) -> Consumer:
        try:
            consumer = Consumer({**self._config, "error_cb": self._complaints})
            consumer.subscribe(
                [self._commands.topic],
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_revoke,
            )
        except KafkaException as error:
            raise translate(error_of(error), self._doing, self._servers) from error
        return consumer

    def _serve(self, consumer: Consumer) -> None:
        deadline = time.monotonic() + CALL_S
        for _ in range(EVENTS_PER_CALL):
            message = consumer.poll(0)
            if message is None or time.monotonic() >= deadline:
                break
            error = message.error()
            if error is not None:
                self._tell(error)
        complaint = self._complaints.take_serious()
        if complaint is not None:
            self._tell(complaint)

    def _on_assign(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        """Take the partitions, and read none of them."""
        consumer.incremental_assign(partitions)
        consumer.pause(partitions)
        if self._is_among(partitions):
            self._assigned = True
            self._told = None

    def _on_revoke(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        """Let go: they were revoked, or lost because we were not heard of for too long."""
        if self._is_among(partitions):
            self._assigned = False
        consumer.incremental_unassign(partitions)

    def _is_among(self, partitions: list[KafkaPartition]) -> bool:
        return any((one.topic, one.partition) == self._commands for one in partitions)

    def _tell(self, error: KafkaError) -> None:
        if error.code() != self._told:
            self._told = error.code()
            logger.warning("%s", translate(error, self._doing, self._servers))
