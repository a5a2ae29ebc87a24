"""Topics that exist, are missing, too narrow, or another's successor, with every adapter."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from events.errors import OffsetOutOfRange, TopicMissing, WrongTopicSettings
from events.log.port import (
    Log,
    TopicPartition,
    TopicSpec,
)
from tests.contract.harness import LogHarness
from tests.contract.steps import append, messages


def test_ensure_topic_twice_is_once(harness: LogHarness, log: Log, spec: TopicSpec) -> None:
    """The second time it only describes what is there, for another process too."""
    info = log.topic(spec.name)

    assert info.name == spec.name
    assert info.partitions == spec.partitions
    assert log.ensure_topic(spec) == info
    assert harness.open().topic(spec.name) == info


def test_several_processes_create_a_topic_at_once(harness: LogHarness) -> None:
    """All of them get the same one."""
    spec = TopicSpec(f"contract-{uuid4().hex[:12]}", 1, "input")
    logs = [harness.open() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        infos = list(pool.map(lambda log: log.ensure_topic(spec), logs))

    assert infos == [logs[0].topic(spec.name)] * 4


def test_too_few_partitions_are_said(log: Log, spec: TopicSpec) -> None:
    """A topic is not made wider behind its readers' backs."""
    with pytest.raises(WrongTopicSettings, match=spec.name):
        log.ensure_topic(spec._replace(partitions=spec.partitions + 1))


def test_missing_topic(log: Log) -> None:
    """Every way to a topic that does not exist says so and creates nothing."""
    nowhere = TopicPartition(f"missing-{uuid4().hex[:12]}", 0)

    with pytest.raises(TopicMissing, match=nowhere.topic):
        log.topic(nowhere.topic)
    with pytest.raises(TopicMissing, match=nowhere.topic):
        log.bounds(nowhere)
    with pytest.raises(TopicMissing, match=nowhere.topic):
        log.read(nowhere, 0, 1)
    with pytest.raises(TopicMissing, match=nowhere.topic):
        log.follow({nowhere: 0})
    with pytest.raises(TopicMissing, match=nowhere.topic):
        log.appender(nowhere)
    with pytest.raises(TopicMissing, match=nowhere.topic):
        log.topic(nowhere.topic)


def test_missing_partition(log: Log, spec: TopicSpec) -> None:
    """A partition beyond the topic's is missing too."""
    beyond = TopicPartition(spec.name, spec.partitions)

    with pytest.raises(TopicMissing):
        log.bounds(beyond)
    with pytest.raises(TopicMissing):
        log.read(beyond, 0, 1)
    with pytest.raises(TopicMissing):
        log.follow({beyond: 0})
    with pytest.raises(TopicMissing):
        log.appender(beyond)


def test_offset_out_of_range(log: Log, where: TopicPartition) -> None:
    """An offset that the log does not reach is an error, not an empty page."""
    append(log, where, messages("a", 3))

    with pytest.raises(OffsetOutOfRange):
        log.read(where, 4, 1)
    with pytest.raises(OffsetOutOfRange):
        log.follow({where: 4}).poll(1, 10.0)


def test_recreated_topic_is_another_incarnation(harness: LogHarness, log: Log, spec: TopicSpec) -> None:
    """It has the same name, no records, and can be told from the one before, also by who knew that one."""
    where = TopicPartition(spec.name, 1)
    before = log.topic(spec.name)
    append(log, where, messages("a", 2))
    harness.replace_topic(spec)

    for reader in (log, harness.open()):
        assert reader.topic(spec.name).incarnation != before.incarnation
        assert reader.bounds(where) == (0, 0)
    assert append(harness.open(), where, messages("b", 1)) == [0]
