"""A session of several peers on a virtual clock in milliseconds: the loop that calls them and carries what they say."""

from __future__ import annotations

import gc
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property
from heapq import heappop, heappush
from typing import Any

from attrs import define, evolve, field, frozen

from rollproof.model.sessions.calls import Watch, watched
from rollproof.model.sessions.lockstep import Lockstep
from rollproof.model.sessions.lockstep import run as run_lockstep
from rollproof.model.sessions.network import KINDS, Channel, Transits
from rollproof.model.sessions.setup import CATCH_UP_INTERVAL_MS, Call, Caller, Settings, Source
from rollproof.model.sessions.standstill import LOOK_MS, STILL_MS, Scene, Standstill, explained, progress
from rollproof.model.sessions.worlds import ArithmeticWorld, Checked, WorldError
from rollproof.model.slips import raise_slip
from rollproof.reference.containers import Action, Player
from rollproof.reference.events import Event, InputScheduled, Sent
from rollproof.reference.export import Export, read
from rollproof.reference.messages import Path
from rollproof.reference.state import Peer, Phase, new_peer
from rollproof.reference.tick import NOBODY, export, is_settled, next_episode, poll, receive, tick
from rollproof.reference.transition import Protocol, Step
from rollproof.reference.transport import LinkLoss, lose_p2p
from rollproof.reference.world import World

Link = tuple[Player, Player, Path]
"""A directed link: sender, receiver, path."""


HEALED_MS = 1
"""How long a packet is under way once the links have healed."""


@frozen
class Result:
    """What a session came to."""

    settings: Settings
    exports: Mapping[Player, tuple[Export, ...]]
    """What each peer exported, one per episode it completed."""
    events: Mapping[Player, tuple[tuple[int, Event], ...]]
    """What happened at each peer and when, but for what it sent; empty if not asked for."""
    submitted: Mapping[Player, tuple[Mapping[int, Action], ...]]
    """What each player truly submitted, by episode and frame."""
    calls: Mapping[Player, tuple[Call, ...]]
    """Every call of every peer."""
    due: Mapping[Player, Call]
    """The next call of each peer, which was not made any more: it had fallen silent, or everybody was done."""
    transits: Mapping[Link, tuple[Transits, ...]]
    """The fate of every packet, in sending order."""
    crashes: Mapping[Player, str]
    """The peers that raised, and what: only a variant's can."""
    ended_ms: int
    """When the last peer was done, or the run was broken off."""
    frames: int
    """How many frames all peers have simulated for the first time."""
    standstill: Standstill | None = None
    """From when on nothing happened any more, and what each peer waited for, if the links had healed by then."""

    @cached_property
    def lockstep(self) -> tuple[Lockstep, ...]:
        """Lockstep truth, by episode."""
        settings = self.settings
        return tuple(
            run_lockstep(
                settings.config, settings.world, epoch, {p: self.submitted[p][epoch] for p in settings.players}
            )
            for epoch in range(settings.episodes)
        )


def run(source: Source, protocol: Protocol, *, keep_events: bool = True, watch: Watch | None = None) -> Result:
    """Run a session under a protocol until every peer has exported its last episode, or time is up.

    `watch` is called after every call of a driver.

    Raises:
        WorldError: if the world raises, or yields what no world may.
        ValueError: if a peer's configuration is not valid.
    """
    session = Session(source, protocol, keep_events=keep_events, watch=watch)
    with _collector_paused() if isinstance(source.settings.world, ArithmeticWorld) else nullcontext():
        session.run()
    return session.result()


@define(eq=False)
class Seat:
    """A peer in its session, and what is written down of it."""

    player: Player
    peer: Peer
    caller: Caller
    calls: list[Call] = field(factory=list)
    due: Call | None = None
    events: list[tuple[int, Event]] = field(factory=list)
    exports: list[Export] = field(factory=list)
    submitted: list[dict[int, Action]] = field(factory=lambda: [{}])
    linger_until: int = 0
    """When the peer goes on to the next episode, whether or not its partners are satisfied."""
    gone: bool = False
    """Whether it has fallen silent, or crashed: it does nothing any more."""


