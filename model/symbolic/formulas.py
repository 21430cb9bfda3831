"""Truth, falsity, and conjunctions and disjunctions of any number of formulas, of none or one too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import z3

TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)


def conjunction(formulas: Iterable[Any]) -> Any:
    """Return the formula that all of these hold."""
    some = list(formulas)
    return some[0] if len(some) == 1 else z3.And(*some) if some else TRUE


def disjunction(formulas: Iterable[Any]) -> Any:
    """Return the formula that at least one of these holds."""
    some = list(formulas)
    return some[0] if len(some) == 1 else z3.Or(*some) if some else FALSE
