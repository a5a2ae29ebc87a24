"""Which host serves which network, read from the JSON of events: one at a time, and never before it may."""

from dataclasses import dataclass
from typing import Any

from tests.simulation.violation import Violation

Event = dict[str, Any]


@dataclass
class _Ownership:
    epoch: int = 0
    owner: str | None = None
    leaving: str | None = None
    """Host that lost it by hand and may serve it still."""
    since: int = 0
    """Seq of that."""


class Owners:
    """Hosts that take part, and the networks they own."""

    def __init__(self) -> None:
        """Begin without hosts and networks."""
        self.networks: dict[str, _Ownership] = {}
        self.epochs: dict[str, int] = {}
        """Of registered hosts."""
        self.fenced: set[str] = set()

    def take(self, seq: int, event: Event, cause: Event | None) -> None:
        """Follow one event of the decision on `cause`, None for a timer's.

        Raises:
            Violation: a network has two owners, or gets one before the last one has let go.

        """
        match event["type"]:
            case "HostRegistered.v1":
                self._registered(seq, event)
            case "HostFenced.v1":
                if event["host"] in self.fenced or self.epochs.get(event["host"]) != event["epoch"]:
                    raise Violation(f"at seq {seq} {event['host']} is fenced, which it was, or is unknown")
                self.fenced.add(event["host"])
            case "NetworkCreated.v1":
                self.networks[event["network_id"]] = _Ownership()
            case "NetworkDeleted.v1":
                del self.networks[event["network_id"]]
            case "NetworkClaimed.v1" | "NetworkHostAssigned.v1":
                self._owned(seq, event)
            case "NetworkHostReleased.v1":
                self._released(seq, event)
            case "NetworkHostLetGo.v1":
                self._let_go(seq, event, cause)
            case _:
                pass

    def _registered(self, seq: int, event: Event) -> None:
        host = event["host"]
        epoch = self.epochs.get(host, 1) + (host in self.fenced)
        if event["epoch"] != epoch:
            raise Violation(f"at seq {seq} host {host} is back in epoch {event['epoch']}, not {epoch}")
        self.epochs[host] = epoch
        self.fenced.discard(host)

    def _owned(self, seq: int, event: Event) -> None:
        network, host = self.networks[event["network_id"]], event["host"]
        if network.owner is not None or network.leaving not in {None, host}:
            raise Violation(f"at seq {seq} {host} gets a network of {network.owner or network.leaving}")
        if host not in self.epochs or host in self.fenced:
            raise Violation(f"at seq {seq} {host} gets a network, but it is fenced or unknown")
        if event["epoch"] != network.epoch + 1:
            raise Violation(f"at seq {seq} epoch {event['epoch']} of a network follows {network.epoch}")
        network.owner, network.leaving, network.epoch = host, None, event["epoch"]

    def _released(self, seq: int, event: Event) -> None:
        network, host, reason = self.networks[event["network_id"]], event["host"], event["reason"]
        if host not in {network.owner, network.leaving}:
            raise Violation(f"at seq {seq} {host} loses a network that it does not own")
        if reason == "fenced" and host not in self.fenced:
            raise Violation(f"at seq {seq} {host} loses a network by a fence, but is not fenced")
        if reason == "fenced":
            network.owner = None
        elif network.owner is not None:
            network.owner, network.leaving, network.since = None, host, seq

    def _let_go(self, seq: int, event: Event, cause: Event | None) -> None:
        network, host = self.networks[event["network_id"]], event["host"]
        if network.leaving != host:
            raise Violation(f"at seq {seq} {host} lets go of a network that it was not asked for")
        if event["reason"] == "applied" and reported(cause, host) < network.since:
            raise Violation(f"at seq {seq} {host} is said to have let go, but did not say so")
        if event["reason"] == "timeout" and cause is not None:
            raise Violation(f"at seq {seq} {host} is waited for no longer, but no time passed")
        network.leaving = None


def reported(cause: Event | None, host: str) -> int:
    """Return how far a host says that it has applied the ledger; -1 if it does not say."""
    says = cause is not None and cause["type"] == "ReportApplied.v1" and cause["host"] == host
    return int(cause["seq"]) if cause is not None and says else -1
