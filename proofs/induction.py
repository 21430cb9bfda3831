"""Discharging the obligations, in as many processes as there are cores: simply first, else a fresh solver for each."""

from __future__ import annotations

import time
import typing
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import z3
from attrs import frozen

from rollproof.model.symbolic.formulas import TRUE, conjunction, negation
from rollproof.model.theorems.properties import is_trusting
from rollproof.model.workers import in_parallel
from rollproof.proofs.composition import any_pair, of_two_peers
from rollproof.proofs.obligations import Before, Case, before, of_consequences, of_nothing, of_start, of_transition
from rollproof.reference.transition import Protocol

EFFORT = 3_000_000
"""How many of its own units of work the solver may spend on one obligation, about a second's worth; the hardest of the
present protocol takes a tenth of it. It is work that is limited, not time: a busy machine comes to the same verdict."""
FURTHER_EFFORT = 400_000
"""How many it may spend on each further one of a transition of which one was not proved."""
EFFORT_TOGETHER = 1_000_000
"""How many it may spend on all of a path, before they are tried one by one."""
QUICK_EFFORT = 600_000
"""How many it may spend where little is lost if it gives up."""
LARGE = (
    *("drain_input", "resend_inputs", "send_ack", "give_up_on_partners", "send_inputs", "begin_rollback"),
    *("announce_end", "decide_end", "replay_frame", "receive_ack", "receive_end", "simulate_frame", "promote_frame"),
)
"""The transitions whose proofs take longest; they are begun first, so that no process waits for another at the end."""


@frozen
class Discharge:
    """What became of the obligations of one property on one path."""

    transition: str
    path: str
    property: str
    clause: str
    proved: bool
    reason: str
    """Why it is not proved: the solver's word, and the code's own failure if there is one."""
    states: str = ""
    """A state before and after it, if the solver found one: a counterexample to induction."""


@frozen
class ProofReport:
    """The discharges of one protocol."""

    discharges: tuple[Discharge, ...]
    seconds: float

    @property
    def unproved(self) -> tuple[Discharge, ...]:
        """The obligations that are not proved."""
        return tuple(each for each in self.discharges if not each.proved)

    def of(self, name: str) -> tuple[Discharge, ...]:
        """Return the discharges of one property."""
        return tuple(each for each in self.discharges if each.property == name)


@frozen
class Found:
    """What was proved before of a transition, of the start or of the consequences, and still is."""

    proved: tuple[Discharge, ...]
    lacks: frozenset[str]
    """The properties of which that is not known. What they state must be proved."""
    asked: frozenset[str]
    """The other transitions whose guards what is proved asks about."""


class Memory(typing.Protocol):
    """What was proved before."""

    def find(self, name: str) -> Found | None:
        """Return what is known to be proved of a transition, of the start or of the consequences."""

    def keep(self, name: str, proved: list[Discharge], asked: Collection[str]) -> None:
        """Remember them; `asked` names the other transitions whose guards the properties ask about."""


def prove(
    protocol: Protocol,
    transitions: Iterable[str] | None = None,
    jobs: int | None = None,
    players: int | None = None,
    progress: Callable[[], object] = lambda: None,
    memory: Memory | None = None,
    *,
    until_open: bool = False,
) -> ProofReport:
    """Try to prove every property of a protocol, for any number of players.

    `transitions` restricts it to some, `players` to sessions of so many. `progress` is called after each transition.
    What is in `memory` is not proved again. With `until_open` it is over with the first obligation of a transition that
    is not proved with little effort; then nothing is said of what comes after it.
    """
    started = time.perf_counter()
    names = list(protocol.transitions if transitions is None else transitions)
    items = names if transitions is not None else ["(start)", "(consequences)", *names]
    known = {} if memory is None else {name: memory.find(name) for name in items}
    done = {name: found for name, found in known.items() if found is not None and not found.lacks}
    discharges = [each for found in done.values() for each in found.proved]
    open_ = _largest_first([name for name in items if name not in done])
    if open_:
        any_pair()  # what the processes have in common is made before they are
    proofs = in_parallel(lambda name: _proved_asking(protocol, name, players, known.get(name), until_open), open_, jobs)
    for name, (some, asked) in zip(open_, proofs, strict=True):
        discharges.extend(some)
        proved = all(each.proved for each in some)
        if memory is not None and proved:
            memory.keep(name, some, asked)
        progress()
        if until_open and not proved:
            break
    return ProofReport(tuple(discharges), time.perf_counter() - started)


def prove_transition(protocol: Protocol, name: str, players: int | None = None) -> list[Discharge]:
    """Try to prove every property of one transition, of the start, or what follows from the properties alone."""
    return [each for found in prove_cases(protocol, name, players) for each in found]


def _proved_asking(
    protocol: Protocol, name: str, players: int | None, found: Found | None = None, until_open: bool = False
) -> tuple[list[Discharge], frozenset[str]]:
    """Try to prove every property of one transition, and return which guards the properties asked about as well.

    What was `found` to be proved is not proved again, unless something else is not proved: then nothing is taken for
    known, so that the verdict is that of a proof from nothing.
    """
    if found is not None:
        proved, asked = prove_rest(protocol, name, players, found)
        if all(each.proved for each in proved):
            return proved, asked
    state = before(protocol, players)
    discharges = [each for found in _prove_cases(protocol, state, name, until_open) for each in found]
    return discharges, frozenset(state.q.asked)


