"""What every adapter of the `Log` port keeps, checked the same way against each of them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from uuid import uuid4

import pytest

from events.errors import AppenderClosed, OffsetOutOfRange, RecordTooLarge, TopicMissing, WrongTopicSettings
from events.log.port import (
    RECORD_BYTES_MAX,
    Appender,
    AppendOutcome,
    Feed,
    Log,
    LogRecord,
    Message,
    TopicPartition,
    TopicSpec,
)
from tests.contract.harness import LogHarness

FLUSH_S = 30.0
"""Longer than any append takes; no test waits that long unless it fails."""


@pytest.fixture(
    params=[
        "memory",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.xdist_group("kafka")]),
    ]
)
def harness(request: pytest.FixtureRequest) -> Iterator[LogHarness]:
    """Run the test once with each adapter."""
    harness: LogHarness = request.getfixturevalue(f"{request.param}_harness")
    yield harness
    harness.close()


@pytest.fixture
def spec(harness: LogHarness) -> TopicSpec:
    """Create a topic of three partitions for this test alone."""
    spec = TopicSpec(f"contract-{uuid4().hex[:12]}", 3, "ledger")
    harness.open().ensure_topic(spec)
    return spec


@pytest.fixture
def where(spec: TopicSpec) -> TopicPartition:
    """Return its middle partition."""
    return TopicPartition(spec.name, 1)


@pytest.fixture
def log(harness: LogHarness, spec: TopicSpec) -> Log:
    """Return a log on which the topic exists."""
    return harness.open()


def messages(name: str, count: int) -> list[Message]:
    """Return messages that tell who sent them and in which order."""
    return [Message((("from", name.encode()),), f"{name}:{number}".encode()) for number in range(count)]


def settled(appender: Appender) -> Sequence[AppendOutcome]:
    """Wait for and return every outcome."""
    assert appender.flush(FLUSH_S)
    return appender.outcomes()


def append(log: Log, where: TopicPartition, batch: Sequence[Message]) -> list[int]:
    """Append through an appender of its own; return the acknowledged offsets."""
    appender = log.appender(where)
    appender.append(batch)
    outcomes = settled(appender)
    appender.close()
    assert [outcome.error for outcome in outcomes] == [None] * len(batch)
    return [outcome.offset for outcome in outcomes if outcome.offset is not None]


def take(feed: Feed, count: int, limit: int = 100) -> list[LogRecord]:
    """Poll until `count` records came; the run's own timeout guards against waiting for ever."""
    records: list[LogRecord] = []
    while len(records) < count:
        page = feed.poll(min(limit, count - len(records)), 10.0)
        assert len(page) <= limit
        records += page
    return records


def values(records: Sequence[LogRecord]) -> list[bytes]:
    """Return what the records carry."""
    return [record.value for record in records]


# Order and positions ----------------------------------------------------------------------------------------


def test_records_come_back_in_order_with_dense_offsets(log: Log, where: TopicPartition) -> None:
    """What was acknowledged is read at the acknowledged offsets, from 0 on without a gap."""
    sent = messages("a", 25)
    offsets = append(log, where, sent)

    records = log.read(where, 0, 100)

    assert offsets == list(range(25))
    assert records == [LogRecord(where, offset, *message) for offset, message in enumerate(sent)]


def test_successive_calls_keep_their_order(log: Log, where: TopicPartition) -> None:
    """Calls of one appender follow each other without waiting for acknowledgements."""
    sent = messages("a", 60)
    appender = log.appender(where)
    for first in range(0, 60, 7):
        appender.append(sent[first : first + 7])

    outcomes = settled(appender)

    assert [outcome.offset for outcome in outcomes] == list(range(60))
    assert values(log.read(where, 0, 100)) == [message.value for message in sent]


def test_large_batch(log: Log, where: TopicPartition) -> None:
    """A batch of thousands arrives whole and in order."""
    sent = messages("a", 3000)
    offsets = append(log, where, sent)

    assert offsets == list(range(3000))
    assert values(take(log.follow({where: 0}), 3000)) == [message.value for message in sent]


def test_empty_batch_changes_nothing(log: Log, where: TopicPartition) -> None:
    """Appending nothing is no append."""
    assert append(log, where, []) == []
    assert log.bounds(where) == (0, 0)


def test_partitions_are_independent(log: Log, spec: TopicSpec) -> None:
    """Each partition counts its own offsets and holds its own records only."""
    parts = [TopicPartition(spec.name, number) for number in range(3)]
    append(log, parts[0], messages("a", 3))
    append(log, parts[2], messages("c", 2))

    assert [log.bounds(part) for part in parts] == [(0, 3), (0, 0), (0, 2)]
    assert values(log.read(parts[2], 0, 10)) == [b"c:0", b"c:1"]
    assert {record.where for record in log.read(parts[2], 0, 10)} == {parts[2]}


