"""What is compared: the allocator, and the two floors under it, each in a process of its own.

The echo reads a command, appends a record of a decision's size and reads it back. The codec echo also
validates the command, encodes a decision of the real size and, on read-back, decodes it, headers and value;
it decides nothing, judges nothing and remembers nothing. All three do the allocator's I/O in its way.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from math import nan
from multiprocessing import get_context
from multiprocessing.connection import Connection
from os import sysconf
from pathlib import Path
from threading import Event, Thread

from benchmarks.places import Place
from benchmarks.workload import spawn, spawned_events
from events.catalog import COMMANDS
from events.log.ownership import AlwaysAssigned
from events.log.port import Log, LogRecord, Message
from events.record import (
    DecisionHead,
    InputMark,
    body_digest,
    decided_value,
    decode_head,
    decode_outcome,
    encode_decision,
)
from projections.cell.state import Rules
from services import logs
from services.allocator.engine import IN_FLIGHT_MAX
from services.allocator.garbage import look_at_young_only
from services.allocator.runner import BATCH_MAX, TICK_S, Allocator
from services.allocator.topics import CellTopics
from services.roles.projecting import Projector

Server = Callable[[Place, CellTopics, Connection], None]

END_S = 10.0
"""How long a server may take to end."""

A_HEAD = DecisionHead(
    type="netledger.decided.SpawnInstance.v1",
    subject="0195f3c0-7a2b-7c3d-9e4f-0123456789ab",
    time_ms=1_800_000_000_000,
    term=1,
    owner="0195f3c0-7a2b-4c3d-9e4f-0123456789ab",
    seq=1,
    previous="0" * 64,
    inputs=(
        InputMark("commands", "0195f3c0-7a2b-4c3d-9e4f-0123456789ab", 1, "0" * 32),
        InputMark("reports", "0195f3c0-7a2b-4c3d-9e4f-0123456789ab", -1, ""),
    ),
    command_id="0195f3c0-7a2b-7c3d-9e4f-0123456789ab",
    body_digest="0" * 32,
    correlation_id=None,
    actor="benchmark",
)


def a_record() -> Message:
    """Return a record as the decision of a two-NIC spawn is: its size counts, and how well it compresses."""
    return encode_decision("bench", A_HEAD, decided_value(spawn(1).value, spawned_events()))


def allocator(place: Place, topics: CellTopics, stop: Connection) -> None:
    """Run the real thing."""
    logs.configure("json", "warning")
    look_at_young_only()
    with place.open() as log:
        Allocator(log, AlwaysAssigned(), topics, Rules(), claim_pause_ms_max=0).run(_ended(stop))


def projector(place: Place, topics: CellTopics, stop: Connection) -> None:
    """Run the projector of a cell, on the database that is also the log."""
    logs.configure("json", "warning")
    with place.open() as log:
        Projector(log, topics, place.address).run(_ended(stop))


def echo(place: Place, topics: CellTopics, stop: Connection) -> None:
    """Append a prepared record for every command."""
    record = a_record()
    with place.open() as log:
        _loop(log, topics, _ended(stop), lambda _: record, lambda _: None)


def codec_echo(place: Place, topics: CellTopics, stop: Connection) -> None:
    """Validate every command, encode a decision of the real size for it, decode it on read-back."""
    events = spawned_events()

    def answer(raw: bytes) -> Message:
        command = COMMANDS.validator.validate_json(raw)
        head = A_HEAD._replace(command_id=command.id, body_digest=body_digest(raw), actor=command.actor.user)
        return encode_decision(topics.cell, head, decided_value(raw, events))

    def read_back(record: LogRecord) -> None:
        decode_head(topics.cell, record.headers)
        decode_outcome(record.value)

    look_at_young_only()
    with place.open() as log:
        _loop(log, topics, _ended(stop), answer, read_back)


def _loop(
    log: Log,
    topics: CellTopics,
    stop: Event,
    answer: Callable[[bytes], Message],
    read_back: Callable[[LogRecord], None],
) -> None:
    """Do the allocator's I/O, with its bounds, around functions that decide nothing."""
    with ExitStack() as stack:
        inputs = log.follow({topics.commands: 0, topics.reports: 0})
        ledger = log.follow({topics.ledger: 0})
        appender = log.appender(topics.ledger)
        for part in (inputs, ledger, appender):
            stack.callback(part.close)
        in_flight: deque[Message] = deque()
        while not stop.is_set():
            room = min(IN_FLIGHT_MAX - len(in_flight), BATCH_MAX)
            more = False
            if room:
                records = inputs.poll(room, 0.0 if in_flight else TICK_S)
                more = len(records) == room
                answers = [answer(record.value) for record in records]
                if answers:
                    appender.append(answers)
                    in_flight.extend(answers)
                appender.outcomes()
            for record in ledger.poll(BATCH_MAX, TICK_S if in_flight and not more else 0.0):
                if (record.headers, record.value) != in_flight.popleft():
                    raise AssertionError(f"another record than ours at {record.offset}")
                read_back(record)


def _ended(stop: Connection) -> Event:
    """Return an event that is set when the other end of a pipe is closed, also because its process died."""
    halt = Event()

    def watch() -> None:
        with suppress(EOFError, OSError):
            stop.recv()
        halt.set()

    Thread(target=watch, daemon=True).start()
    return halt


@contextmanager
def running(server: Server, place: Place, topics: CellTopics) -> Iterator[int]:
    """Run one of the above in a process of its own, and return its process id."""
    context = get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    process = context.Process(target=server, args=(place, topics, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield process.pid or 0
    finally:
        ours.close()
        process.join(END_S)
        if process.is_alive():
            process.kill()


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used so far (proc_pid_stat(5)); NaN where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return nan
    user, system = fields[11:13]
    return (int(user) + int(system)) / sysconf("SC_CLK_TCK")
