"""What has to be proved: for each transition and each path through it, every property afterwards.

Guards are turned into formulas first, so that their cases do not multiply those of the effect. A path that raises is an
obligation too: that it cannot be taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import attrs
from attrs import field, frozen

from rollproof.model.fields import fields_of, fields_there, made
from rollproof.model.symbolic import axioms as facts
from rollproof.model.symbolic import values as symbolic
from rollproof.model.symbolic.formulas import FALSE, TRUE, conjunction
from rollproof.model.symbolic.paths import explore
from rollproof.model.symbolic.reading import read
from rollproof.model.symbolic.shapes import CONTAINERS, kept, make
from rollproof.model.symbolic.state import any_peer
from rollproof.model.symbolic.terms import Terms, guard_formula
from rollproof.model.symbolic.values import SBool, term_of
from rollproof.model.theorems.environment import ASSUMPTIONS, WHATEVER_PARTNERS_SAY
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES, of_scope
from rollproof.model.theorems.property import Attempt, Property, Scope, StepView
from rollproof.proofs.source import last_own
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Buffers, Desync, Ending, Extra, Inputs, Metrics, Peer, Rollback, begin_episode
from rollproof.reference.transition import Protocol, Transition
from rollproof.reference.values import evolve


@frozen
class Case:
    """One path through one transition, with what must hold after it."""

    transition: str
    path: str
    """Which arguments and which way, for a reader."""
    premises: tuple[Any, ...] = field(repr=False)
    """What is assumed of the code and the world, and the invariants before that hold whatever partners say."""
    trust: tuple[Any, ...] = field(repr=False)
    """What else is assumed for properties that trust: the other invariants before, and that what arrives is true."""
    goals: dict[tuple[str, str], Any] = field(repr=False)
    """Formulas by (property, clause)."""
    failure: str | None = None
    """What went wrong when the code was run, if that is what must be impossible."""
    view: StepView | None = field(default=None, repr=False)
    shared: tuple[int, int] = field(default=(0, 0), repr=False)
    """How many formulas at the start of `premises`, and of `trust`, are those of every case of the kind."""


@frozen(slots=False)
class Before:
    """An arbitrary state that has every property, to step from."""

    q: Terms
    peer: Peer
    invariants: dict[tuple[str, str], Any]
    steady: tuple[Any, ...]
    """Those that hold whatever partners say."""
    trusting: tuple[Any, ...]
    """The others."""
    speaks_of: dict[str, Peer]
    """By state property: a peer that has nothing but the fields that the property speaks of."""
    facts: tuple[Any, ...]
    stated: tuple[tuple[str, str], ...]
    """What must hold after every step, by (property, clause): the same for each, whatever the step does. A clause that
    a property does not state of a step is not proved of it."""
    asked: frozenset[str] | None = None
    """The properties of which it is asked whether they hold afterwards; of all if None."""

    @property
    def shared(self) -> tuple[int, int]:
        """How many premises every case of a transition has, and how many of those that trust."""
        return len(self.facts) + len(self.steady), len(self.trusting)

    def asks(self, scope: Scope) -> list[Property]:
        """Return the properties of a scope of which it is asked whether they hold afterwards."""
        return [each for each in of_scope(scope) if self.asked is None or each.name in self.asked]


def before(protocol: Protocol, players: int | None = None, asked: frozenset[str] | None = None) -> Before:
    """Return an arbitrary state of which every state property is assumed, to be stepped by `protocol`.

    The number of players is arbitrary too, unless it is given. Of the properties it may be `asked` of some alone.
    """
    state = _arbitrary(tuple(PROPERTIES.values()), kept())
    known = () if players is None else (facts.of_players(players),)
    return attrs.evolve(state, q=Terms(protocol), facts=(*state.facts, *known), asked=asked)


@cache
def _arbitrary(_: tuple[Property, ...], __: type) -> Before:
    q = Terms(PROTOCOL)
    peer = any_peer()
    invariants, speaks_of = {}, {}
    for each in of_scope("state"):
        clauses = partial(_terms, q, each)
        invariants.update({(each.name, clause): formula for clause, formula in clauses(peer).items()})
        speaks_of[each.name] = what_is_read(peer, clauses)
    steady = tuple(formula for (name, _), formula in invariants.items() if not PROPERTIES[name].trusting)
    trusting = tuple(formula for (name, _), formula in invariants.items() if PROPERTIES[name].trusting)
    goals = (*invariants, *_of_steps(q, peer))
    return Before(q, peer, invariants, steady, trusting, speaks_of, tuple(facts.of_state(q, peer)), goals)


def _terms(q: Terms, about: Property, peer: Peer) -> dict[str, Any]:
    return {clause: term_of(formula) for clause, formula in about.clauses(q, peer).items()}


def what_is_read(peer: Peer, clauses: Callable[[Peer], Mapping[str, Any]], *, of_two: bool = False) -> Peer:
    """Return the part of a peer that a property speaks of, given its clauses; all of it if that is not certain.

    The property says the same of the part as of the peer. Since there is nothing else in it, the property must say
    the same of every other peer that has just this part. What is read of a second peer is left out if it is `of_two`.
    """
    symbolic.reads.clear()
    stated = clauses(peer)
    reads = frozenset(symbolic.reads)

    def says_the_same(part: Peer) -> bool:
        try:
            again = clauses(part)
        except AttributeError:  # it reads a field that is not there
            return False
        return again.keys() == stated.keys() and all(again[clause].eq(stated[clause]) for clause in stated)

    if not says_the_same(_part_of(peer, reads)):
        return peer
    for each in sorted(reads) if of_two else ():
        if says_the_same(_part_of(peer, reads - {each})):
            reads -= {each}
    return _part_of(peer, reads)


def _part_of(peer: Peer, reads: frozenset[tuple[str, str]]) -> Peer:
    """Return a peer that has only the fields that were read, by (class, field)."""
    fields = {name: value for name, value in fields_of(peer).items() if (Peer.__name__, name) in reads}
    for name, value in fields.items():
        cls = _base(value)
        if cls in NESTED:
            inner = {each: it for each, it in fields_of(value).items() if (cls.__name__, each) in reads}
            fields[name] = made(type(value), **inner)
    part: Peer = made(type(peer), **fields)
    return part


def of_start(state: Before) -> Case:
    """Return the base case: the first state has every state property."""
    read(begin_episode)
    metrics = attrs.asdict(Metrics(), recurse=False)
    cleared = {name: getattr(state.peer.metrics, name).cleared() for name in ("mispredictions", "rollbacks")}
    extra = evolve(state.peer.extra, **_at_first(state.peer.extra, state.q.protocol.extra))
    nothing = evolve(state.peer, metrics=evolve(state.peer.metrics, **{**metrics, **cleared}), extra=extra)
    (explored,) = explore(lambda: begin_episode(nothing, nothing.epoch), "start.")
    peer = explored.result
    goals = {
        (each.name, clause): term_of(formula)
        for each in state.asks("state")
        for clause, formula in each.clauses(state.q, peer).items()
    }
    links = [state.invariants["every_partner_has_a_link", name] for name in ("link", "delivery")]
    return Case("(start)", "first episode", (*state.facts, peer.epoch.term >= 0, *links, *explored.facts), (), goals)


def _at_first(any_extra: Any, extra: Extra) -> dict[str, Any]:
    """Return the fields of what a protocol keeps beside as they are at the start of a session; containers are empty."""
    containers = {each.name for each in attrs.fields(type(extra)) if str(each.type).partition("[")[0] in CONTAINERS}
    return {
        name: getattr(any_extra, name).cleared() if name in containers else value
        for name, value in fields_of(extra).items()
    }


def of_consequences(state: Before) -> Iterator[Case]:
    """Yield what follows from the state properties alone: about any one state, and about any two peers."""
    trust = state.trusting
    for each in state.asks("consequence"):
        goals = {(each.name, clause): term_of(f) for clause, f in each.clauses(state.q, state.peer).items()}
        yield Case("(any state)", each.name, (*state.facts, *state.steady, *state.q.definitions), trust, goals)
    other = any_peer("other")
    config = state.peer.config
    settings = made(type(config), **{**fields_of(config), "player": other.config.player})
    other = evolve(other, config=settings, epoch=state.peer.epoch, ending=other.ending)
    assumed = [term_of(formula) for each in of_scope("state") for formula in each.clauses(state.q, other).values()]
    for each in state.asks("pair"):
        goals = {(each.name, clause): term_of(f) for clause, f in each.clauses(state.q, state.peer, other).items()}
        yield Case("(any two peers)", each.name, (*state.facts, *state.steady, *assumed), trust, goals)


def of_transition(state: Before, transition: Transition[Any]) -> Iterator[Case]:
    """Yield the cases of one transition.

    Raises:
        UnreadableError: if its guards or its effect have a construct that cannot be followed.
    """
    for each in (*(guard.condition for guard in transition.guards), transition.effect):
        read(each)
    for label, args in any_arguments(transition):
        yield from _cases(state, transition, args, label, _goals)


def any_arguments(transition: Transition[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield arbitrary arguments of a transition by name, for each path that a message may take, and a label."""
    fields = () if transition.takes is None else attrs.fields(transition.takes)
    takes_path = any(str(each.type) == "Path" for each in fields)
    for path in tuple(Path) if takes_path else (None,):
        args = {
            each.name: path if str(each.type) == "Path" else make(str(each.type), f"arg.{each.name}") for each in fields
        }
        yield f"{path.value}, " if path else "", args


