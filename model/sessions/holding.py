"""Theorems held to in sessions: what is proved of every step and every state, read on the values of a whole session."""

from __future__ import annotations

from collections.abc import Collection

from rollproof.model.sessions.calls import DriverCall
from rollproof.model.sessions.contract import Contract, Problems
from rollproof.model.theorems.blame import violated
from rollproof.model.theorems.property import Attempt, Property, StepView
from rollproof.model.theorems.truth import Truth
from rollproof.model.theorems.values import Values

SCOPES = ("step", "state", "consequence", "possibility")
"""What can be read on one call of a driver."""


class _TruthAskedError(Exception):
    """A property speaks of the truth, which is not known while a session goes on."""


def can_be_held(each: Property) -> bool:
    """Tell whether a property can be read in a session: one that believes nobody, and speaks of one peer."""
    return each.scope in SCOPES and not each.trusting


def holding(each: Property, only: Collection[str] = (), *, at_rest: bool = False) -> Contract:
    """Return the contract that every step of a session, and every state after one, has a property.

    Looking at steps of some transitions `only`, where it is proved of all others, takes less; but for what is a
    consequence of other properties, which may fail in any state. `at_rest` looks at such a one only where a call ends:
    most say what is so when no internal step is left.
    """
    wanted = frozenset() if each.scope == "consequence" else frozenset(only)

    last_alone = at_rest and each.scope == "consequence"

    def problems(call: DriverCall) -> Problems:
        steps = call.attempts if each.scope == "possibility" else call.taken
        for step in steps[-1:] if last_alone else steps:
            if wanted and step.name not in wanted:
                continue
            last = max(step.before.frame, step.after.frame) + step.after.config.input_delay + 2
            words = Values(step.after.config.players, last, _unknown, call.protocol, honest=())
            args = {name: getattr(step.args, name) for name in step.transition.parameters}
            about = {
                "step": StepView(step.name, step.before, args, step.after, step.events),
                "possibility": Attempt(step.name, step.before, args, step.taken),
            }
            try:
                clause = violated(each, words, about.get(each.scope, step.after))
            except _TruthAskedError:
                continue
            if clause is not None:
                shown = ", ".join(f"{name}={value!r}" for name, value in args.items())
                yield f"{step.name}({shown}) violates it (clause {clause!r})"

    problems.__doc__ = each.sentence
    return Contract(each.name, each.rules, problems)


def _unknown(_: int) -> Truth:
    raise _TruthAskedError
