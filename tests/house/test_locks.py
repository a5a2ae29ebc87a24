"""The locks name every file by its hash, hold no address, and cover what pyproject.toml asks for."""

import re
import tomllib
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.source import REPO

RUN, DEV = "requirements.lock", "requirements-dev.lock"
PYPROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
ADDRESS = re.compile(
    r"://|--(?:extra-)?index-url|--find-links|--trusted-host|^\s*-[ifr]\s|@\s*(?:git|file)", re.MULTILINE
)


def entries(text: str) -> Iterator[str]:
    """Yield each requirement of a lock with its hashes as one line."""
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line


def pins(text: str) -> dict[str, Version]:
    """Return the version of each locked package, by canonical name."""
    found = (PIN.match(entry) for entry in entries(text))
    return {canonicalize_name(match[1]): Version(match[2]) for match in found if match}


def unlocked(text: str) -> list[str]:
    """Return the entries that are no exact version or have no hash."""
    return [entry for entry in entries(text) if not (PIN.match(entry) and HASH.search(entry))]


def uncovered(text: str, wanted: list[str]) -> list[str]:
    """Return the requirements that the lock does not satisfy."""
    locked = pins(text)
    missing = []
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            missing.append(str(requirement))
    return missing


def read(lock: str) -> str:
    """Return the text of a lock."""
    return (REPO / lock).read_text()


def test_every_entry_is_an_exact_version_with_hashes() -> None:
    """`pip install --require-hashes` accepts both locks."""
    assert {lock: unlocked(read(lock)) for lock in (RUN, DEV)} == {RUN: [], DEV: []}


def test_locks_hold_no_address() -> None:
    """Where packages come from is for pip's configuration to say."""
    assert {lock: ADDRESS.findall(read(lock)) for lock in (RUN, DEV)} == {RUN: [], DEV: []}


def test_locks_cover_the_project() -> None:
    """A dependency added to pyproject.toml without `make lock` is found."""
    groups = PYPROJECT["dependency-groups"]
    to_run = [*PYPROJECT["project"]["dependencies"], *groups["build"]]

    assert uncovered(read(RUN), to_run) == []
    assert uncovered(read(DEV), [*to_run, *groups["dev"]]) == []


def test_what_is_tested_is_what_runs() -> None:
    """The lock for tests holds the runtime lock, version for version."""
    assert pins(read(RUN)).items() <= pins(read(DEV)).items()


def test_the_rules_bite() -> None:
    """No hash, a range, an address, and a missing or too old package are found."""
    good = "a==2 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    assert unlocked(good) == []
    assert unlocked(good + "b==1\n") == ["b==1"]
    assert unlocked("c>=1 --hash=sha256:" + "0" * 64) != []
    assert ADDRESS.findall(good) == []
    assert ADDRESS.findall("--index-url https://packages.example/wheels\n") != []
    assert ADDRESS.findall("d @ git+ssh://code.example/d\n") != []
    assert uncovered(good, ["A>=2", "a>=3", "e"]) == ["a>=3", "e"]
