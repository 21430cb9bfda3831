"""Recording a simulated session as a log: the session plays the suite's game, and every step tells its observations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from heapq import merge
from typing import Any

import attrs
from attrs import frozen

from rollproof.conformance.adapters.reference import Adapter
from rollproof.conformance.game import HashWorld
from rollproof.conformance.runner.run import Run
from rollproof.conformance.schema import Json, observation_kinds
from rollproof.model.sessions.session import Result
from rollproof.model.sessions.setup import Source
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.config import Config
from rollproof.reference.containers import JointAction
from rollproof.reference.events import EpisodeExported, EpisodeReset, Event, Sent, Stalled
from rollproof.reference.export import read
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol, Step
from rollproof.reference.world import Outcome

SETTINGS = ("input_delay", "prediction_window", "max_steps", "max_frames_ahead")
"""The settings of a session that the model needs to follow its log."""


class RecordingError(ValueError):
    """A session cannot be recorded. Its text is one line."""


@frozen(slots=False)
class SuiteWorld(ArithmeticWorld):
    """The suite's game in place of an `ArithmeticWorld`: it ends at the same moment."""

    def start(self, epoch: int) -> Any:
        """Return the state before frame 0."""
        return HashWorld(self.end_when).start(epoch)

    def step(self, state: Any, actions: JointAction) -> tuple[Any, Outcome]:
        """Return the next state and what the frame yields."""
        return HashWorld(self.end_when).step(state, actions)


@frozen
class Observed:
    """What a step shows, as the adapter of the reference does."""

    observations: tuple[Json, ...]


def recorded(source: Source) -> Any:
    """Return a session with the suite's game as its world.

    Raises:
        RecordingError: if its world is not one that the suite's game can stand for.
    """
    world, config = source.settings.world, source.settings.config
    if not isinstance(world, ArithmeticWorld):
        raise RecordingError("only a session of whole numbers, without a world of its own, can be recorded")
    if config.default_action != 0:
        raise RecordingError("a session whose default action is not 0 cannot be recorded")
    settings = attrs.evolve(source.settings, world=SuiteWorld(end_when=world.end_when))
    given: Any = source  # of an attrs class, which is more than the interface says
    return attrs.evolve(given, settings=settings)


def recording(protocol: Protocol) -> Protocol:
    """Return a protocol of which every step tells its observations as well."""
    reporters: dict[str, Adapter] = {}
    told = {
        name: attrs.evolve(each, effect=_telling(each.effect, reporters)) for name, each in protocol.transitions.items()
    }
    return attrs.evolve(protocol, transitions=told)


def lines(result: Result) -> Iterator[str]:
    """Iterate over the lines of the log of a recorded session, the header first.

    Raises:
        RecordingError: if there is an action that is no input of the suite's game.
    """
    settings = result.settings
    world, config = settings.world, settings.config
    end = {"end_sum": world.end_when} if isinstance(world, ArithmeticWorld) and world.end_when is not None else {}
    header = {
        "log": 1,
        "players": list(settings.players),
        "config": {**_settings(config), **end},
        "overrides": {
            player: changed
            for player in settings.players
            if (changed := {k: v for k, v in settings.overrides.get(player, {}).items() if k in SETTINGS})
        },
        "variants": {"prediction": config.prediction},
        "game": "suite",
    }
    yield _line(header)
    streams = [_of_peer(player, events) for player, events in result.events.items()]
    for _, line in merge(*streams, key=lambda each: each[0]):
        yield _line(line)


def lines_of_case(run: Run) -> Iterator[str]:
    """Iterate over the lines of the log of a case that was run, the header first."""
    config = {name: value for name, value in run.case.config.items() if name in (*SETTINGS, "end_sum")}
    variants = {name: value for name, value in run.hello.variants.items() if name in ("prediction", "rollback_on")}
    players = list(run.case.peers)
    header = {"log": 1, "players": players, "config": config, "variants": variants, "game": "suite"}
    yield _line({**header, "observes": sorted(run.hello.observes)})
    for event in run.events:
        if event.kind == "obs" and event.data["obs"] in run.hello.observes:
            yield _line({"peer": event.peer, "now": event.now, "obs": event.data})
        elif event.kind == "vars" and event.data:
            yield _line({"peer": event.peer, "now": event.now, "vars": event.data})


def _settings(config: Config) -> dict[str, Json]:
    return {name: value for name in SETTINGS if (value := getattr(config, name)) is not None}


def _of_peer(player: str, events: tuple[tuple[int, Any], ...]) -> Iterator[tuple[int, Json]]:
    seq = 0
    for now, event in events:
        if isinstance(event, Stalled):
            shown: tuple[Json, ...] = ({"obs": "stall", "frame": event.frame},)
        else:
            shown = event.observations if isinstance(event, Observed) else ()
        for observation in shown:
            if any(not _is_input(value) for value in observation.get("inputs", ())):
                raise RecordingError(f"only actions from 0 to 255 can be recorded, not {observation['inputs']}")
            yield now, {"peer": player, "seq": seq, "now": now * 1000, "obs": observation}
            seq += 1


def _is_input(value: object) -> bool:
    return type(value) is int and 0 <= value <= 255


def _telling(effect: Callable[..., Step], reporters: dict[str, Adapter]) -> Callable[..., Step]:
    def told(before: Peer, *args: Any) -> Step:
        peer, events = effect(before, *args)
        reported: list[Event] = [event for event in events if not isinstance(event, Sent)]
        if not reported:
            return peer, events
        reporter = reporters.get(peer.config.player)
        if reporter is None:
            reporter = reporters[peer.config.player] = Adapter()
            reporter.observe = frozenset(observation_kinds())
        reporter.peer, reporter.obs = peer, []
        reporter.report(reported)
        _at_the_end(reporter, reported)
        shown: Any = Observed(tuple(reporter.obs))  # no event of the protocol: only the recorder looks for it
        return peer, (*events, shown)

    told.__doc__ = effect.__doc__
    return told


def _at_the_end(reporter: Adapter, events: list[Event]) -> None:
    for event in events:
        if isinstance(event, EpisodeExported):
            reporter.export(read(reporter.peer))
        elif isinstance(event, EpisodeReset):
            reporter.alone = False


def _line(value: Json) -> str:
    return json.dumps(value, separators=(",", ":")) + "\n"
