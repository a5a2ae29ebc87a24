"""Every refusal is asked whether it changed anything: no test of a rule goes round the harness."""

from collections.abc import Iterable, Iterator

from tests.house.source import Source, calls, sources

HARNESS = "tests/unit/given.py"
ROUND_IT = {
    "tests/unit/cell/test_costs.py": "counts bytecodes, and the harness has some",
    "tests/unit/cell/test_network_split.py": "one record of 4,094 networks, which is not refused",
    "tests/unit/test_stated_events.py": "compares events of a spawn, which is not refused",
}


def deciding(files: Iterable[Source]) -> Iterator[str]:
    """Yield the files that call a rule of the cell themselves."""
    for source in files:
        named = (name for name, _ in calls(source) if name.startswith("projections.cell."))
        if any(name.rpartition(".")[2].startswith("decide") for name in named):
            yield source.path


def test_every_rule_is_tried_through_the_harness() -> None:
    """Which compares the state's digest before and after each decision, and after each refusal is applied."""
    assert set(deciding(sources("tests/unit"))) == {HARNESS, *ROUND_IT}


def test_the_rule_bites() -> None:
    """By whatever name a rule is imported."""
    around = (
        "from projections.cell.decide import decide_command\ndecide_command()\n",
        "from projections.cell import fences as f\nf.decide()\n",
    )

    assert list(deciding(Source(f"{at}.py", text) for at, text in enumerate(around))) == ["0.py", "1.py"]
    assert list(deciding([Source("x.py", "from tests.unit.given import given\ngiven().when(1)\n")])) == []
