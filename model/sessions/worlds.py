"""Worlds: a tiny one to simulate with, and what turns somebody else's into one (RB-4, RB-5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, NoReturn
from typing import Protocol as Interface
from zlib import crc32

from attrs import evolve, field, frozen

from rollproof.reference.containers import Action, JointAction, Player
from rollproof.reference.values import canonical
from rollproof.reference.world import Outcome, State, World

# --- a world of our own ---------------------------------------------------------------------------------------------


class Tally(NamedTuple):
    """The state of an `ArithmeticWorld`."""

    frame: int
    value: int
    """Depends on every action of every frame, and on their order."""
    score: int
    """The sum of all actions so far."""


@frozen
class ArithmeticWorld:
    """A cheap world in which every action of every player changes all that follows.

    Actions are integers; any other that a message may bring counts as a number made of its text, and raises nothing.
    """

    modulus: int = 1009
    end_when: int | None = None
    """The episode ends when the sum of all actions reaches this, so an end can be mispredicted; None: never."""

    def start(self, epoch: int) -> Tally:
        """Return the state before frame 0; it differs between episodes."""
        return Tally(0, epoch % self.modulus, 0)

    def step(self, state: Tally, actions: JointAction) -> tuple[Tally, Outcome]:
        """Return the next state, with rewards and infos that depend on it and on each player's action."""
        modulus = self.modulus
        acts: list[Any] = [action if type(action) is int else _number(action) for action in actions.actions]
        value = (31 * state.value + state.frame + 1) % modulus
        for action in acts:
            value = (31 * value + action + 1) % modulus
        score = state.score + sum(acts)
        info = {"value": value, "score": score}
        over = self.end_when is not None and score >= self.end_when
        return Tally(state.frame + 1, value, score), Outcome(
            rewards=dict(zip(actions.players, [value % 10 + action for action in acts], strict=True)),
            terminated=_for_all(actions.players, over),
            truncated=_for_all(actions.players, False),
            infos=dict.fromkeys(actions.players, info),
            over=over,
        )


def _number(action: Action) -> float:
    if isinstance(action, bool | float) and math.isfinite(action):
        return action
    return crc32(canonical(action).encode())


@cache
def _for_all(players: tuple[Player, ...], flag: bool) -> Mapping[Player, bool]:
    return dict.fromkeys(players, flag)


# --- players without a peer -----------------------------------------------------------------------------------------

Policy = Callable[[State, int], tuple[Action, int]]
"""Maps the world's state and the bot's random state to an action and the bot's next random state."""


class BotState(NamedTuple):
    """The state of a `WithBots`."""

    world: State
    random: tuple[int, ...]
    """The random state of each bot."""


@frozen
class WithBots:
    """A world in which some players are bots: no peer sends their inputs.

    A bot acts on the world's state and on a random state of its own, which is restored with the world. So it replays
    exactly under rollback, and acts alike at every peer. Its actions are recorded as the info `action` of that bot.
    """

    world: World
    bots: Mapping[Player, Policy]
    seed: int = 0

    def start(self, epoch: int) -> BotState:
        """Return the state before frame 0, with a random state for each bot that depends on the episode."""
        seeds = (next_random(self.seed + 1_000_003 * epoch + at) for at in range(len(self.bots)))
        return BotState(self.world.start(epoch), tuple(seeds))

    def step(self, state: BotState, actions: JointAction) -> tuple[BotState, Outcome]:
        """Let every bot choose its action, and step the world with everyone's."""
        moves = [policy(state.world, random) for policy, random in zip(self.bots.values(), state.random, strict=True)]
        chosen = tuple(action for action, _ in moves)
        everyone = JointAction((*actions.players, *self.bots), (*actions.actions, *chosen))
        world, outcome = self.world.step(state.world, everyone)
        recorded = {
            bot: {**outcome.infos.get(bot, {}), "action": action} for bot, action in zip(self.bots, chosen, strict=True)
        }
        return BotState(world, tuple(random for _, random in moves)), evolve(
            outcome, infos={**outcome.infos, **recorded}
        )


def next_random(state: int) -> int:
    """Return the number after `state` in a fixed pseudo-random sequence (Knuth's MMIX generator), below 2**64."""
    return (state * 6364136223846793005 + 1442695040888963407) % 2**64


