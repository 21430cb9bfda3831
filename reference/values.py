"""Frozen values and how a changed copy of one is made.

Every part of the state is a frozen attrs class. A step changes a few fields of a large value, so copying must be cheap:
parts that steps change are declared with `slots=False`, and `evolve` copies their instance dictionary instead of
running `__init__` again, which is many times as fast as `attrs.evolve`. Values that are made once and stay as they are
have slots: they are smaller, and quicker to make and to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import attrs

T = TypeVar("T")

if TYPE_CHECKING:
    from attrs import evolve
else:
    new, put = object.__new__, object.__setattr__

    def evolve(value, /, **changes):
        """Return a copy of `value` with the named fields replaced."""
        try:
            fields = {**value.__dict__, **changes}
        except AttributeError:
            return attrs.evolve(value, **changes)
        copy = new(value.__class__)
        put(copy, "__dict__", fields)
        return copy


def given(value: T | None) -> T:
    """Return an optional value that a guard promises is there.

    Raises:
        LookupError: if it is not; the proofs show that this cannot happen.
    """
    if value is None:
        raise LookupError("a value that the guards promise is missing")
    return value


def same(one: object, other: object) -> bool:
    """Tell whether two actions are the same JSON value: Python takes 1, 1.0 and True for equal, the data does not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


__all__ = ["evolve", "given", "same"]
