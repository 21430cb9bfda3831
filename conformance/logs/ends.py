"""What peers have told of a whole episode, compared: its end, its exports, and the desyncs that they report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

from attrs import frozen

from rollproof.conformance.logs.compare import Comparer
from rollproof.conformance.logs.differences import EXPORTS_AGREE, Clause, Difference, Statement, difference
from rollproof.conformance.logs.told import Episode, Exported, Report

ENDS_AGREE = Clause("ends_agree", "The termination frame is the same at every peer.", ("EP-2", "EP-12"))
ENDS_ONCE = Clause("one_end", "An episode ends once, after so many frames.", ("EP-2", "EP-7"))
ROWS_ARE_GAPLESS = Clause(
    "rows_are_gapless", "Rows are exported in frame order, from 0 to termination − 1.", ("EP-10",)
)
ROWS_FLAGGED = Clause(
    "flags_tell_the_end", "There are unconfirmed rows if and only if the end was not confirmed.", ("EP-8", "BUF-8")
)
RECTANGULAR = Clause("rectangular", "Every column of an export has one value for each row.", ("EP-10",))
COLUMNS_AGREE = Clause("columns_agree", "Exports have the same columns at every peer.", ("EP-13", "EP-10"))
NO_DESYNC = Clause("no_desync", "No peer finds that its simulation differs from a partner's.", ("ME-4", "BUF-6"))
DESYNC_IS_REAL = Clause("desync_is_real", "A desync is reported only where peers differ.", ("ME-4",))
DESYNC_IS_REPORTED = Clause("desync_is_reported", "Peers that differ notice it.", ("ME-4",))


@frozen
class Remark:
    """Something that is wrong with a whole episode, of which one line speaks."""

    clause: Clause
    epoch: int
    frame: int | None
    peer: str
    line: int
    expected: str
    actual: str
    other: tuple[str, int] | None = None
    """The other peer that it is about, and its line."""


def ends(epoch: int, episodes: Mapping[str, Episode]) -> Iterator[Difference]:
    """Iterate over what is told differently of an episode's end, and of the size and shape of its exports.

    A peer that ended without having heard of its partners' ends may have ended elsewhere: only its rows are compared.
    """
    for peer, episode in episodes.items():
        yield from _alone(epoch, peer, episode)
    for (one, first), (other, second) in combinations(episodes.items(), 2):
        a, b = first.end, second.end
        if a is not None and b is not None and "degraded" not in (a.kind, b.kind) and a.frames != b.frames:
            both = (_said(peer, "episode_end", end.frames, end.line) for peer, end in ((one, a), (other, b)))
            yield difference(ENDS_AGREE, epoch, min(a.frames, b.frames), "the number of frames", *both)
        exports = first.export, second.export
        if exports[0] is None or exports[1] is None:
            continue
        if _is_whole(first) and _is_whole(second) and len(exports[0].frames) != len(exports[1].frames):
            number = min(len(each.frames) for each in exports if each is not None)
            yield _exports_differ(EXPORTS_AGREE, epoch, number, "the number of rows", one, other, exports, _length)
        if all(each is not None and each.frames for each in exports) and exports[0].columns != exports[1].columns:
            yield _exports_differ(COLUMNS_AGREE, epoch, None, "the columns", one, other, exports, _columns)


def _alone(epoch: int, peer: str, episode: Episode) -> Iterator[Difference]:
    end, export = episode.end, episode.export
    for again in episode.ends:
        if end is not None and again.frames != end.frames:
            both = (_said(peer, "episode_end", each.frames, each.line) for each in (end, again))
            yield difference(ENDS_ONCE, epoch, None, "the number of frames", *both)
    if export is None:
        return
    frames = end.frames if end is not None else len(export.frames)
    if export.frames != tuple(range(frames)):
        one = _said(peer, "episode_end", _range(frames), export.line if end is None else end.line)
        other = _said(peer, "export", _ranges(export.frames), export.line)
        yield difference(ROWS_ARE_GAPLESS, epoch, None, "the frames of the rows", one, other)
    if export.ragged is not None:
        name, count = export.ragged
        one = _said(peer, "export", len(export.frames), export.line)
        other = _said(peer, "columns", f"{count} values in {name!r}", export.line)
        yield difference(RECTANGULAR, epoch, None, "the number of rows", one, other)
    if end is not None and "unconfirmed" in export.columns and end.confirmed == (export.flagged > 0):
        one = _said(peer, "episode_end", "confirmed" if end.confirmed else "not confirmed", end.line)
        other = _said(peer, "export", f"{export.flagged} of {len(export.frames)} rows unconfirmed", export.line)
        yield difference(ROWS_FLAGGED, epoch, None, "the end", one, other)


def _is_whole(episode: Episode) -> bool:
    """Tell whether an export is said to be confirmed to its end."""
    export = episode.export
    if episode.end is not None:
        return episode.end.confirmed
    return export is not None and not export.flagged


def _exports_differ(
    clause: Clause,
    epoch: int,
    frame: int | None,
    about: str,
    one: str,
    other: str,
    exports: tuple[Exported | None, Exported | None],
    value: Callable[[Exported], object],
) -> Difference:
    both = (
        _said(peer, "export", value(each), each.line)
        for peer, each in zip((one, other), exports, strict=True)
        if each is not None
    )
    return difference(clause, epoch, frame, about, *both)


def _length(export: Exported) -> int:
    return len(export.frames)


def _columns(export: Exported) -> list[str]:
    return sorted(export.columns)


def _range(frames: int) -> str:
    return f"0 to {frames - 1}" if frames else "none"


def _ranges(frames: tuple[int, ...]) -> str:
    if frames == tuple(range(len(frames))):
        return _range(len(frames))
    wrong = next((i for i, frame in enumerate(frames) if frame != i), len(frames))
    return f"frame {frames[wrong]} in row {wrong}"


def _said(peer: str, kind: str, value: object, line: int) -> Statement:
    return Statement(peer, kind, value, line, line)


# --- desyncs ----------------------------------------------------------------------------------------------------------


def desyncs(comparer: Comparer, epoch: int, episodes: Mapping[str, Episode]) -> Iterator[Remark]:
    """Iterate over the desyncs that peers report of an episode, true or false, and over one that nobody reports."""
    reported: set[str] = set()
    for peer, episode in episodes.items():
        for report in episode.reports:
            reported.add(peer)
            yield _judge(comparer, epoch, peer, report, [each for each in episodes if each != peer])
    if not comparer.first:
        return
    silent = [peer for peer in episodes if "violation" in comparer.header.observes_of(peer)]
    for pair, first in comparer.first.items():
        told = [episodes[peer] for peer in pair if peer in silent and peer not in reported]
        ended = [each.end for each in told if each.end is not None and each.end.confirmed]
        if len(ended) < 2 or not all(first.frame is not None and first.frame < end.frames for end in ended):
            continue
        yield Remark(
            DESYNC_IS_REPORTED, epoch, first.frame, first.other.peer, max(end.line for end in ended),
            "a desync to be reported", f"none, though lines {first.one.line} and {first.other.line} differ",
        )  # fmt: skip
        return


def _judge(comparer: Comparer, epoch: int, peer: str, report: Report, others: list[str]) -> Remark:
    partners = [each for each in others if report.player in (each, None)]
    pairs = [(min(peer, each), max(peer, each)) for each in partners]
    at = "" if report.frame is None else f" at frame {report.frame}"
    said = f"a desync{f' with {report.player}' if report.player else ''}{at}"
    found = [
        first
        for pair in pairs
        if (first := comparer.first.get(pair)) is not None
        and (report.frame is None or first.frame is None or first.frame <= report.frame)
    ]
    if found:
        first = min(found, key=lambda each: each.frame if each.frame is not None else -1)
        where = "" if first.frame is None else f" of frame {first.frame}"
        lines = f"lines {first.one.line} and {first.other.line}"
        actual = f"{said}: it is true: {first.about}{where} differs ({lines})"
        other = first.one if first.one.peer != peer else first.other
        return Remark(NO_DESYNC, epoch, report.frame, peer, report.line, "no desync", actual, (other.peer, other.line))
    compared = [comparer.whole.get(pair, -1) for pair in pairs]
    settings = _settings_differ(comparer, peer, partners)
    if settings:
        actual = f"{said}: their settings differ: {settings}"
        return Remark(NO_DESYNC, epoch, report.frame, peer, report.line, "no desync", actual)
    if pairs and report.frame is not None and min(compared) >= report.frame:
        actual = f"{said}: it is false: the inputs and states of frames 0 to {report.frame} are the same at both"
        return Remark(DESYNC_IS_REAL, epoch, report.frame, peer, report.line, "no desync to be reported", actual)
    known = max(compared, default=-1)
    actual = f"{said}: whether it is true cannot be told: " + (
        f"frames 0 to {known} are the same, the others are not told by both" if known >= 0 else "too little is told"
    )
    return Remark(NO_DESYNC, epoch, report.frame, peer, report.line, "no desync", actual)


def _settings_differ(comparer: Comparer, peer: str, others: list[str]) -> str:
    ours = comparer.header.config_of(peer)
    found = []
    for other in others:
        theirs = comparer.header.config_of(other)
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                found.append(f"{name} is {ours.get(name)} at {peer}, {theirs.get(name)} at {other}")
    return "; ".join(found)
