"""What one peer of a log tells, gathered by episode and frame as the lines come."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from attrs import define, field, frozen

from rollproof.conformance.logs.model import KEPT
from rollproof.conformance.logs.reading import Header
from rollproof.conformance.schema import Json

MOST_REPORTS = 100
"""How many reported desyncs of one peer and episode are remembered."""
MOST_SIMULATIONS = 64
"""How many simulations of one frame are remembered: the latest."""
AFTER_THE_END = frozenset(("advance", "input_local", "input_recv"))
"""What is told after an episode's end belongs to the next one."""


ALL, NONE = 1 << 30, -2
"""Above every frame, and below every frame."""


class Claim(NamedTuple):
    """An input that a peer says it knows."""

    player: str
    value: int
    line: int
    kind: str


class Simulation(NamedTuple):
    """One simulation of a frame."""

    line: int
    inputs: tuple[int, ...]
    state: int
    predicted: bool | None
    """Whether an input was predicted; None if the log does not tell."""
    restored: int | None
    """The state that was loaded directly before; None if none was."""


@define(eq=False)
class Told:
    """All that one peer has told of one frame. Lines are 0 where there is none."""

    claims: list[Claim] = field(factory=list)
    simulations: list[Simulation] = field(factory=list)
    """In the order in which they happened."""
    saved: tuple[int, int] | None = None
    """The state after the frame as it was saved last, and the line; kept only where simulations are not told."""
    confirmed: int = 0
    promoted: int = 0
    overdue: int = 0
    """The line by which a rollback should have corrected this frame, and had not (RB-3)."""
    forced: bool = False
    row: Json | None = None
    row_line: int = 0
    hash: tuple[str, int] | None = None


@frozen
class End:
    """The end of an episode, as one peer tells it."""

    frames: int
    kind: str
    confirmed: bool
    line: int


@frozen
class Exported:
    """An export, but for the values of its rows."""

    line: int
    frames: tuple[int, ...]
    columns: frozenset[str]
    flagged: int
    """How many rows are flagged as unconfirmed."""
    ragged: tuple[str, int] | None
    """A column that has not as many values as there are rows, and how many it has."""


@frozen
class Report:
    """A desync that a peer reports."""

    line: int
    player: str | None
    frame: int | None


@define(eq=False)
class Episode:
    """What one peer has told of one episode."""

    number: int
    frames: dict[int, Told] = field(factory=dict)
    cursor: int = 0
    """The frame that is simulated next: during a replay, those from here on have been simulated by what is outdated."""
    next_frame: int = 0
    """The next frame to simulate for the first time."""
    newest: int = 0
    """The line of the last frame that was simulated for the first time."""
    latest: int = 0
    """The line of this episode that was read last."""
    confirmed: int = -1
    end: End | None = None
    ends: list[End] = field(factory=list)
    """Further ends of the same episode."""
    export: Exported | None = None
    reports: list[Report] = field(factory=list)
    owed: list[tuple[Told, int]] = field(factory=list)
    """The frames that the next rollback must correct, and the lines in which that became known."""
    begun_rollback: int = 0
    """The line in which the last rollback began."""
    restored: tuple[int, int] | None = None
    """The frame before which a state was just loaded, and that state."""
    over: bool = False
    """Whether what is told now belongs to an episode whose beginning is not told."""
    done: bool = False
    """Whether no more will be told of it."""
    begun: int = -1
    """The frames below were handed out: nothing more is remembered of them."""

    def is_outdated(self, frame: int) -> bool:
        """Tell whether a replay has still to simulate a frame again."""
        return self.cursor <= frame < self.next_frame