def outline(state: Before, transition: Transition[Any]) -> list[Case]:
    """Return the cases of one transition without what must hold after its paths."""
    every = (_cases(state, transition, args, label, _no_goals) for label, args in any_arguments(transition))
    return [case for some in every for case in some]


Goals = dict[tuple[str, str], Any]
"""Formulas by (property, clause)."""


def _no_goals(*_: object) -> Goals:
    return {}


def _cases(
    state: Before,
    transition: Transition[Any],
    args: dict[str, Any],
    label: str,
    goals: Callable[[Before, StepView], Goals],
) -> Iterator[Case]:
    peer, made = state.peer, partial(Case, transition.name, shared=state.shared)
    premises = [*state.facts, *state.steady]
    trust = list(state.trusting)
    if transition.name in WHATEVER_PARTNERS_SAY:
        premises.append(term_of(WHATEVER_PARTNERS_SAY[transition.name](state.q, peer, **args)))
    record = transition.arguments(*args.values())
    if transition.name in ASSUMPTIONS:
        trust.append(term_of(ASSUMPTIONS[transition.name](state.q, peer, **args)))
    asked = []
    for guard in transition.guards:
        formula, facts_, failures = guard_formula(guard, peer, record)
        asked.append((formula, facts_))
        premises.extend(facts_)
        for conditions, error in failures:
            goal = {(NEVER_CRASHES, f"guard {guard.name}"): FALSE}
            yield made(f"{label}guard {guard.name}", (*premises, *conditions), (*trust,), goal, where(error))
        premises.append(formula)
    yield _attempt(state, transition, args, label, asked)
    explored = explore(lambda: transition.perform(peer, record))
    for number, one in enumerate(explored, 1):
        way = f"{label}path {number} of {len(explored)}"
        assumed = (*premises, *one.facts, *one.conditions)
        failure = where(one.error) if one.error else _malformed(one.result)
        if failure:
            goal = {(NEVER_CRASHES, "effect"): FALSE}
            yield made(way, assumed, (*trust,), goal, failure)
            continue
        after, events = one.result
        view = StepView(transition.name, peer, args, after, events)
        yield made(way, assumed, (*trust,), goals(state, view), None, view)


