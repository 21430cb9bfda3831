"""Which guards are implied: in no reachable state is one of them the only one that refuses, whatever the arguments.

A protocol without such a guard is the same protocol.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

from attrs import evolve

from rollproof.proofs.induction import QUICK_EFFORT, Discharge, cases, discharge
from rollproof.proofs.obligations import before
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol, Step, Transition


class AloneError(Exception):
    """A guard refuses what all others allow."""


def is_implied(protocol: Protocol, transition: str, guard: str) -> bool:
    """Tell whether it is proved that a guard never refuses alone.

    Raises:
        KeyError: if there is no such transition or guard.
    """
    return not unproved(protocol, transition, guard)


def unproved(protocol: Protocol, transition: str, guard: str) -> list[Discharge]:
    """Return what is not proved of a guard's never refusing alone: nothing if it is implied."""
    probe = _probe(protocol.transitions[transition], guard)
    probing = protocol.extend(f"{protocol.name}: {probe.name}", probe)
    found: list[Discharge] = []
    for case in cases(probing, before(probing), probe.name):
        if case.failure is not None and not found:
            found = [each for each in discharge(case, QUICK_EFFORT) if not each.proved]
    return found


def _probe(transition: Transition[Any], guard: str) -> Transition[Any]:
    """Return a transition that raises where a guard alone refuses: the theorem that nothing raises says the rest.

    It has a name of its own, so that nothing is assumed of its arguments.
    """
    own = {each.name: each for each in transition.guards}[guard]

    @wraps(transition.effect)
    def raising(peer: Peer, args: Any = None) -> Step:
        if not own.holds(peer, args):
            raise AloneError(guard)
        return peer, ()

    others = tuple(each for each in transition.guards if each is not own)
    return evolve(transition, name=f"{transition.name} without {guard}", guards=others, effect=raising)
