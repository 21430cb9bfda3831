"""Properties: each is stated once, as a Python function that returns named clauses, and read on values and on logic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from attrs import field, frozen

from rollproof.model.theorems.logic import Formula

Clauses = dict[str, Formula]
"""Formulas by the name under which a violation reports them."""
Kind = Literal["theorem", "lemma"]
Scope = Literal["state", "step", "consequence", "possibility", "product", "round", "pair"]
"""Whether it speaks of every reachable state and is proved by induction, of every step, or of every state, every
attempt at a transition, or any two peers, and follows from the properties of states. What speaks of a product of two
peers is proved by induction over the steps of either, and what speaks of a round is about such a step."""


@frozen
class Property:
    """A named statement about every state, about every step, or about any two peers."""

    name: str
    kind: Kind
    """A theorem is what is promised; a lemma only helps to prove it."""
    scope: Scope
    rules: tuple[str, ...]
    clauses: Callable[..., Clauses] = field(repr=False)
    """Of (logic, peer), (logic, step), (logic, attempt), or (logic, peer, peer)."""
    trusting: bool = True
    """Whether the proof assumes that every partner says the truth. One that does not holds whatever partners say, and
    rests on nothing but properties of the same kind."""

    @property
    def is_of_two(self) -> bool:
        """Whether it speaks of two peers at once."""
        return self.scope in ("product", "round", "pair")

    @property
    def sentence(self) -> str:
        """What it says, in one English sentence."""
        return " ".join((self.clauses.__doc__ or "").split())


@frozen
class StepView:
    """A step, for a property about steps."""

    transition: str
    before: Any
    args: dict[str, Any]
    """The transition's arguments, by name."""
    after: Any
    events: tuple[Any, ...]


@frozen
class Attempt:
    """A transition that is tried, for a property about when transitions are possible."""

    transition: str
    peer: Any
    args: dict[str, Any]
    """The transition's arguments, by name."""
    possible: Formula
    """Whether all guards hold."""


def theorem(*rules: str, of: Scope = "state", trusting: bool = True) -> Callable[[Callable[..., Clauses]], Property]:
    """Declare a theorem: the function's name is its name, its docstring its sentence."""
    return lambda clauses: Property(clauses.__name__, "theorem", of, rules, clauses, trusting)


def lemma(*rules: str, of: Scope = "state", trusting: bool = True) -> Callable[[Callable[..., Clauses]], Property]:
    """Declare a lemma."""
    return lambda clauses: Property(clauses.__name__, "lemma", of, rules, clauses, trusting)


def name_of(each: Property | str) -> str:
    """Return the name of a property, which may be given as its name alone."""
    return each if isinstance(each, str) else each.name
