"""A PettingZoo parallel environment as the world of a session. Needs the extra `pettingzoo`."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from attrs import field, frozen
from gymnasium.utils import EzPickle
from pettingzoo import ParallelEnv

from rollproof.model.sessions.worlds import Checked, Snapshotting
from rollproof.reference.containers import Action, JointAction, Player
from rollproof.reference.world import Outcome


def pettingzoo_world(
    make: Callable[[], ParallelEnv[Any, Any, Any]],
    *,
    seed: int = 0,
    shared: tuple[type, ...] = (),
    others: tuple[Player, ...] = (),
    twice: bool = False,
) -> Checked:
    """Return the world of a parallel environment: its agents are the players, by name.

    Episode n is reset with `seed` + n. An action is a value of the agent's action space as JSON (`from_jsonable` of the
    space); one that the space does not contain is refused. Rewards, flags and infos of each frame are checked.

    Args:
        make: makes the environment; called for every episode, since not every environment's `reset` resets all of it.
        seed: the seed of the first episode.
        shared: types whose objects are no part of the state, such as what is drawn on; all snapshots share them.
        others: agents that are not players of the session, but bots of a `WithBots` around this world.
        twice: whether each step is taken twice, to find an environment that cannot be restored (see `Checked`).

    Raises:
        WorldError: from `start` and `step`, with one clear line, for anything that is wrong.
    """
    environment = PettingZoo(make, seed, shared)
    return Checked(Snapshotting(environment), name=environment.name, others=others, twice=twice)


@frozen(eq=False)
class Snapshot:
    """An environment at one moment. Never changes."""

    data: bytes = field(repr=False)
    """The environment, pickled."""
    shared: tuple[object, ...] = field(repr=False)
    """The objects it refers to that are no part of its state."""


class PettingZoo:
    """A PettingZoo parallel environment of which snapshots can be taken, by pickling the whole of it."""

    def __init__(self, make: Callable[[], ParallelEnv[Any, Any, Any]], seed: int, shared: tuple[type, ...]) -> None:
        """Drive what `make` makes; snapshots keep objects of the types `shared` as they are."""
        self.make = make
        self.seed = seed
        self.shared = shared
        self.environment = make()
        metadata = getattr(self.environment, "metadata", {})
        self.name = str(metadata.get("name", type(self.environment).__name__))

    def reset(self, epoch: int) -> None:
        """Begin an episode."""
        self.environment = self.make()
        self.environment.reset(seed=self.seed + epoch)

    def step(self, actions: JointAction) -> Outcome:
        """Advance by one frame with the actions of the agents that still take part."""
        chosen = dict(actions.items())
        moves = {agent: self._move(agent, chosen) for agent in self.environment.agents}
        _, rewards, terminated, truncated, infos = self.environment.step(moves)
        return Outcome(
            rewards=_plain(rewards),
            terminated=_plain(terminated),
            truncated=_plain(truncated),
            infos={agent: _plain(info) for agent, info in infos.items()},
            over=not self.environment.agents,
        )

    def snapshot(self) -> Snapshot:
        """Return the present state."""
        shared: list[object] = []
        file = io.BytesIO()
        _Pickler(file, self.shared, shared).dump(self.environment)
        return Snapshot(file.getvalue(), tuple(shared))

    def restore(self, value: Snapshot) -> None:
        """Become as at a snapshot."""
        self.environment = _Unpickler(io.BytesIO(value.data), value.shared).load()

    def _move(self, agent: Player, chosen: Mapping[Player, Action]) -> Any:
        if agent not in chosen:
            raise ValueError(f"agent {agent!r} is not a player of the session")
        space = self.environment.action_space(agent)
        try:
            move = space.from_jsonable([chosen[agent]])[0]
        except Exception:
            move = None
        if move is None or not space.contains(move):
            raise ValueError(f"action {chosen[agent]!r} of agent {agent!r} is not in {space}")
        return move


def _plain(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a copy with NumPy's scalars as Python's."""
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}


class _Pickler(pickle.Pickler):
    """Pickles the attributes of every object, also of those that ask for less.

    Many environments are an `EzPickle`, of which pickle and deepcopy keep the arguments it was made with and nothing
    of its state: a copy would be a fresh environment.
    """

    def __init__(self, file: io.BytesIO, shared: tuple[type, ...], found: list[object]) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._shared = shared
        self._found = found

    def persistent_id(self, obj: Any) -> int | None:
        if not isinstance(obj, self._shared):
            return None
        self._found.append(obj)
        return len(self._found) - 1

    def reducer_override(self, obj: Any) -> Any:
        if not isinstance(obj, EzPickle):
            return NotImplemented
        return _new, (type(obj),), vars(obj), None, None, _set_attributes


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: tuple[object, ...]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, pid: Any) -> object:
        return self._shared[pid]


def _new(cls: Any) -> Any:
    return cls.__new__(cls)


def _set_attributes(obj: Any, attributes: dict[str, Any]) -> None:
    vars(obj).update(attributes)
