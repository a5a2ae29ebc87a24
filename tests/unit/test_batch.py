"""Lines in and out: cut at their ends whatever the chunks, answered in order, never ended by a bad one."""

import io
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import LogUnavailable, OutcomeUnknown
from events.refusals import Code
from services.batch import AHEAD_MAX, LINE_BYTES_MAX, Batch, read_line, split_lines
from services.client import Call, Client
from services.methods.base import Args, Method, Read, Write
from services.outcomes import Refused, refused


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b""))), st.data())
def test_lines_are_cut_at_their_ends_whatever_the_chunks(lines: list[bytes], data: st.DataObject) -> None:
    """A pipe hands over pieces that begin and end anywhere."""
    text = b"".join(line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert list(split_lines(chunk for chunk in chunks if chunk)) == lines


def test_the_last_line_counts_also_without_its_end() -> None:
    """A program may forget it."""
    assert list(split_lines([b"a\nb"])) == [b"a", b"b"]


def test_a_line_without_end_takes_bounded_memory() -> None:
    """Just more than is taken is kept, so that it is refused as too large; the next line is itself again."""
    chunks = [b"x" * 1_000_000] * 5 + [b"\nnext\n"]

    long, after = split_lines(chunks)

    assert len(long) == LINE_BYTES_MAX + 1
    assert after == b"next"
    with pytest.raises(Refused) as error:
        read_line(long)
    assert error.value.refusal.code is Code.COMMAND_TOO_LARGE


@pytest.mark.parametrize(
    ("line", "code", "field"),
    [
        (b"{", Code.MALFORMED_COMMAND, None),
        (b"7", Code.MALFORMED_COMMAND, None),
        (b'{"method": "x", "args": {"a": NaN}}', Code.MALFORMED_COMMAND, None),
        (b"{}", Code.INVALID_INPUT, "method"),
        (b'{"method": "x", "args": []}', Code.INVALID_INPUT, "args"),
        (b'{"method": "x", "who": 1}', Code.INVALID_INPUT, "who"),
        (b'{"method": "x", "actor": {"name": "ann"}}', Code.INVALID_INPUT, "actor.user"),
        (
            b'{"method": "x", "actor": {"user": "ann", "is_admin": "maybe"}}',
            Code.INVALID_INPUT,
            "actor.is_admin",
        ),
        (b'{"method": "x", "id": "7"}', Code.INVALID_INPUT, "id"),
    ],
)
def test_a_line_that_is_no_call_is_refused_by_name(line: bytes, code: Code, field: str | None) -> None:
    """Syntax, shape, unknown and missing parts."""
    with pytest.raises(Refused) as error:
        read_line(line)

    assert (error.value.refusal.code, error.value.refusal.field) == (code, field)


class NoArgs(Args):
    """Nothing."""


def write(*, adds: bool = False, sighted: bool = False, looks_up: bool = False) -> Write[NoArgs]:
    """Return a method that asks the allocator; the scripted client never makes its command."""

    def unused(*_: object) -> Any:  # noqa: ANN401 - never called
        raise AssertionError

    return Write(NoArgs, unused, unused, adds=adds, sighted=sighted, looks_up=looks_up)


SCRIPT: dict[str, Method] = {
    "add": write(adds=True, sighted=True),
    "delete": write(),
    "delete by name": write(looks_up=True),
    "look": Read(NoArgs, lambda *_: None),
}


class Scripted:
    """A client whose calls meet the fate in their arguments, and which notes what it was asked when."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self.said: list[str] = []

    def begin(self, method: str, args: dict[str, Any], **_: object) -> Call:
        """Begin a call."""
        self.said.append(f"begin {method}")
        fate = args.get("fate")
        if fate == "refused at once":
            raise refused(Code.UNKNOWN_METHOD, "no such method", "method")

        def result() -> object:
            self.said.append(f"result {method}")
            if fate == "refused":
                raise refused(Code.FORBIDDEN, "not yours", "x")
            if fate == "unknown":
                raise OutcomeUnknown("0195f3c0-7a2b-7c3d-9e4f-0123456789ab", "nobody answers")
            if fate == "away":
                raise LogUnavailable("the log is away")
            return method

        return ScriptedCall(result)


class ScriptedCall(Call):
    """A call whose result is known."""

    def __init__(self, result: Callable[[], object]) -> None:
        """Answer with what `result` returns."""
        self._known = result
        self.position = None

    def result(self) -> object:
        """Return it."""
        return self._known()


def run(*calls: str) -> tuple[list[dict[str, Any]], list[str], int]:
    """Run calls, each `METHOD` or `METHOD: FATE`; returns answers, what the client was asked, exit code."""
    out = io.BytesIO()
    client = Scripted()
    batch = Batch(cast("Client", client), out, SCRIPT)
    for call in calls:
        method, _, fate = call.partition(": ")
        batch.take(json.dumps({"method": method, "args": {"fate": fate}}).encode())
    batch.finish()
    return [json.loads(line) for line in out.getvalue().splitlines()], client.said, batch.worst


def asked(*calls: str) -> list[str]:
    """Return what the client is asked for these calls, in order."""
    return run(*calls)[1]


def test_what_only_adds_is_sent_ahead() -> None:
    """Results are asked for later, in order."""
    assert asked("add", "add", "delete") == [
        *("begin add", "begin add"),
        *("result add", "result add"),
        *("begin delete", "result delete"),
    ]


def test_what_changes_no_earlier_answer_is_sent_ahead() -> None:
    """Deletions in a row do not wait for each other, nor does what is added after them."""
    assert asked("delete", "delete", "add") == [
        *("begin delete", "begin delete", "begin add"),
        *("result delete", "result delete", "result add"),
    ]


def test_a_lookup_waits_and_is_waited_for() -> None:
    """It sees all before it and nothing after it."""
    assert asked("add", "look", "add", "delete by name") == [
        *("begin add", "result add"),
        *("begin look", "result look"),
        *("begin add", "result add"),
        *("begin delete by name", "result delete by name"),
    ]


def test_each_line_has_its_answer_whatever_it_is() -> None:
    """Refusals are answers, an unknown outcome names the id, what broke is told; and the next is answered."""
    answers, _, worst = run(
        "add",
        "look: refused at once",
        "add: refused",
        "add: unknown",
        "add: away",
        "delete",
        "no such method",
    )

    assert answers == [
        {"result": "add"},
        {"refusal": {"code": "UnknownMethod", "field": "method", "message": "no such method"}},
        {"refusal": {"code": "Forbidden", "field": "x", "message": "not yours"}},
        {
            "error": {
                "code": "OutcomeUnknown",
                "message": "nobody answers",
                "command_id": "0195f3c0-7a2b-7c3d-9e4f-0123456789ab",
            }
        },
        {"error": {"code": "LogUnavailable", "message": "the log is away"}},
        {"result": "delete"},
        {"result": "no such method"},
    ]
    assert worst == 5


def test_refusals_alone_are_no_failure() -> None:
    """The exit code is for what broke."""
    assert run("add", "add: refused")[2] == 0
    assert run("add: away")[2] == 4


def test_only_so_many_calls_are_on_their_way() -> None:
    """Memory stays bounded however fast lines come."""
    batch = Batch(cast("Client", Scripted()), io.BytesIO(), SCRIPT)
    for _ in range(AHEAD_MAX):
        assert batch.room
        batch.take(b'{"method": "add"}')

    assert not batch.room
