"""How many cases the suite runs in a minute, on as many cores as there are."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import rollproof.conformance as conformance
from benchmarks.registry import Ratio, benchmark
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import Case, published_cases, read_cases
from rollproof.conformance.mutants.selftest import SINGLE_STEPS
from rollproof.conformance.real.install import RUST
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.suite.suite import Target, run_suite

TEMPLATE = Path(conformance.__file__).parent / "adapters" / "template.js"
GGRS = RUST / "release" / "adapter-ggrs"


@benchmark
def conformance_in_process() -> Iterator[Ratio]:
    """All directed cases but endless ones against the reference, one process per core, per minute."""
    sessions = _published()
    every = [*sessions, *read_cases(SINGLE_STEPS)]
    yield from _per_minute(lambda: Adapters.in_process(Adapter), every, "the reference in-process", 3_000)
    yield from _per_minute(lambda: Adapters.in_process(Adapter), sessions, "of them those of whole sessions", 1_500)


@benchmark
def conformance_node() -> Iterator[Ratio]:
    """All directed cases that apply to the JavaScript template, one process per core, per minute."""
    if shutil.which("node"):
        yield from _per_minute(
            lambda: Adapters.of_command(("node", str(TEMPLATE)), 60), _published(), "a Node adapter", 100
        )


@benchmark
def conformance_rust() -> Iterator[Ratio]:
    """All directed cases that apply to GGRS, one process per core, per minute; `make conform-real` builds it."""
    if GGRS.exists():
        yield from _per_minute(lambda: Adapters.of_command((str(GGRS),), 60), _published(), "a Rust adapter", 1_000)


def _published() -> list[Case]:
    return [case for case in published_cases() if case["profile"] != "endurance"]


def _per_minute(make: Callable[[], Adapters], cases: list[Case], what: str, at_least: float) -> Iterator[Ratio]:
    started = time.perf_counter()
    report = run_suite(cases, Target(make, ""), jobs=None)
    spent = time.perf_counter() - started
    ran = sum(result.run is not None for result in report.results)
    yield Ratio(
        f"case runs a minute, {what}", ran / spent * 60, at_least=at_least, detail=f"{ran} cases in {spent:.1f} s"
    )
