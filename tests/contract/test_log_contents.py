"""What is appended comes back byte for byte, or is refused whole, with every adapter."""

import pytest

from events.errors import RecordTooLarge
from events.log.port import (
    RECORD_BYTES_MAX,
    Log,
    LogRecord,
    Message,
    TopicPartition,
)
from tests.contract.steps import append, messages, settled, take, values


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
