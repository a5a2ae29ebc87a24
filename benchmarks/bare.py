"""A cell's state alone: decide and apply in this process, no codec, engine or log around them."""

from pathlib import Path

from pydantic_core import to_json

from benchmarks.workload import OPERATOR
from events.catalog import COMMANDS, AnyCommand
from events.ids import CommandDraws, uuid7
from events.log.port import Message
from events.model import Event
from events.record import decided_value, decode_outcome
from events.refusals import Refusal
from projections.cell.apply import apply_decision
from projections.cell.decide import decide_command
from projections.cell.state import CellState, Rules
from services.allocator.runner import now_ms

PAGE_BYTES = 4096
NETWORKS_AT_ONCE = 1_000
MAC_ATTEMPTS = 20
"""Among a million MACs of sixteen, five attempts in a row may all be in use: once in a million spawns."""


class Bare:
    """A state, and what is decided in it, a thousand commands a second; every one must be granted."""

    def __init__(self, rules: Rules | None = None) -> None:
        """Begin empty."""
        self.state = CellState(window_commands=1_000)
        self._rules = rules or Rules(create_unique_mac_address_attempts=MAC_ATTEMPTS)
        self._now_ms = now_ms()

    def decide(self, command: AnyCommand) -> None:
        """Decide on a command, and apply the decision."""
        self._apply(self._decided(command))

    def decide_and_read_back(self, command: AnyCommand) -> None:
        """Decide, and apply what is read back: every record brings its own copies of texts."""
        self._apply(decode_outcome(decided_value(None, self._decided(command))).events)

    def _decided(self, command: AnyCommand) -> tuple[Event, ...]:
        draws = CommandDraws(command.id)
        decision = decide_command(self.state, command, self._rules, draws, self._now_ms)
        if isinstance(decision, Refusal):
            raise TypeError(f"{decision.code}: {decision.message}")
        return decision

    def _apply(self, events: tuple[Event, ...]) -> None:
        self._now_ms += 1
        apply_decision(self.state, self.state.seq + 1, self._now_ms, None, events)

    def create_networks(self, number: int) -> list[str]:
        """Create that many /24 networks in 10.0.0.0/8, and return their ids."""
        for first in range(0, number, NETWORKS_AT_ONCE):
            command = {
                "type": "CreateNetworks.v1",
                "id": uuid7(now_ms()),
                "actor": OPERATOR,
                "kind": "flatdhcp",
                "label": f"bench-{first}",
                "cidr": "10.0.0.0/8",
                "num_networks": min(NETWORKS_AT_ONCE, number - first),
                "network_size": 256,
            }
            self.decide(COMMANDS.validate_json(to_json(command)))
        return list(self.state.networks)


def read(message: Message) -> AnyCommand:
    """Return a command as it is read from its topic."""
    return COMMANDS.validate_json(message.value)


def resident_bytes() -> int:
    """Return how much memory this process has (`/proc/self/statm`, proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES
