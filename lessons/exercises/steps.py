"""Runs that a reader writes: a step a line, taken on the reference's own code, with arguments that can really occur.

`receive_input player=b frame=0 action=1` is a step; what is not said is chosen, if there is only one thing to choose or
a usual one. `#` begins a comment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from attrs import evolve, frozen

from rollproof.lessons.exercises.exercise import FormError, Outcome
from rollproof.model.bounded import bounded
from rollproof.model.runs.stories import run_of_story, under
from rollproof.model.search.arguments import arguments
from rollproof.model.search.explorer import Explorer
from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.model.search.search import NotReproducedError, take
from rollproof.model.theorems.blame import Violation, blame
from rollproof.model.theorems.property import Property, StepView
from rollproof.model.traces.describe import plain
from rollproof.model.traces.trace import Trace, TraceStep, story_of
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol, Transition

MOST_STEPS = 60
MOST_TOLD = 4
"""How many possible arguments are told."""
Goal = Callable[[Sequence[TraceStep], Peer], str]
"""Returns what is still missing in a run and its last state, or nothing if the goal is reached."""


@frozen
class Line:
    """A step as it is written."""

    number: int
    transition: str
    given: tuple[tuple[str, str], ...]


def parse(text: str, protocol: Protocol) -> list[Line]:
    """Return the steps of a text.

    Raises:
        FormError: if a line is no step.
    """
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] not in protocol.transitions:
            raise FormError(f"Line {number}: there is no transition {words[0][:40]!r}.")
        known = protocol.transitions[words[0]].parameters
        given = []
        for word in words[1:]:
            name, equals, value = word.partition("=")
            if not equals or name not in known:
                names = ", ".join(known) or "none"
                raise FormError(f"Line {number}: {word[:40]!r} is no argument of {words[0]}; it has: {names}.")
            given.append((name, value))
        lines.append(Line(number, words[0], tuple(given)))
    if len(lines) > MOST_STEPS:
        raise FormError(f"A run of {len(lines)} steps is too long: {MOST_STEPS} are enough.")
    if not lines:
        raise FormError("There is no step yet.")
    return lines


@frozen
class Walked:
    """How far a written run goes in one of the instance's truths."""

    trace: Trace
    problem: str
    """Why it goes no further; empty if all of it was taken."""
    reading: Any


def walk(lines: Sequence[Line], protocol: Protocol, instance: Instance) -> list[Walked]:
    """Return how far a run goes, for each truth of an instance; those that go farthest come first."""
    explorer = Explorer(protocol, instance)
    found = [_walk(lines, explorer, run) for run in range(len(explorer.truths))]
    return sorted(found, key=lambda each: -len(each.trace.steps))


def _walk(lines: Sequence[Line], explorer: Explorer, run: int) -> Walked:
    instance, protocol, reading = explorer.instance, explorer.protocol, explorer.readings[run]
    start = peer = instance.start(explorer.player)
    steps: list[TraceStep] = []
    problem = ""
    for line in lines:
        transition = protocol.transitions[line.transition]
        choices = [args for args in arguments(instance, transition, peer, reading) if _fits(transition, args, line)]
        if not choices:
            possible = _possible(explorer, transition, peer, reading)
            problem = f"Line {line.number}: {line.transition} cannot happen like this. {possible}"
            break
        refusal = ""
        for args in choices:
            try:
                step = bounded(take, transition, peer, args)
            except NotReproducedError as error:
                refusal = refusal or str(error).removesuffix(" when the run is repeated")
            except Exception as error:
                refusal = refusal or f"{line.transition} raises {type(error).__name__}"
            else:
                break
        else:
            problem = f"Line {line.number}: {_with_sentence(refusal, transition)}"
            break
        if not instance.contains(step.after):
            problem = f"Line {line.number}: that leads out of this exercise, which has {instance.frames} frames."
            break
        steps.append(step)
        peer = step.after
    return Walked(Trace(protocol.name, instance.name, explorer.player, start, tuple(steps)), problem, reading)


def _possible(explorer: Explorer, transition: Transition[Any], peer: Peer, reading: Any) -> str:
    """Return what a step might be given instead; of very much only some."""
    names = transition.parameters
    found = [
        " ".join(f"{name}={_shown(value)}" for name, value in zip(names, args, strict=True))
        for args in islice(arguments(explorer.instance, transition, peer, reading), MOST_TOLD)
    ]
    return f"Possible here: {'; '.join(found)}." if any(found) else "Nobody can say such a thing here."


def _fits(transition: Transition[Any], args: tuple[Any, ...], line: Line) -> bool:
    values = dict(zip(transition.parameters, args, strict=True))
    return all(_shown(values[name]) == value for name, value in line.given)


def _shown(value: Any) -> str:
    shown = plain(value)
    if shown is None:
        return "none"
    return ("yes" if shown else "no") if isinstance(shown, bool) else str(shown)


def _with_sentence(refusal: str, transition: Transition[Any]) -> str:
    guard = next((each for each in transition.guards if refusal.endswith(f" {each.name}")), None)
    return f"{refusal}." if guard is None else f"{refusal}. It says: {' '.join(guard.sentence.split())}"


def reaching(goal: Goal, *, instance: str = "core", protocol: Protocol = PROTOCOL) -> Callable[[str], Outcome]:
    """Return a checker of runs that must reach a goal."""

    def check(text: str) -> Outcome:
        walked = walk(parse(text, protocol), protocol, INSTANCES[instance])
        for each in walked:
            if not each.problem and not goal(each.trace.steps, each.trace.end):
                return Outcome(True, "That is such a run.", (run_of_story(story_of(each.trace)),))
        first = walked[0]
        missing = first.problem or goal(first.trace.steps, first.trace.end)
        return Outcome(False, missing, (run_of_story(story_of(first.trace)),))

    return check


def violating(
    protocol: Protocol, properties: Sequence[Property], *, instance: str = "core", most: int | None = None
) -> Callable[[str], Outcome]:
    """Return a checker of runs that must violate one of some properties, in at most so many steps."""

    def check(text: str) -> Outcome:
        lines = parse(text, protocol)
        walked = walk(lines, protocol, INSTANCES[instance])
        for each in walked:
            for at, violation in _violations(each, properties):
                if most is not None and at > most:
                    told = f"It goes wrong, but only after {at} steps: {most} are enough."
                    return Outcome(False, told, (run_of_story(story_of(each.trace)),))
                trace = evolve(each.trace, steps=each.trace.steps[:at], violation=violation)
                told = f"Step {at} violates {violation.property}: {violation.sentence}"
                return Outcome(True, told, (run_of_story(story_of(trace)), under(trace, PROTOCOL)))
        first = walked[0]
        told = first.problem or "Every step can be taken, but nothing is violated yet."
        return Outcome(False, told, (run_of_story(story_of(first.trace)),))

    return check


def _violations(walked: Walked, properties: Sequence[Property]) -> list[tuple[int, Violation]]:
    for at, step in enumerate(walked.trace.steps, 1):
        view = StepView(step.transition, step.before, dict(step.args), step.after, step.events)
        for each in properties:
            found = blame(each, walked.reading, view if each.scope == "step" else step.after)
            if found is not None:
                return [(at, found)]
    return []
