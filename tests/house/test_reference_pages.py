"""The reference pages say what the code says: codes, headers, settings, metrics, limits, the chain hash."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from events.ledger.fold import Alarm, Skip
from events.refusals import Code
from events.schema_export.headers import DECISION_HEADERS
from services.methods import ABSENT, METHODS
from services.roles.health import Health
from services.roles.metrics import exposition
from services.settings import PREFIX, Settings
from tests.contract.golden_ledger import GOLDEN, read
from tests.house.source import REPO

PROTOCOL = (REPO / "docs/protocol.md").read_text()
OPERATIONS = (REPO / "docs/operations.md").read_text()
CODE_WORD = re.compile(r"`([^`]+)`")


def rows(text: str, heading: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables below a heading, up to the next heading of any depth."""
    body = re.split(r"^#+ ", text.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    for line in body.splitlines():
        if line.startswith("| ") and not line.startswith("| --"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def named(text: str, heading: str) -> list[str]:
    """Return what the first column of the tables below a heading names in code quotes."""
    return [name for row in rows(text, heading) for name in CODE_WORD.findall(row[0])]


def test_every_refusal_is_explained() -> None:
    """Each code once, in the order of the code."""
    assert named(PROTOCOL, "Refusals") == [str(code) for code in Code]


def test_every_header_is_explained() -> None:
    """Each header of a decision once."""
    told = named(PROTOCOL, "Records of the ledger")

    assert sorted(told) == sorted(header.name for header in DECISION_HEADERS)


@pytest.mark.parametrize("release", sorted(folder.name for folder in GOLDEN.iterdir()))
def test_the_page_alone_is_enough_to_check_a_ledger(release: str) -> None:
    """Its program, which knows nothing of ours, reads every golden decision and breaks at a changed byte."""
    (program,) = re.findall(r"```python\n(.*?)```", PROTOCOL, re.DOTALL)
    known: dict[str, Any] = {}
    exec(compile(program, "docs/protocol.md", "exec"), known)  # noqa: S102 - the program of our own page
    records = [(record.headers, record.value) for record in read(release)]
    state = json.loads((GOLDEN / release / "state.json").read_text())

    seqs = [seq for seq, _ in known["decisions"](records, "default")]
    assert seqs == list(range(1, state["position"]["seq"] + 1))
    headers, value = records[3]
    changed = [*records[:3], (headers, value.replace(b"back", b"rack")), *records[4:]]
    with pytest.raises(ValueError, match="follows other records"):
        list(known["decisions"](changed, "default"))


def default(name: str) -> str:
    """Return a setting's default as an operator would write it; empty where it has none or derives it."""
    field = Settings.model_fields[name]
    if field.default_factory is not None:
        return ""
    value = field.get_default()
    if value is None or value in ((), ""):
        return ""
    return ",".join(value) if isinstance(value, tuple) else str(value).lower().removesuffix(".0")


def test_every_setting_is_explained() -> None:
    """Each setting once, with its default."""
    told = {
        row[0].strip("`"): row[1].strip("`") for row in rows(OPERATIONS, "Settings") if row[0] != "setting"
    }

    assert told == {name: default(name) for name in Settings.model_fields}


def test_no_document_names_a_setting_that_there_is_not() -> None:
    """A variable of a document can be set."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {f"{PREFIX}CONFIG"}
    pages = {path: path.read_text() for path in (REPO / "README.md", *(REPO / "docs").rglob("*.md"))}
    wrong = [
        f"{path.relative_to(REPO)}: {variable}"
        for path, text in pages.items()
        for variable in re.findall(rf"\b{PREFIX}[A-Z_]+[A-Z]\b", text)
        if variable not in known
    ]

    assert wrong == []


def test_every_metric_is_explained() -> None:
    """Each name that a role gives to Prometheus, and no other."""
    all_told = Health(
        ready=True, phase="", term=1, seq=1, lag=1, repairs=1, failures=1, conflicts=1,
        skipped={"foreign": 1}, refusals={"Forbidden": 1}, free_addresses={"id": 1},
    )  # fmt: skip
    text = exposition("role", all_told)[1].decode()

    assert sorted(named(OPERATIONS, "Monitoring")) == sorted(
        set(re.findall(r"^(netledger_\w+){", text, re.MULTILINE))
    )


def test_every_alarm_and_every_skip_is_explained() -> None:
    """What stops a reader, and what only counts."""
    assert set(named(OPERATIONS, "What each alarm means")) >= {str(alarm) for alarm in Alarm}
    assert named(OPERATIONS, "Skipped records") == [str(skip) for skip in Skip]


def test_limits_are_as_the_code_has_them() -> None:
    """Each named number is found in the module that is named beside it, with this value."""
    limits = [row for row in rows(OPERATIONS, "Limits") if row[0] != "limit"]
    assert limits
    for name, value, place, *_ in limits:
        module = import_module(place.strip("`").removesuffix(".py").replace("/", "."))
        assert f"{getattr(module, name.strip('`')):,}" == value, name


def test_every_method_is_listed() -> None:
    """What `netledger call` knows is on the page about nova, and nothing else."""
    told = named((REPO / "docs/nova-differences.md").read_text(), "Methods")

    assert sorted(told) == sorted(METHODS)


def test_every_method_that_is_not_offered_is_listed() -> None:
    """With the reason, like those that are."""
    told = named((REPO / "docs/nova-differences.md").read_text(), "Methods that are not offered")

    assert sorted(told) == sorted(ABSENT)
    assert not set(ABSENT) & set(METHODS)
