"""Hosts: registration and what they have applied."""

from typing import Literal

from events.model import Count, Event, Name, Report
from events.networks import DEFAULT_PHYSICAL_NETWORK


class RegisterHost(Report):
    """A host announces itself and the physical networks it reaches. Repeating it changes nothing."""

    type: Literal["RegisterHost.v1"] = "RegisterHost.v1"
    physical_networks: tuple[Name, ...] = (DEFAULT_PHYSICAL_NETWORK,)


class ReportApplied(Report):
    """A host has made its kernel agree with the ledger up to a position. Sent at most once a second."""

    type: Literal["ReportApplied.v1"] = "ReportApplied.v1"
    seq: Count
    failures: Count = 0
    """Steps that did not work and will be tried again; the position excludes what they were for."""
    repairs: Count = 0
    """Drift repaired since the agent started."""


class HostRegistered(Event):
    """A host takes part in the cell, or reaches other physical networks than before."""

    type: Literal["HostRegistered.v1"] = "HostRegistered.v1"
    host: str
    physical_networks: tuple[str, ...]


class HostApplied(Event):
    """A host has let go of what was released up to a position; recorded only while addresses wait for it."""

    type: Literal["HostApplied.v1"] = "HostApplied.v1"
    host: str
    seq: int
