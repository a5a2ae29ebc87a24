"""Figures with their spread, as a table for people and as JSON for programs."""

import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from os import cpu_count
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

from pydantic_core import to_json
from rich.console import Console
from rich.table import Table

QUICK_NOTE = "A --quick run shows that the benchmarks work; its figures mean little."


class Goal(NamedTuple):
    """What a ratio is to reach."""

    least: bool
    value: float

    def is_met(self, ratio: float) -> bool:
        """Tell whether a ratio reaches it."""
        return ratio >= self.value if self.least else ratio <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.value:g}"


def at_least(value: float) -> Goal:
    """Return the goal that a ratio is at least this."""
    return Goal(least=True, value=value)


def at_most(value: float) -> Goal:
    """Return the goal that a ratio is at most this."""
    return Goal(least=False, value=value)


class Spread(NamedTuple):
    """Smallest, middle and largest of several rounds."""

    least: float
    middle: float
    most: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """Return the spread of samples."""
        return cls(min(samples), median(samples), max(samples))


class Figure(NamedTuple):
    """A measurement, and its ratio to a floor that was measured in the same rounds."""

    group: str
    """What it belongs to: a log, or the part that was measured by itself."""
    name: str
    unit: Literal["1/s", "ms", "us", "s", "B", "MB", ""]
    samples: tuple[float, ...]
    floor: str = ""
    """Name of what it is compared with."""
    ratios: tuple[float, ...] = ()
    """This divided by the floor, round by round."""
    goal: Goal | None = None

    @property
    def met(self) -> bool | None:
        """Whether the middle ratio reaches the goal; None without one."""
        return None if self.goal is None else self.goal.is_met(median(self.ratios))


def against(figure: Figure, floor: Figure, goal: Goal | None = None) -> Figure:
    """Return a figure with its ratios to another one, round by round."""
    pairs = zip(figure.samples, floor.samples, strict=True)
    return figure._replace(floor=floor.name, ratios=tuple(a / b for a, b in pairs), goal=goal)


def table(figures: Sequence[Figure]) -> Table:
    """Return the figures for a terminal."""
    shown = Table(title="min / middle / max of the rounds", title_justify="left")
    for title, justify in (("where", "left"), ("what", "left"), ("figure", "right"), ("ratio", "right")):
        shown.add_column(title, justify="right" if justify == "right" else "left")
    shown.add_column("of")
    shown.add_column("goal")
    last = ""
    for figure in figures:
        if last and figure.group != last:
            shown.add_section()
        ratio = _three(Spread.of(figure.ratios), "") if figure.ratios else ""
        verdict = "" if figure.goal is None else f"{figure.goal} {'met' if figure.met else 'NOT MET'}"
        spread = _three(Spread.of(figure.samples), f" {figure.unit}")
        group = figure.group if figure.group != last else ""
        shown.add_row(group, figure.name, spread, ratio, figure.floor, verdict)
        last = figure.group
    return shown


def _three(spread: Spread, unit: str) -> str:
    return " / ".join(_short(value) for value in spread) + unit


def _short(value: float) -> str:
    for bound, digits in ((100, 0), (10, 1), (1, 2)):
        if abs(value) >= bound:
            return f"{value:,.{digits}f}"
    return f"{value:.3f}"


def report(figures: Sequence[Figure], *, quick: bool, seconds: float) -> dict[str, object]:
    """Return everything about a run that somebody may want to compare later."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
        "quick": quick,
        "seconds": round(seconds, 1),
        "machine": {"cores": cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "figures": [
            {
                **figure._asdict(),
                "goal": None if figure.goal is None else str(figure.goal),
                "met": figure.met,
                "spread": Spread.of(figure.samples)._asdict(),
                "ratio": Spread.of(figure.ratios)._asdict() if figure.ratios else None,
            }
            for figure in figures
        ],
    }


def save(document: dict[str, object], path: Path) -> None:
    """Write the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_json(document, indent=2) + b"\n")


def show(figures: Sequence[Figure], console: Console, *, quick: bool) -> None:
    """Print the figures."""
    console.print(table(figures))
    if quick:
        console.print(QUICK_NOTE)
