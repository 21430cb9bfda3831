"""Exploration: every state of a small instance that a protocol can reach, breadth first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve, field, frozen

from rollproof.model.bounded import bounded
from rollproof.model.search.arguments import arguments
from rollproof.model.search.instances import Instance, Truths
from rollproof.model.search.interning import READS, Key, Numbers, Remembered
from rollproof.model.slips import raise_slip
from rollproof.model.theorems.blame import violated
from rollproof.model.theorems.property import Attempt, Property
from rollproof.model.theorems.truth import Truth
from rollproof.model.theorems.values import Values
from rollproof.reference.containers import Player
from rollproof.reference.events import Event
from rollproof.reference.state import Metrics, Peer
from rollproof.reference.transition import Guard, Protocol, Step, Transition

Args = tuple[Any, ...]
FORGOTTEN = frozenset({"metrics", "ticks"})
"""The parts of a state that an instance may forget (`Instance.forget`)."""
OTHER_METRICS = evolve(Metrics(), inputs_submitted=9, inputs_rejected=9, greatest_depth=9, frames=9, hashes_compared=9)
"""Metrics that no small instance reaches."""
TRIED = 12
"""How many steps of each transition are taken with other metrics as well."""


class ForgottenError(Exception):
    """The protocol decides by a part of the state that the instance forgets."""


@frozen
class Choice:
    """Arguments that no guard refuses."""

    args: Args
    error: str | None = None
    """What a guard raised instead."""


@frozen(eq=False)
class Reached:
    """A state that was reached, by the first of the shortest ways to it."""

    peer: Peer
    key: Key
    run: int
    """Which truth it belongs to."""
    before: Reached | None = field(repr=False)
    transition: str = ""
    args: Args = ()

    def way(self) -> list[tuple[str, Args]]:
        """Return the transitions that lead here from the start, with their arguments."""
        steps, state = [], self
        while state.before is not None:
            steps.append((state.transition, state.args))
            state = state.before
        return steps[::-1]


@frozen(eq=False)
class Stepped:
    """A step between two states within the bounds, or the attempt at one that raised."""

    before: Reached
    transition: Transition[Any]
    args: Args
    after: Reached | None
    """The state that it leads to, without what the instance forgets; None if the attempt raised."""
    whole: Peer | None = None
    """The same with what it forgets."""
    events: tuple[Event, ...] = ()
    is_new: bool = False
    """Whether the state after it is reached for the first time."""
    error: str | None = None
    key: tuple[int, ...] = ()
    """Both states' keys, and the numbers of the run, the transition, the arguments and the events."""


