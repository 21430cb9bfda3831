"""Comparing states fast: each part of a state has a number, and what is computed from parts is remembered.

Most steps change few of a peer's parts, and most guards and properties read few of them. So a state is known by the
numbers of its parts, and a function of states is evaluated once for each combination of the parts that it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum
from operator import itemgetter
from typing import Any, Generic, TypeVar

import attrs
from immutables import Map

from rollproof.model.fields import fields_of, made
from rollproof.reference.containers import FrameMap, InputTable, Sequence
from rollproof.reference.state import Buffers, Desync, Ending, Inputs, Peer, Rollback

R = TypeVar("R")

_SPLIT: dict[str, type] = {
    "inputs": Inputs,
    "rollback": Rollback,
    "buffers": Buffers,
    "ending": Ending,
    "desync": Desync,
}
"""The parts of a peer that consist of parts in turn."""

_FIELDS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(
    (each.name, tuple(inner.name for inner in attrs.fields(_SPLIT[each.name])) if each.name in _SPLIT else ())
    for each in attrs.fields(Peer)
    if each.name not in ("config", "world")
)

PARTS: tuple[str, ...] = tuple(
    f"{name}.{inner}" if inner else name for name, inners in _FIELDS for inner in inners or ("",)
)
"""The parts that steps change, in the order of a key."""

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
        numbers: list[int] = []
        for name, inners in _FIELDS:
            part = getattr(peer, name)
            numbers += [self.of(getattr(part, inner)) for inner in inners] if inners else [self.of(part)]
        return tuple(numbers)

    def key_after(self, before: Peer, key: Key, after: Peer) -> Key:
        """Return the key of a state that a step from the state with `key` leads to."""
        numbers = list(key)
        at = 0
        for name, inners in _FIELDS:
            old, part = getattr(before, name), getattr(after, name)
            if old is part:
                at += len(inners) or 1
            elif inners:
                for inner in inners:
                    now = getattr(part, inner)
                    if getattr(old, inner) is not now:
                        numbers[at] = self.of(now)
                    at += 1
            else:
                numbers[at] = self.of(part)
                at += 1
        return tuple(numbers)

    def of(self, value: Any) -> int:
        """Return the number of a value."""
        if type(value) is int:
            return value
        frozen = self.freeze(value)
        return self._numbers.setdefault(frozen, BEYOND_INTEGERS - len(self._numbers))

    def freeze(self, value: Any) -> Hashable:
        """Return a hashable value that equals another one's exactly if the values are equal."""
        kind = type(value)
        if kind is float or kind is bool:  # other actions than the integers that Python takes for equal to them
            return kind, value
        if kind in _ATOMS or isinstance(value, Enum):
            atom: Hashable = value
            return atom
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
            return frozenset((player, freeze(row)) for player, row in value.table.rows.items())
        if kind is Sequence:
            return tuple(freeze(item) for item in value)
        if kind is Map or kind is dict:
            return frozenset((name, freeze(each)) for name, each in value.items())
        if kind is tuple:
            return tuple(freeze(item) for item in value)
        if attrs.has(kind):
            return (kind.__name__, *(freeze(each) for each in fields_of(value).values()))
        hash(value)
        other: Hashable = value
        return other


_ATOMS = frozenset({int, str, type(None), frozenset})
BEYOND_INTEGERS = -(1 << 40)
"""Where the numbers of what is no integer begin, downwards: an integer is its own number, and never one of theirs."""


READS: set[str] = set()
"""What has been read of watched states since this was last emptied."""


class Watched(Peer):
    """A peer that tells which of its parts are read."""

    def __getattribute__(self, name: str) -> Any:
        if name in _WHOLE:
            READS.add(name)
        return object.__getattribute__(self, name)


def watched(peer: Peer) -> Peer:
    """Return a peer that is equal to `peer` and tells what is read of it."""
    known = _LATEST.get(id(peer))
    if known is not None:
        return known[1]
    fields = fields_of(peer)
    for name, kind in _WATCHED_PARTS.items():
        fields[name] = made(kind, **fields_of(fields[name]))
    watching: Watched = made(Watched, **fields)
    if len(_LATEST) >= _REMEMBERED:
        _LATEST.clear()
    _LATEST[id(peer)] = peer, watching  # the peer is kept, so that its id is not used again
    return watching


_REMEMBERED = 64
_LATEST: dict[int, tuple[Peer, Watched]] = {}
"""The last peers that were watched: many properties are asked about each."""


def _watching(name: str, kind: type) -> type:
    """Return a class like `kind`, a part of a peer, whose objects tell which of their parts are read."""
    inners = {inner: f"{name}.{inner}" for inner in dict(_FIELDS)[name]}

    def read(self: Any, inner: str) -> Any:
        if inner in inners:
            READS.add(inners[inner])
        return object.__getattribute__(self, inner)

    return type(f"Watched{kind.__name__}", (kind,), {"__getattribute__": read})


_WHOLE = frozenset(name for name, inners in _FIELDS if not inners)
_WATCHED_PARTS = {name: _watching(name, kind) for name, kind in _SPLIT.items()}


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
        READS.clear()
        result = self._function(*map(watched, args[: self._states]), *args[self._states :])
        if not self._reads >= READS:
            self._reads |= READS
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
