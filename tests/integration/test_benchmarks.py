"""The benchmarks run, in tiny sizes: they are not to rot. Nothing is said about their figures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic_core import from_json

ROOT = Path(__file__).parents[2]


def run_quickly(part: str, directory: Path, **environment: str) -> list[dict[str, object]]:
    """Run one part of the benchmarks and return its figures."""
    target = directory / "figures.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--part", part, "--json", str(target)],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
    )
    document = from_json(target.read_bytes())
    assert document["quick"] is True
    figures: list[dict[str, object]] = document["figures"]
    return figures


def compared(figures: list[dict[str, object]]) -> dict[str, str]:
    """Return what each figure with a ratio is compared with."""
    return {str(figure["name"]): str(figure["floor"]) for figure in figures if figure["ratios"]}


def test_pools_and_creation_are_measured(tmp_path: Path) -> None:
    """Full networks are compared with empty ones, and a /8 with a /28."""
    told = compared(run_quickly("pools", tmp_path))
    assert told["creating a /8"] == "creating a /28"
    assert told["creating floating IPs of a /12"] == "creating floating IPs of a /28"
    assert told["a VLAN network of 4,000 in one decision"] == "a VLAN network of 40 in one decision"
    assert sum(name.startswith("spawns, 99.9% held") for name in told) == 1  # one name for both sizes


def test_scale_and_rules_are_measured(tmp_path: Path) -> None:
    """Large cells are compared with small ones, and spawns under every rule with spawns under none."""
    told = compared(run_quickly("scale", tmp_path))
    assert told["spawn and delete, 4,000 held"] == "spawn and delete, 1,000 held"
    assert told["two-NIC spawns, quota, DNS and groups on"] == "two-NIC spawns, rules off"
    assert any(name.startswith("memory of a held fixed IP") for name in told)
    assert told["memory after 200 spawns and deletions"] == "memory after 20 spawns and deletions"


@pytest.mark.slow
def test_everything_is_measured_on_postgres(tmp_path: Path, database: str) -> None:
    """Throughput, latency, restart and projector are measured, each against its floor."""
    told = compared(run_quickly("postgres", tmp_path, NETLEDGER_DATABASE=database))
    assert told["two-NIC spawns, open stream"] == "codec echo, open stream"
    assert told["two-NIC spawn, p50, one caller"] == "append and read back, p50, one caller"
    assert told["projector beside a busy allocator"] == "allocator beside the projector"
    assert any(name.startswith("starting an allocator with") for name in told)


@pytest.mark.slow
@pytest.mark.kafka
def test_everything_is_measured_on_kafka(tmp_path: Path, kafka_bootstrap: str) -> None:
    """Throughput, latency and restart are measured on a broker, each against its floor."""
    told = compared(run_quickly("kafka", tmp_path, KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap))
    assert told["two-NIC spawns, open stream"] == "codec echo, open stream"
    assert any(name.startswith("starting an allocator with") for name in told)
