"""What a failure did to the players' games and to the data, in the words of whoever plays or records."""

from __future__ import annotations

from rollproof.conformance.judge.evidence import Evidence
from rollproof.conformance.judge.properties import PROPERTIES
from rollproof.conformance.runner.run import Event

FROZEN = "frozen"
GAMES = "different games"
EXPORTS = "different data"
TOLD = "wrong data, the same everywhere"
NONE = "games and data are right and equal"
UNKNOWN = "not seen, because the run did not end"


def effect_of(evidence: Evidence) -> str:
    """Return the worst effect of a run that has come to its end."""
    if next(PROPERTIES["progress"].failures(evidence), None) is not None:
        return FROZEN
    if next(PROPERTIES["agreement"].failures(evidence), None) is not None and evidence.run.case["end"]["how"] != "stop":
        return GAMES
    if evidence.run.level == 2:
        if _exports_differ(evidence):
            return EXPORTS
        if next(PROPERTIES["exports"].failures(evidence), None) is not None:
            return TOLD
    return NONE


def _exports_differ(evidence: Evidence) -> bool:
    """Tell whether two peers exported different rows for one frame, both as confirmed."""
    numbers: dict[str, int] = {}
    rows: dict[tuple[int, int], object] = {}
    for event in evidence.observations("export"):
        number = numbers[event.peer] = numbers.get(event.peer, 0) + 1
        for row in event.data["rows"]:
            if not row.get("unconfirmed", False):
                told = row["inputs"], row.get("state")
                if rows.setdefault((number, row["frame"]), told) != told:
                    return True
    return False


def never_sent_again(evidence: Evidence, peer: str) -> str:
    """Return in words which packets to a frozen peer were lost, and that nothing followed on their way."""
    lost: dict[str, list[int]] = {}
    later: dict[str, Event] = {}
    for event in evidence.run.events:
        if event.kind == "send" and event.data["to"] == peer:
            if event.data["fate"].startswith("lost"):
                lost.setdefault(event.peer, []).append(event.data["packet"])
            else:
                later[event.peer] = event
    parts = []
    for sender, packets in lost.items():
        shown = ", ".join(f"#{number}" for number in packets[-6:])
        following = later.get(sender)
        after = following is not None and following.data["packet"] > packets[-1]
        what = "what they held was not sent again, though later packets arrived" if after else "nothing was sent again"
        parts.append(f"{len(packets)} packets from {sender} to {peer} were lost ({shown}), and {what}")
    return "; ".join(parts)
