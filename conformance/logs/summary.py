"""What of a log was judged, and what was not: line by line, why, and what would have to be recorded."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from rollproof.conformance.logs.judge import LogReport
from rollproof.conformance.logs.model import can_follow, needed_to_follow
from rollproof.conformance.schema import observation_kinds

KINDS = (*observation_kinds(), "rows", "variables")
"""In the order in which they are told of."""
ONLY_BY_MODEL = ("mispredict", "rollback_end", "stall", "metric", "promote")


@frozen
class Tally:
    """How many values of one kind a peer tells, and how many were judged."""

    peer: str
    kind: str
    told: int
    judged: int
    why: str
    """Why the others were not; empty if all were."""


def tallies(report: LogReport) -> Iterator[Tally]:
    """Iterate over what each peer tells, kind by kind."""
    for peer in report.header.peers:
        for kind in KINDS:
            told = report.told.get((peer, kind), 0)
            if told:
                judged = report.judged_of[peer, kind]
                yield Tally(peer, kind, told, judged, _why(report, peer, kind) if judged < told else "")


def _why(report: LogReport, peer: str, kind: str) -> str:
    if kind == "violation":
        return "what an implementation says of itself, desyncs apart, is not judged"
    if peer in report.after_the_end and kind not in ("export", "rows", "episode_end"):
        return "it comes after the end of the first episode: record episode_begin"
    if peer in report.stopped:
        return f"the model does not follow {peer} after line {report.stopped[peer]}"
    if peer in report.lost:
        return "the model cannot follow, after a known divergence"
    if kind in ONLY_BY_MODEL and not can_follow(report.header, peer):
        missing = needed_to_follow(report.header, peer) - report.header.observes_of(peer)
        return f"only the model can judge it: record {' and '.join(sorted(missing))}"
    if kind == "metric":
        return "only those that follow from the rest are judged"
    if kind == "rows":
        return "told by one peer alone, or not as final"
    return "nothing else tells it" if not report.late else "nothing else tells it, or peers are too far apart"


def not_judged(report: LogReport) -> Iterator[str]:
    """Iterate over what could not be judged because it is not recorded, a sentence each."""
    header = report.header
    if len(header.peers) == 1 and len(header.players) > 1:
        yield f"The log is {header.peers[0]}'s alone: nothing is compared with what partners tell."
    for peer in header.peers:
        missing = needed_to_follow(header, peer) - header.observes_of(peer)
        if missing:
            kinds = " and ".join(sorted(missing))
            yield f"Rollbacks, confirmations and promotions of {peer} are not judged by the model: record {kinds}."
        elif "episode_end" not in header.observes_of(peer):
            yield f"Forced promotions and exports of {peer} are not judged by the model: record episode_end."
    everywhere = frozenset[str]().union(*(header.observes_of(peer) for peer in header.peers))
    for kind, what in (
        ("violation", "Whether the peers noticed a desync"),
        ("export", "The rows that are exported"),
        ("episode_begin", "More than one episode"),
    ):
        if kind not in everywhere:
            yield f"{what} {'are' if kind == 'export' else 'is'} not judged: record {kind}."
    if not everywhere & {"advance", "export"}:
        yield "Neither the inputs that were used nor the states are compared: record advance or export."
    for each in report.open:
        one, other = each.one, each.other
        yield (
            f"Frame {each.frame} is not final: {each.about} is {one.value} at {one.peer} (line {one.line}) and "
            f"{other.value} at {other.peer} (line {other.line}), which may be a prediction: record confirm."
        )
    if report.late:
        yield f"{report.late:,} values came too late to be compared: the peers are more than 10,000 frames apart."
