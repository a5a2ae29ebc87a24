"""A mapping of few entries that takes little room: a NIC has one address nearly always, which few share.

A dict of one entry takes 184 bytes, an empty one 64; this takes 96 and 40. Entries are searched one by one.
"""

from collections.abc import Iterator, MutableMapping
from typing import Any, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Few(MutableMapping[Key, Value]):
    """A mapping in order of arrival, for a handful of entries."""

    __slots__ = ("_flat",)

    def __init__(self) -> None:
        """Begin empty."""
        self._flat: tuple[Any, ...] = ()
        """Keys and values in turns."""

    def __getitem__(self, key: Key) -> Value:
        value: Value = self._flat[self._place(key) + 1]
        return value

    def __setitem__(self, key: Key, value: Value) -> None:
        flat = self._flat
        if key in self:
            place = self._place(key)
            self._flat = (*flat[: place + 1], value, *flat[place + 2 :])
        else:
            self._flat = (*flat, key, value)

    def __delitem__(self, key: Key) -> None:
        place = self._place(key)
        self._flat = self._flat[:place] + self._flat[place + 2 :]

    def __contains__(self, key: object) -> bool:
        return key in self._flat[::2]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._flat[::2])

    def __len__(self) -> int:
        return len(self._flat) // 2

    def __bool__(self) -> bool:
        return bool(self._flat)

    def __repr__(self) -> str:
        return f"Few({dict(self)})"

    def _place(self, key: Key) -> int:
        try:
            return self._flat[::2].index(key) * 2
        except ValueError:
            raise KeyError(key) from None
