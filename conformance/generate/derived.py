"""Cases made from the model: the shortest runs of single transitions that tell a wrong protocol from the reference.

The reference is explored breadth first. For each guard that leads to a state in which this guard alone refuses, for
each variant to one in which it does something else. Without the guard the run goes wrong there; what becomes of it is
what `rollproof guards` shows. Each transition, and each way through the code of its effect, is taken by some case too.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from types import FrameType
from typing import Any

from attrs import define, field, frozen

from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import Case
from rollproof.conformance.cases.single_step import decoded, encoded
from rollproof.conformance.cases.writing import case
from rollproof.conformance.generate.games import GAMES, PEERS, Game
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.mutants.bugs import Mutant
from rollproof.conformance.mutants.catalogue import mutants
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.schema import Json
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.suite import BAD
from rollproof.model.search.arguments import arguments
from rollproof.model.search.explorer import Args, Explorer, Reached, Stepped
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs.counterexamples import load, replay
from rollproof.proofs.necessity import THEOREMS
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Guard, Step, Transition

MOST_TRIES = 20
"""How many runs are tried for one mutant: what differs need not be visible."""
TRACED = 500
"""Of so many states of each instance it is noted which ways the steps from them take."""
EFFECTS = {each.effect.__module__ for each in PROTOCOL.transitions.values()}
"""The modules whose lines make up the ways of an effect."""

Way = frozenset[tuple[str, int]]
"""The lines of code that an effect took, by function; effects have no loops, so this is the path through them."""


@frozen
class Found:
    """A run that shows something: the steps to a state, and the step that is tried there."""

    game: Game
    steps: tuple[tuple[str, Args], ...]

    @property
    def schedule(self) -> list[Json]:
        """The run as a schedule, played by the first peer."""
        peer, schedule = self.game.start(PEERS[0]), []
        for name, args in self.steps:
            args_ = encoded(PROTOCOL.transitions[name], args, peer)
            schedule.append({"step": PEERS[0], "transition": name, "args": args_})
            peer = _after(name, peer, args)
        return schedule

    @property
    def end(self) -> Step:
        """What its last step does, which no guard refuses."""
        peer = self.game.start(PEERS[0])
        for name, args in self.steps[:-1]:
            peer = _after(name, peer, args)
        name, args = self.steps[-1]
        return PROTOCOL.transitions[name].perform(peer, PROTOCOL.transitions[name].arguments(*args))

    def case(self, id: str, title: str, why: str, rules: tuple[str, ...], kills: list[str]) -> Case:
        """Return the case that this run makes."""
        made = case(
            f"transitions/{id}", title, why, rules=rules, kills=kills, level=2, requires=["transitions"],
            config=self.game.case_config, schedule=self.schedule, end={"how": "stop"}, premise=[], expect=["steps"],
        )  # fmt: skip
        if {"expire_wait", "give_up_on_partners"} & set(dict(self.steps)):
            made["degraded"] = [PEERS[0]]
        # A setting is of no account here as a capability, nor is what it is judged by elsewhere.
        return Case({**made, "requires": ["core", "transitions"], "expect": ["steps"], "origin": "model"})


@define
class Hunt:
    """The search for all of them at once."""

    guards: dict[tuple[str, str], Mutant] = field(factory=dict)
    """By transition and guard: the mutants without a guard that are still to be told from the reference."""
    others: dict[str, list[tuple[Mutant, Transition[Any]]]] = field(factory=dict)
    """By transition: the other mutants in which it is another one, and which one."""
    tries: Counter[str] = field(factory=Counter)
    """By mutant."""
    killers: dict[str, Found] = field(factory=dict)
    """By mutant."""
    ways: dict[tuple[str, Way], Found] = field(factory=dict)
    """By transition and way."""

    def add(self, mutant: Mutant) -> None:
        """Search for a mutant, too, if it is nothing but another protocol."""
        kind, _, rest = mutant.name.partition(":")
        if kind == "without":
            name, _, guard = rest.partition(".")
            self.guards[name, guard] = mutant
        elif kind not in ("bug", "different"):
            protocol = mutant.make().protocol
            for name, transition in PROTOCOL.transitions.items():
                if protocol.transitions[name] != transition:
                    self.others.setdefault(name, []).append((mutant, protocol.transitions[name]))

    def search(self, game: Game) -> None:
        """Go through an instance."""
        explorer = Explorer(PROTOCOL, game)
        for state in explorer.start():
            self._look(explorer, game, state)
        for stepped in explorer.explore(game.limit):
            if stepped.after is None:
                continue
            if explorer.states < TRACED:
                self._follow(game, stepped)
            if stepped.is_new:
                self._look(explorer, game, stepped.after)

    def _follow(self, game: Game, stepped: Stepped) -> None:
        name, args = stepped.transition.name, stepped.args
        way = way_of(stepped.transition, stepped.before.peer, args)
        if (name, way) not in self.ways:
            found = Found(game, (*stepped.before.way(), (name, args)))
            if (name, way) in ways_of(found):
                self.ways[name, way] = found

    def _look(self, explorer: Explorer, game: Game, state: Reached) -> None:
        for transition, args, guard in explorer.refusals(state):
            mutant = self.guards.get((transition.name, guard))
            if mutant is not None and self._is_killed(mutant, game, state, transition.name, args):
                del self.guards[transition.name, guard]
        for name in [each for each in game.transitions if each in self.others]:
            ours = PROTOCOL.transitions[name]
            for args in arguments(game, ours, state.peer, explorer.readings[state.run]):
                for mutant, theirs in list(self.others.get(name, ())):
                    if _differs(ours, theirs, state.peer, args) and self._is_killed(mutant, game, state, name, args):
                        self._forget(mutant)

    def _is_killed(self, mutant: Mutant, game: Game, state: Reached, name: str, args: Args) -> bool:
        self.tries[mutant.name] += 1
        if self.tries[mutant.name] > MOST_TRIES:
            return False
        found = Found(game, (*state.way(), (name, args)))
        if not is_told_apart(mutant, found.case("try", "", "", ("RB-7",), [])):
            return False
        self.killers[mutant.name] = found
        return True

    def _forget(self, mutant: Mutant) -> None:
        for name, some in list(self.others.items()):
            self.others[name] = [each for each in some if each[0] is not mutant]
            if not self.others[name]:
                del self.others[name]


def is_told_apart(mutant: Mutant, case: Case) -> bool:
    """Tell whether a case tells a mutant from the reference, which passes."""
    verdicts = [run_and_judge(case, Adapters.in_process(make))[0].verdict for make in (Adapter, mutant.make)]
    return verdicts[0] in (Verdict.PASS, Verdict.DEGRADED) and verdicts[1] in BAD


def _differs(ours: Transition[Any], theirs: Transition[Any], peer: Peer, args: Args) -> bool:
    wanted = ours.fire(peer, ours.arguments(*args))
    try:
        fired = theirs.fire(peer, ours.arguments(*args))
    except Exception:
        return True
    if isinstance(wanted, Guard) or isinstance(fired, Guard):
        return isinstance(wanted, Guard) != isinstance(fired, Guard)
    return bool(fired != wanted)


def way_of(transition: Transition[Any], peer: Peer, args: Args) -> Way:
    """Return the way that an effect takes."""
    lines: set[tuple[str, int]] = set()

    def within(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            lines.add((frame.f_code.co_name, frame.f_lineno))
        return within

    def entering(frame: FrameType, event: str, _: Any) -> Any:
        return within if frame.f_globals.get("__name__") in EFFECTS else None

    before = sys.gettrace()
    sys.settrace(entering)
    try:
        transition.perform(peer, transition.arguments(*args))
    finally:
        sys.settrace(before)
    return frozenset(lines)


def hunt() -> Hunt:
    """Search for a run for everything."""
    made = Hunt()
    for mutant in mutants().values():
        made.add(mutant)
    for game in GAMES:
        made.search(game)
    for name, killer in made.killers.items():
        kind, _, transition = name.partition(":")
        if kind == "noop":
            for taken in ways_of(killer):
                if taken[0] == transition:
                    made.ways[taken] = killer
    return made


def derived_cases() -> Iterator[Case]:
    """Yield a case for each guard and variant; then for each transition and way that none of these takes."""
    found = hunt()
    taken: set[tuple[str, Way]] = set()
    for name, killer in found.killers.items():
        kind, _, rest = name.partition(":")
        if kind == "without":
            taken |= ways_of(killer)
            yield _of_guard(rest, killer)
        elif kind == "variant":
            taken |= ways_of(killer)
            yield killer.case(
                f"variant-{rest}", f"Not so: {VARIANTS[rest].sentence}",
                "A known mistake, at the first step that shows it.", VARIANTS[rest].rules, [name],
            )  # fmt: skip
    numbers: dict[str, int] = {}
    for (name, way), run in found.ways.items():
        numbers[name] = numbers.get(name, 0) + 1
        if (name, way) not in taken:
            taken |= ways_of(run)
            yield _of_way(name, numbers[name], run)


def ways_of(found: Found) -> set[tuple[str, Way]]:
    """Return the ways that a run takes when it is a case."""
    peer, taken = found.game.start(PEERS[0]), set()
    for step in found.schedule:
        name = step["transition"]
        args = decoded(name, step["args"], peer)
        if PROTOCOL.transitions[name].refusal(peer, PROTOCOL.transitions[name].arguments(*args)) is None:
            taken.add((name, way_of(PROTOCOL.transitions[name], peer, args)))
        peer = _after(name, peer, args)
    return taken


def _after(name: str, peer: Peer, args: Args) -> Peer:
    step = PROTOCOL.transitions[name].fire(peer, PROTOCOL.transitions[name].arguments(*args))
    return peer if isinstance(step, Guard) else step[0]


def _of_guard(name: str, found: Found) -> Case:
    transition, _, guard_name = name.partition(".")
    guard = next(each for each in PROTOCOL.transitions[transition].guards if each.name == guard_name)
    return found.case(
        f"{transition}-{guard_name}",
        f"{transition} is refused by {guard_name} alone",
        f"Must hold: {' '.join(guard.sentence.split())} {_harm(name, transition, guard_name)}",
        guard.rules,
        [f"without:{name}"],
    )


def _harm(name: str, transition: str, guard: str) -> str:
    """Return what is known to go wrong without a guard; that no run is kept does not say that nothing does."""
    counterexample = load().get(name)
    trace = counterexample and replay(PROTOCOL.without(transition, guard), counterexample, THEOREMS)
    if not trace or trace.violation is None:
        return "Without it the protocol is another one."
    return f"Without it {trace.violation.property} fails: {trace.violation.sentence}"


def _of_way(name: str, number: int, found: Found) -> Case:
    transition = PROTOCOL.transitions[name]
    events = ", ".join(type(event).__name__ for event in found.end[1])
    return found.case(
        f"{name}-{number}",
        f"{name} fires" + (f" and reports {events}" if events else ""),
        f"{' '.join(transition.sentence.split())} This is one of the ways through its effect.",
        transition.rules,
        [f"noop:{name}"],
    )
