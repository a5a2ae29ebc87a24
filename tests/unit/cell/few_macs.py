"""Very few MACs, so that they collide all the time: what the cell draws and what the model does."""

from events.ids import CommandDraws
from projections.cell.instance.macs import MAC_PREFIX


class FewMacs(CommandDraws):
    """Draws among very few MACs, so that they collide all the time."""

    def __init__(self, command_id: str) -> None:
        """Draw for a command."""
        super().__init__(command_id)
        self._command_id = command_id

    def mac_suffix(self, index: int, attempt: int) -> int:
        """Return one of ten."""
        return draw_mac(self._command_id, index, attempt) & 0xFFFFFF


def draw_mac(command_id: str, index: int, attempt: int) -> int:
    """Return a MAC drawn for the model."""
    return MAC_PREFIX << 24 | (int(command_id[-6:], 16) * 7 + index * 3 + attempt * 5) % 10


def mac_text(number: int) -> str:
    """Return one of the MACs that are drawn."""
    return f"fa:16:3e:00:00:{number:02x}"
