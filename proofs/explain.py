"""What is known of a name: a theorem, lemma, guard, transition, variant or rule, said in words and as formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Literal

import z3
from attrs import evolve, field, frozen

from rollproof.model.designs.design import Design, adopted, present
from rollproof.model.rules import rules
from rollproof.model.search.search import CRASH_SENTENCE
from rollproof.model.symbolic.state import any_peer
from rollproof.model.symbolic.terms import guard_formula
from rollproof.model.symbolic.values import SBool, term_of
from rollproof.model.theorems.liveness import Round
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.model.theorems.property import Attempt, Clauses, Property, StepView, name_of
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs.composition import SAID
from rollproof.proofs.cores import Rest, rests
from rollproof.proofs.counterexamples import load, replay
from rollproof.proofs.diff import changes
from rollproof.proofs.implied import is_implied
from rollproof.proofs.induction import cases
from rollproof.proofs.necessity import THEOREMS
from rollproof.proofs.obligations import Before, Case, any_arguments, before
from rollproof.proofs.readable import WIDTH, changed, readable
from rollproof.proofs.source import citations, found, place
from rollproof.reference.transition import Guard, Transition

Kind = Literal["theorem", "lemma", "guard", "transition", "variant", "rule"]


@frozen
class Explanation:
    """What is known of a name."""

    name: str
    kind: Kind
    sentence: str
    rules: tuple[str, ...]
    formulas: tuple[tuple[str, str], ...] = field(repr=False)
    """With their labels."""
    sources: tuple[str, ...]
    """As file:line."""
    constrains: tuple[str, ...] = ()
    """Transitions that it says something of."""
    rests_on: tuple[str, ...] = ()
    """What its proof needs."""
    obligations: int = 0
    unproved: int = 0
    """How many of its obligations are not proved; of these it is not known what they rest on."""
    kills: tuple[str, ...] = ()
    """Variants that it refutes, and guards without which it fails."""
    implied_in: tuple[str, ...] = ()
    """Transitions in which a guard is proved never to refuse alone."""
    violates: tuple[str, ...] = ()
    """The theorems that fail without it, or under it."""
    cited_by: tuple[str, ...] = ()
    """What demands or promises a rule."""
    instead: str = ""
    """What an earlier revision or a mistake does instead of what a rule demands."""


def kinds() -> dict[str, Kind]:
    """Return every name that can be explained, with what it names."""
    transitions = present().transitions.values()
    guards = [
        name for each in transitions for guard in each.guards for name in (f"{each.name}.{guard.name}", guard.name)
    ]
    named: dict[str, Kind] = dict.fromkeys(rules(), "rule")
    named |= dict.fromkeys(VARIANTS, "variant")
    named |= dict.fromkeys(guards, "guard")
    named |= dict.fromkeys(present().transitions, "transition")
    named |= {each.name: each.kind for each in PROPERTIES.values()}
    return {**named, NEVER_CRASHES: "theorem"}


def explain(name: str, *, full: bool = False, proof: bool = True, jobs: int | None = None) -> Explanation:
    """Return what is known of a name; without `proof` not what it rests on or is implied by, which takes seconds.

    Raises:
        KeyError: if there is no such name.
    """
    limit = None if full else WIDTH
    explainers: dict[Kind, Callable[[str, int | None], Explanation]] = {
        "theorem": _property,
        "lemma": _property,
        "guard": _guard,
        "transition": _transition,
        "variant": _variant,
        "rule": _rule,
    }
    kind = kinds()[name]
    explanation = explainers[kind](name, limit)
    if proof and kind in ("theorem", "lemma"):
        return _with_proof(explanation, rests(present(), {name: [name]}, jobs, smallest=True)[name])
    if proof and kind == "guard":
        return evolve(explanation, implied_in=tuple(_implied(name)))
    return explanation


def _with_proof(explanation: Explanation, rest: Rest) -> Explanation:
    return evolve(
        explanation,
        rests_on=tuple(each for each in PROPERTIES if each in rest.needs),
        constrains=rest.transitions,
        obligations=rest.obligations,
        unproved=len(rest.unproved),
    )


# --- theorems and lemmas ---


def _property(name: str, limit: int | None) -> Explanation:
    if name == NEVER_CRASHES:
        formulas = [(case.transition, f"never: {case.failure}") for case in _crashes()]
        sources = (found("model/theorems/properties.py", name),)
        return Explanation(name, "theorem", CRASH_SENTENCE, (), tuple(formulas), sources, kills=tuple(_killed(name)))
    each = PROPERTIES[name]
    return Explanation(
        name,
        each.kind,
        each.sentence,
        each.rules,
        tuple((label, readable(formula, limit)) for label, formula in _clauses(each)),
        (place(each.clauses),),
        kills=tuple(_killed(name)),
    )


def _clauses(each: Property) -> Iterator[tuple[str, Any]]:
    """Yield the clauses of a property as formulas about any state, any two states, or any two peers."""
    state = _state()
    if each.scope == "pair":
        yield from _terms(each.clauses(state.q, state.peer, any_peer("other")))
    elif each.scope == "product":
        yield from _terms(each.clauses(state.q, state.peer, any_peer("other"), SAID))
    elif each.scope == "round":
        yield from _of_round(each, state)
    elif each.scope == "step":
        yield from _of_step(state, lambda view: each.clauses(state.q, view))
    elif each.scope == "possibility":
        for transition in present().transitions.values():
            _, args = next(iter(any_arguments(transition)))
            possible = SBool(z3.Bool(f"{transition.name} is possible"))
            yield from _terms(each.clauses(state.q, Attempt(transition.name, state.peer, args, possible)))
    else:
        yield from _terms(each.clauses(state.q, state.peer))


def _of_step(state: Before, stated: Callable[[StepView], Clauses]) -> Iterator[tuple[str, Any]]:
    """Yield clauses about a step of any transition; those that ask which, about the first that they speak of."""
    general = StepView("any transition", state.peer, {}, any_peer("after"), ())
    silent = {}
    for label, term in _terms(stated(general)):
        if z3.is_true(z3.simplify(term)):
            silent[label] = term
        else:
            yield label, term
    for name in present().transitions:
        for case in _cases(name) if silent else ():
            terms = {} if case.view is None else dict(_terms(stated(case.view)))
            spoken = [label for label in silent if label in terms and not z3.is_true(z3.simplify(terms[label]))]
            yield from ((f"{name}, {label}", terms[label]) for label in spoken)
            silent = {label: term for label, term in silent.items() if label not in spoken}
    yield from silent.items()


def _of_round(each: Property, state: Before) -> Iterator[tuple[str, Any]]:
    """Yield clauses about a step of either of two peers, as far as they say anything of it."""
    other = any_peer("other")

    def receiving(view: StepView) -> Clauses:
        return each.clauses(state.q, Round(other, state.peer, other, view.after, view, sends=False))

    def sending(view: StepView) -> Clauses:
        return each.clauses(state.q, Round(state.peer, other, view.after, other, view, sends=True))

    for stated in (receiving, sending):
        yield from (found for found in _of_step(state, stated) if not z3.is_true(z3.simplify(found[1])))


def _terms(clauses: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((label, term_of(formula)) for label, formula in clauses.items())


def _crashes() -> list[Case]:
    return [case for name in present().transitions for case in _cases(name) if case.failure is not None]


def _killed(name: str) -> Iterator[str]:
    """Yield the variants that a theorem is known to refute, and the guards without which a saved run violates it."""
    asked = [each for each in THEOREMS if name == name_of(each)]
    for variant in VARIANTS.values():
        if name in variant.refuted_by:
            yield f"variant {variant.name}"
    for removed, counterexample in load().items():
        if (
            asked
            and "." in removed
            and removed in kinds()
            and replay(_without(removed), counterexample, asked) is not None
        ):
            yield f"guard {removed}"


# --- guards ---


def _pairs(name: str) -> list[tuple[Transition[Any], Guard[Any]]]:
    return [
        (transition, guard)
        for transition in present().transitions.values()
        for guard in transition.guards
        if name in (guard.name, f"{transition.name}.{guard.name}")
    ]


def _guard(name: str, limit: int | None) -> Explanation:
    pairs = _pairs(name)
    transition, guard = pairs[0]
    formula, _, _ = guard_formula(guard, _state().peer, transition.arguments(*_arguments(transition).values()))
    counterexamples = load()
    violated = (
        f"without {each.name}.{condition.name}: {theorem}"
        for each, condition in pairs
        if (counterexample := counterexamples.get(f"{each.name}.{condition.name}")) is not None
        for theorem in _violated(f"{each.name}.{condition.name}", counterexample)
    )
    return Explanation(
        name,
        "guard",
        " ".join(guard.sentence.split()),
        guard.rules,
        (("holds", readable(formula, limit)),),
        (place(guard.condition),),
        constrains=tuple(each.name for each, _ in pairs),
        violates=tuple(violated),
    )


def _implied(name: str) -> Iterator[str]:
    """Yield the transitions in which a guard never refuses alone; in those of a saved run it does."""
    counterexamples = load()
    for each, condition in _pairs(name):
        removed = f"{each.name}.{condition.name}"
        if removed not in counterexamples and is_implied(present(), each.name, condition.name):
            yield each.name


def _violated(removed: str, counterexample: Any) -> Iterator[str]:
    """Yield the theorems that a run violates if a guard is removed: it is played again without the one found last."""
    without, left = _without(removed), {name_of(each): each for each in THEOREMS}
    found = set()
    while (trace := replay(without, counterexample, list(left.values()))) is not None and trace.violation is not None:
        found.add(trace.violation.property)
        del left[trace.violation.property]
    yield from (name for name in map(name_of, THEOREMS) if name in found)


def _without(removed: str) -> Any:
    transition, _, guard = removed.partition(".")
    return present().without(transition, guard)


# --- transitions ---


def _transition(name: str, limit: int | None) -> Explanation:
    transition = present().transitions[name]
    formulas = []
    for guard in transition.guards:
        formula, _, _ = guard_formula(guard, _state().peer, transition.arguments(*_arguments(transition).values()))
        formulas.append((f"guard {guard.name}", readable(formula, limit)))
    formulas += _paths(name, limit)
    counterexamples = load()
    violated = (
        f"without {guard.name}: {theorem}"
        for guard in transition.guards
        if (counterexample := counterexamples.get(f"{name}.{guard.name}")) is not None
        for theorem in _violated(f"{name}.{guard.name}", counterexample)
    )
    return Explanation(
        name,
        "transition",
        " ".join(transition.sentence.split()),
        transition.rules,
        tuple(formulas),
        (place(transition.effect),),
        constrains=(name,),
        violates=tuple(violated),
    )


def _arguments(transition: Transition[Any]) -> dict[str, Any]:
    _, arguments = next(any_arguments(transition))
    return arguments


# --- variants and rules ---


def _variant(name: str, limit: int | None) -> Explanation:
    variant = VARIANTS[name]
    differing = changes(present(), variant.protocol)
    return Explanation(
        name,
        "variant",
        variant.sentence,
        variant.rules,
        tuple((each.part, f"{each.left} ⇒ {each.right}") for each in differing),
        (found("model/variants/variants.py", f'"{name}",'),),
        constrains=tuple(dict.fromkeys(part for each in differing if (part := each.part.split(".")[0]) in kinds())),
        violates=variant.refuted_by,
    )


def _rule(name: str, limit: int | None) -> Explanation:
    """Explain a rule by its text, and by what demands and promises it; where nothing does, code keeps it unguarded."""
    rule = rules()[name]
    properties = [each for each in PROPERTIES.values() if name in each.rules]
    guards = {guard.name: guard for t in present().transitions.values() for guard in t.guards if name in guard.rules}
    transitions = [each for each in present().transitions.values() if name in each.rules]
    variants = [each for each in VARIANTS.values() if name in each.rules]
    formulas = [(f"guard {each}", text) for each in guards for _, text in _guard_formulas(each, limit)]
    if limit is None:  # those of theorems take seconds, and a rule is told in words
        formulas += [
            (f"{each.name}, {label}", readable(term, limit)) for each in properties for label, term in _clauses(each)
        ]
    if not formulas:
        formulas = [(f"{each.name}, {label}", t) for each in transitions for label, t in _paths(each.name, limit)]
    return Explanation(
        name,
        "rule",
        f"{rule.title}. {rule.text}",
        (name,),
        tuple(formulas),
        (found("reference/PROTOCOL.md", f"### {name}."), *citations().get(name, ())),
        instead=rule.wrong,
        constrains=tuple(each.name for each in transitions),
        kills=tuple(f"variant {each.name}" for each in variants),
        cited_by=(
            *(f"{each.kind} {each.name}" for each in properties),
            *(f"guard {each}" for each in guards),
            *(f"transition {each.name}" for each in transitions),
        ),
    )


def _guard_formulas(name: str, limit: int | None) -> Iterable[tuple[str, str]]:
    transition, guard = _pairs(name)[0]
    formula, _, _ = guard_formula(guard, _state().peer, transition.arguments(*_arguments(transition).values()))
    return [("holds", readable(formula, limit))]


def _paths(name: str, limit: int | None) -> Iterator[tuple[str, str]]:
    """Yield each way through a transition: what sets it apart from the others, and what it changes."""
    every = _cases(name)
    common = set.intersection(*({each.get_id() for each in case.premises} for case in every))
    for case in every:
        if case.view is not None:
            own = [each for each in case.premises if each.get_id() not in common and not z3.is_quantifier(each)]
            when = f"if {readable(z3.And(*own), limit)}: " if own else ""
            yield case.path, f"{when}{changed(case.view, limit)}"


def _state() -> Before:
    return before(present())


def _cases(name: str) -> tuple[Case, ...]:
    return _cases_under(adopted(), name)


@cache
def _cases_under(_: tuple[Design, ...], name: str) -> tuple[Case, ...]:
    return tuple(cases(present(), before(present(), asked=frozenset()), name))
