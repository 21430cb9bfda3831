"""Whether the proofs say anything: what they speak of must happen somewhere.

Every transition must be taken in some reachable state, and every clause of every property must be tested in one: its
premises hold there. The runs that are kept (`proofs.witnesses`) are looked at first; what they do not test is searched
for. That every guard matters is shown by `proofs.necessity`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import evolve, frozen

from rollproof.model.search.explorer import Explorer, Stepped, named
from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.model.theorems.logic import Formula
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.theorems.property import StepView
from rollproof.model.theorems.values import Values
from rollproof.proofs.counterexamples import Counterexample
from rollproof.proofs.witnesses import Witness as Kept
from rollproof.proofs.witnesses import walked
from rollproof.reference.state import Peer, Phase
from rollproof.reference.transition import Protocol

DEEP_LIMIT = 10_000
"""How many, to find a transition that was not taken in those."""
LIMIT = 1_000
"""How many states of each instance are looked at."""
_ALONE = ("state", "consequence", "step")
Clause = tuple[str, str]
"""A property and the name of one of its clauses."""


@frozen
class Seen:
    """What was seen to happen."""

    taken: frozenset[str]
    """Transitions that were taken."""
    tested: frozenset[Clause]
    """Clauses that were tested with all their premises, by (property, clause)."""
    states: int


class Noted(int):
    """A truth value that knows whether it was tested: whether all premises held somewhere."""

    tested = True

    @staticmethod
    def of(held: Any, tested: bool) -> Noted:
        """Return a truth value with that note."""
        noted = Noted(bool(held))
        noted.tested = tested
        return noted


def is_tested(formula: Formula) -> bool:
    """Tell whether a formula was tested; a plain truth value is."""
    return bool(getattr(formula, "tested", True))


class Witness(Values):
    """The value reading, in which formulas know whether they were tested."""

    def all_of(self, *formulas: Formula) -> Noted:
        return Noted.of(all(formulas), any(map(is_tested, formulas)))

    def any_of(self, *formulas: Formula) -> Noted:
        return Noted.of(any(formulas), any(map(is_tested, formulas)))

    def no(self, formula: Formula) -> Noted:
        return Noted.of(not formula, is_tested(formula))

    def iff(self, left: Formula, right: Formula) -> Noted:
        return Noted.of(bool(left) == bool(right), is_tested(left) or is_tested(right))

    def implies(self, premise: Formula, conclusion: Callable[[], Formula]) -> Noted:
        return self._concluded(conclusion()) if premise else Noted.of(True, False)

    def given(self, optional: Any, body: Callable[[Any], Formula]) -> Noted:
        return Noted.of(True, False) if optional is None else self._concluded(body(optional))

    def at(self, container: Any, *index_and_body: Any) -> Noted:
        *index, body = index_and_body
        return self.given(container.get(*index), body)

    def frames(self, body: Callable[[Any], Formula]) -> Noted:
        return self._every(map(body, self._frames))

    def players(self, body: Callable[[Any], Formula]) -> Noted:
        return self._every(map(body, self._players))

    def positions(self, sequence: Any, body: Callable[[Any], Formula]) -> Noted:
        return self._every(map(body, sequence))

    def _concluded(self, formula: Formula) -> Noted:
        return Noted.of(formula, is_tested(formula))

    def _every(self, formulas: Iterable[Formula]) -> Noted:
        all_ = list(formulas)
        return Noted.of(all(all_), any(map(is_tested, all_)))


def look_along(protocol: Protocol, runs: Iterable[Kept], expected: Iterable[Clause]) -> Seen:
    """Go along kept runs, as far as they can still be taken, and note which expected clauses are tested."""
    notes, states = _Notes(expected), 0
    for kept in runs:
        for explorer, view in walked(protocol, kept):
            q = Witness(*explorer.readings[kept.run].setting)
            notes.state(q, view.before)
            notes.view(q, view)
            notes.state(q, view.after)
            states += 1
    return Seen(frozenset(notes.taken), frozenset(notes.tested), states)


def look(protocol: Protocol, instance: Instance, expected: Iterable[Clause], limit: int = LIMIT) -> Seen:
    """Go through the states of an instance until every expected clause is tested, or `limit` states are seen."""
    explorer = Explorer(protocol, instance)
    readings = [Witness(*reading.setting) for reading in explorer.readings]
    notes = _Notes(expected)
    for found in explorer.start():
        notes.state(readings[found.run], found.peer)
    for stepped in explorer.explore(limit) if notes.left else ():
        if stepped.after is not None:
            notes.step(readings[stepped.after.run], stepped)
            if stepped.is_new:
                notes.state(readings[stepped.after.run], stepped.after.peer)
        if not notes.left:
            break
    return Seen(frozenset(notes.taken), frozenset(notes.tested), explorer.states)


def found(protocol: Protocol, runs: Iterable[Kept], expected: Iterable[Clause]) -> Iterator[Kept]:
    """Yield a run for each expected clause that none of these runs tests, to be kept with them."""
    open_ = set(expected) - look_along(protocol, runs, expected).tested
    for instance in INSTANCES.values():
        explorer = Explorer(protocol, instance)
        for stepped in explorer.explore(LIMIT) if open_ else ():
            if stepped.after is not None:
                notes = _Notes(open_)
                q = Witness(*explorer.readings[stepped.after.run].setting)
                notes.step(q, stepped)
                notes.state(q, stepped.after.peer)
                if notes.tested:
                    open_ -= notes.tested
                    steps = (*stepped.before.way(), (stepped.transition.name, stepped.args))
                    yield Kept(stepped.after.run, Counterexample(instance.name, steps))


def look_for(protocol: Protocol, transition: str, expected: Iterable[Clause] = ()) -> Seen:
    """Look for a state in which a transition is taken, and note which expected clauses about steps that tests.

    It is looked for among peers that say the truth, or else among liars.
    """
    wanted = list(expected)
    having = [each for each in INSTANCES.values() if each.has(transition)]
    for truthful in (True, False):
        for instance in having:
            explorer = Explorer(protocol, evolve(instance, truthful=truthful))
            for stepped in explorer.explore(DEEP_LIMIT):
                if stepped.transition.name == transition and stepped.after is not None:
                    notes = _Notes(wanted)
                    notes.step(Witness(*explorer.readings[stepped.after.run].setting), stepped)
                    return Seen(frozenset(notes.taken), frozenset(notes.tested), explorer.states)
    return Seen(frozenset(), frozenset(), 0)


def look_at_pairs(protocol: Protocol, instance: Instance) -> Seen:
    """Let two peers of an instance complete as soon as they can, and note which clauses about pairs are tested."""
    players = instance.players[:2]
    done = [_completed(Explorer(protocol, instance, player)) for player in players]
    if None in done:
        return Seen(frozenset(), frozenset(), 0)
    q = Witness(*Explorer(protocol, instance).readings[0].setting)
    tested = {
        (each.name, clause)
        for each in PROPERTIES.values()
        if each.scope == "pair"
        for clause, formula in each.clauses(q, *done).items()
        if is_tested(formula)
    }
    return Seen(frozenset(), frozenset(tested), len(done))


def _completed(explorer: Explorer) -> Peer | None:
    for stepped in explorer.explore(LIMIT):
        peer = stepped.after.peer if stepped.after is not None else None
        if (
            peer is not None
            and peer.ending.phase == Phase.COMPLETED
            and not (peer.ending.alone or peer.ending.timed_out)
        ):
            return peer
    return None


def merged(some: Iterable[Seen]) -> Seen:
    """Return what was seen in all of them."""
    all_ = list(some)
    return Seen(
        frozenset().union(*(each.taken for each in all_)),
        frozenset().union(*(each.tested for each in all_)),
        sum(each.states for each in all_),
    )


class _Notes:
    def __init__(self, expected: Iterable[Clause]) -> None:
        self.taken: set[str] = set()
        self.tested: set[Clause] = set()
        self._untested: dict[str, set[str]] = {}
        for name, clause in expected:
            if name in PROPERTIES:
                self._untested.setdefault(name, set()).add(clause)

    @property
    def left(self) -> bool:
        """Tell whether there are clauses that were not tested yet, of other things than pairs."""
        return any(PROPERTIES[name].scope in _ALONE for name in self._untested)

    def state(self, q: Witness, peer: Any) -> None:
        self._note(("state", "consequence"), q, peer)

    def step(self, q: Witness, stepped: Stepped) -> None:
        args = named(stepped.transition, stepped.args)
        self.view(q, StepView(stepped.transition.name, stepped.before.peer, args, stepped.whole, stepped.events))

    def view(self, q: Witness, view: StepView) -> None:
        self.taken.add(view.transition)
        self._note(("step",), q, view)

    def _note(self, scopes: tuple[str, ...], q: Witness, about: Any) -> None:
        for name, clauses in list(self._untested.items()):
            if PROPERTIES[name].scope not in scopes:
                continue
            found = PROPERTIES[name].clauses(q, about)
            tested = {clause for clause in clauses if clause in found and is_tested(found[clause])}
            self.tested.update((name, clause) for clause in tested)
            clauses -= tested
            if not clauses:
                del self._untested[name]
