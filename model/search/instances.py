"""The small finite instances that are searched: a world, every truth of it, and which transitions take part.

An instance bounds frames, queues and episodes, and leaves out transitions that make no difference to what it is about.
Within its bounds a search is complete; a trace that it finds is a real run in any case.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

from attrs import evolve as changed
from attrs import field, frozen

from rollproof.model.theorems.property import Property
from rollproof.model.theorems.truth import Truth
from rollproof.reference.config import Config
from rollproof.reference.containers import Action, JointAction, Player
from rollproof.reference.digest import Digest
from rollproof.reference.messages import Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Metrics, Peer, new_peer
from rollproof.reference.transition import Protocol
from rollproof.reference.values import evolve
from rollproof.reference.world import Outcome, Record, Simulation, State, World, advance


@frozen
class TapeWorld:
    """A world whose state is all that was ever done, as one number, and whose rewards tell it."""

    ends: bool = False
    """Whether an episode ends with the first frame in which everyone does 0, as is predicted at first."""

    def start(self, epoch: int) -> int:
        """Return the state before frame 0; it differs between episodes."""
        return epoch + 1

    def step(self, state: State, actions: JointAction) -> tuple[State, Outcome]:
        """Return the state with one more joint action, and rewards that differ for every history."""
        return _tape_step(state, actions.players, actions.actions, self.ends)


@cache
def _tape_step(state: int, players: tuple[Player, ...], actions: tuple[Action, ...], ends: bool) -> tuple[int, Outcome]:
    after = state
    for action in actions:
        after = 3 * after + action
    return after, Outcome(rewards={players[0]: after}, over=ends and not any(actions))


class LockstepTruth:
    """The lockstep run of one episode on given actions, computed as far as it is asked for."""

    def __init__(self, config: Config, world: World, epoch: int, actions: tuple[tuple[Action, ...], ...]) -> None:
        """Let `actions` hold a joint action per frame; in later frames everyone does the default."""
        self._config = config
        self._world = world
        self._actions = actions
        self._simulations = [Simulation(world.start(epoch))]
        self._digests = [Digest()]

    def action(self, player: Any, frame: Any) -> Any:
        """Return what the player really did in the frame; of strangers nothing is true."""
        players = self._config.players
        return self.joint(frame).of(player) if player in players else None

    def joint(self, frame: Any) -> JointAction:
        """Return what everyone really did in the frame."""
        players = self._config.players
        if self._config.input_delay <= frame < len(self._actions):
            return JointAction(players, self._actions[frame])
        return JointAction(players, (self._config.default_action,) * len(players))

    def simulation(self, frame: int) -> Simulation:
        """Return the simulation before the frame."""
        self._extend(frame)
        return self._simulations[max(frame, 0)]

    def digest(self, frame: int) -> Digest:
        """Return the running hash of all records before the frame."""
        self._extend(frame)
        return self._digests[max(frame, 0)]

    @property
    def end(self) -> int | None:
        """The termination frame, or None if the episode does not end where actions are given."""
        return next((frame for frame in range(1, len(self._actions) + 1) if self.simulation(frame).over), None)

    def _extend(self, frame: int) -> None:
        while len(self._simulations) <= frame:
            joint = self.joint(len(self._simulations) - 1)
            after, outcome = advance(self._world, self._simulations[-1], joint, self._config.max_steps)
            record = Record(joint, outcome, after.returns, after.steps, after.over, False, 0, True)
            self._simulations.append(after)
            self._digests.append(self._digests[-1].extend(record))


Truths = tuple[Truth, ...]
"""What really happens, by episode."""


@frozen
class Instance:
    """A bounded part of the protocol's behaviour, small enough to be searched through."""

    name: str
    about: str
    """What it shows, in English."""
    transitions: tuple[str, ...]
    """Which take part, besides those that are in no instance."""
    frames: int
    """How many frames of an episode are simulated at most."""
    truths: tuple[tuple[tuple[tuple[Action, ...], ...], ...], ...] = field(repr=False)
    """The lockstep runs: joint actions by run, episode and frame."""
    settings: dict[str, Any] = field(factory=dict, hash=False)
    """What differs from the default configuration."""
    players: tuple[Player, ...] = ("a", "b")
    ends: bool = False
    """Whether an episode may end by what players do."""
    paths: tuple[Path, ...] = (Path.P2P,)
    queued: int = 1
    """How many inputs may wait in each queue."""
    truthful: bool = True
    """Whether partners say only what is true (`model.theorems.environment`)."""
    hostile: bool = False
    """Whether messages of strangers, of other episodes and for absurd frames arrive."""
    counts: bool = False
    """Whether the metrics and the number of ticks belong to a state; otherwise they are forgotten after each step."""
    leaves_open: frozenset[str] = frozenset({"metrics_match_events"})
    """The properties that it does not settle, because of what it forgets."""

    def config(self, player: Player) -> Config:
        """Return the configuration of one peer."""
        return Config(player=player, players=self.players, **{**_SETTINGS, **self.settings})

    @property
    def world(self) -> World:
        """The world that every peer simulates."""
        return TapeWorld(self.ends)

    @property
    def episodes(self) -> int:
        """How many episodes there are."""
        return len(self.truths[0])

    def start(self, player: Player, protocol: Protocol = PROTOCOL) -> Peer:
        """Return the initial state of one peer."""
        return new_peer(self.config(player), self.world, protocol.extra)

    def lockstep(self, player: Player) -> tuple[Truths, ...]:
        """Return every truth, by run and episode."""
        config = self.config(player)
        return tuple(
            tuple(LockstepTruth(config, self.world, epoch, actions) for epoch, actions in enumerate(run))
            for run in self.truths
        )

    def has(self, transition: str) -> bool:
        """Tell whether a transition takes part; one that is in no instance takes part in all."""
        return transition in self.transitions or transition not in KNOWN

    def settles(self, asked: Property) -> bool:
        """Tell whether a property is one of this instance: where partners lie, only what does not trust them is."""
        return asked.name not in self.leaves_open and (self.truthful or not asked.trusting)

    def remembering(self) -> Instance:
        """Return this instance with the metrics and the number of ticks as parts of a state."""
        return changed(self, counts=True)

    def contains(self, peer: Peer) -> bool:
        """Tell whether a state lies within the bounds."""
        inputs = peer.inputs
        return (
            peer.frame <= self.frames
            and len(inputs.p2p) <= self.queued
            and len(inputs.relay) <= self.queued
            and peer.epoch < self.episodes
            and max(inputs.known.newest) < self.frames + peer.config.input_delay
            and peer.ticks <= self.frames
            and peer.metrics.inputs_rejected <= 1
            and peer.metrics.input_conflicts <= 2
        )

    def forget(self, peer: Peer) -> Peer:
        """Return the state without what only grows: the same for everything that the instance is about."""
        if self.counts:
            return peer
        metrics = peer.metrics
        if peer.ticks == 0 and metrics is _NO_METRICS:
            return peer
        alarms = {name: getattr(metrics, name) for name in _ALARMS}
        kept = _NO_METRICS if not any(alarms.values()) else evolve(_NO_METRICS, **alarms)
        return evolve(peer, ticks=0, metrics=kept)


