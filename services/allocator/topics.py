"""Where a cell's records are."""

from events.log.port import TopicPartition
from services.allocator.inputs import InputName

INPUTS: tuple[InputName, ...] = ("commands", "reports")


class CellTopics:
    """One partition of each topic of a cell, named by us."""

    def __init__(self, cell: str, partition: int = 0, prefix: str = "netledger") -> None:
        """Name the topics `<prefix>.ledger`, `<prefix>.commands`, `<prefix>.reports`."""
        self.cell = cell
        self.ledger = TopicPartition(f"{prefix}.ledger", partition)
        self.commands = TopicPartition(f"{prefix}.commands", partition)
        self.reports = TopicPartition(f"{prefix}.reports", partition)

    def input(self, name: InputName) -> TopicPartition:
        """Return the partition of an input."""
        return self.commands if name == "commands" else self.reports