class Teller:
    """Gathers what one peer tells."""

    def __init__(self, header: Header, peer: str) -> None:
        """Begin before frame 0 of the first episode."""
        self.peer = peer
        self.players = header.players
        self.observes = header.observes_of(peer)
        self.many = "episode_begin" in self.observes
        self.own_saves = "advance" not in self.observes
        self.open = [Episode(0)]
        """The episodes of which frames are still here, the present one last."""
        self.held = 0
        """How many frames are remembered."""
        self.late = 0
        """How many lines came too late to be compared."""
        self._see: dict[str, Callable[[Episode, Json, int], None]] = {
            name[5:]: getattr(self, name) for name in dir(self) if name.startswith("_see_")
        }

    @property
    def now(self) -> Episode:
        """The present episode."""
        return self.open[-1]

    def see(self, observation: Json, line: int) -> None:
        """Take in one observation."""
        kind = observation["obs"]
        episode = self.open[-1]
        if not self.many and self._is_over(episode, kind):
            return
        see = self._see.get(kind)
        if see is not None:
            episode.latest = line
            see(episode, observation, line)

    def see_variables(self, told: Mapping[str, Json], line: int) -> None:
        """Take in what a peer answers when asked."""
        episode = self.open[-1]
        frame, mismatch = told.get("confirmed"), told.get("hash_mismatch")
        if type(frame) is int:
            self._confirm(episode, frame, line)
        if type(mismatch) is int and not any(each.frame == mismatch for each in episode.reports):
            self._report(episode, Report(line, None, mismatch))

    def settled(self, epoch: int) -> int:
        """Return up to which frame of an episode no more will be told."""
        if self.now.number < epoch:
            return ALL if self.now.done else NONE
        episode = next((each for each in self.open if each.number == epoch), None)
        if episode is None or episode.done:
            return ALL
        if "export" in self.observes or episode.over:
            return NONE
        return min(episode.confirmed, episode.cursor - 1) - KEPT

    def _is_over(self, episode: Episode, kind: str) -> bool:
        """Tell whether this belongs to another episode, if the log does not tell where one begins."""
        if episode.over or kind not in AFTER_THE_END:
            return episode.over and kind != "export"
        ended = episode.export is not None or ("export" not in self.observes and episode.end is not None)
        episode.over = ended
        return ended

    def _told(self, episode: Episode, frame: int) -> Told | None:
        told = episode.frames.get(frame)
        if told is None:
            if frame < episode.begun:
                self.late += frame >= 0
                return None
            told = episode.frames[frame] = Told()
            self.held += 1
        return told

    # --- inputs ---

    def _see_input_local(self, episode: Episode, seen: Json, line: int) -> None:
        told = self._told(episode, seen["frame"])
        if told is not None:
            told.claims.append(Claim(self.peer, seen["input"], line, "input_local"))

    def _see_input_recv(self, episode: Episode, seen: Json, line: int) -> None:
        told = self._told(episode, seen["frame"])
        if told is not None and len(told.claims) < MOST_SIMULATIONS:
            player, value = seen["player"], seen["input"]
            told.claims.append(Claim(player, value, line, "input_recv"))
            if told.simulations and player in self.players:
                used = told.simulations[-1].inputs
                index = self.players.index(player)
                if index < len(used) and used[index] != value:
                    episode.owed.append((told, line))

    def _see_mispredict(self, episode: Episode, seen: Json, line: int) -> None:
        told = self._told(episode, seen["frame"])
        if told is not None and len(told.claims) < MOST_SIMULATIONS:
            told.claims.append(Claim(seen["player"], seen["actual"], line, "mispredict"))

    # --- the game ---

    def _see_advance(self, episode: Episode, seen: Json, line: int) -> None:
        frame = seen["frame"]
        restored, episode.restored = episode.restored, None
        if frame >= episode.next_frame:
            episode.next_frame, episode.newest = frame + 1, line
            self._is_overdue(episode, line, episode.owed)
            episode.owed.clear()
        episode.cursor = frame + 1
        told = self._told(episode, frame)
        if told is None:
            return
        loaded = restored[1] if restored is not None and restored[0] == frame else None
        told.simulations.append(Simulation(line, tuple(seen["inputs"]), seen["state"], seen.get("predicted"), loaded))
        if len(told.simulations) > MOST_SIMULATIONS:
            del told.simulations[0]

    def _see_load(self, episode: Episode, seen: Json, line: int) -> None:
        episode.cursor = min(seen["frame"], episode.next_frame)
        episode.restored = seen["frame"], seen["state"]
        if self.own_saves:
            for told in _between(episode.frames, episode.cursor, episode.next_frame):
                told.saved = None
            self._see_save(episode, seen, line)

    def _see_rollback_begin(self, episode: Episode, seen: Json, line: int) -> None:
        episode.cursor = min(seen["frame"], episode.next_frame)
        episode.begun_rollback = line

    def _see_rollback_end(self, episode: Episode, seen: Json, line: int) -> None:
        self._is_overdue(episode, line, [each for each in episode.owed if each[1] < episode.begun_rollback])

    def _is_overdue(self, episode: Episode, line: int, owed: list[tuple[Told, int]]) -> None:
        """Note which frames should have been corrected by now, and are not."""
        for told, known in owed[:MOST_REPORTS]:
            if told.simulations[-1].line < known and not told.overdue:
                told.overdue = line

    def _see_save(self, episode: Episode, seen: Json, line: int) -> None:
        frame = seen["frame"]
        if not self.own_saves and frame > 0:
            return
        told = self._told(episode, frame - 1)
        if told is not None:
            told.saved = seen["state"], line
        if self.own_saves:
            if frame >= episode.next_frame:
                episode.next_frame, episode.newest = frame, line
            episode.cursor = frame

    # --- what is final ---

    def _see_confirm(self, episode: Episode, seen: Json, line: int) -> None:
        self._confirm(episode, seen["frame"], line)

    def _confirm(self, episode: Episode, frame: int, line: int) -> None:
        first, episode.confirmed = episode.confirmed + 1, max(episode.confirmed, frame)
        for told in _between(episode.frames, first, frame + 1):
            told.confirmed = line

    def _see_promote(self, episode: Episode, seen: Json, line: int) -> None:
        for frame in seen["frames"]:
            told = self._told(episode, frame)
            if told is not None:
                told.promoted, told.forced = line, seen.get("forced", False)
                if not told.forced:
                    told.confirmed = told.confirmed or line
        if "confirm" not in self.observes and not seen.get("forced", False):
            episode.confirmed = max(episode.confirmed, *seen["frames"])

    def _see_hash(self, episode: Episode, seen: Json, line: int) -> None:
        told = self._told(episode, seen["frame"])
        if told is not None:
            told.hash = seen["hash"], line

    # --- the end ---

    def _see_episode_end(self, episode: Episode, seen: Json, line: int) -> None:
        end = End(seen["frame"], seen["kind"], seen.get("confirmed", seen["kind"] == "agreed"), line)
        if episode.end is None:
            episode.end = end
        elif len(episode.ends) < MOST_REPORTS:
            episode.ends.append(end)

    def _see_export(self, episode: Episode, seen: Json, line: int) -> None:
        if episode.export is not None and not self.many:
            episode = self._begin()
        rows = seen["rows"]
        columns: set[str] = set()
        for row in rows:
            told = self._told(episode, row["frame"])
            columns |= row.keys()
            if told is not None:
                told.row, told.row_line = row, line
        flagged = sum(row.get("unconfirmed", False) for row in rows)
        ragged = next((each for each in seen.get("columns", {}).items() if each[1] != len(rows)), None)
        episode.export = Exported(line, tuple(row["frame"] for row in rows), frozenset(columns), flagged, ragged)

    def _see_episode_begin(self, episode: Episode, seen: Json, line: int) -> None:
        self._begin()

    def _begin(self) -> Episode:
        episode = self.open[-1]
        episode.done = True
        self.open.append(Episode(episode.number + 1, over=not self.many))
        return self.open[-1]

    def _see_violation(self, episode: Episode, seen: Json, line: int) -> None:
        if seen["kind"] == "desync":
            self._report(episode, Report(line, seen.get("player"), seen.get("frame")))

    def _report(self, episode: Episode, report: Report) -> None:
        if len(episode.reports) < MOST_REPORTS:
            episode.reports.append(report)


def _between(frames: Mapping[int, Told], first: int, last: int) -> Iterator[Told]:
    """Iterate over what there is from one frame to before another, however far apart they are."""
    if last - first <= len(frames):
        yield from (frames[number] for number in range(first, last) if number in frames)
    else:
        yield from (told for number, told in frames.items() if first <= number < last)