class Session:
    """A running session: a heap of what happens next, as (time, order, seat, function, arguments)."""

    def __init__(
        self, source: Source, protocol: Protocol, *, keep_events: bool = True, watch: Watch | None = None
    ) -> None:
        """Seat every peer before frame 0 of its first episode."""
        settings = source.settings
        world = _checked(settings.world)
        links = [(a, b, path) for a in settings.players for b in settings.players if a != b for path in Path]
        self.settings, self.protocol = evolve(settings, world=world), protocol
        self.keep_events, self.watch = keep_events, watch
        peers = {player: new_peer(settings.config_of(player), world, protocol.extra) for player in settings.players}
        self.seats = {player: Seat(player, peer, source.caller(player)) for player, peer in peers.items()}
        self.channels: dict[Link, tuple[Channel, list[Transits]]] = {
            link: (source.channel(*link), []) for link in links
        }
        self.heap: list[tuple[int, int, Seat, Callable[..., None], tuple[Any, ...]]] = []
        self.order = 0
        self.now = 0
        self.busy = set(settings.players)
        self.crashes: dict[Player, str] = {}
        self.standstill: Standstill | None = None
        self.said: dict[tuple[Player, Player, str], Sent] = {}
        if settings.heals_ms is not None:
            self.at(settings.heals_ms, self.seats[settings.players[0]], self.look, (), 0)
        for loss in settings.path_losses:
            self.at(loss.at_ms, self.seats[loss.player], self.lose_path, loss.partner)
        for player, silent_from in settings.silent.items():
            self.at(silent_from, self.seats[player], self.leave)
        for seat in self.seats.values():
            self.call_again(seat, -CATCH_UP_INTERVAL_MS)

    def at(self, time: int, seat: Seat, function: Callable[..., None], *args: Any) -> None:
        """Let something happen to a peer at a time."""
        self.order += 1
        heappush(self.heap, (time, self.order, seat, function, args))

    def run(self, until: int | None = None) -> None:
        """Go on until every peer is done, or the time is up, or it is later than `until`, in milliseconds."""
        heap, limit = self.heap, self.settings.limit_ms
        limit = limit if until is None else min(until, limit)
        while heap and self.busy and heap[0][0] <= limit:
            self.now, _, seat, function, args = heappop(heap)
            if seat.gone:
                continue
            try:
                function(seat, *args)
            except WorldError:
                raise
            except Exception as error:
                raise_slip(error)
                self.crashes[seat.player] = f"{type(error).__name__}: {error}"
                self.leave(seat)

    # --- what happens to a peer ---

    def call(self, seat: Seat, call: Call) -> None:
        """Call the driver of a peer."""
        seat.calls.append(call)
        seat.due = None
        at, action, focused = call
        refusing = self.refusing(seat)
        if action is None:
            self.drive(seat, poll, at, focused=focused, refusing=refusing)
        else:
            self.drive(seat, tick, at, action, focused=focused, refusing=refusing)
        phase = seat.peer.ending.phase
        if phase is Phase.COMPLETED:
            self.export(seat)
        elif phase is Phase.EXPORTED and (is_settled(seat.peer) or at >= seat.linger_until):
            self.go_on(seat)
        if seat.player in self.busy:
            self.call_again(seat, at)

    def deliver(self, seat: Seat, sent: Sent) -> None:
        """Let a packet arrive."""
        self.drive(seat, receive, self.now, sent.path, sent.message, refusing=self.refusing(seat))

    def lose_path(self, seat: Seat, partner: Player) -> None:
        """Let a peer notice that its peer-to-peer path to a partner is lost."""
        step = self.protocol[lose_p2p].fire(seat.peer, LinkLoss(partner))
        if isinstance(step, tuple):
            self.take(seat, step)

    def leave(self, seat: Seat) -> None:
        """Let a peer fall silent."""
        seat.gone = True
        self.busy.discard(seat.player)

    def look(self, seat: Seat, last: tuple[Any, ...], since: int) -> None:
        """Break the run off if nothing has changed since long ago (LI-2)."""
        now = tuple(progress(each.peer) for each in self.seats.values())
        if now != last:
            since, self.said = self.now, {}
        elif self.now >= since + STILL_MS:
            peers = {player: each.peer for player, each in self.seats.items()}
            self.standstill = Standstill(since, explained(Scene(self.protocol, self.now, peers, self.said)))
            self.busy.clear()
        self.at(self.now + LOOK_MS, seat, self.look, now, since)

    # --- how it happens ---

    def drive(self, seat: Seat, driver: Callable[..., Step], *args: Any, **options: Any) -> None:
        """Call a driver of a peer."""
        if self.watch is None:
            self.take(seat, driver(self.protocol, seat.peer, *args, **options))
            return
        call = watched(driver, self.protocol, seat.peer, *args, **options)
        self.take(seat, (call.after, call.events))
        self.watch(call)

    def take(self, seat: Seat, step: Step) -> None:
        """Let a peer have taken a step, and act on its events."""
        seat.peer, events = step
        for event in events:
            if type(event) is Sent:
                self.send(seat, event)
                continue
            if type(event) is InputScheduled:
                seat.submitted[-1].setdefault(event.frame, event.action)
            if self.keep_events:
                seat.events.append((self.now, event))

    def send(self, seat: Seat, sent: Sent) -> None:
        """Put a packet on its way."""
        channel, written = self.channels[seat.player, sent.to, sent.path]
        heals = self.settings.heals_ms
        if heals is None or self.now < heals:
            transits = channel.send(self.now, sent.message)
        else:
            self.said[seat.player, sent.to, KINDS[type(sent.message)]] = sent
            transits = (HEALED_MS,)
        written.append(transits)
        for transit in transits:
            self.at(self.now + transit, self.seats[sent.to], self.deliver, sent)

    def call_again(self, seat: Seat, now: int) -> None:
        """Arrange the next call of a peer."""
        call = seat.caller.next(now, seat.peer.ending.phase is Phase.RUNNING)
        seat.due = call
        self.at(call.at_ms, seat, self.call, call)

    def export(self, seat: Seat) -> None:
        """Read the episode's records (EP-10); from now on the peer only answers (IN-9)."""
        self.drive(seat, export)
        seat.exports.append(read(seat.peer))
        seat.linger_until = self.now + self.settings.linger_ms

    def go_on(self, seat: Seat) -> None:
        """Begin the next episode (EP-11); after the last one, be done when every partner has completed it (IN-9)."""
        if len(seat.exports) >= self.settings.episodes:
            if all(each.gone or len(each.exports) >= self.settings.episodes for each in self.seats.values()):
                self.busy.discard(seat.player)
            return
        self.drive(seat, next_episode)
        seat.submitted.append({})
        seat.caller.restart(self.now)

    def refusing(self, seat: Seat) -> Container[Player]:
        """Return the partners to whom a peer-to-peer send is refused now (TR-2)."""
        refusals = self.settings.refusals
        if not refusals:
            return NOBODY
        return {r.partner for r in refusals if r.player == seat.player and r.from_ms <= self.now < r.until_ms}

    def result(self) -> Result:
        """Return what the session has come to so far."""
        seats = self.seats
        missing: tuple[dict[int, Action], ...] = ({},) * self.settings.episodes
        return Result(
            settings=self.settings,
            exports={player: tuple(seat.exports) for player, seat in seats.items()},
            events={player: tuple(seat.events) for player, seat in seats.items()},
            submitted={player: (*seat.submitted, *missing[len(seat.submitted) :]) for player, seat in seats.items()},
            calls={player: tuple(seat.calls) for player, seat in seats.items()},
            due={player: seat.due for player, seat in seats.items() if seat.due is not None},
            transits={link: tuple(written) for link, (_, written) in self.channels.items()},
            crashes=self.crashes,
            ended_ms=self.now,
            frames=sum(seat.peer.metrics.frames for seat in seats.values()),
            standstill=self.standstill,
        )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector: nothing of ours makes cycles, and it would walk through ever more records.

    What has been made meanwhile is counted as old, or the first collection afterwards would walk through all of it;
    not where somebody has frozen objects already, which would be thawed with them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if gc.get_freeze_count() == 0:
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def _checked(world: World) -> World:
    """Return a world of ours as it is, any other one checked at every step."""
    return world if isinstance(world, ArithmeticWorld | Checked) else Checked(world, type(world).__name__)
