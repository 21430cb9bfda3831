"""A session that is played while one watches: its network, keys and single packets may be changed at any moment.

What the reader does is kept as a script. A session is a function of its script, so going back and doing something else
from there is playing it again to that moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from attrs import define, field, frozen

from rollproof.lessons.laboratory.edits import edited
from rollproof.model.runs.run import document_of, moment_document, packet_document
from rollproof.model.runs.sessions import RecordedSession, finished, settle_fates
from rollproof.model.sessions.network import Transits
from rollproof.model.sessions.report import differences, rows_of
from rollproof.model.sessions.setup import FRAMES_PER_SECOND, PacedCaller, Settings
from rollproof.reference.config import Config
from rollproof.reference.containers import Player
from rollproof.reference.messages import Message, Path

PLAYERS = ("a", "b", "c", "d")
MOST_FRAMES = 600
MOST_LATENCY_MS = 1000
DELAY_MS = 200
"""How much later a packet arrives that is delayed by hand."""
MOST_DOINGS = 20_000


@frozen
class Weather:
    """What the network is like, from a moment on."""

    from_ms: int
    latency_ms: int
    jitter_ms: int
    loss: float


@define
class Script:
    """Everything that is decided from outside."""

    players: tuple[Player, ...]
    frames: int
    input_delay: int = 0
    seed: int = 0
    sources: Mapping[str, str] = field(factory=dict)
    without: tuple[str, ...] = ()
    weather: list[Weather] = field(factory=list)
    keys: list[tuple[int, Player, int]] = field(factory=list)
    """From when on a player does what."""
    packets: dict[int, str] = field(factory=dict)
    """By number: `lose` or `delay`."""

    @property
    def settings(self) -> Settings:
        """What the session is made of."""
        config = Config(self.players[0], self.players, max_steps=self.frames, input_delay=self.input_delay)
        return Settings(config=config, limit_ms=self.frames * 40 + 20_000)

    def caller(self, player: Player) -> PacedCaller:
        """Return what calls the peer of `player`."""

        def act(tick: int) -> int:
            now, action = tick * 1000 // FRAMES_PER_SECOND, 0
            for at, who, what in self.keys:
                if who == player and at <= now:
                    action = what
            return action

        return PacedCaller(act)

    def channel(self, sender: Player, receiver: Player, path: Path) -> _Channel:
        """Return one direction of one path."""
        return _Channel(self, f"{self.seed}/{sender}/{receiver}/{path.value}")


class _Channel:
    """A channel in which the fate of each packet is drawn for itself, so that no other depends on it."""

    def __init__(self, script: Script, name: str) -> None:
        self.script, self.name, self.sent = script, name, 0
        self.numbers: list[int] = []

    def send(self, now: int, message: Message) -> Transits:
        """Return the fate of the next packet."""
        self.sent += 1
        random = Random(f"{self.name}/{self.sent}")
        lost, more = random.random(), random.random()
        weather = next((each for each in reversed(self.script.weather) if each.from_ms <= now), Weather(0, 50, 0, 0.0))
        if lost < weather.loss:
            return ()
        return (weather.latency_ms + int(more * (weather.jitter_ms + 1)),)


class _Session(RecordedSession):
    """A recorded session in which single packets are lost or delayed by hand."""

    def __init__(self, script: Script) -> None:
        super().__init__(script, edited(script.sources, script.without).protocol, "A live session")
        self.script = script

    def send(self, seat: Any, sent: Any) -> None:
        """Put a packet on its way, or what is left of it."""
        doing = self.script.packets.get(len(self.packets))
        if doing is not None:
            channel, written = self.channels[seat.player, sent.to, sent.path]
            self.channels[seat.player, sent.to, sent.path] = _Altered(channel, doing), written
            super().send(seat, sent)
            self.channels[seat.player, sent.to, sent.path] = channel, written
        else:
            super().send(seat, sent)


@frozen
class _Altered:
    channel: Any
    doing: str

    def send(self, now: int, message: Message) -> Transits:
        """Return the fate of the packet as it would be, altered by hand."""
        transits: Transits = self.channel.send(now, message)
        return () if self.doing == "lose" else tuple(each + DELAY_MS for each in transits)


class Live:
    """A live session: what is asked of it comes as plain values, and so does what it answers."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        """Begin a session.

        Raises:
            ValueError: if the request is not as it must be.
            EditError: if the edited files are not.
        """
        count, frames = _whole(request, "players", 2, 4), _whole(request, "frames", 10, MOST_FRAMES)
        self.script = Script(
            PLAYERS[:count],
            frames,
            _whole(request, "input_delay", 0, 20),
            _whole(request, "seed", 0, 2**31),
            dict(request.get("sources", {})),
            tuple(request.get("without", ())),
        )
        self._set_weather(request, 0)
        self.session = _Session(self.script)
        self.now = 0
        self._told = 0
        """How many moments have been told."""
        self._settled = 0
        """The packets before this one are no longer under way."""

    def begun(self) -> dict[str, Any]:
        """Return the run before anything has happened."""
        return document_of(self.session.drawn)

    def do(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Take in what the reader has done, go on to a time, and return what has happened since the last time.

        Raises:
            ValueError: if the request is not as it must be.
        """
        again = False
        back = request.get("back_to")
        if back is not None:
            at = _whole(request, "back_to", 0, 10**7)
            self.script.keys = [each for each in self.script.keys if each[0] <= at]
            self.script.weather = [each for each in self.script.weather if each.from_ms <= at]
            kept = sum(1 for each in self.session.packets if (each.sent_at or 0) <= at)
            self.script.packets = {number: what for number, what in self.script.packets.items() if number < kept}
            again = True
        if len(self.script.keys) + len(self.script.weather) > MOST_DOINGS:
            raise ValueError("too much has been done in this session: begin another one")
        for player, action in dict(request.get("keys", {})).items():
            if player in self.script.players and isinstance(action, int) and 0 <= action <= 9:
                self.script.keys.append((max(self.now, 0), player, action))
        if "latency_ms" in request:
            self._set_weather(request, self.now)
        packet = request.get("packet")
        if packet is not None:
            self.script.packets[_whole(request, "packet", 0, len(self.session.packets) - 1)] = (
                "lose" if request.get("doing") == "lose" else "delay"
            )
            again = True
        until = _whole(request, "until", 0, 10**7)
        if again:
            self._restart()
        self.session.run(until)
        self.now = until
        return self._news(again)

    def _news(self, again: bool) -> dict[str, Any]:
        session = self.session
        over = not session.busy
        run = session.drawn
        if over:
            finished(session)
            again = True
        else:
            settle_fates(session.packets)
        first = 0 if again else self._told
        settled = 0 if again else self._settled
        self._told = len(session.moments)
        while self._settled < len(session.packets) and session.packets[self._settled].fate != "under way":
            self._settled += 1
        numbers = {player: number for number, player in enumerate(run.players)}
        return {
            "again": again,
            "moments": [moment_document(each, numbers) for each in session.moments[first:]],
            "first_packet": settled,
            "packets": [packet_document(each, numbers) for each in session.packets[settled:]],
            "transitions": document_of(run)["transitions"] if first == 0 else {},
            "over": over,
            "now": self.now,
            "exports": self._exports() if over else None,
            "crashes": dict(session.crashes),
        }

    def _exports(self) -> dict[str, Any]:
        """Return every peer's rows, and which cells are not the same at every peer."""
        result = self.session.result()
        rows = {player: rows_of(exports[0]) for player, exports in result.exports.items() if exports}
        peers = list(rows)
        differing = set()
        for other in peers[1:]:
            differing |= {(each.frame, each.column) for each in differences(0, rows[peers[0]], rows[other])}
        columns = list(rows[peers[0]][0]) if peers and rows[peers[0]] else []
        return {
            "columns": columns,
            "rows": {player: [[row[name] for name in columns] for row in its] for player, its in rows.items()},
            "differing": sorted([frame, column] for frame, column in differing),
        }

    def _restart(self) -> None:
        self.session = _Session(self.script)
        self.now, self._told, self._settled = 0, 0, 0

    def _set_weather(self, request: Mapping[str, Any], now: int) -> None:
        weather = Weather(
            now,
            _whole(request, "latency_ms", 0, MOST_LATENCY_MS),
            _whole(request, "jitter_ms", 0, MOST_LATENCY_MS),
            _whole(request, "loss_percent", 0, 100) / 100,
        )
        self.script.weather.append(weather)


def _whole(request: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = request.get(name, least)
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}")
    return value
