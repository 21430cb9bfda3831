"""One peer on a bench: transitions fired in any order, with what they mean checked against lockstep truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from attrs import define, field, frozen

from rollproof.model.search.instances import LockstepTruth
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.theorems.properties import PROPERTIES as ALL
from rollproof.model.theorems.property import Property, StepView
from rollproof.model.theorems.values import Values
from rollproof.reference.config import Config
from rollproof.reference.containers import Action, Player
from rollproof.reference.inputs import queue_of
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer, new_peer
from rollproof.reference.transition import Guard, Protocol
from rollproof.reference.world import World

E = TypeVar("E")

ME, YOU = "a", "b"
PLAYERS = (ME, YOU)

PROPERTIES: dict[str, Property] = {
    each.name: each for each in ALL.values() if not each.is_of_two and each.scope != "possibility"
}
"""Every theorem and lemma about one peer, by name."""
FRAMES = 60
"""How many frames of an episode have a true action other than the default."""


def some_action(player: Player, frame: int) -> int:
    """Return an action that changes often, differs between players, and is not the default at frame 0."""
    return (1, 1, 0, 1, 2, 2, 0)[(frame + (0 if player == ME else 3)) % 7]


def act_often(player: Player, frame: int, epoch: int) -> Action:
    """Return actions of which many are mispredicted, and which differ between episodes."""
    return some_action(player, frame + 2 * epoch)


def end_is_mispredicted(player: Player, frame: int, epoch: int) -> Action:
    """Return actions that reach 2 at the end of frame 4, or of frame 1 if the first is taken to last."""
    return 0 if player == ME else (1, 0, 0, 0, 1)[frame % 5]


@frozen
class Broken:
    """A property that a step or a state violates."""

    property: str
    clause: str
    transition: str


@define
class Bench:
    """A peer, the steps it took, and lockstep truth by episode."""

    protocol: Protocol = PROTOCOL
    config: Config = field(factory=lambda: config())
    world: World = field(factory=ArithmeticWorld)
    act: Callable[[Player, int, int], Action] = field(default=lambda player, frame, epoch: some_action(player, frame))
    """What really happens, by (player, frame, epoch)."""
    peer: Peer = field(init=False)
    steps: list[StepView] = field(factory=list)
    refusals: list[tuple[str, str]] = field(factory=list)
    """(transition, guard) of every refusal."""
    crash: Exception | None = None
    now: int = 0
    honest: tuple[Player, ...] | None = None
    """Who says nothing but the truth; None: all do."""
    _truths: dict[int, LockstepTruth] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.peer = new_peer(self.config, self.world)

    def truth(self, epoch: int | None = None) -> LockstepTruth:
        """Return the lockstep run of an episode, the peer's present one if none is given."""
        epoch = self.peer.epoch if epoch is None else epoch
        if epoch not in self._truths:
            actions = tuple(
                tuple(self.act(player, frame, epoch) for player in self.config.players) for frame in range(FRAMES)
            )
            self._truths[epoch] = LockstepTruth(self.config, self.world, epoch, actions)
        return self._truths[epoch]

    def do(self, name: str, *args: Any) -> str | None:
        """Fire a transition. Return the name of the guard that refused it, or None.

        The epoch and the session of what arrives are last, and need not be given if they are the peer's own.
        """
        if name not in self.protocol.transitions:
            self.refusals.append((name, "no such transition"))
            return "no such transition"
        before, transition = self.peer, self.protocol.transitions[name]
        args = self.completed(name, args)
        step = transition.fire(before, transition.arguments(*args))
        if isinstance(step, Guard):
            self.refusals.append((name, step.name))
            return step.name
        self.peer = step[0]
        named = dict(zip(self.parameters(name), args, strict=True))
        self.steps.append(StepView(name, before, named, self.peer, step[1]))
        return None

    def completed(self, name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return arguments with the peer's own epoch and session in the places that they leave open."""
        own = {"epoch": self.peer.epoch, "game": self.config.game}
        return (*args, *(own[each] for each in self.parameters(name)[len(args) :]))

    def run(self, script: str) -> Bench:
        """Take the steps of a script, passing over those that are refused, until one raises.

        A word is `name` or `name:number,number`: one of `WORDS`, or a transition with the arguments it is usually
        called with here, the numbers being the others.
        """
        for word in script.split():
            for name, *args in self.expand(word):
                try:
                    self.do(name, *args)
                except LookupError as error:
                    self.crash = error
                    return self
        return self

    def expand(self, word: str) -> Iterator[tuple[Any, ...]]:
        """Iterate over the transitions that a word of a script stands for, each as the state requires by then."""
        name, _, rest = word.partition(":")
        numbers = [int(number) for number in rest.split(",") if number]
        return WORDS[name](self, *numbers) if name in WORDS else iter([(name, *self.usual(name, numbers))])

    def usual(self, name: str, numbers: list[int]) -> list[Any]:
        """Return the usual arguments of a transition, `numbers` filling in for those that have no usual value."""
        if name not in self.protocol.transitions:
            return []
        usual = {
            "player": YOU,
            "epoch": self.peer.epoch,
            "game": self.config.game,
            "path": Path.P2P,
            "now": self.now,
            "focused": True,
        }
        usual |= {"accepts": True, "action": self.next_action()}
        left = iter(numbers)
        return [usual[each] if each in usual else next(left) for each in self.parameters(name)]

    def parameters(self, name: str) -> tuple[str, ...]:
        """Return the names of a transition's parameters, without the peer."""
        return self.protocol.transitions[name].parameters

    def next_action(self) -> Action:
        """Return what the local player does in the frame that an input would be scheduled for."""
        return self.truth().action(self.config.player, self.peer.frame + self.config.input_delay)

    def broken(self, names: Iterable[str] | None = None) -> list[Broken]:
        """Return which of the named properties, all if none are named, some state or step violates."""
        return [each for step in self.steps for each in self.broken_by(step, PROPERTIES if names is None else names)]

    def broken_by(self, step: StepView, names: Iterable[str]) -> list[Broken]:
        """Return which of the named properties a step, or the state after it, violates."""
        found = []
        for each in map(PROPERTIES.__getitem__, names):
            of_step = each.scope == "step"
            words = self.words(step.before.epoch if of_step else step.after.epoch)
            clauses = each.clauses(words, step if of_step else step.after)
            found += [Broken(each.name, clause, step.transition) for clause, holds in clauses.items() if not holds]
        return found

    def words(self, epoch: int) -> Values:
        """Return the reading of properties on this peer's states."""
        last = max(self.peer.frame, *(step.after.frame for step in self.steps), 0) + 2

        def truth(of: int | None) -> LockstepTruth:
            return self.truth(epoch if of is None else of)

        return Values(self.config.players, last, truth, self.protocol, self.honest)

    def wrong_rows(self) -> list[int]:
        """Return the frames whose canonical record is not flagged and not the lockstep record (BUF-6)."""
        truth, canonical = self.truth(), self.peer.buffers.canonical
        wrong = []
        for frame in sorted(canonical):
            record, after = canonical[frame].record, truth.simulation(frame + 1)
            right = record.actions == truth.joint(frame) and record.returns == after.returns
            if not canonical[frame].unconfirmed and not (right and record.steps == after.steps):
                wrong.append(frame)
        return wrong


def _tick(bench: Bench) -> Steps:
    yield ("begin_tick",)
    yield "schedule_input", bench.next_action()
    yield "simulate_frame", bench.now, True


def _hear(bench: Bench, *frames: int) -> Steps:
    return _hear_from(bench, bench.peer.epoch, *frames)


def _hear_from(bench: Bench, epoch: int, *frames: int) -> Steps:
    for frame in frames:
        yield "receive_input", YOU, epoch, Path.P2P, frame, bench.truth(epoch).action(YOU, frame)
        yield "drain_input", Path.P2P, bench.now


def _hear_other(bench: Bench, *frames: int) -> Steps:
    """Hear of another session, in which everything was done otherwise."""
    for frame in frames:
        action = bench.truth().action(YOU, frame) + 1
        yield "receive_input", YOU, bench.peer.epoch, Path.P2P, frame, action, "another session"
        yield "drain_input", Path.P2P, bench.now


def _arrive(bench: Bench, *frames: int) -> Steps:
    for frame in frames:
        yield "receive_input", YOU, bench.peer.epoch, Path.P2P, frame, bench.truth().action(YOU, frame)


def _drain(bench: Bench) -> Steps:
    for path in Path:
        for _ in range(len(queue_of(bench.peer, path))):
            yield "drain_input", path, bench.now


def _rollback(bench: Bench) -> Steps:
    yield ("begin_rollback",)
    while bench.peer.rollback.cursor is not None and bench.peer.rollback.cursor < bench.peer.frame:
        yield "replay_frame", bench.now, True
    yield ("finish_rollback",)


def _confirm(bench: Bench) -> Steps:
    yield from [("confirm_frame",)] * 6
    yield from [("promote_frame",)] * 6


def _late(bench: Bench) -> Steps:
    bench.now = 1_000_000
    return iter(())


def _close(bench: Bench) -> Steps:
    yield from [("force_promote_frame",)] * 6
    yield ("complete_episode",)
    yield ("export_episode",)


Steps = Iterator[tuple[Any, ...]]
WORDS: dict[str, Callable[..., Steps]] = {
    "tick": _tick,
    "hear": _hear,
    "hear_from": _hear_from,
    "hear_other": _hear_other,
    "arrive": _arrive,
    "drain": _drain,
    "rollback": _rollback,
    "confirm": _confirm,
    "late": _late,
    "close": _close,
}
"""The words of a script that stand for more than one transition, or, `late`, for the passing of every deadline."""


def config(**settings: Any) -> Config:
    """Return a configuration of two players, with the given settings."""
    return Config(**{"player": ME, "players": PLAYERS, **settings})


def peer_after(script: str, **settings: Any) -> Peer:
    """Return a peer of the present protocol after a script."""
    bench = Bench(config=config(**settings)).run(script)
    assert bench.crash is None
    return bench.peer


def events_of(kind: type[E], events: Iterable[object]) -> list[E]:
    """Return the events of one kind."""
    return [event for event in events if isinstance(event, kind)]
