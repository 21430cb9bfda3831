"""Values that never change, and how a changed copy of one is made.

Every part of the state, every event and every message is declared `frozen`, and the type checker holds everybody to it.
At run time it is an ordinary class with slots: the check that attrs would add to each assignment makes a new object two
to three times as expensive, and to make new objects is most of what a pure state machine does. A test runs a whole
session with that check in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

if TYPE_CHECKING:
    from attrs import evolve, frozen

T = TypeVar("T")

if not TYPE_CHECKING:

    def frozen(cls):
        """Declare a class whose objects never change."""
        return attrs.define(unsafe_hash=True)(cls)

    def evolve(value, /, **changes):
        """Return a copy of `value` with the named fields replaced."""
        try:
            copy = COPIERS[type(value)]
        except KeyError:
            copy = _copier(type(value))
        return copy(value, changes)


COPIERS: dict[type, Callable[[Any, dict[str, Any]], Any]] = {}
"""By class: what copies an object and replaces some fields. Each is added when it is needed first, or by `model`."""


def _copier(cls: type) -> Callable[[Any, dict[str, Any]], Any]:
    """Write out the function that copies each field, as attrs does with `__init__`; leave other classes to attrs."""
    assignment: object = cls.__setattr__
    if assignment is not object.__setattr__:
        return COPIERS.setdefault(cls, lambda value, changes: attrs.evolve(value, **changes))
    lines = ["def copy(value, changes):", "    made = new(cls)"]
    lines += [f"    made.{each.name} = value.{each.name}" for each in attrs.fields(cls)]
    lines += ["    for name in changes:", "        setattr(made, name, changes[name])", "    return made"]
    scope: dict[str, Any] = {"cls": cls, "new": object.__new__}
    exec("\n".join(lines), scope)
    return COPIERS.setdefault(cls, scope["copy"])


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


__all__ = ["evolve", "frozen", "given", "same"]