def test_concurrent_producers(harness: LogHarness, where: TopicPartition) -> None:
    """With five at once nothing is lost, each one's order is kept, and a reader beside them skips nothing."""
    producers, each = 5, 200

    def produce(name: str) -> list[int]:
        log = harness.open()
        appender = log.appender(where)
        for message in messages(name, each):
            appender.append([message])
        outcomes = settled(appender)
        assert all(outcome.error is None for outcome in outcomes)
        return [outcome.offset for outcome in outcomes if outcome.offset is not None]

    feed = harness.open().follow({where: 0})
    with ThreadPoolExecutor(producers) as pool:
        acknowledged = [pool.submit(produce, f"p{number}") for number in range(producers)]
        records = take(feed, producers * each)

    assert [record.offset for record in records] == list(range(producers * each))
    by_offset = {record.offset: record.value for record in records}
    for number, future in enumerate(acknowledged):
        expected = [f"p{number}:{count}".encode() for count in range(each)]
        assert [by_offset[offset] for offset in future.result()] == expected
        assert future.result() == sorted(future.result())


# Reading ----------------------------------------------------------------------------------------------------


def test_read_from_any_offset_up_to_the_limit(log: Log, where: TopicPartition) -> None:
    """A page starts where it was asked to, is never longer than its limit, and is empty at the end."""
    append(log, where, messages("a", 10))

    assert values(log.read(where, 4, 3)) == [b"a:4", b"a:5", b"a:6"]
    assert values(log.read(where, 9, 100)) == [b"a:9"]
    assert list(log.read(where, 10, 100)) == []


def test_bounds_grow_with_the_log(log: Log, where: TopicPartition) -> None:
    """The end is the offset that the next record gets."""
    assert log.bounds(where) == (0, 0)
    append(log, where, messages("a", 2))
    assert log.bounds(where) == (0, 2)
    assert append(log, where, messages("b", 1)) == [2]
    assert log.bounds(where) == (0, 3)


@pytest.mark.parametrize("offset", [0, 3, 5])
def test_follow_from_any_offset(log: Log, where: TopicPartition, offset: int) -> None:
    """A feed gives what was there and then what comes, each record once."""
    append(log, where, messages("a", 5))
    feed = log.follow({where: offset})
    append(log, where, messages("b", 5))

    records = take(feed, 10 - offset)

    assert [record.offset for record in records] == list(range(offset, 10))
    assert values(records)[-5:] == [b"b:0", b"b:1", b"b:2", b"b:3", b"b:4"]


def test_follow_several_partitions(log: Log, spec: TopicSpec) -> None:
    """One feed follows many partitions, each in order from its own offset; a busy one starves none."""
    busy, quiet, empty = (TopicPartition(spec.name, number) for number in range(3))
    append(log, busy, messages("a", 500))
    append(log, quiet, messages("b", 3))
    feed = log.follow({busy: 10, quiet: 1, empty: 0})

    records = take(feed, 492, limit=50)
    append(log, empty, messages("c", 1))
    records += take(feed, 1)

    for part, first, count in ((busy, 10, 490), (quiet, 1, 2), (empty, 0, 1)):
        offsets = [record.offset for record in records if record.where == part]
        assert offsets == list(range(first, first + count))


def test_poll_keeps_to_its_limit(log: Log, where: TopicPartition) -> None:
    """What a poll leaves comes with the next."""
    append(log, where, messages("a", 5))
    feed = log.follow({where: 0})

    pages = [take(feed, 1, limit=1), take(feed, 2, limit=2), take(feed, 2, limit=2)]

    assert [values(page) for page in pages] == [[b"a:0"], [b"a:1", b"a:2"], [b"a:3", b"a:4"]]


def test_poll_at_the_end_is_empty(log: Log, where: TopicPartition) -> None:
    """A poll that waits for nothing comes back with nothing."""
    append(log, where, messages("a", 1))
    feed = log.follow({where: 1})

    assert list(feed.poll(10, 0.0)) == []
    assert list(feed.poll(10, 0.05)) == []


def test_waiting_feed_wakes_on_an_append(harness: LogHarness, log: Log, where: TopicPartition) -> None:
    """A poll that waits returns what another process appends meanwhile."""
    polling = Event()

    def wait_for_one() -> Sequence[LogRecord]:
        feed = log.follow({where: 0})
        polling.set()
        return take(feed, 1)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(wait_for_one)
        assert polling.wait(FLUSH_S)
        append(harness.open(), where, messages("a", 1))

        assert values(waiting.result()) == [b"a:0"]


def test_two_feeds_see_the_same(log: Log, where: TopicPartition) -> None:
    """A feed takes nothing away from another."""
    append(log, where, messages("a", 20))

    assert take(log.follow({where: 0}), 20) == take(log.follow({where: 0}), 20)


