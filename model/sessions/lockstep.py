"""Lockstep truth: what every peer must export, found without any peer (BUF-6, EP-12).

The world is run directly on the actions that the players truly submitted, each known before its frame is simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from rollproof.reference.config import Config
from rollproof.reference.containers import Action, JointAction, Player
from rollproof.reference.world import Outcome, Simulation, World, advance

Row = dict[str, Any]
"""The cells of one frame, by column."""


@frozen
class Lockstep:
    """One episode in lockstep."""

    rows: tuple[Row, ...]
    """One per frame, as far as every player's action was submitted."""
    ended: bool
    """Whether the episode ended there; otherwise a player fell silent before."""


def run(config: Config, world: World, epoch: int, submitted: Mapping[Player, Mapping[int, Action]]) -> Lockstep:
    """Run one episode on the actions `submitted`, by player and frame.

    Frames below `input_delay` have the default action for every player (IN-5).
    """
    simulation = Simulation(world.start(epoch))
    rows: list[Row] = []
    while not simulation.over:
        frame = len(rows)
        if frame < config.input_delay:
            actions = (config.default_action,) * len(config.players)
        elif all(frame in submitted[player] for player in config.players):
            actions = tuple(submitted[player][frame] for player in config.players)
        else:
            break
        joint = JointAction(config.players, actions)
        simulation, outcome = advance(world, simulation, joint, config.max_steps)
        rows.append(_row(frame, epoch, joint, simulation, outcome or Outcome()))
    return Lockstep(tuple(rows), simulation.over)


def _row(frame: int, epoch: int, actions: JointAction, simulation: Simulation, outcome: Outcome) -> Row:
    row: Row = {"frame": frame, "epoch": epoch, "unconfirmed": False, "steps": simulation.steps}
    for player, action in actions.items():
        row[f"action.{player}"] = action
    for player in dict.fromkeys((*actions.players, *simulation.returns.rewards, *outcome.infos)):
        row[f"reward.{player}"] = outcome.rewards.get(player)
        row[f"return.{player}"] = simulation.returns.rewards.get(player, 0)
        row[f"terminated.{player}"] = outcome.terminated.get(player)
        row[f"truncated.{player}"] = outcome.truncated.get(player)
        row.update({f"info.{player}.{name}": value for name, value in outcome.infos.get(player, {}).items()})
    row["over"] = simulation.over
    return row
