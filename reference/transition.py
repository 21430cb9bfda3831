"""Transitions as data: a name, guards, and an effect that may assume them.

A transition has no loop, so that one step is one thing that happens, and what is proved of single steps holds for every
order of them. Because guards are data, a protocol without one of them is a value, not a second version of the code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

if TYPE_CHECKING:
    from rollproof.reference.events import Event
    from rollproof.reference.state import Peer

Step = tuple["Peer", tuple["Event", ...]]
"""What an effect returns: the peer afterwards, and what happened, for the caller to act on."""


@frozen
class Guard:
    """A named condition under which a transition may happen."""

    name: str
    rules: tuple[str, ...]
    """The ids of the rules that demand it."""
    holds: Callable[..., bool] = field(repr=False)
    """Called with the peer and the transition's arguments."""

    @property
    def sentence(self) -> str:
        """What must hold, in English."""
        return (self.holds.__doc__ or "").strip()


def guard(*rules: str) -> Callable[[Callable[..., bool]], Guard]:
    """Declare a guard: the function's name is its name, its docstring its sentence."""
    return lambda holds: Guard(holds.__name__, rules, holds)


@frozen
class Transition:
    """A guarded action on one peer."""

    name: str
    rules: tuple[str, ...]
    guards: tuple[Guard, ...]
    effect: Callable[..., Step] = field(repr=False)
    """Called with the peer and the transition's arguments, when all guards hold."""

    fire: Callable[..., Step | Guard] = field(init=False, eq=False, repr=False)
    """Called with the peer and the transition's arguments. Returns the step; or, when a guard refuses, that guard: then
    nothing has changed."""

    @fire.default
    def _written_out(self) -> Callable[..., Step | Guard]:
        # The guards are asked in a function that is written out, as attrs does with `__init__`: a loop that hands on
        # `*arguments` is a good deal slower, and everything that peers do goes through here.
        arguments = ", ".join(_bare(each) for each in signature(self.effect).parameters.values())
        lines = [f"def fire({arguments}):"]
        for number in range(len(self.guards)):
            lines.append(f"    if not holds_{number}({arguments}): return guard_{number}")
        lines.append(f"    return effect({arguments})")
        scope: dict[str, Any] = {"effect": self.effect}
        for number, each in enumerate(self.guards):
            scope |= {f"guard_{number}": each, f"holds_{number}": each.holds}
        exec("\n".join(lines), scope)
        fire: Callable[..., Step | Guard] = scope["fire"]
        return fire

    @property
    def sentence(self) -> str:
        """What the transition does, in English."""
        return (self.effect.__doc__ or "").strip()

    def refusal(self, *arguments: Any) -> Guard | None:
        """Return the first guard that does not hold, or None. The arguments are the peer and the transition's own."""
        for condition in self.guards:
            if not condition.holds(*arguments):
                return condition
        return None


def _bare(parameter: Parameter) -> str:
    return str(parameter.replace(annotation=Parameter.empty, default=Parameter.empty))


def transition(*rules: str, guards: Iterable[Guard] = ()) -> Callable[[Callable[..., Step]], Transition]:
    """Declare a transition: the function is its effect, and gives it its name and its sentence."""
    return lambda effect: Transition(effect.__name__, rules, tuple(guards), effect)


@frozen
class Protocol:
    """A named set of transitions. The drivers of `reference.tick` run whichever they are given."""

    name: str
    transitions: Mapping[str, Transition]
    tick: tuple[str, ...]
    """The order of operations in a tick: names of stages of `reference.tick`."""
    poll: tuple[str, ...]
    """The order of operations in a poll, once the peer no longer ticks."""

    @staticmethod
    def of(name: str, transitions: Iterable[Transition], *, tick: tuple[str, ...], poll: tuple[str, ...]) -> Protocol:
        """Make a protocol of `transitions`."""
        return Protocol(name, {each.name: each for each in transitions}, tick, poll)

    def __getitem__(self, transition: Transition) -> Transition:
        """Return this protocol's version of `transition`."""
        return self.transitions[transition.name]

    def replace(
        self,
        name: str,
        *changed: Transition,
        tick: tuple[str, ...] | None = None,
        poll: tuple[str, ...] | None = None,
    ) -> Protocol:
        """Return this protocol under another name, with `changed` in place of the transitions of the same names.

        Raises:
            KeyError: if there is no transition of such a name.
        """
        unknown = [each.name for each in changed if each.name not in self.transitions]
        if unknown:
            raise KeyError(f"no transition is named {unknown[0]!r}")
        transitions = {**self.transitions, **{each.name: each for each in changed}}
        return Protocol(name, transitions, tick or self.tick, poll or self.poll)

    def extend(self, name: str, *added: Transition) -> Protocol:
        """Return this protocol under another name, with further transitions.

        Raises:
            KeyError: if there already is a transition of such a name.
        """
        known = [each.name for each in added if each.name in self.transitions]
        if known:
            raise KeyError(f"a transition is named {known[0]!r} already")
        return Protocol(name, {**self.transitions, **{each.name: each for each in added}}, self.tick, self.poll)

    def without(self, transition: str, guard: str) -> Protocol:
        """Return this protocol with one guard of one transition removed.

        Raises:
            KeyError: if there is no such transition, or it has no such guard.
        """
        if transition not in self.transitions:
            raise KeyError(f"no transition is named {transition!r}")
        original = self.transitions[transition]
        if guard not in {each.name for each in original.guards}:
            raise KeyError(f"transition {transition!r} has no guard {guard!r}")
        kept = tuple(each for each in original.guards if each.name != guard)
        return self.replace(f"{self.name} without {transition}.{guard}", evolve(original, guards=kept))
