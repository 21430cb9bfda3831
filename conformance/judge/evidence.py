"""What properties are, and what they look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from heapq import merge
from operator import attrgetter

from attrs import evolve, field, frozen

from rollproof.conformance.judge.ahead import counted
from rollproof.conformance.judge.failure import Failure
from rollproof.conformance.judge.tape import Tape, tapes
from rollproof.conformance.runner.run import Event, Run

DEFAULT_INPUT = 0
LONGEST_DELAY = 30
"""Frames: that of an implementation which changes its delay by itself."""


@frozen(slots=False)
class Evidence:
    """A run, with what several properties read from it."""

    run: Run

    @cached_property
    def events(self) -> list[Event]:
        """What happened, but for frames that were shown ahead of time and taken back."""
        return counted(self.run.events) if self.variant("run_ahead") == "shown" else self.run.events

    def variant(self, name: str) -> str:
        """Return which of several right answers the implementation gives, as it says itself."""
        return self.run.hello.choice(name)

    @cached_property
    def longest_delay(self) -> int:
        """The longest input delay that anybody has in the run, in frames."""
        case = self.run.case
        commanded = [step["value"] for step in case["schedule"] if "command" in step and "value" in step]
        own = LONGEST_DELAY if self.variant("input_delay") == "changing" else 0
        longest: int = max(case.config.get("input_delay", 0), own, *commanded, 0)
        return longest

    @cached_property
    def tapes(self) -> dict[str, Tape]:
        """The game of every peer."""
        return tapes(self.run, self.events)

    @cached_property
    def silent(self) -> frozenset[str]:
        """The peers that fell silent."""
        return frozenset(event.peer for event in self.run.events if event.kind == "silence")

    @cached_property
    def active(self) -> tuple[str, ...]:
        """The other peers."""
        return tuple(peer for peer in self.run.case.peers if peer not in self.silent)

    @property
    def last(self) -> int:
        """The number of the last event."""
        return len(self.run.events) - 1

    def observations(self, *kinds: str) -> Iterator[Event]:
        """Iterate over the observations of some kinds, in the order in which they were made."""
        return merge(*(self._by_kind.get(kind, ()) for kind in kinds), key=attrgetter("number"))

    @cached_property
    def _by_kind(self) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for event in self.events:
            if event.kind == "obs":
                found.setdefault(event.data["obs"], []).append(event)
        return found

    @cached_property
    def truth(self) -> dict[int, dict[int, dict[str, int]]]:
        """By episode, frame and player: the input that the player's own peer fixed (level 2)."""
        truth: dict[int, dict[int, dict[str, int]]] = {0: {}}
        epochs = dict.fromkeys(self.run.case.peers, 0)
        for event in self.observations("input_local", "episode_begin"):
            if event.data["obs"] == "episode_begin":
                epochs[event.peer] = event.data["epoch"]
            else:
                frames = truth.setdefault(epochs[event.peer], {})
                frames.setdefault(event.data["frame"], {}).setdefault(event.peer, event.data["input"])
        return truth

    def lockstep(self, epoch: int) -> tuple[list[tuple[int, ...]], bool]:
        """Return the joint inputs of an episode that everyone played without a network, and whether it is over then.

        It is not if some input that it goes on with has not been fixed by anybody.
        """
        case = self.run.case
        delay, truth = case.config.get("input_delay", 0), self.truth.get(epoch, {})
        frames: list[tuple[int, ...]] = []
        total = 0
        while len(frames) < case.config.get("max_steps", 1 << 30) and total < case.config.get("end_sum", 1 << 30):
            known = truth.get(len(frames), {})
            if len(frames) < delay:
                inputs = (DEFAULT_INPUT,) * len(case.peers)
            elif len(known) == len(case.peers):
                inputs = tuple(known[peer] for peer in case.peers)
            else:
                return frames, False
            frames.append(inputs)
            total += sum(inputs)
        return frames, True


Check = Callable[[Evidence], Iterator[Failure]]


@frozen
class Property:
    """Something that must hold of a run."""

    name: str
    sentence: str
    rules: tuple[str, ...]
    level: int
    """From which level on it can be judged."""
    stuck: bool
    """Whether not to hold means to be stuck."""
    final: bool
    """Whether it is judged when all is over; a failure of another kind says more, and comes first."""
    _check: Check = field(repr=False, alias="check")

    def failures(self, evidence: Evidence) -> Iterator[Failure]:
        """Iterate over what is against it, the earliest first."""
        for failure in self._check(evidence):
            if failure.clause == self.name:
                failure = evolve(failure, sentence=self.sentence, rules=self.rules)
            yield failure


PROPERTIES: dict[str, Property] = {}
"""All of them, by name."""


def prop(*rules: str, level: int, stuck: bool = False, final: bool = False) -> Callable[[Check], Property]:
    """Declare a property: the function's name is its name, its docstring its sentence."""

    def declare(check: Check) -> Property:
        made = Property(check.__name__, (check.__doc__ or "").strip(), rules, level, stuck, final or stuck, check)
        PROPERTIES[made.name] = made
        return made

    return declare


def failed(clause: str, peer: str, frame: int | None, expected: str, actual: str, event: int) -> Failure:
    """Return a failure of the property `clause`, which adds its sentence and rules."""
    return Failure(clause, "", (), peer, frame, expected, actual, event)