# Contents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        Message((), b""),
        Message((("empty", b""),), b"value"),
        Message((("b", b"2"), ("a", b"1"), ("b", b"3"), ("b", b"2")), b"order and repeated names"),
        Message((("binary", bytes(range(256))),), bytes(range(256)) * 4),
        Message((("größe", "naïve ✓".encode()),), "日本語".encode()),
        Message(tuple((f"ce_{number}", b"x" * number) for number in range(40)), b'{"a":1}'),
    ],
    ids=["nothing", "empty header", "repeated names", "binary", "unicode", "many headers"],
)
def test_contents_are_exact(log: Log, where: TopicPartition, message: Message) -> None:
    """Headers and value come back byte for byte, in a page and in a feed."""
    append(log, where, [message])

    expected = LogRecord(where, 0, message.headers, message.value)
    assert list(log.read(where, 0, 1)) == [expected]
    assert take(log.follow({where: 0}), 1) == [expected]


@pytest.mark.parametrize("size", [1024 * 1024, RECORD_BYTES_MAX])
def test_large_record(log: Log, where: TopicPartition, size: int) -> None:
    """A record of the largest size that the port promises arrives whole, among others."""
    large = Message((("kind", b"large"),), bytes(range(256)) * (size // 256))
    small = messages("a", 1)[0]
    append(log, where, [small, large, small])

    assert take(log.follow({where: 0}), 3) == [
        LogRecord(where, offset, *message) for offset, message in enumerate([small, large, small])
    ]


def test_oversize_record_is_refused_whole(log: Log, where: TopicPartition) -> None:
    """Nothing of the call is taken, and the appender goes on."""
    appender = log.appender(where)
    small = messages("a", 2)

    with pytest.raises(RecordTooLarge):
        appender.append([small[0], Message((), bytes(RECORD_BYTES_MAX + 1))])

    appender.append([small[1]])
    assert [outcome.offset for outcome in settled(appender)] == [0]
    assert values(log.read(where, 0, 10)) == [b"a:1"]


# Topics -----------------------------------------------------------------------------------------------------


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


# Endings and accidents --------------------------------------------------------------------------------------


def test_restart_in_the_middle(harness: LogHarness, where: TopicPartition) -> None:
    """Everything is closed, opened again, and goes on where it stopped."""
    log = harness.open()
    append(log, where, messages("a", 5))
    feed = log.follow({where: 0})
    seen = take(feed, 3)
    feed.close()
    log.close()

    log = harness.open()
    feed = log.follow({where: seen[-1].offset + 1})
    append(log, where, messages("b", 2))
    seen += take(feed, 4)

    assert values(seen) == [b"a:0", b"a:1", b"a:2", b"a:3", b"a:4", b"b:0", b"b:1"]


def test_outcomes_are_given_once(log: Log, where: TopicPartition) -> None:
    """Each outcome is told once, in order."""
    appender = log.appender(where)
    appender.append(messages("a", 3))
    first = settled(appender)
    appender.append(messages("b", 2))
    second = settled(appender)

    assert [outcome.offset for outcome in first] == [0, 1, 2]
    assert [outcome.offset for outcome in second] == [3, 4]
    assert list(appender.outcomes()) == []


def test_closed_appender_refuses(log: Log, where: TopicPartition) -> None:
    """After closing, twice even, nothing is taken any more."""
    appender = log.appender(where)
    appender.append(messages("a", 1))
    assert appender.flush(FLUSH_S)
    appender.close()
    appender.close()

    with pytest.raises(AppenderClosed):
        appender.append(messages("b", 1))
    assert values(log.read(where, 0, 10)) == [b"a:0"]


def test_closing_twice_is_harmless(log: Log, where: TopicPartition) -> None:
    """Feeds and logs can be closed by whoever cleans up, too."""
    feed = log.follow({where: 0})
    feed.close()
    feed.close()
    with log as same:
        assert same is log
    log.close()


def test_lost_acknowledgement(harness: LogHarness, where: TopicPartition) -> None:
    """The record is there once. Its outcome is its offset or an error, after which the appender refuses."""
    log, line = harness.open_on_a_line(where)
    appender = log.appender(where)
    appender.append(messages("a", 1))
    outcomes = list(settled(appender))
    line.lose_next_acknowledgement()
    appender.append(messages("b", 1))
    outcomes += settled(appender)

    assert [outcome.offset for outcome in outcomes] in ([0, 1], [0, None])
    if outcomes[1].error is not None:
        with pytest.raises(AppenderClosed):
            appender.append(messages("c", 1))
    other = harness.open()
    append(other, where, messages("d", 1))
    assert values(other.read(where, 0, 10)) == [b"a:0", b"b:0", b"d:0"]


def test_late_append_by_a_deposed_owner(harness: LogHarness, where: TopicPartition) -> None:
    """It lands behind its successor's records, in its own order, and moves none of them."""
    deposed, line = harness.open_on_a_line(where)
    late = deposed.appender(where)
    late.append(messages("old", 1))
    settled(late)
    line.hold_appends()
    late.append(messages("late", 2))
    successor = harness.open()
    assert append(successor, where, messages("new", 2)) == [1, 2]
    line.release_appends()

    outcomes = settled(late)
    append(successor, where, messages("newer", 1))

    records = take(successor.follow({where: 0}), 6)
    assert values(records) == [b"old:0", b"new:0", b"new:1", b"late:0", b"late:1", b"newer:0"]
    assert [outcome.offset for outcome in outcomes] == [3, 4]
