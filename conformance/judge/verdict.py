"""The verdict on a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from attrs import frozen

from rollproof.conformance.cases.case import Case
from rollproof.conformance.judge.clauses import ANSWERS
from rollproof.conformance.judge.effect import UNKNOWN, effect_of, never_sent_again
from rollproof.conformance.judge.failure import Failure
from rollproof.conformance.judge.outside import said_so
from rollproof.conformance.judge.properties import PROPERTIES, Evidence
from rollproof.conformance.runner.run import Event, Hello, Run
from rollproof.conformance.runner.transport import AdapterError, BrokenError, CrashedError


class Verdict(Enum):
    """What a case says of an implementation."""

    PASS = "pass"
    FAIL = "fail"
    CRASH = "crash"
    STUCK = "stuck"
    DEGRADED = "degraded"
    """It said that it ended degraded, and the case allows it."""
    VACUOUS = "vacuous"
    """What the case is about never happened."""
    SKIP = "skip"
    NOT_APPLICABLE = "n/a"
    HARNESS_ERROR = "harness-error"
    """The adapter broke the adapter protocol, so nothing is known of the implementation."""


@frozen
class Judgement:
    """A verdict, and what it rests on."""

    verdict: Verdict
    failure: Failure | None = None
    reason: str = ""
    others: tuple[Failure, ...] = ()
    """What else failed: the first failure of each other property."""
    effect: str = ""
    """What it did to games and data: see `effect`."""


def not_applicable(case: Case, hello: Hello, level: int) -> str | None:
    """Return why a case does not apply to an implementation, or None if it does."""
    if case["level"] > min(level, hello.level):
        return f"needs level {case['level']}"
    missing = sorted(set(case["requires"]) - hello.capabilities)
    return f"needs {', '.join(missing)}" if missing else None


def judge(run: Run) -> Judgement:
    """Return the verdict on a run."""
    if run.skipped is not None:
        issue = f" ({run.skipped['issue']})" if "issue" in run.skipped else ""
        return Judgement(Verdict.SKIP, reason=run.skipped["reason"] + issue)
    evidence = Evidence(run)
    if run.failure is not None:
        return _of_adapter(evidence, run.failure)
    found = failures(evidence)
    if found:
        failure, *others = found
        stuck = failure.clause in PROPERTIES and PROPERTIES[failure.clause].stuck
        lost = never_sent_again(evidence, failure.peer) if stuck else ""
        verdict = Verdict.STUCK if stuck else Verdict.FAIL
        return Judgement(verdict, failure, lost, tuple(others), effect_of(evidence))
    for pattern in run.case["premise"]:
        if not _is_met(pattern, evidence):
            return Judgement(Verdict.VACUOUS, reason=f"never observed: {_told(pattern)}")
    ends = [event.data["kind"] for event in evidence.observations("episode_end")]
    if any(kind != "agreed" for kind in ends) or ("survivors" in run.case["expect"] and said_so(evidence)):
        return Judgement(Verdict.DEGRADED, reason="it said so, and the case allows it")
    return Judgement(Verdict.PASS)


def failures(evidence: Evidence, *, complete: bool = True) -> list[Failure]:
    """Return the first failure of each property that the case expects; at level 2 the model always judges, too: what
    is observed, unless each single step is judged.

    The earliest comes first; then what shows in the end only, above all that nothing goes on. Of a run that is not
    `complete`, only what goes wrong on the way is judged.
    """
    run = evidence.run
    names = list(run.case["expect"])
    if run.level == 2 and not {"model", "steps"} & set(names):
        names.append("model")
    found = []
    for name in names:
        each = PROPERTIES[name]
        if each.level <= run.level and (complete or not each.final):
            failure = next(each.failures(evidence), None)
            if failure is not None:
                found.append((each.final, not each.stuck, failure.event, failure))
    return [failure for *_, failure in sorted(found, key=lambda item: item[:3])]


def _of_adapter(evidence: Evidence, error: AdapterError) -> Judgement:
    run = evidence.run
    if isinstance(error, BrokenError):
        return Judgement(Verdict.HARNESS_ERROR, reason=f"{run.failed_peer}: {error}")
    earlier = failures(evidence, complete=False)
    if earlier:
        then = f"and then {run.failed_peer}: {error}"
        return Judgement(Verdict.FAIL, earlier[0], then, tuple(earlier[1:]), UNKNOWN)
    verdict = Verdict.CRASH if isinstance(error, CrashedError) else Verdict.STUCK
    (clause,) = ANSWERS.values()
    last = len(run.events) - 1
    return Judgement(
        verdict,
        Failure("answers", clause.sentence, clause.rules, run.failed_peer, None, "an answer", str(error), last),
        effect=UNKNOWN,
    )


PATTERN = ("obs", "event", "peer", "at_least", "to", "during")
"""The parts of a premise that are no fields of what is looked for."""


def _is_met(pattern: Mapping[str, Any], evidence: Evidence) -> bool:
    marks = [*evidence.run.marks, len(evidence.run.events)]
    first, last = (marks[min(each, len(marks) - 1)] for each in pattern.get("during", (0, len(marks))))
    wanted = {key: value for key, value in pattern.items() if key not in PATTERN}
    number = sum(
        pattern.get("peer", event.peer) == event.peer
        and (first <= event.number < last or "during" not in pattern)
        and ("to" not in pattern or event.data.get("frame", 0) <= pattern["to"])
        and all(event.data.get(key) == value for key, value in wanted.items())
        for event in _looked_at(pattern, evidence)
    )
    return bool(number >= pattern.get("at_least", 1))


def _looked_at(pattern: Mapping[str, Any], evidence: Evidence) -> Iterable[Event]:
    match pattern.get("event"):
        case None:
            return evidence.observations(pattern["obs"])
        case "lost":
            events = evidence.run.events
            return (event for event in events if event.kind == "send" and event.data["fate"].startswith("lost"))
        case "command":
            refused = {event.number - 1 for event in evidence.run.events if event.kind == "refused"}
            commands = (event for event in evidence.run.events if event.kind == "command")
            return (event for event in commands if event.number not in refused)
        case kind:
            return (event for event in evidence.run.events if event.kind == kind)


def _told(pattern: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in pattern.items())
