"""What the house rules look at: our Python files, their imports and calls, as the parser sees them."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

REPO = Path(__file__).parents[2]
PACKAGES = ("events", "projections", "services", "host_agent")
OUTPUT = frozenset({".cache", ".git", ".hypothesis", ".venv", "__pycache__", "build", "dist"})
"""Folders that hold what programs wrote, for a checkout without git."""


class Source(NamedTuple):
    """One Python file. `path` is relative to the repository, with slashes; `text` is what it holds."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return _parse(self.text, self.path)

    @property
    def module(self) -> str:
        """The name it is imported by: `events.log.port` for `events/log/port.py`."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def matches(self, *patterns: str) -> bool:
        """Tell whether the path matches one of the patterns, in which `*` also crosses folders."""
        return any(fnmatchcase(self.path, pattern) for pattern in patterns)


class Import(NamedTuple):
    """One imported thing. `name` is a module, or a module and a name in it: `socket.inet_pton`."""

    name: str
    line: int


@cache
def _parse(text: str, path: str) -> ast.Module:
    return ast.parse(text, filename=path)


@cache
def tracked_files() -> tuple[str, ...]:
    """Return every file of the repository that git would commit, where git is there; else those on disk."""
    git = shutil.which("git")
    command = [git or "git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=REPO, capture_output=True, check=False) if git else None
    if listed is not None and listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:
        names = [str(path.relative_to(REPO)) for path in REPO.rglob("*") if OUTPUT.isdisjoint(path.parts)]
    return tuple(sorted(name for name in names if name and (REPO / name).is_file()))


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return the Python files below the folders, in order of path."""
    wanted = tuple(f"{folder}/" for folder in folders)
    return tuple(
        Source(name, (REPO / name).read_text())
        for name in tracked_files()
        if name.endswith(".py") and name.startswith(wanted)
    )


def library() -> tuple[Source, ...]:
    """Return the files of the four packages that are installed."""
    return sources(*PACKAGES)


def imports(source: Source) -> Iterator[Import]:
    """Yield what a file imports, wherever the statement stands, in a function and under TYPE_CHECKING too.

    `from a import b` yields `a.b`, because only the file system knows whether b is a module.
    """
    package = source.module.split(".")
    if not source.path.endswith("/__init__.py"):
        package = package[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield Import(f"{stem}.{alias.name}", node.lineno)


def within(name: str, package: str) -> bool:
    """Tell whether a dotted name is the package or lies in it."""
    return name == package or name.startswith(f"{package}.")


def dotted(node: ast.expr) -> str | None:
    """Return `a.b.c` for a chain of attributes on a name, else None."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        stem = dotted(node.value)
        return None if stem is None else f"{stem}.{node.attr}"
    return None


def calls(source: Source) -> Iterator[tuple[str, int]]:
    """Yield (dotted name, line) of each call, with names imported by `from` or renamed given in full."""
    known: dict[str, str] = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            known |= {alias.asname: alias.name for alias in node.names if alias.asname}
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if name is not None:
            head, dot, rest = name.partition(".")
            yield f"{known.get(head, head)}{dot}{rest}", node.lineno
