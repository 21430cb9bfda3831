"""Lockstep truth: what every peer must export, found without any peer (BUF-6, EP-12).

The world is run directly on the actions that the players truly submitted, each known before its frame is simulated.
What is counted on the way is counted here, so that a mistake of the reference is none of the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from rollproof.reference.config import Config
from rollproof.reference.containers import Action, JointAction, Player
from rollproof.reference.world import Outcome, World

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
    state, over, returns = world.start(epoch), False, dict[Player, float]()
    rows: list[Row] = []
    while not over:
        frame = len(rows)
        if frame < config.input_delay:
            actions = (config.default_action,) * len(config.players)
        elif all(frame in submitted[player] for player in config.players):
            actions = tuple(submitted[player][frame] for player in config.players)
        else:
            break
        joint = JointAction(config.players, actions)
        state, outcome = world.step(state, joint)
        for player, reward in outcome.rewards.items():
            returns[player] = returns.get(player, 0) + reward
        over = outcome.over or frame + 1 == config.max_steps
        rows.append({**_row(frame, epoch, joint, returns, outcome), "over": over})
    return Lockstep(tuple(rows), over)


def _row(frame: int, epoch: int, actions: JointAction, returns: Mapping[Player, float], outcome: Outcome) -> Row:
    row: Row = {"frame": frame, "epoch": epoch, "unconfirmed": False, "steps": frame + 1}
    for player, action in actions.items():
        row[f"action.{player}"] = action
    for player in dict.fromkeys((*actions.players, *returns, *outcome.infos)):
        row[f"reward.{player}"] = outcome.rewards.get(player)
        row[f"return.{player}"] = returns.get(player, 0)
        row[f"terminated.{player}"] = outcome.terminated.get(player)
        row[f"truncated.{player}"] = outcome.truncated.get(player)
        row.update({f"info.{player}.{name}": value for name, value in outcome.infos.get(player, {}).items()})
    return row
