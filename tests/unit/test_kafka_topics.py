"""Which settings of an existing topic are good enough."""

import pytest

from events.errors import WrongTopicSettings
from events.log.kafka_topics import Topic, check, flaws, min_insync_for, replicas_for, settings_for
from events.log.port import TopicSpec

LEDGER = TopicSpec("ledger", 1, "ledger")
INPUT = TopicSpec("commands", 1, "input")
WEEK_MS = str(7 * 24 * 3600 * 1000)


def topic(replicas: int = 3, partitions: int = 1, **changed: str) -> Topic:
    """Return a topic as we create it, with settings changed (_ for .)."""
    dotted = {name.replace("_", "."): value for name, value in changed.items()}
    return Topic(partitions, replicas, settings_for(replicas) | dotted)


def test_what_we_create_is_right() -> None:
    """The check agrees with the creation, for any number of replicas."""
    for replicas in (1, 2, 3, 5):
        for spec in (LEDGER, INPUT):
            assert flaws(spec, topic(replicas)) == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "compact,delete"),
        ("retention.ms", WEEK_MS),
        ("retention.bytes", "1073741824"),
        ("message.timestamp.type", "LogAppendTime"),
        ("max.message.bytes", "1048588"),
        ("min.insync.replicas", "1"),
        ("min.insync.replicas", "4"),
        ("unclean.leader.election.enable", "true"),
    ],
)
def test_each_dangerous_setting_is_named(setting: str, value: str) -> None:
    """The error names setting, value and the command that mends it."""
    bad = Topic(1, 3, settings_for(3) | {setting: value})

    with pytest.raises(WrongTopicSettings) as caught:
        check(LEDGER, bad, 3, "broker:9092")

    assert f"{setting} is {value} and must be" in str(caught.value)
    wanted = settings_for(3)[setting]
    assert f"--entity-name ledger --add-config {setting}={wanted}" in str(caught.value)


def test_larger_messages_and_more_insync_replicas_are_fine() -> None:
    """What is stricter or roomier than needed is left alone."""
    assert flaws(LEDGER, topic(max_message_bytes="16777216", min_insync_replicas="3")) == []


def test_inputs_may_forget_after_a_week() -> None:
    """The ledger may not."""
    week, hour = topic(retention_ms=WEEK_MS), topic(retention_ms="3600000")

    assert flaws(INPUT, week) == []
    assert [flaw.setting for flaw in flaws(LEDGER, week)] == ["retention.ms"]
    assert [flaw.setting for flaw in flaws(INPUT, hour)] == ["retention.ms"]


def test_everything_wrong_is_said_at_once() -> None:
    """Settings, partitions and replicas, each with its command."""
    bad = topic(replicas=1, cleanup_policy="compact", retention_ms="1")

    with pytest.raises(WrongTopicSettings) as caught:
        check(LEDGER._replace(partitions=4), bad, 3, "broker:9092")

    for said in (
        "--add-config cleanup.policy=delete,retention.ms=-1",
        "1 partitions and must have 4",
        "--partitions 4",
        "1 replicas and must have 3",
        "kafka-reassign-partitions",
    ):
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("configured", "brokers", "replicas", "insync"),
    [(-1, 1, 1, 1), (-1, 2, 2, 1), (-1, 5, 3, 2), (2, 5, 2, 1)],
)
def test_replicas(configured: int, brokers: int, replicas: int, insync: int) -> None:
    """As many as brokers, up to three, unless configured; with three, two must have a record."""
    assert replicas_for(configured, brokers) == replicas
    assert min_insync_for(replicas) == insync
