"""When each host was last heard, and how long fences stand: on this process's monotonic clock alone.

Nothing of it is in the ledger. An allocator that begins counts from its own beginning, so that a restart only
delays: nobody is fenced, and nothing taken over, before its time (docs/adr/0021).
"""

from collections.abc import Iterable

from projections.cell.host.fences import NO_SILENCE, Silence, wait_ms
from projections.cell.state import CellState, Rules

LOOK_EVERY_MS = 500
"""How often all hosts are looked at while nothing is due."""


class Liveness:
    """Hears hosts, and tells which have been silent for too long."""

    def __init__(self, rules: Rules, start_ms: int) -> None:
        """Begin to listen; every host counts as heard now."""
        self._rules = rules
        self._start_ms = start_ms
        self._heard: dict[str, int] = {}
        self._since: dict[tuple[str, int], int] = {}
        """When a fence or release was first seen in the ledger, by host or network and its seq."""
        self._look_at_ms = start_ms

    def hear(self, host: str, at_ms: int) -> None:
        """Take notice that a host said something."""
        self._heard[host] = at_ms

    def look(self, state: CellState, read_back: int, at_ms: int) -> Silence:
        """Return what is due; `read_back` is the seq up to which the state is known to be in the ledger.

        What was decided ahead has not been seen by anybody: nothing is counted from it yet.
        """
        if at_ms < self._look_at_ms:
            return NO_SILENCE
        silent = tuple(
            name
            for name, host in state.hosts.items()
            if host.fenced_until is None
            and at_ms - self._heard.get(name, self._start_ms) >= wait_ms(host, self._rules)
        )
        standing = [
            (name, seq, wait_ms(state.hosts[name], self._rules)) for name, seq in state.fenced.items()
        ]
        releases = [
            (network_id, state.hosts[host].giving_up[network_id], wait_ms(state.hosts[host], self._rules))
            for network_id in state.leaving
            if (host := state.networks[network_id].leaving) is not None
        ]
        self._forget({(name, seq) for name, seq, _ in (*standing, *releases)})
        silence = Silence(
            silent, self._due(standing, read_back, at_ms), self._due(releases, read_back, at_ms)
        )
        if silence == NO_SILENCE:
            self._look_at_ms = at_ms + LOOK_EVERY_MS
        return silence

    def _due(self, waiting: Iterable[tuple[str, int, int]], read_back: int, at_ms: int) -> tuple[str, ...]:
        return tuple(
            name
            for name, seq, wait in waiting
            if seq <= read_back and at_ms - self._since.setdefault((name, seq), at_ms) >= wait
        )

    def _forget(self, standing: set[tuple[str, int]]) -> None:
        for key in self._since.keys() - standing:
            del self._since[key]
