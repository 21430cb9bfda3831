"""Formulas made of formulas.

The solver's own functions look at the sorts of what they are given, each time anew. These know that it is formulas,
which makes a proof several per cent faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import z3

TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)
_CONTEXT = z3.main_ctx()


def conjunction(formulas: Iterable[Any]) -> Any:
    """Return the formula that all of these hold, of which there may be one or none."""
    some = list(formulas)
    return some[0] if len(some) == 1 else _of(z3.Z3_mk_and, some) if some else TRUE


def disjunction(formulas: Iterable[Any]) -> Any:
    """Return the formula that at least one of these holds, of which there may be one or none."""
    some = list(formulas)
    return some[0] if len(some) == 1 else _of(z3.Z3_mk_or, some) if some else FALSE


def implication(premise: Any, conclusion: Any) -> Any:
    """Return the formula that the conclusion holds if the premise does."""
    return z3.BoolRef(z3.Z3_mk_implies(_CONTEXT.ref(), premise.as_ast(), conclusion.as_ast()), _CONTEXT)


def negation(formula: Any) -> Any:
    """Return the formula that this one does not hold."""
    return z3.BoolRef(z3.Z3_mk_not(_CONTEXT.ref(), formula.as_ast()), _CONTEXT)


def _of(make: Callable[..., Any], formulas: Sequence[Any]) -> Any:
    terms = (z3.Ast * len(formulas))(*[each.as_ast() for each in formulas])
    return z3.BoolRef(make(_CONTEXT.ref(), len(formulas), terms), _CONTEXT)
