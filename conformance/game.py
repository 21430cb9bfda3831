"""The suite's game: three lines in any language, and the runner recomputes it, so that no state is taken on trust."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from rollproof.reference.containers import JointAction
from rollproof.reference.world import Outcome

START = 2166136261
"""The state before frame 0 of every episode: FNV-1a's offset basis."""
PRIME = 16777619
"""FNV-1a's 32-bit prime."""
OF_THE_GAME = ("frame_us", "end_sum", "perturb")
"""The settings of a case that are those of its game and its clock, and none of the protocol's."""


def step(state: int, inputs: Sequence[int]) -> int:
    """Return the state after one frame: FNV-1a over the bytes (player number, input), in player order."""
    for player, value in enumerate(inputs):
        state = (state ^ player) * PRIME & 0xFFFFFFFF
        state = (state ^ value) * PRIME & 0xFFFFFFFF
    return state


def play(frames: Iterable[Sequence[int]]) -> list[int]:
    """Return the state before each frame, and that after the last."""
    states = [START]
    for inputs in frames:
        states.append(step(states[-1], inputs))
    return states


@frozen
class HashWorld:
    """The game as a world of the reference. A state is (frame, hash, sum of all inputs so far).

    A player's reward is the player's input.
    """

    end_sum: int | None = None
    """The episode ends with the frame in which the sum reaches this; so an end can be predicted, wrongly too."""
    perturbed: int | None = None
    """After this frame the lowest bit of the hash is flipped."""

    @staticmethod
    def of(config: Mapping[str, Any], player: str) -> HashWorld:
        """Return the game that a player plays in a case with these settings."""
        perturb = config.get("perturb")
        perturbed = perturb["frame"] if perturb and perturb["peer"] == player else None
        return HashWorld(config.get("end_sum"), perturbed)

    def start(self, epoch: int) -> tuple[int, int, int]:
        """Return the state before frame 0."""
        return 0, START, 0

    def step(self, state: Any, actions: JointAction) -> tuple[Any, Outcome]:
        """Return the next state and what the frame yields."""
        frame, value, total = state
        value = step(value, actions.actions) ^ (frame == self.perturbed)
        total += sum(actions.actions)
        return (frame + 1, value, total), Outcome(
            rewards=dict(actions.items()),
            infos={actions.players[0]: {"state": value}},
            over=self.end_sum is not None and total >= self.end_sum,
        )
