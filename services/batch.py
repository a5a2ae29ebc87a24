"""A stream of calls: a line of JSON in, a line of JSON out, in the same order.

Commands are sent ahead while earlier ones are on their way, unless that could change an earlier answer.
Lookups wait for all before them, and all after wait for them: as if each had waited for the one before.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, BinaryIO, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json, to_json

from events.errors import NetledgerError, OutcomeUnknown
from events.model import Actor, Uuid7
from events.refusals import Code, Refusal
from services.client import Call, Client
from services.methods import METHODS
from services.methods.base import Method, Write, refusal_of
from services.outcomes import Refused, refused

AHEAD_MAX = 256
"""Calls that may be on their way at once."""

LINE_BYTES_MAX = 1024 * 1024
"""Longest line; a command is smaller by far."""

CHUNK_BYTES = 64 * 1024

EXIT_BROKEN = 4
EXIT_UNKNOWN = 5


class CallLine(BaseModel):
    """One call."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    args: dict[str, Any] = {}
    actor: Actor | None = None
    id: Uuid7 | None = None
    at_least: str | None = None
    """Position that must be shown by what is looked up."""


def read_args(text: str | bytes) -> dict[str, Any]:
    """Return the arguments of a call from JSON.

    Raises:
        Refused: it is not a JSON object.

    """
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise refused(Code.MALFORMED_COMMAND, f"This is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise refused(Code.MALFORMED_COMMAND, "This is not a JSON object.")
    return value


def read_line(line: bytes) -> CallLine:
    """Return a line, read.

    Raises:
        Refused: it is not a call.

    """
    if len(line) > LINE_BYTES_MAX:
        message = f"The line has {len(line)} bytes; the most that is taken is {LINE_BYTES_MAX}."
        raise refused(Code.COMMAND_TOO_LARGE, message)
    document = read_args(line)
    try:
        return CallLine.model_validate(document)
    except ValidationError as error:
        raise Refused(refusal_of(error)) from None


Said = dict[str, Any]


class Ahead(NamedTuple):
    """A call on its way, or what is already known of one."""

    call: Call | Said
    sighted: bool
    """Whether a later call could change its result."""


class Batch:
    """Runs lines against a client and gives each its answer."""

    def __init__(self, client: Client, out: BinaryIO, methods: Mapping[str, Method] = METHODS) -> None:
        """Answer on `out`."""
        self._client = client
        self._out = out
        self._methods = methods
        self._ahead: deque[Ahead] = deque()
        self.worst = 0
        """Exit code of the worst that happened; refusals are answers and count for nothing."""

    @property
    def room(self) -> bool:
        """Whether another call may be sent ahead."""
        return len(self._ahead) < AHEAD_MAX

    @property
    def waiting(self) -> bool:
        """Whether answers are still to be written."""
        return bool(self._ahead)

    def take(self, line: bytes) -> None:
        """Begin the call of a line, and end it too if it cannot be sent ahead."""
        try:
            asked = read_line(line)
        except Refused as error:
            self._ahead.append(Ahead(self._failed(error), sighted=False))
            return
        method = self._methods.get(asked.method)
        if not isinstance(method, Write):
            self.finish()
            self._begin(asked, sighted=False)
            self.finish()
            return
        disturbs = not method.adds and any(one.sighted for one in self._ahead)
        if disturbs or method.looks_up:
            self.finish()
        self._begin(asked, sighted=method.sighted)

    def _begin(self, asked: CallLine, *, sighted: bool) -> None:
        try:
            call: Call | Said = self._client.begin(
                asked.method,
                asked.args,
                actor=asked.actor,
                command_id=asked.id,
                at_least=asked.at_least,
            )
        except (Refused, NetledgerError) as error:
            call = self._failed(error)
        self._ahead.append(Ahead(call, sighted))

    def finish_one(self) -> None:
        """Write the answer to the oldest call."""
        said = self._ahead.popleft().call
        if isinstance(said, Call):
            call = said
            try:
                said = {"result": call.result()}
                if call.position is not None:
                    said["position"] = call.position
            except (Refused, NetledgerError) as error:
                said = self._failed(error)
        self._out.write(to_json(said) + b"\n")
        self._out.flush()

    def finish(self) -> None:
        """Write the answers to all calls so far."""
        while self._ahead:
            self.finish_one()

    def _failed(self, error: Refused | NetledgerError) -> Said:
        if isinstance(error, Refused):
            return {"refusal": said_of(error.refusal)}
        said: Said = {"code": error.code, "message": str(error)}
        if isinstance(error, OutcomeUnknown):
            self.worst = EXIT_UNKNOWN
            said["command_id"] = error.command_id
        else:
            self.worst = self.worst or EXIT_BROKEN
        return {"error": said}


def said_of(refusal: Refusal) -> Said:
    """Return a refusal as programs get it."""
    said: Said = {"code": str(refusal.code), "field": refusal.field, "message": refusal.message}
    return said | {"details": refusal.details} if refusal.details else said


def run_batch(client: Client, descriptor: int, out: BinaryIO) -> int:
    """Answer every line that can be read from a file descriptor until it ends; returns an exit code.

    Who waits for each answer before writing the next line gets it at once; who writes ahead is faster.
    """
    batch = Batch(client, out)
    arrived: SimpleQueue[bytes | None] = SimpleQueue()
    Thread(target=_read_lines, args=(descriptor, arrived), name="lines", daemon=True).start()
    while True:
        if batch.room:
            try:
                line = arrived.get(block=not batch.waiting)
            except Empty:
                batch.finish_one()
                continue
            if line is None:
                break
            if line.strip():
                batch.take(line)
        else:
            batch.finish_one()
    batch.finish()
    return batch.worst


def _read_lines(descriptor: int, arrived: "SimpleQueue[bytes | None]") -> None:
    for line in split_lines(iter(lambda: os.read(descriptor, CHUNK_BYTES), b"")):
        arrived.put(line)
    arrived.put(None)


def split_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines, the last one also without its end; of one that is too long, just more than is taken."""
    rest = b""
    for chunk in chunks:
        *lines, last = chunk.split(b"\n")
        for line in lines:
            yield rest + line
            rest = b""
        rest = (rest + last)[: LINE_BYTES_MAX + 1]
    if rest:
        yield rest
