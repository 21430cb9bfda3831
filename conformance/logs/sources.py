"""Where lines come from: one log, the logs of several peers read side by side, or the reference under a schedule.

An importer is one of these as well: it yields a header, and then the lines of one or several peers, as `Line`s.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from attrs import define, evolve, field

from rollproof.conformance.logs.reading import Header, Line, Log, LogError
from rollproof.conformance.logs.record import RecordingError, lines, recorded, recording
from rollproof.model.sessions.schedule import Schedule
from rollproof.model.sessions.session import run
from rollproof.reference.protocol import PROTOCOL

REFERENCE = "the reference"
"""The name under which the reference tells what it does under a schedule."""
TURN = 32
"""How many lines are read of one log before the next one's turn."""


@define(eq=False)
class Source:
    """Lines of some peers."""

    name: str
    header: Header
    peers: tuple[str, ...]
    lines: Iterator[Line]
    epoch: int = 0
    frame: int = -1
    lines_read: int = field(default=0)

    def turn(self) -> Iterator[Line]:
        """Yield the next few lines, and note how far they go."""
        for _ in range(TURN):
            line = next(self.lines, None)
            if line is None:
                self.epoch = 1 << 30
                return
            self.lines_read += 1
            if line.obs is not None:
                kind = line.obs["obs"]
                if kind == "episode_begin":
                    self.epoch, self.frame = self.epoch + 1, -1
                elif kind in ("advance", "confirm"):
                    self.frame = max(self.frame, line.obs["frame"])
            yield line


def of_log(log: Log) -> Source:
    """Return a combined log as a source."""
    return Source(str(log.path), log.header, log.header.peers, iter(log))


def of_logs(logs: Sequence[Log]) -> list[Source]:
    """Return several logs as sources, each of one peer.

    Raises:
        LogError: if one is not of one peer, or they are not of one session.
    """
    if len(logs) == 1:
        return [of_log(logs[0])]
    found: list[Source] = []
    for log in logs:
        read = iter(log)
        first = next(read, None)
        if first is None:
            raise LogError(log.path, 0, "has no line but the header")
        for other in found:
            if other.peers == (first.peer,):
                raise LogError(log.path, first.number, f"{other.name} is {first.peer}'s log as well")
            for name, ours, theirs in (
                ("players", log.header.players, other.header.players),
                ("variants", log.header.variants, other.header.variants),
                ("game", log.header.suite_game, other.header.suite_game),
            ):
                if ours != theirs:
                    raise LogError(log.path, 1, f"another session than {other.name}: {name} differ")
        found.append(Source(str(log.path), log.header, (first.peer,), _of_one(log, first, read)))
    return found


def _of_one(log: Log, first: Line, rest: Iterator[Line]) -> Iterator[Line]:
    for line in chain((first,), rest):
        if line.peer != first.peer:
            reason = f"a line of {line.peer} in the log of {first.peer}: give one log a peer, or one log of all"
            raise LogError(log.path, line.number, reason)
        yield line


def of_schedule(schedule: Schedule, header: Header) -> Source:
    """Return what the reference tells of itself under a schedule, as the peer that a log is of.

    Raises:
        RecordingError: if the schedule's session cannot be recorded, or is another one.
    """
    if schedule.settings.players != header.players:
        raise RecordingError("the schedule has other players than the log")
    player = header.peers[0]
    written = lines(run(recorded(schedule), recording(PROTOCOL)))
    first = json.loads(next(written))
    own = Header(
        header.players, (REFERENCE,), {**first["config"], **first["overrides"].get(player, {})},
        variants=first["variants"], suite_game=True,
    )  # fmt: skip
    return Source("the schedule", own, (REFERENCE,), _told_by_reference(written, player))


def _told_by_reference(written: Iterable[str], player: str) -> Iterator[Line]:
    """Yield a player's lines as those of one who only listens: its own inputs are known, and nobody's."""
    for number, text in enumerate(written, 2):
        line = json.loads(text)
        obs = line["obs"]
        if line["peer"] != player or obs["obs"] in ("metric", "violation"):
            continue
        if obs["obs"] == "input_local":
            obs = {"obs": "input_recv", "player": player, "frame": obs["frame"], "input": obs["input"]}
        yield Line(number, REFERENCE, line["now"], obs, None)


def merged(sources: Sequence[Source]) -> Header:
    """Return the header of all sources together: what differs between them is told by peer."""
    first = sources[0].header
    overrides: dict[str, Mapping[str, object]] = {}
    observing = {}
    for source in sources:
        for peer in source.peers:
            overrides[peer] = source.header.config_of(peer)
            observing[peer] = source.header.observes_of(peer)
    return evolve(
        first, peers=tuple(overrides), config={}, overrides=overrides, observing=observing,
        suite_game=all(each.header.suite_game for each in sources),
    )  # fmt: skip


def side_by_side(sources: Sequence[Source]) -> Iterator[Line]:
    """Yield the lines of all sources, those first that are behind."""
    while True:
        behind = min(sources, key=lambda each: (each.epoch, each.frame))
        if behind.epoch == 1 << 30:
            return
        yield from behind.turn()
