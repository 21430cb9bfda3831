"""Making a failing case small (delta debugging): what is left fails in the same clause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from rollproof.conformance.cases.case import Case
from rollproof.conformance.schema import Json

T = TypeVar("T")


class _SpentError(Exception):
    """No more runs are allowed."""


class _Minimiser:
    def __init__(self, case: Case, fails: Callable[[Case], bool], most_runs: int) -> None:
        self.case = case
        self.fails = fails
        self.most_runs = most_runs
        self.runs = 0

    def accepts(self, candidate: Case) -> bool:
        """Take a smaller case in place of the present one, if it still fails."""
        if self.runs >= self.most_runs:
            raise _SpentError
        self.runs += 1
        if self.fails(candidate):
            self.case = candidate
            return True
        return False

    def shorten(self, get: Callable[[Case], Sequence[Any]], put: Callable[[Case, list[Any]], Case]) -> bool:
        """Take away as many items of a list as can be, halves first, then quarters, then single ones."""
        before = len(get(self.case))
        size = before
        while size >= 1:
            start = 0
            while start < len(get(self.case)):
                items = get(self.case)
                if not self.accepts(put(self.case, [*items[:start], *items[start + size :]])):
                    start += size
            size //= 2
        return len(get(self.case)) < before

    def simplify(self) -> bool:
        """Make single steps, settings and rules simpler."""
        simpler = False
        for number in range(len(self.case["schedule"])):
            for step in _simpler(self.case["schedule"][number]):
                changed = _replaced(self.case["schedule"], number, step)
                simpler |= self.accepts(self.case.changed(schedule=changed))
        for name in list(self.case.config):
            rest = {key: value for key, value in self.case.config.items() if key != name}
            simpler |= self.accepts(self.case.changed(config=rest))
        if "latencies" in self.case["network"]:
            rest = {key: value for key, value in self.case["network"].items() if key != "latencies"}
            simpler |= self.accepts(self.case.changed(network=rest))
        return simpler


def minimise(case: Case, fails: Callable[[Case], bool], most_runs: int) -> tuple[Case, int]:
    """Return the smallest case that was found, and how many were tried.

    `fails` tells whether a case still fails in the same clause.
    """
    minimiser = _Minimiser(case, fails, most_runs)
    try:
        while (
            minimiser.shorten(lambda case: case["schedule"], lambda case, steps: case.changed(schedule=steps))
            | minimiser.shorten(_rules, _with_rules)
            | minimiser.simplify()
        ):
            pass
    except _SpentError:
        pass
    return minimiser.case, minimiser.runs


def _rules(case: Case) -> list[Json]:
    """Return the rules, each with a single packet where it counts packets."""
    rules = case["network"].get("rules", [])
    return [
        {**rule, "nth": [number]} if "nth" in rule else rule for rule in rules for number in rule.get("nth", [None])
    ]


def _with_rules(case: Case, rules: list[Json]) -> Case:
    return case.changed(network={**case["network"], "rules": rules})


def _simpler(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Iterate over simpler versions of a step: each is tried alone."""
    for at, value in enumerate(step.get("round", ())):
        if value:
            yield {"round": _replaced(step["round"], at, 0)}
    if step.get("input"):
        yield {**step, "input": 0}
    if step.get("resumes"):
        yield {**step, "resumes": step["resumes"] - 1}


def _replaced(items: Sequence[T], at: int, item: T) -> list[T]:
    return [*items[:at], item, *items[at + 1 :]]
