"""Mends: for a protocol that a run refutes, the guards over its own words with which everything is proved.

A candidate is asked the cheapest question first: does it stop every run that is known to go wrong, at the transition to
blame? Does it leave steps of that transition that are taken somewhere? Is the transition then possible when the rules
say so, and does it keep every property? Last, is everything proved? What is not proved is no mend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import field, frozen

from rollproof.model.bounded import bounded
from rollproof.model.search.explorer import Explorer, named
from rollproof.model.search.instances import INSTANCES
from rollproof.model.theorems.possibility import CONDITIONS
from rollproof.model.traces.trace import Trace
from rollproof.model.workers import in_parallel
from rollproof.proofs.induction import QUICK_EFFORT, Memory, Simply, cases, discharge, prove
from rollproof.proofs.obligations import before
from rollproof.proofs.words import Word, words
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol, Transition

STATES = 400
"""How many states of each instance are looked at for steps that a guard may refuse."""
MORE_STATES = 8 * STATES
"""How many, if there are no such steps in these: where a protocol keeps something of its own there are more states."""
STEPS = 600
"""How many steps of the transition are kept of these."""
MOST_PROVED = 40
"""How many candidates the solver is asked about, for each transition."""
MOST_MENDS = 3
"""How many mends are looked for."""
MOST_ALIKE = 8
"""How many words that answer alike are kept."""
TOGETHER = 8
"""How many candidates are examined before it is looked whether one was found."""
TAKEN_STATES = 500
"""How many states of each instance are looked through for a step of every transition."""


@frozen
class Moment:
    """A state in which a transition is taken, and with which arguments."""

    peer: Peer
    args: Any
    right: bool | None = None
    """Whether it is possible there by the rules; None if they do not say."""


@frozen
class Mend:
    """A guard with which everything is proved."""

    transition: str
    text: str
    """The guard as Python, about `peer` and the transition's arguments, `args`; or the name of one that there is."""
    refused: int
    """How many of the looked-at steps of the transition it refuses."""
    steps: int
    """How many were looked at."""
    protocol: Protocol = field(repr=False)
    """The protocol with it."""


@frozen
class Repair:
    """What came of looking for mends."""

    mends: tuple[Mend, ...]
    """The one that refuses the fewest steps first."""
    tried: int
    """How many conditions were tried."""
    stopping: int
    """How many of them stop the run, and not every step of the transition."""
    blamed: tuple[str, ...]
    """The transitions at which a guard was tried."""


def repair(
    protocol: Protocol,
    trace: Trace,
    memory: Callable[[Protocol], Memory | None] = lambda _: None,
    jobs: int | None = None,
    most: int = MOST_MENDS,
) -> Repair:
    """Look for guards that stop a run which goes wrong, and with which everything is proved.

    `memory` gives what was proved before of a protocol.
    """
    mends: list[Mend] = []
    tried = stopping = 0
    blamed = []
    for name in suspects(protocol, trace):
        blamed.append(name)
        transition = protocol.transitions[name]
        wrong = [
            Moment(step.before, transition.arguments(*(value for _, value in step.args)))
            for step in trace.steps
            if step.transition == name
        ]
        fine = _steps(protocol, name, STATES) or _steps(protocol, name, MORE_STATES)
        found = list(words(protocol, transition))
        tried += len(found)
        chosen = _stopping(found, wrong, fine)
        stopping += len(chosen)
        for word, refused in _keeping(protocol, transition, chosen[:MOST_PROVED], jobs):
            mended = with_guard(protocol, transition, word)
            if not prove(mended, None, jobs, memory=memory(mended)).unproved and _all_taken(protocol, mended):
                mends.append(Mend(name, word.text, refused, len(fine), mended))
                if len(mends) == most:
                    return Repair(tuple(mends), tried, stopping, tuple(blamed))
        if mends:
            break
    return Repair(tuple(mends), tried, stopping, tuple(blamed))


def suspects(protocol: Protocol, trace: Trace) -> list[str]:
    """Return the transitions that a run takes: those that are not as in the present protocol first, then the latest."""
    latest = list(dict.fromkeys(step.transition for step in reversed(trace.steps)))
    if trace.violation is not None and trace.violation.clause in protocol.transitions:
        latest.insert(0, trace.violation.clause)  # an attempt that is possible against the rules
    latest = list(dict.fromkeys(latest))
    return sorted(latest, key=lambda name: PROTOCOL.transitions.get(name) == protocol.transitions[name])


