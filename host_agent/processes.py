"""Processes that outlive the agent: told apart by their command line, watched and ended by pidfd_open(2)."""

import os
import select
import signal
from pathlib import Path

_PROC = Path("/proc")
_TERM_MS = 2000
_KILL_MS = 2000


def command_line(pid: int) -> tuple[str, ...]:
    """Return the arguments of a process; none if it is gone, or dead and not yet waited for."""
    try:
        raw = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(raw.decode(errors="replace").rstrip("\0").split("\0")) if raw else ()


def environment(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with; empty if it is gone or another user's."""
    try:
        raw = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition("=") for entry in raw.decode(errors="replace").split("\0"))
    return {name: value for name, _, value in pairs}


def network_namespace(pid: int) -> int:
    """Return the number of a process's network namespace; 0 if it is gone."""
    try:
        return (_PROC / str(pid) / "ns" / "net").stat().st_ino
    except OSError:
        return 0


def with_argument(argument: str) -> tuple[int, ...]:
    """Return the processes that were started with an argument, in order of their ids."""
    pids = sorted(int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return tuple(pid for pid in pids if argument in command_line(pid))


def end(pid: int, argument: str) -> bool:
    """End a process, if it was started with an argument; tells whether it is gone.

    The pidfd is taken before the argument is looked at, so a process that got the same id later is never hit.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if argument not in command_line(pid):
            return True
        for number, patience_ms in ((signal.SIGTERM, _TERM_MS), (signal.SIGKILL, _KILL_MS)):
            try:
                signal.pidfd_send_signal(handle, number)
            except ProcessLookupError:
                return True
            if _ended(handle, patience_ms):
                return True
    finally:
        os.close(handle)
    return False


def _ended(handle: int, timeout_ms: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(timeout_ms))


class Watch:
    """Notices when one of several processes ends."""

    def __init__(self) -> None:
        """Watch nothing."""
        self._handles: dict[int, int] = {}
        self._poll = select.poll()

    def follow(self, pids: frozenset[int]) -> None:
        """Watch just these from now on; one that is gone already is noticed by whoever looks for it."""
        for pid in self._handles.keys() - pids:
            self._forget(pid)
        for pid in pids - self._handles.keys():
            try:
                handle = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            self._handles[pid] = handle
            self._poll.register(handle, select.POLLIN)

    def ended(self) -> bool:
        """Tell whether one of them has ended since it was followed; it is not watched any longer."""
        gone = {handle for handle, _ in self._poll.poll(0)}
        for pid in [pid for pid, handle in self._handles.items() if handle in gone]:
            self._forget(pid)
        return bool(gone)

    def close(self) -> None:
        """Watch nothing any more."""
        self.follow(frozenset())

    def _forget(self, pid: int) -> None:
        handle = self._handles.pop(pid)
        self._poll.unregister(handle)
        os.close(handle)
