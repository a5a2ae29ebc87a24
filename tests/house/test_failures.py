"""Each failure of nova-network's, and all that it never fixed, has a test that says so in its name."""

import ast
import re
from itertools import chain

from tests.house.source import REPO, sources

FAILURES = range(1, 26)
NEVER_FIXED = {
    "claim reply",
    "requested address race",
    "allocated flag after undo",
    "mixed multi_host",
    "adjacent subnet",
    "vlan creation is atomic",
    "gateway_v6",
    "one rule of several floating ips",
    "lease facts",
    "vpn rules",
    "deleted networks",
}
"""The list below nova-network.md section 18, as it begins in the names of tests."""

NUMBERED = re.compile(r"test_failure_(\d+)_")
NAMED = re.compile(r"`(test_\w+)`")


def names() -> set[str]:
    """Return the name of every test."""
    nodes = chain.from_iterable(ast.walk(source.tree) for source in sources("tests"))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"}


def rows() -> list[tuple[str, list[str]]]:
    """Return what each row of the tables begins with, and the tests that it names."""
    page = (REPO / "docs/nova-differences.md").read_text()
    section = page.split("\n## Nova's failures\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| -")]
    return [(line.split(" | ")[0].removeprefix("| "), NAMED.findall(line)) for line in lines]


def test_each_failure_has_tests_of_its_number() -> None:
    """And there are no others."""
    found = {int(number) for name in names() for number in NUMBERED.findall(name)}

    assert found == set(FAILURES)


def test_each_thing_that_was_never_fixed_has_a_test() -> None:
    """And there are no others."""
    begins = {f"test_never_fixed_{words.replace(' ', '_')}" for words in NEVER_FIXED}
    named = {name for name in names() if name.startswith("test_never_fixed_")}

    assert [start for start in begins if not any(name.startswith(start) for name in named)] == []
    assert [name for name in named if not name.startswith(tuple(begins))] == []


def test_the_page_of_differences_names_tests_that_there_are() -> None:
    """Each number once, in order, with a test of that number."""
    known = names()
    numbered = {start: named for start, named in rows() if start.isdigit()}
    others = [named for start, named in rows() if not start.isdigit() and named]

    assert list(numbered) == [str(number) for number in FAILURES]
    for number, named in numbered.items():
        assert named
        assert all(name.startswith(f"test_failure_{number}_") for name in named), number
    assert len(others) == len(NEVER_FIXED)
    assert {name for named in (*numbered.values(), *others) for name in named} <= known


def test_the_rule_bites() -> None:
    """A number is read from a name, and nothing else is taken for one."""
    assert NUMBERED.findall("test_failure_12_quota_never_drifts") == ["12"]
    assert NUMBERED.findall("test_failures_of_12") == []
