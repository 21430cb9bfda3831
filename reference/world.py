"""What is simulated: the world, the simulation that counts its steps, and the record of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import field

from rollproof.reference.containers import JointAction, Player
from rollproof.reference.values import frozen

State = Any
"""A world's state: an immutable value, which therefore is its own snapshot."""


@frozen
class Outcome:
    """What one step of a world returns, in the shape of a PettingZoo parallel environment, by player."""

    rewards: Mapping[Player, float] = field(factory=dict, hash=False)
    terminated: Mapping[Player, bool] = field(factory=dict, hash=False)
    truncated: Mapping[Player, bool] = field(factory=dict, hash=False)
    infos: Mapping[Player, Mapping[str, Any]] = field(factory=dict, hash=False)
    over: bool = False
    """Whether the episode ends with this step, for all players."""


class World(Protocol):
    """A deterministic world. `restore` has no method: the state of a frame is handed back to `step`."""

    def start(self, epoch: int) -> State:
        """Return the state before frame 0 of an episode; equal for every peer."""

    def step(self, state: State, actions: JointAction) -> tuple[State, Outcome]:
        """Return the next state and what the step yields. Must depend on its arguments alone."""


@frozen
class Totals:
    """Cumulative rewards, by player."""

    rewards: Mapping[Player, float] = field(factory=dict, hash=False)

    def plus(self, outcome: Outcome) -> Totals:
        """Return the totals after one more step; who gets no reward in it keeps what there was."""
        if not outcome.rewards:
            return self
        rewards = dict(self.rewards)
        for player, reward in outcome.rewards.items():
            rewards[player] = rewards.get(player, 0) + reward
        return Totals(rewards)

    def cleared(self) -> Totals:
        """Return the totals of a new episode."""
        return Totals()


@frozen
class Simulation:
    """A world in the middle of an episode, with every counter derived from it (RB-4): restored as one."""

    state: State
    returns: Totals = field(factory=Totals)
    """Cumulative rewards up to here."""
    steps: int = 0
    """Steps taken."""
    over: bool = False
    """Whether the episode has ended. A world that has ended is not stepped again."""


@frozen
class Record:
    """What one simulated frame yields: a row of the data."""

    actions: JointAction
    """The actions it was simulated with, known or predicted."""
    outcome: Outcome | None
    """What the world yielded; None in a frame that comes after the end."""
    returns: Totals
    """Cumulative rewards, this frame included."""
    steps: int
    """Steps taken, this frame included."""
    over: bool
    """Whether the episode is over after this frame."""
    was_speculative: bool
    """Whether an action was predicted when the frame was simulated last (BUF-8). Local to the peer."""
    time_ms: int
    """When it was simulated last. Local to the peer."""
    focused: bool
    """Whether the peer had the focus then. Local to the peer."""


def advance(
    world: World, simulation: Simulation, actions: JointAction, max_steps: int | None
) -> tuple[Simulation, Outcome | None]:
    """Simulate one frame; a simulation that is over stays as it is and yields nothing (EP-1)."""
    if simulation.over:
        return simulation, None
    state, outcome = world.step(simulation.state, actions)
    steps = simulation.steps + 1
    over = outcome.over or (max_steps is not None and steps >= max_steps)
    return Simulation(state, simulation.returns.plus(outcome), steps, over), outcome
