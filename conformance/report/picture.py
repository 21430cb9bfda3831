"""Observed implementations as runs of the explorer: what each peer showed, and every packet, up to a failure.

It is made as the events come, and keeps only the last of them, so a log may be as long as it likes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from rollproof.conformance.judge.failure import Failure
from rollproof.conformance.report.diagram import observation_text, row_of
from rollproof.conformance.runner.run import Event
from rollproof.conformance.runner.run import Run as Executed
from rollproof.conformance.schema import Json
from rollproof.model.runs.cells import Band, Row
from rollproof.model.runs.run import Cell, Fate, Moment, Packet, Run, TransitionLines, Verdict

MOST_MOMENTS = 2_000
"""How many moments before a failure are shown; what came before them is shown as one."""
MOST_FRAMES = 2_000
"""How many frames of a peer are remembered."""
EARLIER = "earlier"
SENTENCES = {
    "advance": "The game simulates a frame.",
    "save": "The game's state is kept.",
    "load": "The game goes back to the state before a frame.",
    "input_local": "An input of the peer's own player is fixed.",
    "input_recv": "A partner's input becomes known to the simulation.",
    "mispredict": "An input is not what was predicted.",
    "rollback_begin": "A rollback begins.",
    "rollback_end": "The rollback is over.",
    "confirm": "Everything up to a frame is confirmed.",
    "promote": "Records become canonical.",
    "stall": "A frame is not simulated, because of the prediction window.",
    "episode_begin": "The next episode begins.",
    "episode_end": "The episode is over.",
    "export": "The records are exported.",
    "send": "A packet is sent.",
    "arrive": "A packet arrives.",
    "tick": "The frame loop is called once, with the input sampled for it.",
    "poll": "Only timers run.",
    EARLIER: "What happened before is shown as one moment.",
}


@define
class _Seen:
    """What one peer has shown in its present episode."""

    band: Band
    known: defaultdict[int, list[Any]]
    rows: dict[int, Row] = field(factory=dict)
    epoch: int = 0
    values: dict[str, Any] = field(factory=lambda: {"frame": 0, "confirmed": -1})


class Picture:
    """The picture of an observed run, as far as it has gone."""

    def __init__(self, title: str, players: Sequence[str], peers: Sequence[str], again: str = "") -> None:
        """Begin before anything has happened."""
        self.run = Run(title, "", "observed", "ms", tuple(players), tuple(peers), again=again)
        self._seen = {
            peer: _Seen(Band(tuple(players), number), defaultdict(lambda: [None] * len(players)))
            for number, peer in enumerate(players)
        }
        self.run.start = {peer: dict(self._seen[peer].values) for peer in peers}
        self._packets: dict[int, Packet] = {}
        self._first = 0
        """The number, among all, of the first moment that is kept."""

    def observe(self, peer: str, now: int, observation: Mapping[str, Json]) -> None:
        """Take in an observation, made at a time in microseconds."""
        kind = observation["obs"]
        if kind in ("save", "metric"):
            return
        told = (observation_text(observation),)
        seen = self._seen[peer]
        frames, values, cleared = self._take(seen, kind, observation)
        cells = seen.band.update(
            frames, lambda frame: tuple(seen.known[frame]) if frame in seen.known else None, seen.rows.get
        )
        changed = {name: value for name, value in values.items() if seen.values.get(name) != value}
        seen.values.update(values)
        self._add(Moment(peer, kind, now // 1000, cells=cells, values=changed, told=told, cleared=cleared))

    def event(self, event: Event) -> None:
        """Take in an event of a run of a case."""
        if event.kind == "obs":
            self.observe(event.peer, event.now, event.data)
            return
        shown = row_of(event)
        if shown is None or event.peer not in self._seen:
            return
        self._add(Moment(event.peer, event.kind, event.now // 1000, told=(shown["text"],)))
        number = self._first + len(self.run.moments) - 1
        if event.kind == "send" and shown["to"] in self._seen:
            fate: Fate = "lost" if shown["lost"] else "arrives"
            packet = Packet(
                event.peer, shown["to"], event.data["via"], shown["text"], event.now // 1000, number, [], fate
            )
            self._packets[shown["packet"]] = packet
            self.run.packets.append(packet)
        elif event.kind == "arrive" and shown["packet"] in self._packets:
            self._packets[shown["packet"]].arrivals.append((event.now // 1000, number))

    def ended(self, failure: Failure) -> Run:
        """Return the run, with what is wrong in it."""
        run = self.run
        self._shorten(MOST_MOMENTS)
        for packet in run.packets:
            packet.sent_by = self._kept(packet.sent_by)
            packet.arrivals = [(at, self._kept(number)) for at, number in packet.arrivals]
            if packet.fate == "arrives":
                packet.fate = "under way" if not packet.arrivals else "twice" if len(packet.arrivals) > 1 else "arrives"
        for number, moment in enumerate(run.moments):
            moment.call = number
            run.transitions.setdefault(moment.name, TransitionLines(SENTENCES.get(moment.name, ""), ()))
        rules = f" ({', '.join(failure.rules)})" if failure.rules else ""
        lines = (
            f"{failure.clause}{rules}: {failure.sentence}",
            f"{failure.peer}{'' if failure.frame is None else f', frame {failure.frame}'}",
            f"expected: {failure.expected}",
            f"got: {failure.actual}",
        )
        last = len(run.moments) - 1 if run.moments else None
        peer = failure.peer if failure.peer in run.peers else None
        run.verdict = Verdict(False, failure.clause, lines, peer, failure.frame, last)
        if last is not None and peer is not None and failure.frame is not None:
            self._mark(run.moments[last], peer, failure)
        return run

    def _mark(self, moment: Moment, peer: str, failure: Failure) -> None:
        if moment.peer == peer and failure.frame is not None:
            row = len(self.run.players)
            wrong = Cell(row, failure.frame, "wrong", "", f"expected {failure.expected}, got {failure.actual}")
            moment.cells = (*(each for each in moment.cells if (each.row, each.frame) != (row, failure.frame)), wrong)

    def _take(self, seen: _Seen, kind: str, data: Mapping[str, Json]) -> tuple[set[int], dict[str, Any], bool]:
        """Return the frames that an observation is about, the counters, and whether an episode begins."""
        players = self.run.players
        match kind:
            case "input_local" if seen.band.own is not None:
                seen.known[data["frame"]][seen.band.own] = data["input"]
                return {data["frame"]}, {}, False
            case "input_recv" if data["player"] in players:
                seen.known[data["frame"]][players.index(data["player"])] = data["input"]
                return {data["frame"]}, {}, False
            case "advance" if len(data["inputs"]) == len(players):
                frame = data["frame"]
                seen.rows[frame] = Row(tuple(data["inputs"]), data.get("predicted", False), f"state {data['state']}")
                self._forget(seen, frame)
                return {frame}, {"frame": max(frame + 1, seen.values["frame"])}, False
            case "rollback_begin" | "load":
                gone = {frame for frame in seen.rows if frame >= data["frame"]}
                for frame in gone:
                    del seen.rows[frame]
                return gone, {}, False
            case "confirm":
                return set(), {"confirmed": data["frame"]}, False
            case "promote":
                frames = {frame for frame in data["frames"] if frame in seen.rows}
                for frame in frames:
                    row = seen.rows[frame]
                    forced = bool(data.get("forced"))
                    seen.rows[frame] = Row(row.actions, row.predicted, row.detail, True, forced)
                return frames, {"promoted": max(data["frames"], default=-1) + 1}, False
            case "episode_begin":
                seen.epoch = data["epoch"]
                seen.rows.clear()
                seen.known.clear()
                seen.band.clear()
                return set(), {"epoch": seen.epoch, "frame": 0, "confirmed": -1, "promoted": 0}, True
        return set(), {}, False

    def _forget(self, seen: _Seen, newest: int) -> None:
        old = newest - MOST_FRAMES
        seen.rows.pop(old, None)
        seen.known.pop(old, None)
        for row in range(len(self.run.players) + 1):
            seen.band.shown.pop((row, old), None)

    def _add(self, moment: Moment) -> None:
        self.run.moments.append(moment)
        if len(self.run.moments) >= 2 * MOST_MOMENTS:
            self._shorten(MOST_MOMENTS)

    def _shorten(self, most: int) -> None:
        """Put all moments but the last ones into one for each peer."""
        moments = self.run.moments
        excess = len(moments) - most
        if excess <= 0:
            return
        summed = []
        for peer in self.run.peers:
            cells: dict[tuple[int, int], Cell] = {}
            values: dict[str, Any] = {}
            at = 0
            for each in (each for each in moments[:excess] if each.peer == peer):
                if each.cleared:
                    cells.clear()
                cells.update({(cell.row, cell.frame): cell for cell in each.cells})
                values.update(each.values)
                at = each.at
            newest = max((frame for _, frame in cells), default=0)
            kept = tuple(cell for cell in cells.values() if cell.frame > newest - MOST_FRAMES)
            summed.append(Moment(peer, EARLIER, at, cells=kept, values=values))
        self._first += excess - len(summed)
        moments[:excess] = summed
        start = moments[len(summed)].at if len(moments) > len(summed) else 0
        self.run.packets[:] = [each for each in self.run.packets if (each.sent_at or 0) >= start]

    def _kept(self, number: int | None) -> int | None:
        return None if number is None or number < self._first + len(self.run.peers) else number - self._first


def picture_of(executed: Executed, failure: Failure, title: str, again: str) -> Run:
    """Return the run of a case up to what failed in it."""
    picture = Picture(title, executed.case.peers, executed.case.peers, again)
    for event in executed.events[: failure.event + 1]:
        picture.event(event)
    return picture.ended(failure)