def _attempt(
    state: Before, transition: Transition[Any], args: dict[str, Any], label: str, asked: list[tuple[Any, list[Any]]]
) -> Case:
    """Return what must be true of when a transition is possible; `asked` has each guard's formula, and its facts."""
    possible = SBool(conjunction(formula for formula, _ in asked))
    attempt = Attempt(transition.name, state.peer, args, possible)
    goals = {
        (each.name, clause): term_of(formula)
        for each in state.asks("possibility")
        for clause, formula in each.clauses(state.q, attempt).items()
    }
    facts_ = [fact for _, some in asked for fact in some]
    premises = (*state.facts, *state.steady, *facts_)
    return Case(transition.name, f"{label}when", premises, state.trusting, goals, shared=state.shared)


def where(error: Exception) -> str:
    """Return an exception as one line that names the code's own file and line."""
    last = last_own(error)
    place = f" at {last}" if last else ""
    return f"{type(error).__name__}: {error}{place}"


def of_nothing(name: str, error: Exception) -> Case:
    """Return the case that stands for those that could not be stated. It cannot be proved.

    The code loops on a symbolic value, has too many paths, or makes what no property can speak of.
    """
    return Case(name, "all", (), (), {(NEVER_CRASHES, "examined"): FALSE}, where(error))


def _goals(state: Before, view: StepView) -> Goals:
    stated = [key for key in state.stated if state.asked is None or key[0] in state.asked]
    goals = {key: TRUE if key in state.invariants else FALSE for key in stated}
    for each in state.asks("state"):
        if not has(view.after, state.speaks_of[each.name]):
            for clause, formula in each.clauses(state.q, view.after).items():
                goals[each.name, clause] = term_of(formula)
    for each in state.asks("step"):
        for clause, formula in each.clauses(state.q, view).items():
            if (each.name, clause) not in goals:
                raise TypeError(f"{each.name} states the clause {clause!r} of some steps only")
            goals[each.name, clause] = term_of(formula)
    return goals


def _of_steps(q: Terms, peer: Peer) -> list[tuple[str, str]]:
    """Return what must hold of every step: what is stated of a step in which nothing happens."""
    nothing = StepView("(nothing)", peer, {}, peer, ())
    return [(each.name, clause) for each in of_scope("step") for clause in each.clauses(q, nothing)]


def has(whole: Any, part: Any) -> bool:
    """Tell whether every field of a part is there in a whole: the very same object, or else a part of it in turn."""
    fields = fields_of(whole)
    return all(
        value is fields[name] or (_base(value) in NESTED and has(fields[name], value))
        for name, value in fields_there(part).items()
    )


NESTED = (Inputs, Rollback, Buffers, Ending, Metrics, Desync)
"""The parts of a peer whose fields properties read one by one."""


def _base(part: Any) -> type:
    return next((cls for cls in NESTED if isinstance(part, cls)), type(part))


def _malformed(result: Any) -> str | None:
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], tuple)):
        return f"the effect returned {type(result).__name__}, not a peer and a tuple of events"
    peer = result[0]
    if not isinstance(peer, Peer):
        return f"the effect returned {type(peer).__name__} in place of a peer"
    return None
