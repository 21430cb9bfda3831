"""Reading the log of a recorded session: a line at a time, nothing trusted, whatever its length.

`schemas/log.json` has the format. The first line is the header, every other one an observation, or variables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO

from attrs import define, field, frozen

from rollproof.conformance.judge.follower import Follower
from rollproof.conformance.schema import InvalidError, Json, check_observation, observation_kinds, parse, schema
from rollproof.model.documents import checker
from rollproof.reference import values

LONGEST_LINE = 2 << 20
"""In bytes; an export of as many rows as the schema allows fits in."""
PLAIN = frozenset(("peer", "seq", "now", "obs"))
"""What most lines have, and none of them anything else."""
LATEST = 10**15
"""The latest time, in microseconds."""


class LogError(ValueError):
    """A log cannot be used. Its text is one line that says where and why."""

    def __init__(self, path: Path, line: int, reason: object) -> None:
        """Blame a line, counted from 1; 0 blames the file."""
        text = " ".join(str(reason).split())
        where = f"{path}:{line}" if line else f"{path}"
        super().__init__(f"{where}: {text if len(text) <= 300 else text[:297] + '...'}")


@frozen
class Header:
    """What holds for the whole log."""

    players: tuple[str, ...]
    peers: tuple[str, ...]
    """Those whose lines the log has."""
    config: Mapping[str, Json] = field(factory=dict)
    overrides: Mapping[str, Mapping[str, Json]] = field(factory=dict)
    variants: Mapping[str, str] = field(factory=dict)
    observes: frozenset[str] = field(factory=lambda: frozenset(observation_kinds()))
    """The kinds of observation that are recorded whenever they happen."""
    observing: Mapping[str, frozenset[str]] = field(factory=dict)
    """The same of single peers, where they differ."""
    suite_game: bool = False
    """Whether the game is the suite's, so that every state can be computed."""

    def observes_of(self, peer: str) -> frozenset[str]:
        """Return the kinds of observation that a peer records whenever they happen."""
        return self.observing.get(peer, self.observes)

    def config_of(self, peer: str) -> dict[str, Json]:
        """Return the settings of a peer."""
        return {**self.config, **self.overrides.get(peer, {})}


@values.frozen
class Line:
    """What one peer did, or told."""

    number: int
    """Counted from 1, the header."""
    peer: str
    now: int
    """In microseconds."""
    obs: Json | None
    vars: Json | None


@define
class _Heard:
    """What is known of a peer's lines so far."""

    observes: frozenset[str]
    lines: int = 0
    now: int = 0


class Log:
    """A log that is read once, from its first line to its last."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        """Read the header.

        Raises:
            LogError: if it is none.
        """
        self.path, self._file, self._number = path, file, 0
        first = self._next()
        if first is None:
            raise LogError(path, 0, "is empty: not even a header")
        self.header = self._header(first)
        self._heard = {peer: _Heard(self.header.observes_of(peer)) for peer in self.header.peers}

    def __iter__(self) -> Iterator[Line]:
        """Iterate over the lines after the header.

        Raises:
            LogError: if one is not as it must be.
        """
        while (value := self._next()) is not None:
            try:
                yield self._line(value)
            except InvalidError as error:
                raise self.error(error) from None

    def error(self, reason: object) -> LogError:
        """Return an error that blames the line read last."""
        return LogError(self.path, self._number, reason)

    def _next(self) -> Json | None:
        try:
            text = self._file.readline(LONGEST_LINE + 1)
        except OSError as error:
            raise LogError(self.path, self._number + 1, f"cannot be read: {error.strerror}") from None
        if not text:
            return None
        self._number += 1
        if len(text) > LONGEST_LINE:
            raise self.error(f"a line of more than {LONGEST_LINE} bytes")
        try:
            return parse(text)
        except InvalidError as error:
            raise self.error(error if text.endswith(b"\n") else f"the last line is cut off: {error}") from None

    def _header(self, value: Json) -> Header:
        try:
            _validators()[0](value)
            players = tuple(value["players"])
            peers = tuple(value.get("peers", players))
            observes = value.get("observes", list(observation_kinds()))
            by_peer = observes if isinstance(observes, dict) else {}
            observing = {peer: frozenset(kinds) for peer, kinds in by_peer.items()}
            header = Header(
                players,
                peers,
                value.get("config", {}),
                value.get("overrides", {}),
                value.get("variants", {}),
                frozenset(observation_kinds() if by_peer else observes),
                observing,
                value.get("game") == "suite",
            )
            strangers = sorted({*peers, *header.overrides, *observing} - set(players))
            if strangers:
                raise InvalidError(f"{strangers[0]!r} is none of the players")
            unknown = sorted(header.observes.union(*observing.values()) - set(observation_kinds()))
            if unknown:
                raise InvalidError(f"there is no observation {unknown[0]!r}")
            if not header.suite_game and any("end_sum" in each for each in (header.config, *header.overrides.values())):
                raise InvalidError("end_sum is a setting of the suite's game, and the game is another")
            for peer in peers:
                Follower(peer, players, header.config_of(peer), header.variants, header.observes_of(peer))
        except InvalidError as error:
            raise self.error(f"not a header: {error}") from None
        return header

    def _line(self, value: Json) -> Line:
        if not _is_plain(value):
            _validators()[1](value)
        peer, obs = value["peer"], value.get("obs")
        heard = self._heard.get(peer)
        if heard is None:
            raise InvalidError(f"the header has no peer {peer!r}")
        if value.get("seq", heard.lines) != heard.lines:
            raise InvalidError(f"line {heard.lines} of {peer} must come now, not {value['seq']}")
        now = value.get("now", heard.now)
        if now < heard.now:
            raise InvalidError(f"time goes back, from {heard.now} to {now}")
        heard.lines, heard.now = heard.lines + 1, now
        if obs is not None:
            check_observation(obs)
            if obs["obs"] not in heard.observes:
                raise InvalidError(f"{obs['obs']!r} is none of the kinds that the header says {peer} records")
        return Line(self._number, peer, now, obs, value.get("vars"))


def _is_plain(value: Json) -> bool:
    """Tell at once of most lines that they fit the schema, but for the observation."""
    return (
        type(value) is dict
        and value.keys() <= PLAIN
        and type(value.get("obs")) is dict
        and type(value.get("peer")) is str
        and type(value.get("seq", 0)) is int
        and type(value.get("now", 0)) is int
        and 0 <= value.get("now", 0) <= LATEST
    )


@cache
def _validators() -> tuple[Callable[[Json], None], Callable[[Json], None]]:
    """Return what checks a header, and what checks a line except for its observation."""
    whole = schema("log")
    definitions = whole["definitions"]
    definitions["line"]["properties"]["obs"] = {"type": "object"}
    header, line = (
        checker({"$schema": whole["$schema"], "definitions": definitions, **definitions[name]})
        for name in ("header", "line")
    )
    return header, line
