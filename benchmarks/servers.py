"""What is compared: the allocator, and the two floors under it, each in a process of its own.

The echo reads a command, appends a record of a decision's size and reads it back. The codec echo also validates the command, encodes a decision of
the real size and decodes it on read-back; it decides nothing, judges nothing and remembers nothing.
"""

from collections import deque
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event as StopFlag
from threading import Event, Thread

from benchmarks.places import Place
from events.log.ownership import AlwaysAssigned
from events.log.port import Log, Message
from events.record import DecisionHead, InputMark, body_digest, decided_value, decode_outcome, encode_decision
from events.catalog import COMMANDS, AnyEvent
from projections.cell.state import Rules
from services.allocator.runner import BATCH_MAX, TICK_S, Allocator, CellTopics

PROTOTYPE_HEAD = DecisionHead(
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


def allocator(place: Place, topics: CellTopics, stop: StopFlag) -> None:
    """Run the real thing."""
    halt = Event()
    with place.open() as log:
        runner = Allocator(log, AlwaysAssigned(), topics, Rules(), claim_pause_ms_max=0)
        Thread(target=lambda: (stop.wait(), halt.set()), daemon=True).start()
        runner.run(halt)


def echo(place: Place, topics: CellTopics, stop: StopFlag, events: tuple[AnyEvent, ...]) -> None:
    """Append a prepared record for every command."""
    value = decided_value(b"{}" + b" " * 380, events)
    record = encode_decision(topics.cell, PROTOTYPE_HEAD, value)
    with place.open() as log:
        _loop(log, topics, stop, lambda _: record, lambda _: None)


def codec_echo(place: Place, topics: CellTopics, stop: StopFlag, events: tuple[AnyEvent, ...]) -> None:
    """Validate every command, encode a decision of the real size for it, decode it on read-back."""

    def answer(raw: bytes) -> Message:
        command = COMMANDS.validate_json(raw)
        head = PROTOTYPE_HEAD._replace(command_id=command.id, body_digest=body_digest(raw), actor=command.actor.user)
        return encode_decision(topics.cell, head, decided_value(raw, events))

    with place.open() as log:
        _loop(log, topics, stop, answer, lambda value: decode_outcome(value))


def _loop(
    log: Log, topics: CellTopics, stop: StopFlag, answer: Callable[[bytes], Message], read_back: Callable[[bytes], object]
) -> None:
    """Do the allocator's I/O, in the allocator's way, around functions that decide nothing."""
    inputs = log.follow({topics.commands: log.bounds(topics.commands).end})
    ledger = log.follow({topics.ledger: log.bounds(topics.ledger).end})
    appender = log.appender(topics.ledger)
    in_flight: deque[Message] = deque()
    while not stop.is_set():
        records = inputs.poll(BATCH_MAX, 0.0 if in_flight else TICK_S)
        answers = [answer(record.value) for record in records]
        if answers:
            appender.append(answers)
            in_flight.extend(answers)
        for record in ledger.poll(BATCH_MAX, TICK_S if in_flight else 0.0):
            if (record.headers, record.value) == in_flight[0]:
                in_flight.popleft()
                read_back(record.value)
        appender.outcomes()
    for part in (inputs, ledger, appender):
        part.close()


def start(target: Callable[..., None], *arguments: object) -> tuple[BaseProcess, StopFlag]:
    """Start one of the above in a process of its own; set the flag to end it."""
    context = get_context("spawn")
    stop = context.Event()
    place, topics, *more = arguments
    process = context.Process(target=target, args=(place, topics, stop, *more), daemon=True)
    process.start()
    return process, stop
