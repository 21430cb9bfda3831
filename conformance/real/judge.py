"""Judging an installed implementation: the suite, and the schedules of what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field

from rollproof.conformance.cases.case import Case, published_cases
from rollproof.conformance.judge.verdict import Judgement
from rollproof.conformance.real.effect import effect_of, network_of
from rollproof.conformance.real.findings import Finding, findings
from rollproof.conformance.real.implementations import Configuration, Implementation
from rollproof.conformance.report.diagram import rows
from rollproof.conformance.runner.run import Run
from rollproof.conformance.schema import Json
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.minimise import minimise
from rollproof.conformance.suite.suite import BAD, run_suite

MOST_RUNS = 200
"""Of one minimisation."""
LEFT_OUT = "endurance"
"""The profile that takes longer than all others together, and looks for what no network of a game does."""


def judged_cases() -> list[Case]:
    """Return the cases that every implementation is judged by."""
    return [case for case in published_cases() if case["profile"] != LEFT_OUT]


@define
class Outcome:
    """What came of one implementation: the published JSON, and what contradicts the findings."""

    document: dict[str, Any]
    wrong: list[str] = field(factory=list)


def judge_implementation(
    implementation: Implementation, cases: Sequence[Case], done: Callable[[], None] = lambda: None
) -> Outcome:
    """Run the suite with each configuration, and every finding's schedule with each variation.

    Raises:
        AdapterError: if an adapter cannot be started.
    """
    ours = findings(implementation)
    outcome = Outcome({"implementation": implementation.name, "version": implementation.version, "runs": []})
    for configuration in implementation.configurations:
        report = run_suite(cases, implementation.target(configuration), done=lambda _: done())
        results: dict[str, Any] = {}
        for result in report.results:
            case, name = result.case, result.case.id
            results[name] = told(result.judgement)
            if result.verdict in BAD:
                cause = next((each.id for each in ours if each.is_cause_of(name, results[name].get("clause"))), None)
                results[name] |= {"cause": cause, "network": network_of(case), "strength": case["strength"]}
                if cause is None:
                    outcome.wrong.append(f"{implementation.name}: {name} fails, and no finding says why")
            if result.repeatable is False:
                outcome.wrong.append(f"{implementation.name}: {name} is not repeatable")
        run = {"options": str(configuration), "summary": report.summary(), "results": results}
        outcome.document["runs"].append(run)
    outcome.document["findings"] = {}
    for finding in ours:
        outcome.document["findings"][finding.id] = dict(_tried(finding, implementation))
        outcome.wrong += _contradictions(finding, implementation, outcome.document["findings"][finding.id])
        done()
    return outcome


def told(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as it is published."""
    made: dict[str, Any] = {"verdict": judgement.verdict.value}
    if judgement.failure is not None:
        failure = judgement.failure
        made |= {"clause": failure.clause, "rules": list(failure.rules), "peer": failure.peer}
        made |= {"frame": failure.frame, "expected": failure.expected, "actual": failure.actual}
    if judgement.verdict in BAD:
        made["effect"] = effect_of(judgement)
    return made


def _tried(finding: Finding, implementation: Implementation) -> Iterator[tuple[str, Json]]:
    own = Configuration(finding.options)
    for configuration in dict.fromkeys((own, *_varied(finding, implementation))):
        judgement, run = _judged(finding.case, implementation, configuration)
        made = told(judgement)
        if configuration == own and run is not None and judgement.failure is not None:
            event = judgement.failure.event
            made["picture"] = {"peers": list(run.case.peers), "failed": event, "rows": rows(run, event)}
        yield str(configuration), made


def _varied(finding: Finding, implementation: Implementation) -> Iterator[Configuration]:
    """Iterate over the variations, each with what the finding's own options say besides guards."""
    options = list(finding.options)
    if "--guards" in options:
        at = options.index("--guards")
        del options[at : at + 2]
    for variation in implementation.variations:
        yield Configuration((*options, *variation.options))


def _judged(case: Case, implementation: Implementation, configuration: Configuration) -> tuple[Judgement, Run | None]:
    adapters = implementation.target(configuration).make()
    try:
        return run_and_judge(case, adapters)
    finally:
        adapters.close()


def _contradictions(finding: Finding, implementation: Implementation, tried: Mapping[str, Json]) -> Iterator[str]:
    own = tried[str(Configuration(finding.options))]
    if own.get("clause") != finding.clause:
        yield f"{finding.of} {finding.id}: {own.get('clause') or own['verdict']} instead of {finding.clause}"
    yield from misquoted(finding, implementation)


def misquoted(finding: Finding, implementation: Implementation) -> Iterator[str]:
    """Iterate over the quoted lines that the installed source does not have."""
    for place in finding.code:
        path = implementation.source / place["file"]
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        if place["line"] > len(lines) or place["text"] not in lines[place["line"] - 1]:
            yield f"{finding.of} {finding.id}: {place['file']} line {place['line']} does not say {place['text']!r}"


def minimal(finding: Finding, implementation: Implementation, base: Case) -> Case:
    """Return the smallest schedule that still shows a finding: the same clause, and the same effect.

    Raises:
        ValueError: if `base` does not show it.
    """
    adapters = implementation.target(Configuration(finding.options)).make()

    def shown(case: Case) -> str | None:
        judgement, _ = run_and_judge(case, adapters)
        if judgement.failure is None or judgement.failure.clause != finding.clause:
            return None
        return effect_of(judgement)

    try:
        effect = shown(base)
        if effect is None:
            raise ValueError(f"{base.id} does not show {finding.id}")
        smallest, _ = minimise(base, lambda case: shown(case) == effect, MOST_RUNS)
    finally:
        adapters.close()
    name = f"{finding.of.removeprefix('@')}/{finding.id}"
    parts = {"id": name, "title": finding.title, "why": finding.text, "kills": [], "rules": list(finding.rules)}
    return smallest.changed(**parts, revision=1, origin="fuzzed")
