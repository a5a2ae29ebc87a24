"""Modules fit in one's head, functions on one screen."""

import ast
from collections.abc import Iterable, Iterator

from tests.house.source import Source, library, sources

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

OURS = ("tests", "tools", "benchmarks")


def long_modules(files: Iterable[Source]) -> Iterator[str]:
    """Yield each file that is longer than a module may be."""
    for source in files:
        lines = len(source.text.splitlines())
        if lines > MODULE_LINES_MAX:
            yield f"{source.path}: {lines} lines, {MODULE_LINES_MAX} at most: split it by noun"


def long_functions(files: Iterable[Source]) -> Iterator[str]:
    """Yield each function that is longer than it may be, from its `def` to its last line."""
    for source in files:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    place = f"{source.path}:{node.lineno}"
                    yield f"{place}: {node.name}: {lines} lines, at most {FUNCTION_LINES_MAX}"


def test_modules_fit_in_ones_head() -> None:
    """No module grows past the limit, tests and tools included."""
    assert list(long_modules((*library(), *sources(*OURS)))) == []


def test_functions_fit_on_one_screen() -> None:
    """No function grows past the limit, tests and tools included."""
    assert list(long_functions((*library(), *sources(*OURS)))) == []


def test_the_rules_bite() -> None:
    """One line too many is found, the limit itself is let through."""
    statement = "    x = 1\n"
    longest = "def f():\n" + statement * (FUNCTION_LINES_MAX - 1)
    assert list(long_functions([Source("a.py", longest)])) == []
    assert len(list(long_functions([Source("a.py", longest + statement)]))) == 1
    assert len(list(long_functions([Source("a.py", f"async {longest}{statement}")]))) == 1
    assert list(long_modules([Source("a.py", "x = 1\n" * MODULE_LINES_MAX)])) == []
    assert len(list(long_modules([Source("a.py", "x = 1\n" * (MODULE_LINES_MAX + 1))]))) == 1
