"""Values that never change, and how a changed copy of one is made.

Every part of the state, every event and every message is declared `frozen`, and the type checker holds everybody to it.
At run time it is an ordinary class with slots: the check that attrs would add to each assignment makes a new object two
to three times as expensive, and to make new objects is most of what a pure state machine does. A test runs a whole
session with that check in place.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from rollproof.reference.copying import copier

if TYPE_CHECKING:
    from attrs import evolve, frozen

T = TypeVar("T")

if not TYPE_CHECKING:

    def frozen(cls):
        """Declare a class whose objects never change."""
        hashes_itself = cls.__dict__.get("__hash__") is not None
        declared = attrs.define(unsafe_hash=None if hashes_itself else True)(cls)
        declared.__copy__ = copier(declared)
        return declared

    def evolve(value, /, **changes):
        """Return a copy of `value` with the named fields replaced: of a value, or of a part of a protocol."""
        try:
            copy = value.__copy__()
        except AttributeError:
            return attrs.evolve(value, **changes)
        for name in changes:
            setattr(copy, name, changes[name])
        return copy


def given(value: T | None) -> T:
    """Return an optional value that a guard promises is there.

    Raises:
        LookupError: if it is not; the proofs show that this cannot happen.
    """
    if value is None:
        raise LookupError("a value that the guards promise is missing")
    return value


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False, default=dict)


def canonical(value: object) -> str:
    r"""Return a value as the one JSON text that it has, so that ports in other languages write the same.

    There are no spaces, and the keys of an object are in the order of their code points. In a string `"` and `\` have a
    backslash before them; `\b`, `\f`, `\n`, `\r` and `\t` are so; each other character that is not from U+0020 to
    U+007E is `\u` and four lower-case hexadecimal digits, one beyond U+FFFF two of these. An integer is its decimal
    digits. A float has the fewest digits that are read back as the same double, and always a point or an exponent: from
    1e-4 to below 1e16 in magnitude a point with a digit after it (`1.0`, `0.0001`); beyond that one digit before it,
    if any, and a signed exponent of at least two digits (`1e+16`, `1.5e-07`). What is not finite is `NaN`,
    `Infinity` or `-Infinity`.

    Raises:
        TypeError: if it is no JSON value; tuples are lists, and any mapping is an object.
    """
    return _CANONICAL.encode(value)


def normal(action: Any) -> Any:
    """Return an action as it is kept: −0.0 becomes 0.0, so that no two texts mean one number (IN-13)."""
    if type(action) is float:
        return action + 0.0
    if type(action) is tuple:
        return tuple(map(normal, action))
    return action


def same(one: object, other: object) -> bool:
    """Tell whether two actions are the same: Python takes 1, 1.0 and True for equal, the data does not (IN-13).

    Of actions that are `normal` it tells whether their canonical texts are equal, and is faster.
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


__all__ = ["canonical", "evolve", "frozen", "given", "normal", "same"]
