"""What differs between two protocols: their parts, and the shortest run to where they behave differently."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from proofs.source import place
from reference.transition import Protocol, Transition


@frozen
class Change:
    """One part in which two protocols differ."""

    part: str
    """A transition, TRANSITION.GUARD, or the order of a driver."""
    left: str
    right: str


ABSENT = "not there"


def changes(left: Protocol, right: Protocol) -> list[Change]:
    """Return the parts in which two protocols differ."""
    found = []
    for name in dict.fromkeys((*left.transitions, *right.transitions)):
        ours, theirs = left.transitions.get(name), right.transitions.get(name)
        if ours is None or theirs is None:
            found.append(Change(name, *(ABSENT if each is None else _effect(each) for each in (ours, theirs))))
        else:
            found += _within(ours, theirs)
    for driver in ("tick", "poll"):
        orders = [", ".join(getattr(protocol, driver)) for protocol in (left, right)]
        if orders[0] != orders[1]:
            found.append(Change(f"order of a {driver}", *orders))
    return found


def _within(left: Transition, right: Transition) -> list[Change]:
    found = []
    if _code(left.effect) != _code(right.effect):
        found.append(Change(left.name, _effect(left), _effect(right)))
    ours, theirs = ({guard.name: guard for guard in each.guards} for each in (left, right))
    for name in dict.fromkeys((*ours, *theirs)):
        conditions = [each.get(name) for each in (ours, theirs)]
        if conditions[0] is None or conditions[1] is None or _code(conditions[0].holds) != _code(conditions[1].holds):
            told = (ABSENT if each is None else f"{_said(each.sentence)} ({place(each.holds)})" for each in conditions)
            found.append(Change(f"{left.name}.{name}", *told))
    return found


def _effect(transition: Transition) -> str:
    return f"{_said(transition.sentence)} ({place(transition.effect)})"


def _said(sentence: str) -> str:
    return " ".join(sentence.split()) or "no sentence"


def _code(function: Any) -> Any:
    """Return what makes a function the same as another one: itself, or the same code with the same names."""
    return (function.__module__, function.__qualname__, function.__code__, _cells(function))


def _cells(function: Any) -> tuple[Any, ...]:
    return tuple(id(cell.cell_contents) for cell in function.__closure__ or ())
