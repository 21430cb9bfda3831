"""Conjunctions and disjunctions of any number of formulas: of none or one too, which the SMT-LIB standard has not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import z3


def conjunction(formulas: Iterable[Any]) -> Any:
    """Return the formula that all of these hold."""
    some = list(formulas)
    return some[0] if len(some) == 1 else z3.And(*some) if some else z3.BoolVal(True)


def disjunction(formulas: Iterable[Any]) -> Any:
    """Return the formula that at least one of these holds."""
    some = list(formulas)
    return some[0] if len(some) == 1 else z3.Or(*some) if some else z3.BoolVal(False)
