"""What one seed does to its world: which faults befall it, and how often (swarm testing).

A world in which everything goes wrong all the time gets nowhere; so each seed draws a few kinds of trouble
and leaves the others out.
"""

from collections.abc import Sequence
from random import Random
from typing import Literal, NamedTuple

Disaster = Literal[
    "none", "truncate", "backup", "replace ledger", "replace input", "trim input", "truncate input"
]

Kind = Literal["flatdhcp", "vlan", "multi_host"]
"""What the networks of a seed are; of multi_host, one is."""

KINDS: tuple[Kind, ...] = ("flatdhcp", "flatdhcp", "flatdhcp", "vlan", "vlan", "multi_host")

LOSSES: tuple[Disaster, ...] = (
    "truncate",
    "truncate",
    "backup",
    "replace ledger",
    "replace input",
    "trim input",
    "truncate input",
)
"""What can happen to the records; the lost tail, which happens most, twice."""

LOSSY_SEEDS = 0.15
"""Share of the seeds in which the log loses records. They take longer: an operator has to come."""


class Plan(NamedTuple):
    """The dice of one seed. Rates are probabilities at each occasion, weights are relative."""

    steps: int = 120
    step_ms: int = 40
    """Longest time that passes with a step."""
    nodes: int = 2
    callers: int = 2
    hosts: int = 2
    window_commands: int = 1000
    mac_values: int = 4
    in_flight_max: int = 8
    skew_ms: int = 0
    """Longest difference of a node's clock from the true time."""
    lost_append: float = 0.0
    silently_lost_append: float = 0.0
    lost_ack: float = 0.0
    repeated_append: float = 0.0
    crash: float = 0.0
    crash_while_appending: float = 0.0
    pause: float = 0.0
    flip: float = 0.0
    jump: float = 0.0
    """How often many seconds pass at once: time limits are met, drained addresses become free."""
    outage: float = 0.0
    """How often the log does not answer somebody."""
    lost_mail: float = 0.0
    repeated_mail: float = 0.0
    poison: float = 0.0
    reader_restart: float = 0.0
    disaster: Disaster = "none"
    disaster_at: int = 0
    """Step of the disaster; a backup is taken at half of it."""
    race: float = 0.0
    """How often all callers want the same thing at once."""
    business: int = 0
    """Rounds in which everybody goes on wanting and reporting things after the faults have stopped."""
    silence: float = 0.0
    """How often a host falls silent, or is heard again."""
    lease_s: int = 30
    """Lease of every host."""
    lease_margin: int = 15
    kind: Kind = "flatdhcp"
    ipv6: bool = False
    auto_floating: bool = False
    quota_fixed_ips: int = -1
    quota_floating_ips: int = 10
    quota_networks: int = 3


def draw_plan(rng: Random) -> Plan:
    """Draw the dice of a seed."""
    disaster: Disaster = rng.choice(LOSSES) if rng.random() < LOSSY_SEEDS else "none"
    steps = rng.randrange(80, 240)
    return Plan(
        steps=steps,
        step_ms=rng.choice((5, 40, 300)),
        nodes=rng.choice((2, 2, 3)),
        window_commands=rng.choice((4, 16, 1000, 1000, 1000)),
        mac_values=rng.choice((4, 8, 1000)),
        in_flight_max=rng.choice((2, 8, 64)),
        skew_ms=rng.choice((0, 0, 4000)),
        lost_append=_rate(rng, 0.2),
        silently_lost_append=_rate(rng, 0.1),
        lost_ack=_rate(rng, 0.15),
        repeated_append=_rate(rng, 0.3),
        crash=_rate(rng, 0.3),
        crash_while_appending=_rate(rng, 0.1),
        pause=_rate(rng, 0.4),
        flip=_rate(rng, 0.8),
        jump=_rate(rng, 0.3),
        outage=_rate(rng, 0.1),
        lost_mail=_rate(rng, 0.2),
        repeated_mail=_rate(rng, 0.6),
        poison=_rate(rng, 0.1),
        reader_restart=_rate(rng, 0.3),
        disaster=disaster,
        disaster_at=rng.randrange(steps // 2, steps),
        race=rng.random() * 0.3,
        business=rng.choice((0, 0, 4, 8)),
        silence=_rate(rng, 0.3),
        lease_s=rng.choice((2, 2, 5, 30)),
        lease_margin=rng.choice((1, 1, 15)),
        kind=rng.choice(KINDS),
        ipv6=rng.random() < 0.3,
        auto_floating=rng.random() < 0.2,
        quota_fixed_ips=rng.choice((-1, -1, 4)),
        quota_floating_ips=rng.choice((10, 10, 1)),
        quota_networks=rng.choice((3, 1)),
    )


def _rate(rng: Random, most: float) -> float:
    """Return 0 for half of the seeds, else a rate up to `most`."""
    return rng.random() * most if rng.random() < 0.5 else 0.0


def weighted(rng: Random, choices: Sequence[tuple[float, str]]) -> str:
    """Draw one of the names by their weights."""
    at = rng.random() * sum(weight for weight, _ in choices)
    for weight, name in choices:
        at -= weight
        if at < 0:
            return name
    return choices[-1][1]
