"""Sending commands and finding the decisions on them: one appender and one reader for a whole process.

The answer to a command is a record of the ledger that every reader judges valid (design section 3). It is
found by command id and body digest, in the headers alone; only the answer itself is decoded.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic

import structlog

from events.errors import (
    AppenderClosed,
    LogError,
    LogUnavailable,
    NetledgerError,
    OffsetOutOfRange,
    OutcomeUnknown,
)
from events.ledger.follow import Decided, LedgerReader
from events.log.port import Appender, Log, Message, TopicPartition
from events.record import body_digest

POLL_S = 0.2
"""How long the reader waits for records before it looks after the appender."""

TRY_AGAIN_S = 0.5
_PAGE = 1000

log = structlog.get_logger("client")


@dataclass(eq=False)
class Ticket:
    """A command that was sent, and the promise of its answer. Resolved by a thread of `Answers`."""

    command_id: str
    raw: bytes
    digest: str
    future: "Future[Decided]" = field(default_factory=Future)
    sent_at: float = field(default_factory=monotonic)

    def decision(self, timeout_s: float) -> Decided:
        """Return the decision on the command, when it has been read back as valid.

        Args:
            timeout_s: How long to wait, from when the command was sent.

        Raises:
            OutcomeUnknown: it was not there in time; repeating the command with the same id is safe.
            NetledgerError: the ledger cannot be read as it is.

        """
        left = max(0.0, self.sent_at + timeout_s - monotonic())
        try:
            return self.future.result(left)
        except (FutureTimeoutError, CancelledError):
            raise OutcomeUnknown(
                self.command_id,
                f"The ledger has not shown a decision on command {self.command_id} in {timeout_s:g} s. It may"
                " still be decided. Is an allocator running (`netledger status`)? Repeating the command with "
                f"`--id {self.command_id}` is safe: it is decided once.",
            ) from None


class Answers:
    """Sends commands and resolves their tickets. Safe for use by several threads."""

    def __init__(
        self, log_port: Log, commands: TopicPartition, open_reader: Callable[[], LedgerReader]
    ) -> None:
        """Prepare; nothing is opened before the first command.

        Args:
            log_port: Carries commands and ledger.
            commands: Where the cell's commands go.
            open_reader: Opens the ledger at a place that is not behind what was decided before now.

        """
        self._log = log_port
        self._commands = commands
        self._open_reader = open_reader
        self._lock = Lock()
        self._appender: Appender | None = None
        self._waiting: dict[str, Ticket] = {}
        """By body digest, in order of sending."""
        self._stop = Event()
        self._thread: Thread | None = None

    def send(self, command_id: str, raw: bytes) -> Ticket:
        """Append a command and return a ticket for its answer.

        Raises:
            LogError: it could not be sent, and certainly was not.
            NetledgerError: the ledger cannot be read as it is; nothing was sent.

        """
        return self.send_many([(command_id, raw)])[0]

    def send_many(self, commands: Sequence[tuple[str, bytes]]) -> list[Ticket]:
        """Append several commands in their order, without waiting for each other's answers.

        Raises:
            LogError: none of them was sent.
            NetledgerError: the ledger cannot be read as it is; nothing was sent.

        """
        made = [Ticket(command_id, raw, body_digest(raw)) for command_id, raw in commands]
        with self._lock:
            self._follow()
            appender = self._open_appender()
            tickets = [self._waiting.setdefault(ticket.digest, ticket) for ticket in made]
            new = [ticket for ticket, mine in zip(made, tickets, strict=True) if ticket is mine]
            try:
                appender.append([Message((), ticket.raw) for ticket in new])
            except AppenderClosed:
                self._resend()
            except LogError:
                for ticket in new:
                    self.forget(ticket)
                raise
        return tickets

    def forget(self, ticket: Ticket) -> None:
        """Stop waiting for an answer."""
        self._waiting.pop(ticket.digest, None)

    def close(self) -> None:
        """Stop. Tickets that are not resolved have an unknown outcome. Safe to call twice."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            for ticket in list(self._waiting.values()):
                ticket.future.cancel()
            self._waiting.clear()
            self._close_appender()

    # --- Sending --------------------------------------------------------------------------------------------

    def _open_appender(self) -> Appender:
        if self._appender is None:
            self._appender = self._log.appender(self._commands)
        return self._appender

    def _close_appender(self) -> None:
        if self._appender is not None:
            self._appender.close()
            self._appender = None

    def _look_after_appender(self) -> None:
        """Send again what an appender lost: the same bytes are decided once."""
        with self._lock:
            if self._appender is None:
                if self._waiting:
                    self._resend()
                return
            failure = next((o.error for o in self._appender.outcomes() if o.error is not None), None)
            if failure is not None:
                log.warning("commands may not have arrived; sending them again", error=str(failure))
                self._resend()

    def _resend(self) -> None:
        """Open a new appender and send all that waits for an answer, in the old order."""
        self._close_appender()
        try:
            appender = self._open_appender()
            appender.append([Message((), ticket.raw) for ticket in list(self._waiting.values())])
        except LogError as error:
            log.warning("commands cannot be sent now; trying again", error=str(error))
            self._close_appender()

    # --- Reading back ---------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Make sure that the ledger is being read, from before the commands that will be sent."""
        if self._thread is not None and self._thread.is_alive():
            return
        reader = self._open_reader()
        self._thread = Thread(target=self._read, args=(reader,), name="answers", daemon=True)
        self._thread.start()

    def _read(self, reader: LedgerReader) -> None:
        with reader:
            while not self._stop.is_set():
                try:
                    for decided in reader.poll(_PAGE, POLL_S):
                        self._resolve(decided)
                    self._look_after_appender()
                except (LogUnavailable, OffsetOutOfRange) as error:
                    log.warning("the ledger cannot be read now; trying again", error=str(error))
                    self._stop.wait(TRY_AGAIN_S)
                except NetledgerError as error:
                    self._fail(error)
                    return

    def _resolve(self, decided: Decided) -> None:
        head = decided.head
        ticket = self._waiting.get(head.body_digest or "")
        if ticket is None or head.command_id not in {None, ticket.command_id}:
            return
        self.forget(ticket)
        if ticket.future.set_running_or_notify_cancel():
            ticket.future.set_result(decided)

    def _fail(self, error: NetledgerError) -> None:
        """Let every caller know why no answer will come; the next command opens the ledger anew."""
        with self._lock:
            waiting = list(self._waiting.values())
            self._waiting.clear()
            self._thread = None
        for ticket in waiting:
            if ticket.future.set_running_or_notify_cancel():
                ticket.future.set_exception(error)
