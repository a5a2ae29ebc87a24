"""Doing things in a network namespace without a fork: a thread of its own enters it, does them and ends.

Sockets stay in the namespace in which they were made, programs in that of the thread that started them, and
/proc/sys/net shows the namespace of the thread that opens it (namespaces(7), setns(2)).
"""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import TypeVar

from events.errors import BrokenEnvironment

_CLONE_NEWNET = 0x40000000
_NAMED = Path("/run/netns")
_OWN = Path("/proc/thread-self/ns/net")

T = TypeVar("T")

_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace: by name as `ip netns` makes them, by path, or the current one (None)."""

    def __init__(self, name: str | None) -> None:
        """Remember the name; the namespace is entered anew at each call."""
        self.name = name
        self._path = _OWN if name is None else Path(name) if "/" in name else _NAMED / name

    def identity(self) -> int:
        """Return the number of the namespace (inode of nsfs); another one of the same name has another.

        Raises:
            BrokenEnvironment: there is no such namespace.

        """
        try:
            return self._path.stat().st_ino
        except OSError as error:
            raise self._missing(error) from error

    def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns when it runs inside.

        Raises:
            BrokenEnvironment: there is no such namespace, or this process may not enter it.

        """
        if self.name is None:
            return function()
        results: list[T] = []
        errors: list[BaseException] = []

        def inside() -> None:
            try:
                self._enter()
                results.append(function())
            except BaseException as error:  # noqa: BLE001 - carried over to the caller's thread, whatever it is
                errors.append(error)

        thread = Thread(target=inside, name=f"in {self.name}")
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def _enter(self) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise self._missing(error) from error
        try:
            if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
                raise BrokenEnvironment(
                    f"network namespace {self.name} cannot be entered: {os.strerror(ctypes.get_errno())}. "
                    "Entering one needs root (CAP_SYS_ADMIN)."
                )
        finally:
            os.close(descriptor)

    def _missing(self, error: OSError) -> BrokenEnvironment:
        return BrokenEnvironment(
            f"network namespace {self.name} cannot be opened: {error.strerror}. "
            f"Make it with `ip netns add {self.name}`."
        )
