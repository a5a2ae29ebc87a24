"""Imports point one way, the pure stay pure, each foreign system has one edge, and our names are ours."""

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator

from tests.house.purity import EDGES, EXEMPT, IMPURE_MODULES, PURE, PURE_NAMES, is_pure
from tests.house.source import PACKAGES, REPO, Source, imports, library

MAY_IMPORT = {
    "events": (),
    "projections": ("events",),
    "host_agent": ("events", "projections"),
    "services": ("events", "projections"),
}
"""The direction of design: events <- projections <- services, host_agent."""

WIRING = ("services/bootstrap*", "services/cli*")
"""Where the roles are put together: only here may `services` know the host agent."""

EDGE_OF = {
    "confluent_kafka": ("events/log/kafka*",),
    "psycopg": ("events/log/postgres*", "projections/ipam/*"),
    "pyroute2": ("host_agent/netlink*",),
}
"""Third-party packages that speak to another system, and the only files that may import them."""


def against_direction(files: Iterable[Source]) -> Iterator[str]:
    """Yield each import that points the wrong way."""
    for source in files:
        home = source.module.partition(".")[0]
        allowed = {home, *MAY_IMPORT[home]}
        if source.matches(*WIRING):
            allowed.add("host_agent")
        for name, line in imports(source):
            target = name.partition(".")[0]
            if target in (*PACKAGES, "tests", "benchmarks") and target not in allowed:
                yield f"{source.path}:{line}: {home} must not import {name}"


def relative(files: Iterable[Source]) -> Iterator[str]:
    """Yield each file with a relative import."""
    for source in files:
        if any(line.lstrip().startswith("from .") for line in source.text.splitlines()):
            yield f"{source.path}: imports are absolute"


def outside_edge(files: Iterable[Source]) -> Iterator[str]:
    """Yield each import of a foreign system's client outside its edge."""
    for source in files:
        for name, line in imports(source):
            edge = EDGE_OF.get(name.partition(".")[0])
            if edge is not None and not source.matches(*edge):
                yield f"{source.path}:{line}: only {' and '.join(edge)} may import {name}"


def impure(files: Iterable[Source]) -> Iterator[str]:
    """Yield each import of a pure file that reaches the world, by itself or through another file of ours."""
    files = tuple(files)
    worldly = {source.module for source in files if not is_pure(source)}
    for source in files:
        if not is_pure(source):
            continue
        for name, line in imports(source):
            root = name.partition(".")[0]
            if root in IMPURE_MODULES and name not in PURE_NAMES and (source.path, root) not in EXEMPT:
                yield f"{source.path}:{line}: pure, but imports {name}"
            elif name in worldly or (root in PACKAGES and name.rpartition(".")[0] in worldly):
                yield f"{source.path}:{line}: pure, but imports {name}, which is not"


def test_imports_point_one_way() -> None:
    """Events know nothing of projections, projections nothing of services, and none of the host agent."""
    assert list(against_direction(library())) == []


def test_imports_are_absolute() -> None:
    """A reader sees where a name comes from without counting dots."""
    assert list(relative(library())) == []


def test_each_foreign_system_has_one_edge() -> None:
    """Kafka, PostgreSQL and netlink are met in one place each, where their errors are translated."""
    assert list(outside_edge(library())) == []


def test_pure_modules_reach_nothing() -> None:
    """What decides, folds or plans imports no I/O, clock or randomness, by itself or through another."""
    assert list(impure(library())) == []


def test_every_pattern_of_the_rules_still_means_a_file() -> None:
    """A renamed module must not slip out of its rule unseen."""
    patterns = [*PURE, *WIRING, *(pattern for edge in EDGE_OF.values() for pattern in edge), *EDGES]
    idle = [pattern for pattern in patterns if not any(source.matches(pattern) for source in library())]
    gone = [path for path, _ in EXEMPT if not (REPO / path).exists()]

    assert (idle, gone) == ([], [])


def installed_from() -> str:
    """Return where netledger is installed from: here, or the checkout that this worktree shares it with."""
    found = importlib.metadata.distributions(name="netledger")  # an egg-info of an old build is one, too
    about = next(filter(None, (one.read_text("direct_url.json") for one in found)), None)
    assert about is not None, "netledger is not installed from a checkout"
    return str(json.loads(about)["url"]).removeprefix("file://")


def test_the_four_names_resolve_to_ours() -> None:
    """`events` and `services` are generic names: a stranger of that name must not win over ours."""
    script = (
        "import importlib, json;"
        f"print(json.dumps([importlib.import_module(name).__file__ for name in {PACKAGES!r}]))"
    )
    shown = subprocess.run(
        [sys.executable, "-I", "-c", script], cwd="/", capture_output=True, text=True, check=True
    )

    assert json.loads(shown.stdout) == [f"{installed_from()}/{name}/__init__.py" for name in PACKAGES]


def test_the_four_names_are_installed_by_nobody_else() -> None:
    """Only our distribution claims the four import names in this environment."""
    owners = importlib.metadata.packages_distributions()

    assert {name: set(owners.get(name, [])) for name in PACKAGES} == {
        name: {"netledger"} for name in PACKAGES
    }


def test_the_distribution_holds_the_four_packages_and_nothing_else() -> None:
    """Tests, tools and benchmarks stay out of what is installed."""
    top_level = importlib.metadata.distribution("netledger").read_text("top_level.txt")

    assert top_level is not None
    assert sorted(top_level.split()) == sorted(PACKAGES)


BAD = (
    Source("events/up.py", "from projections.cell import fold\n"),
    Source("projections/up.py", "def late():\n    import services.client\n"),
    Source("services/agent.py", "import host_agent.netlink as n\n"),
    Source("host_agent/dots.py", "from . import netlink\n"),
    Source("events/clocked.py", "import time\n"),
    Source("events/drawn.py", "from random import choice\n"),
    Source("events/log/kafka_log.py", "import confluent_kafka\n"),
    Source("events/indirect.py", "from events.log.kafka_log import KafkaLog\n"),
    Source("events/indirect_too.py", "from events.log import kafka_log\n"),
    Source("services/query.py", "from psycopg.rows import dict_row\n"),
    Source("services/cli.py", "import host_agent.netlink\n"),
    Source("events/text.py", "from socket import inet_pton\n"),
)
"""A house that breaks each rule once; the last two files break none."""


def test_the_direction_rule_bites() -> None:
    """A wrong direction is found at the top of a file and inside a function; the wiring is let through."""
    assert [line.split(":")[0] for line in against_direction(BAD)] == [
        "events/up.py",
        "projections/up.py",
        "services/agent.py",
    ]


def test_the_relative_rule_bites() -> None:
    """A relative import is found."""
    assert list(relative(BAD)) == ["host_agent/dots.py: imports are absolute"]


def test_the_edge_rule_bites() -> None:
    """A client imported outside its edge is found; inside it is let through."""
    assert [line.split(":")[0] for line in outside_edge(BAD)] == ["services/query.py"]


def test_the_purity_rule_bites() -> None:
    """The clock, a draw, and an adapter behind a pure file are found; a pure function of socket is not."""
    assert [line.split(":")[0] for line in impure(BAD)] == [
        "events/clocked.py",
        "events/drawn.py",
        "events/indirect.py",
        "events/indirect_too.py",
    ]
