"""Run the benchmarks of all modules of this package, or those named, and print what they measure."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Annotated

import attrs
from cyclopts import App, Parameter

from benchmarks.registry import BENCHMARKS, Ratio, ratios_of, register
from rollproof.cli import guarded
from rollproof.output import (
    BROKEN,
    HELD,
    Output,
    UsageError,
    console,
    progress,
    table,
    unknown,
    verdict,
    write_json,
)

app = App(name="python -m benchmarks", version_flags=[], help_format="plaintext")


@app.default
def measure(*names: str, json: Annotated[Output, Parameter(name="--json")] = None) -> int:
    """Measure, and print a table. Exits with 0 if every target is met, with 1 if one is not.

    Parameters
    ----------
    names:
        The benchmarks to run; all if there is none.
    json:
        Write the results to this file.
    """
    register()
    for name in names:
        if name not in BENCHMARKS:
            raise unknown("benchmark", name, BENCHMARKS)
    chosen = {name: BENCHMARKS[name] for name in names or BENCHMARKS}
    if not chosen:
        raise UsageError("there is no benchmark")
    found: list[tuple[str, Ratio]] = []
    # Each has a process of its own: what one leaves in memory would slow down the next.
    fresh = ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1)
    with progress("measuring", len(chosen)) as bar, fresh:
        for name in chosen:
            found += [(name, ratio) for ratio in fresh.submit(ratios_of, name).result()]
            bar.advance(bar.task_ids[0])
    if json is not None:
        write_json(json, [{"benchmark": name, "met": ratio.met, **attrs.asdict(ratio)} for name, ratio in found])
    show(found)
    return HELD if all(ratio.met for _, ratio in found) else BROKEN


def show(found: list[tuple[str, Ratio]]) -> None:
    """Print the table."""
    result = table("Benchmarks", "benchmark", "ratio", "value", "target", "", "detail", numbers=("value", "target"))
    for name, ratio in found:
        mark = verdict(ratio.met, "met", "missed") if ratio.target else ""
        result.add_row(name, ratio.what, f"{ratio.value:.2f}", ratio.target, mark, ratio.detail)
    console().print(result)


if __name__ == "__main__":
    sys.exit(guarded(app))
