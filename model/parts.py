"""Comparing states fast: each part of a state has a number, and what is computed from parts is remembered.

Most steps change few of a peer's parts, and most guards and properties read few of them. So a state is known by the
numbers of its parts, and a function of states is evaluated once for each combination of the parts that it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum
from operator import itemgetter
from typing import Any, ClassVar, Generic, TypeVar

import attrs
from rpds import HashTrieMap, Queue

from reference.containers import FrameMap, InputTable, Sequence
from reference.state import Peer

R = TypeVar("R")

PARTS = tuple(each.name for each in attrs.fields(Peer) if each.name not in ("config", "world"))
"""The parts of a peer that steps change, in the order of a key."""

Key = tuple[int, ...]
"""The numbers of a state's parts, in the order of `PARTS`."""


class Numbers:
    """Numbers equal things equally, within one search."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._numbers: dict[Hashable, int] = {}
        self._frozen: dict[int, tuple[Any, Hashable]] = {}

    def key(self, peer: Peer) -> Key:
        """Return the key of a state."""
        return tuple(self.of(getattr(peer, name)) for name in PARTS)

    def key_after(self, before: Peer, key: Key, after: Peer) -> Key:
        """Return the key of a state that a step from the state with `key` leads to."""
        old, new = vars(before), vars(after)
        return tuple(
            number if old[name] is new[name] else self.of(new[name]) for name, number in zip(PARTS, key, strict=True)
        )

    def of(self, value: Any) -> int:
        """Return the number of a value."""
        if type(value) is int:
            return value
        frozen = self.freeze(value)
        return self._numbers.setdefault(frozen, len(self._numbers))

    def freeze(self, value: Any) -> Hashable:
        """Return a hashable value that equals another one's exactly if the values are equal."""
        kind = type(value)
        if kind in _ATOMS or isinstance(value, Enum):
            return value  # type: ignore[no-any-return]
        known = self._frozen.get(id(value))
        if known is not None:
            return known[1]
        frozen = self._freeze(kind, value)
        self._frozen[id(value)] = (value, frozen)  # the value is kept, so that its id is not used again
        return frozen

    def _freeze(self, kind: type, value: Any) -> Hashable:
        freeze = self.freeze
        if kind is FrameMap:
            return frozenset((frame, freeze(each)) for frame, each in value.entries.items())
        if kind is InputTable:
            return frozenset(value.table.rows.items())
        if kind is Sequence or kind is Queue:
            return tuple(freeze(item) for item in value)
        if kind is HashTrieMap or kind is dict:
            return frozenset((name, freeze(each)) for name, each in value.items())
        if kind is tuple:
            return tuple(freeze(item) for item in value)
        if attrs.has(kind):
            return (kind.__name__, *(freeze(each) for each in vars(value).values()))
        hash(value)
        return value  # type: ignore[no-any-return]


_ATOMS = frozenset({int, str, bool, float, type(None), frozenset})


class Watched(Peer):
    """A peer that tells which of its parts are read."""

    reads: ClassVar[set[str]] = set()

    def __getattribute__(self, name: str) -> Any:
        if name in _PART_SET:
            Watched.reads.add(name)
        elif name == "__dict__":
            Watched.reads.update(PARTS)
        return object.__getattribute__(self, name)


_PART_SET = frozenset(PARTS)


def watched(peer: Peer) -> Watched:
    """Return a peer that is equal to `peer` and tells what is read of it."""
    watching = object.__new__(Watched)
    object.__setattr__(watching, "__dict__", vars(peer))
    return watching


class Remembered(Generic[R]):
    """A function of states and more, evaluated once for each combination of the states' parts that it reads.

    The parts are found by watching. A function that turns out to read one more part forgets what it remembered.
    """

    def __init__(self, function: Callable[..., R], states: int = 1, more: int = 0) -> None:
        """Remember a function whose first arguments are so many states, and then more arguments with numbers."""
        self._function = function
        self._states = states
        self._more = more
        self._reads: set[str] = set()
        self._results: dict[Hashable, R] = {}
        self._choose()

    def __call__(self, key: tuple[int, ...], *args: Any) -> R:
        """Return the function's value. `key` joins the keys of the states and the numbers of the other arguments."""
        selected = self._select(key)
        try:
            return self._results[selected]
        except KeyError:
            pass
        Watched.reads = set()
        result = self._function(*map(watched, args[: self._states]), *args[self._states :])
        if not Watched.reads <= self._reads:
            self._reads |= Watched.reads
            self._results.clear()
            self._choose()
            selected = self._select(key)
        self._results[selected] = result
        return result

    def _choose(self) -> None:
        width = len(PARTS)
        read = [at for at, name in enumerate(PARTS) if name in self._reads]
        indexes = [width * state + at for state in range(self._states) for at in read]
        indexes += range(width * self._states, width * self._states + self._more)
        self._select: Callable[[tuple[int, ...]], Hashable] = itemgetter(*indexes) if indexes else _nothing


def _nothing(_: object) -> tuple[()]:
    return ()
