"""What no file of this project may hold."""

import io
import re
import tokenize
from collections.abc import Iterable, Iterator

from tests.house.purity import EXEMPT, IMPURE_CALLS, is_pure
from tests.house.source import REPO, Source, calls, library, sources, tracked_files

# Spelled in two halves, so that this file does not hold what it looks for.
LEFTOVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:home/\w|root/|work/|Users/\w)")
ADDRESS_OF_INDEX = re.compile(
    r"https?://[^\s\"')>]*(?:/simple\b|pypi|pythonhosted|maven2|/repository/)", re.IGNORECASE
)
EXEMPTION = re.compile(
    r"#\s*(noqa|type:\s*ignore)(?P<codes>:\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*|\[[\w\-, ]+\])?(?P<rest>.*)"
)
REASON = re.compile(r"\w{2,}")

TEXT_ENDINGS = (
    ".cfg",
    ".in",
    ".ini",
    ".json",
    ".lock",
    ".md",
    ".py",
    ".sh",
    ".sql",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
)
TEXT_NAMES = ("Makefile", "Dockerfile", ".ci/run", ".gitignore", ".dockerignore")
MAY_PRINT = ("services/cli*", "services/dev/demo*")


def text_files() -> Iterator[Source]:
    """Yield everything a person writes or reads in this repository."""
    for name in tracked_files():
        if name.endswith(TEXT_ENDINGS) or name in TEXT_NAMES:
            yield Source(name, (REPO / name).read_text())


def lines_with(files: Iterable[Source], pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield the place of each line that matches."""
    for source in files:
        for number, line in enumerate(source.text.splitlines(), start=1):
            found = pattern.search(line)
            if found:
                yield f"{source.path}:{number}: {found[0]}"


def calls_of(files: Iterable[Source], banned: Iterable[str]) -> Iterator[str]:
    """Yield the place of each call of a banned name."""
    names = frozenset(banned)
    for source in files:
        for name, line in calls(source):
            if name in names:
                yield f"{source.path}:{line}: {name}"


def bare_exemptions(files: Iterable[Source]) -> Iterator[str]:
    """Yield each noqa and type: ignore that lacks its code or its reason."""
    for source in files:
        for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
            found = EXEMPTION.search(token.string) if token.type == tokenize.COMMENT else None
            if found and not (found["codes"] and REASON.search(found["rest"])):
                yield f"{source.path}:{token.start[0]}: {token.string}"


def test_pure_modules_read_no_clock_and_draw_nothing() -> None:
    """What decides gets its time and its draws as arguments."""
    exempt = {path for path, _ in EXEMPT}
    pure = [source for source in library() if is_pure(source) and source.path not in exempt]

    assert list(calls_of(pure, IMPURE_CALLS)) == []


def test_nothing_is_left_for_later() -> None:
    """What is not done is not in the tree."""
    assert list(lines_with(text_files(), LEFTOVER)) == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    """A home folder or a checkout's place means nothing to the next reader."""
    assert list(lines_with(text_files(), MACHINE_PATH)) == []


def test_no_file_names_a_package_index() -> None:
    """Where packages come from is for the configuration of each machine to say."""
    assert list(lines_with(text_files(), ADDRESS_OF_INDEX)) == []


def test_tests_never_sleep() -> None:
    """A test waits for what it needs, with a bound; it does not hope that a while is long enough."""
    assert list(calls_of(sources("tests"), {"time.sleep", "asyncio.sleep"})) == []


def test_the_library_does_not_print() -> None:
    """Roles log through structlog; only the command line talks to a person."""
    quiet = [source for source in library() if not source.matches(*MAY_PRINT)]

    assert list(calls_of(quiet, {"print", "pprint.pprint"})) == []


def test_every_exemption_has_its_code_and_its_reason() -> None:
    """Who silences a tool says which finding and why, on the same line."""
    assert list(bare_exemptions((*library(), *sources("tests", "tools", "benchmarks")))) == []


def test_the_call_rule_bites() -> None:
    """A banned call is found under any name it was imported by; a method of the same name is not."""
    bad = Source(
        "a.py",
        "import time as clock\n"
        "from datetime import datetime\n"
        "from time import sleep as nap\n"
        "clock.sleep(1)\n"
        "nap(1)\n"
        "datetime.now()\n"
        "door.open()\n"
        "open('x')\n",
    )

    assert list(calls_of([bad], IMPURE_CALLS | {"time.sleep"})) == [
        "a.py:4: time.sleep",
        "a.py:5: time.sleep",
        "a.py:6: datetime.datetime.now",
        "a.py:8: open",
    ]


def test_the_line_rules_bite() -> None:
    """Leftovers, machine paths and index addresses are found; paths of the system and of the API are not."""
    bad = Source(
        "a.md",
        "FIX" + "ME later\n"
        "see /ho" + "me/ann/notes and /ro" + "ot/x\n"
        "https://py" + "pi.org/simple\n"
        "/var/lib/netledger, /usr/sbin/dnsmasq, /v1/workers, $HOME/x, ~/.netledger\n",
    )

    assert list(lines_with([bad], LEFTOVER)) == ["a.md:1: FIX" + "ME"]
    assert [line.split(":")[1] for line in lines_with([bad], MACHINE_PATH)] == ["2"]
    assert [line.split(":")[1] for line in lines_with([bad], ADDRESS_OF_INDEX)] == ["3"]


def test_the_exemption_rule_bites() -> None:
    """An exemption without code or without reason is found; one with both is not, nor is one in a string."""
    hush, mute = "# no" + "qa", "# type: ig" + "nore"
    bad = Source(
        "a.py",
        f"a = 1  {hush}\n"
        f"b = 1  {hush}: BLE001\n"
        f"c = 1  {hush}: BLE001 - a bug in decide must not stop the cell\n"
        f"d = 1  {mute}\n"
        f"e = 1  {mute}[arg-type]\n"
        f"f = 1  {mute}[arg-type]  # the stub says str, the library takes bytes\n"
        f"g = '{hush}'\n",
    )

    assert [line.split(":")[1] for line in bare_exemptions([bad])] == ["1", "2", "4", "5"]
