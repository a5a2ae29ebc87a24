"""Kernel parameters of one network namespace, through /proc/sys (sysctl(8))."""

from pathlib import Path

from host_agent.errors import from_errno
from host_agent.namespace import Namespace

_ROOT = Path("/proc/sys")


class Sysctl:
    """The parameters of one namespace."""

    def __init__(self, namespace: Namespace) -> None:
        """Read and write inside a namespace."""
        self._namespace = namespace

    def read(self, names: tuple[str, ...]) -> dict[str, str]:
        """Return the values of those parameters that this kernel has."""
        return self._namespace.call(
            lambda: {name: value for name in names if (value := _read(name)) is not None}
        )

    def write(self, name: str, value: str) -> None:
        """Set a parameter.

        Raises:
            NetledgerError: the kernel refused, or does not have it.

        """
        try:
            self._namespace.call(lambda: _path(name).write_text(value))
        except OSError as error:
            raise from_errno(f"setting {name} to {value}", error.errno or 0) from error


def _path(name: str) -> Path:
    return _ROOT / name.replace(".", "/")


def _read(name: str) -> str | None:
    try:
        return _path(name).read_text().strip()
    except OSError:
        return None
