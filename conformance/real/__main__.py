"""`python -m rollproof.conformance.real [--publish] [NAME...]`: compare with what is published, or publish anew.

`--minimise [FINDING...]` makes schedules small, `--finding NAME FINDING` runs one and shows what fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import date
from pathlib import Path
from typing import Any

from rollproof.conformance.cases.case import dump
from rollproof.conformance.real.findings import MINIMAL, RESULTS, Finding, about, base_case, findings
from rollproof.conformance.real.html import league_html
from rollproof.conformance.real.implementations import IMPLEMENTATIONS, Implementation
from rollproof.conformance.real.install import ROOT, InstallError, NotRunError
from rollproof.conformance.real.judge import Outcome, judge_implementation, judged_cases, minimal
from rollproof.conformance.real.league import league
from rollproof.conformance.real.page import overview, page
from rollproof.conformance.runner.transport import AdapterError
from rollproof.model.documents import DocumentError, write_text
from rollproof.model.workers import workers

USAGE = "usage: conformance.real [--publish] [NAME...] | --minimise [FINDING...] | --finding NAME FINDING"
BY_NAME = {each.name: each for each in IMPLEMENTATIONS}


def main(arguments: Sequence[str]) -> int:
    """Return 0 if all is as published, 1 if not, 2 for wrong usage, 3 if something was not run, 4 for a fault."""
    options = [each for each in arguments if each.startswith("--")]
    names = [each for each in arguments if not each.startswith("--")]
    try:
        if options == ["--finding"]:
            return _show(names)
        if options == ["--minimise"]:
            return _minimise(names)
        if options not in ([], ["--publish"]) or not set(names) <= set(BY_NAME):
            print(f"{USAGE}\nNAME is one of {', '.join(BY_NAME)}", file=sys.stderr)
            return 2
        return _league([BY_NAME[each] for each in names] or list(IMPLEMENTATIONS), publish=bool(options))
    except (InstallError, AdapterError, DocumentError, ValueError) as error:
        print(f"conform-real: {error}", file=sys.stderr)
        return 4


def _league(chosen: Sequence[Implementation], *, publish: bool) -> int:
    """Judge, then publish or compare."""
    missing = _installed(chosen)
    running = [each for each in chosen if each.name not in missing]
    outcomes = _judged(running, missing)
    wrong = [line for outcome in outcomes.values() for line in outcome.wrong]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    if wrong and not publish:
        return 1
    files = _files({name: outcome.document for name, outcome in outcomes.items()}, publish=publish)
    if publish:
        for path, text in files.items():
            write_text(path, text)
        print(f"{len(files)} files published in {RESULTS.name}/")
        return 1 if wrong else 3 if missing else 0
    return _compare(files) or (3 if missing else 0)


def _installed(chosen: Sequence[Implementation]) -> dict[str, str]:
    """Install what is chosen, side by side. Return what cannot be run here, and why."""
    missing: dict[str, str] = {}

    def install(implementation: Implementation) -> None:
        try:
            implementation.recipe.install()
        except NotRunError as error:
            missing[implementation.name] = str(error)

    _progress("installing and building")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(install, chosen))
    for name in missing:
        _not_run(name, missing)
    return missing


def _not_run(name: str, missing: Mapping[str, str]) -> None:
    print(f"not run: {name}: {missing[name]}")


def _judged(chosen: Sequence[Implementation], missing: dict[str, str]) -> dict[str, Outcome]:
    """Judge what is chosen, side by side; note what cannot be judged here after all, and why."""
    outcomes: dict[str, Outcome] = {}
    with workers(os.cpu_count() or 1) as pool:
        # Those that take longest are begun first: they are the last of the list.
        begun: dict[Future[Outcome], str] = {pool.submit(_judge, each.name): each.name for each in reversed(chosen)}
        for future in as_completed(begun):
            name = begun[future]
            try:
                outcomes[name] = future.result()
                _progress(f"{name} is judged: {len(outcomes)} of {len(begun)}")
            except NotRunError as error:
                missing[name] = str(error)
                _not_run(name, missing)
    return {each.name: outcomes[each.name] for each in chosen if each.name in outcomes}


def _judge(name: str) -> Outcome:
    return judge_implementation(BY_NAME[name], judged_cases())


def _progress(line: str) -> None:
    if sys.stderr.isatty():
        print(line, file=sys.stderr, flush=True)


def _files(documents: Mapping[str, Mapping[str, Any]], *, publish: bool) -> dict[Path, str]:
    """Return the files to publish. Of what was not judged now, the overview tells what is published.

    What is published is of today; what is compared with it, of the day of what is published.
    """
    files: dict[Path, str] = {}
    everything: list[tuple[Implementation, Mapping[str, Any]]] = []
    for implementation in IMPLEMENTATIONS:
        path = RESULTS / f"{implementation.file}.json"
        published = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if implementation.name in documents:
            day = str(date.today()) if publish or not published else published["judged"]
            document = {"judged": day, **documents[implementation.name]}
            files[path] = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
            files[path.with_suffix(".md")] = page(
                implementation, about(implementation), document, findings(implementation)
            )
        elif published:
            document = published
        else:
            continue
        everything.append((implementation, document))
    rows = league(everything, judged_cases(), findings())
    files[RESULTS / "README.md"] = overview(rows)
    files[RESULTS / "league.html"] = league_html(rows, everything)
    return files


def _compare(files: Mapping[Path, str]) -> int:
    different = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in different:
        beside = ROOT / "build" / path.name
        write_text(beside, files[path])
        print(f"{path.name} is not what is published: compare with build/{path.name}")
    if not different:
        print(f"{len(files)} files are exactly what is published")
    return 1 if different else 0


def _minimise(ids: Sequence[str]) -> int:
    """Make schedules small, of all findings or of those named."""
    for finding in findings():
        if not ids or finding.id in ids:
            BY_NAME[finding.of].recipe.install()
            case = minimal(finding, BY_NAME[finding.of], base_case(finding))
            MINIMAL.mkdir(exist_ok=True)
            write_text(finding.path, dump(case))
            print(f"{finding.path.name}: {len(case['schedule'])} steps", flush=True)
    return 0


def _show(names: Sequence[str]) -> int:
    """Run one finding's schedule, and show what fails."""
    chosen: list[Finding] = [each for each in findings() if [each.of, each.id] == list(names)]
    if not chosen:
        print(f"{USAGE}\nthere is no such finding", file=sys.stderr)
        return 2
    implementation = BY_NAME[chosen[0].of]
    try:
        implementation.recipe.install()
    except NotRunError as error:
        print(f"not run: {implementation.name}: {error}")
        return 3
    command = ["conform", "--case", str(chosen[0].path), "--", *implementation.adapter, *chosen[0].options]
    return subprocess.call([sys.executable, "-m", "rollproof", *command], cwd=ROOT)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
