"""A protocol that tells which of its transitions happen, and which guards refuse them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from attrs import evolve

from rollproof.reference.transition import Guard, Protocol, Step, Transition

Note = Callable[[str, str], None]
"""Called with a transition's name and that of the guard that refused it, or with an empty one when it happened."""


def watched(protocol: Protocol, note: Note) -> Protocol:
    """Return a protocol that does the same, and notes each step and each refusal when one is tried."""
    return protocol.replace(protocol.name, *(_watched(each, note) for each in protocol.transitions.values()))


def _watched(transition: Transition[Any], note: Note) -> Transition[Any]:
    @wraps(transition.effect)
    def effect(*args: Any) -> Step:
        step = transition.effect(*args)
        note(transition.name, "")
        return step

    def watching(guard: Guard[Any]) -> Guard[Any]:
        @wraps(guard.condition)
        def condition(*args: Any) -> bool:
            held = guard.condition(*args)
            if not held:
                note(transition.name, guard.name)
            return held

        return evolve(guard, condition=condition)

    return evolve(transition, guards=tuple(map(watching, transition.guards)), effect=effect)
