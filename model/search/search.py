"""Search: the shortest run of a protocol that violates a property, in small instances; or that there is none in them.

The three results are kept apart: `Refuted` with a trace, `Exhausted` with exact counts, `LimitReached` with what was
seen. What is left out of an instance is never claimed. A trace is a real run, whatever the instance leaves out: it is
run again from the start before it is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from attrs import evolve, frozen

from rollproof.model.bounded import bounded
from rollproof.model.search.explorer import Args, Explorer, Reached, Stepped, attempted, described, effected, named
from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.model.search.interning import READS, Remembered
from rollproof.model.theorems.blame import Violation, blame, failing, violated
from rollproof.model.theorems.possibility import CONDITIONS, when
from rollproof.model.theorems.properties import NEVER_CRASHES
from rollproof.model.theorems.property import Property, StepView
from rollproof.model.traces.trace import Trace, TraceStep
from rollproof.reference.events import Event
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Guard, Protocol, Transition

LIMIT = 200_000
"""How many states of an instance are explored unless another limit is given."""
_SHALLOW = 1_500
"""How many states of each instance are explored before more of any: most mistakes show early in some instance."""
CRASH_SENTENCE = "No guard and no effect ever raises."


@frozen
class Count:
    """How much of an instance was explored."""

    instance: str
    states: int
    transitions: int
    """Steps, those to states that were reached before included."""
    exhausted: bool


@frozen
class Refuted:
    """A property is violated."""

    trace: Trace
    counts: tuple[Count, ...]
    """Of the instances explored, the last one as far as the violation."""


@frozen
class Exhausted:
    """Within the instances no property asked for is violated."""

    counts: tuple[Count, ...]
    open: tuple[str, ...] = ()
    """The properties asked for that no instance settles."""


@frozen
class LimitReached:
    """No violation was found, but not every state of the instances was explored."""

    counts: tuple[Count, ...]
    unjoined: int = 0
    """Pairs of states that violate a property, of which none could be joined into one run of two peers."""


Result = Refuted | Exhausted | LimitReached


class NotReproducedError(RuntimeError):
    """A run that was found cannot be repeated: the protocol depends on what its instance forgets."""


def search(
    protocol: Protocol,
    properties: Iterable[Property | str],
    instances: Sequence[Instance] | None = None,
    *,
    limit: int = LIMIT,
) -> Result:
    """Return a run that violates one of `properties`: the shortest of the first instance in which one is found.

    A property may be the name of the theorem that nothing crashes. Instances are those that `suited` names, unless
    they are given.

    Raises:
        NotReproducedError: if a run that was found cannot be repeated.
        UnknownParameterError: if a transition has a parameter that the model knows nothing of.
    """
    asked = list(properties)
    chosen = suited(protocol) if instances is None else list(instances)
    counts: dict[str, Count] = {}
    for bound in (min(_SHALLOW, limit), limit):
        for instance in chosen:
            if instance.name in counts and (counts[instance.name].exhausted or counts[instance.name].states >= bound):
                continue
            hunt = _Hunt(protocol, instance, asked)
            trace = hunt.run(bound)
            counts[instance.name] = hunt.count
            if trace is not None:
                return Refuted(trace, tuple(counts.values()))
    if not all(count.exhausted for count in counts.values()):
        return LimitReached(tuple(counts.values()))
    unsettled = (
        each.name
        for each in asked
        if isinstance(each, Property) and not any(instance.settles(each) for instance in chosen)
    )
    return Exhausted(tuple(counts.values()), tuple(unsettled))


def reach(
    protocol: Protocol,
    instance: Instance,
    *,
    state: Callable[[Peer], bool] | None = None,
    step: Callable[[StepView], bool] | None = None,
    limit: int = LIMIT,
) -> Trace | Exhausted | LimitReached:
    """Return the shortest run to a state or step of an instance that a predicate accepts: a witness.

    Raises:
        NotReproducedError: if a run that was found cannot be repeated.
    """
    explorer = Explorer(protocol, instance)
    if state is not None:
        for found in explorer.start():
            if state(found.peer):
                return rerun(explorer, _way(found, None))
    for stepped in explorer.explore(limit):
        after = stepped.after
        if after is None:
            continue
        if (state is not None and stepped.is_new and state(after.peer)) or (step is not None and step(_view(stepped))):
            return rerun(explorer, _way(stepped.before, stepped))
    count = (_count(explorer),)
    return Exhausted(count) if explorer.exhausted else LimitReached(count)


def matches(**pattern: Any) -> Callable[[Peer], bool]:
    """Return the predicate that a state's attributes are as given; `rollback__pending=0` means `rollback.pending`."""

    def predicate(peer: Peer) -> bool:
        for path, wanted in pattern.items():
            value: Any = peer
            for name in path.split("__"):
                value = getattr(value, name)
            if value != wanted:
                return False
        return True

    return predicate


@frozen
class Refusal:
    """A guard that alone refuses a transition in a reachable state."""

    trace: Trace
    transition: str
    args: tuple[tuple[str, Any], ...]


