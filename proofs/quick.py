"""The verdict on a protocol that was changed a little, as soon as possible: what is not known is proved, or refuted.

The same words as everywhere: proved means that every obligation is, refuted that a run violates something. What shows
that the proof says something (sessions, vacuity, necessity, controls) is not looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Literal

from attrs import evolve, frozen

from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.model.search.search import Refuted, search, suited
from rollproof.model.sessions.examined import Broken
from rollproof.model.slips import SlipError
from rollproof.model.traces.trace import Trace
from rollproof.model.workers import called_in_parallel, in_parallel
from rollproof.proofs.counterexamples import Counterexample, replay
from rollproof.proofs.induction import (
    EFFORT_TOGETHER,
    QUICK_EFFORT,
    Discharge,
    Found,
    Simply,
    cases,
    discharge,
    prove,
    prove_rest,
)
from rollproof.proofs.kept import Kept
from rollproof.proofs.necessity import HARM, THEOREMS
from rollproof.proofs.obligations import Case, before
from rollproof.proofs.played import held_sessions
from rollproof.reference.transition import Protocol

FIRST_LIMITS = (100, 500)
"""How many states of an instance are searched, at first."""
MOST_OPEN = 4
"""How many transitions, of which not all is proved, are enough to look for a run that goes wrong."""


@frozen
class QuickVerdict:
    """What is known of a protocol as far as single steps go."""

    status: Literal["proved", "refuted", "undecided"]
    obligations: int
    """How many there are; 0 if not all were stated."""
    proved_anew: tuple[str, ...]
    """What was not known to be proved: transitions, the start, the consequences."""
    trace: Trace | None = None
    """A run that violates something."""
    open: tuple[Discharge, ...] = ()
    """What is not proved, if no run was found."""
    searched: str = ""
    """Where a run was searched for in vain."""
    broken: Broken | None = None
    """What a session breaks, if that was found in place of a run."""


def judge_quickly(
    protocol: Protocol,
    kept: Kept,
    counterexamples: Iterable[Counterexample] = (),
    jobs: int | None = None,
    option: str = "",
) -> QuickVerdict:
    """Prove what is not known to be proved, or find a run that goes wrong.

    The kept runs of other mistakes are tried first: an edit often makes one that was made before. `option` is what
    `rollproof simulate` needs to play a session under the same protocol.
    """
    names = ["(start)", "(consequences)", *protocol.transitions]
    known = {name: kept.find(name) for name in names}
    anew = tuple(name for name, found in known.items() if found is None or found.lacks)
    open_ = _not_quickly_proved(protocol, {name: known[name] for name in anew}, kept, jobs)
    if not open_:
        report = prove(protocol, names, jobs, memory=kept)
        if not report.unproved:
            return QuickVerdict("proved", len(report.discharges), anew)
    trace = _replayed(protocol, anew, counterexamples)
    if trace is not None:
        return QuickVerdict("refuted", 0, anew, trace)
    doubted = [each for some in open_.values() for each in some]
    looks: list[Callable[[], Trace | Broken | tuple[Discharge, ...] | None]] = [
        *_searches(protocol, anew, FIRST_LIMITS[0]),
        *held_sessions(protocol, doubted, option, quickly=True),
        lambda: _still_open(protocol, open_, kept),
    ]
    unproved: tuple[Discharge, ...] = ()
    for found in called_in_parallel(looks, jobs):
        if isinstance(found, Trace):
            return QuickVerdict("refuted", 0, anew, found)
        if isinstance(found, Broken):
            return QuickVerdict("refuted", 0, anew, broken=found)
        unproved = found or ()
    if not unproved:
        report = prove(protocol, names, jobs, memory=kept)
        if not report.unproved:
            return QuickVerdict("proved", len(report.discharges), anew)
        unproved = report.unproved
    scope = ", ".join(f"{each.name} ({FIRST_LIMITS[0]} states)" for each in suited(protocol))
    return QuickVerdict("undecided", 0, anew, None, unproved, scope)


def find_run(
    protocol: Protocol,
    changed: Iterable[str],
    counterexamples: Iterable[Counterexample] = (),
    jobs: int | None = None,
    limits: Iterable[int] = FIRST_LIMITS,
) -> Trace | None:
    """Return a run that goes wrong: a kept one that takes what was changed, or one among the first states; or None.

    `limits` says how many states of each instance are searched, first and then.
    """
    names = tuple(changed)
    trace = _replayed(protocol, names, counterexamples)
    for limit in limits:
        trace = trace or next(filter(None, called_in_parallel(_searches(protocol, names, limit), jobs)), None)
    return trace


Open = dict[str, list[Discharge]]
"""What is not proved of the first path of a transition that is not, by the transition."""


def _not_quickly_proved(protocol: Protocol, known: Mapping[str, Found | None], kept: Kept, jobs: int | None) -> Open:
    """Return what is not proved with little effort, up to a few transitions; what is proved is kept."""

    def task(name: str) -> tuple[list[Discharge], frozenset[str], list[Discharge]]:
        known_of_it = known[name]
        if known_of_it is not None:
            proved, asked = prove_rest(protocol, name, kept.players, known_of_it, QUICK_EFFORT)
            return proved, asked, [each for each in proved if not each.proved]
        state = before(protocol, kept.players)
        found: list[Discharge] = []
        simply = Simply()
        for case in cases(protocol, state, name):
            some = _quickly(case, simply)
            if not all(each.proved for each in some):
                return [], frozenset(), [each for each in some if not each.proved]
            found.extend(some)
        return found, frozenset(state.q.asked), []

    before(protocol, kept.players)  # what the workers have in common is made before they are
    open_: Open = {}
    for name, (found, asked, unproved) in zip(known, in_parallel(task, known, jobs), strict=True):
        if unproved:
            open_[name] = unproved
            if len(open_) == MOST_OPEN:
                break
        else:
            kept.keep(name, found, asked)
    return open_


def _quickly(case: Case, simply: Simply) -> list[Discharge]:
    """Return what is proved with little effort, and with hardly any where a single property is asked."""
    return list(discharge(case, 0 if _is_of_one(case) else QUICK_EFFORT, simply))


def _is_of_one(case: Case) -> bool:
    return len({name for name, _ in case.goals}) == 1


def _still_open(protocol: Protocol, open_: Open, kept: Kept) -> tuple[Discharge, ...]:
    """Return what is not proved with more effort, either, of the first path that was not."""
    for name, some in open_.items():
        for case in cases(protocol, before(protocol, kept.players), name):
            if case.path == some[0].path and case.transition == some[0].transition:
                doubted = {(each.property, each.clause) for each in some}
                goals = {key: goal for key, goal in case.goals.items() if key in doubted}
                found = discharge(evolve(case, goals=goals), EFFORT_TOGETHER, Simply(0))
                unproved = (each for each in found if not each.proved)
                return tuple(islice(unproved, 1) if _is_of_one(case) else unproved)
    return ()


def _replayed(protocol: Protocol, anew: tuple[str, ...], counterexamples: Iterable[Counterexample]) -> Trace | None:
    """Return the shortest kept run that takes something that was changed, and violates something here as well."""
    having = [each for each in counterexamples if {name for name, _ in each.steps} & set(anew)]
    for counterexample in sorted(having, key=lambda each: len(each.steps)):
        trace = replay(protocol, counterexample, HARM) or replay(protocol, counterexample, THEOREMS)
        if trace is not None:
            return trace
    return None


def _searches(protocol: Protocol, anew: tuple[str, ...], limit: int) -> list[Callable[[], Trace | None]]:
    """Return what looks for a run that goes wrong in the first states of each instance that takes what was changed."""
    having = [each for each in suited(protocol) if any(map(each.has, anew))] or list(INSTANCES.values())

    def look(instance: Instance) -> Trace | None:
        try:
            result = search(protocol, THEOREMS, [instance], limit=limit)
        except SlipError:
            raise
        except Exception:  # the code makes what no property can speak of; the proof says so
            return None
        return result.trace if isinstance(result, Refuted) else None

    return [partial(look, each) for each in having]
