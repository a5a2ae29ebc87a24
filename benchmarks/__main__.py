"""`python -m benchmarks`: the allocator against floors that are measured in the same run.

`docs/performance.md` says what the figures mean.
"""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.logs import LogBench, Tell
from benchmarks.places import LogKind, place
from benchmarks.pools import creation, pools
from benchmarks.results import Figure, report, save, show

RESULTS = Path(__file__).parent / "results"


WIDTH = 160
"""Columns of the table where there is no terminal to ask."""


class Part(StrEnum):
    """What can be measured by itself."""

    POOLS = "pools"
    KAFKA = "kafka"
    POSTGRES = "postgres"


def measure(part: Part, effort: Effort, tell: Tell) -> list[Figure]:
    """Measure one part."""
    if part is Part.POOLS:
        return [*creation(effort, tell), *pools(effort, tell)]
    return _on_a_log("kafka" if part is Part.KAFKA else "postgres", effort, tell)


def _on_a_log(kind: LogKind, effort: Effort, tell: Tell) -> list[Figure]:
    with place(kind) as where, LogBench(where, effort, tell) as bench:
        return [*bench.throughput(), *bench.latency()]


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    parts: Annotated[list[Part] | None, typer.Option("--part", help="Measure only this; may be repeated.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures here as well.")] = None,
    *,
    quick: Annotated[bool, typer.Option(help="Tiny sizes: shows that everything runs.")] = False,
) -> None:
    """Measure, print a table, and write benchmarks/results/."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    began = perf_counter()
    figures: list[Figure] = []
    with console.status("") as status:
        for part in parts or list(Part):
            figures += measure(part, QUICK if quick else FULL, lambda text, part=part: status.update(f"{part}: {text}"))
    show(figures, console, quick=quick)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = json or RESULTS / f"{stamp}.json"
    save(report(figures, quick=quick, seconds=perf_counter() - began), path)
    console.print(f"{perf_counter() - began:.0f} s; also in {path}")


if __name__ == "__main__":
    app()
