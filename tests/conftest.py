"""What every test shares: the fixture plugins, what a marker demands, and the list of what was left out.

A fixture lives in a plugin file ``tests/fix_<concern>.py``; putting the file there loads it.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests import needs

TESTS = Path(__file__).parent

pytest_plugins = [f"tests.{path.stem}" for path in sorted(TESTS.glob("fix_*.py"))]


SHARED = ("kafka", "root")
"""Markers whose tests share one thing, most expensive first: one broker, the machine's namespaces."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share one thing in one process of `pytest -n`, so that it is started once."""
    for item in items:
        group = next((name for name in SHARED if item.get_closest_marker(name) is not None), None)
        if group is not None and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_report_header() -> str:
    """Say whether this run may leave something out."""
    rule = "CI: nothing may be left out" if needs.is_ci() else "what this machine lacks is skipped and listed"
    return f"netledger: {rule}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold what the marker ``root`` promises, for every test that carries it."""
    if item.get_closest_marker("root") is not None:
        needs.need_root()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly, at the end, what was left out because the machine lacks something."""
    left_out: Counter[tuple[str, str]] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        missing = needs.without_prefix(reason)
        if missing is not None:
            left_out[missing] += 1
    if not left_out:
        return
    terminalreporter.section("LEFT OUT ON THIS MACHINE", sep="!", red=True, bold=True)
    for (what, why), count in sorted(left_out.items()):
        terminalreporter.write_line(f"{count:5d} tests need {what}: {why}", yellow=True)
    terminalreporter.write_line("CI=true turns each of these into a failure.")
