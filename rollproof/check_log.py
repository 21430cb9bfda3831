"""`rollproof check-log`: judges the recorded log of a session."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console

from rollproof.conformance.logs.importing import open_log
from rollproof.conformance.logs.judge import Finding, LogReport, judge
from rollproof.conformance.logs.known import load_known
from rollproof.conformance.logs.reading import LogError
from rollproof.conformance.logs.summary import not_judged, tallies
from rollproof.conformance.report.picture import Picture
from rollproof.model.runs.run import Run
from rollproof.output import (
    BROKEN,
    HELD,
    UNDECIDED,
    Output,
    UsageError,
    console,
    many,
    progress,
    table,
    verdict,
    write_json,
)
from rollproof.pictures import write_page

FORMAT = "rollproof-log-report"
VERSION = 2


def check_log(file: Path, *, known: Path | None = None, html: Output = None, json: Output = None) -> int:
    """Judge the recorded log of a session: each peer by the model, and whatever is told twice by what else tells it.

    Exits with 0 if the log holds, 1 if it diverges or a known divergence is no longer there, 2 if the command or its
    input is wrong, 3 if nothing in the log could be judged.

    Parameters
    ----------
    file:
        The log: a header and one observation a line; see conformance/logs/README.md.
    known:
        A file of divergences that are known. Each must still be there.
    html:
        Write a page that shows what led to the divergence in a browser.
    json:
        Write the result to this file.
    """
    try:
        report = _judge(file, known)
        untold = report.untold
        if untold:
            report = _judge(file, known, untold)
    except LogError as error:
        raise UsageError(str(error)) from None
    if html is not None:
        write_page(html, {"": [_picture(file, report.findings[0])]} if report.findings else {})
    judged = sum(report.judged_of.values())
    outcome = "diverges" if report.findings or report.stale else "holds" if judged else "nothing judged"
    if json is not None:
        write_json(json, _document(file, report, outcome, untold))
    _show(file, report, outcome, untold)
    return {"holds": HELD, "diverges": BROKEN, "nothing judged": UNDECIDED}[outcome]


def _judge(file: Path, known: Path | None, untold: Mapping[str, frozenset[str]] | None = None) -> LogReport:
    entries = [] if known is None else load_known(known)
    try:
        with file.open("rb") as lines, progress("checking", os.fstat(lines.fileno()).st_size) as bar:
            advance = lambda _: bar.update(bar.task_ids[0], completed=lines.tell())  # noqa: E731
            return judge(open_log(file, lines), entries, advance, untold)
    except OSError as error:
        raise LogError(file, 0, f"cannot be read: {error.strerror}") from None


def _picture(file: Path, finding: Finding) -> Run:
    """Read a log again, up to the line by which something shows."""
    with file.open("rb") as lines:
        log = open_log(file, lines)
        header = log.header
        picture = Picture(f"Log {file.name}", header.players, header.peers, f"rollproof check-log {file}")
        for line in log:
            if line.obs is not None:
                picture.observe(line.peer, line.now, line.obs)
            if line.number >= finding.shown:
                break
    return picture.ended(finding.failure)


def _show(file: Path, report: LogReport, outcome: str, untold: Mapping[str, frozenset[str]]) -> None:
    out = console()
    result = table(f"Log {file.name}", "peer", "told", "values", "judged", "the others", numbers=("values", "judged"))
    for each in tallies(report):
        result.add_row(each.peer, each.kind, f"{each.told:,}", f"{each.judged:,}", each.why)
    out.print(result)
    for peer, kinds in untold.items():
        told = " and ".join(sorted(kinds))
        out.print(f"The header says that {told} is recorded, and {peer} tells none: judged without.", soft_wrap=True)
    for sentence in not_judged(report):
        out.print(sentence, soft_wrap=True)
    for finding in report.findings:
        _show_finding(out, file, finding)
    if report.more:
        out.print(f"\n{report.more:,} further differences of the same kinds are not shown.")
    for entry in report.known:
        if entry.applied:
            out.print(f"known, met {many(entry.applied, 'time')}: {entry}", soft_wrap=True)
    for peer, line in report.lost.items():
        out.print(
            f"{file}:{line}: {peer} is not judged from here to its next episode, after a known divergence",
            soft_wrap=True,
        )
    for entry in report.stale:
        out.print(f"known, but no longer there: {entry}", soft_wrap=True)
    out.print()
    out.print(verdict(outcome == "holds", "The log holds.", f"The log: {outcome}."))


def _show_finding(out: Console, file: Path, finding: Finding) -> None:
    failure = finding.failure
    where = failure.peer if failure.frame is None else f"{failure.peer}, frame {failure.frame}"
    where += f" of episode {finding.epoch}" if finding.epoch else ""
    out.print(f"\n{file}:{failure.event}: {where}: {failure.clause} ({', '.join(failure.rules)})", soft_wrap=True)
    guards = " and ".join(finding.allowed_by)
    had = ", ".join(f"{name} {value}" for name, value in finding.had.items() if value is not None)
    for name, text in (
        ("rule", failure.sentence),
        ("expected", failure.expected),
        ("the log", failure.actual),
        ("final", f"since line {finding.shown}" if finding.shown != failure.event else ""),
        ("the model", had),
        ("allowed by", f"the model without the guard {guards}" if guards else ""),
    ):
        if text:
            out.print(f"  {name:<11} {text}", soft_wrap=True)


def _document(file: Path, report: LogReport, outcome: str, untold: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    findings = [_finding(each) for each in report.findings]
    return {
        "format": FORMAT,
        "version": VERSION,
        "file": str(file),
        "outcome": outcome,
        "lines": report.lines,
        "judged": report.judged,
        "values": [attrs.asdict(each) for each in tallies(report)],
        "not_judged": list(not_judged(report)),
        "untold": {peer: sorted(kinds) for peer, kinds in untold.items()},
        "divergence": findings[0] if findings else None,
        "findings": findings,
        "more": report.more,
        "lost": report.lost,
        "known": [attrs.asdict(entry) for entry in report.known],
        "stale": [str(entry) for entry in report.stale],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    told = attrs.asdict(finding.failure)
    other = None if finding.other is None else {"peer": finding.other[0], "line": finding.other[1]}
    return {
        "line": told.pop("event"),
        **told,
        "episode": finding.epoch,
        "other": other,
        "shown": finding.shown,
        "model": dict(finding.had),
        "allowed_by": list(finding.allowed_by),
    }