@frozen
class Survey:
    """What happens somewhere in some instances: a shortest run to each transition, and to each guard that decides."""

    taken: dict[str, Trace]
    """By transition."""
    refused: dict[tuple[str, str], Refusal]
    """By transition and guard: where all other guards hold."""
    counts: tuple[Count, ...]


def survey(protocol: Protocol, instances: Iterable[Instance], *, limit: int = LIMIT) -> Survey:
    """Return which transitions are taken somewhere, and which guards refuse somewhere when all others hold."""
    taken: dict[str, Trace] = {}
    refused: dict[tuple[str, str], Refusal] = {}
    counts: list[Count] = []
    for instance in instances:
        explorer = Explorer(protocol, instance)
        for found in explorer.start():
            _note_refusals(explorer, found, refused)
        for stepped in explorer.explore(limit):
            if stepped.after is None:
                continue
            if stepped.transition.name not in taken:
                taken[stepped.transition.name] = rerun(explorer, _way(stepped.before, stepped))
            if stepped.is_new:
                _note_refusals(explorer, stepped.after, refused)
        counts.append(_count(explorer))
    return Survey(taken, refused, tuple(counts))


def suited(protocol: Protocol) -> list[Instance]:
    """Return the instances in which a protocol may differ from the present one; all of them if it does not."""
    present = PROTOCOL.transitions
    changed = {name for name, each in protocol.transitions.items() if present.get(name) != each}
    chosen = [each for each in INSTANCES.values() if not changed or any(map(each.has, changed))]
    return chosen or list(INSTANCES.values())


class _Hunt:
    """The search through one instance."""

    def __init__(self, protocol: Protocol, instance: Instance, asked: list[Property | str]) -> None:
        self.explorer = Explorer(protocol, instance)
        properties = [each for each in asked if isinstance(each, Property) and instance.settles(each)]
        self.crashes = NEVER_CRASHES in asked
        self.of_states = [
            (each, Remembered(self._state_check(each), more=1)) for each in properties if each.scope in _OF_STATES
        ]
        self.needed: dict[tuple[int, ...], list[tuple[Property, Remembered[bool]]]] = {}
        self.of_steps = [
            (each, Remembered(self._step_check(each), states=2, more=2)) for each in properties if each.scope == "step"
        ]
        self.of_attempts = [each for each in properties if each.scope == "possibility"]

    @property
    def count(self) -> Count:
        return _count(self.explorer)

    def run(self, limit: int) -> Trace | None:
        explorer = self.explorer
        for found in explorer.start():
            for each, check in self.of_states:
                if check((*found.key, found.run), found.peer, found.run):
                    return self._violating(each, found, None)
            if (mistaken := self._mistaken(found)) is not None:
                return mistaken
        for stepped in explorer.explore(limit):
            after = stepped.after
            if after is None:
                if self.crashes:
                    return crashing(explorer, stepped.before.way(), stepped.transition.name, stepped.args)
                continue
            for each in self._violated_steps(stepped, after.run):
                return self._violating(each, stepped.before, stepped)
            if stepped.is_new:
                for each, check in self.of_states:
                    if check((*after.key, after.run), after.peer, after.run):
                        return self._violating(each, stepped.before, stepped)
                if (mistaken := self._mistaken(after)) is not None:
                    return mistaken
        return None

    def _mistaken(self, found: Reached) -> Trace | None:
        """Return the run to an attempt that violates a property, if there is one in this state."""
        for each in self.of_attempts:
            for transition, args in self.explorer.mistaken(found, each):
                return misjudging(self.explorer, found.run, found.way(), each, transition.name, args)
        return None

    def _violated_steps(self, stepped: Stepped, run: int) -> Iterator[Property]:
        """Iterate over the properties of steps that a step violates.

        One that does not look at the states holds of every step with the same transition, arguments and events if it
        holds of one, and is not read again.
        """
        what = stepped.key[-2:]
        needed = self.needed.get(what)
        for each, check in self.of_steps if needed is None else needed:
            if check(stepped.key, stepped.before.peer, stepped.whole, run, stepped):
                yield each
            if needed is None and READS:
                self.needed.setdefault(what, []).append((each, check))
        self.needed.setdefault(what, [])

    def _state_check(self, each: Property) -> Callable[[Peer, int], bool]:
        readings = self.explorer.readings
        return lambda peer, run: violated(each, readings[run], peer) is not None

    def _step_check(self, each: Property) -> Callable[[Peer, Peer, int, Stepped], bool]:
        readings = self.explorer.readings

        def check(before: Peer, after: Peer, run: int, stepped: Stepped) -> bool:
            args = named(stepped.transition, stepped.args)
            view = StepView(stepped.transition.name, before, args, after, stepped.events)
            return violated(each, readings[run], view) is not None

        return check

    def _violating(self, each: Property, before: Reached, stepped: Stepped | None) -> Trace:
        return violating(self.explorer, before.run, _way(before, stepped), each)


