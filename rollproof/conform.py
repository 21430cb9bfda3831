"""`rollproof conform`: judge a rollback implementation in any language by what it does."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt, PositiveFloat, PositiveInt
from rich.text import Text

from rollproof import __version__
from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.cases.case import Case, published_cases, read_case, read_cases
from rollproof.conformance.judge.properties import PROPERTIES as CLAUSES
from rollproof.conformance.mutants.catalogue import find_mutant, mutants
from rollproof.conformance.report.picture import picture_of
from rollproof.conformance.report.report import LEGEND, failure_text, html, junit
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.runner.transport import AdapterError
from rollproof.conformance.schema import InvalidError, Json, check
from rollproof.conformance.suite.fuzz import fuzz
from rollproof.conformance.suite.smoke import smoke
from rollproof.conformance.suite.suite import Result, SuiteReport, Target, as_json, result_json, run_suite, select
from rollproof.model.designs.loading import load
from rollproof.model.documents import read_document
from rollproof.model.runs.run import Run
from rollproof.output import (
    BROKEN,
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
from rollproof.reference.protocol import PROTOCOL
from rollproof.shared import OwnProtocol

RUN_REFERENCE = "import runpy; runpy.run_module('rollproof.conformance.adapters.reference', run_name='__main__')"
ITSELF = (
    "the reference was judged by itself: an edit of it in place is judged by the edit. "
    "`--adapter-source DIR` judges the reference of another checkout by this one"
)
SHOWN_FAILURES = 3
"""How many failures are told in full; the files have all of them."""
MOST_PICTURES = 30
"""How many failures the page shows step by step; it has the last events of all."""
STYLES = {"vacuous": "yellow", "skip": "dim"}
LARGEST_RESULTS = 50_000_000
"""Bytes of a file of `--also`."""


def conform(
    *command: str,
    case: tuple[str, ...] = (),
    profile: tuple[str, ...] = (),
    level: NonNegativeInt = 2,
    smoke_test: Annotated[bool, Parameter(name="--smoke")] = False,
    fuzz_runs: Annotated[NonNegativeInt, Parameter(name="--fuzz")] = 0,
    known: Annotated[tuple[str, ...], Parameter(name="--except")] = (),
    seed: NonNegativeInt = 0,
    save: Output = None,
    mutant: str | None = None,
    protocol: OwnProtocol = None,
    adapter_source: Path | None = None,
    strict: bool = False,
    jobs: PositiveInt = 1,
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
        Search: judge this many random schedules instead of the cases, and minimise the first that fails.
    known
        A clause of which a failure is known: the search goes on past it.
    seed
        Of the search, and told to the adapter.
    save
        Where the search saves the case that it finds.
    mutant
        Judge a mutant of the reference, to see the suite at work.
    protocol
        Judge the reference running the protocol of this file: FILE.py, or FILE.py:NAME. It is Python code, and is run.
    adapter_source
        Judge the reference of this checkout as an implementation; the judge is the reference that is installed.
    strict
        Require also what SHOULD hold.
    jobs
        How many cases run at once.
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
    searching = {"--except": known, "--save": save}
    judging = {"--case": case, "--profile": profile, "--html": html_file, "--junit": junit_file, "--also": also}
    for name, value in (judging if fuzz_runs else searching).items():
        if value:
            raise UsageError(f"{name} {'does not go' if fuzz_runs else 'goes only'} with --fuzz")
    clauses = {*CLAUSES, "answers", *PROTOCOL.transitions}
    clauses |= {each.name for transition in PROTOCOL.transitions.values() for each in transition.guards}
    for each in known:
        if each not in clauses:
            raise unknown("clause", each, clauses)
    target = _target(command, mutant, limit, level, adapter_source, protocol)
    others = [_read_results(path) for path in also]
    try:
        if smoke_test:
            return _smoke(target)
        if fuzz_runs:
            return _fuzz(target, fuzz_runs, seed, level, frozenset(known), save, json_file)
        cases = _cases(case, profile, level)
        if list_cases:
            return _list(cases)
        if command and cases and not case:
            _tried_first(target)
        report = _run(cases, target, level, seed, jobs)
    except AdapterError as error:
        console(stderr=True).print(f"rollproof: the adapter cannot be judged: {error}", soft_wrap=True)
        return 4
    document = as_json(report, __version__, strict=strict)
    _tell(report, document, all_failures)
    if json_file is not None:
        write_json(json_file, document)
    if junit_file is not None:
        write_file(junit_file, junit(document))
    if html_file is not None:
        write_file(html_file, html([document, *others], _pictures(report)))
    return int(document["exit"])


def _target(
    command: tuple[str, ...], mutant: str | None, limit: float, level: int, source: Path | None, own: str | None
) -> Target:
    options = [] if level == 2 else ["--level", str(level)]
    if command and mutant is not None:
        raise UsageError("--mutant changes the reference, so it takes no adapter command")
    if own is not None:
        if command or mutant is not None or source is not None:
            raise UsageError(
                "--protocol names the implementation, so it takes no adapter command, --mutant or --adapter-source"
            )
        running = partial(Adapter, load(own).protocol)
        return Target(lambda: Adapters.in_process(running), shlex.join([*options, "--protocol", own]))
    if source is not None:
        if command or mutant is not None:
            raise UsageError(
                "--adapter-source names the implementation, so it takes neither an adapter command nor --mutant"
            )
        if not (source / "reference" / "protocol.py").is_file() or not (source / "rollproof").is_dir():
            raise UsageError(f"{source}: there is no checkout with a reference")
        arguments = shlex.join([*options, "--adapter-source", str(source)])
        code = f"import sys; sys.path.insert(0, {str(source.resolve())!r}); {RUN_REFERENCE}"
        started = (sys.executable, "-P", "-c", code)
        return Target(lambda: Adapters.of_command(started, limit), arguments, ("--adapter-source", str(source)))
    if command:
        arguments = shlex.join([*options, "--", *command])
        return Target(lambda: Adapters.of_command(command, limit), arguments, command)
    if mutant is None:
        return Target(lambda: Adapters.in_process(Adapter), shlex.join(options))
    try:
        found = find_mutant(mutant)
    except KeyError:
        raise unknown("mutant", mutant, mutants()) from None
    return Target(lambda: Adapters.in_process(found.make), shlex.join([*options, "--mutant", found.name]))


def _cases(ids: tuple[str, ...], profiles: tuple[str, ...], level: int) -> list[Case]:
    try:
        folders = [each for each in ids if Path(each).is_dir()]
        files = [read_case(Path(each)) for each in ids if each.endswith(".json")]
        files += [case for each in folders for case in read_cases(Path(each))]
        names = [each for each in ids if not each.endswith(".json") and each not in folders]
        published = published_cases() if names or not files else []
    except InvalidError as error:
        raise UsageError(str(error)) from None
    for known, wanted, what in (
        ({each["profile"] for each in published}, profiles, "profile"),
        ({each.id for each in published}, [each for each in names if each[-1:] not in "*/"], "case"),
    ):
        for each in wanted:
            if published and each not in known:
                raise unknown(what, each, known)
    chosen = select(published, ids=names, profiles=profiles, level=level) if published else []
    return [*files, *chosen]


def _read_results(path: Path) -> Json:
    try:
        document = read_document(path, LARGEST_RESULTS)
        check("result", document)
    except InvalidError as error:
        raise UsageError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    return document


def _list(cases: list[Case]) -> int:
    listed = table(many(len(cases), "case"), "case", "level", "strength", "rules", "title", numbers=("level",))
    for case in cases:
        listed.add_row(case.id, str(case["level"]), case["strength"], ", ".join(case["rules"]), case["title"])
    console().print(listed)
    return HELD if cases else 3


def _run(cases: list[Case], target: Target, level: int, seed: int, jobs: int) -> SuiteReport:
    with progress("cases", len(cases)) as bar:
        return run_suite(
            cases, target, level=level, seed=seed, jobs=jobs, done=lambda result: bar.advance(bar.task_ids[0])
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
        stderr = adapters.stderr()
        told = f"found by the smoke test, which runs first; nothing is said of the library: {error}"
        raise type(error)(f"{told}\n{stderr}" if stderr and stderr not in told else told) from error
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


def _fuzz(
    target: Target,
    runs: int,
    seed: int,
    level: int,
    known: frozenset[str],
    save: Path | None,
    json_file: Path | None,
) -> int:
    out = console()
    with progress("schedules", runs) as bar:
        found = fuzz(target, runs, seed=seed, level=level, known=known, done=lambda: bar.advance(bar.task_ids[0]))
    if json_file is not None:
        write_json(json_file, found.as_json(__version__))
    out.print(found.sentence())
    if found.result is None:
        return found.exit_code
    if save is not None:
        write_file(save, found.case_text())
    failure = result_json(found.result, target)
    excepted = [part for clause in sorted(known) for part in ("--except", clause)]
    again = ("--case", str(save)) if save else ("--fuzz", str(runs), "--seed", str(seed), *excepted)
    failure["repeat"] = f"rollproof conform {shlex.join(again)} {target.arguments}".strip()
    out.print(failure_text(failure), soft_wrap=True)
    return BROKEN
