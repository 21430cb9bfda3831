"""What differs between two protocols: their parts, and the shortest run to where they behave differently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import takewhile
from typing import Any, Literal

from attrs import evolve, frozen

from rollproof.model.search.arguments import arguments
from rollproof.model.search.explorer import Explorer, Reached, described, effected, named
from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.model.search.interning import Numbers
from rollproof.model.search.search import Count, Refuted, rerun, search, suited
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.theorems.property import Property, name_of
from rollproof.model.traces.describe import describe, plain
from rollproof.model.traces.trace import Trace
from rollproof.model.workers import in_parallel
from rollproof.proofs.induction import QUICK_EFFORT, cases, discharge
from rollproof.proofs.necessity import THEOREMS
from rollproof.proofs.obligations import before
from rollproof.proofs.source import place
from rollproof.proofs.verdict import Status
from rollproof.reference import tick as drivers
from rollproof.reference.state import Peer
from rollproof.reference.transition import Guard, Protocol, Step, Transition

SHALLOW = 1_500
"""How many states of each instance are compared before more of any; then it is only looked for shorter runs."""
LIMIT = 20_000
"""How many states of each instance are compared."""
ROUNDS = 6
"""How often the proof is tried again without what has failed."""
SEARCH_LIMIT = 1_500
"""How many states of each instance are searched for what a theorem that is not proved is violated by."""


@frozen
class Change:
    """One part in which two protocols differ."""

    part: str
    """A transition, TRANSITION.GUARD, or the order of a driver."""
    left: str
    right: str


ABSENT = "not there"


def changes(left: Protocol, right: Protocol) -> list[Change]:
    """Return the parts in which two protocols differ."""
    found = []
    for name in dict.fromkeys((*left.transitions, *right.transitions)):
        ours, theirs = left.transitions.get(name), right.transitions.get(name)
        if ours is None or theirs is None:
            found.append(Change(name, *(ABSENT if each is None else _effect(each) for each in (ours, theirs))))
        else:
            found += _within(ours, theirs)
    for driver in ("tick", "poll"):
        orders = [", ".join(getattr(protocol, driver)) for protocol in (left, right)]
        if orders[0] != orders[1]:
            found.append(Change(f"order of a {driver}", *orders))
    return found


def _within(left: Transition[Any], right: Transition[Any]) -> list[Change]:
    found = []
    if _code(left.effect) != _code(right.effect):
        found.append(Change(left.name, _effect(left), _effect(right)))
    ours, theirs = ({guard.name: guard for guard in each.guards} for each in (left, right))
    for name in dict.fromkeys((*ours, *theirs)):
        conditions = [each.get(name) for each in (ours, theirs)]
        if conditions[0] is None or conditions[1] is None or _code(conditions[0].holds) != _code(conditions[1].holds):
            told = (
                ABSENT if each is None else f"{_said(each.sentence)} ({place(each.condition)})" for each in conditions
            )
            found.append(Change(f"{left.name}.{name}", *told))
    return found


def _effect(transition: Transition[Any]) -> str:
    return f"{_said(transition.sentence)} ({place(transition.effect)})"


def _said(sentence: str) -> str:
    return " ".join(sentence.split()) or "no sentence"


def _code(function: Any) -> Any:
    """Return what makes a function the same as another one: itself, or the same code with the same names."""
    return (function.__module__, function.__qualname__, function.__code__, _cells(function))


def _cells(function: Any) -> tuple[Any, ...]:
    return tuple(id(cell.cell_contents) for cell in function.__closure__ or ())


# --- behaviour ---


@frozen
class Behaviour:
    """What one protocol does in a state."""

    kind: Literal["refused", "raised", "done", "unknown"]
    detail: str = ""
    """The guard that refuses, or what was raised."""
    step: Step | None = None


@frozen
class Difference:
    """A reachable state and an event on which two protocols behave differently, and no run to such a one is shorter."""

    trace: Trace
    """The run to the state: both protocols take it alike."""
    event: str
    """A transition, or a driver."""
    args: tuple[tuple[str, Any], ...]
    left: Behaviour
    right: Behaviour

    @property
    def parts(self) -> dict[str, tuple[Any, Any]]:
        """What differs afterwards, by name: parts of the state, and what is reported."""
        if self.left.step is None or self.right.step is None:
            return {}
        ours, theirs = describe(self.left.step[0]), describe(self.right.step[0])
        differing = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
        events = [
            [(type(each).__name__, plain(each)) for each in step[1]] for step in (self.left.step, self.right.step)
        ]
        return differing if events[0] == events[1] else {**differing, "events": (events[0], events[1])}


@frozen
class Compared:
    """Whether two protocols were seen to behave differently."""

    difference: Difference | None
    counts: tuple[Count, ...]
    """The scope: which instances were compared, and how many of their states."""


def compare(left: Protocol, right: Protocol, jobs: int | None = None, limit: int = LIMIT) -> Compared:
    """Look for the shortest run after which two protocols behave differently, in the instances where they might."""
    differing = changes(left, right)
    names = {each.part.split(".")[0] for each in differing}
    new = names - {name for instance in INSTANCES.values() for name in instance.transitions}
    chosen = [each for each in INSTANCES.values() if new or names & set(each.transitions)] if names else []
    found: dict[str, tuple[Difference | None, Count]] = {}
    shortest: Difference | None = None
    for bound in (min(SHALLOW, limit), limit):
        steps = None if shortest is None else len(shortest.trace.steps)
        open_ = [each for each in chosen if each.name not in found or not _is_settled(*found[each.name])]
        task = partial(_in_instance, left, right, names, bound, steps)
        found |= zip((each.name for each in open_), in_parallel(task, open_, jobs), strict=True)
        differences = [difference for difference, _ in found.values() if difference is not None]
        shortest = min(differences, key=lambda each: len(each.trace.steps), default=None)
    return Compared(shortest, tuple(count for _, count in found.values()))


def _is_settled(difference: Difference | None, count: Count) -> bool:
    return difference is not None or count.exhausted


def _in_instance(
    left: Protocol, right: Protocol, names: set[str], limit: int, steps: int | None, instance: Instance
) -> tuple[Difference | None, Count]:
    """Look for a difference in the states of one instance; only for one after fewer than `steps`, if that is given."""
    explorer, numbers = Explorer(left, instance), Numbers()

    def differs(state: Reached) -> Difference | None:
        for event, args, act in _events(left, right, explorer, state, names):
            if not _alike(numbers, *(_behaviour(act, protocol, state.peer) for protocol in (left, right))):
                trace = rerun(explorer, state.way())
                return Difference(
                    trace, event, args, _behaviour(act, left, trace.end), _behaviour(act, right, trace.end)
                )
        return None

    def reached() -> Iterator[Reached]:
        yield from explorer.start()
        for stepped in explorer.explore(limit):
            if stepped.after is not None and stepped.is_new:
                yield stepped.after

    within = takewhile(lambda state: steps is None or len(state.way()) < steps, reached())
    difference = next((found for state in within if (found := differs(state)) is not None), None)
    return difference, Count(instance.name, explorer.states, explorer.transitions, explorer.exhausted)


Act = Callable[[Protocol, Peer], "Step | Guard[Any] | None"]
"""What a protocol does in a state; None if it does not know the event."""


def _events(
    left: Protocol, right: Protocol, explorer: Explorer, state: Reached, names: set[str]
) -> Iterator[tuple[str, tuple[tuple[str, Any], ...], Act]]:
    """Yield what may be tried in a state: the transitions that differ, and the drivers if their orders do."""
    instance, peer, q = explorer.instance, state.peer, explorer.readings[state.run]
    for name in sorted(names):
        known = left.transitions.get(name, right.transitions.get(name))
        in_both = name in left.transitions and name in right.transitions
        if known is None or (in_both and name not in instance.transitions):
            continue
        for args in arguments(instance, known, peer, q):
            yield name, tuple(named(known, args).items()), partial(_fire, name, args)
    if left.tick != right.tick:
        for action in (0, 1):
            yield "tick", (("action", action),), partial(_tick, action)
    if left.poll != right.poll:
        yield "poll", (), lambda protocol, peer: drivers.poll(protocol, peer, 0)


def _fire(name: str, args: tuple[Any, ...], protocol: Protocol, peer: Peer) -> Step | Guard[Any] | None:
    transition = protocol.transitions.get(name)
    if transition is None:
        return None
    return transition.refusal(peer, transition.arguments(*args)) or effected(transition, peer, args)


def _tick(action: Any, protocol: Protocol, peer: Peer) -> Step:
    return drivers.tick(protocol, peer, 0, action)


def _behaviour(act: Act, protocol: Protocol, peer: Peer) -> Behaviour:
    try:
        result = act(protocol, peer)
    except Exception as error:
        return Behaviour("raised", described(error))
    if result is None:
        return Behaviour("unknown")
    return Behaviour("refused", result.name) if isinstance(result, Guard) else Behaviour("done", step=result)


def _alike(numbers: Numbers, left: Behaviour, right: Behaviour) -> bool:
    """Tell whether two behaviours are the same; which guard refuses does not matter, nor if there is a transition."""
    nothing = ("refused", "unknown")
    if left.step is None or right.step is None:
        return left.kind == right.kind or (left.kind in nothing and right.kind in nothing)
    same_state = numbers.key(left.step[0]) == numbers.key(right.step[0])
    return same_state and left.step[1] == right.step[1]


# --- verdicts ---


def verdicts(protocol: Protocol, jobs: int | None = None) -> dict[str, Status]:
    """Return of every theorem whether it is proved, refuted by some run, or neither."""
    failed, settled = _unproved(protocol, jobs)
    known: dict[str, Status] = {}
    for each in THEOREMS:
        known[name_of(each)] = "proved" if name_of(each) not in failed and settled else "undecided"
    suspects = [each for each in THEOREMS if known[name_of(each)] == "undecided"]
    task = partial(_refuted, protocol, suspects)
    for names in in_parallel(task, suited(protocol), jobs) if suspects else ():
        known |= dict.fromkeys(names, "refuted")
    return known


def _unproved(protocol: Protocol, jobs: int | None) -> tuple[set[str], bool]:
    """Return the properties that are not proved, and whether the proofs of the others do without them."""
    failed: set[str] = set()
    for _ in range(ROUNDS):
        task = partial(_failing, protocol, frozenset(failed))
        names = ["(start)", "(consequences)", *protocol.transitions]
        found = set().union(*in_parallel(task, names, jobs))
        failed |= found
        if not any(_is_assumed(name) for name in found):
            return failed, True
    return failed, False


def _failing(protocol: Protocol, dropped: frozenset[str], name: str) -> set[str]:
    """Return the properties that one transition is not proved to keep, if those that are dropped are not assumed."""
    state = before(protocol)
    found: set[str] = set()
    gone = {formula.get_id() for (each, _), formula in state.invariants.items() if each in dropped}
    for case in cases(protocol, state, name):
        trust, premises = (
            tuple(each for each in some if each.get_id() not in gone) for some in (case.trust, case.premises)
        )
        goals = {key: goal for key, goal in case.goals.items() if key[0] not in dropped | found}
        lacking = evolve(case, premises=premises, trust=trust, goals=goals, shared=(0, 0))  # others are left now
        found |= {each.property for each in discharge(lacking, QUICK_EFFORT) if not each.proved}
    return found


def _is_assumed(name: str) -> bool:
    return name in PROPERTIES and PROPERTIES[name].scope == "state"


def _refuted(protocol: Protocol, suspects: Iterable[Property | str], instance: Instance) -> list[str]:
    """Return the theorems that a run in an instance violates."""
    remaining = {name_of(each): each for each in suspects}
    refuted: list[str] = []
    while remaining:
        result = search(protocol, remaining.values(), [instance], limit=SEARCH_LIMIT)
        if not isinstance(result, Refuted) or result.trace.violation is None:
            break
        refuted.append(result.trace.violation.property)
        del remaining[refuted[-1]]
    return refuted