_SETTINGS: dict[str, Any] = {
    "input_confirmation_timeout_ms": 1,
    "episode_sync_timeout_ms": 1,
    "resend_interval_ms": 1,
    "redundancy": 2,
    "max_resent": 1,
    "max_frames_ahead": 2,
    "hash_interval": 1,
    "prediction": "previous",
}
"""Whatever an instance depends on is said here or by itself, so that another usual value changes nothing in it."""
_ALARMS = ("input_conflicts", "hash_mismatches")
_NO_METRICS = Metrics()


def _partner_does(*own: tuple[Action, ...], frames: int) -> Any:
    """Return the runs of one episode in which the first player does one of `own` and the second anything."""
    return tuple((tuple(zip(mine, theirs, strict=True)),) for mine in own for theirs in product((0, 1), repeat=frames))


_CORE = (
    "begin_tick",
    "schedule_input",
    "receive_input",
    "drain_input",
    "simulate_frame",
    "begin_rollback",
    "replay_frame",
    "finish_rollback",
    "confirm_frame",
    "promote_frame",
)
_ONE_FRAME = ("schedule_input", "receive_input", "drain_input", "simulate_frame", "confirm_frame", "promote_frame")
_END = (
    "suspect_end",
    "withdraw_end",
    "decide_end",
    "receive_end",
    "begin_wait",
    "give_up_on_partners",
    "succeed_wait",
    "expire_wait",
    "force_promote_frame",
    "complete_episode",
    "export_episode",
)
_REFUSED = ("reject_input", "ignore_conflict")
_SENDING = ("send_inputs", "resend_inputs", "receive_ack", "send_ack", "lose_p2p", "change_link")
_HASHES = ("send_hash", "receive_hash", "compare_hash")

