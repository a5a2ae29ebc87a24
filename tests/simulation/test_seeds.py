"""Thousands of seeds: the allocator's engine and I/O steps in a world where everything goes wrong."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.memo import remembering
from tests.simulation.seeds import run_seed

SEEDS = int(os.environ.get("NETLEDGER_SIMULATION_SEEDS", "2000"))
PARTS = 20
REPO = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _remembering() -> Iterator[None]:
    with remembering():
        yield


@pytest.mark.parametrize("part", range(PARTS))
def test_every_seed_keeps_the_protocol(part: int) -> None:
    """One holder, nothing acknowledged lost, inputs decided once, all readers equal, lost data noticed."""
    for seed in range(part, SEEDS, PARTS):
        run_seed(seed)


def test_a_seed_replays_exactly() -> None:
    """Another process, with other hashes of strings, does the same step for step."""
    script = (
        "from tests.simulation.seeds import run_seed\n"
        "print(hash('text'))\n"
        "for seed in range(40, 50):\n"
        "    print(*run_seed(seed).trace, sep='\\n')\n"
    )
    (one_hash, *one), (other_hash, *other) = (_output(script, hash_seed) for hash_seed in ("1", "2"))

    assert one_hash != other_hash
    assert len(one) > 500
    assert one == other


def _output(script: str, hash_seed: str) -> list[str]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPO)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()
