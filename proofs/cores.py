"""What a proof rests on: unsatisfiable cores name the lemmas and theorems that an obligation really needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import z3
from attrs import frozen

from rollproof.model.symbolic.formulas import conjunction, negation
from rollproof.model.theorems.properties import is_trusting
from rollproof.model.workers import in_parallel
from rollproof.proofs.induction import EFFORT, cases, solver_with
from rollproof.proofs.obligations import Before, Case, before
from rollproof.reference.transition import Protocol

Clause = tuple[str, str]
"""A property and the name of one of its clauses."""


@frozen
class Rest:
    """What the obligations of some properties need, besides the code and the guards."""

    needs: frozenset[str]
    """The properties of states that are assumed before the step; their own are not counted."""
    transitions: tuple[str, ...]
    """Whose steps they say something of that is not true by its form."""
    obligations: int
    unproved: tuple[Clause, ...]
    """What they need is not known of these."""


def rests(
    protocol: Protocol,
    groups: Mapping[str, Collection[str]],
    jobs: int | None = None,
    *,
    smallest: bool = False,
) -> dict[str, Rest]:
    """Return what the properties of each group rest on, by the group's name; `smallest` takes longer and says less."""
    names = ["(start)", "(consequences)", *protocol.transitions]

    def task(name: str) -> dict[str, Rest]:
        state = before(protocol)
        every = list(cases(protocol, state, name))
        return {group: of_cases(state, every, properties, smallest=smallest) for group, properties in groups.items()}

    found = list(in_parallel(task, names, jobs))
    return {group: _joined([each[group] for each in found]) for group in groups}


def _joined(some: Iterable[Rest]) -> Rest:
    some = list(some)
    return Rest(
        frozenset().union(*(each.needs for each in some)),
        tuple(name for each in some for name in each.transitions),
        sum(each.obligations for each in some),
        tuple(clause for each in some for clause in each.unproved),
    )


def of_cases(state: Before, every: Iterable[Case], properties: Collection[str], *, smallest: bool = False) -> Rest:
    """Return what some properties rest on in some cases."""
    needs: set[str] = set()
    transitions: list[str] = []
    unproved: list[Clause] = []
    obligations = 0
    for case in every:
        goals = {key: goal for key, goal in case.goals.items() if key[0] in properties and not z3.is_true(goal)}
        obligations += len(goals)
        for trusting in (True, False):
            some = {key: goal for key, goal in goals.items() if is_trusting(key[0]) == trusting}
            if some:
                if not all(z3.is_true(z3.simplify(goal)) for goal in some.values()):
                    transitions.append(case.transition)
                core = _core(state, case, conjunction(some.values()), trusting, smallest)
                unproved += [] if core is not None else list(some)
                needs |= core or set()
    return Rest(frozenset(needs - set(properties)), tuple(dict.fromkeys(transitions)), obligations, tuple(unproved))


def _core(state: Before, case: Case, goal: Any, trusting: bool, smallest: bool) -> set[str] | None:
    """Return the properties assumed before that prove a goal, or None if it is not proved."""
    labels = {formula.get_id(): name for (name, _), formula in state.invariants.items()}
    assumed = (*case.premises, *case.trust) if trusting else case.premises
    named = [(formula, labels[formula.get_id()]) for formula in assumed if formula.get_id() in labels]
    others = [formula for formula in assumed if formula.get_id() not in labels]
    core = _tracked(others, named, goal)
    for _ in range(2 if smallest else 0):
        if core:
            core = _tracked(others, [each for each in named if each[1] in core], goal) or core
    return core


def _tracked(premises: Iterable[Any], named: Iterable[tuple[Any, str]], goal: Any) -> set[str] | None:
    solver = solver_with(EFFORT)
    solver.add(*premises, negation(goal))
    names = {}
    for number, (formula, name) in enumerate(named):
        label = f"assumed!{number}"
        names[label] = name
        solver.assert_and_track(formula, label)
    if solver.check() != z3.unsat:
        return None
    return {names[str(each)] for each in solver.unsat_core()}
