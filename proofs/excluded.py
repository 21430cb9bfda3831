"""Lemmas that would exclude a state: comparisons that hold in every state that was seen, and not in that one.

They are guesses: a lemma counts only once it is stated and proved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from rollproof.model.search.explorer import Explorer
from rollproof.model.search.instances import INSTANCES
from rollproof.proofs.words import comparisons, guard_of
from rollproof.reference import guards
from rollproof.reference.state import Peer, Phase
from rollproof.reference.transition import Protocol

STATES = 300
"""How many states of each instance a lemma is tried in."""
MOST = 3
"""How many are told."""


def excluding(protocol: Protocol, state: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """Return the shortest comparisons that exclude a state, as Python, and in how many states they were seen to hold.

    The state is given by its scalars, by name (`proofs.cti.SCALARS`).
    """
    wrong = _stand_in(state)
    left = [(text, guard_of(text, vars(guards)).condition) for text in comparisons()]
    left = [(text, holds) for text, holds in left if not _holds(holds, wrong)]
    seen = 0
    for peer in _states(protocol):
        seen += 1
        left = [(text, holds) for text, holds in left if _holds(holds, peer)]
        if not left:
            break
    return tuple(sorted((text for text, _ in left), key=len)[:MOST]), seen


def _states(protocol: Protocol) -> Iterable[Peer]:
    for instance in INSTANCES.values():
        explorer = Explorer(protocol, instance)
        yield from _reached(explorer)


def _reached(explorer: Explorer) -> Iterator[Peer]:
    for stepped in explorer.explore(STATES):
        if stepped.after is not None and stepped.is_new:
            yield stepped.after.peer


def _holds(condition: Any, peer: Any) -> bool:
    try:
        return bool(condition(peer))
    except TypeError:  # it compares what is not there
        return True


def _stand_in(state: Mapping[str, Any]) -> SimpleNamespace:
    """Return what has the scalars of a state where a peer has them."""
    made = SimpleNamespace()
    for name, value in state.items():
        *path, last = name.split(".")
        owner = made
        for part in path:
            if not hasattr(owner, part):
                setattr(owner, part, SimpleNamespace())
            owner = getattr(owner, part)
        setattr(owner, last, Phase(value) if name == "ending.phase" and value is not None else value)
    return made
