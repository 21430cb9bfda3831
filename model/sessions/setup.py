"""How a session is set up: what every run of it shares, and the chance that drives a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple
from typing import Protocol as Interface

from attrs import evolve, field, frozen

from rollproof.model.sessions.network import Channel, Faults, FaultyChannel, Interval
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.config import Config
from rollproof.reference.containers import Action, Player
from rollproof.reference.messages import Path
from rollproof.reference.world import World

FRAMES_PER_SECOND = 60
POLL_INTERVAL_MS = 10
"""How often a peer polls once it no longer ticks (EP-5)."""
CATCH_UP_INTERVAL_MS = 2
"""How long after one tick the next one comes while a peer is behind its time (IN-10)."""


@frozen
class Refusal:
    """A time in which the peer-to-peer send buffer of `player` towards `partner` is full (TR-2)."""

    player: Player
    partner: Player
    from_ms: int
    until_ms: int


@frozen
class PathLoss:
    """The moment at which `player` notices that its peer-to-peer path to `partner` is lost (TR-4)."""

    at_ms: int
    player: Player
    partner: Player


@frozen
class Settings:
    """What is the same in every run of a session, whether chance drives it or a schedule."""

    config: Config
    """Of the first player; the other peers have the same but for `player`, and for `overrides`."""
    world: World = field(factory=ArithmeticWorld)
    overrides: Mapping[Player, Mapping[str, Any]] = field(factory=dict)
    """Settings of single peers that differ: a misconfigured session."""
    episodes: int = 1
    """How many episodes are played in a row."""
    linger_ms: int = 1000
    """How long a peer that has exported goes on answering, at most, before it begins the next episode (IN-9).

    After the last episode it goes on until its partners have completed theirs, if that takes longer.
    """
    limit_ms: int = 120_000
    """When the run is broken off."""
    silent: Mapping[Player, int] = field(factory=dict)
    """From when on a player's peer does nothing at all, in milliseconds."""
    refusals: tuple[Refusal, ...] = ()
    path_losses: tuple[PathLoss, ...] = ()
    heals_ms: int | None = None
    """When all links heal, if they do: nothing that is sent afterwards is lost or late (LI-1)."""

    @property
    def players(self) -> tuple[Player, ...]:
        """All players of the session."""
        return self.config.players

    def config_of(self, player: Player) -> Config:
        """Return the configuration of a player's peer.

        Raises:
            ValueError: if an override is not as a setting must be.
        """
        return evolve(self.config, player=player, **self.overrides.get(player, {}))


class Call(NamedTuple):
    """One call of a peer's driver."""

    at_ms: int
    action: Action | None
    """The action sampled for a tick; None for a poll."""
    focused: bool


class Caller(Interface):
    """What calls one peer, one time after the other."""

    def next(self, now: int, running: bool) -> Call:
        """Return the next call after `now`: a tick if the peer is `running`, else a poll."""

    def restart(self, now: int) -> None:
        """Take note that the peer begins an episode."""


class Source(Interface):
    """What drives a run: a `Setup`, or a schedule."""

    @property
    def settings(self) -> Settings:
        """What does not depend on the run."""

    def caller(self, player: Player) -> Caller:
        """Return what calls the peer of `player`."""

    def channel(self, sender: Player, receiver: Player, path: Path) -> Channel:
        """Return one direction of one path."""


class PacedCaller:
    """Calls a peer at the frame rate while it ticks, and then at the rate of polls.

    A peer that is behind its time, because it has lost the focus or withdrawn an end, catches up by ordinary ticks
    that follow each other quickly (IN-10).
    """

    def __init__(self, act: Callable[[int], Action], pauses: tuple[Interval, ...] = ()) -> None:
        """Take the action of each tick from `act`, called with its number in the episode; call nothing in `pauses`."""
        self._act = act
        self._pauses = pauses
        self._start = 0
        self._ticks = 0

    def next(self, now: int, running: bool) -> Call:
        """Return the next call after `now`: a tick if the peer is `running`, else a poll."""
        if not running:
            return Call(self._after_pause(now + POLL_INTERVAL_MS), None, True)
        tick, self._ticks = self._ticks, self._ticks + 1
        due = self._start + tick * 1000 // FRAMES_PER_SECOND
        at = max(due, now + CATCH_UP_INTERVAL_MS)
        if not self._pauses:
            return Call(at, self._act(tick), True)
        return Call(self._after_pause(at), self._act(tick), self._after_pause(due) == due)

    def restart(self, now: int) -> None:
        """Count ticks from `now` on."""
        self._start, self._ticks = now, 0

    def _after_pause(self, at: int) -> int:
        for start, end in self._pauses:
            if start <= at < end:
                at = end
        return at


@frozen
class Habit:
    """How a player acts: an action is held for a while, then comes another."""

    change: float = 0.1
    """The probability that the action changes in a frame."""
    actions: int = 5
    """How many actions there are: 0, the default, and up."""
    script: Mapping[int, Action] = field(factory=dict)
    """Actions that are certain, by tick of the episode; each is held until it changes."""

    def player(self, seed: str) -> Callable[[int], Action]:
        """Return what yields the action of each tick."""
        random, held = Random(seed), 0

        def act(tick: int) -> Action:
            nonlocal held
            if random.random() < self.change:
                held = random.randrange(self.actions)
            held = self.script.get(tick, held)
            return held

        return act


IDLE = Habit(change=0.0)
ACTIVE = Habit(change=0.4)


@frozen
class Setup:
    """A session driven by chance: equal for equal seeds."""

    settings: Settings
    seed: int = 0
    p2p: Faults = Faults()
    relay: Faults = Faults()
    special: Mapping[tuple[Player, Player, Path], Faults] = field(factory=dict)
    """The faults of single channels (sender, receiver, path), in place of those of their path."""
    habit: Habit = ACTIVE
    habits: Mapping[Player, Habit] = field(factory=dict)
    """How single players act, in place of `habit`."""
    pauses: Mapping[Player, tuple[Interval, ...]] = field(factory=dict)
    """When a player's peer is not called, for want of the focus."""

    def caller(self, player: Player) -> Caller:
        """Return what calls the peer of `player`."""
        act = self.habits.get(player, self.habit).player(f"{self.seed}/{player}")
        return PacedCaller(act, self.pauses.get(player, ()))

    def channel(self, sender: Player, receiver: Player, path: Path) -> Channel:
        """Return one direction of one path."""
        usual = self.p2p if path is Path.P2P else self.relay
        faults = self.special.get((sender, receiver, path), usual)
        return FaultyChannel(faults, f"{self.seed}/{sender}/{receiver}/{path.value}")
