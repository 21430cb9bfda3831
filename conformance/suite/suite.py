"""Many cases against one implementation, and what came of it."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import asdict, define, field, frozen

from rollproof.conformance.cases.case import Case
from rollproof.conformance.judge.verdict import Judgement, Verdict
from rollproof.conformance.report.diagram import rows
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.runner.run import Run
from rollproof.conformance.runner.transport import AdapterError, BrokenError, StuckError
from rollproof.conformance.schema import Json
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.model.workers import in_parallel

GIVEN_UP_AFTER = 3
"""After how many cases in a row without an answer in time a process runs no others."""
BAD = (Verdict.FAIL, Verdict.CRASH, Verdict.STUCK)
NEARLY_ALL = 0.9
"""If more of the cases than this fail by one clause, that is the adapter's."""
FEWEST_CASES = 10
"""Of fewer cases nothing is said of the adapter."""


def cause_of(judgement: Judgement) -> tuple[str, str]:
    """Return what a failure is grouped by: the clause that failed first, and the effect."""
    return ("" if judgement.failure is None else judgement.failure.clause), judgement.effect


@frozen
class Target:
    """What is judged: how its adapters are made, and what to type to judge it again."""

    make: Callable[[], Adapters]
    arguments: str
    """What comes after `rollproof conform`."""
    command: tuple[str, ...] = ()


@define
class Result:
    """One case against one implementation."""

    case: Case
    judgement: Judgement
    run: Run | None
    repeatable: bool | None = None
    chosen: str = ""
    """What to type after `rollproof conform` to run this case, if neither its id nor its file will do."""

    @property
    def verdict(self) -> Verdict:
        """The verdict."""
        return self.judgement.verdict


@define
class SuiteReport:
    """All results of one implementation."""

    target: Target
    implementation: Json
    results: list[Result] = field(factory=list)

    def summary(self) -> dict[str, int]:
        """Return how many cases had each verdict."""
        counted = Counter(result.verdict.value for result in self.results)
        return {verdict.value: counted[verdict.value] for verdict in Verdict if counted[verdict.value]}

    def causes(self) -> list[Json]:
        """Return the failures by cause: one clause with one effect is one finding, however many cases fail."""
        found: dict[tuple[str, str], list[str]] = {}
        for each in self.results:
            if each.verdict in BAD and each.judgement.failure is not None:
                found.setdefault(cause_of(each.judgement), []).append(each.case.id)
        ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
        return [{"clause": clause, "effect": effect, "cases": cases} for (clause, effect), cases in ordered]

    def adapter_fault(self) -> str:
        """Return why the failures are more likely those of the adapter than of what it wraps; empty if they are not."""
        judged = [each for each in self.results if each.verdict in (*BAD, Verdict.PASS, Verdict.DEGRADED)]
        bad = [each for each in judged if each.verdict in BAD]
        once = [each.case.id for each in bad if each.repeatable is False]
        if once:
            return f"{len(once)} failures cannot be repeated, for instance {once[0]}: the adapter is not deterministic"
        clauses = Counter(each.judgement.failure.clause for each in bad if each.judgement.failure is not None)
        clause, number = next(iter(clauses.most_common(1)), ("", 0))
        if len(judged) >= FEWEST_CASES and number >= NEARLY_ALL * len(judged):
            return f"{number} of {len(judged)} cases fail by one clause, {clause}: perhaps it is told wrongly"
        return ""

    def exit_code(self, *, strict: bool = False) -> int:
        """Return 0 if every required case passed, 1 for failures, 3 if nothing was shown, 4 if an adapter is broken.

        Cases that SHOULD pass are required only if `strict`.
        """
        required = [each for each in self.results if strict or each.case["strength"] == "MUST"]
        verdicts = {each.verdict for each in required}
        if any(each.verdict is Verdict.HARNESS_ERROR for each in self.results) or self.adapter_fault():
            return 4
        if verdicts & set(BAD):
            return 1
        if Verdict.VACUOUS in verdicts or not verdicts & {Verdict.PASS, Verdict.DEGRADED}:
            return 3
        return 0


