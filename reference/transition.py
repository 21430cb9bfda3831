"""Transitions as data: a name, guards, and an effect that may assume them.

A transition has no loop, so that one step is one thing that happens, and what is proved of single steps holds for every
order of them. Because guards are data, a protocol without one of them is a value, not a second version of the code.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import attrs
from attrs import evolve, field, frozen

from rollproof.reference.state import NOTHING, Extra

if TYPE_CHECKING:
    from rollproof.reference.events import Event
    from rollproof.reference.state import Peer

A = TypeVar("A")
A_contra = TypeVar("A_contra", contravariant=True)
Step = tuple["Peer", tuple["Event", ...]]
"""What an effect returns: the peer afterwards, and what happened, for the caller to act on."""


@frozen
class Guard(Generic[A_contra]):
    """A named condition under which a transition may happen."""

    name: str
    rules: tuple[str, ...]
    """The ids of the rules that demand it."""
    condition: Callable[..., bool] = field(repr=False)
    """A function of the peer, and of the transition's arguments unless `of_peer`."""
    of_peer: bool = field(repr=False)
    """Whether it depends on the peer alone."""

    def holds(self, peer: Peer, args: A_contra) -> bool:
        """Tell whether the transition may happen, as far as this guard is concerned."""
        return self.condition(peer) if self.of_peer else self.condition(peer, args)

    @property
    def sentence(self) -> str:
        """What must hold, in English."""
        return (self.condition.__doc__ or "").strip()


class GuardDeclaration(typing.Protocol):
    """What makes a guard of a function."""

    @overload
    def __call__(self, condition: Callable[[Peer], bool], /) -> Guard[object]: ...
    @overload
    def __call__(self, condition: Callable[[Peer, A], bool], /) -> Guard[A]: ...


def guard(*rules: str) -> GuardDeclaration:
    """Declare a guard: the function's name is its name, its docstring its sentence."""

    def declare(condition: Callable[..., bool]) -> Guard[Any]:
        return Guard(condition.__name__, rules, condition, of_peer=len(signature(condition).parameters) == 1)

    return declare


@frozen
class Transition(Generic[A_contra]):
    """A guarded action on one peer."""

    name: str
    rules: tuple[str, ...]
    takes: type[Any] | None
    """The class of its arguments; None if the peer is all that it takes."""
    guards: tuple[Guard[A_contra], ...]
    effect: Callable[..., Step] = field(repr=False)
    """A function of the peer, and of the arguments if there are any. It may assume that all guards hold."""

    @property
    def sentence(self) -> str:
        """What the transition does, in English."""
        return (self.effect.__doc__ or "").strip()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its arguments."""
        return () if self.takes is None else tuple(each.name for each in attrs.fields(self.takes))

    def arguments(self, *values: Any) -> Any:
        """Return arguments with these values, which are in the order of `parameters`; None if it takes none."""
        return None if self.takes is None else self.takes(*values)

    def guarded_by(self, *guards: Guard[A_contra]) -> Transition[A_contra]:
        """Return this transition with these guards instead of its own."""
        return evolve(self, guards=guards)

    @overload
    def fire(self: Transition[None], peer: Peer) -> Step | Guard[Any]: ...
    @overload
    def fire(self, peer: Peer, args: A_contra) -> Step | Guard[Any]: ...
    def fire(self, peer: Peer, args: Any = None) -> Step | Guard[Any]:
        """Return the step; or the first guard that refuses it: then nothing has changed."""
        for each in self.guards:
            condition = each.condition
            if not (condition(peer) if each.of_peer else condition(peer, args)):
                return each
        effect = self.effect
        return effect(peer) if self.takes is None else effect(peer, args)

    def refusal(self, peer: Peer, args: A_contra) -> Guard[A_contra] | None:
        """Return the first guard that does not hold, or None."""
        return next((each for each in self.guards if not each.holds(peer, args)), None)

    def perform(self, peer: Peer, args: A_contra) -> Step:
        """Return the step without asking the guards."""
        return self.effect(peer) if self.takes is None else self.effect(peer, args)


@overload
def transition(
    *rules: str, guards: Iterable[Guard[None]] = ()
) -> Callable[[Callable[[Peer], Step]], Transition[None]]: ...
@overload
def transition(
    *rules: str, takes: type[A], guards: Iterable[Guard[A]] = ()
) -> Callable[[Callable[[Peer, A], Step]], Transition[A]]: ...
def transition(
    *rules: str, takes: type[Any] | None = None, guards: Iterable[Guard[Any]] = ()
) -> Callable[[Callable[..., Step]], Transition[Any]]:
    """Declare a transition: the function is its effect, and gives it its name and its sentence."""
    return lambda effect: Transition(effect.__name__, rules, takes, tuple(guards), effect)


@frozen
class Protocol:
    """A named set of transitions. The drivers of `reference.tick` run whichever they are given."""

    name: str
    transitions: Mapping[str, Transition[Any]]
    tick: tuple[str, ...]
    """The order of operations in a tick: names of stages of `reference.tick`."""
    poll: tuple[str, ...]
    """The order of operations in a poll, once the peer no longer ticks."""
    extra: Extra = NOTHING
    """What it keeps in a peer beside what every protocol does, as at the start of a session."""

    @staticmethod
    def of(
        name: str, transitions: Iterable[Transition[Any]], *, tick: tuple[str, ...], poll: tuple[str, ...]
    ) -> Protocol:
        """Make a protocol of `transitions`."""
        return Protocol(name, {each.name: each for each in transitions}, tick, poll)

    def __getitem__(self, transition: Transition[A]) -> Transition[A]:
        """Return this protocol's version of `transition`."""
        return self.transitions[transition.name]

    def replace(
        self,
        name: str,
        *changed: Transition[Any],
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
        return evolve(self, name=name, transitions=transitions, tick=tick or self.tick, poll=poll or self.poll)

    def extend(self, name: str, *added: Transition[Any]) -> Protocol:
        """Return this protocol under another name, with further transitions.

        Raises:
            KeyError: if there already is a transition of such a name.
        """
        known = [each.name for each in added if each.name in self.transitions]
        if known:
            raise KeyError(f"a transition is named {known[0]!r} already")
        return evolve(self, name=name, transitions={**self.transitions, **{each.name: each for each in added}})

    def keeping(self, extra: Extra) -> Protocol:
        """Return this protocol with a part of the state of its own: `extra` is what it is at the start of a session."""
        return evolve(self, extra=extra)

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