def choose_randomly(*actions: Action) -> Policy:
    """Return the policy that draws each action from `actions`, uniformly."""

    def policy(_: State, random: int) -> tuple[Action, int]:
        return actions[(random >> 32) % len(actions)], next_random(random)

    return policy


# --- mutable environments -------------------------------------------------------------------------------------------


class Stateful(Interface):
    """A mutable environment of which snapshots can be taken."""

    def reset(self, epoch: int) -> None:
        """Begin an episode; equally at every peer."""

    def step(self, actions: JointAction) -> Outcome:
        """Advance by one frame."""

    def snapshot(self) -> Any:
        """Return the present state as a value that no later step changes."""

    def restore(self, value: Any) -> None:
        """Become as at the snapshot, leaving the snapshot as it is."""


@frozen(eq=False)
class Snapshotting:
    """Makes a world of a mutable environment: its states are the environment's snapshots."""

    environment: Stateful
    _at: list[State] = field(factory=list, init=False, repr=False)
    """The snapshot at which the environment is now, if it is at one."""

    def start(self, epoch: int) -> State:
        """Reset the environment, and return a snapshot of it."""
        self._at.clear()
        self.environment.reset(epoch)
        return self._arrive()

    def step(self, state: State, actions: JointAction) -> tuple[State, Outcome]:
        """Step the environment from `state`, restoring it only if it is elsewhere."""
        elsewhere = not self._at or self._at[0] is not state
        self._at.clear()
        if elsewhere:
            self.environment.restore(state)
        outcome = self.environment.step(actions)
        return self._arrive(), outcome

    def _arrive(self) -> State:
        state = self.environment.snapshot()
        self._at.append(state)
        return state


# --- worlds that are not trusted ------------------------------------------------------------------------------------

MOST_INFOS = 64
"""How many infos a player may have in one frame."""
LONGEST_NAME = 64
"""The length of an info's name, in characters."""
LONGEST_TEXT = 1024
"""The length of a text among the infos, in characters."""
LARGEST_INTEGER = 2**63 - 1
"""The largest magnitude of an integer reward or info."""


class WorldError(ValueError):
    """A world does not keep to what is asked of one. Its text is one line: the world, the frame, the field, and why."""

    def __init__(self, world: str, frame: int | None, name: str, reason: str) -> None:
        """Blame `name`: `start`, `step`, or a field of the outcome. The frame is None before frame 0."""
        self.world = world
        self.frame = frame
        self.field = name
        self.reason = _one_line(reason)
        place = "at the start" if frame is None else f"at frame {frame}"
        super().__init__(f"world {world!r} {place}: {name}: {self.reason}")


class Numbered(NamedTuple):
    """The state of a `Checked` world."""

    frame: int
    state: State


@frozen
class Checked:
    """A world whose every outcome is checked before the protocol sees it.

    Rewards must be finite numbers and flags bools, of players that take part; infos JSON scalars of bounded size.

    Raises:
        WorldError: from `start` and `step`, if one is not, or if the world itself raises.
    """

    world: World
    name: str = "world"
    others: tuple[Player, ...] = ()
    """Players that take part besides those of the session: bots."""
    twice: bool = True
    """Whether each step is taken twice from the same state and must yield the same: so that a state which a step
    changes, or cannot be restored, is found at once. Costs one more step."""

    def start(self, epoch: int) -> Numbered:
        """Return the state before frame 0 of an episode."""
        try:
            return Numbered(0, self.world.start(epoch))
        except Exception as error:
            raise WorldError(self.name, None, "start", _raised(error)) from error

    def step(self, state: Numbered, actions: JointAction) -> tuple[Numbered, Outcome]:
        """Step the world and check what it yields."""
        after, outcome = self._step(state, actions)
        if self.twice:
            after, again = self._step(state, actions)
            if again != outcome:
                self._refuse(state.frame, "step", f"{_difference(outcome, again)} when repeated from the same state")
        return Numbered(state.frame + 1, after), outcome

    def _step(self, state: Numbered, actions: JointAction) -> tuple[State, Outcome]:
        try:
            result = self.world.step(state.state, actions)
        except Exception as error:
            raise WorldError(self.name, state.frame, "step", _raised(error)) from error
        if not isinstance(result, tuple) or len(result) != 2 or not isinstance(result[1], Outcome):
            self._refuse(state.frame, "step", f"must return a state and an Outcome, not {_shown(result)}")
        self._check(state.frame, result[1], {*actions.players, *self.others})
        return result

    def _check(self, frame: int, outcome: Outcome, players: set[Player]) -> None:
        for name in ("rewards", "terminated", "truncated", "infos"):
            by_player = getattr(outcome, name)
            if not isinstance(by_player, Mapping):
                self._refuse(frame, name, f"must be a mapping by player, not {_shown(by_player)}")
            for player, value in by_player.items():
                if player not in players:
                    self._refuse(frame, name, f"there is no player {_shown(player)}")
                problem = _PROBLEMS[name](value)
                if problem is not None:
                    self._refuse(frame, f"{name}.{player}", problem)
        if type(outcome.over) is not bool:
            self._refuse(frame, "over", f"must be a bool, not {_shown(outcome.over)}")

    def _refuse(self, frame: int, name: str, reason: str) -> NoReturn:
        raise WorldError(self.name, frame, name, reason)


