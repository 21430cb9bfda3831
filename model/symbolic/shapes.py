"""Symbolic parts, made from the annotations of the reference's own classes; choosing between them, comparing them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import attrs
import z3

from rollproof.model.designs.design import present
from rollproof.model.fields import fields_of, made
from rollproof.model.symbolic import values as s
from rollproof.model.symbolic.formulas import FALSE, TRUE, conjunction, implication
from rollproof.model.symbolic.values import SBool, SOptional, lazy, term_of
from rollproof.reference import config, state, world

LEAVES: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "int": (s.INT, s.SInt),
    "bool": (s.BOOL, s.SBool),
    "str": (s.TEXT, s.SValue),
    "Player": (s.PLAYER, s.SValue),
    "Action": (s.ACTION, s.SValue),
    "Actions": (s.ACTIONS, s.SActions),
    "JointAction": (s.JOINT, s.SJoint),
    "Outcome": (s.OUTCOME, s.SOutcome),
    "Totals": (s.TOTALS, s.STotals),
    "Digest": (s.DIGEST, s.SDigest),
    "State": (s.STATE, s.SValue),
    "Phase": (s.INT, s.SPhase),
}
"""By annotation: the sort of a leaf, and what wraps a term of it."""

PARTS: dict[str, type] = {
    cls.__name__: cls
    for module in (state, world, config)
    for cls in vars(module).values()
    if isinstance(cls, type) and attrs.has(cls) and cls.__name__ not in LEAVES
}
"""By annotation: the parts of the state."""

CONTAINERS: dict[str, Callable[[str, str], Any]] = {}
"""By annotation: what makes a container, from the annotation of its values and a name."""


def kept() -> type:
    """Return the class of what the protocol that is in force keeps beside: that of an `ExtraState`."""
    return type(present().extra)


def make(annotation: str, name: str, *at: Any) -> Any:
    """Return a symbolic value of an annotation: constants named after `name`, or functions of the terms `at`.

    Raises:
        TypeError: if the annotation has no symbolic counterpart.
    """
    if not at:
        return _made(annotation, name, ())
    key = (annotation, name, *(term.get_id() for term in at))
    if key not in _KNOWN:
        if len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[key] = at, _made(annotation, name, at)
    return _KNOWN[key][1]


_KNOWN: dict[tuple[Any, ...], tuple[tuple[Any, ...], Any]] = {}
"""What was made as functions of terms; the terms are kept as well, so that their numbers stay theirs."""
MOST_KNOWN = 20_000
"""How many of them are kept; then they are made anew."""


def _made(annotation: str, name: str, at: tuple[Any, ...]) -> Any:
    if annotation.endswith(" | None"):
        return SOptional(_apply(s.BOOL, f"{name}?", at), _made(annotation.removesuffix(" | None"), name, at))
    if annotation in LEAVES:
        sort, wrap = LEAVES[annotation]
        return wrap(_apply(sort, name, at))
    if annotation == "tuple[Player, ...]":
        return s.SPlayers(name.rpartition(".")[2])
    if annotation == "World":
        return s.SWorld()
    outer, _, inner = annotation.removesuffix("]").partition("[")
    if outer in CONTAINERS and not at:
        return CONTAINERS[outer](inner, name)
    if annotation in PARTS or annotation == "ExtraState":
        cls = PARTS.get(annotation) or kept()
        return _part(cls, {f.name: _made(str(f.type), f"{name}.{f.name}", at) for f in attrs.fields(cls)})
    raise TypeError(f"{name}: the annotation {annotation!r} has no symbolic counterpart")


def choose(condition: Any, left: Any, right: Any) -> Any:
    """Return `left` where the formula `condition` holds, else `right`, leaf by leaf."""
    if left is right:
        return left
    if isinstance(left, SOptional) or isinstance(right, SOptional) or left is None or right is None:
        return _choose_optional(condition, left, right)
    if attrs.has(type(left)):
        cls = type(left)
        rights = fields_of(right)
        return _part(cls, {name: choose(condition, value, rights[name]) for name, value in fields_of(left).items()})
    stand_in = next((each for each in (left, right) if isinstance(each, s.StandIn)), None)
    wrap = _WRAPS[type(left)] if stand_in is None else type(stand_in)
    return wrap(z3.If(condition, term_of(left), term_of(right)))


def equal(left: Any, right: Any) -> Any:
    """Return the formula that two values are equal, leaf by leaf."""
    if left is right:
        return TRUE
    if isinstance(left, SOptional) or isinstance(right, SOptional) or left is None or right is None:
        left_there, left_value = _optional(left)
        right_there, right_value = _optional(right)
        both = left_value is not None and right_value is not None
        alike = left_there == right_there
        return conjunction((alike, implication(left_there, equal(left_value, right_value)))) if both else alike
    if isinstance(left, s.SPlayers | s.SWorld):
        if type(right) is type(left):  # there is one world, and one set of players
            return TRUE
        raise TypeError(f"a {type(left).__name__} is compared with something else")
    if attrs.has(type(left)):
        return conjunction(equal(value, fields_of(right)[name]) for name, value in fields_of(left).items())
    return term_of(left) == term_of(right)


def _apply(sort: Any, name: str, at: tuple[Any, ...]) -> Any:
    return _function(name, *(term.sort() for term in at), sort)(*at) if at else z3.Const(name, sort)


@lru_cache(10_000)
def _function(name: str, *sorts: Any) -> Any:
    return z3.Function(name, *sorts)


def _part(cls: type, fields: dict[str, Any]) -> Any:
    return made(cls if cls.__name__.startswith("Symbolic") else lazy(cls), **fields)


def _optional(value: Any) -> tuple[Any, Any]:
    if isinstance(value, SOptional):
        return value.there, value.value
    return (FALSE if value is None else TRUE), value


def _choose_optional(condition: Any, left: Any, right: Any) -> Any:
    left_there, left_value = _optional(left)
    right_there, right_value = _optional(right)
    if left_value is None and right_value is None:
        return None
    value = (
        right_value if left_value is None else left_value if right_value is None
        else choose(condition, left_value, right_value)
    )  # fmt: skip
    return SOptional(z3.If(condition, left_there, right_there), value)


_WRAPS: dict[type, Callable[[Any], Any]] = {bool: SBool, int: s.SInt, state.Phase: s.SPhase}