def run_suite(
    cases: Sequence[Case],
    target: Target,
    *,
    level: int = 2,
    seed: int = 0,
    jobs: int | None = 1,
    digests: bool = False,
    done: Callable[[Result], None] = lambda _: None,
) -> SuiteReport:
    """Run cases, in so many processes (None: one per core), and judge them. `done` is called after each, in order.

    Of runs that are right only what is counted is kept, and their digests if they are wanted.

    Raises:
        AdapterError: if the adapter cannot be started, or does not say hello.
    """
    jobs = min(jobs or os.cpu_count() or 1, len(cases))
    adapters = target.make()  # every process has its own, made again where it is not running
    unanswered = 0

    def one(number: int) -> Result:
        nonlocal unanswered
        case = cases[number]
        if unanswered >= GIVEN_UP_AFTER:
            reason = f"not run: {GIVEN_UP_AFTER} cases in a row had no answer in time"
            return Result(case, Judgement(Verdict.SKIP, reason=reason), None)
        result = _judged(case, adapters, target, level, seed)
        if result.run is not None:
            unanswered = unanswered + 1 if isinstance(result.run.failure, StuckError) else 0
            if result.judgement.failure is None:  # nobody reads more of it, and it may have come from another process
                result.run.forget(digest=digests)
        return result

    try:
        adapters.get(1)
        if adapters.hello is None:
            raise BrokenError("it does not say hello")
        report = SuiteReport(target, dict(adapters.hello.json))
        if jobs > 1:
            adapters.close()
        for result in in_parallel(one, range(len(cases)), jobs):
            report.results.append(result)
            done(result)
        return report
    finally:
        adapters.close()


def _judged(case: Case, adapters: Adapters, target: Target, level: int, seed: int) -> Result:
    try:
        judgement, run = run_and_judge(case, adapters, level=level, seed=seed)
    except AdapterError as error:
        return Result(case, Judgement(Verdict.HARNESS_ERROR, reason=f"it cannot be started again: {error}"), None)
    result = Result(case, judgement, run)
    if result.verdict in BAD and run is not None and not isinstance(run.failure, StuckError):
        result.repeatable = is_repeatable(run, target, level, seed)
    return result


def is_repeatable(run: Run, target: Target, level: int, seed: int = 0) -> bool:
    """Tell whether fresh adapters give the same run again, in all that happens."""
    adapters = target.make()
    try:
        again = run_case(run.case, adapters, level=level, seed=seed)
        return again.digest == run.digest
    except AdapterError:
        return False
    finally:
        adapters.close()


def as_json(report: SuiteReport, version: str, *, strict: bool = False) -> Json:
    """Return a report as JSON (schemas/result.json)."""
    return {
        "rollproof": version,
        "implementation": report.implementation,
        "command": list(report.target.command),
        "exit": report.exit_code(strict=strict),
        "summary": report.summary(),
        "causes": report.causes(),
        **({"adapter": report.adapter_fault()} if report.adapter_fault() else {}),
        "results": [result_json(result, report.target) for result in report.results],
    }


def result_json(result: Result, target: Target) -> Json:
    """Return one result as JSON."""
    case, run, judgement = result.case, result.run, result.judgement
    made: dict[str, Any] = {
        "case": case.id,
        "revision": case["revision"],
        "title": case["title"],
        "why": case["why"],
        "profile": case["profile"],
        "peers": list(case.peers),
        "rules": case["rules"],
        "strength": case["strength"],
        "verdict": judgement.verdict.value,
        "requests": 0 if run is None else run.requests,
    }
    if judgement.reason:
        made["reason"] = judgement.reason
    if run is not None:
        if run.digest:
            made["digest"] = run.digest
        if run.stderr:
            made["stderr"] = run.stderr
    if result.repeatable is not None:
        made["repeatable"] = result.repeatable
    if judgement.failure is not None and run is not None:
        failure = asdict(judgement.failure)
        made["failure"] = {**failure, "rules": list(failure["rules"])}
        made["effect"] = judgement.effect
        if judgement.others:
            made["others"] = [
                {name: getattr(each, name) for name in ("clause", "peer", "frame", "expected", "actual")}
                for each in judgement.others
            ]
        made["diagram"] = rows(run, judgement.failure.event)
        chosen = result.chosen or f"--case {shlex.quote(case.file or case.id)}"
        made["repeat"] = f"rollproof conform {chosen} {target.arguments}".strip()
    return made


def select(
    cases: Iterable[Case], *, ids: Sequence[str] = (), profiles: Sequence[str] = (), level: int = 2
) -> list[Case]:
    """Return the cases of some ids (a prefix ending in `/` or `*` will do) and profiles, up to a level."""

    def wanted(case: Case) -> bool:
        by_id = not ids or any(
            case.id == each or (each[-1:] in "*/" and case.id.startswith(each.rstrip("*"))) for each in ids
        )
        return by_id and (not profiles or case["profile"] in profiles) and case["level"] <= level

    return [case for case in cases if wanted(case)]
