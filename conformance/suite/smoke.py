"""A few requests that show whether a new adapter keeps to the adapter protocol."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.conformance.cases.case import Case
from rollproof.conformance.judge.evidence import Evidence
from rollproof.conformance.judge.properties import PROPERTIES
from rollproof.conformance.judge.verdict import Verdict, judge
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.runner.run import Run
from rollproof.conformance.runner.transport import BrokenError

SMOKE = ("hello", "a session of two peers", "the same session again", "asked in between", "unobserved")
"""What is tried, in order; then single transitions, of an adapter that offers them."""

SESSION = Case(
    {
        "id": "smoke",
        "revision": 1,
        "title": "Two peers, twelve frames, a latency of two frames",
        "why": "The least that can be asked.",
        "profile": "core",
        "rules": ["BUF-6"],
        "bugs": [],
        "level": 0,
        "requires": ["core"],
        "strength": "MUST",
        "peers": ["A", "B"],
        "config": {},
        "network": {"latency_us": 40_000},
        "schedule": [{"round": [number * 5 % 4, number * 3 % 5]} for number in range(12)],
        "end": {"how": "settle", "frames": 12},
        "premise": [{"obs": "advance", "peer": "A", "at_least": 12}, {"obs": "advance", "peer": "B", "at_least": 12}],
        "expect": ["game", "order", "progress"],
        "kills": [],
        "origin": "written",
    }
)


STEPS = Case(
    {
        **SESSION.json,
        "id": "smoke-steps",
        "title": "A frame, and a rollback that nothing is pending for",
        "level": 2,
        "schedule": [
            {"step": "A", "transition": "schedule_input", "args": {"action": 3}},
            {"step": "A", "transition": "simulate_frame", "args": {"now": 0, "focused": True}},
            {"step": "A", "transition": "begin_rollback", "args": {}},
        ],
        "end": {"how": "stop"},
        "premise": [],
        "expect": ["steps"],
    }
)


def _sent(run: Run) -> list[str]:
    return [event.data["data"] for event in run.events if event.kind == "send"]


def _own_faults(run: Run) -> None:
    """Look for what an adapter tells wrongly, and no library can do.

    Raises:
        BrokenError: if there is such a thing.
    """
    told = {event.data["obs"] for event in run.events if event.kind == "obs"}
    if "load" in told and "save" not in told:
        raise BrokenError("states are loaded, and none was saved: tell each `save`")
    evidence = Evidence(run)
    failure = next(PROPERTIES["own_input"].failures(evidence), None)
    if failure is not None and next(PROPERTIES["one_value"].failures(evidence), None) is None:
        raise BrokenError(f"the inputs of the game are not those of the calls: {failure}")


def smoke(adapters: Adapters, *, judging: bool = True) -> Iterator[str]:
    """Try each step, and yield a line of what was seen.

    Args:
        adapters: What is tried.
        judging: Whether a session that goes wrong is the adapter's fault, too, and not left to the cases.

    Raises:
        AdapterError: at the first step that goes wrong.
    """
    adapters.get(2)
    hello = adapters.hello
    if hello is None:
        raise BrokenError("it does not say hello")
    able = ", ".join(sorted(hello.json["capabilities"])) or "nothing"
    yield f"hello      {hello.name} in {hello.json['language']}, level {hello.level}; can: {able}"
    run = run_case(SESSION, adapters)
    if run.failure is not None:
        raise run.failure
    judgement = judge(run)
    frames = sum(event.kind == "obs" and event.data["obs"] == "advance" for event in run.events)
    packets = sum(event.kind == "send" for event in run.events)
    yield f"session    {run.requests} requests, {frames} frames simulated, {packets} packets sent"
    _own_faults(run)
    if judgement.verdict is not Verdict.PASS and not judging:
        return
    if judgement.verdict is not Verdict.PASS:
        yield f"           {judgement.verdict.value}: {judgement.failure or judgement.reason}"
        raise BrokenError("a session of two peers does not work yet")
    again = run_case(SESSION, adapters)
    if again.digest != run.digest:
        raise BrokenError(
            "the same session again gives other answers: `reset` must forget everything, and nothing may be random"
        )
    yield "again      the same in all that happened"
    asked = run_case(SESSION, adapters, asking=True)
    if asked.failure is not None:
        raise asked.failure
    if _sent(asked) != _sent(run):
        raise BrokenError("other packets are sent when `query` is asked in between: it must change nothing")
    if hello.level == 2 and not all(event.data for event in asked.events if event.kind == "vars"):
        raise BrokenError("`query` is not answered: at level 2 it tells at least `frame`")
    yield "query      it answers, and changes nothing" if hello.level == 2 else "query      it changes nothing"
    blind = run_case(SESSION, adapters, level=0)
    if _sent(run) != _sent(blind):
        raise BrokenError("other packets are sent when less is observed")
    yield "unobserved the same packets"
    if "transitions" in hello.capabilities and hello.level == 2:
        run = run_case(STEPS, adapters)
        if run.failure is not None:
            raise run.failure
        judgement = judge(run)
        if judgement.verdict is not Verdict.PASS:
            raise BrokenError(f"single transitions do not work yet: {judgement.failure or judgement.reason}")
        yield f"steps      {len(STEPS['schedule'])} single transitions, as in the reference"
