"""How a variant of the protocol is made: by exchanging or removing guards, effects and stages, never by a copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from attrs import evolve, field, frozen

from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Guard, Protocol, Step, Transition

A = TypeVar("A")
Edit = Callable[[Protocol], Protocol]
"""One change of a protocol. Changes of different guards and effects may be combined in any order."""


@frozen
class Variant:
    """A protocol that is wrong, with what is wrong about it."""

    name: str
    sentence: str
    """What is done wrong, in English."""
    rules: tuple[str, ...]
    """The ids of the rules that it breaks."""
    refuted_by: tuple[str, ...]
    """The theorems that it violates."""
    protocol: Protocol = field(repr=False)
    lacks: str | None = None
    """What the present protocol lacks, so that the mistake cannot be made; the protocol is then the present one."""


def variant(name: str, sentence: str, rules: tuple[str, ...], refuted_by: tuple[str, ...], *edits: Edit) -> Variant:
    """Return the variant that `edits` make of the present protocol; one that says what is lacking, if they cannot."""
    protocol = PROTOCOL
    try:
        for edit in edits:
            protocol = edit(protocol)
    except KeyError as error:
        lacking = str(error.args[0])
        lacks = lacking if " " in lacking else f"no transition is named {lacking!r}"
        return Variant(name, sentence, rules, refuted_by, PROTOCOL, lacks)
    return Variant(name, sentence, rules, refuted_by, evolve(protocol, name=name))


def unguarded(transition: Transition[A], *guards: Guard[A]) -> Edit:
    """Return the edit that removes guards of a transition.

    The edit raises:
        KeyError: if it has no such guard.
    """

    def edit(protocol: Protocol) -> Protocol:
        for guard in guards:
            protocol = protocol.without(transition.name, guard.name)
        return protocol

    return edit


def guarded(transition: Transition[A], guard: Guard[A], *, instead_of: Guard[A] | None = None) -> Edit:
    """Return the edit that adds a guard to a transition, in place of another if one is named.

    The edit raises:
        KeyError: if there is no such transition, or it does not have the other guard.
    """

    def edit(protocol: Protocol) -> Protocol:
        present = protocol[transition]
        if instead_of is None:
            guards = (*present.guards, guard)
        elif instead_of.name not in {each.name for each in present.guards}:
            raise KeyError(f"transition {transition.name!r} has no guard {instead_of.name!r}")
        else:
            guards = tuple(guard if each.name == instead_of.name else each for each in present.guards)
        return protocol.replace(protocol.name, evolve(present, guards=guards))

    return edit


@overload
def acting(transition: Transition[None], effect: Callable[[Peer], Step]) -> Edit: ...
@overload
def acting(transition: Transition[A], effect: Callable[[Peer, A], Step]) -> Edit: ...
def acting(transition: Transition[Any], effect: Callable[..., Step]) -> Edit:
    """Return the edit that gives a transition another effect.

    The edit raises:
        KeyError: if there is no such transition.
    """
    return lambda protocol: protocol.replace(protocol.name, evolve(protocol[transition], effect=effect))


def with_more(*transitions: Transition[Any]) -> Edit:
    """Return the edit that adds transitions."""
    return lambda protocol: protocol.extend(protocol.name, *transitions)


def ordered(*, tick: tuple[str, ...], poll: tuple[str, ...]) -> Edit:
    """Return the edit that changes the order of operations."""
    return lambda protocol: protocol.replace(protocol.name, tick=tick, poll=poll)
