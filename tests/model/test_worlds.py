from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rollproof.model.sessions.worlds import (
    ArithmeticWorld,
    Checked,
    Snapshotting,
    WithBots,
    WorldError,
    check_determinism,
    choose_randomly,
)
from rollproof.reference.config import Config
from rollproof.reference.containers import Action, JointAction
from rollproof.reference.events import Sent
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import new_peer
from rollproof.reference.tick import receive, tick
from rollproof.reference.wire import decode, encode
from rollproof.reference.world import Outcome, Totals

PLAYERS = ("a", "b")


def joint(*actions: int) -> JointAction:
    return JointAction(PLAYERS, actions)


SOME_ACTIONS = tuple(joint(frame % 3, (frame * frame) % 2) for frame in range(12))


def play(world: Any, actions: tuple[JointAction, ...] = SOME_ACTIONS) -> list[Outcome]:
    state, outcomes = world.start(0), []
    for each in actions:
        state, outcome = world.step(state, each)
        outcomes.append(outcome)
    return outcomes


# --- ArithmeticWorld ---


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=6), st.data())
def test_every_action_of_every_frame_changes_all_that_follows(rows: list[tuple[int, int]], data: st.DataObject) -> None:
    frame = data.draw(st.integers(0, len(rows) - 1))
    changed = list(rows)
    changed[frame] = (rows[frame][0] + 1, rows[frame][1])
    one = play(ArithmeticWorld(), tuple(joint(*row) for row in rows))
    other = play(ArithmeticWorld(), tuple(joint(*row) for row in changed))
    assert one[:frame] == other[:frame]
    for before, after in zip(one[frame:], other[frame:], strict=True):
        assert before.infos["b"]["value"] != after.infos["b"]["value"]


def test_states_are_hashable_and_differ_by_frame_and_episode() -> None:
    world = ArithmeticWorld()
    states = [world.start(0), world.start(1)]
    for _ in range(5):
        states.append(world.step(states[-1], joint(0, 0))[0])
    assert len(set(states)) == len(states)


def test_its_end_depends_on_the_actions() -> None:
    world = ArithmeticWorld(end_when=3)
    assert [outcome.over for outcome in play(world, (joint(1, 0), joint(1, 0), joint(0, 0), joint(0, 1)))] == [
        False,
        False,
        False,
        True,
    ]
    assert not play(world, (joint(1, 0), joint(0, 0)))[-1].over


# --- WithBots ---


def test_bots_act_on_the_state_and_are_recorded() -> None:
    def copy_score(state: Any, random: int) -> tuple[int, int]:
        return state.score % 2, random

    world = WithBots(ArithmeticWorld(), {"bot": copy_score})
    outcomes = play(world, (joint(1, 0), joint(0, 0), joint(0, 0)))
    assert [outcome.infos["bot"]["action"] for outcome in outcomes] == [0, 1, 0]
    assert set(outcomes[0].rewards) == {"a", "b", "bot"}


def test_a_random_bot_replays_exactly_from_an_older_state() -> None:
    world = WithBots(ArithmeticWorld(), {"bot": choose_randomly(0, 1, 2), "other": choose_randomly(0, 1)}, seed=4)
    check_determinism(world, SOME_ACTIONS)
    drawn = [outcome.infos["bot"]["action"] for outcome in play(world, SOME_ACTIONS * 5)]
    assert set(drawn) == {0, 1, 2}
    assert drawn != [outcome.infos["bot"]["action"] for outcome in play(evolve(world, seed=5), SOME_ACTIONS * 5)]
    assert world.start(0) != world.start(1)


# --- Snapshotting ---


class Counter:
    """A mutable environment: its state is a list."""

    def __init__(self) -> None:
        self.log: list[int] = []
        self.restores = 0

    def reset(self, epoch: int) -> None:
        self.log = [epoch]

    def step(self, actions: JointAction) -> Outcome:
        self.log.append(sum(actions.actions))
        return Outcome(rewards=dict.fromkeys(actions.players, sum(self.log)))

    def snapshot(self) -> tuple[int, ...]:
        return tuple(self.log)

    def restore(self, value: tuple[int, ...]) -> None:
        self.restores += 1
        self.log = list(value)


def test_a_mutable_environment_is_restored_only_when_it_is_elsewhere() -> None:
    environment = Counter()
    world = Snapshotting(environment)
    first = world.start(0)
    second, _ = world.step(first, joint(1, 0))
    third, at_second = world.step(second, joint(1, 1))
    assert environment.restores == 0
    assert world.step(second, joint(1, 1)) == (third, at_second)
    assert environment.restores == 1
    world.step(first, joint(0, 0))
    assert environment.restores == 2


