"""`rollproof check-log`: judges the recorded log of a session."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs

from rollproof.conformance.logs.judge import LogReport, judge
from rollproof.conformance.logs.known import load_known
from rollproof.conformance.logs.reading import Line, Log, LogError
from rollproof.conformance.report.picture import Picture
from rollproof.output import (
    BROKEN,
    HELD,
    UNDECIDED,
    Output,
    UsageError,
    console,
    progress,
    table,
    verdict,
    write_json,
)
from rollproof.pictures import write_page

FORMAT = "rollproof-log-report"
VERSION = 1


def check_log(file: Path, *, known: Path | None = None, html: Path | None = None, json: Output = None) -> int:
    """Judge the recorded log of a session, up to the first divergence from the model.

    Exits with 0 if the log holds, 1 if it diverges or a known divergence is no longer there, 2 if the command or its
    input is wrong, 3 if nothing in the log could be judged.

    Parameters
    ----------
    file:
        The log: a header and one observation a line; see conformance/log.md.
    known:
        A file of divergences that are known. Each must still be there.
    html:
        Write a page that shows what led to the divergence in a browser.
    json:
        Write the result to this file.
    """
    try:
        report, picture = _judge(file, known, drawn=html is not None)
    except LogError as error:
        raise UsageError(str(error)) from None
    judged = sum(report.judged.values())
    outcome = "diverges" if report.failure is not None or report.stale else "holds" if judged else "nothing judged"
    if html is not None:
        drawn = [] if picture is None or report.failure is None else [picture.ended(report.failure)]
        write_page(html, {"": drawn} if drawn else {})
    if json is not None:
        write_json(json, _document(file, report, outcome))
    _show(file, report, outcome)
    return {"holds": HELD, "diverges": BROKEN, "nothing judged": UNDECIDED}[outcome]


def _judge(file: Path, known: Path | None, *, drawn: bool) -> tuple[LogReport, Picture | None]:
    entries = [] if known is None else load_known(known)
    try:
        with file.open("rb") as lines, progress("checking", os.fstat(lines.fileno()).st_size) as bar:
            advance = lambda _: bar.update(bar.task_ids[0], completed=lines.tell())  # noqa: E731
            log = Log(file, lines)
            header = log.header
            picture = (
                Picture(f"Log {file.name}", header.players, header.peers, f"rollproof check-log {file}")
                if drawn
                else None
            )

            def watch(line: Line) -> None:
                if picture is not None and line.obs is not None:
                    picture.observe(line.peer, line.now, line.obs)

            return judge(log, entries, advance, watch), picture
    except OSError as error:
        raise LogError(file, 0, f"cannot be read: {error.strerror}") from None


def _show(file: Path, report: LogReport, outcome: str) -> None:
    out = console()
    result = table(f"Log {file.name}", "peer", "lines judged", numbers=("lines judged",))
    for peer, count in report.judged.items():
        result.add_row(peer, f"{count:,}")
    out.print(result)
    failure = report.failure
    if failure is not None:
        where = failure.peer if failure.frame is None else f"{failure.peer}, frame {failure.frame}"
        guards = " and ".join(report.allowed_by)
        allowed = f"the model without the guard {guards}" if guards else "no guard: the values differ"
        out.print(f"\n{file}:{failure.event}: {where}: {failure.clause} ({', '.join(failure.rules)})", soft_wrap=True)
        for name, text in (
            ("rule", failure.sentence),
            ("expected", failure.expected),
            ("the log", failure.actual),
            ("the model", ", ".join(f"{name} {value}" for name, value in report.had.items() if value is not None)),
            ("allowed by", allowed),
        ):
            out.print(f"  {name:<11} {text}", soft_wrap=True)
    for entry in report.known:
        if entry.applied:
            out.print(f"known, met {entry.applied} times: {entry}", soft_wrap=True)
    for peer, line in report.lost.items():
        out.print(
            f"{file}:{line}: {peer} is not judged from here to its next episode, after a known divergence",
            soft_wrap=True,
        )
    for entry in report.stale:
        out.print(f"known, but no longer there: {entry}", soft_wrap=True)
    out.print()
    out.print(verdict(outcome == "holds", "The log holds.", f"The log: {outcome}."))


def _document(file: Path, report: LogReport, outcome: str) -> dict[str, Any]:
    failure = report.failure
    divergence = None
    if failure is not None:
        told = attrs.asdict(failure)
        allowed_by = list(report.allowed_by)
        divergence = {"line": told.pop("event"), **told, "model": report.had, "allowed_by": allowed_by}
    return {
        "format": FORMAT,
        "version": VERSION,
        "file": str(file),
        "outcome": outcome,
        "lines": report.lines,
        "judged": report.judged,
        "divergence": divergence,
        "lost": report.lost,
        "known": [attrs.asdict(entry) for entry in report.known],
        "stale": [str(entry) for entry in report.stale],
    }
