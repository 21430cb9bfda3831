"""Making a failing case small (delta debugging): what is left fails in the same clause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from conformance.cases import Case
from conformance.schema import Json

T = TypeVar("T")


def minimise(case: Case, fails: Callable[[Case], bool], most_runs: int) -> tuple[Case, int]:
    """Return the smallest case that was found, and how many were tried.

    `fails` tells whether a case still fails in the same clause.
    """
    tried = 0
    progress = True
    while progress and tried < most_runs:
        progress = False
        for candidate in _smaller(case):
            if tried >= most_runs:
                break
            tried += 1
            if fails(candidate):
                case, progress = candidate, True
                break
    return case, tried


def _smaller(case: Case) -> Iterator[Case]:
    """Iterate over cases that are a little smaller, the smallest first."""
    schedule: list[Json] = case["schedule"]
    for kept in _without_chunks(schedule):
        yield case.changed(schedule=kept)
    network = case["network"]
    rules = network.get("rules", [])
    for kept in _without_chunks(rules):
        yield case.changed(network={**network, "rules": kept})
    for number, rule in enumerate(rules):
        for nth in _without_chunks(rule.get("nth", [])):
            if nth:
                yield case.changed(network={**network, "rules": _replaced(rules, number, {**rule, "nth": nth})})
    if "latencies" in network:
        yield case.changed(network={name: value for name, value in network.items() if name != "latencies"})
    for name in case.config:
        yield case.changed(config={key: value for key, value in case.config.items() if key != name})
    for number, step in enumerate(schedule):
        for simpler in _simpler(step):
            yield case.changed(schedule=_replaced(schedule, number, simpler))


def _without_chunks(items: Sequence[T]) -> Iterator[list[T]]:
    size = len(items)
    while size >= 1:
        for start in range(0, len(items), size):
            yield [*items[:start], *items[start + size :]]
        size //= 2


def _simpler(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for at, value in enumerate(step.get("round", ())):
        if value:
            yield {"round": _replaced(step["round"], at, 0)}
    if step.get("input"):
        yield {**step, "input": 0}
    if step.get("resumes"):
        yield {**step, "resumes": step["resumes"] - 1}


def _replaced(items: Sequence[T], at: int, item: T) -> list[T]:
    return [*items[:at], item, *items[at + 1 :]]
