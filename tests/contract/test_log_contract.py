"""Order, positions, reading and following, the same with every adapter of the `Log` port."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from events.log.port import (
    Log,
    LogRecord,
    TopicPartition,
    TopicSpec,
)
from tests.contract.harness import LogHarness
from tests.contract.steps import FLUSH_S, append, messages, settled, take, values


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