def test_after_a_step_that_raises_the_environment_is_restored() -> None:
    class Fragile(Counter):
        def step(self, actions: JointAction) -> Outcome:
            outcome = super().step(actions)
            if actions.of("a") == 9:
                raise RuntimeError("no such move")
            return outcome

    environment = Fragile()
    world = Snapshotting(environment)
    state = world.start(0)
    with pytest.raises(RuntimeError):
        world.step(state, joint(9, 0))
    assert world.step(state, joint(1, 0))[1].rewards == {"a": 1, "b": 1}


def test_two_peers_may_share_one_environment() -> None:
    world = Snapshotting(Counter())
    mine, yours = world.start(0), world.start(1)
    mine, _ = world.step(mine, joint(1, 0))
    yours, outcome = world.step(yours, joint(5, 0))
    assert outcome.rewards["a"] == 6
    assert world.step(mine, joint(1, 0))[1].rewards["a"] == 2


# --- Checked ---


class Yielding:
    """A world that yields what it is told, at frame 1."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    def start(self, epoch: int) -> int:
        return 0

    def step(self, state: int, actions: JointAction) -> Any:
        return state + 1, self.outcome if state == 1 else Outcome()


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


WRONG_OUTCOMES = {
    "nan": (Outcome(rewards={"a": math.nan}), "rewards.a: must be a finite number, not nan"),
    "infinite": (Outcome(rewards={"b": math.inf}), "rewards.b: must be a finite number, not inf"),
    "bool reward": (Outcome(rewards={"a": True}), "rewards.a: must be a finite number, not True"),
    "text reward": (Outcome(rewards={"a": "1"}), "rewards.a: must be a finite number, not '1'"),
    "huge reward": (Outcome(rewards={"a": 2**70}), f"rewards.a: must be a finite number, not {2**70}"),
    "stranger": (Outcome(rewards={"c": 0}), "rewards: there is no player 'c'"),
    "no mapping": (Outcome(rewards=[1, 2]), "rewards: must be a mapping by player, not [1, 2]"),
    "int flag": (Outcome(terminated={"a": 1}), "terminated.a: must be a bool, not 1"),
    "none flag": (Outcome(truncated={"a": None}), "truncated.a: must be a bool, not None"),
    "over": (Outcome(over=1), "over: must be a bool, not 1"),
    "no infos": (Outcome(infos={"a": None}), "infos.a: must be a mapping, not None"),
    "list info": (Outcome(infos={"a": {"x": [1]}}), "infos.a: x: must be a JSON scalar, not [1]"),
    "nan info": (Outcome(infos={"a": {"x": math.nan}}), "infos.a: x: must be a JSON scalar, not nan"),
    "unprintable": (Outcome(infos={"a": {"x": Unprintable()}}), "infos.a: x: must be a JSON scalar, not a Unprintable"),
    "long info": (Outcome(infos={"a": {"x": "y" * 1025}}), "infos.a: x: must be at most 1024 characters, not 1025"),
    "long name": (Outcome(infos={"a": {"": 1}}), "infos.a: a name must be a string of 1 to 64 characters, not ''"),
    "many infos": (
        Outcome(infos={"a": {str(n): n for n in range(65)}}),
        "infos.a: must be at most 64 infos, not 65",
    ),
    "no outcome": (None, "step: must return a state and an Outcome, not (2, None)"),
}


@pytest.mark.parametrize(("outcome", "reason"), WRONG_OUTCOMES.values(), ids=WRONG_OUTCOMES)
def test_a_wrong_outcome_is_refused_in_one_line(outcome: Any, reason: str) -> None:
    world = Checked(Yielding(outcome), name="mine", twice=False)
    state, _ = world.step(world.start(0), joint(0, 0))
    with pytest.raises(WorldError) as raised:
        world.step(state, joint(0, 0))
    assert str(raised.value) == f"world 'mine' at frame 1: {reason}"
    assert raised.value.frame == 1


def test_what_is_right_passes_unchanged() -> None:
    outcome = Outcome(
        rewards={"a": -0.5, "bot": 3},
        terminated={"a": True},
        infos={"b": {"text": "x", "none": None, "flag": True, "number": 1.5}},
        over=True,
    )
    world = Checked(Yielding(outcome), others=("bot",))
    state, _ = world.step(world.start(0), joint(0, 0))
    assert world.step(state, joint(0, 0))[1] == outcome


@pytest.mark.parametrize("result", [None, (1,), (1, 2, 3), 7])
def test_a_step_that_returns_no_pair_is_refused(result: Any) -> None:
    class Odd(ArithmeticWorld):
        def step(self, state: Any, actions: JointAction) -> Any:
            return result

    world = Checked(Odd())
    with pytest.raises(WorldError, match="at frame 0: step: must return a state and an Outcome"):
        world.step(world.start(0), joint(0, 0))


def test_a_world_that_raises_is_refused_in_one_line() -> None:
    class Raising:
        def start(self, epoch: int) -> None:
            raise KeyError("no\nsuch " + "level " * 100)

        def step(self, state: None, actions: JointAction) -> Any:
            raise ZeroDivisionError

    world = Checked(Raising(), name="broken")
    with pytest.raises(WorldError) as raised:
        world.start(0)
    text = str(raised.value)
    assert text.startswith("world 'broken' at the start: start: raised KeyError: ")
    assert "\n" not in text
    assert len(text) < 250
    with pytest.raises(WorldError, match=r"step: raised ZeroDivisionError$"):
        world.step(Checked(ArithmeticWorld()).start(0), joint(0, 0))


class Mutating:
    """A world that changes the state it is given: it cannot be rolled back."""

    def start(self, epoch: int) -> list[int]:
        return [epoch]

    def step(self, state: list[int], actions: JointAction) -> tuple[list[int], Outcome]:
        state.append(sum(actions.actions))
        return state, Outcome(rewards={"a": len(state)})


class Remembering:
    """A world that depends on more than its arguments."""

    def __init__(self) -> None:
        self.steps = 0

    def start(self, epoch: int) -> int:
        return 0

    def step(self, state: int, actions: JointAction) -> tuple[int, Outcome]:
        self.steps += 1
        return state + 1, Outcome(infos={"a": {"steps": self.steps}})


def test_a_state_that_cannot_be_restored_is_found_at_once() -> None:
    world = Checked(Mutating())
    with pytest.raises(WorldError, match=r"at frame 0: step: rewards was \{'a': 2\}, then \{'a': 3\} when repeated"):
        world.step(world.start(0), joint(0, 0))
    checked_once = Checked(Mutating(), twice=False)
    assert checked_once.step(checked_once.start(0), joint(0, 0))[1].rewards == {"a": 2}


def test_check_determinism_accepts_a_deterministic_world() -> None:
    check_determinism(ArithmeticWorld(), SOME_ACTIONS)
    check_determinism(ArithmeticWorld(end_when=4), SOME_ACTIONS)
    check_determinism(Snapshotting(Counter()), SOME_ACTIONS)


def test_check_determinism_finds_what_is_not_deterministic() -> None:
    with pytest.raises(WorldError, match=r"at frame 0: step: infos was .* in a second run with the same actions"):
        check_determinism(Remembering(), SOME_ACTIONS)
    with pytest.raises(WorldError, match="when repeated from the same state"):
        check_determinism(Mutating(), SOME_ACTIONS)


@given(st.integers(0, 11))
def test_check_determinism_finds_a_world_that_is_perturbed_once(frame: int) -> None:
    class Perturbed(ArithmeticWorld):
        def step(self, state: Any, actions: JointAction) -> tuple[Any, Outcome]:
            steps.append(None)
            after, outcome = super().step(state, actions)
            return (after._replace(value=0), outcome) if len(steps) == frame + 1 else (after, outcome)

    steps: list[None] = []
    if frame == 11:  # the last state is never stepped from
        check_determinism(Perturbed(), SOME_ACTIONS)
    else:
        with pytest.raises(WorldError, match=f"at frame {frame + 1}: "):
            check_determinism(Perturbed(), SOME_ACTIONS)


def test_a_snapshot_that_shares_state_with_the_environment_is_found() -> None:
    class Shallow(Counter):
        def snapshot(self) -> Any:
            return self.log

        def restore(self, value: Any) -> None:
            self.log = value

    with pytest.raises(WorldError, match="when repeated from the same state"):
        check_determinism(Snapshotting(Shallow()), SOME_ACTIONS)
    check_determinism(Snapshotting(copy.deepcopy(Counter())), SOME_ACTIONS)


def test_a_player_without_a_reward_keeps_the_return() -> None:
    """RB-4: cumulative rewards are a counter of the simulation."""
    totals = Totals().plus(Outcome(rewards={"a": 1, "b": 2})).plus(Outcome(rewards={"a": 1}))
    assert totals.rewards == {"a": 2, "b": 2}


@pytest.mark.parametrize("action", [7, -(2**52), 1.5, -0.0, True, "jump", "", "é" * 60])
def test_whatever_action_a_message_brings_does_not_make_a_peer_raise(action: Action) -> None:
    """It is received, drained, corrected and simulated, and the two peers agree on what came of it."""
    config = {player: Config(player, ("a", "b"), game="g") for player in "ab"}
    peers = {player: new_peer(each, ArithmeticWorld()) for player, each in config.items()}
    for round in range(7):
        sent: list[Sent] = []
        for player, peer in peers.items():
            played = action if (player, round) == ("a", 2) else round
            peers[player], events = tick(PROTOCOL, peer, round * 20, played)
            sent += [event for event in events if isinstance(event, Sent)]
        for each in sent:
            told = decode(encode(each.message))
            peers[each.to], _ = receive(PROTOCOL, peers[each.to], round * 20, each.path, told)
    records = [[peer.buffers.canonical[frame].record.outcome for frame in range(5)] for peer in peers.values()]
    assert records[0] == records[1]
