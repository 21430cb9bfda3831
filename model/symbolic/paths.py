"""Run plain Python on symbolic values along every path it can take.

A symbolic condition asks the current path which way to go. The first time it is told "true", and the other way is
remembered; the function is then run again until every way has been taken. The solver is never asked whether a way is
possible: that question has quantifiers in it, and its satisfiable side may take for ever. An impossible path costs one
obligation that holds trivially.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, ClassVar

import z3
from attrs import field, frozen

from rollproof.model.bounded import bounded
from rollproof.model.symbolic.formulas import conjunction, implication, negation

MAX_PATHS = 2_000
"""How many paths one function may have; more than any transition of the reference by far."""
MAX_DECISIONS = 200
"""How many decisions one path may take before it is held to loop."""


class RefusedError(Exception):
    """A stand-in is asked something that it cannot answer as what it stands for would."""


class UnexplorableError(Exception):
    """A function cannot be run on symbolic values: it loops on one, or has too many paths."""


@frozen
class Explored:
    """One path through a function."""

    conditions: tuple[Any, ...]
    """What holds on this path: the decisions taken, as formulas."""
    facts: tuple[Any, ...]
    """What defines the constants that were introduced on the way, each under the decisions taken before it."""
    result: Any = None
    """What the function returned."""
    error: Exception | None = field(default=None, eq=False)
    """What it raised instead."""


class Execution:
    """The path being taken now."""

    current: Execution | None = None
    numbers: ClassVar[Any] = count(1)
    """One for each constant that is ever introduced: what two executions say of theirs is never mixed up."""

    def __init__(
        self, prefix: list[bool], stem: str, bound: Sequence[Any] = (), named: dict[tuple[Any, ...], str] | None = None
    ) -> None:
        """Take the decisions of `prefix` first; let new names begin with `stem`.

        What is introduced depends on the variables `bound` of the quantifiers around this execution. `named` holds the
        names that other paths of it have introduced: up to where two paths part, they are one, and so are their names.
        """
        self.prefix = prefix
        self.stem = stem
        self.bound = tuple(bound)
        self.named = {} if named is None else named
        self.introduced = 0
        self.refused: tuple[int, Exception] | None = None
        """After how many decisions a stand-in refused to answer, and how: it stays so, whoever catches the error."""
        self.taken: list[bool] = []
        self.conditions: list[Any] = []
        self.facts: list[Any] = []
        self.known: dict[int, bool] = {}
        self.alternatives: list[list[bool]] = []
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
        otherwise = z3.simplify(negation(condition))
        self.taken.append(way)
        self.conditions.append(condition if way else otherwise)
        self.known[condition.get_id()] = way
        self.known[otherwise.get_id()] = not way
        self.memory[len(self.memory), "kept alive"] = (condition, otherwise)
        return way

    def introduce(self, stem: str, sort: Any, *domain: Any) -> Callable[..., Any]:
        """Return a function that nothing else speaks of: from terms of the sorts `domain` to a term of `sort`."""
        self.introduced += 1
        here = (*self.taken, self.introduced)
        if here not in self.named:
            self.named[here] = f"{self.stem}{stem}!{next(self.numbers)}"
        name = self.named[here]
        sorts = [*(each.sort() for each in self.bound), *domain]
        if not sorts:
            return lambda: z3.Const(name, sort)
        function = z3.Function(name, *sorts, sort)
        return lambda *terms: function(*self.bound, *terms)

    def define(self, *facts: Any) -> None:
        """Note what is true of constants that were introduced just now."""
        for fact in facts:
            self.facts.append(implication(conjunction(self.conditions), fact) if self.conditions else fact)


def current() -> Execution:
    """Return the path being taken.

    Raises:
        RuntimeError: if a symbolic value is used as a Python truth value outside of one.
    """
    if Execution.current is None:
        raise RuntimeError("a symbolic condition was used as a Python bool outside of an exploration")
    return Execution.current


def refuse(what: str) -> Any:
    """Refuse to answer what only a value could; outside of an execution too.

    Raises:
        RefusedError: always.
    """
    error = RefusedError(what)
    path = Execution.current
    if path is not None and path.refused is None:
        path.refused = len(path.conditions), error
    raise error


def explore(function: Callable[[], Any], stem: str = "", bound: Sequence[Any] = ()) -> list[Explored]:
    """Run `function` along every path. Names that it introduces begin with `stem`, and may depend on `bound`.

    Raises:
        UnexplorableError: if it loops on a symbolic value, or has more than `MAX_PATHS` paths.
    """
    explored: list[Explored] = []
    named: dict[tuple[Any, ...], str] = {}
    prefixes: list[list[bool]] = [[]]
    while prefixes:
        if len(explored) >= MAX_PATHS:
            raise UnexplorableError(f"more than {MAX_PATHS} paths")
        path = Execution(prefixes.pop(), stem, bound, named)
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
        conditions = path.conditions
        if path.refused is not None:
            number, error = path.refused
            conditions = conditions[:number]
        explored.append(Explored(tuple(conditions), tuple(path.facts), result, error))
    return explored
