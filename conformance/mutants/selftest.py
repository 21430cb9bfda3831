"""The suite tests itself: mutants of the reference against the cases.

`python -m rollproof.conformance.mutants.selftest` runs it.

The reference passes everything; a null and a stuck adapter pass nothing; the same run twice is the same in all that
happens; each mutant is killed by some case, and each case kills some mutant. Only a mutant that lacks a guard which is
proved to be implied by the others is none: it is the same protocol.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import define, field

from rollproof.conformance.adapters.misbehaving import NullAdapter, StuckAdapter
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import Case, published_cases, read_cases
from rollproof.conformance.cases.classes import CLASSES
from rollproof.conformance.judge.verdict import Verdict
from rollproof.conformance.mutants.bugs import Mutant
from rollproof.conformance.mutants.catalogue import mutants
from rollproof.conformance.mutants.different import RIGHT
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.suite import BAD
from rollproof.model.documents import write_text
from rollproof.model.search.coverage import watched
from rollproof.model.workers import workers
from rollproof.proofs.implied import is_implied
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol

HELLO = {"seq": 0, "op": "hello", "protocol": 1}
RESULTS = Path(__file__).parents[1] / "results"
LONG = 75
"""Steps and rounds of a schedule."""
SINGLE_STEPS = Path(__file__).parents[2] / "tests" / "conformance" / "transitions"
"""Cases of single transitions: a check of the reference, and of ports of its list, in the repository only."""

APART = "leaving"
"""A profile that is not tried: the reference lets nobody leave. The tests of the league show what these cases find."""


def all_cases() -> list[Case]:
    """Return the published cases that are tried, and those of single transitions."""
    return [*(case for case in published_cases() if case["profile"] != APART), *read_cases(SINGLE_STEPS)]


@define
class SelfTest:
    """What came of the self-test."""

    wrong: list[str] = field(factory=list)
    """What should not be: empty if the suite is sound."""
    verdicts: dict[str, str] = field(factory=dict)
    """Of the reference, by case."""
    killed: dict[str, list[str]] = field(factory=dict)
    """By mutant: the cases that kill it."""
    implied: list[str] = field(factory=list)
    """The mutants that no case kills because they are proved to be no other protocol."""
    accused: list[str] = field(factory=list)
    """Where an implementation that is right in another way does not pass."""
    misbehaving: dict[str, dict[str, int]] = field(factory=dict)
    """By misbehaving adapter: how often which verdict."""
    broken: list[str] = field(factory=list)
    """Where a mutant broke the adapter protocol, so that nothing was judged."""
    unrepeatable: list[str] = field(factory=list)
    """The cases that the reference does not answer twice in the same way."""


def noting(seen: set[tuple[str, str]]) -> Protocol:
    """Return the present protocol, with what happens noted in `seen`: (transition, guard that refused it or "")."""
    return watched(PROTOCOL, lambda transition, guard: seen.add((transition, guard)))


def watched_run(case: Case) -> tuple[str, set[tuple[str, str]]]:
    """Return the reference's verdict on a case, which guards refused something in it, and which transitions fired.

    A mutant that lacks a guard which refuses nothing in a case behaves in it exactly as the reference does.
    """
    seen: set[tuple[str, str]] = set()
    judgement, _ = run_and_judge(case, Adapters.in_process(lambda: Adapter(noting(seen))))
    return judgement.verdict.value, seen


def accusations(argument: tuple[str, Sequence[Case]]) -> list[str]:
    """Return what cases have against an implementation that is right in another way."""
    name, cases = argument
    adapters, found = Adapters.in_process(RIGHT[name]), []
    for case in cases:
        verdict = run_and_judge(case, adapters)[0].verdict
        if verdict not in (Verdict.PASS, Verdict.DEGRADED, Verdict.NOT_APPLICABLE, Verdict.VACUOUS):
            found.append(f"{case.id} says of {name}: {verdict.value}")
    return found


def verdict_on(mutant: Mutant, case: Case) -> Verdict:
    """Return what a case says of a mutant."""
    return run_and_judge(case, Adapters.in_process(mutant.make))[0].verdict


def run_self_test(cases: Sequence[Case], *, jobs: int = 1, tell: Callable[[str], None] = lambda _: None) -> SelfTest:
    """Run all of it. Takes minutes."""
    test = SelfTest()
    short = [case for case in cases if not is_long(case)]
    with workers(jobs) as pool:
        happened: dict[str, set[tuple[str, str]]] = {}
        for case, (verdict, seen) in zip(cases, pool.map(watched_run, cases), strict=True):
            test.verdicts[case.id], happened[case.id] = verdict, seen
        names = list(mutants())
        arguments = [(name, [case for case in cases if _may_differ(name, case, happened[case.id])]) for name in names]
        for name, (killers, broken) in zip(names, pool.map(_killers, arguments), strict=True):
            test.killed[name] = killers
            test.broken += broken
            tell(f"{len(killers):5}  {name}")
        for accused in pool.map(accusations, [(name, short) for name in RIGHT]):
            test.accused += accused
    test.implied = [name for name, killers in test.killed.items() if not killers and is_same_protocol(name)]
    for each in (NullAdapter, StuckAdapter):
        test.misbehaving[each.__name__] = _verdicts(each, short)
    test.unrepeatable = [case.id for case in short if not is_repeatable(case)]
    check_results(test, cases)
    return test


def is_same_protocol(name: str) -> bool:
    """Tell whether a mutant is proved to be no mutant: what it lacks is a guard that is implied by the others."""
    kind, _, rest = name.partition(":")
    transition, _, guard = rest.partition(".")
    return kind == "without" and is_implied(PROTOCOL, transition, guard)


def is_repeatable(case: Case) -> bool:
    """Tell whether the reference does the same twice; in a case that does not apply to it, nothing both times."""
    first, second = (run_and_judge(case, Adapters.in_process(Adapter))[1] for _ in range(2))
    return first is None if second is None else first is not None and first.digest == second.digest


def check_results(test: SelfTest, cases: Sequence[Case]) -> None:
    """Fill in what is wrong with the results."""
    test.wrong = [
        f"the reference does not pass {id}: {verdict}"
        for id, verdict in test.verdicts.items()
        if verdict not in (Verdict.PASS.value, Verdict.DEGRADED.value, Verdict.NOT_APPLICABLE.value)
    ]
    test.wrong += [
        f"{name} passes something" for name, got in test.misbehaving.items() if {"pass", "degraded"} & set(got)
    ]
    others = {need for make in RIGHT.values() for need in make().handle(HELLO)["hello"]["capabilities"]}
    test.wrong += [
        f"nobody can be judged by {case.id}"
        for case in cases
        if test.verdicts[case.id] == Verdict.NOT_APPLICABLE.value and not set(case["requires"]) <= others | {"datagram"}
    ]
    test.wrong += [f"{id} is not repeatable" for id in test.unrepeatable]
    test.wrong += [f"the innocent are accused: {each}" for each in test.accused]
    test.wrong += [f"the adapter protocol is broken by {each}" for each in test.broken]
    required = {case.id for case in cases if case["strength"] == "MUST"}
    for name, killers in test.killed.items():
        if not required & set(killers) and name not in test.implied:
            test.wrong.append(f"no required case kills {name}")
        if killers and name in test.implied:
            test.wrong.append(f"{name} is proved to be the same protocol, but {killers[0]} kills it")
    for number, about in CLASSES.items():
        some = {case.id for case in cases if number in case["bugs"]} & required
        if not any(some.intersection(killers) for killers in test.killed.values()):
            test.wrong.append(f"no required case that looks for class {number} ({about}) kills a mutant")
    for case in cases:
        if not any(case.id in killers for killers in test.killed.values()):
            test.wrong.append(f"{case.id} kills no mutant")
        for name in case["kills"]:
            if case.id not in test.killed.get(name, ()):
                test.wrong.append(f"{case.id} does not kill {name}")


def is_long(case: Case) -> bool:
    """Tell whether a case is too long to be tried on every mutant: it is on those that it says it kills."""
    return bool(sum(step.get("rounds", 1) for step in case["schedule"]) > LONG)


def _may_differ(name: str, case: Case, happened: set[tuple[str, str]]) -> bool:
    if is_long(case) and name not in case["kills"]:
        return False
    kind, _, rest = name.partition(":")
    match kind:
        case "without":
            return tuple(rest.split(".")) in happened
        case "noop":
            return (rest, "") in happened
    return True


def _killers(argument: tuple[str, list[Case]]) -> tuple[list[str], list[str]]:
    name, cases = argument
    verdicts = {case.id: verdict_on(mutants()[name], case) for case in cases}
    killers = [id for id, verdict in verdicts.items() if verdict in BAD]
    return killers, [f"{name} in {id}" for id, verdict in verdicts.items() if verdict is Verdict.HARNESS_ERROR]


def _verdicts(kind: Callable[[], object], cases: Sequence[Case]) -> dict[str, int]:
    counted: dict[str, int] = {}
    adapters = Adapters.in_process(kind)
    for case in cases:
        verdict = run_and_judge(case, adapters)[0].verdict.value
        counted[verdict] = counted.get(verdict, 0) + 1
    return counted


def as_markdown(test: SelfTest, cases: Sequence[Case]) -> str:
    """Return the published table."""
    killed = sum(bool(killers) for killers in test.killed.values())
    lines = [
        "# The suite's test of itself",
        "",
        "Written by `python -m rollproof.conformance.mutants.selftest`; the whole matrix is in `self-test.json`.",
        "",
        f"- {len(cases)} cases. The reference passes all of them"
        f" ({sum(verdict == 'degraded' for verdict in test.verdicts.values())} by saying, as it must, that it "
        f"is degraded).",
        f"- {len(test.killed)} mutants: {killed} killed; {len(test.implied)} proved to be the same protocol (below).",
        *(f"- {name}: {', '.join(f'{n} {v}' for v, n in counted.items())}; passes nothing."
          for name, counted in test.misbehaving.items()),
        f"- {len(RIGHT)} implementations that are right in another way ({', '.join(RIGHT)}): "
        "none is accused of anything.",
        "- The same run twice is the same in all that happens, for every case but the longest.",
        "",
        "## Mutants",
        "",
        "| mutant | killed by | for instance |",
        "|---|--:|---|",
    ]  # fmt: skip
    for name, killers in test.killed.items():
        lines.append(f"| `{name}` | {len(killers)} | {', '.join(killers[:3]) or '—'} |")
    lines += [
        "",
        "## The same protocol",
        "",
        "Implied, proved: in no reachable state does the guard that these lack refuse",
    ]
    lines += ["alone, so they do nothing else than the reference (`rollproof guards` says so, too).", ""]
    lines += [f"- `{name}`" for name in test.implied]
    lines += ["", "## Classes of bug", "", "| class | what goes wrong | cases | mutants killed |", "|--:|---|--:|--:|"]
    for number, about in CLASSES.items():
        some = {case.id for case in cases if number in case["bugs"]}
        killed = sum(not some.isdisjoint(killers) for killers in test.killed.values())
        lines.append(f"| {number} | {about} | {len(some)} | {killed} |")
    lines += ["", "## Cases", "", "| case | mutants killed |", "|---|--:|"]
    for case in cases:
        lines.append(f"| `{case.id}` | {sum(case.id in killers for killers in test.killed.values())} |")
    return "\n".join(lines) + "\n"


def published() -> SelfTest:
    """Return the results that are published."""
    document = json.loads((RESULTS / "self-test.json").read_text(encoding="utf-8"))
    return SelfTest(
        document["wrong"], document["cases"], document["mutants"], document["implied"], document["accused"],
        document["misbehaving"], document["broken"], document["unrepeatable"],
    )  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Run the self-test with so many jobs (or `--recheck` what is published), and publish it; 1 if it is not sound."""
    cases = all_cases()
    if "--recheck" in arguments:
        test = published()
        check_results(test, cases)
    else:
        jobs = int(arguments[0]) if arguments else 1
        test = run_self_test(cases, jobs=jobs, tell=lambda line: print(line, file=sys.stderr, flush=True))
    RESULTS.mkdir(exist_ok=True)
    document = {
        "cases": test.verdicts,
        "mutants": test.killed,
        "implied": test.implied,
        "accused": test.accused,
        "misbehaving": test.misbehaving,
        "broken": test.broken,
        "unrepeatable": test.unrepeatable,
        "wrong": test.wrong,
    }
    write_text(RESULTS / "self-test.json", json.dumps(document, indent=1) + "\n")
    write_text(RESULTS / "self-test.md", as_markdown(test, cases))
    print("\n".join(test.wrong) or "the suite is sound")
    return 1 if test.wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
