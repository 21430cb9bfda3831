"""Run plain Python on symbolic values along every path it can take.

A symbolic condition asks the current path which way to go. The first time it is told "true", and the other way is
remembered; the function is then run again until every way has been taken. The solver is never asked whether a way is
possible: that question has quantifiers in it, and its satisfiable side may take for ever. An impossible path costs one
obligation that holds trivially.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import z3
from attrs import field, frozen

from rollproof.model.bounded import bounded

MAX_PATHS = 2_000
"""How many paths one function may have; more than any transition of the reference by far."""
MAX_DECISIONS = 200
"""How many decisions one path may take before it is held to loop."""


class UnexplorableError(Exception):
    """A function cannot be run on symbolic values: it loops on one, or has too many paths."""


@frozen
class Explored:
    """One path through a function."""

    conditions: tuple[Any, ...]
    """What holds on this path: the decisions taken, as formulas."""
    facts: tuple[Any, ...]
    """What is true of the constants that were introduced on the way, by their definition."""
    result: Any = None
    """What the function returned."""
    error: Exception | None = field(default=None, eq=False)
    """What it raised instead."""


class Execution:
    """The path being taken now."""

    current: Execution | None = None

    def __init__(self, prefix: list[bool], stem: str) -> None:
        """Take the decisions of `prefix` first; let new names begin with `stem`."""
        self.prefix = prefix
        self.stem = stem
        self.taken: list[bool] = []
        self.conditions: list[Any] = []
        self.facts: list[Any] = []
        self.known: dict[int, bool] = {}
        self.alternatives: list[list[bool]] = []
        self.names = 0
        self.memory: dict[Any, Any] = {}

    def decide(self, condition: Any) -> bool:
        """Return the way to go at `condition`."""
        condition = z3.simplify(condition)
        if z3.is_true(condition) or z3.is_false(condition):
            return bool(z3.is_true(condition))
        if condition.get_id() in self.known:
            return self.known[condition.get_id()]
        if len(self.taken) >= MAX_DECISIONS:
            raise UnexplorableError(f"more than {MAX_DECISIONS} decisions on one path: does it loop?")
        if len(self.taken) < len(self.prefix):
            way = self.prefix[len(self.taken)]
        else:
            way = True
            self.alternatives.append([*self.taken, False])
        negation = z3.simplify(z3.Not(condition))
        self.taken.append(way)
        self.conditions.append(condition if way else negation)
        self.known[condition.get_id()] = way
        self.known[negation.get_id()] = not way
        self.memory[len(self.memory), "kept alive"] = (condition, negation)
        return way

    def name(self, stem: str) -> str:
        """Return a name that is new on this path, and the same whenever the path is taken again."""
        self.names += 1
        return f"{self.stem}{stem}!{self.names}"


def current() -> Execution:
    """Return the path being taken.

    Raises:
        RuntimeError: if a symbolic value is used as a Python truth value outside of one.
    """
    if Execution.current is None:
        raise RuntimeError("a symbolic condition was used as a Python bool outside of an exploration")
    return Execution.current


def explore(function: Callable[[], Any], stem: str = "") -> list[Explored]:
    """Run `function` along every path. Names that it introduces begin with `stem`.

    Raises:
        UnexplorableError: if it loops on a symbolic value, or has more than `MAX_PATHS` paths.
    """
    explored: list[Explored] = []
    prefixes: list[list[bool]] = [[]]
    while prefixes:
        if len(explored) >= MAX_PATHS:
            raise UnexplorableError(f"more than {MAX_PATHS} paths")
        path = Execution(prefixes.pop(), stem)
        Execution.current = path
        result, error = None, None
        try:
            result = bounded(function)
        except UnexplorableError:
            raise
        except Exception as raised:
            error = raised
        finally:
            Execution.current = None
        prefixes.extend(path.alternatives)
        explored.append(Explored(tuple(path.conditions), tuple(path.facts), result, error))
    return explored
