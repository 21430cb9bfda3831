"""Counterexamples: the runs that refuted removed guards and variants before, so that they need not be found again.

A counterexample is only a hint. It is run again on the code as it is, and counts only if it still violates something;
if not, the search begins anew. `rollproof guards --keep` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path as File
from typing import Any

from attrs import evolve, frozen

from rollproof.model.bounded import EndlessError, bounded
from rollproof.model.search.arguments import arguments
from rollproof.model.search.explorer import Explorer, effected, named
from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import crashing, misjudging, violating
from rollproof.model.slips import SlipError, raise_slip
from rollproof.model.theorems.blame import violated
from rollproof.model.theorems.properties import NEVER_CRASHES
from rollproof.model.theorems.property import Property, StepView
from rollproof.model.traces.trace import Trace
from rollproof.model.workers import in_parallel
from rollproof.reference.digest import Digest
from rollproof.reference.messages import Path
from rollproof.reference.transition import Protocol

FILE = File(__file__).with_name("counterexamples.json")
"""Where they are kept."""
_BATCH = 22
"""How many counterexamples one process runs again at a time."""
Steps = tuple[tuple[str, tuple[Any, ...]], ...]
"""Transitions with their arguments, in order."""


@frozen
class Counterexample:
    """A run that violated something."""

    instance: str
    steps: Steps


def counterexample_of(trace: Trace) -> Counterexample:
    """Return the counterexample of a trace."""
    return Counterexample(
        trace.instance, tuple((step.transition, tuple(v for _, v in step.args)) for step in trace.steps)
    )


def replay(protocol: Protocol, counterexample: Counterexample, properties: Iterable[Property | str]) -> Trace | None:
    """Return the trace of a counterexample if it violates one of the properties at its end, and only there."""
    if counterexample.instance not in INSTANCES or any(
        name not in protocol.transitions for name, _ in counterexample.steps
    ):
        return None
    explorer = Explorer(protocol, INSTANCES[counterexample.instance])
    asked = list(properties)
    return next(
        (
            found
            for run in range(len(explorer.truths))
            if (found := _replay(explorer, run, counterexample.steps, asked))
        ),
        None,
    )


def replay_any(
    protocol: Protocol, some: Iterable[Counterexample], properties: Iterable[Property | str], jobs: int | None = None
) -> Trace | None:
    """Return the trace of the first of some counterexamples that violates one of the properties."""
    every, asked = list(some), list(properties)

    def again(each: Counterexample) -> Trace | None:
        try:
            return replay(protocol, each, asked)
        except SlipError:
            raise
        except Exception:  # the code makes what no property can speak of: that is for the search to say
            return None

    def first_of(batch: list[Counterexample]) -> Trace | None:
        return next((trace for each in batch if (trace := again(each)) is not None), None)

    found = in_parallel(first_of, [every[at : at + _BATCH] for at in range(0, len(every), _BATCH)], jobs)
    return next(filter(None, found), None)


def _replay(explorer: Explorer, run: int, steps: Steps, properties: list[Property | str]) -> Trace | None:
    reading = explorer.readings[run]
    peer = explorer.instance.start(explorer.player, explorer.protocol)
    view = None
    for number, (name, args) in enumerate(steps, 1):
        transition = explorer.protocol.transitions[name]
        if args not in arguments(explorer.instance, transition, peer, reading):
            return None
        try:
            if bounded(transition.refusal, peer, transition.arguments(*args)) is not None:
                return None
            step = effected(transition, peer, args)
        except Exception as error:
            raise_slip(error)
            last = number == len(steps) or isinstance(error, EndlessError)  # to run into that again takes seconds
            return crashing(explorer, steps[: number - 1], name, args) if last and NEVER_CRASHES in properties else None
        view = StepView(name, peer, named(transition, args), *step)
        peer = step[0]
    for each in properties:
        if isinstance(each, str) or (each.scope == "step" and view is None):
            continue
        if each.scope == "possibility":
            end = evolve(explorer.start()[run], peer=peer)
            for transition, args in explorer.mistaken(end, each):
                return misjudging(explorer, run, steps, each, transition.name, args)
        elif violated(each, reading, view if each.scope == "step" else peer) is not None:
            return violating(explorer, run, steps, each)
    return None


def load(file: File = FILE) -> dict[str, Counterexample]:
    """Return the counterexamples by what they refute; none if there is no file, or it is not one."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return {name: decoded(each) for name, each in document.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def dumps(counterexamples: Mapping[str, Counterexample]) -> str:
    """Return counterexamples as JSON, one to a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(encoded(each))}" for name, each in sorted(counterexamples.items()))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def encoded(counterexample: Counterexample) -> dict[str, Any]:
    """Return a counterexample as JSON."""

    def value(it: Any) -> Any:
        return {"path": it.value} if isinstance(it, Path) else {"digest": it.value} if isinstance(it, Digest) else it

    steps = [[name, *map(value, args)] for name, args in counterexample.steps]
    return {"instance": counterexample.instance, "steps": steps}


def decoded(document: Any) -> Counterexample:
    """Return what `encoded` was given."""

    def value(it: Any) -> Any:
        if isinstance(it, dict):
            return Path(it["path"]) if "path" in it else Digest(it["digest"])
        return it

    steps = tuple((str(name), tuple(map(value, args))) for name, *args in document["steps"])
    return Counterexample(str(document["instance"]), steps)
