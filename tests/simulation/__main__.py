"""Many seeds, or one step by step: `python -m tests.simulation --seeds 100000`, `--seed 4711 --trace`."""

import os
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from tests.simulation.parts import Parts
from tests.simulation.seeds import failures_of, run
from tests.simulation.world import World

_CHUNK = 50
"""Seeds that a process takes at once."""

_console = Console()


class _SpeedColumn(ProgressColumn):
    """Seeds a second."""

    def render(self, task: Task) -> Text:
        """Show the speed once it is known."""
        return Text(f"{task.completed / task.elapsed:.0f} seeds/s" if task.elapsed else "")


def main(
    seeds: Annotated[int, typer.Option(help="How many seeds to run.", min=1)] = 10_000,
    first: Annotated[int | None, typer.Option(help="First seed; a random one when left out.")] = None,
    seed: Annotated[int | None, typer.Option(help="Run this seed alone.")] = None,
    workers: Annotated[int, typer.Option(help="Processes; 0 for one each CPU.", min=0)] = 0,
    *,
    trace: Annotated[bool, typer.Option("--trace", help="Show each step of the seed.")] = False,
) -> None:
    """Run the seeded simulation of the allocator; status 1 when a seed finds something."""
    if seed is not None:
        _run_one(seed, trace=trace)
        return
    begin = secrets.randbelow(1 << 40) if first is None else first
    _console.print(f"{seeds} seeds from {begin}")
    failures: list[str] = []
    for found in _progress(_chunks(begin, seeds), workers or len(os.sched_getaffinity(0)), seeds):
        failures += found
        for failure in found:
            _console.print(failure, style="red", markup=False, highlight=False)
    _console.print(f"{seeds} seeds, {len(failures)} found something")
    sys.exit(1 if failures else 0)


def _chunks(begin: int, count: int) -> list[range]:
    return [range(at, min(at + _CHUNK, begin + count)) for at in range(begin, begin + count, _CHUNK)]


def _progress(chunks: list[range], workers: int, seeds: int) -> Iterator[list[str]]:
    """Run chunks in several processes and yield what each found, as they come."""
    columns = (
        TextColumn("simulating"),
        BarColumn(),
        MofNCompleteColumn(),
        _SpeedColumn(),
        TimeRemainingColumn(),
    )
    with ProcessPoolExecutor(workers) as pool, Progress(*columns, console=_console) as bar:
        task = bar.add_task("seeds", total=seeds)
        for done in as_completed(pool.submit(failures_of, chunk) for chunk in chunks):
            bar.advance(task, min(_CHUNK, seeds))
            yield done.result()


def _run_one(seed: int, *, trace: bool) -> None:
    world = World(seed, Parts())
    try:
        run(world)
        verdict, style = f"seed {seed} found nothing", "green"
    except Exception as why:  # noqa: BLE001 - whatever it found is what this was asked to show
        verdict, style = f"seed {seed}: {type(why).__name__}: {why}", "red"
    if trace:
        _console.print(str(world.plan), style="dim", markup=False, highlight=False)
        for line in world.trace:
            _console.print(line, markup=False, highlight=False)
    _console.print(verdict, style=style, markup=False, highlight=False)
    sys.exit(0 if style == "green" else 1)


if __name__ == "__main__":
    typer.run(main)
