"""Which guards are needed: each is removed in turn; then something goes wrong, or everything is proved without it.

A guard that is implied by the others need not be tried: without it the protocol is the same. For one that is not, the
transition is proved anew.

The proofs of a transition do not depend on the guards of another one. So the sets of guards that suffice are found
transition by transition: any choice of a sufficient set for each is sufficient for the protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any, Literal

from attrs import frozen

from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.model.search.search import Refuted, search
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.model.theorems.property import Property, Scope
from rollproof.model.traces.trace import Trace
from rollproof.proofs.counterexamples import Counterexample, replay
from rollproof.proofs.implied import is_implied
from rollproof.proofs.induction import QUICK_EFFORT, Discharge, Simply, cases, discharge
from rollproof.proofs.obligations import before
from rollproof.reference.transition import Protocol

Necessity = Literal["needed", "redundant", "undecided"]


class Asked(Sequence[Property | str]):
    """What a protocol is asked, as it is when it is looked at: a design may state theorems of its own."""

    def __init__(self, *without: Scope) -> None:
        """Leave out the theorems of some scopes."""
        self._without = without

    def _all(self) -> tuple[Property | str, ...]:
        some = (each for each in PROPERTIES.values() if each.kind == "theorem" and not each.is_of_two)
        return (*(each for each in some if each.scope not in self._without), NEVER_CRASHES)

    def __getitem__(self, index: Any) -> Any:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())


THEOREMS = Asked()
"""What a removed guard may violate."""
HARM = Asked("possibility")
"""What tells what goes wrong. A run that violates one of these says more than that the rules forbid a step."""
FIRST_LIMIT = 1_000
"""How many states of an instance are searched for harm without a guard, before any step against the rules will do."""
SEARCH_LIMIT = 20_000
"""How many states of an instance are searched for what goes wrong without a guard."""


@frozen
class GuardVerdict:
    """What becomes of the protocol without one guard."""

    transition: str
    guard: str
    sentence: str
    rules: tuple[str, ...]
    verdict: Necessity
    trace: Trace | None = None
    """A run that violates a theorem, if it is needed."""
    open: tuple[Discharge, ...] = ()
    """What could not be proved, if it is undecided."""
    searched: str = ""
    """Where a violation was searched for in vain, if it is undecided."""
    implied: bool = False
    """Whether it is redundant because it never refuses alone, in no state that has every property."""


def check_guard(
    protocol: Protocol,
    transition: str,
    guard: str,
    counterexample: Counterexample | None = None,
    limit: int = SEARCH_LIMIT,
) -> GuardVerdict:
    """Remove one guard, and find out whether anything goes wrong.

    Raises:
        KeyError: if there is no such transition or guard.
    """
    without = protocol.without(transition, guard)
    told = told_of(protocol, transition, guard)
    if counterexample is not None:
        trace = replay(without, counterexample, THEOREMS)
        if trace is not None:
            return GuardVerdict(*told, "needed", trace)
    if is_implied(protocol, transition, guard):
        return GuardVerdict(*told, "redundant", implied=True)
    unproved = first_unproved(without, [transition, "(consequences)"])
    if not unproved:
        return GuardVerdict(*told, "redundant")
    instances = _instances_of(transition, counterexample)
    result = search(without, HARM, instances, limit=min(limit, FIRST_LIMIT))
    if not isinstance(result, Refuted):
        result = search(without, THEOREMS, instances, limit=limit)
    if isinstance(result, Refuted):
        return GuardVerdict(*told, "needed", result.trace)
    scope = ", ".join(f"{c.instance} ({c.states} states{'' if c.exhausted else ', not all'})" for c in result.counts)
    return GuardVerdict(*told, "undecided", None, tuple(unproved), scope)


def told_of(protocol: Protocol, transition: str, guard: str) -> tuple[str, str, str, tuple[str, ...]]:
    """Return what a verdict on a guard begins with: transition, guard, its sentence, and its rules."""
    found = next(each for each in protocol.transitions[transition].guards if each.name == guard)
    return transition, guard, " ".join(found.sentence.split()), found.rules


def first_unproved(protocol: Protocol, names: Iterable[str]) -> list[Discharge]:
    """Return what is not proved of the first case that is not, of these transitions; nothing if all is proved."""
    state = before(protocol)
    for name in names:
        simply = Simply()
        for case in cases(protocol, state, name):
            unproved = [each for each in discharge(case, QUICK_EFFORT, simply) if not each.proved]
            if unproved:
                return unproved
    return []


def sufficient_sets(protocol: Protocol, transition: str, redundant: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the minimal sets of a transition's guards with which everything is proved, each in the order of guards.

    Only guards that are `redundant` one by one need be left out. A set that is not proved sufficient is not listed.
    """
    original = protocol.transitions[transition]
    candidates = [each.name for each in original.guards if each.name in set(redundant)]
    minimal: list[frozenset[str]] = []
    for dropped in _largest_first(candidates):
        if any(dropped <= other for other in minimal):
            continue
        reduced = protocol
        for name in sorted(dropped):
            reduced = reduced.without(transition, name)
        if not dropped or not first_unproved(reduced, [transition, "(consequences)"]):
            minimal.append(dropped)
    return [tuple(each.name for each in original.guards if each.name not in dropped) for dropped in minimal]


def _largest_first(names: list[str]) -> Iterator[frozenset[str]]:
    for size in range(len(names), -1, -1):
        yield from (frozenset(some) for some in combinations(names, size))


def _instances_of(transition: str, counterexample: Counterexample | None) -> list[Instance]:
    having = [each for each in INSTANCES.values() if each.has(transition)]
    hint = counterexample.instance if counterexample else None
    return sorted(having, key=lambda each: each.name != hint)
