"""Hosts: registration and what they have applied."""

from typing import Annotated, Literal

from pydantic import Field, Strict

from events.model import Count, Event, Flag, Name, Report
from events.networks import DEFAULT_PHYSICAL_NETWORK

LEASE_S_DEFAULT = 30
LeaseSeconds = Annotated[int, Strict(), Field(ge=2, le=3600)]


class RegisterHost(Report):
    """A host announces itself and the physical networks it reaches. Repeating it changes nothing.

    One that was fenced registers again when it has read so: then it is live again.
    """

    type: Literal["RegisterHost.v1"] = "RegisterHost.v1"
    physical_networks: tuple[Name, ...] = (DEFAULT_PHYSICAL_NETWORK,)
    lease_s: LeaseSeconds = LEASE_S_DEFAULT
    """Seconds after which the host by itself gives up what only one host may do, while it has not reached the
    end of the ledger."""
    network_host: Flag = True
    """Whether it serves networks; false for a host that only computes."""


class ReportApplied(Report):
    """A host has made its kernel agree with the ledger up to a position. Sent at most once a second.

    It is the host's heartbeat too: sent several times within its lease, also when nothing changed.
    """

    type: Literal["ReportApplied.v1"] = "ReportApplied.v1"
    seq: Count
    failures: Count = 0
    """Steps that did not work and will be tried again; the position excludes what they were for."""
    repairs: Count = 0
    """Drift repaired since the agent started."""


class HostRegistered(Event):
    """A host takes part in the cell, or came back after a fence, or is otherwise than before."""

    type: Literal["HostRegistered.v1"] = "HostRegistered.v1"
    host: str
    physical_networks: tuple[str, ...]
    lease_s: int
    network_host: bool
    epoch: int
    """Counts how often it came back after a fence, from 1."""


class HostFenced(Event):
    """A host fell silent. It must give up what only one host may do until it has registered again.

    `until` is about when (RFC 3339) it cannot do any of that any more, whether or not it reads this: then
    what waits for it is freed and its networks may be claimed by others.
    """

    type: Literal["HostFenced.v1"] = "HostFenced.v1"
    host: str
    epoch: int
    until: str


class HostApplied(Event):
    """A host has let go of what was released up to a position: it said so, or its fence has run out.

    Recorded only while addresses wait for it.
    """

    type: Literal["HostApplied.v1"] = "HostApplied.v1"
    host: str
    seq: int
