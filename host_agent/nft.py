"""Our nftables table: read and changed through libnftables in this process, or through the `nft` program.

Only the table `netledger` is ever read or written. A change is one transaction: all of it or nothing.
"""

import ctypes
import shutil
import subprocess
from typing import Any, Protocol

from pydantic_core import from_json

from events.errors import BrokenEnvironment
from host_agent.errors import NftFailed
from host_agent.namespace import Namespace
from host_agent.observed import NatTable
from host_agent.programs import SEARCH_PATH
from projections.host_nat import FAMILY, TABLE, Chain, Command, document

_LIBRARY = "libnftables.so.1"
_JSON_IN_AND_OUT = 1 << 4
_TIMEOUT_S = 30.0


class Engine(Protocol):
    """Whatever runs a document of libnftables' JSON."""

    def run(self, commands: bytes) -> bytes:
        """Run the commands as one transaction and return what they list.

        Raises:
            NftFailed: they were refused.

        """

    def close(self) -> None:
        """Give back what it holds."""


class Library:
    """libnftables in this process: 25 to 50 times faster for a change than starting a program."""

    def __init__(self, namespace: Namespace) -> None:
        """Load the library and make a context, which stays in the namespace where it was made.

        Raises:
            OSError: the library is not there.
            BrokenEnvironment: there is no such namespace, or it may not be entered.

        """
        library = ctypes.CDLL(_LIBRARY)
        library.nft_ctx_new.restype = ctypes.c_void_p
        library.nft_ctx_get_output_buffer.restype = ctypes.c_char_p
        library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._library = library
        self._context: ctypes.c_void_p | None = ctypes.c_void_p(
            namespace.call(lambda: library.nft_ctx_new(0))
        )
        library.nft_ctx_output_set_flags(self._context, ctypes.c_uint(_JSON_IN_AND_OUT))
        library.nft_ctx_buffer_output(self._context)
        library.nft_ctx_buffer_error(self._context)

    def run(self, commands: bytes) -> bytes:
        """Run the commands as one transaction and return what they list.

        Raises:
            NftFailed: they were refused.

        """
        status = self._library.nft_run_cmd_from_buffer(self._context, ctypes.c_char_p(commands))
        output: bytes = self._library.nft_ctx_get_output_buffer(self._context) or b""
        errors: bytes = self._library.nft_ctx_get_error_buffer(self._context) or b""
        if status != 0:
            raise _failed(errors)
        return output

    def close(self) -> None:
        """Free the context."""
        if self._context is not None:
            self._library.nft_ctx_free(self._context)
            self._context = None


class Program:
    """The `nft` program, started for each transaction."""

    def __init__(self, namespace: Namespace, path: str) -> None:
        """Remember where it is."""
        self._namespace = namespace
        self._path = path

    def run(self, commands: bytes) -> bytes:
        """Run the commands as one transaction and return what they list.

        Raises:
            NftFailed: they were refused, or the program did not end in time.

        """
        arguments = [self._path, "-j", "-f", "-"]
        try:
            done = self._namespace.call(
                lambda: subprocess.run(
                    arguments, input=commands, capture_output=True, timeout=_TIMEOUT_S, check=False
                )
            )
        except subprocess.TimeoutExpired as error:
            raise NftFailed(f"nft did not end within {_TIMEOUT_S:g} s") from error
        if done.returncode != 0:
            raise _failed(done.stderr)
        return done.stdout

    def close(self) -> None:
        """Do nothing: nothing is held."""


def _failed(errors: bytes) -> NftFailed:
    lines = errors.decode(errors="replace").splitlines()
    said = next((line.strip() for line in lines if line.strip()), "no reason given")
    return NftFailed(f"nftables refused a change, and nothing of it was made: {said}")


def open_engine(namespace: Namespace) -> Engine:
    """Return the library where there is one, else the program.

    Raises:
        BrokenEnvironment: there is neither.

    """
    try:
        return Library(namespace)
    except OSError:
        path = shutil.which("nft", path=SEARCH_PATH)
    if path is None:
        raise BrokenEnvironment(
            "nftables is missing: install package libnftables1 or nftables (apt-get install nftables)"
        )
    return Program(namespace, path)


class Nft:
    """The NAT table of one namespace."""

    def __init__(self, engine: Engine) -> None:
        """Work through an engine, which is closed with this."""
        self._engine = engine

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()

    def apply(self, commands: list[Command]) -> None:
        """Run commands as one transaction.

        Raises:
            NftFailed: they were refused, and nothing of them was made.

        """
        self._engine.run(document(commands))

    def observe(self) -> NatTable | None:
        """Return our table, or None where there is none.

        Raises:
            NftFailed: the kernel's tables cannot be read, as without CAP_NET_ADMIN.

        """
        tables = self._list({"tables": {"family": FAMILY}})
        if not any(each.get("table", {}).get("name") == TABLE for each in tables):
            return None
        return _parsed(self._list({"table": {"family": FAMILY, "name": TABLE}}))

    def _list(self, what: Command) -> list[dict[str, Any]]:
        output = self._engine.run(document([{"list": what}]))
        listed: list[dict[str, Any]] = from_json(output)["nftables"] if output else []
        return listed


def _parsed(listed: list[dict[str, Any]]) -> NatTable:
    maps: dict[str, tuple[str, ...]] = {}
    elements: dict[str, dict[tuple[str, ...], str]] = {}
    rules: dict[str, list[str]] = {}
    for item in listed:
        if "map" in item:
            found = item["map"]
            kind = found["type"]
            maps[found["name"]] = (kind,) if isinstance(kind, str) else tuple(kind)
            elements[found["name"]] = {_key(key): value for key, value in found.get("elem", ())}
        elif "rule" in item:
            rules.setdefault(item["rule"]["chain"], []).append(item["rule"].get("comment", ""))
    bases = (item["chain"] for item in listed if "chain" in item)
    chains = tuple(
        Chain(base["name"], base.get("hook", ""), base.get("prio", 0), tuple(rules.get(base["name"], ())))
        for base in bases
    )
    return NatTable(chains, maps, elements)


def _key(key: str | dict[str, list[str]]) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else tuple(key["concat"])
