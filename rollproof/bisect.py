"""`rollproof bisect`: the first frame at which the logs of several peers differ, and why."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console

from rollproof.conformance.logs.bisect import Bisection, around, bisect
from rollproof.conformance.logs.frames import Frame
from rollproof.conformance.logs.importing import open_log
from rollproof.conformance.logs.reading import LogError
from rollproof.conformance.logs.record import RecordingError
from rollproof.conformance.logs.sources import Source, of_logs, of_schedule
from rollproof.model.sessions.schedule import ScheduleError, load
from rollproof.output import BROKEN, HELD, UNDECIDED, Output, UsageError, console, progress, table, verdict, write_json

FORMAT = "rollproof-bisection"
VERSION = 1
MOST_LOGS = 16


def bisect_logs(*files: Path, schedule: Path | None = None, json: Output = None) -> int:
    """Find the first frame at which peers differ, and the class of the cause.

    Exits with 0 if they do not differ, 1 if they do, 2 if the command or its input is wrong, 3 if nothing could be
    compared, or all that differs may be a prediction.

    Parameters
    ----------
    files:
        The logs of one session, one of each peer; or one combined log.
    schedule:
        The schedule of the session: the first peer of the log is compared with what the reference does under it.
    json:
        Write the result to this file.
    """
    if not files:
        raise UsageError("give the logs of one session, one of each peer, or a combined one")
    if len(files) > MOST_LOGS:
        raise UsageError(f"give at most {MOST_LOGS} logs")
    try:
        with ExitStack() as stack:
            opened = [stack.enter_context(file.open("rb")) for file in files]
            size = sum(os.fstat(each.fileno()).st_size for each in opened)
            bar = stack.enter_context(progress("comparing", size))
            sources = of_logs([open_log(path, each) for path, each in zip(files, opened, strict=True)])
            if schedule is not None:
                sources.append(_reference(schedule, sources))
            read = lambda _: bar.update(bar.task_ids[0], completed=sum(each.tell() for each in opened))  # noqa: E731
            found = bisect(sources, read)
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read: {error.strerror}") from None
    except (LogError, RecordingError) as error:
        raise UsageError(str(error)) from None
    outcome = _outcome(found)
    names = {peer: source.name for source in sources for peer in source.peers}
    if json is not None:
        write_json(json, _document(found, outcome, names))
    _show(found, outcome, names)
    return {"the same": HELD, "differ": BROKEN, "undecided": UNDECIDED}[outcome]


def _reference(path: Path, sources: list[Source]) -> Source:
    try:
        return of_schedule(load(path), sources[0].header)
    except ScheduleError as error:
        raise UsageError(f"{path}: {error}") from None


def _outcome(found: Bisection) -> str:
    if found.cause is not None:
        return "differ" if any(each.certain for each in found.differences) else "undecided"
    return "the same" if found.compared else "undecided"


# --- in words ---------------------------------------------------------------------------------------------------------


def _show(found: Bisection, outcome: str, names: dict[str, str]) -> None:
    out = console()
    if found.cause is None:
        out.print(verdict(outcome == "the same", "The peers do not differ.", "Nothing could be compared."))
        out.print(f"{found.lines:,} lines were read, {found.compared:,} values compared.", soft_wrap=True)
        return
    cause, where = found.cause, "" if found.frame is None else f" frame {found.frame}"
    where += f" of episode {found.epoch}" if found.epoch else ""
    sure = "certain" if cause.certain else "likely, not certain"
    if outcome == "differ":
        out.print(f"The peers differ first at{where or ' the end'}: {cause.kind} ({sure}).", soft_wrap=True)
    else:
        out.print(f"The peers may differ from{where} on: {cause.kind}.", soft_wrap=True)
    out.print(f"  {cause.why[:1].upper()}{cause.why[1:]}.", soft_wrap=True)
    if cause.left:
        likely = "" if cause.certain else ", most likely"
        out.print(f"  Left lockstep{likely}: {' and '.join(cause.left)}.", soft_wrap=True)
    if cause.wanted:
        out.print(f"  To know more, record {', '.join(cause.wanted)}.", soft_wrap=True)
    for each in found.differences[:5]:
        out.print(f"  {each.about}:", soft_wrap=True)
        for said in (each.one, each.other):
            out.print(f"    {names[said.peer]}:{said.line}: {said.peer} ({said.kind}) {said.value}", soft_wrap=True)
    for report in found.reports[:5]:
        out.print(f"  {report}", soft_wrap=True)
    _trace(out, found)
    out.print(verdict(False, bad="The peers differ." if outcome == "differ" else "Undecided: it may be a prediction."))


def _trace(out: Console, found: Bisection) -> None:
    frames = list(around(found))
    if not frames:
        return
    peers = found.header.peers
    columns = [f"{peer}: {what}" for peer in peers for what in ("inputs", "state", "", "line")]
    numbers = [f"{peer}: line" for peer in peers]
    result = table("Side by side", "frame", *columns, numbers=("frame", *numbers))
    for frame in frames:
        cells = [cell for peer in peers for cell in _cells(frame, peer)]
        mark = ">" if frame.number == found.frame else ""
        result.add_row(f"{mark}{frame.number}", *cells)
    out.print(result)


def _cells(frame: Frame, peer: str) -> tuple[str, str, str, str]:
    """Return the inputs, the state, what is known of both, and the line; the last of several simulations."""
    told = frame.told.get(peer)
    if told is None:
        return "", "", "", ""
    marks = []
    if len(told.simulations) > 1:
        marks.append(f"simulated {len(told.simulations)} times")
    if told.simulations and told.simulations[-1].predicted:
        marks.append("predicted")
    marks += ["promoted"] if told.promoted else ["confirmed"] if told.confirmed else []
    if told.simulations:
        last = told.simulations[-1]
        return " ".join(map(str, last.inputs)), str(last.state), ", ".join(marks), str(last.line)
    if told.row is not None:
        row = told.row
        return " ".join(map(str, row["inputs"])), str(row.get("state", "")), "row", str(told.row_line)
    known = ", ".join(f"{each.player} {each.value}" for each in told.claims)
    return known, "", ", ".join(marks), str(told.claims[0].line) if told.claims else ""


def _document(found: Bisection, outcome: str, names: dict[str, str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "files": names,
        "outcome": outcome,
        "lines": found.lines,
        "compared": found.compared,
        "episode": found.epoch if found.cause else None,
        "frame": found.frame,
        "cause": None if found.cause is None else attrs.asdict(found.cause),
        "differences": [
            {
                "clause": each.clause.name,
                "about": each.about,
                "frame": each.frame,
                "certain": each.certain,
                "told": [
                    {"peer": said.peer, "kind": said.kind, "line": said.line, "value": said.value}
                    for said in (each.one, each.other)
                ],
            }
            for each in found.differences
        ],
        "reports": list(found.reports),
        "frames": [
            {"frame": frame.number, **{peer: list(_cells(frame, peer)) for peer in found.header.peers}}
            for frame in around(found)
        ],
    }
