"""Real PettingZoo environments as worlds, in sessions with rollbacks."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import gymnasium
import numpy as np
import pytest
from pettingzoo import ParallelEnv, make

from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.pettingzoo import pettingzoo_world
from rollproof.model.sessions.session import Result, run
from rollproof.model.sessions.setup import Habit, Settings, Setup
from rollproof.model.sessions.worlds import Checked, WithBots, WorldError, check_determinism, choose_randomly
from rollproof.reference.config import Config
from rollproof.reference.containers import JointAction
from rollproof.reference.protocol import PROTOCOL

os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
os.environ["SDL_VIDEODRIVER"] = "dummy"

KNIGHT_AND_ARCHER = ("archer_0", "knight_0")


def rock_paper_scissors() -> Any:
    return make("parallel", "classic/rps-v2", max_cycles=40)


def knights_archers_zombies() -> Any:
    return make("parallel", "butterfly/knights_archers_zombies-v11", num_archers=1, num_knights=1, max_cycles=90)


def drawn() -> tuple[type, ...]:
    import pygame

    return (pygame.Surface,)


class Race(ParallelEnv[str, int, Any]):
    """Who is first at 1.0, with steps that are vectors; the winner leaves before the other one."""

    metadata = {"name": "race"}  # noqa: RUF012
    possible_agents = ["a", "b"]  # noqa: RUF012

    def __init__(self) -> None:
        self.agents: list[str] = []

    def action_space(self, agent: str) -> gymnasium.spaces.Space[Any]:
        return gymnasium.spaces.Box(0.0, 0.5, (2,), np.float64) if agent == "a" else gymnasium.spaces.Discrete(2)

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.agents = list(self.possible_agents)
        self.at = dict.fromkeys(self.agents, 0.0)
        self.noise = np.random.default_rng(seed)
        return self.at, {}

    def step(self, actions: dict[str, Any]) -> Any:
        for agent, action in actions.items():
            self.at[agent] += float(np.sum(action)) * 0.125
        done = {agent: self.at[agent] >= 1.0 for agent in self.agents}
        rewards = {agent: np.float64(self.at[agent]) for agent in self.agents}
        infos = {agent: {"noise": self.noise.random(), "flag": np.bool_(True)} for agent in self.agents}
        self.agents = [agent for agent in self.agents if not done[agent]]
        return self.at, rewards, done, dict.fromkeys(done, False), infos


def joint(a: Any, b: Any) -> JointAction:
    return JointAction(("a", "b"), (a, b))


def session(world: Any, players: tuple[str, ...], actions: int, *, episodes: int = 1) -> Result:
    settings = Settings(Config(players[0], players), world, episodes=episodes)
    faults = Faults(latency_ms=40, jitter_ms=30, loss=0.1)
    return run(Setup(settings, p2p=faults, relay=faults, habit=Habit(change=0.4, actions=actions)), PROTOCOL)


def assert_parity(result: Result, episodes: int = 1) -> None:
    """EP-13, BUF-6: all peers export the lockstep rows, after real rollbacks."""
    assert not result.crashes
    for exports in result.exports.values():
        assert len(exports) == episodes
        for export, truth in zip(exports, result.lockstep, strict=True):
            assert truth.ended
            assert export.metadata["confirmed"]
            rows = [dict(zip(export.columns, row, strict=True)) for row in export.rows]
            assert [{name: row[name] for name in true} for row, true in zip(rows, truth.rows, strict=True)] == list(
                truth.rows
            )
        assert exports[-1].metrics["rollbacks"] > 5
        assert exports[-1].metrics["hash_mismatches"] == 0


def test_rock_paper_scissors_has_parity() -> None:
    result = session(pettingzoo_world(rock_paper_scissors, shared=drawn()), ("player_0", "player_1"), 3, episodes=2)
    assert_parity(result, episodes=2)
    export = result.exports["player_0"][0]
    assert len(export.rows) == 40
    rewards = [row[export.columns.index("reward.player_0")] for row in export.rows]
    assert {-1, 0, 1} == set(rewards)


def test_knights_archers_zombies_has_parity() -> None:
    world = pettingzoo_world(knights_archers_zombies, seed=7, shared=drawn())
    result = session(world, KNIGHT_AND_ARCHER, 6)
    assert_parity(result)
    assert 20 < len(result.exports["archer_0"][0].rows) <= 90


def test_an_agent_may_be_a_bot() -> None:
    def make_world() -> Checked:
        environment = pettingzoo_world(knights_archers_zombies, shared=drawn(), others=("knight_0",))
        return Checked(WithBots(environment, {"knight_0": choose_randomly(0, 1, 4)}), others=("knight_0",), twice=False)

    result = session(make_world(), ("archer_0",), 6)
    export = result.exports["archer_0"][0]
    moves = {row[export.columns.index("info.knight_0.action")] for row in export.rows}
    assert moves >= {0, 1, 4}
    assert [dict(zip(export.columns, row, strict=True))["return.knight_0"] for row in export.rows][-1] is not None


def test_an_environment_that_does_not_reset_everything_is_made_anew() -> None:
    """The second of two episodes with one environment differs from the first in a reward at frame 77."""
    random = Random(3)
    actions = tuple(JointAction(KNIGHT_AND_ARCHER, (random.randrange(6), random.randrange(6))) for _ in range(90))
    check_determinism(pettingzoo_world(knights_archers_zombies, seed=7, shared=drawn()), actions)
    environment = knights_archers_zombies()
    with pytest.raises(WorldError, match=r"at frame 77: step: rewards was .* in a second run"):
        check_determinism(pettingzoo_world(lambda: environment, seed=7, shared=drawn()), actions)


def test_environments_are_restored_exactly() -> None:
    actions = tuple(JointAction(KNIGHT_AND_ARCHER, (frame % 6, frame * 5 % 6)) for frame in range(60))
    check_determinism(pettingzoo_world(knights_archers_zombies, shared=drawn()), actions)
    check_determinism(pettingzoo_world(Race), tuple(joint((0.1, 0.2), frame % 2) for frame in range(9)))


def test_a_copy_by_deepcopy_would_not_be_the_same_environment() -> None:
    """Why snapshots are not taken by `copy.deepcopy`: it makes a fresh environment of this one."""
    import copy

    environment = rock_paper_scissors()
    environment.reset(seed=1)
    copied = copy.deepcopy(environment)
    with pytest.raises(AttributeError):
        copied.step({"player_0": 1, "player_1": 0})


def test_values_are_plain_and_the_winner_leaves() -> None:
    world = pettingzoo_world(Race, twice=True)
    state = world.start(0)
    rewards = []
    for _ in range(10):
        state, outcome = world.step(state, joint((0.5, 0.5), 1))
        rewards.append(dict(outcome.rewards))
        if outcome.over:
            break
    assert outcome.over
    assert all(type(value) is float for each in rewards for value in each.values())
    assert type(outcome.infos["b"]["flag"]) is bool
    state = world.start(0)
    for _ in range(9):
        state, outcome = world.step(state, joint((0.5, 0.5), 0))
    assert set(outcome.rewards) == {"b"}
    assert not outcome.over


@pytest.mark.parametrize(
    ("actions", "reason"),
    [
        (joint((0.1, 0.7), 1), r"action \(0.1, 0.7\) of agent 'a' is not in Box"),
        (joint((0.1,), 1), r"action \(0.1,\) of agent 'a' is not in Box"),
        (joint("up", 1), "action 'up' of agent 'a' is not in Box"),
        (joint((0.1, 0.1), 2), r"action 2 of agent 'b' is not in Discrete\(2\)"),
        (joint((0.1, 0.1), "x"), r"action 'x' of agent 'b' is not in Discrete\(2\)"),
        (JointAction(("a", "c"), ((0.1, 0.1), 1)), "agent 'b' is not a player of the session"),
    ],
)
def test_a_wrong_action_is_refused_in_one_line(actions: JointAction, reason: str) -> None:
    world = pettingzoo_world(Race)
    with pytest.raises(WorldError, match=rf"world 'race' at frame 0: step: raised ValueError: {reason}"):
        world.step(world.start(0), actions)


class Canvas:
    """Something to draw on."""

    def __reduce__(self) -> Any:
        raise TypeError("a canvas cannot be pickled")


class Drawn(Race):
    """A race that is drawn."""

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        self.canvas = Canvas()
        return super().reset(seed)


def test_an_environment_that_cannot_be_pickled_is_refused_in_one_line() -> None:
    with pytest.raises(WorldError) as raised:
        pettingzoo_world(Drawn).start(0)
    assert str(raised.value) == "world 'race' at the start: start: raised TypeError: a canvas cannot be pickled"


def test_what_is_shared_is_neither_pickled_nor_copied() -> None:
    world = pettingzoo_world(Drawn, shared=(Canvas,))
    check_determinism(world, (joint((0.1, 0.2), 1),) * 5)
    before = world.start(0)
    after, _ = world.step(before, joint((0.1, 0.2), 1))
    world.step(before, joint((0.1, 0.2), 0))
    (canvas,) = before.state.shared
    assert type(canvas) is Canvas
    assert after.state.shared == (canvas,)
