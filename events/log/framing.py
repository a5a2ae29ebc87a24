"""Headers as one string of bytes, exact and unambiguous: for logs without headers, and for the chain hash.

    u32 size of the names block | names block: (u16 size, UTF-8) per header | u32 size per value | values

All sizes are little-endian. Names come first because a program writes the same few sequences of names over
and over: their block is packed once and remembered, so that 16 headers cost about two microseconds. It is
under the chain hash of every ledger: it never changes.
"""

from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from events.log.port import Headers

HEADERS_MAX = 1024
"""Most headers of one record."""

HEADER_NAME_BYTES_MAX = 1024
"""Longest name of a header, in UTF-8."""

_NAME_SEQUENCES_REMEMBERED_MAX = 256

_U16 = Struct("<H")
_U32 = Struct("<I")


class _Layout(NamedTuple):
    """What all records with the same sequence of header names share."""

    names: tuple[str, ...]
    prefix: bytes
    sizes: Struct


@lru_cache(maxsize=_NAME_SEQUENCES_REMEMBERED_MAX)
def _layout_of_names(names: tuple[str, ...]) -> _Layout:
    if len(names) > HEADERS_MAX:
        raise ValueError(f"{len(names)} headers are more than the {HEADERS_MAX} that a record may have")
    block = bytearray()
    for name in names:
        encoded = name.encode()
        if len(encoded) > HEADER_NAME_BYTES_MAX:
            raise ValueError(f"the header name {name[:40]!r}... is longer than {HEADER_NAME_BYTES_MAX} bytes")
        block += _U16.pack(len(encoded)) + encoded
    return _Layout(names, _U32.pack(len(block)) + block, Struct(f"<{len(names)}I"))


@lru_cache(maxsize=_NAME_SEQUENCES_REMEMBERED_MAX)
def _layout_of_block(block: bytes) -> _Layout:
    names: list[str] = []
    at = 0
    while at < len(block):
        if at + _U16.size > len(block):
            raise ValueError("packed headers end inside a name's size")
        start = at + _U16.size
        at = start + _U16.unpack_from(block, at)[0]
        if at > len(block):
            raise ValueError("packed headers end inside a name")
        names.append(block[start:at].decode())
    return _layout_of_names(tuple(names))


def pack_headers(headers: Headers) -> bytes:
    """Return the one encoding of these headers; their order and repeated names are kept.

    Raises:
        ValueError: more than `HEADERS_MAX` headers, or a name beyond `HEADER_NAME_BYTES_MAX`.

    """
    if not headers:
        return _layout_of_names(()).prefix
    names, values = zip(*headers, strict=False)
    _, prefix, sizes = _layout_of_names(names)
    return b"".join([prefix, sizes.pack(*map(len, values)), *values])


def unpack_headers(packed: bytes) -> Headers:
    """Return the headers that `pack_headers` was given.

    Raises:
        ValueError: these bytes are not what `pack_headers` returns.

    """
    if len(packed) < _U32.size:
        raise ValueError("packed headers end before the names")
    sizes_at = _U32.size + _U32.unpack_from(packed)[0]
    names, _, sizes = _layout_of_block(packed[_U32.size : sizes_at])
    at = sizes_at + sizes.size
    if at > len(packed):
        raise ValueError("packed headers end before the values' sizes")
    values: list[bytes] = []
    for size in sizes.unpack_from(packed, sizes_at):
        values.append(packed[at : at + size])
        at += size
    if at != len(packed):
        raise ValueError(f"packed headers are {len(packed)} bytes long, their sizes add up to {at}")
    return tuple(zip(names, values, strict=True))
