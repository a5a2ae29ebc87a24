"""Who should own a cell, told by a Kafka group: one at a time, and soon another."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from confluent_kafka import ConsumerGroupState, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from events.log.kafka import KafkaLog
from events.log.kafka_ownership import KafkaOwnership, group_of
from events.log.kafka_settings import KafkaSettings
from events.log.port import TopicPartition, TopicSpec
from tests.eventually import eventually
from tests.fix_kafka import KafkaUnderTest
from tests.kafka_line import KafkaLine

OWN = """
import sys
from events.log.kafka_ownership import KafkaOwnership
from events.log.kafka_settings import KafkaSettings
from events.log.port import TopicPartition

servers, cell, topic = sys.argv[1:]
ownership = KafkaOwnership(KafkaSettings(servers), cell, TopicPartition(topic, 0), session_timeout_s=6)
while not ownership.assigned():
    pass
print("assigned", flush=True)
while True:
    ownership.assigned()
"""
"""Another process that owns the cell until it is killed."""

Join = Callable[[], KafkaOwnership]
WhileJoining = Callable[[Callable[[], bool]], None]


@pytest.fixture
def commands(kafka_log: KafkaLog, topic_name: str) -> TopicPartition:
    """Create a commands topic of one cell."""
    kafka_log.ensure_topic(TopicSpec(topic_name, 1, "input"))
    return TopicPartition(topic_name, 0)


@pytest.fixture
def join(kafka_bootstrap: str, commands: TopicPartition) -> Iterator[Join]:
    """Return a function that lets one more candidate join the group of this test's cell."""
    with ExitStack() as stack:

        def join_one() -> KafkaOwnership:
            one = KafkaOwnership(
                KafkaSettings(kafka_bootstrap), commands.topic, commands, session_timeout_s=6
            )
            stack.callback(one.close)
            return one

        yield join_one


@pytest.fixture
def while_joining(kafka_bootstrap: str, commands: TopicPartition) -> WhileJoining:
    """Return a function that checks something again and again until the group is a stable one of two."""
    admin = AdminClient(KafkaSettings(kafka_bootstrap).admin())
    group = group_of(commands.topic)

    def check(holds: Callable[[], bool]) -> None:
        def is_joined() -> bool:
            assert holds()
            described = admin.describe_consumer_groups([group])[group].result()
            return described.state == ConsumerGroupState.STABLE and len(described.members) == 2

        eventually(is_joined)
        assert holds()

    return check


def test_exactly_one_is_assigned_and_hands_over(join: Join, while_joining: WhileJoining) -> None:
    """A second candidate waits, also while the first keeps asking, and is assigned when the first leaves."""
    first, second = join(), join()
    both = [first, second]
    eventually(lambda: sum(one.assigned() for one in both) == 1)
    owner, other = sorted(both, key=lambda one: not one.assigned())
    while_joining(lambda: owner.assigned() and not other.assigned())

    owner.close()

    assert not owner.assigned()
    eventually(other.assigned)


def test_a_joining_candidate_does_not_disturb_the_owner(join: Join, while_joining: WhileJoining) -> None:
    """The owner stays assigned at every moment of the rebalance that a new member causes."""
    owner = join()
    eventually(owner.assigned)
    newcomer = join()

    while_joining(lambda: owner.assigned() and not newcomer.assigned())


def test_cells_are_independent(kafka_bootstrap: str, kafka_log: KafkaLog, topic_name: str) -> None:
    """Two cells of one commands topic are owned by their own groups, each for its own partition."""
    kafka_log.ensure_topic(TopicSpec(topic_name, 2, "input"))
    settings = KafkaSettings(kafka_bootstrap)
    owners = [
        KafkaOwnership(settings, f"{topic_name}-{number}", TopicPartition(topic_name, number))
        for number in (0, 1)
    ]

    eventually(lambda: sum(one.assigned() for one in owners) == 2)  # not all(): each must be asked

    for one in owners:
        one.close()
        one.close()


@pytest.mark.slow
def test_a_killed_owner_is_replaced(kafka_bootstrap: str, join: Join, commands: TopicPartition) -> None:
    """Nobody says good-bye for it; the group notices by its silence."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWN, kafka_bootstrap, commands.topic, commands.topic], stdout=subprocess.PIPE
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"assigned\n"
        standby = join()
        assert not standby.assigned()
        owner.kill()

    eventually(standby.assigned)


@pytest.mark.slow
def test_an_owner_cut_off_lets_go(kafka: KafkaUnderTest, join: Join, commands: TopicPartition) -> None:
    """It learns by itself that it has not been heard, while another one takes over."""
    if kafka.detour is None:
        pytest.skip("brokers of somebody else send clients past our wire; unset KAFKA_BOOTSTRAP_SERVERS")
    port = kafka.detour.advertised_port
    line = KafkaLine(port, kafka.detour.port)
    owner = KafkaOwnership(KafkaSettings(f"127.0.0.1:{port}"), commands.topic, commands, session_timeout_s=6)
    eventually(owner.assigned)
    standby = join()
    line.close()

    eventually(standby.assigned)
    eventually(lambda: not owner.assigned())
    owner.close()


def test_without_a_broker_nobody_is_assigned(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, and closing does not wait for the broker."""
    ownership = KafkaOwnership(KafkaSettings("127.0.0.1:1"), "cell", TopicPartition("commands", 0))

    def is_said() -> bool:
        assert not ownership.assigned()
        return "joining the group netledger-allocator-cell: Kafka at 127.0.0.1:1" in caplog.text

    eventually(is_said)
    ownership.close()
    assert not ownership.assigned()


def test_a_member_that_librdkafka_gave_up_is_replaced(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fatal error of the client costs the assignment, not the process: it joins anew."""
    owner = join()
    eventually(owner.assigned)

    def fail(_self: KafkaOwnership, _consumer: object) -> None:
        raise KafkaException(KafkaError(KafkaError._FATAL, fatal=True))  # noqa: SLF001 - so librdkafka spells it

    with monkeypatch.context() as broken:
        broken.setattr(KafkaOwnership, "_serve", fail)
        assert not owner.assigned()

    eventually(owner.assigned)
