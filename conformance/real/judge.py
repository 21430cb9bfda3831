"""Judging the installed implementations, and the findings that are published of them."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from rollproof.conformance.cases.case import Case, published_cases, read_case
from rollproof.conformance.judge.verdict import Judgement
from rollproof.conformance.real.install import MUG, MUG_SOURCE, NETPLAYJS, ROOT
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.schema import Json
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.minimise import minimise
from rollproof.conformance.suite.suite import Target, run_suite

RESULTS = ROOT / "conformance" / "results"
MINIMAL = RESULTS / "cases"
LIMIT_S = 60.0
"""How long an answer may take: these results must not depend on how busy a machine is."""
MOST_RUNS = 200
"""Of one minimisation."""
GUARDS = ("", "A", "B", "C", "D", "ABCD")
"""The sets of guards of revision 73 that each finding of MUG is tried with."""


@frozen
class Configuration:
    """One way of running an adapter."""

    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the options as they are typed."""
        return shlex.join(self.options)


@frozen
class Implementation:
    """A real implementation, and how it is judged."""

    name: str
    version: str
    adapter: str
    """Relative to the repository."""
    configurations: tuple[Configuration, ...]
    """The whole suite runs with each of these."""
    source: Path
    variations: tuple[Configuration, ...] = ()
    """A finding's minimal schedule runs with each of these, too, in place of its own guards."""

    @property
    def file(self) -> str:
        """The stem of its published files."""
        return self.name if not self.version else f"{self.name}-{self.version}"

    def target(self, configuration: Configuration) -> Target:
        """Return what the suite judges."""
        command = ("node", self.adapter, *configuration.options)
        return Target(lambda: Adapters.of_command(command, LIMIT_S), shlex.join(["--", *command]), command)


def _guards(*chosen: str) -> tuple[Configuration, ...]:
    return tuple(Configuration(("--guards", each) if each else ()) for each in chosen)


INDEPENDENT = Implementation(
    "independent", "", "conformance/adapters/independent/peer.mjs", (Configuration(),),
    ROOT / "conformance" / "adapters" / "independent",
)  # fmt: skip
MUG_013 = Implementation(
    "mug", "0.1.3", "conformance/adapters/mug/adapter.mjs", _guards("", "ABCD"), MUG / MUG_SOURCE, _guards(*GUARDS)
)
NETPLAYJS_041 = Implementation(
    "netplayjs", "0.4.1", "conformance/adapters/netplayjs/adapter.mjs",
    (Configuration(), Configuration(("--build", "netplay.min.js"))), NETPLAYJS / "node_modules" / "netplayjs",
    (Configuration(), Configuration(("--build", "netplay.min.js"))),
)  # fmt: skip
IMPLEMENTATIONS = (INDEPENDENT, MUG_013, NETPLAYJS_041)


@frozen(slots=False)
class Finding:
    """Something that was found, confirmed by a minimal schedule and by reading the code."""

    of: str
    id: str
    title: str
    clause: str
    rules: tuple[str, ...]
    text: str
    options: tuple[str, ...]
    """What its schedule was found and made small with."""
    origin: str
    """The case that it was made of, or empty for one that was written for it."""
    code: tuple[Mapping[str, Any], ...]
    """Lines of the implementation: file, line, text."""

    @property
    def path(self) -> Path:
        """Its minimal schedule."""
        return MINIMAL / f"{self.of}-{self.id}.json"

    @cached_property
    def case(self) -> Case:
        """Its minimal schedule."""
        return read_case(self.path)


def findings() -> list[Finding]:
    """Return everything that is published as found."""
    return [
        Finding(
            of=each["of"], id=each["id"], title=each["title"], clause=each["clause"], rules=tuple(each["rules"]),
            text=" ".join(each["text"].split()), options=tuple(each.get("options", ())),
            origin=each.get("origin", ""), code=tuple(each["code"]),
        )
        for each in _written()["finding"]
    ]  # fmt: skip