def check_determinism(world: World, actions: tuple[JointAction, ...], *, epoch: int = 0, name: str = "world") -> None:
    """Check that a world yields the same whenever it gets the same actions in the same state.

    The episode is run through twice from its start, then each of its steps is taken again, the last one first, as a
    rollback would do: what comes out must be equal each time.

    Raises:
        WorldError: naming the first frame and field found to differ.
    """
    first, states = _run(world, actions, epoch)
    again, _ = _run(world, actions, epoch)
    for frame, (one, other) in enumerate(zip(first, again, strict=False)):
        if one != other:
            raise WorldError(name, frame, "step", f"{_difference(one, other)} in a second run with the same actions")
    for frame in reversed(range(len(first))):
        _, outcome = world.step(states[frame], actions[frame])
        if outcome != first[frame]:
            reason = f"{_difference(first[frame], outcome)} when repeated from the same state"
            raise WorldError(name, frame, "step", reason)


def _run(world: World, actions: tuple[JointAction, ...], epoch: int) -> tuple[list[Outcome], list[State]]:
    states, outcomes = [world.start(epoch)], []
    for joint in actions:
        state, outcome = world.step(states[-1], joint)
        states.append(state)
        outcomes.append(outcome)
        if outcome.over:
            break
    return outcomes, states


def _number_problem(value: object) -> str | None:
    if type(value) is int and abs(value) <= LARGEST_INTEGER:
        return None
    if type(value) is float and math.isfinite(value):
        return None
    return f"must be a finite number, not {_shown(value)}"


def _flag_problem(value: object) -> str | None:
    return None if type(value) is bool else f"must be a bool, not {_shown(value)}"


def _infos_problem(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return f"must be a mapping, not {_shown(value)}"
    if len(value) > MOST_INFOS:
        return f"must be at most {MOST_INFOS} infos, not {len(value)}"
    for name, info in value.items():
        if type(name) is not str or not 1 <= len(name) <= LONGEST_NAME:
            return f"a name must be a string of 1 to {LONGEST_NAME} characters, not {_shown(name)}"
        if type(info) is str:
            if len(info) > LONGEST_TEXT:
                return f"{name}: must be at most {LONGEST_TEXT} characters, not {len(info)}"
        elif info is not None and type(info) is not bool and _number_problem(info) is not None:
            return f"{name}: must be a JSON scalar, not {_shown(info)}"
    return None


_PROBLEMS: dict[str, Callable[[object], str | None]] = {
    "rewards": _number_problem,
    "terminated": _flag_problem,
    "truncated": _flag_problem,
    "infos": _infos_problem,
}


def _difference(one: Outcome, other: Outcome) -> str:
    for name in ("rewards", "terminated", "truncated", "infos", "over"):
        if getattr(one, name) != getattr(other, name):
            return f"{name} was {_shown(getattr(one, name))}, then {_shown(getattr(other, name))}"
    return f"the outcome was {_shown(one)}, then {_shown(other)}"


def _raised(error: Exception) -> str:
    return f"raised {type(error).__name__}: {error}" if str(error) else f"raised {type(error).__name__}"


def _shown(value: object) -> str:
    try:
        return _one_line(repr(value))
    except Exception:
        return f"a {type(value).__name__}"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:157]}..."
