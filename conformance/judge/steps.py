"""The property of single steps: the reference is asked the same, and its answer is what is expected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, evolve, field

from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.single_step import VARIABLES
from rollproof.conformance.judge.evidence import Evidence, prop
from rollproof.conformance.judge.failure import Failure
from rollproof.conformance.runner.run import Event, Run
from rollproof.conformance.schema import Json, observation_kinds
from rollproof.reference.protocol import PROTOCOL

UNCOMPARED = ("detail", "packet")
"""Fields that are words for people, or opaque."""


@define
class Answer:
    """What a peer answered to one step."""

    asked: Event
    said: Event | None = None
    """Whether it fired; None if there was no answer."""
    observed: list[Event] = field(factory=list)
    sent: list[Event] = field(factory=list)
    told: Event | None = None
    """Its variables afterwards."""


def answers(run: Run) -> Iterator[Answer]:
    """Iterate over the steps of a run and what was answered."""
    current: Answer | None = None
    for event in run.events:
        if event.kind == "step":
            if current is not None:
                yield current
            current = Answer(event)
        elif current is not None and event.peer == current.asked.peer:
            match event.kind:
                case "stepped":
                    current.said = event
                case "obs":
                    current.observed.append(event)
                case "send":
                    current.sent.append(event)
                case "vars" if current.told is None:
                    current.told = event
    if current is not None:
        yield current


@prop("RB-7", level=2)
def steps(evidence: Evidence) -> Iterator[Failure]:
    """A transition fires or is refused as in the reference model, with the same effect."""
    models = {peer: _model(evidence.run, peer) for peer in evidence.run.case.peers}
    for answer in answers(evidence.run):
        model = models[answer.asked.peer]
        frame = answer.asked.data["args"].get("frame", model.peer.frame)
        ours = _asked(model, answer.asked)
        if answer.said is None or "error" in ours:  # it crashed, or the reference itself cannot do this
            return
        yield from _compared(answer, answer.said, ours, frame, evidence.run)


def _model(run: Run, peer: str) -> Adapter:
    """Return the reference as this peer, before frame 0."""
    config = {"frame_us": run.case.frame_us, **run.case.config}
    if "prediction" in run.hello.variants:
        config["prediction"] = run.hello.variants["prediction"]
    model = Adapter()
    asked = {"peer": peer, "peers": run.case.peers, "config": config, "interleave": False}
    model.handle({"seq": 0, "op": "reset", "observe": list(observation_kinds()), **asked})
    return model


def _asked(model: Adapter, asked: Event) -> Json:
    """Return what the reference answers to a step, with its variables afterwards."""
    answer = model.handle({"seq": 0, "op": "step", "now": asked.now, **asked.data})
    return answer | model.handle({"seq": 0, "op": "query", "names": list(VARIABLES)})


def _compared(answer: Answer, said: Event, ours: Json, frame: int, run: Run) -> Iterator[Failure]:
    transition = PROTOCOL.transitions[answer.asked.data["transition"]]
    refusing = next((each for each in transition.guards if each.name == ours["step"].get("guard")), None)

    def failure(expected: str, actual: str, event: Event = said) -> Failure:
        of, clause = transition, transition.name
        return Failure(clause, of.sentence, of.rules, event.peer, frame, expected, actual, event.number)

    fired = said.data.get("fired")
    wanted = f"{transition.name} to {'fire' if refusing is None else 'be refused'}"
    if fired is None:
        yield failure(wanted, "no word of whether it fired")
    elif fired and refusing is not None:
        clause = f"{transition.name}.{refusing.name}"
        yield evolve(failure(wanted, "it fired"), clause=clause, sentence=refusing.sentence, rules=refusing.rules)
    elif not fired and refusing is None:
        guard = said.data.get("guard")
        yield failure(wanted, "it was refused" + (f" by {guard}" if guard else ""))
    expected = [each for each in ours.get("obs", ()) if each["obs"] in run.hello.observes]
    yield from _lists(failure, expected, answer.observed, "observation")
    yield from _lists(failure, ours.get("out", ()), answer.sent, "packet")
    if answer.told is not None:
        values = ours["vars"]
        for name, told in answer.told.data.items():
            if name in values and not same(values[name], told):
                yield failure(f"{name} = {values[name]}", f"{name} = {_shown(told)}", answer.told)


def _lists(failure: Any, ours: Sequence[Json], theirs: Sequence[Event], what: str) -> Iterator[Failure]:
    """Compare what was seen with what was to be seen: in order, and field by field as far as both say one."""
    for expected, event in zip(ours, theirs, strict=False):
        kind = expected.get("obs", what)
        if kind != event.data.get("obs", what):
            yield failure(f"{kind} to be observed", f"{event.data['obs']}", event)
        for name in [each for each in expected if each not in UNCOMPARED]:
            told = event.data.get(name)
            if told is not None and not same(expected[name], told):
                yield failure(f"{kind}: {name} {expected[name]}", f"{name} {_shown(told)}", event)
    if len(ours) != len(theirs):
        beyond = theirs[len(ours) :][:1]
        yield failure(f"{len(ours)} × {what}", f"{len(theirs)}", *beyond)


def _shown(value: Json) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:197]}..."


def same(one: Json, other: Json) -> bool:
    """Tell whether two JSON values are the same: to Python 1 and true are equal, and 0 and false."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other
