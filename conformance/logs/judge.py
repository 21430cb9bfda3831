"""Judging a log: each peer by the model, and the peers by each other, up to the first divergence that is not known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol as Interface

from attrs import define, field, frozen

from rollproof.conformance.judge.failure import DivergenceError, Failure
from rollproof.conformance.logs.game import GameFollower
from rollproof.conformance.logs.known import Known
from rollproof.conformance.logs.model import MOST_OPEN, LogFollower, TooMuchError, can_follow
from rollproof.conformance.logs.reading import Header, Line, Log, LogError
from rollproof.conformance.schema import Json
from rollproof.reference.protocol import PROTOCOL

GUARDS = frozenset(guard.name for each in PROTOCOL.transitions.values() for guard in each.guards)

Clause = tuple[str, str, tuple[str, ...]]
ONE_VALUE: Clause = "one_value", "An input is the same at every peer.", ("IN-3", "IN-10")
AGREEMENT: Clause = "agreement", "The state after a promoted frame is the same at every peer.", ("BUF-6", "ME-4")

Progress = Callable[[int], None]
"""Called now and then with the number of lines read."""
Watch = Callable[[Line], None]
PROGRESS_LINES = 10_000


@frozen
class LogReport:
    """What a log came to."""

    header: Header
    lines: int
    """Lines read, but for the header; after a divergence none is."""
    judged: dict[str, int]
    """By peer: the lines that were compared with something."""
    failure: Failure | None
    """The first divergence that is not known; its event is the number of the line."""
    allowed_by: tuple[str, ...]
    """The guards without which the model would have allowed it."""
    had: dict[str, Json]
    """What the model had when it met the divergence: its variables."""
    lost: dict[str, int]
    """By peer: the line from which on the model could not follow, after a known divergence, until the next episode."""
    known: tuple[Known, ...]

    @property
    def stale(self) -> tuple[Known, ...]:
        """The known divergences that are no longer there. Only the whole of a log can tell."""
        return tuple(each for each in self.known if not each.applied) if self.failure is None else ()


class _Peer(Interface):
    refusing: tuple[str, ...]
    lost: bool

    @property
    def epoch(self) -> int: ...
    def judges(self, observation: Json) -> bool: ...
    def see(self, observation: Json, now: int) -> None: ...
    def check_variables(self, told: Json) -> None: ...
    def state_after(self, frame: int) -> int | None: ...
    def variables(self) -> dict[str, Json]: ...


def judge(
    log: Log,
    known: Sequence[Known] = (),
    progress: Progress = lambda lines: None,
    watch: Watch = lambda line: None,
) -> LogReport:
    """Read a log and judge it, up to the first divergence that is not known; `watch` is told of each line read.

    Raises:
        LogError: if a line is not as it must be, or asks for too much.
    """
    header, judged = log.header, dict.fromkeys(log.header.peers, 0)
    peers = {peer: _follower(header, peer, known) for peer in header.peers}
    together = Together(len(header.peers))
    allowed_by: tuple[str, ...] = ()
    lines, failure, had = 0, None, {}
    lost: dict[str, int] = {}
    for line in log:
        lines += 1
        watch(line)
        if lines % PROGRESS_LINES == 0:
            progress(lines)
        peer = peers[line.peer]
        try:
            judged[line.peer] += _judge(line, peer, together, known)
        except DivergenceError as error:
            failure, had = error.at(line.peer, line.number), peer.variables()
            allowed_by = peer.refusing or ((failure.clause,) if failure.clause in GUARDS else ())
            break
        except TooMuchError as error:
            raise log.error(error) from None
        if peer.lost:
            lost.setdefault(line.peer, line.number)
    return LogReport(header, lines, judged, failure, allowed_by, had, lost, tuple(known))


def _follower(header: Header, peer: str, known: Sequence[Known]) -> _Peer:
    if can_follow(header, peer):
        return LogFollower(header, peer, lambda error: _is_known(known, peer, error))
    return GameFollower(header, peer)


def _judge(line: Line, peer: _Peer, together: Together, known: Sequence[Known]) -> bool:
    """Judge one line, and tell whether it was compared with anything."""
    compared = True
    try:
        if line.obs is None:
            peer.check_variables(line.vars)
        else:
            compared = peer.judges(line.obs)
            peer.see(line.obs, line.now // 1000)
    except DivergenceError as error:
        if not _is_known(known, line.peer, error):
            raise
    try:
        compared |= together.see(line, peer)
    except DivergenceError as error:
        if not _is_known(known, line.peer, error):
            raise
    return compared


def _is_known(known: Sequence[Known], peer: str, error: DivergenceError) -> bool:
    for each in known:
        if each.covers(peer, error):
            each.applied += 1
            return True
    return False


@define
class Together:
    """What several peers say of the same thing: inputs, and the states after promoted frames."""

    peers: int
    said: dict[tuple[str, int, int], tuple[int, str, int, int]] = field(factory=dict)
    """By what, epoch and frame: the value, the peer and the line that said it first, and how many have said it."""

    def see(self, line: Line, peer: _Peer) -> bool:
        """Compare one observation with what other peers have said, and tell whether one has said anything.

        Raises:
            DivergenceError: if they differ.
        """
        seen = line.obs
        if self.peers == 1 or seen is None:
            return False
        kind = seen["obs"]
        if kind == "input_local":
            return self._compare(ONE_VALUE, f"{line.peer}'s input", peer.epoch, seen["frame"], seen["input"], line)
        if kind == "input_recv":
            return self._compare(ONE_VALUE, f"{seen['player']}'s input", peer.epoch, seen["frame"], seen["input"], line)
        compared = False
        if kind == "promote" and not seen.get("forced", False):
            for frame in seen["frames"]:
                state = peer.state_after(frame)
                if state is not None:
                    compared |= self._compare(AGREEMENT, "the state", peer.epoch, frame, state, line)
        return compared

    def _compare(self, clause: Clause, what: str, epoch: int, frame: int, value: int, line: Line) -> bool:
        key = what, epoch, frame
        first = self.said.get(key)
        if first is None:
            if len(self.said) >= MOST_OPEN * self.peers:
                del self.said[next(iter(self.said))]
            self.said[key] = value, line.peer, line.number, 1
            return False
        told, other, number, times = first
        if told != value:
            raise DivergenceError(*clause, frame, f"{what} {told}, as {other} has it in line {number}", f"{value}")
        if times + 1 == self.peers:
            del self.said[key]
        else:
            self.said[key] = told, other, number, times + 1
        return True


__all__ = ["LogError", "LogReport", "judge"]