def prove_rest(
    protocol: Protocol, name: str, players: int | None, found: Found, effort: int = EFFORT
) -> tuple[list[Discharge], frozenset[str]]:
    """Return what was found to be proved of a transition, and what becomes of the rest, up to what is not proved."""
    state = before(protocol, players, found.lacks)
    proved, simply = list(found.proved), Simply()
    for case in cases(protocol, state, name):
        some = [each for each in discharge(case, effort, simply) if each.property in found.lacks or not each.proved]
        proved += some
        if not all(each.proved for each in some):
            break
    return proved, found.asked | state.q.asked


def prove_cases(protocol: Protocol, name: str, players: int | None = None) -> Iterator[list[Discharge]]:
    """Try to prove every property of one transition, and yield what became of one path after the other."""
    yield from _prove_cases(protocol, before(protocol, players), name)


def _prove_cases(protocol: Protocol, state: Before, name: str, until_open: bool = False) -> Iterator[list[Discharge]]:
    effort = QUICK_EFFORT if until_open else EFFORT
    simply = Simply()
    for case in cases(protocol, state, name):
        found = []
        for each in discharge(case, effort, simply):
            found.append(each)
            if until_open and not each.proved:
                yield found
                return
        if not all(each.proved for each in found):
            effort = FURTHER_EFFORT
        yield found


def cases(protocol: Protocol, state: Before, name: str) -> Iterator[Case]:
    """Yield the cases of one transition, of the start, or of the consequences."""
    try:
        if name == "(start)":
            yield of_start(state)
        elif name == "(consequences)":
            yield from of_consequences(state)
        else:
            for case in of_transition(state, protocol.transitions[name]):
                yield case
                yield from of_two_peers(state, case)
    except Exception as error:
        yield of_nothing(name, error)


class Simply:
    """The solver without preparations for what is hard, which proves nearly everything that can be proved.

    What the cases of one transition share is asserted once. What it does not prove it says nothing of.
    """

    def __init__(self, effort: int = QUICK_EFFORT) -> None:
        """Assert nothing yet. Each proof may take so much effort; with none at all nothing is proved."""
        self._effort = effort
        self._solvers: dict[tuple[int, ...], tuple[list[Any], z3.Solver]] = {}

    def proves(self, case: Case, trusting: bool, goal: Any) -> bool:
        """Tell whether it proves a goal of a case."""
        if not self._effort:
            return False
        premises, trust = case.shared
        shared = [*case.premises[:premises], *(case.trust[:trust] if trusting else ())]
        key = tuple(map(id, shared))
        if key not in self._solvers:
            solver = z3.SimpleSolver()
            solver.set("rlimit", self._effort)
            solver.add(*shared)
            self._solvers[key] = shared, solver  # as long as these are kept, no others have the same ids
        solver = self._solvers[key][1]
        solver.push()
        solver.add(*case.premises[premises:], *(case.trust[trust:] if trusting else ()), negation(goal))
        proved = solver.check() == z3.unsat
        solver.pop()
        return bool(proved)


def discharge(case: Case, effort: int = EFFORT, simply: Simply | None = None) -> Iterator[Discharge]:
    """Yield what becomes of each goal of a case. Goals with the same premises are tried together first.

    With no effort at all it is only tried `simply`, with what is given for the cases of one transition.
    """
    simply = simply or Simply()
    for trusting in (True, False):
        goals = {key: goal for key, goal in case.goals.items() if is_trusting(key[0]) == trusting}
        yield from _discharge(case, trusting, goals, effort, simply)


def premises_of(case: Case, trusting: bool) -> list[Any]:
    """Return what may be assumed in a case."""
    return [*case.trust, *case.premises] if trusting else list(case.premises)


def _discharge(
    case: Case, trusting: bool, goals: dict[tuple[str, str], Any], effort: int, simply: Simply
) -> Iterator[Discharge]:
    premises = premises_of(case, trusting)
    open_ = [goal for goal in goals.values() if goal is not TRUE and not z3.is_true(goal)]
    every = conjunction(open_)
    together = (
        not open_
        or simply.proves(case, trusting, every)
        or (len(open_) > 1 and effort > 0 and _solve(premises, every, min(effort, EFFORT_TOGETHER))[0])
    )
    for (name, clause), goal in goals.items():
        proved, reason, states = (True, "", "") if together else _solve(premises, goal, effort)
        if not proved:
            effort = min(effort, FURTHER_EFFORT)
        reason = reason if proved else case.failure or reason
        yield Discharge(case.transition, case.path, name, clause, proved, reason, states)


def _solve(premises: list[Any], goal: Any, effort: int) -> tuple[bool, str, str]:
    if effort == 0:
        return False, "it was not tried", ""
    solver = solver_with(effort)
    solver.add(*premises, negation(goal))
    result = solver.check()
    if result == z3.unsat:
        return True, "", ""
    if result == z3.sat:
        return False, "the solver found a state in which it fails", str(solver.model())
    reason = solver.reason_unknown()
    tired = "canceled" in reason or "resource" in reason
    return False, "the solver gave up" + (f" after {effort} units of work" if tired else f": {reason}"), ""


def solver_with(effort: int) -> z3.Solver:
    """Return a solver that gives up after so many units of work."""
    solver = z3.Solver()
    solver.set("rlimit", effort)
    return solver


def _largest_first(names: list[str]) -> list[str]:
    return sorted(names, key=lambda name: LARGE.index(name) if name in LARGE else len(LARGE))
