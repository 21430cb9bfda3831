"""Judging a log: each peer by the model, and everything that is told twice by what else tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol as Interface

from attrs import define, evolve, field, frozen

from rollproof.conformance.judge.failure import DivergenceError, Failure
from rollproof.conformance.logs.compare import Comparer
from rollproof.conformance.logs.differences import Difference, Statement
from rollproof.conformance.logs.ends import Remark, desyncs, ends
from rollproof.conformance.logs.frames import Consumer, Frame, Frames
from rollproof.conformance.logs.game import GameFollower
from rollproof.conformance.logs.known import Known
from rollproof.conformance.logs.model import LogFollower, TooMuchError, can_follow, needed_to_follow
from rollproof.conformance.logs.reading import Header, Line, Log, LogError
from rollproof.conformance.logs.told import Episode
from rollproof.conformance.schema import Json
from rollproof.reference.protocol import PROTOCOL

GUARDS = frozenset(guard.name for each in PROTOCOL.transitions.values() for guard in each.guards)

Progress = Callable[[int], None]
"""Called now and then with the number of lines read."""
PROGRESS_LINES = 10_000
MOST_FINDINGS = 50
"""How many findings are told in full; further ones are counted."""


@frozen
class Finding:
    """Something that a log tells, and that must not be."""

    failure: Failure
    """Its event is the number of the line."""
    other: tuple[str, int] | None = None
    """The peer and the line that tell it differently, if it is a difference."""
    allowed_by: tuple[str, ...] = ()
    """The guards without which the model would have allowed it."""
    had: Mapping[str, Json] = field(factory=dict)
    """What the model had when it met the divergence: its variables."""
    epoch: int = 0
    """The episode."""
    shown: int = 0
    """The line by which it shows: what the lines tell is final since then."""


@frozen
class LogReport:
    """What a log came to."""

    header: Header
    lines: int
    """Lines read, but for the header."""
    told: Mapping[tuple[str, str], int]
    """By peer and kind: how many values are told. A value is a line; the rows of exports count one by one as well."""
    judged_of: Mapping[tuple[str, str], int]
    """The same, of those that were compared with the model or with something else that is told."""
    findings: tuple[Finding, ...]
    """The first of each kind of divergence that is not known, in the order of their lines."""
    more: int
    """How many further differences there are of the same kinds."""
    open: tuple[Difference, ...]
    """The first difference of each kind that may be a prediction that was never corrected: nothing says it is final."""
    lost: Mapping[str, int]
    """By peer: the line from which on the model could not follow, after a known divergence, until the next episode."""
    stopped: Mapping[str, int]
    """By peer: the line of the divergence after which the model does not follow it any more."""
    late: int
    """Lines that could not be compared, for peers are too far apart."""
    after_the_end: frozenset[str]
    """The peers that tell of another episode, but not where it begins."""
    known: tuple[Known, ...]

    @property
    def judged(self) -> dict[str, int]:
        """By peer: the lines that were compared with something."""
        return {
            peer: sum(number for (one, kind), number in self.judged_of.items() if one == peer and kind != "rows")
            for peer in self.header.peers
        }

    @property
    def failure(self) -> Failure | None:
        """The first divergence that is not known."""
        return self.findings[0].failure if self.findings else None

    @property
    def allowed_by(self) -> tuple[str, ...]:
        """The guards without which the model would have allowed the first divergence."""
        return self.findings[0].allowed_by if self.findings else ()

    @property
    def had(self) -> Mapping[str, Json]:
        """What the model had when it met the first divergence."""
        return self.findings[0].had if self.findings else {}

    @property
    def stale(self) -> tuple[Known, ...]:
        """The known divergences that are no longer there. Only a log that was judged to its end can tell."""
        return () if self.findings else tuple(each for each in self.known if not each.applied)

    @property
    def untold(self) -> dict[str, frozenset[str]]:
        """By peer that diverges: the kinds without which the model cannot follow, and of which it tells none at all.

        The header says that they are recorded; it is the header that is wrong, more likely than the peer.
        """
        found = {}
        for peer in self.stopped:
            kinds = needed_to_follow(self.header, peer) & self.header.observes_of(peer)
            silent = frozenset(kind for kind in kinds if not self.told.get((peer, kind)))
            if silent and can_follow(self.header, peer):
                found[peer] = silent
        return found


class _Peer(Interface):
    refusing: tuple[str, ...]
    lost: bool

    @property
    def epoch(self) -> int: ...
    def see(self, observation: Json, now: int) -> bool: ...
    def check_variables(self, told: Json) -> None: ...
    def variables(self) -> dict[str, Json]: ...


def judge(
    log: Log,
    known: Sequence[Known] = (),
    progress: Progress = lambda lines: None,
    untold: Mapping[str, frozenset[str]] | None = None,
) -> LogReport:
    """Read a log to its end, and judge it.

    `untold` has, by peer, kinds that the header says are recorded, and that are not.

    Raises:
        LogError: if a line is not as it must be, or asks for too much.
    """
    header = log.header
    if untold:
        observing = {peer: header.observes_of(peer) - untold.get(peer, frozenset()) for peer in header.peers}
        header = evolve(header, observing=observing)
    judging = _Judging(header, known)
    for line in log:
        judging.lines += 1
        if judging.lines % PROGRESS_LINES == 0:
            progress(judging.lines)
        try:
            judging.see(line)
        except TooMuchError as error:
            raise log.error(error) from None
    judging.frames.finish()
    return judging.report()


@define
class _Judging(Consumer):
    """A log that is being judged."""

    header: Header
    known: Sequence[Known]
    peers: dict[str, _Peer] = field(init=False)
    frames: Frames = field(init=False)
    comparer: Comparer = field(init=False)
    lines: int = 0
    told: Counter[tuple[str, str]] = field(factory=Counter)
    followed: Counter[tuple[str, str]] = field(factory=Counter)
    """Values that the model judged."""
    findings: dict[tuple[str, ...], Finding] = field(factory=dict)
    more: int = 0
    open: dict[tuple[str, ...], Difference] = field(factory=dict)
    lost: dict[str, int] = field(factory=dict)
    stopped: dict[str, int] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.comparer = Comparer(self.header)
        self.frames = Frames(self.header, self)
        self.peers = {peer: self._follower(peer) for peer in self.header.peers}

    def _follower(self, peer: str) -> _Peer:
        if can_follow(self.header, peer):
            return LogFollower(self.header, peer, lambda error: self._is_known(error.parts[0], peer, error.frame))
        return GameFollower(self.header, peer)

    def see(self, line: Line) -> None:
        """Take in one line."""
        obs: Json = line.obs
        peer = line.peer
        kind = "variables" if obs is None else obs["obs"]
        self.told[peer, kind] += 1
        if kind == "export":
            self.told[peer, "rows"] += len(obs["rows"])
        self.frames.see(peer, obs, line.vars, line.number)
        if kind == "violation" and obs["kind"] == "desync":
            self.followed[peer, kind] += 1  # judged when the episode is complete
        if peer not in self.stopped and not self.frames.tellers[peer].now.over:
            self._follow(line, kind)

    def _follow(self, line: Line, kind: str) -> None:
        peer = self.peers[line.peer]
        obs: Json = line.obs
        try:
            if obs is None:
                peer.check_variables(line.vars)
                compared = True
            else:
                compared = peer.see(obs, line.now // 1000)
        except DivergenceError as error:
            if not self._is_known(error.parts[0], line.peer, error.frame):
                self._diverged(line, peer, error)
            compared = True
        if compared:
            self.followed[line.peer, kind] += 1
            if kind == "export":
                self.followed[line.peer, "rows"] += len(obs["rows"])
        if peer.lost:
            self.lost.setdefault(line.peer, line.number)

    def _diverged(self, line: Line, peer: _Peer, error: DivergenceError) -> None:
        failure = error.at(line.peer, line.number)
        allowed_by = peer.refusing or ((failure.clause,) if failure.clause in GUARDS else ())
        self._add(Finding(failure, None, allowed_by, peer.variables(), peer.epoch, line.number), "model", line.peer)
        self.stopped[line.peer] = line.number

    # --- what is told twice ---

    def frame(self, frame: Frame) -> None:
        """Compare what is told of a frame."""
        for each in self.comparer.frame(frame):
            self._differ(each)

    def episode(self, epoch: int, episodes: Mapping[str, Episode]) -> None:
        """Compare what is told of a whole episode."""
        for peer, episode in episodes.items():
            others = [each for other, each in episodes.items() if other != peer]
            if episode.end is not None and any(each.end is not None for each in others):
                self.comparer.compared[peer, "episode_end"] += 1
            if episode.export is not None:
                self.comparer.compared[peer, "export"] += 1
        for each in ends(epoch, episodes):
            self._differ(each)
            if each.one.peer != each.other.peer:
                self.comparer.note(each)
        for remark in desyncs(self.comparer, epoch, episodes):
            self._remark(remark)
        self.comparer.next_episode()

    def _differ(self, each: Difference) -> None:
        one, other = each.one, each.other
        key = each.clause.name, one.peer, other.peer, one.kind, other.kind
        if not each.certain:
            self.open.setdefault(key, each)
            return
        if one.peer == other.peer and self._are_rows_followed(one.peer, other):
            return
        if self._is_known(each.clause.name, other.peer, each.frame):
            return
        if each.player == other.peer != one.peer:
            one, other = other, one  # a player's own peer says what its input is
        expected = (
            f"{each.about} {one.value}, as {'it' if one.peer == other.peer else one.peer} has it in line {one.line}"
        )
        failure = Failure(
            each.clause.name, each.clause.sentence, each.clause.rules, other.peer, each.frame,
            expected, f"{other.value}, in line {other.line}", other.line,
        )  # fmt: skip
        self._add(Finding(failure, (one.peer, one.line), epoch=each.epoch, shown=each.line), *key)

    def _are_rows_followed(self, peer: str, told: Statement) -> bool:
        """Tell whether the model has judged the export that this is told of."""
        if told.kind not in ("rows", "export"):
            return False
        return self.followed[peer, "rows"] > 0 and self.stopped.get(peer, told.line) >= told.line

    def _remark(self, each: Remark) -> None:
        if self._is_known(each.clause.name, each.peer, each.frame):
            return
        clause = each.clause
        failure = Failure(
            clause.name, clause.sentence, clause.rules, each.peer, each.frame, each.expected, each.actual, each.line
        )
        self._add(Finding(failure, each.other, epoch=each.epoch, shown=each.line), clause.name, each.peer)

    def _add(self, finding: Finding, *key: str) -> None:
        if key in self.findings or len(self.findings) >= MOST_FINDINGS:
            self.more += 1
        else:
            self.findings[key] = finding

    def _is_known(self, clause: str, peer: str, frame: int | None) -> bool:
        for each in self.known:
            if each.covers(clause, peer, frame):
                each.applied += 1
                return True
        return False

    def report(self) -> LogReport:
        """Return what all of it came to."""
        compared = self.comparer.compared
        tellers = self.frames.tellers
        return LogReport(
            header=self.header,
            lines=self.lines,
            told=self.told,
            judged_of={key: min(told, max(self.followed[key], compared[key])) for key, told in self.told.items()},
            findings=tuple(sorted(self.findings.values(), key=lambda each: each.shown)),
            more=self.more,
            open=tuple(self.open.values()),
            lost=self.lost,
            stopped=self.stopped,
            late=sum(each.late for each in tellers.values()),
            after_the_end=frozenset(peer for peer, each in tellers.items() if each.now.over),
            known=tuple(self.known),
        )


__all__ = ["Finding", "LogError", "LogReport", "judge"]
