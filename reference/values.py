"""Frozen values and how a changed copy of one is made.

Every part of the state is an attrs class declared with `@frozen(slots=False)`. A step changes a few fields of a large
value, so copying must be cheap: `evolve` copies the instance dictionary instead of running `__init__` again (about four
times as fast as `attrs.evolve`, which the type checker is shown in its place).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from attrs import evolve
else:

    def evolve(value, /, **changes):
        """Return a copy of `value` with the named fields replaced."""
        copy = object.__new__(value.__class__)
        object.__setattr__(copy, "__dict__", value.__dict__ | changes)
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
