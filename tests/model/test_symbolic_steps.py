"""Every step of the reference is a step of the logic: what is proved of symbolic transitions is true of real runs.

A concrete state and arguments give every constant of the logic a meaning. Under it exactly one path of the symbolic
transition may be open, and what it yields must mean what the code has yielded, part by part, events included. Where a
guard refuses, no path may be open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any

import pytest
from attrs import evolve, frozen

from rollproof.model.search.arguments import arguments
from rollproof.model.search.explorer import Explorer, named
from rollproof.model.search.instances import INSTANCES, Instance, LockstepTruth
from rollproof.model.sessions import session
from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.setup import PathLoss, Settings, Setup
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.symbolic.interpretation import Interpretation, introduced
from rollproof.model.theorems.environment import ASSUMPTIONS
from rollproof.model.theorems.truth import Truth
from rollproof.proofs.obligations import Before, Case, before, outline
from rollproof.reference.config import Config
from rollproof.reference.events import Event
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Step, Transition
from rollproof.reference.world import World
from tests import LONG

REFUSED = "refused"
MOST_STATES = 1_500
"""How many states of each instance are looked at."""
MOST_ALIKE = 4 if LONG else 2
"""How many steps of a transition that lead to the same kinds of events are taken from each instance."""
REFUSED_ALIKE = MOST_ALIKE // 2
"""How many attempts at a transition that the same guard refuses are taken from each instance."""


@frozen
class Taken:
    """A concrete step, or the attempt at one that a guard refused."""

    transition: str
    peer: Peer
    args: dict[str, Any]
    truth: Callable[[int], Truth]
    step: tuple[Peer, tuple[Event, ...]] | None


@cache
def arbitrary() -> Before:
    return before(PROTOCOL)


@cache
def cases(name: str) -> list[Case]:
    every = outline(arbitrary(), PROTOCOL.transitions[name])
    return [each for each in every if each.view is not None or each.failure is not None]


def interpretation(taken: Taken) -> Interpretation:
    """Return what the constants mean in a state, and in an attempt from it."""
    peer = taken.peer
    last = max(peer.frame, max(peer.inputs.known.newest), *(args for args in taken.args.values() if type(args) is int))
    frames = range(-2, min(last, 40) + 4)
    roots = {"peer": peer, "arg": taken.args}
    return Interpretation(peer.config.players, roots, world=peer.world, truth=taken.truth, frames=frames, honest=())


def open_cases(it: Interpretation, taken: Taken) -> Iterator[Case]:
    """Yield the paths whose conditions hold, each while what it introduces has its meaning."""
    facts = arbitrary().facts
    assert it.holds(facts), f"what is assumed does not hold: {[each for each in facts if not it.holds([each])]}"
    for case in cases(taken.transition):
        path = next((each.value for each in Path if case.path.startswith(f"{each.value}, ")), None)
        if path is not None and taken.args["path"].value != path:
            continue
        it.introduced.clear()
        premises = case.premises[len(facts) :]
        if it.holds(each for each in premises if not introduced(each)):
            simulated = taken.peer.frame if taken.peer.rollback.cursor is None else taken.peer.rollback.cursor
            if it.introduce([each for each in premises if introduced(each)], taken.peer.inputs.known, simulated):
                yield case


def check(taken: Taken) -> str:
    """Check one step, and return the path that it takes."""
    it = interpretation(taken)
    ways = []
    for case in open_cases(it, taken):
        assert taken.step is not None, f"{taken.transition}{taken.args} is refused, and yet {case.path} is open"
        assert case.view is not None, f"{taken.transition}{taken.args}, {case.path}: {case.failure}"
        wrong = [
            *it.mismatches(case.view.after, taken.step[0], "peer"),
            *it.mismatches(case.view.events, taken.step[1], "events"),
        ]
        assert wrong == [], f"{taken.transition}{taken.args}, {case.path}"
        ways.append(case.path)
    assert len(ways) == (taken.step is not None), f"{taken.transition}{taken.args}: {ways}"
    return ways[0] if ways else REFUSED


# --- where concrete steps come from ---


def of_instance(instance: Instance) -> Iterator[Taken]:
    """Yield steps and refusals of a searched instance, some of each sort."""
    explorer = Explorer(PROTOCOL, instance)
    alike: Counter[Any] = Counter()
    for stepped in explorer.explore(MOST_STATES):
        assert stepped.after is not None
        assert stepped.whole is not None
        run = stepped.before.run
        sort = (stepped.transition.name, tuple(type(event).__name__ for event in stepped.events))
        alike[sort] += 1
        if alike[sort] <= MOST_ALIKE or alike[sort] % 400 == 0:
            args = named(stepped.transition, stepped.args)
            peer = stepped.before.peer
            yield Taken(sort[0], peer, args, _truth(explorer, run, peer), (stepped.whole, stepped.events))
        if stepped.is_new:
            yield from _refusals(explorer, stepped.after.peer, run, alike)


def _refusals(explorer: Explorer, peer: Peer, run: int, alike: Counter[Any]) -> Iterator[Taken]:
    for name in explorer.instance.transitions:
        transition = PROTOCOL.transitions[name]
        for args in arguments(explorer.instance, transition, peer, explorer.readings[run]):
            refusal = transition.refusal(peer, transition.arguments(*args))
            if refusal is not None:
                alike[name, refusal.name] += 1
                if alike[name, refusal.name] <= REFUSED_ALIKE:
                    yield Taken(name, peer, named(transition, args), _truth(explorer, run, peer), None)


def of_liars(instance: Instance) -> list[Taken]:
    """Return steps of an instance in which partners say anything."""
    with pytest.MonkeyPatch.context() as patch:
        for name in tuple(ASSUMPTIONS):
            patch.delitem(ASSUMPTIONS, name)
        return list(of_instance(instance))


def _truth(explorer: Explorer, run: int, peer: Peer) -> Callable[[int], Truth]:
    """Return what really happens: what the instance says of its own episodes, and nothing in others."""
    known, idle = explorer.truths[run], _idle(peer)
    return lambda epoch: known[epoch] if 0 <= epoch < len(known) else idle(epoch)


def of_session(seed: int, world: World, **chosen: Any) -> list[Taken]:
    """Return steps of a session of three peers over a faulty network, some of each sort."""
    taken: list[Taken] = []
    alike: Counter[Any] = Counter()

    def watched(transition: Transition) -> Transition:
        def effect(peer: Peer, record: Any = None) -> Step:
            step = transition.perform(peer, record)
            args = () if record is None else tuple(getattr(record, name) for name in transition.parameters)
            sort = (transition.name, tuple(type(event).__name__ for event in step[1]))
            alike[sort] += 1
            if alike[sort] <= MOST_ALIKE or alike[sort] % 300 == 0:
                taken.append(Taken(transition.name, peer, named(transition, args), _idle(peer), step))
            return step

        return evolve(transition, effect=effect)

    protocol = PROTOCOL.replace("watched", *map(watched, PROTOCOL.transitions.values()))
    config = Config("a", ("a", "b", "c"), max_steps=8, hash_interval=4, resend_interval_ms=40, **chosen)
    settings = Settings(config, world, episodes=2, path_losses=(PathLoss(60, "a", "b"),))
    faults = Faults(latency_ms=20, jitter_ms=60, loss=0.2)
    session.run(Setup(settings, seed, faults, faults), protocol)
    return taken


def _idle(peer: Peer) -> Callable[[int], Truth]:
    """Return a truth in which nobody does anything: what is assumed of truth holds of every truth."""
    config = peer.config
    nothing = ((config.default_action,) * len(config.players),) * 40
    return cache(lambda epoch: LockstepTruth(config, peer.world, epoch, nothing))


SOURCES: dict[str, Callable[[], Iterable[Taken]]] = {
    **{name: partial(of_instance, each) for name, each in INSTANCES.items()},
    **{f"{name}, lying": partial(of_liars, INSTANCES[name]) for name in ("counts", "hashes")},
    "session": partial(of_session, 1, ArithmeticWorld()),
    "session with delay": partial(
        of_session, 2, ArithmeticWorld(), input_delay=2, prediction="default", prediction_window=3
    ),
    "session held back": partial(
        of_session, 3, ArithmeticWorld(), debug_remote_input_delay=2, redundancy=1, input_confirmation_timeout_ms=0
    ),
    "session ended by an event": partial(of_session, 4, ArithmeticWorld(end_when=3)),
}


@cache
def transitions_of(source: str) -> frozenset[str]:
    """Check all steps of a source, and return the transitions that were taken."""
    paths = {(taken.transition, check(taken)) for taken in SOURCES[source]()}
    return frozenset(transition for transition, path in paths if path != REFUSED)


@pytest.mark.xdist_group("symbolic steps")
@pytest.mark.parametrize("source", SOURCES)
def test_every_step_is_a_step_of_the_logic(source: str) -> None:
    instance = INSTANCES.get(source.removesuffix(", lying"))
    least = 5 if instance is None else min(5, len(instance.transitions))
    assert len(transitions_of(source)) >= least


@pytest.mark.xdist_group("symbolic steps")
def test_every_transition_is_taken_somewhere() -> None:
    assert frozenset.union(*map(transitions_of, SOURCES)) == set(PROTOCOL.transitions)