_OF_STATES = ("state", "consequence")


def rerun(explorer: Explorer, way: Iterable[tuple[str, Args]]) -> Trace:
    """Return the run that takes these transitions from the start, forgetting nothing.

    Raises:
        NotReproducedError: if a guard refuses one of them.
    """
    start = peer = explorer.instance.start(explorer.player, explorer.protocol)
    steps = []
    for name, args in way:
        steps.append(take(explorer.protocol.transitions[name], peer, args))
        peer = steps[-1].after
    return Trace(explorer.protocol.name, explorer.instance.name, explorer.player, start, tuple(steps))


def take(transition: Transition[Any], peer: Peer, args: Args) -> TraceStep:
    """Take a step.

    Raises:
        NotReproducedError: if a guard refuses it.
    """
    fired = transition.fire(peer, transition.arguments(*args))
    if isinstance(fired, Guard):
        raise NotReproducedError(f"{transition.name} is refused by {fired.name} when the run is repeated")
    return _step(transition, args, fired[1], peer, fired[0])


def _step(transition: Transition[Any], args: Args, events: tuple[Event, ...], before: Peer, after: Peer) -> TraceStep:
    sentence = " ".join(transition.sentence.split())
    by_name = tuple(named(transition, args).items())
    return TraceStep(transition.name, sentence, by_name, events, before, after, before.config.player)


def violating(explorer: Explorer, run: int, way: Iterable[tuple[str, Args]], each: Property) -> Trace:
    """Return the run that takes these transitions, with what is violated at its end.

    Raises:
        NotReproducedError: if nothing is.
    """
    trace = rerun(explorer, way)
    if each.scope == "step":
        last = trace.steps[-1]
        about: Any = StepView(last.transition, last.before, dict(last.args), last.after, last.events)
    else:
        about = trace.end
    violation = blame(each, explorer.readings[run], about)
    if violation is None:
        raise NotReproducedError(f"{each.name} holds when the run that violates it is repeated")
    return evolve(trace, violation=violation)


def misjudging(
    explorer: Explorer, run: int, way: Iterable[tuple[str, Args]], each: Property, name: str, args: Args
) -> Trace:
    """Return the run that takes these transitions to where another one is possible, or refused, against a property.

    Raises:
        NotReproducedError: if it is as it should be.
    """
    trace = rerun(explorer, way)
    transition, peer = explorer.protocol.transitions[name], trace.end
    violation = blame(each, explorer.readings[run], attempted(transition, peer, args))
    if violation is None:
        raise NotReproducedError(f"{each.name} holds when the run that violates it is repeated")
    given = ", ".join(f"{key}={value!r}" for key, value in named(transition, args).items())
    refusing = transition.refusal(peer, transition.arguments(*args))
    told = f"refused by {refusing.name}, though the rules allow it" if refusing else "possible against the rules"
    said = when(name) if name in CONDITIONS else each.sentence
    detail = f"{name}({given}) is {told}. They say: {said.removesuffix('.')}"
    part = None
    if not refusing and name in CONDITIONS:
        part = failing(CONDITIONS[name], explorer.readings[run], peer, named(transition, args))
    return evolve(trace, violation=evolve(violation, comparison=part, detail=detail))


def crashing(explorer: Explorer, way: Iterable[tuple[str, Args]], name: str, args: Args) -> Trace:
    """Return the run that takes these transitions, and then one that raises.

    Raises:
        NotReproducedError: if it does not.
    """
    trace = rerun(explorer, way)
    transition, peer = explorer.protocol.transitions[name], trace.end
    try:
        if bounded(transition.refusal, peer, transition.arguments(*args)) is None:
            explorer.instance.contains(effected(transition, peer, args)[0])
    except Exception as error:
        detail = described(error)
    else:
        raise NotReproducedError(f"{name} does not raise when the run is repeated")
    last = _step(transition, args, (), peer, peer)
    violation = Violation(NEVER_CRASHES, CRASH_SENTENCE, (), name, detail=detail)
    return evolve(trace, steps=(*trace.steps, last), violation=violation)


def _way(before: Reached, stepped: Stepped | None) -> list[tuple[str, Args]]:
    way = before.way()
    if stepped is not None and stepped.after is not None:
        way.append((stepped.transition.name, stepped.args))
    return way


def _note_refusals(explorer: Explorer, found: Reached, refused: dict[tuple[str, str], Refusal]) -> None:
    for transition, args, guard in explorer.refusals(found):
        if (transition.name, guard) not in refused:
            trace = rerun(explorer, _way(found, None))
            refused[transition.name, guard] = Refusal(trace, transition.name, tuple(named(transition, args).items()))


def _view(stepped: Stepped) -> StepView:
    args = named(stepped.transition, stepped.args)
    return StepView(stepped.transition.name, stepped.before.peer, args, stepped.whole, stepped.events)


def _count(explorer: Explorer) -> Count:
    return Count(explorer.instance.name, explorer.states, explorer.transitions, explorer.exhausted)
