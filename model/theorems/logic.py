"""The words in which properties are written, with two readings: on values, and on logic.

A property is a Python function over these words. `Values` (`model.theorems.values`) evaluates it on a state of the
reference, `Terms` (`model.symbolic.terms`) turns the same function into a formula about a symbolic state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from rollproof.model.theorems.truth import Truth
from rollproof.reference.transition import Transition

Formula = Any
"""A bool in the value reading, a symbolic truth value in the logical one."""


class Logic(Protocol):
    """The words of both readings."""

    def all_of(self, *formulas: Formula) -> Formula:
        """Return whether all hold."""

    def any_of(self, *formulas: Formula) -> Formula:
        """Return whether at least one holds."""

    def no(self, formula: Formula) -> Formula:
        """Return whether a formula does not hold."""

    def implies(self, premise: Formula, conclusion: Callable[[], Formula]) -> Formula:
        """Return whether the conclusion holds if the premise does; only then is it looked at."""

    def iff(self, left: Formula, right: Formula) -> Formula:
        """Return whether both hold or neither."""

    def frames(self, body: Callable[[Any], Formula]) -> Formula:
        """Return whether `body` holds for every frame."""

    def players(self, body: Callable[[Any], Formula]) -> Formula:
        """Return whether `body` holds for every player of the session."""

    def is_player(self, player: Any) -> Formula:
        """Return whether a player is in the session."""

    def is_honest(self, player: Any) -> Formula:
        """Return whether everything that a player's peer says is true. Nothing is assumed of who is honest."""

    def positions(self, sequence: Any, body: Callable[[Any], Formula]) -> Formula:
        """Return whether `body` holds for every item of a sequence."""

    def is_there(self, optional: Any) -> Formula:
        """Return whether an optional value is there."""

    def given(self, optional: Any, body: Callable[[Any], Formula]) -> Formula:
        """Return whether `body` holds for the optional value, if it is there."""

    def value_or(self, optional: Any, other: Any) -> Any:
        """Return the optional value, or else `other`."""

    def has(self, container: Any, *index: Any) -> Formula:
        """Return whether a container has a value at an index."""

    def at(self, container: Any, *index_and_body: Any) -> Formula:
        """Return whether the last argument, a function, holds for the value at the index, if there is one."""

    def read(self, container: Any, *index: Any) -> Any:
        """Return the value at an index where there must be one."""

    def when(self, condition: Formula, left: Callable[[], Any], right: Callable[[], Any]) -> Any:
        """Return `left()` where the condition holds, else `right()`."""

    def equal(self, left: Any, right: Any) -> Formula:
        """Return whether two values are equal, part by part."""

    def length(self, sequence: Any) -> Any:
        """Return how many items a sequence has."""

    def newest(self, sequence: Any, body: Callable[[Any], Formula]) -> Formula:
        """Return whether there is a newest item, and `body` holds for it."""

    def oldest(self, sequence: Any, body: Callable[[Any], Formula]) -> Formula:
        """Return whether there is an oldest item, and `body` holds for it."""

    def last_of(self, message: Any) -> Any:
        """Return the frame of the last action of an input message."""

    def every_action(self, message: Any, body: Callable[[Any, Any], Formula]) -> Formula:
        """Return whether `body` holds for every frame of an input message, and the action it tells of that frame."""

    def is_empty(self, players: Any) -> Formula:
        """Return whether an optional tuple of players is there, and empty."""

    def dropped(self, old: Any, new: Any, body: Callable[[Any], Formula]) -> Formula:
        """Return whether `new` is `old` with items appended, and without its oldest ones for which `body` holds."""

    def is_slice(self, table: Any, player: Any, message: Any) -> Formula:
        """Return whether the actions of an input message are those that a table has for a player."""

    def enabled(self, transition: Transition[Any], peer: Any, *args: Any) -> Formula:
        """Return whether all guards of a transition hold."""

    def truth(self, peer: Any, epoch: Any = None) -> Truth:
        """Return what really happens in an episode, the peer's present one if none is given."""
