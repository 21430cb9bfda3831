"""Whether each path through a transition is really taken: by a step from a reachable state, found and compared.

What is proved of a path that cannot be taken says nothing. So for each path a concrete step is shown that takes it:
there everything that the proof assumes of the path holds. A path that no step takes is proved to be impossible. One
that is taken only where partners lie, or was only seen so, is counted apart: what trusts them may say nothing of it.
What is neither is named, and then nothing is called proved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import attrs
import z3
from attrs import field, frozen

from rollproof.model.search.explorer import Explorer, Stepped, named
from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.model.symbolic.interpretation import Interpretation, introduced
from rollproof.model.theorems.properties import of_scope
from rollproof.model.theorems.property import StepView
from rollproof.proofs.composition import stated_of_two
from rollproof.proofs.counterexamples import Counterexample
from rollproof.proofs.induction import QUICK_EFFORT, solver_with
from rollproof.proofs.obligations import Before, Case, before, outline
from rollproof.proofs.witnesses import WITNESSING, TruthOf, Witness, load, played, truth_of
from rollproof.reference.messages import Path
from rollproof.reference.transition import Protocol

LIMIT = 3_000
"""How many states of each instance are searched for a step that takes a path, if no kept run does."""
QUICKLY = 150_000
"""How much work it may be to prove a path impossible before runs are searched that take it, or where nobody lies."""
ALIKE = 40
"""Of how many steps that look alike all are compared with the paths; of further ones, some."""
PathVerdict = Literal["taken", "by lies", "seen by lies", "never", "not shown"]


@frozen
class PathShown:
    """What is known of one path through a transition."""

    transition: str
    path: str
    verdict: PathVerdict
    """`taken` by a step where everything that is assumed holds; `by lies`: by a step where everything holds but that
    partners say the truth, and it is proved that no other takes it; `seen by lies`: no other was seen to; `never`: it
    is proved that no step takes it."""


@frozen
class Examined:
    """What is known of a transition, whatever became of its proof."""

    transition: str
    paths: tuple[PathShown, ...]
    obligations: int
    """How many there must be, counted from the properties and the paths."""

    @staticmethod
    def of(told: dict[str, Any]) -> Examined:
        """Return what `attrs.asdict` made into a JSON value."""
        return Examined(told["transition"], tuple(PathShown(**each) for each in told["paths"]), told["obligations"])


def examined(protocol: Protocol, name: str, kept: Iterable[Witness] | None = None) -> Examined:
    """Return what is known of each path through a transition, and how many obligations it must have.

    The kept runs are tried first, then it is tried to prove that the path is impossible; then a step is searched for.
    """
    transition = protocol.transitions[name]
    state = before(protocol)
    try:
        cases = outline(state, transition)
    except Exception:  # the proof says of such a transition that it could not be examined
        return Examined(name, (PathShown(name, "all", "not shown"),), 1)
    paths = _Paths(state, [case for case in cases if case.view is not None])
    for witness in load() if kept is None else kept:
        if witness.transition == name and paths.left:
            for truth, view in played(protocol, witness):
                paths.note(truth, view)
    paths.prove(QUICK_EFFORT)
    for instance in (each for each in _searched() if each.has(name)):
        for truth, view in steps_of(protocol, instance, name, LIMIT) if paths.unseen else ():
            paths.note(truth, view)
            if not paths.unseen:
                break
    found = tuple(PathShown(name, case.path, paths.verdict(case)) for case in paths.cases)
    return Examined(name, found, _count(state, cases))


def expected_besides(protocol: Protocol) -> int:
    """Return how many obligations there must be of the first state, of any one state, and of any two peers."""
    state = before(protocol)
    two = attrs.evolve(state.peer)
    alone = sum(len(each.clauses(state.q, state.peer)) for each in of_scope("consequence"))
    return len(state.invariants) + alone + sum(len(each.clauses(state.q, state.peer, two)) for each in of_scope("pair"))


def _count(state: Before, cases: list[Case]) -> int:
    """Return how many obligations a transition must have.

    Each path must keep every clause there is, alone and in a product with another peer, as either of the two; each path
    that raises must be impossible; and of each kind of arguments it is stated when the transition is possible.
    """
    of_two = len(stated_of_two())
    return sum(len(state.stated) + of_two if case.view is not None else len(case.goals) for case in cases)


def found(protocol: Protocol, name: str, limit: int = LIMIT) -> Iterator[Witness]:
    """Yield a run for each path of a transition that is taken, to be kept: one that is kept already, or a new one."""
    state = before(protocol)
    cases = outline(state, protocol.transitions[name])
    paths = _Paths(state, [case for case in cases if case.view is not None])
    for witness in (each for each in load() if each.transition == name):
        if any(paths.note(truth, last) for truth, last in played(protocol, witness)):
            yield witness
    paths.prove(QUICKLY)
    for instance in (each for each in WITNESSING.values() if each.has(name)):
        explorer = Explorer(protocol, instance)
        alike: Counter[Any] = Counter()
        for stepped in explorer.explore(limit) if paths.left else ():
            view = _view(stepped)
            if stepped.transition.name == name and view is not None:
                sort = tuple(type(event).__name__ for event in view.events)
                alike[sort] += 1
                if alike[sort] > ALIKE and alike[sort] % 16:
                    continue
                if paths.note(truth_of(explorer, stepped.before.run), view) is not None:
                    steps = (*stepped.before.way(), (name, stepped.args))
                    yield Witness(stepped.before.run, Counterexample(instance.name, steps))
                if not paths.left:
                    break


def steps_of(
    protocol: Protocol, instance: Instance, name: str, limit: int = LIMIT
) -> Iterator[tuple[TruthOf, StepView]]:
    """Yield the steps of one transition in an instance, each with what really happens."""
    explorer = Explorer(protocol, instance)
    for stepped in explorer.explore(limit):
        view = _view(stepped)
        if stepped.transition.name == name and view is not None:
            yield truth_of(explorer, stepped.before.run), view


def _view(stepped: Stepped) -> StepView | None:
    if stepped.whole is None:
        return None
    args = named(stepped.transition, stepped.args)
    return StepView(stepped.transition.name, stepped.before.peer, args, stepped.whole, stepped.events)


def _searched() -> list[Instance]:
    return [*INSTANCES.values(), *(each for name, each in WITNESSING.items() if name not in INSTANCES)]


@frozen(slots=False)
class _Paths:
    """The paths of a transition, with what is known of them so far."""

    state: Before
    cases: list[Case]
    verdicts: dict[str, PathVerdict] = field(factory=dict)
    lies: set[str] = field(factory=set)
    """The paths that a step takes where partners lie."""

    def verdict(self, case: Case) -> PathVerdict:
        if case.path in self.lies and case.path not in self.verdicts:
            return "by lies" if _impossible((*case.premises, *case.trust), QUICKLY) else "seen by lies"
        return self.verdicts.get(case.path, "not shown")

    @property
    def left(self) -> list[Case]:
        """The paths of which nothing is known."""
        return [case for case in self.cases if case.path not in self.verdicts]

    @property
    def unseen(self) -> bool:
        """Tell whether there are paths that no step was seen to take, whatever partners say."""
        return any(case.path not in self.lies for case in self.left)

    def note(self, truth: TruthOf, view: StepView) -> str | None:
        """Note the path that a step takes, and return its name if it was not known to be taken."""
        left = self.left
        if not left:
            return None
        it = interpretation(truth, view)
        for case in left:
            if takes(it, self.state, case, view):
                if it.holds(case.trust):
                    self.verdicts[case.path] = "taken"
                    return case.path
                if case.path not in self.lies:
                    self.lies.add(case.path)
                    return case.path
                return None
        return None

    def prove(self, effort: int) -> None:
        """Try to prove of each path that no step was seen to take that none does."""
        for case in self.left:
            if case.path not in self.lies and _impossible(case.premises, effort):
                self.verdicts[case.path] = "never"


def interpretation(truth: TruthOf, view: StepView) -> Interpretation:
    """Return what the constants of the logic mean in a step."""
    peer = view.before
    numbers = [each for each in view.args.values() if type(each) is int]
    last = min(max(peer.frame, max(peer.inputs.known.newest), *numbers), 40)
    roots = {"peer": peer, "arg": view.args}
    frames = range(-2, last + 4)
    return Interpretation(peer.config.players, roots, world=peer.world, truth=truth, frames=frames, honest=())


def takes(it: Interpretation, state: Before, case: Case, view: StepView) -> bool:
    """Tell whether a step takes a path, and what is assumed of it holds, but for the truth of what arrives."""
    path = next((each for each in Path if case.path.startswith(f"{each.value}, ")), None)
    if path is not None and view.args.get("path") != path:
        return False
    general, _ = case.shared
    it.introduced.clear()
    own = case.premises[general:]
    try:
        if not it.holds(each for each in reversed(own) if not introduced(each)):
            return False
        peer = view.before
        simulated = peer.frame if peer.rollback.cursor is None else peer.rollback.cursor
        if not it.introduce([each for each in own if introduced(each)], peer.inputs.known, simulated):
            return False
        return it.holds(case.premises[:general])
    except (KeyError, AssertionError, AttributeError, TypeError, ValueError):  # a term that has no meaning here
        return False


def _impossible(premises: Iterable[Any], effort: int) -> bool:
    solver = solver_with(effort)
    solver.add(*premises)
    return bool(solver.check() == z3.unsat)