def about(implementation: Implementation) -> str:
    """Return what is said of an implementation before its results."""
    return " ".join(_written()["about"][implementation.name].split())


def _written() -> dict[str, Any]:
    return tomllib.loads((RESULTS / "findings.toml").read_text(encoding="utf-8"))


@define
class Outcome:
    """What came of one implementation: the published JSON, and what contradicts the findings."""

    document: dict[str, Any]
    wrong: list[str] = field(factory=list)


def judge_implementation(implementation: Implementation, cases: Sequence[Case], done: Callable[[], None]) -> Outcome:
    """Run the suite with each configuration, and every finding's schedule with each variation.

    Raises:
        AdapterError: if an adapter cannot be started.
    """
    outcome = Outcome({"implementation": implementation.name, "version": implementation.version, "runs": []})
    for configuration in implementation.configurations:
        report = run_suite(cases, implementation.target(configuration), jobs=2, done=lambda _: done())
        results = {result.case.id: told(result.judgement) for result in report.results}
        run = {"options": str(configuration), "summary": report.summary(), "results": results}
        outcome.document["runs"].append(run)
        outcome.wrong += [
            f"{result.case.id} is not repeatable" for result in report.results if result.repeatable is False
        ]
    outcome.document["findings"] = {}
    for finding in findings():
        if finding.of == implementation.name:
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
    return made


def _tried(finding: Finding, implementation: Implementation) -> Iterator[tuple[str, Json]]:
    for configuration in dict.fromkeys((Configuration(finding.options), *_varied(finding, implementation))):
        yield str(configuration), told(_judged(finding.case, implementation, configuration))


def _varied(finding: Finding, implementation: Implementation) -> Iterator[Configuration]:
    """Iterate over the variations, each with what the finding's own options say besides guards."""
    options = list(finding.options)
    if "--guards" in options:
        at = options.index("--guards")
        del options[at : at + 2]
    for variation in implementation.variations:
        yield Configuration((*options, *variation.options))


def _judged(case: Case, implementation: Implementation, configuration: Configuration) -> Judgement:
    adapters = implementation.target(configuration).make()
    try:
        return run_and_judge(case, adapters)[0]
    finally:
        adapters.close()


def _contradictions(finding: Finding, implementation: Implementation, tried: Mapping[str, Json]) -> Iterator[str]:
    own = tried[str(Configuration(finding.options))]
    if own.get("clause") != finding.clause:
        yield f"{finding.of} {finding.id}: {own.get('clause') or own['verdict']} instead of {finding.clause}"
    for place in finding.code:
        lines = (implementation.source / place["file"]).read_text(encoding="utf-8").splitlines()
        if place["line"] > len(lines) or place["text"] not in lines[place["line"] - 1]:
            yield f"{finding.of} {finding.id}: {place['file']} line {place['line']} does not say {place['text']!r}"


def minimal(finding: Finding, implementation: Implementation, base: Case) -> Case:
    """Return the smallest schedule that still shows a finding.

    Raises:
        ValueError: if `base` does not show it.
    """
    adapters = implementation.target(Configuration(finding.options)).make()

    def shows(case: Case) -> bool:
        failure = run_and_judge(case, adapters)[0].failure
        return failure is not None and failure.clause == finding.clause

    try:
        if not shows(base):
            raise ValueError(f"{base.id} does not show {finding.id}")
        smallest, _ = minimise(base, shows, MOST_RUNS)
    finally:
        adapters.close()
    name = f"{finding.of}/{finding.id}"
    parts = {"id": name, "title": finding.title, "why": finding.text, "kills": [], "rules": list(finding.rules)}
    return smallest.changed(**parts, revision=1, origin="fuzzed")


def base_case(finding: Finding) -> Case:
    """Return the case that a finding's schedule is made of: one of the suite, or what is published."""
    return next((case for case in published_cases() if case.id == finding.origin), None) or finding.case
