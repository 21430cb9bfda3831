"""Formulas and steps as text for people: over the names of the state, with the signs of mathematics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import z3

from rollproof.model.fields import fields_of
from rollproof.model.symbolic.containers import PRESENCE
from rollproof.model.symbolic.shapes import PARTS
from rollproof.model.symbolic.values import SOptional, term_of
from rollproof.model.theorems.property import StepView
from rollproof.reference.state import Phase

WIDTH = 300
"""How long a formula may be, in characters, before its end is left out."""
_LEAVES_OUT = "peer."
_SIGNS = {
    z3.Z3_OP_AND: " ∧ ",
    z3.Z3_OP_OR: " ∨ ",
    z3.Z3_OP_IMPLIES: " → ",
    z3.Z3_OP_EQ: " = ",
    z3.Z3_OP_DISTINCT: " ≠ ",
    z3.Z3_OP_LE: " ≤ ",
    z3.Z3_OP_LT: " < ",
    z3.Z3_OP_GE: " ≥ ",
    z3.Z3_OP_GT: " > ",
    z3.Z3_OP_ADD: " + ",
    z3.Z3_OP_SUB: " - ",
    z3.Z3_OP_MUL: " · ",
}
_NEGATED = {
    z3.Z3_OP_EQ: " ≠ ",
    z3.Z3_OP_LE: " > ",
    z3.Z3_OP_LT: " ≥ ",
    z3.Z3_OP_GE: " < ",
    z3.Z3_OP_GT: " ≤ ",
}
_NOT, _RELATION, _ATOM = 3, 4, 9
_LEVELS = {
    z3.Z3_OP_IMPLIES: 1,
    z3.Z3_OP_AND: 2,
    z3.Z3_OP_OR: 2,
    z3.Z3_OP_EQ: _RELATION,
    z3.Z3_OP_DISTINCT: _RELATION,
    z3.Z3_OP_LE: _RELATION,
    z3.Z3_OP_LT: _RELATION,
    z3.Z3_OP_GE: _RELATION,
    z3.Z3_OP_GT: _RELATION,
    z3.Z3_OP_ADD: 5,
    z3.Z3_OP_SUB: 5,
    z3.Z3_OP_UMINUS: 6,
    z3.Z3_OP_MUL: 7,
}
"""How strongly each operation binds."""


def readable(term: Any, limit: int | None = WIDTH) -> str:
    """Return a term as one line; what goes beyond `limit` characters is left out, and three dots say so."""
    text = _text(term, ())
    return text if limit is None or len(text) <= limit else f"{text[: limit - 2]} …"


def changed(view: StepView, limit: int | None) -> str:
    """Return what a step changes: assignments of leaves; containers are only named."""
    told = list(_assignments("", view.before, view.after, limit))
    events = ", ".join(type(event).__name__ for event in view.events)
    return "; ".join((*(told or ["nothing changes"]), *([f"reports {events}"] if events else [])))


def _assignments(name: str, before_: Any, after: Any, limit: int | None) -> Iterator[str]:
    if before_ is after:
        return
    if isinstance(after, SOptional) or before_ is None or after is None or getattr(after, "term", None) is not None:
        yield f"{name} := {_leaf(after, limit)}"
    elif isinstance(after, tuple(PARTS.values())):
        olds = fields_of(before_)
        for each, value in fields_of(after).items():
            yield from _assignments(f"{name}.{each}" if name else each, olds[each], value, limit)
    elif isinstance(after, bool | int):
        yield f"{name} := {after}"
    else:
        yield f"{name} changes"


def _leaf(value: Any, limit: int | None) -> str:
    if value is None:
        return "none"
    if isinstance(value, SOptional):
        return f"{_leaf(value.value, limit)} if {readable(value.there, limit)} else none"
    return (
        readable(term_of(value), limit)
        if getattr(value, "term", None) is not None
        else str(getattr(value, "value", value))
    )


def _text(term: Any, bound: tuple[str, ...]) -> str:
    if z3.is_var(term):
        return str(bound[-1 - z3.get_var_index(term)])
    if z3.is_quantifier(term):
        names = tuple(term.var_name(number) for number in range(term.num_vars()))
        sign = "∀" if term.is_forall() else "∃"
        return f"{sign}{', '.join(names)}: {_text(term.body(), (*bound, *names))}"
    if z3.is_int_value(term):
        return str(term.as_long())
    kind, parts = term.decl().kind(), term.children()
    if kind == z3.Z3_OP_UNINTERPRETED:
        return _named(term.decl().name(), [_text(each, bound) for each in parts])
    if kind == z3.Z3_OP_NOT:
        return _negated(parts[0], bound)
    if kind == z3.Z3_OP_ITE:
        condition, left, right = (_inside(each, bound, _NOT) for each in parts)
        return f"({left} if {condition} else {right})"
    if kind == z3.Z3_OP_UMINUS:
        return f"-{_inside(parts[0], bound, _RELATION)}"
    if kind in _SIGNS and parts:
        return _joined(kind, _SIGNS[kind], parts, bound)
    return "true" if z3.is_true(term) or kind == z3.Z3_OP_AND else "false" if z3.is_false(term) else str(term)


def _joined(kind: int, sign: str, parts: list[Any], bound: tuple[str, ...]) -> str:
    if len(parts) == 2 and any(_is_phase(each) for each in parts):
        return sign.join(_phase(each, bound) for each in parts)
    return sign.join(_inside(each, bound, _LEVELS.get(kind, _RELATION)) for each in parts)


def _inside(term: Any, bound: tuple[str, ...], level: int) -> str:
    """Return a term as it stands within another one: in brackets, unless it binds more strongly."""
    text = _text(term, bound)
    return text if _level(term) > level else f"({text})"


def _level(term: Any) -> int:
    if z3.is_var(term):
        return _ATOM
    if z3.is_quantifier(term):
        return 0
    kind = term.decl().kind()
    if kind == z3.Z3_OP_NOT:
        return _RELATION if _is_negated(term.arg(0)) else _NOT
    if kind == z3.Z3_OP_UNINTERPRETED:
        return _RELATION if term.decl().name().endswith((PRESENCE, "?")) else _ATOM
    return _LEVELS.get(kind, _ATOM) if term.num_args() else _ATOM


def _is_negated(term: Any) -> bool:
    """Tell whether the negation of a term is written with a sign of its own."""
    if not z3.is_app(term):
        return False
    is_presence = term.decl().kind() == z3.Z3_OP_UNINTERPRETED and term.decl().name().endswith((PRESENCE, "?"))
    return is_presence or term.decl().kind() in _NEGATED


def _negated(term: Any, bound: tuple[str, ...]) -> str:
    if not _is_negated(term):
        return f"¬{_inside(term, bound, _NOT)}"
    if term.decl().kind() in _NEGATED:
        return _joined(term.decl().kind(), _NEGATED[term.decl().kind()], term.children(), bound)
    return _text(term, bound).replace(" ∈ ", " ∉ ").replace(" ≠ none", " = none")


def _named(name: str, arguments: list[str]) -> str:
    name = name.removeprefix(_LEAVES_OUT)
    index = ", ".join(arguments)
    if name.endswith("?"):
        return f"{name[:-1]}{f'[{index}]' if index else ''} ≠ none"
    if name.endswith(PRESENCE) and index:
        return f"{f'({index})' if len(arguments) > 1 else index} ∈ {name.removesuffix(PRESENCE)}"
    if not index:
        return name
    return f"{name.removesuffix('.at')}[{index}]" if "." in name else f"{name}({index})"


def _is_phase(term: Any) -> bool:
    return _is_uninterpreted(term) and term.decl().name().endswith(".phase")


def _is_uninterpreted(term: Any) -> bool:
    return bool(z3.is_app(term)) and term.decl().kind() == z3.Z3_OP_UNINTERPRETED


def _phase(term: Any, bound: tuple[str, ...]) -> str:
    return list(Phase)[term.as_long()].value if z3.is_int_value(term) else _text(term, bound)