INSTANCES: dict[str, Instance] = {
    each.name: each
    for each in (
        Instance("core", "Inputs, rollback, confirmation and promotion.", _CORE, 2, _partner_does((1, 0), frames=2)),
        Instance(
            "two values",
            "A partner that says two things of one frame, and what is no action: asked is what holds whatever it says.",
            ("schedule_input", "receive_input", "ignore_conflict", "drain_input", "simulate_frame"),
            1,
            _partner_does((1,), frames=1),
            {"actions": (0, 1)},
            paths=tuple(Path),
            queued=2,
            truthful=False,
        ),
        Instance(
            "false ends",
            "A partner that announces any end, also one that cannot be: only what trusts nobody is asked of it.",
            ("receive_end",),
            3,
            ((((1, 1),),),),
            truthful=False,
        ),
        Instance(
            "alone",
            "An episode of one frame, and a single player.",
            (*_CORE, *_END),
            1,
            ((((1,),),),),
            {"max_steps": 1},
            players=("a",),
        ),
        Instance(
            "hostile",
            "Messages of strangers, of other episodes and for absurd frames, on both paths.",
            (*_CORE, *_REFUSED),
            1,
            _partner_does((1,), frames=1),
            paths=tuple(Path),
            queued=2,
            hostile=True,
        ),
        Instance(
            "strangers",
            "Sending to strangers, and what they and other episodes say in answer.",
            (*_ONE_FRAME, "ignore_conflict", *_SENDING, *_HASHES, "announce_end"),
            1,
            ((((1, 1),), ((0, 0),)),),
            hostile=True,
        ),
        Instance(
            "episodes",
            "Two episodes of one frame, and messages of another one.",
            (*_CORE, *_END, "announce_end", "reset_episode"),
            1,
            ((((1, 1),), ((0, 1),)),),
            {"max_steps": 1},
            hostile=True,
        ),
        Instance(
            "delay",
            "The core under input delay and a prediction window.",
            _CORE,
            2,
            _partner_does((0, 1, 0), frames=3),
            {"input_delay": 1, "prediction_window": 1},
        ),
        Instance(
            "held back",
            "Inputs that are held back for a tick.",
            (*_CORE, *_END),
            1,
            _partner_does((1,), frames=1),
            {"debug_remote_input_delay": 1, "max_steps": 1},
            counts=True,
        ),
        Instance(
            "relayed",
            "An episode of one frame whose inputs come by the relay.",
            (*_CORE, *_END),
            1,
            _partner_does((1,), frames=1),
            {"max_steps": 1},
            paths=(Path.RELAY,),
        ),
        Instance(
            "counts",
            "The core with every metric, and both frames mispredicted.",
            (*_CORE, *_REFUSED),
            2,
            ((((1, 1), (0, 0)),),),
            counts=True,
            leaves_open=frozenset(),
        ),
        Instance(
            "ending",
            "The end of an episode, mispredicted or not, with and without the partner's.",
            (*_CORE, *_END),
            2,
            (
                (((0, 0), (0, 0)),),  # it ends after one frame, as predicted
                (((0, 1), (0, 0)),),  # it seems to end after one frame, and ends after two
                (((0, 1), (0, 1)),),  # it seems to end, and ends only by the limit
                (((1, 1), (0, 0)),),  # it seems to go on, and ends
                (((1, 0), (1, 1)),),  # it ends by the limit, and only its last frame is mispredicted
            ),
            {"max_steps": 2},
            ends=True,
        ),
        Instance(
            "beyond",
            "Frames that are simulated beyond an end which was mispredicted.",
            (*_CORE, *_END),
            3,
            ((((0, 0), (0, 1), (0, 1)),),),
            {"max_steps": 3, "default_action": 1},
            ends=True,
        ),
        Instance(
            "hashes",
            "The exchange of hashes, and of ends with them.",
            (*_CORE, *_HASHES, *_END, "announce_end", "receive_ack", "send_ack"),
            1,
            _partner_does((1,), frames=1),
            {"max_steps": 1},
        ),
        Instance(
            "transport",
            "Sending and acknowledging, on both paths.",
            ("begin_tick", "schedule_input", "simulate_frame", "receive_input", "drain_input", *_SENDING),
            2,
            ((((1, 1), (0, 0)),),),
        ),
    )
}
"""The instances, the cheapest first."""

KNOWN = frozenset(name for each in INSTANCES.values() for name in each.transitions)
"""The transitions that some instance was made for. Any other is new, and is searched wherever it is possible."""

THREE_PEERS = Instance(
    "three peers",
    "An episode of one frame among three.",
    (*_CORE, *_END),
    1,
    ((((1, 1, 0),),), (((0, 1, 1),),)),
    {"max_steps": 1},
    players=("a", "b", "c"),
)
"""For the agreement of any two of three (`model.search.agreement`)."""