class Explorer:
    """Goes through the states of an instance. What it has gone through so far can be asked at any time."""

    def __init__(self, protocol: Protocol, instance: Instance, player: Player | None = None) -> None:
        """Explore what one peer of the instance, the first if none is named, can do under a protocol."""
        self.protocol = protocol
        self.instance = instance
        self.player = player or instance.players[0]
        self.truths: tuple[Truths, ...] = instance.lockstep(self.player)
        self.readings: tuple[Values, ...] = tuple(self._reading(truths) for truths in self.truths)
        self.states = 0
        self.transitions = 0
        names = [name for name in protocol.transitions if instance.has(name)]
        self._choices = [
            (number, protocol.transitions[name], Remembered(self._choose(protocol.transitions[name]), more=1))
            for number, name in enumerate(names)
        ]
        self._numbers = Numbers()
        self._refusals: dict[str, Remembered[tuple[tuple[Args, str], ...]]] = {}
        self._mistaken: dict[tuple[str, str], Remembered[tuple[Args, ...]]] = {}
        self._happened: dict[Any, int] = {}
        self._tried: dict[str, int] = {}

    def start(self) -> list[Reached]:
        """Return the initial states, one for each truth."""
        peer = self.instance.start(self.player, self.protocol)
        return [Reached(peer, self._numbers.key(peer), run, None) for run in range(len(self.truths))]

    def refusals(self, state: Reached) -> Iterator[tuple[Transition[Any], Args, str]]:
        """Iterate over what exactly one guard refuses in a state, with that guard's name."""
        for _, transition, _ in self._choices:
            if transition.name not in self._refusals:
                self._refusals[transition.name] = Remembered(self._refuse(transition), more=1)
            for args, guard in self._refusals[transition.name]((*state.key, state.run), state.peer, state.run):
                yield transition, args, guard

    def mistaken(self, state: Reached, each: Property) -> Iterator[tuple[Transition[Any], Args]]:
        """Iterate over what may be attempted in a state, and is possible or refused against a property."""
        for _, transition, _ in self._choices:
            key = (each.name, transition.name)
            if key not in self._mistaken:
                self._mistaken[key] = Remembered(self._judge(transition, each), more=1)
            for args in self._mistaken[key]((*state.key, state.run), state.peer, state.run):
                yield transition, args

    def explore(self, limit: int) -> Iterator[Stepped]:
        """Iterate over every step, breadth first, until everything is explored or `limit` states are reached.

        Each state is the same object in every step that leads from it. If the protocol turns out to decide by what the
        instance forgets, everything is explored anew, and nothing is forgotten.
        """
        try:
            yield from self._explore(limit)
        except ForgottenError:
            self.instance = self.instance.remembering()
            yield from self._explore(limit)

    def _explore(self, limit: int) -> Iterator[Stepped]:
        level = self.start()
        seen = {(state.run, state.key) for state in level}
        self.states = len(level)
        while level:
            following: list[Reached] = []
            for state in level:
                for step in self._steps(state):
                    after = step.after
                    if after is None:
                        yield step
                        continue
                    self.transitions += 1
                    mark = (after.run, after.key)
                    if mark in seen:
                        yield step
                        continue
                    seen.add(mark)
                    self.states += 1
                    following.append(after)
                    yield evolve(step, is_new=True)
                    if self.states >= limit:
                        return
            level = following
        self.exhausted = True

    exhausted = False
    """Whether every state within the bounds has been explored."""

    def _steps(self, state: Reached) -> Iterator[Stepped]:
        instance, happened = self.instance, self._happened
        peer, key, run = state.peer, state.key, state.run
        for number, transition, remembered in self._choices:
            for choice in remembered((*key, run), peer, run):
                if choice.error is not None:
                    yield Stepped(state, transition, choice.args, None, error=choice.error)
                    continue
                try:
                    reached, events = effected(transition, peer, choice.args)
                    inside = instance.contains(reached)
                except Exception as error:
                    raise_slip(error)
                    yield Stepped(state, transition, choice.args, None, error=described(error))
                    continue
                if not self.instance.counts and self._depends(transition, choice.args, peer, reached, events):
                    raise ForgottenError
                if not inside:
                    continue
                reached_key = self._numbers.key_after(peer, key, reached)
                kept = instance.forget(reached)
                kept_key = reached_key if kept is reached else self._numbers.key_after(reached, reached_key, kept)
                what = happened.setdefault((number, choice.args, events), len(happened))
                yield Stepped(
                    state,
                    transition,
                    choice.args,
                    Reached(kept, kept_key, run, state, transition.name, choice.args),
                    reached,
                    events,
                    key=(*key, *reached_key, run, what),
                )

    def _choose(self, transition: Transition[Any]) -> Callable[[Peer, int], tuple[Choice, ...]]:
        def choose(peer: Peer, run: int) -> tuple[Choice, ...]:
            found = []
            for args in arguments(self.instance, transition, peer, self.readings[run]):
                try:
                    if bounded(transition.refusal, peer, transition.arguments(*args)) is None:
                        found.append(Choice(args))
                except Exception as error:
                    raise_slip(error)
                    found.append(Choice(args, described(error)))
            if not self.instance.counts and not READS.isdisjoint(FORGOTTEN):
                raise ForgottenError
            return tuple(found)

        return choose

    def _depends(
        self, transition: Transition[Any], args: Args, before: Peer, after: Peer, events: tuple[Event, ...]
    ) -> bool:
        """Tell whether an effect does something else with other metrics; the first of each transition are tried."""
        tried = self._tried.get(transition.name, 0)
        if tried >= TRIED:
            return False
        self._tried[transition.name] = tried + 1
        try:
            other, others = effected(transition, evolve(before, metrics=OTHER_METRICS), args)
        except Exception:
            return True
        return others != events or evolve(other, metrics=after.metrics) != after

    def _refuse(self, transition: Transition[Any]) -> Callable[[Peer, int], tuple[tuple[Args, str], ...]]:
        def refuse(peer: Peer, run: int) -> tuple[tuple[Args, str], ...]:
            found = []
            for args in arguments(self.instance, transition, peer, self.readings[run]):
                record = transition.arguments(*args)
                refusing = [guard.name for guard in transition.guards if _refuses(guard, peer, record)]
                if len(refusing) == 1:
                    found.append((args, refusing[0]))
            return tuple(found)

        return refuse

    def _judge(self, transition: Transition[Any], each: Property) -> Callable[[Peer, int], tuple[Args, ...]]:
        def judge(peer: Peer, run: int) -> tuple[Args, ...]:
            reading = self.readings[run]
            found = []
            for args in arguments(self.instance, transition, peer, reading):
                if violated(each, reading, attempted(transition, peer, args)) is not None:
                    found.append(args)
            return tuple(found)

        return judge

    def _reading(self, truths: Truths) -> Values:
        instance = self.instance
        last = instance.frames + instance.config(self.player).input_delay
        honest = None if instance.truthful else ()

        def truth(epoch: int) -> Truth:
            return truths[min(max(epoch, 0), len(truths) - 1)]

        return Values(instance.players, last, truth, self.protocol, honest)


def _refuses(guard: Guard[Any], peer: Peer, args: Any) -> bool:
    try:
        return not guard.holds(peer, args)
    except Exception:  # it relies on another guard
        return False


def described(error: Exception) -> str:
    """Return one line about an exception that the reference raised, with where it did."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "" if place is None else f" ({place.tb_frame.f_globals.get('__name__', '?')}, line {place.tb_lineno})"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if text else ''}{text[:160]}{where}"


def effected(transition: Transition[Any], peer: Peer, args: Args) -> Step:
    """Return what an effect returns.

    Raises:
        TypeError: if that is not a peer and a tuple of events.
        Exception: whatever the effect raises.
    """
    step = bounded(transition.perform, peer, transition.arguments(*args))
    match step:
        case (Peer(), tuple()):
            return step
    raise TypeError(f"the effect of {transition.name} returned {type(step).__name__}, not a peer and a tuple of events")


def attempted(transition: Transition[Any], peer: Peer, args: Args) -> Attempt:
    """Return an attempt at a transition, possible if no guard refuses it and none raises."""
    try:
        possible = bounded(transition.refusal, peer, transition.arguments(*args)) is None
    except Exception:  # another theorem speaks of that
        possible = False
    return Attempt(transition.name, peer, named(transition, args), possible)


def named(transition: Transition[Any], args: Args) -> dict[str, Any]:
    """Return arguments by name."""
    return dict(zip(transition.parameters, args, strict=True))
