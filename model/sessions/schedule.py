"""A session written out: every call of every peer and the fate of every packet, as a JSON document.

A run of a schedule is the same every time. Under another variant of the protocol it may go on for longer, or send more:
then each peer is called as it would be by the clock, with the default action, and each further packet is under way for
`default_transit_ms`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any

import attrs
from attrs import field, frozen

from rollproof.model import documents
from rollproof.model.documents import DocumentError
from rollproof.model.sessions.network import Channel, RecordedChannel, Transits
from rollproof.model.sessions.session import Link, Result
from rollproof.model.sessions.setup import Call, Caller, PacedCaller, PathLoss, Refusal, Settings
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.config import MOST_ACTIONS, Config
from rollproof.reference.containers import Player
from rollproof.reference.messages import Path

FORMAT = "rollproof-schedule"
VERSION = 1

MOST_BYTES = 32 * 2**20
MOST_CALLS = 50_000
"""Of one peer."""
MOST_PACKETS = 100_000
"""On one directed link and path."""
MOST_COPIES = 8
"""Of one packet that arrive."""
MOST_MS = 24 * 3600 * 1000
MOST_ACTION = 2**31


class ScheduleError(DocumentError):
    """A schedule cannot be used, for the reason given."""


@frozen
class Schedule:
    """A session that is written out."""

    settings: Settings
    calls: Mapping[Player, tuple[Call, ...]]
    transits: Mapping[Link, tuple[Transits, ...]]
    title: str = ""
    default_transit_ms: int = field(default=50)
    """How long each packet beyond those written down is under way."""

    def caller(self, player: Player) -> Caller:
        """Return what calls the peer of `player`."""
        default = self.settings.config.default_action
        return RecordedCaller(self.calls.get(player, ()), PacedCaller(lambda tick: default))

    def channel(self, sender: Player, receiver: Player, path: Path) -> Channel:
        """Return one direction of one path."""
        return RecordedChannel(self.transits.get((sender, receiver, path), ()), self.default_transit_ms)


class RecordedCaller:
    """Calls a peer as written down, and beyond that as `after` would."""

    def __init__(self, recorded: tuple[Call, ...], after: PacedCaller) -> None:
        """Begin with the first call recorded."""
        self._recorded = iter(recorded)
        self._after = after

    def next(self, now: int, running: bool) -> Call:
        """Return the next call."""
        call = next(self._recorded, None)
        if call is None:
            return self._after.next(now, running)
        self._after.restart(call.at_ms)
        return call

    def restart(self, now: int) -> None:
        """Take note that the peer begins an episode."""
        self._after.restart(now)


def schedule_of(result: Result, title: str = "") -> Schedule:
    """Return the schedule of a run.

    The calls that were not made any more belong to it: a peer that fell silent would else be called before it does.
    """
    used = {link: transits for link, transits in result.transits.items() if transits}
    due = {player: (call,) for player, call in result.due.items()}
    calls = {player: (*made, *due.get(player, ())) for player, made in result.calls.items()}
    return Schedule(result.settings, calls, used, title)


def to_document(schedule: Schedule) -> dict[str, Any]:
    """Return a schedule as a JSON value.

    Raises:
        ScheduleError: if its world is not one that can be written down, or it is larger than a schedule may be.
    """
    settings = schedule.settings
    if not isinstance(settings.world, ArithmeticWorld):
        raise ScheduleError(f"a schedule can only name the arithmetic world, not {type(settings.world).__name__}")
    document = {
        "format": FORMAT,
        "version": VERSION,
        "title": schedule.title,
        "players": list(settings.players),
        "config": _config_document(settings.config),
        "overrides": {player: dict(changes) for player, changes in settings.overrides.items()},
        "world": attrs.asdict(settings.world),
        "episodes": settings.episodes,
        "linger_ms": settings.linger_ms,
        "limit_ms": settings.limit_ms,
        "silent": dict(settings.silent),
        "refusals": [attrs.asdict(refusal) for refusal in settings.refusals],
        "path_losses": [attrs.asdict(loss) for loss in settings.path_losses],
        "default_transit_ms": schedule.default_transit_ms,
        "calls": {player: [list(call) for call in calls] for player, calls in schedule.calls.items()},
        "packets": [
            {"from": sender, "to": receiver, "path": path.value, "transits": [list(each) for each in transits]}
            for (sender, receiver, path), transits in schedule.transits.items()
        ],
    }
    _check(document)
    return document


def from_document(document: Any) -> Schedule:
    """Return the schedule that a JSON value describes.

    Raises:
        ScheduleError: if it is not one.
    """
    _check(document)
    players = tuple(document["players"])
    try:
        config = _config_of(players, document["config"])
        settings = Settings(
            config=config,
            world=ArithmeticWorld(**document["world"]),
            overrides=document["overrides"],
            episodes=document["episodes"],
            linger_ms=document["linger_ms"],
            limit_ms=document["limit_ms"],
            silent=document["silent"],
            refusals=tuple(Refusal(**each) for each in document["refusals"]),
            path_losses=tuple(PathLoss(**each) for each in document["path_losses"]),
        )
        for player in players:
            settings.config_of(player)
    except ValueError as error:
        raise ScheduleError(f"at $.config: {error}") from None
    _check_players(settings, document)
    return Schedule(
        settings=settings,
        calls={player: tuple(Call(*call) for call in calls) for player, calls in document["calls"].items()},
        transits={
            (each["from"], each["to"], Path(each["path"])): tuple(tuple(transits) for transits in each["transits"])
            for each in document["packets"]
        },
        title=document["title"],
        default_transit_ms=document["default_transit_ms"],
    )


def dumps(schedule: Schedule) -> str:
    """Return a schedule as text, one line per peer and link, equal for equal schedules.

    Raises:
        ScheduleError: as `to_document` does.
    """
    document = to_document(schedule)
    lines = [f"  {json.dumps(name)}: {_lines(value)}" for name, value in document.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def load(path: FilePath) -> Schedule:
    """Read a schedule from a file.

    Raises:
        ScheduleError: if it cannot be read, or is not one.
    """
    try:
        return from_document(documents.read_document(path, MOST_BYTES))
    except ScheduleError as error:
        raise ScheduleError(f"{path}: {error}") from None
    except DocumentError as error:
        raise ScheduleError(str(error)) from None


# --- what a document must be ------------------------------------------------------------------------------------------

_SETTINGS = tuple(each.name for each in attrs.fields(Config) if each.name not in ("player", "players"))


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


def _whole(minimum: int, maximum: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimum, "maximum": maximum}


def _list(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "maxItems": most}


def _by_player(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": values, "maxProperties": 16}


_NAME = {"type": "string", "minLength": 1, "maxLength": 64}
_MS = _whole(0, MOST_MS)
_ACTION = _whole(-MOST_ACTION, MOST_ACTION)
_SETTING = {
    "type": ["integer", "string", "boolean", "null", "array"],
    "minimum": -MOST_MS,
    "maximum": MOST_MS,
    "maxLength": 64,
    "items": _NAME,
    "maxItems": 16,
}
_ACTIONS = {**_list(_ACTION, MOST_ACTIONS), "type": ["string", "array"], "maxLength": 64}
_CONFIG = _object({**dict.fromkeys(_SETTINGS, _SETTING), "default_action": _ACTION, "actions": _ACTIONS}, required=[])

SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "A schedule of rollproof",
    **_object(
        {
            "format": {"const": FORMAT},
            "version": {"const": VERSION},
            "title": {"type": "string", "maxLength": 200},
            "players": {**_list(_NAME, 16), "minItems": 1},
            "config": _CONFIG,
            "overrides": _by_player(_CONFIG),
            "world": _object({"modulus": _whole(1, 2**31), "end_when": {**_ACTION, "type": ["integer", "null"]}}),
            "episodes": _whole(1, 100),
            "linger_ms": _MS,
            "limit_ms": _MS,
            "silent": _by_player(_MS),
            "refusals": _list(
                _object({"player": _NAME, "partner": _NAME, "from_ms": _MS, "until_ms": _MS}),
                1000,
            ),
            "path_losses": _list(_object({"at_ms": _MS, "player": _NAME, "partner": _NAME}), 1000),
            "default_transit_ms": _MS,
            "calls": _by_player(
                _list(
                    {
                        "type": "array",
                        "items": [_MS, {**_ACTION, "type": ["integer", "null"]}, {"type": "boolean"}],
                        "minItems": 3,
                        "maxItems": 3,
                    },
                    MOST_CALLS,
                )
            ),
            "packets": _list(
                _object(
                    {
                        "from": _NAME,
                        "to": _NAME,
                        "path": {"enum": [path.value for path in Path]},
                        "transits": _list(_list(_MS, MOST_COPIES), MOST_PACKETS),
                    }
                ),
                2 * 16 * 15,
            ),
        }
    ),
}
"""The JSON Schema of a schedule. A call is [time, action or null for a poll, whether the peer has the focus]."""
_check_shape = documents.checker(SCHEMA)


def _check(document: Any) -> None:
    try:
        _check_shape(document)
    except DocumentError as error:
        raise ScheduleError(str(error)) from None


def _check_players(settings: Settings, document: dict[str, Any]) -> None:
    """Check what a JSON Schema cannot: that players are in the session, pairs are pairs, and time does not run back."""
    players = set(settings.players)
    for part in ("overrides", "silent", "calls"):
        for player in document[part]:
            _require(player in players, part, f"there is no player {player!r}")
    pairs = [("refusals", each.player, each.partner) for each in settings.refusals]
    pairs += [("path_losses", each.player, each.partner) for each in settings.path_losses]
    pairs += [("packets", each["from"], each["to"]) for each in document["packets"]]
    for part, one, other in pairs:
        _require(one in players and other in players and one != other, part, f"{one!r} and {other!r} are no partners")
    links = [(each["from"], each["to"], each["path"]) for each in document["packets"]]
    _require(len(set(links)) == len(links), "packets", "a link occurs twice")
    for player, calls in document["calls"].items():
        for number, (before, after) in enumerate(pairwise(calls), 1):
            _require(before[0] < after[0], f"calls.{player}[{number}]", "comes no later than the call before it")


def _require(condition: bool, place: str, reason: str) -> None:
    if not condition:
        raise ScheduleError(f"at $.{place}: {reason}")


def _config_document(config: Config) -> dict[str, Any]:
    values = {**{name: getattr(config, name) for name in _SETTINGS}, "actions": config.actions.among}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _config_of(players: tuple[Player, ...], settings: dict[str, Any]) -> Config:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    return Config(players[0], players, **values)


def _lines(value: Any) -> str:
    """Return JSON text in which each entry of a long container has a line of its own."""
    if isinstance(value, dict) and value:
        entries = [f"    {json.dumps(name)}: {_compact(each)}" for name, each in value.items()]
        return "{\n" + ",\n".join(entries) + "\n  }"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"    {_compact(each)}" for each in value) + "\n  ]"
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
