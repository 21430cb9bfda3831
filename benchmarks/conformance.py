"""How many cases the suite runs in a minute, on one core."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import rollproof.conformance as conformance
from benchmarks.registry import Ratio, benchmark
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import published_cases
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.suite.suite import Target, run_suite

TEMPLATE = Path(conformance.__file__).parent / "adapters" / "template.js"


@benchmark
def conformance_in_process() -> Iterator[Ratio]:
    """All directed cases but endless ones against the reference in this process, per minute of processor time."""
    yield from _per_minute(lambda: Adapters.in_process(Adapter), "the reference in-process", 500)


@benchmark
def conformance_node() -> Iterator[Ratio]:
    """All directed cases that apply to the JavaScript template, per minute of processor time, that of Node included."""
    if shutil.which("node"):
        yield from _per_minute(lambda: Adapters.of_command(("node", str(TEMPLATE)), 60), "a Node adapter", 100)


def _per_minute(make: Callable[[], Adapters], what: str, at_least: float) -> Iterator[Ratio]:
    before = sum(os.times()[:4])
    report = run_suite([case for case in published_cases() if case["profile"] != "endurance"], Target(make, ""))
    spent = sum(os.times()[:4]) - before
    ran = sum(result.run is not None for result in report.results)
    yield Ratio(
        f"case runs a minute, {what}", ran / spent * 60, at_least=at_least, detail=f"{ran} cases in {spent:.1f} s"
    )
