"""`python -m benchmarks`: the allocator against floors that are measured in the same run.

`docs/performance.md` says what the figures mean.
"""

from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status

from benchmarks.creation import creation
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.filled import FilledCell
from benchmarks.logs import LogBench, Tell
from benchmarks.places import LogKind, place
from benchmarks.pools import pools
from benchmarks.results import Figure, report, save, show
from benchmarks.rules import rules
from benchmarks.scale import scale

RESULTS = Path(__file__).parent / "results"


WIDTH = 160
"""Columns of the table where there is no terminal to ask."""


class Part(StrEnum):
    """What can be measured by itself."""

    POOLS = "pools"
    SCALE = "scale"
    KAFKA = "kafka"
    POSTGRES = "postgres"


def measure(part: Part, effort: Effort, tell: Tell) -> list[Figure]:
    """Measure one part."""
    match part:
        case Part.POOLS:
            return [*creation(effort, tell), *pools(effort, tell)]
        case Part.SCALE:
            return [*scale(effort, tell), *rules(effort, tell)]
        case Part.KAFKA:
            return _on_a_log("kafka", effort, tell)
        case Part.POSTGRES:
            return _on_a_log("postgres", effort, tell)


def _on_a_log(kind: LogKind, effort: Effort, tell: Tell) -> list[Figure]:
    with place(kind) as where:
        with LogBench(where, effort, tell) as bench:
            figures = [*bench.throughput(), *bench.latency()]
        with where.open() as log:
            filled = FilledCell(where, log, effort, tell)
            figures += filled.restart()
            if kind == "postgres":
                figures += filled.projector()
        return figures


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    part: Annotated[list[Part] | None, typer.Option(help="Measure only this; may be repeated.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures here.")] = None,
    *,
    quick: Annotated[bool, typer.Option(help="Tiny sizes: shows that everything runs.")] = False,
) -> None:
    """Measure the allocator against its floors; print a table and write JSON."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    began = perf_counter()
    figures: list[Figure] = []
    with console.status("") as status:
        for one in part or list(Part):
            figures += measure(one, QUICK if quick else FULL, partial(_tell, status, one))
    seconds = perf_counter() - began
    path = json or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    save(report(figures, quick=quick, seconds=seconds), path)
    show(figures, console, quick=quick)
    console.print(f"{seconds:.0f} s; the figures are also in {path}")


def _tell(status: Status, part: Part, text: str) -> None:
    status.update(f"{part}: {text}")


if __name__ == "__main__":
    app()
