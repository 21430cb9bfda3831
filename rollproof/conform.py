"""`rollproof conform`: judge a rollback implementation in any language by what it does."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveFloat, PositiveInt
from rich.text import Text

from rollproof import __version__
from rollproof.conform_choice import cases, read_results, target
from rollproof.conformance.cases.case import Case
from rollproof.conformance.judge.clauses import ANSWERS, MODEL
from rollproof.conformance.judge.properties import PROPERTIES as CLAUSES
from rollproof.conformance.report.picture import picture_of
from rollproof.conformance.report.report import LEGEND, failure_text, html, junit
from rollproof.conformance.runner.transport import AdapterError
from rollproof.conformance.schema import Json
from rollproof.conformance.suite.fuzz import Found, fuzz
from rollproof.conformance.suite.smoke import smoke
from rollproof.conformance.suite.suite import Result, SuiteReport, Target, as_json, result_json, run_suite
from rollproof.model.runs.run import Run
from rollproof.output import (
    HELD,
    Output,
    UsageError,
    console,
    many,
    progress,
    table,
    unknown,
    write_file,
    write_json,
)
from rollproof.proofs.explain import kinds
from rollproof.shared import OwnProtocol

ITSELF = (
    "the reference was judged by itself: an edit of it in place is judged by the edit. "
    "`--adapter-source DIR` judges the reference of another checkout by this one"
)
SHOWN_FAILURES = 3
"""How many failures are told in full; the files have all of them."""
MOST_PICTURES = 30
"""How many failures the page shows step by step; it has the last events of all."""
LAST_LINES = 20
"""Of the stderr of an adapter that cannot be judged."""
LONGEST_LINE = 300
"""Characters of one of these."""
STYLES = {"vacuous": "yellow", "skip": "dim"}


def conform(
    *command: str,
    case: tuple[str, ...] = (),
    profile: tuple[str, ...] = (),
    level: NonNegativeInt = 2,
    smoke_test: Annotated[bool, Parameter(name="--smoke")] = False,
    fuzz_runs: Annotated[NonNegativeInt, Parameter(name="--fuzz")] = 0,
    seed: NonNegativeInt = 0,
    excepted: Annotated[tuple[str, ...], Parameter(name="--except", consume_multiple=True)] = (),
    known: tuple[Path, ...] = (),
    save: Output = None,
    mutant: str | None = None,
    protocol: OwnProtocol = None,
    adapter_source: Path | None = None,
    strict: bool = False,
    jobs: PositiveInt | None = None,
    limit: PositiveFloat = 10.0,
    all_failures: bool = False,
    list_cases: Annotated[bool, Parameter(name="--list")] = False,
    also: tuple[Path, ...] = (),
    html_file: Annotated[Output, Parameter(name="--html")] = None,
    junit_file: Annotated[Output, Parameter(name="--junit")] = None,
    json_file: Annotated[Output, Parameter(name="--json")] = None,
) -> int:
    """Judge an implementation: `rollproof conform [options] -- COMMAND...` starts one adapter for each peer.

    Without a command the reference is judged. Exit codes: 0 every required case passed; 1 failures; 2 wrong usage;
    3 nothing matched, or what was to be tested never happened; 4 the adapter broke the adapter protocol.

    Parameters
    ----------
    command
        How an adapter is started; see conformance/README.md.
    case
        Only this case: an id, the beginning of ids followed by /, a file, or a folder of files.
    profile
        Only cases of this profile: core, recording, episode, transport, diagnostics, endurance.
    level
        Look no deeper than this level (0, 1 or 2), whatever the adapter shows.
    smoke_test
        Only a few requests, to see whether a new adapter keeps to the adapter protocol.
    fuzz_runs
        Search: judge this many random schedules instead of the cases, and minimise the first failure of each cause.
    seed
        Of the search, and told to the adapter.
    excepted
        Clauses that are known: the search goes on past whatever fails in nothing else.
    known
        A file that `--json` wrote: the search passes over the causes (a clause and an effect) that it lists.
    save
        Where the search saves the case that it finds; further ones go beside it, as FILE-2, FILE-3 and so on.
    mutant
        Judge a mutant of the reference, to see the suite at work.
    protocol
        Judge the reference running the protocol of this file: FILE.py, or FILE.py:NAME. It is Python code, and is run.
    adapter_source
        Judge the reference of this checkout as an implementation; the judge is the reference that is installed.
    strict
        Require also what SHOULD hold.
    jobs
        How many cases run at once; one per core if not given.
    limit
        How many seconds an answer may take.
    all_failures
        Tell all failures in full.
    list_cases
        Only list the cases.
    also
        A file that `--json` wrote for another implementation, to be on the HTML page too.
    html_file
        Write one self-contained page here.
    junit_file
        Write JUnit XML here.
    json_file
        Write all results here.
    """
    if level > 2:
        raise UsageError(f"there are levels 0, 1 and 2, not {level}")
    if fuzz_runs:
        _refuse_beside_fuzz(
            case=case, profile=profile, smoke=smoke_test, list=list_cases, strict=strict, jobs=jobs is not None
        )
    elif excepted or known or save is not None:
        raise UsageError("--except, --known and --save belong to a search: --fuzz N")
    unusual = [
        *(["--seed", str(seed)] if seed and not fuzz_runs else []),
        *(["--limit", f"{limit:g}"] if limit != 10 else []),
    ]
    judged = target(command, mutant, limit, level, adapter_source, protocol, unusual)
    others = [read_results(path) for path in also]
    try:
        if smoke_test:
            return _smoke(judged)
        if fuzz_runs:
            if command:
                _tried_first(judged)
            found = _search(judged, fuzz_runs, seed, level, excepted, known, save)
            report, document = found.report, found.as_json(__version__)
            _repeat_with(document)
            _tell_search(found, document, all_failures)
            _write(report, document, others, html_file, junit_file, json_file)
            return found.exit_code
        wanted = cases(case, profile, level)
        if list_cases:
            return _list(wanted)
        if command and wanted and not case:
            _tried_first(judged)
        report = _run(wanted, judged, level, seed, jobs, digests=json_file is not None)
    except AdapterError as error:
        err = console(stderr=True)
        err.print(f"rollproof: the adapter cannot be judged: {error}", soft_wrap=True)
        if error.stderr.strip():
            told = [line[:LONGEST_LINE] for line in error.stderr.strip().splitlines()[-LAST_LINES:]]
            err.print(Text("\n".join(["the end of its stderr:", *(f"    {line}" for line in told)])), soft_wrap=True)
        return 4
    document = as_json(report, __version__, strict=strict)
    _repeat_with(document)
    _tell(report, document, all_failures)
    _write(report, document, others, html_file, junit_file, json_file)
    return int(document["exit"])


def _write(
    report: SuiteReport,
    document: Json,
    others: list[Json],
    html_file: Path | None,
    junit_file: Path | None,
    json_file: Path | None,
) -> None:
    if json_file is not None:
        write_json(json_file, document)
    if junit_file is not None:
        write_file(junit_file, junit(document))
    if html_file is not None:
        write_file(html_file, html([document, *others], _pictures(report)))


def _refuse_beside_fuzz(**given: object) -> None:
    for name, value in given.items():
        if value:
            raise UsageError(f"--fuzz makes schedules of its own, one at a time, so it takes no --{name}")


def _repeat_with(document: Json) -> None:
    """Let the lines that repeat a failure work as they are printed, wherever the command lies."""
    if shutil.which("rollproof") is None:
        for each in document["results"]:
            if "repeat" in each:
                ours = shlex.join([sys.executable, "-m", "rollproof"])
                each["repeat"] = ours + each["repeat"].removeprefix("rollproof")


def _list(cases: list[Case]) -> int:
    listed = table(many(len(cases), "case"), "case", "level", "strength", "rules", "title", numbers=("level",))
    for case in cases:
        listed.add_row(case.id, str(case["level"]), case["strength"], ", ".join(case["rules"]), case["title"])
    console().print(listed)
    return HELD if cases else 3


def _run(cases: list[Case], target: Target, level: int, seed: int, jobs: int | None, *, digests: bool) -> SuiteReport:
    with progress("cases", len(cases)) as bar:
        return run_suite(
            cases,
            target,
            level=level,
            seed=seed,
            jobs=jobs,
            digests=digests,
            done=lambda result: bar.advance(bar.task_ids[0]),
        )


def _pictures(report: SuiteReport) -> dict[str, Run]:
    """Return the runs that failed, by case; of very many only the first."""
    failed = [each for each in report.results if each.judgement.failure is not None and each.run is not None]
    return {
        each.case.id: picture_of(
            each.run, each.judgement.failure, each.case["title"], result_json(each, report.target)["repeat"]
        )
        for each in failed[:MOST_PICTURES]
        if each.run is not None and each.judgement.failure is not None
    }


def _tell(report: SuiteReport, document: Json, all_failures: bool) -> None:
    out = console()
    name = f"{document['implementation']['name']} {document['implementation']['version']}"
    results = table(f"{name}, level {document['implementation']['level']}", "verdict", "case", "what")
    shown = [each for each in report.results if each.verdict.value not in ("pass", "n/a", "degraded")]
    for result in shown:
        results.add_row(_styled(result), result.case.id, _short(result))
    if shown:
        out.print(results)
    failed = [each for each in document["results"] if "failure" in each]
    for each in failed if all_failures else failed[:SHOWN_FAILURES]:
        out.print("")
        out.print(failure_text(each), soft_wrap=True)
    if len(failed) > SHOWN_FAILURES and not all_failures:
        out.print(f"\n{len(failed) - SHOWN_FAILURES} more: --all-failures tells them in full, --html FILE shows them")
    _tell_causes(document)
    if not report.target.command and not report.target.arguments:
        out.print(ITSELF, soft_wrap=True)
    counts = ", ".join(f"{number} {verdict}" for verdict, number in document["summary"].items()) or "no case matched"
    out.print(f"{name}: {counts}")
    told = [f"{each}: {LEGEND[each]}" for each in document["summary"] if each in LEGEND]
    if told:
        out.print("; ".join(told), soft_wrap=True, style="dim")


def _tell_causes(document: Json) -> None:
    """Tell the failures by cause, once each, if there are several of one."""
    out = console()
    if len(document["causes"]) < len([each for each in document["results"] if "failure" in each]):
        causes = table("the failures by cause", "clause", "cases", "effect", "for instance", numbers=("cases",))
        for each in document["causes"]:
            causes.add_row(each["clause"], str(len(each["cases"])), each["effect"], each["cases"][0])
        out.print(causes)
    if "adapter" in document:
        out.print(f"the adapter may be at fault: {document['adapter']}", soft_wrap=True)


def _styled(result: Result) -> Text:
    return Text(result.verdict.value, STYLES.get(result.verdict.value, "bold red"))


def _short(result: Result) -> str:
    judgement = result.judgement
    return judgement.reason if judgement.failure is None else str(judgement.failure)


def _tried_first(target: Target) -> None:
    """Let the smoke test be passed before anything is said of the library.

    Raises:
        AdapterError: if the adapter does not keep to the adapter protocol.
    """
    adapters = target.make()
    try:
        for _ in smoke(adapters, judging=False):
            pass
    except AdapterError as error:
        told = type(error)(f"found by the smoke test, which runs first; nothing is said of the library: {error}")
        told.stderr = error.stderr
        raise told from error
    finally:
        adapters.close()


def _smoke(target: Target) -> int:
    adapters = target.make()
    out = console()
    try:
        lines = []
        for line in smoke(adapters):
            lines.append(line)
            out.print(line, soft_wrap=True)
    finally:
        adapters.close()
    out.print(f"the adapter keeps to the adapter protocol, as far as {many(len(lines), 'step')} show")
    return HELD


def _search(
    target: Target,
    runs: int,
    seed: int,
    level: int,
    excepted: tuple[str, ...],
    known: tuple[Path, ...],
    save: Path | None,
) -> Found:
    clauses = {*CLAUSES, *MODEL, *ANSWERS, *(guard for guard in kinds() if kinds()[guard] == "guard")}
    for clause in excepted:
        if clause not in clauses:
            raise unknown("clause", clause, clauses)
    causes = {
        (each["clause"], result["effect"])
        for path in known
        for result in read_results(path)["results"]
        if "failure" in result
        for each in (result["failure"], *result.get("others", ()))
    }
    with progress("schedules", runs) as bar:
        found = fuzz(
            target, runs, seed=seed, level=level, excepted=excepted, known=causes,
            done=lambda: bar.advance(bar.task_ids[0]),
        )  # fmt: skip
    past = [
        *(part for each in excepted for part in ("--except", each)),
        *(p for each in known for p in ("--known", str(each))),
    ]
    for number, each in enumerate(found.findings, 1):
        if save is not None:
            path = save if number == 1 else save.with_name(f"{save.stem}-{number}{save.suffix}")
            write_file(path, each.case_text())
            each.result.chosen = shlex.join(["--case", str(path)])
        else:
            each.result.chosen = shlex.join(["--fuzz", str(each.number), "--seed", str(seed), *past])
    return found


def _tell_search(found: Found, document: Json, all_failures: bool) -> None:
    out = console()
    out.print(found.sentence(), soft_wrap=True)
    shown = found.findings if all_failures else found.findings[:SHOWN_FAILURES]
    for finding, result in zip(shown, document["results"], strict=False):
        out.print(f"\n{finding.sentence()}", soft_wrap=True)
        out.print(failure_text(result), soft_wrap=True)
    if len(found.findings) > len(shown):
        rest = len(found.findings) - len(shown)
        out.print(f"\n{rest} more: --all-failures tells them in full, --html FILE shows them")
    if "adapter" in document:
        out.print(f"the adapter may be at fault: {document['adapter']}", soft_wrap=True)
