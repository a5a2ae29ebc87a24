"""Running a role for long: starting with bounded patience, going on through outages, saying how it is."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic
from typing import Protocol

import structlog

from events.errors import (
    InvariantBroken,
    LedgerAlarm,
    LogUnavailable,
    NetledgerError,
    OffsetOutOfRange,
    UnknownSchema,
)
from projections.ipam.errors import IpamOtherLedger, IpamOutdated, IpamUnavailable
from services.roles.health import Health, Heart
from services.settings import Settings

PAUSE_FIRST_S = 0.5
PAUSE_MAX_S = 30.0
"""Longest pause between two attempts while something around the role is broken."""

OUTAGES = (LogUnavailable, OffsetOutOfRange, IpamUnavailable)
"""What may mend itself."""

ALARMS = (LedgerAlarm, InvariantBroken, UnknownSchema, IpamOtherLedger, IpamOutdated)
"""What only an operator can mend: the role stays, does nothing, and says why."""

log = structlog.get_logger("role")


class Role(Protocol):
    """One of the programs that make up a cell."""

    @property
    def name(self) -> str:
        """Name under which its health is found: `allocator`, `projector`, `agent-HOST`."""

    def run(self, stop: Event) -> None:
        """Work until `stop` is set. May be called again after it has raised.

        Raises:
            NetledgerError: it cannot go on.

        """

    def health(self) -> Health:
        """Say how it is; called from other threads at any time."""


class Watched:
    """A role together with what went wrong with it last."""

    def __init__(self, role: Role) -> None:
        """Watch a role that has not run yet."""
        self.role = role
        self.was_ready = False
        self.problem: NetledgerError | None = None

    def health(self) -> Health:
        """Say how the role is, or why it does not run."""
        if self.problem is not None:
            phase = "alarm" if isinstance(self.problem, ALARMS) else "waiting"
            return Health(ready=False, phase=phase, problem=f"{self.problem.code}: {self.problem}")
        health = self.role.health()
        self.was_ready = self.was_ready or health.ready
        return health


def run_role(role: Role, settings: Settings, stop: Event, mend: Callable[[], None] = lambda: None) -> None:
    """Run a role until `stop` is set, whatever happens around it.

    At start, an outage is waited for `start_timeout` seconds; what is no outage and no alarm ends the role.
    Once it was ready, the role keeps trying for ever and says so. `mend` is called before each attempt.

    Raises:
        NetledgerError: it could not start; the text says what to mend.

    """
    watched = Watched(role)
    listen = (settings.http_host, settings.http_port)
    structlog.contextvars.bind_contextvars(cell=settings.cell)
    with Heart(role.name, settings.cell, settings.run_directory, watched.health, listen):
        log.info("started", pid=os.getpid(), data=str(settings.data))
        give_up_at = monotonic() + settings.start_timeout
        pause_s = PAUSE_FIRST_S
        while not stop.is_set():
            began = monotonic()
            watched.problem = None
            try:
                mend()
                role.run(stop)
            except NetledgerError as error:
                watched.health()
                watched.problem = error
                if not watched.was_ready:
                    _end_if_hopeless(error, give_up_at)
                if monotonic() - began > PAUSE_MAX_S:
                    pause_s = PAUSE_FIRST_S
                tell = log.critical if isinstance(error, ALARMS) else log.warning
                tell("stopped; trying again", code=error.code, error=str(error), pause_s=pause_s)
                stop.wait(pause_s)
                pause_s = min(2 * pause_s, PAUSE_MAX_S)
        log.info("stopped")


def _end_if_hopeless(error: NetledgerError, give_up_at: float) -> None:
    """Raise what a role could not start for, unless waiting may help."""
    if isinstance(error, ALARMS):
        return
    if not isinstance(error, OUTAGES) or monotonic() >= give_up_at:
        raise error


@contextmanager
def stop_signals(*, with_parent: bool = False) -> Iterator[Event]:
    """Give an event that SIGINT and SIGTERM set, for the time of the block; in the main thread only.

    Args:
        with_parent: Also set it when standard input ends: `netledger up` holds the other end.

    """
    stop = Event()
    former = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    if with_parent:
        Thread(target=_watch_parent, args=(stop,), name="parent", daemon=True).start()
    try:
        yield stop
    finally:
        for one, handler in former.items():
            signal.signal(one, handler)


def _watch_parent(stop: Event) -> None:
    while os.read(sys.stdin.fileno(), 1):  # unbuffered: nobody waits for this thread at the end
        pass
    stop.set()
