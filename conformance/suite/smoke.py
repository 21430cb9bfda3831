"""A few requests that show whether a new adapter keeps to the adapter protocol."""

from __future__ import annotations

from collections.abc import Iterator

from rollproof.conformance.cases.case import Case
from rollproof.conformance.judge.verdict import Verdict, judge
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.runner.transport import BrokenError

SMOKE = ("hello", "a session of two peers", "the same session again", "unobserved")
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


def smoke(adapters: Adapters) -> Iterator[str]:
    """Try each step, and yield a line of what was seen.

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
    if judgement.verdict is not Verdict.PASS:
        yield f"           {judgement.verdict.value}: {judgement.failure or judgement.reason}"
        raise BrokenError("a session of two peers does not work yet")
    again = run_case(SESSION, adapters)
    if again.digest != run.digest:
        raise BrokenError(
            "the same session again gives other answers: `reset` must forget everything, and nothing may be random"
        )
    yield "again      byte for byte the same"
    blind = run_case(SESSION, adapters, level=0)
    ours, theirs = ([e.data["data"] for e in each.events if e.kind == "send"] for each in (run, blind))
    if ours != theirs:
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
