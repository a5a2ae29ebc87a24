"""What projects have and may have, counted from the JSON of events."""

from collections import Counter
from typing import Any

from projections.cell.state import Rules
from tests.simulation.violation import Violation

UNLIMITED = -1

Account = tuple[str, str]
"""A resource and a project."""


class Quotas:
    """Counts, limits, and who got more since the last look."""

    def __init__(self, rules: Rules) -> None:
        """Begin with nothing."""
        self.used: Counter[Account] = Counter()
        self._limits: dict[Account, int] = {}
        self._default = {
            "fixed_ips": rules.quota_fixed_ips,
            "floating_ips": rules.quota_floating_ips,
            "networks": rules.quota_networks if rules.enable_network_quota else UNLIMITED,
        }
        self._grew: dict[Account, None] = {}

    def limit(self, event: dict[str, Any]) -> None:
        """Follow a `QuotaSet`."""
        account = (event["resource"], event["project_id"])
        if event["limit"] is None:
            del self._limits[account]
        else:
            self._limits[account] = event["limit"]

    def count(self, resource: str, project: str | None, more: int) -> None:
        """Count something of a project; nothing of nobody's."""
        if project is None:
            return
        self.used[resource, project] += more
        if more > 0:
            self._grew[resource, project] = None

    def check(self, seq: int) -> None:
        """Look at a whole decision: what a project has already stays, but nobody gets more than he may have.

        Raises:
            Violation: somebody got more.

        """
        for account in self._grew:
            limit = self._limits.get(account, self._default[account[0]])
            if limit != UNLIMITED and self.used[account] > limit:
                raise Violation(f"at seq {seq} {account} is {self.used[account]}, but may be {limit}")
        self._grew.clear()
