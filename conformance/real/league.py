"""The league's rows: what each implementation comes to, by kind of network and by family of cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from rollproof.conformance.cases.case import Case
from rollproof.conformance.real.effect import EFFECTS, LEAVING, NETWORKS, network_of
from rollproof.conformance.real.findings import Finding
from rollproof.conformance.real.implementations import Implementation

PROFILES = ("core", "transport", "recording", "episode", "diagnostics", "leaving")
GOOD = ("pass", "degraded")


@frozen
class Row:
    """One implementation with one configuration."""

    title: str
    file: str
    options: str
    origin: str
    """Its language, and where it comes from."""
    judged: str
    """The day on which what is published was found."""
    headline: Mapping[str, str]
    """By kind of network: the worst that was seen."""
    families: Mapping[str, str]
    """By profile: how many passed of how many."""
    summary: str
    findings: Sequence[Finding]
    """Told with the first configuration."""


def league(
    documents: Sequence[tuple[Implementation, Mapping[str, Any]]], cases: Sequence[Case], findings: Sequence[Finding]
) -> list[Row]:
    """Return the rows, in the order of the documents."""
    return [
        Row(
            title=implementation.title,
            file=implementation.file,
            options=run["options"],
            origin=f"{implementation.language}, {implementation.registry}",
            judged=document["judged"],
            headline=dict(_headline(run["results"], cases, findings, implementation)),
            families=dict(_families(run["results"], cases)),
            summary=summary(run),
            findings=[each for each in findings if each.of == implementation.name] if number == 0 else [],
        )
        for implementation, document in documents
        for number, run in enumerate(document["runs"])
    ]


def summary(run: Mapping[str, Any]) -> str:
    """Return how many cases had each verdict, in words."""
    return ", ".join(f"{number} {verdict}" for verdict, number in run["summary"].items())


def _headline(
    results: Mapping[str, Any], cases: Sequence[Case], findings: Sequence[Finding], implementation: Implementation
) -> Iterator[tuple[str, str]]:
    lesser = {each.id for each in findings if each.of == implementation.name and each.strength == "SHOULD"}
    for kind in NETWORKS:
        chosen = [results[case.id] for case in cases if network_of(case) == kind and case.id in results]
        bad = Counter(
            told["effect"]
            for told in chosen
            if "effect" in told and told["strength"] == "MUST" and told.get("cause") not in lesser
        )
        worst = next((each for each in EFFECTS if bad[each]), None)
        tried = sum(told["verdict"] in GOOD for told in chosen) + bad.total()
        if any(told["verdict"] in ("fail", "crash", "stuck") and "effect" not in told for told in chosen):
            yield kind, "not judged anew"
        elif worst is not None:
            yield kind, f"**{EFFECTS[worst]}** ({bad[worst]} of {tried} cases)"
        elif not any(told["verdict"] in GOOD for told in chosen):
            yield kind, "not tried"
        elif kind == LEAVING and any(told["verdict"] == "degraded" for told in chosen):
            yield kind, "right, or says so"
        else:
            yield kind, "right"


def _families(results: Mapping[str, Any], cases: Sequence[Case]) -> Iterator[tuple[str, str]]:
    for profile in PROFILES:
        verdicts = [results[case.id]["verdict"] for case in cases if case["profile"] == profile and case.id in results]
        tried = [each for each in verdicts if each not in ("n/a", "skip")]
        passed = sum(each in GOOD for each in tried)
        yield profile, f"{passed} of {len(tried)}" if tried else "—"
