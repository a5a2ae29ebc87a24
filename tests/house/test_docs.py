"""The documents name what exists."""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from tests.house.source import REPO, tracked_files

ADR = re.compile(r"docs/adr/(\d{4})-[a-z0-9-]+\.md")
TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
MAKE = re.compile(r"(?:`|^    )make ([a-z][a-z-]*)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:events|projections|services|host_agent|tests|tools|docs|benchmarks)/[\w./-]*)`")
ADR_PARTS = ("Status: ", "## Context", "## Decision", "## Consequences")


def documents() -> dict[str, str]:
    """Return the text of every Markdown file, by path."""
    return {name: (REPO / name).read_text() for name in tracked_files() if name.endswith(".md")}


def unknown_targets(texts: dict[str, str], makefile: str) -> Iterator[str]:
    """Yield each `make` command of a document that the Makefile does not have."""
    targets = set(TARGET.findall(makefile))
    for path, text in texts.items():
        for target in MAKE.findall(text):
            if target not in targets:
                yield f"{path}: make {target}"


def with_folders(files: Iterable[str]) -> set[str]:
    """Return the files and every folder that holds one."""
    known = set(files)
    return known | {str(parent) for name in known for parent in PurePosixPath(name).parents}


def lost_paths(texts: dict[str, str], files: Iterable[str]) -> Iterator[str]:
    """Yield each path in code quotes that is not there."""
    known = with_folders(files)
    for path, text in texts.items():
        for named in PATH.findall(text):
            if named.rstrip("/") not in known:
                yield f"{path}: {named}"


def dead_links(texts: dict[str, str], files: Iterable[str]) -> Iterator[str]:
    """Yield each relative link to a file or folder that is not there."""
    known = with_folders(files)
    for path, text in texts.items():
        for link in LINK.findall(text):
            if "://" in link:
                continue
            parts: list[str] = []
            for part in (PurePosixPath(path).parent / link).parts:
                if part == "..":
                    parts.pop()
                else:
                    parts.append(part)
            if str(PurePosixPath(*parts)) not in known:
                yield f"{path}: {link}"


def test_make_commands_in_the_documents_exist() -> None:
    """Who follows a document finds the command."""
    assert list(unknown_targets(documents(), (REPO / "Makefile").read_text())) == []


def test_the_two_commands_come_first() -> None:
    """A reader of the README meets `make demo` and `make test` before anything else."""
    lines = [line for line in (REPO / "README.md").read_text().splitlines() if line.strip()]

    assert [line.split()[:2] for line in lines[1:3]] == [["make", "demo"], ["make", "test"]]


def test_every_target_says_what_it_is_for() -> None:
    """`make help` lists every target that a person may call."""
    makefile = (REPO / "Makefile").read_text()
    silent = [line for line in re.findall(r"^[a-z][a-z-]*:.*$", makefile, re.MULTILINE) if " ## " not in line]

    assert [line.split(":")[0] for line in silent] == [
        "bootstrap-dev",
        "bootstrap-test",
        "check-lint",
        "check-types",
    ]


def test_relative_links_lead_somewhere() -> None:
    """No document points to a file that was renamed or never written."""
    assert list(dead_links(documents(), tracked_files())) == []


def test_paths_in_the_documents_exist() -> None:
    """A file that is moved takes its mention along."""
    assert list(lost_paths(documents(), tracked_files())) == []


def test_every_decision_is_listed_once_and_in_order() -> None:
    """`docs/adr/README.md` links every page, and the numbers have no gap."""
    pages = [name for name in tracked_files() if ADR.fullmatch(name)]
    listed = LINK.findall((REPO / "docs/adr/README.md").read_text())

    assert [name for name in listed if name[0].isdigit()] == [PurePosixPath(page).name for page in pages]
    assert [int(PurePosixPath(page).name[:4]) for page in pages] == list(range(1, len(pages) + 1))


def test_every_decision_has_its_parts() -> None:
    """Each page says its status, what forced it, what was decided, and what follows."""
    texts = documents()
    lacking = [
        f"{path}: {part}"
        for path in texts
        if ADR.fullmatch(path)
        for part in ADR_PARTS
        if part not in texts[path]
    ]

    assert lacking == []


def test_the_changelog_has_room_for_the_next_change() -> None:
    """The form of Keep a Changelog, with an open section on top."""
    headings = re.findall(r"^## (.+)$", (REPO / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] == "[Unreleased]"


def test_the_rules_bite() -> None:
    """An unknown target and a dead link are found; known ones, folders and web addresses are not."""
    texts = {
        "README.md": "    make demo\nrun `make tset`, see [a](docs/a.md) and [b](docs/b.md#x)\n",
        "docs/a.md": "[up](../README.md) [folder](../docs) [web](https://example.org/x) [no](../b.md)",
    }

    assert list(unknown_targets(texts, "demo: x\ntest:\n")) == ["README.md: make tset"]
    assert list(lost_paths({"a.md": "`tools/x.sh` `tools/` `tests/y.py`"}, ["tools/x.sh"])) == [
        "a.md: tests/y.py"
    ]
    assert list(dead_links(texts, ["README.md", "docs/a.md"])) == [
        "README.md: docs/b.md",
        "docs/a.md: ../b.md",
    ]
