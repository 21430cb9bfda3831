"""One case against one implementation: run, judged, confirmed."""

from __future__ import annotations

from rollproof.conformance.cases.case import Case
from rollproof.conformance.judge.verdict import Judgement, Verdict, judge, not_applicable
from rollproof.conformance.runner.play import Adapters, run_case
from rollproof.conformance.runner.run import Run
from rollproof.conformance.runner.transport import AdapterError


def run_and_judge(case: Case, adapters: Adapters, *, level: int = 2, seed: int = 0) -> tuple[Judgement, Run | None]:
    """Run a case if it applies, and judge it.

    A case that the adapter declines is run once more by force: a skip that is no longer needed is a failure.

    Raises:
        AdapterError: if the adapters cannot be started.
    """
    adapters.get(1)
    if adapters.hello is not None:
        reason = not_applicable(case, adapters.hello, level)
        if reason is not None:
            return Judgement(Verdict.NOT_APPLICABLE, reason=reason), None
    run = run_case(case, adapters, level=level, seed=seed)
    if "same_unobserved" in case["expect"] and run.failure is None and run.skipped is None:
        run.unobserved = run_case(case, adapters, level=0, seed=seed)
    judgement = judge(run)
    if judgement.verdict is Verdict.SKIP:
        forced = run_case(case, adapters, level=level, seed=seed, force=True)
        if forced.skipped is None and judge(forced).verdict is Verdict.PASS:
            return Judgement(Verdict.FAIL, reason="the skip is no longer needed: the case passes"), forced
    return judgement, run


__all__ = ["AdapterError", "run_and_judge"]