def with_guard(protocol: Protocol, transition: Transition[Any], word: Word) -> Protocol:
    """Return a protocol in which a transition has one more guard."""
    changed = transition.guarded_by(*transition.guards, word.guard)
    return protocol.replace(f"{protocol.name}, mended", changed)


def _steps(protocol: Protocol, name: str, states: int) -> list[Moment]:
    """Return steps of a transition that are taken in the first states of the instances, right or wrong."""
    found: list[Moment] = []
    condition = CONDITIONS.get(name)
    having = [each for each in INSTANCES.values() if each.has(name)]
    for instance in having:
        explorer = Explorer(protocol, instance)
        left = dict.fromkeys((True, False, None), STEPS // len(having) // 2)
        for stepped in explorer.explore(states):
            if stepped.transition.name == name and stepped.after is not None:
                peer, args = stepped.before.peer, named(stepped.transition, stepped.args)
                reading = explorer.readings[stepped.before.run]
                right = None if condition is None else bool(condition(reading, peer, args))
                if left[right] > 0:
                    found.append(Moment(peer, stepped.transition.arguments(*stepped.args), right))
                    left[right] -= 1
    return found


def _stopping(found: Sequence[Word], wrong: list[Moment], fine: list[Moment]) -> list[tuple[Word, int]]:
    """Return the words that stop the run and do not stop everything, those that refuse the fewest steps first.

    Where the rules say when the transition is possible (LI-3), a word must say so too. Of words that answer alike
    wherever they were asked, the first few are kept: they may differ elsewhere.
    """
    alike: dict[tuple[bool, ...], int] = {}
    kept: list[tuple[Word, int]] = []
    for word in found:
        answers = _answers(word, [*wrong, *fine])
        if answers is None or (wrong and all(answers[: len(wrong)])) or not any(answers[len(wrong) :]):
            continue
        pairs = zip(answers[len(wrong) :], fine, strict=True)
        if any(moment.right is not None and moment.right != answer for answer, moment in pairs):
            continue
        alike[answers] = alike.get(answers, 0) + 1
        if alike[answers] <= MOST_ALIKE:
            kept.append((word, answers[len(wrong) :].count(False)))
    return sorted(kept, key=lambda each: (each[1], each[0].size))


def _answers(word: Word, moments: list[Moment]) -> tuple[bool, ...] | None:
    """Return whether a word holds in each moment; None if it cannot be asked there."""
    try:
        return bounded(lambda: tuple(bool(word.guard.holds(each.peer, each.args)) for each in moments))
    except Exception:
        return None


def _keeping(
    protocol: Protocol, transition: Transition[Any], chosen: list[tuple[Word, int]], jobs: int | None
) -> Iterator[tuple[Word, int]]:
    """Yield the words with which the transition keeps every property, and is possible when the rules say so."""

    def task(number: int) -> bool:
        mended = with_guard(protocol, transition, chosen[number][0])
        for name in (transition.name, "(consequences)"):
            simply = Simply()
            for case in cases(mended, before(mended), name):
                if not all(each.proved for each in discharge(case, QUICK_EFFORT, simply)):
                    return False
        return True

    before(protocol)  # what the workers have in common is made before they are
    for start in range(0, len(chosen), TOGETHER):
        numbers = range(start, min(start + TOGETHER, len(chosen)))
        for number, kept in zip(numbers, in_parallel(task, numbers, jobs), strict=True):
            if kept:
                yield chosen[number]


def _all_taken(protocol: Protocol, mended: Protocol) -> bool:
    """Tell whether every transition that is taken in some instance is still taken in one."""
    left = set(protocol.transitions) - _taken(mended, set(protocol.transitions))
    return not left or not left & _taken(protocol, left)


def _taken(protocol: Protocol, names: set[str]) -> set[str]:
    """Return the transitions among some that are taken in the first states of some instance."""
    taken: set[str] = set()
    for instance in INSTANCES.values():
        wanted = {name for name in names - taken if instance.has(name)}
        for stepped in Explorer(protocol, instance).explore(TAKEN_STATES) if wanted else ():
            if stepped.after is not None and stepped.transition.name in wanted:
                taken.add(stepped.transition.name)
                wanted.remove(stepped.transition.name)
                if not wanted:
                    break
    return taken
