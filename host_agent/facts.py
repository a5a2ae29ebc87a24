"""Lease facts that dnsmasq's script wrote down, read once each, also after a time without an agent.

The script appends lines to a file and never waits. The agent remembers in a second file how far it has
read, and moves a long file aside when all of it is read and dnsmasq is not running. The file moved aside is
read to its end until the next one takes its place, for the sake of a script that had opened it before.
"""

from dataclasses import dataclass
from pathlib import Path

from host_agent import files
from projections.host_dhcp import FACTS

_OLD = f"{FACTS}.old"
_READ = f"{FACTS}.read"
_ROTATE_BYTES = 1 << 16
_WORDS = 3
_FILES = 2


@dataclass(frozen=True, slots=True)
class LeaseFact:
    """A guest took an address by DHCP (`leased`), or its lease ended."""

    network_id: str
    address: str
    mac: str
    leased: bool


@dataclass(frozen=True, slots=True)
class Unread:
    """Facts in the order of their happening, and how far they were read in both files."""

    facts: tuple[LeaseFact, ...]
    old: int
    current: int


class FactsFile:
    """The lease facts of one network."""

    def __init__(self, directory: Path) -> None:
        """Open the directory of a DHCP service."""
        self._directory = directory
        self._network_id = directory.name
        words = files.text_of(directory / _READ).split()
        self._position = (int(words[0]), int(words[1])) if len(words) == _FILES else (0, 0)

    def unread(self) -> Unread:
        """Return what was not marked as read; a line that is still being written waits."""
        old, current = self._position
        aside, here = _tail(self._directory / _OLD, old), _tail(self._directory / FACTS, current)
        lines = (aside + here).decode(errors="replace").splitlines()
        facts = tuple(fact for fact in map(self._parsed, lines) if fact is not None)
        return Unread(facts, old + len(aside), current + len(here))

    def mark_read(self, unread: Unread) -> None:
        """Remember that these facts are dealt with.

        Raises:
            HostError: the directory cannot be written.

        """
        if (unread.old, unread.current) != self._position:
            self._remember(unread.old, unread.current)

    def rotate(self) -> None:
        """Move a long file aside if all of it is read. Only while dnsmasq is not running.

        Raises:
            HostError: the directory cannot be written.

        """
        _, current = self._position
        path = self._directory / FACTS
        if current >= _ROTATE_BYTES and not _tail(path, current):
            path.replace(self._directory / _OLD)
            self._remember(current, 0)

    def _remember(self, old: int, current: int) -> None:
        files.write(self._directory / _READ, f"{old} {current}\n")
        self._position = (old, current)

    def _parsed(self, line: str) -> LeaseFact | None:
        words = line.split(" ")
        if len(words) != _WORDS or words[0] not in {"add", "del"}:
            return None
        return LeaseFact(self._network_id, address=words[2], mac=words[1], leased=words[0] == "add")


def _tail(path: Path, start: int) -> bytes:
    """Return the complete lines of a file from a position on."""
    try:
        if path.stat().st_size <= start:
            return b""
        with path.open("rb") as source:
            source.seek(start)
            return b"".join(line for line in source if line.endswith(b"\n"))
    except OSError:
        return b""
