"""The log on Kafka under the contract suite: real brokers, and a wire in between that can be held and cut."""

import pytest
from confluent_kafka.admin import AdminClient
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from events.errors import LogError
from events.log.kafka import KafkaLog
from events.log.kafka_settings import KafkaSettings
from events.log.port import Log, TopicPartition, TopicSpec
from services.dev.kafka_plan import Detour
from tests.contract.harness import Line, LogHarness
from tests.kafka_line import KafkaLine

REPLACED_WITHIN_S = 30.0


class KafkaHarness(LogHarness):
    """Kafka: every log is a client of its own."""

    def __init__(self, bootstrap: str, detour: Detour | None) -> None:
        super().__init__()
        self._bootstrap = bootstrap
        self._detour = detour

    def _open(self) -> Log:
        return KafkaLog(KafkaSettings(self._bootstrap))

    def open_on_a_line(self, where: TopicPartition) -> tuple[Log, Line]:
        """Return a log whose every connection goes through a wire of ours."""
        if self._detour is None:
            pytest.skip("brokers of somebody else send clients past our wire; unset KAFKA_BOOTSTRAP_SERVERS")
        port = self._detour.advertised_port
        line = self._cleanup.enter_context(KafkaLine(port, self._detour.port))
        log = self._cleanup.enter_context(KafkaLog(KafkaSettings(f"127.0.0.1:{port}")))
        return log, line

    def replace_topic(self, spec: TopicSpec) -> None:
        """Delete it and create it again; deleting goes on for a moment after the answer."""
        before = self.open().topic(spec.name).incarnation
        admin = AdminClient(KafkaSettings(self._bootstrap).admin())
        admin.delete_topics([spec.name])[spec.name].result()

        def recreate() -> None:
            if self.open().ensure_topic(spec).incarnation == before:
                raise LogError("the old topic is still there")

        Retrying(
            retry=retry_if_exception_type(LogError),
            wait=wait_fixed(0.1),
            stop=stop_after_delay(REPLACED_WITHIN_S),
            reraise=True,
        )(recreate)
