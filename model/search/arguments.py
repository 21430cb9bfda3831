"""What may be passed to a transition in a small instance: the environment's moves, by the names of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

from rollproof.model.search.instances import Instance
from rollproof.model.theorems.environment import ASSUMPTIONS
from rollproof.model.theorems.logic import Logic
from rollproof.reference.digest import Digest
from rollproof.reference.state import Peer
from rollproof.reference.transition import Transition

STRANGER = "stranger"
"""A player who is not in the session."""
OTHER_SESSION = "another session"
"""A session of the same players."""
NO_ACTION = 2
"""What no configuration of an instance admits that says what an action is."""
FORGED = Digest("forged")
"""A hash that no record has."""


class UnknownParameterError(Exception):
    """A transition has a parameter for which there is no domain."""


def arguments(instance: Instance, transition: Transition[Any], peer: Peer, q: Logic) -> Iterator[tuple[Any, ...]]:
    """Iterate over the arguments that the environment may pass in a state.

    Raises:
        UnknownParameterError: if the transition has a parameter for which there is no domain.
    """
    names = transition.parameters
    domains = [_domain(name, transition)(instance, peer, q) for name in names]
    assumption = ASSUMPTIONS.get(transition.name) if instance.truthful else None
    for args in product(*domains):
        if assumption is None or assumption(q, peer, **dict(zip(names, args, strict=True))):
            yield args


Domain = Callable[[Instance, Peer, Logic], Iterable[Any]]


def _domain(name: str, transition: Transition[Any]) -> Domain:
    if name not in _DOMAINS:
        raise UnknownParameterError(f"there is no domain for parameter {name!r} of {transition.name}")
    return _DOMAINS[name]


def _players(instance: Instance, peer: Peer, q: Logic) -> Iterable[str]:
    partners = peer.config.partners
    return (*partners, peer.config.player, STRANGER) if instance.hostile else partners


def _epochs(instance: Instance, peer: Peer, q: Logic) -> Iterable[int]:
    if not instance.hostile:
        return (peer.epoch,)
    return tuple(epoch for epoch in (peer.epoch, peer.epoch - 1, peer.epoch + 1) if 0 <= epoch < instance.episodes)


def _games(instance: Instance, peer: Peer, q: Logic) -> Iterable[str]:
    return (peer.config.game, OTHER_SESSION) if instance.hostile else (peer.config.game,)


def _frames(instance: Instance, peer: Peer, q: Logic) -> Iterable[int]:
    last = instance.frames + peer.config.input_delay
    if not instance.hostile:
        return range(peer.config.input_delay, last)
    return (*range(last), -1, peer.frame + peer.config.max_frames_ahead + 1)


def _instants(instance: Instance, peer: Peer, q: Logic) -> Iterable[int]:
    """Return now, and the moment at which the deadline of the present phase has come."""
    return (0,) if peer.ending.deadline is None else (0, peer.ending.deadline)


def _digests(instance: Instance, peer: Peer, q: Logic) -> Iterable[Digest]:
    frames = [frame for frame in _frames(instance, peer, q) if frame >= -1]
    true = (q.truth(peer, epoch).digest(frame + 1) for epoch in _epochs(instance, peer, q) for frame in frames)
    return tuple(dict.fromkeys((*true, FORGED)))


def _actions(instance: Instance, peer: Peer, q: Logic) -> Iterable[int]:
    """Return the actions that players take, and, if the configuration says what one is, what is none."""
    return (0, 1) if peer.config.actions.admits(NO_ACTION) else (0, 1, NO_ACTION)


_DOMAINS: dict[str, Domain] = {
    "action": _actions,
    "player": _players,
    "epoch": _epochs,
    "path": lambda instance, *_: instance.paths,
    "frame": _frames,
    "now": _instants,
    "focused": lambda *_: (True,),
    "accepts": lambda instance, *_: (True, False) if len(instance.paths) > 1 else (True,),
    "end": lambda instance, *_: range(instance.frames + 1),
    "digest": _digests,
    "game": _games,
    "reason": lambda *_: ("refused",),
    "acknowledged": lambda instance, *_: range(-1, instance.frames),
    "end_known": lambda *_: (False, True),
    "connected": lambda *_: (True, False),
    "has_sender": lambda *_: (True, False),
}
"""By parameter."""
