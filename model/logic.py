"""The words in which properties are written, with two readings: on values, and on logic.

A property is a Python function over these words. `Values` evaluates it on a state of the reference, `Terms` turns the
same function into a formula about a symbolic state. Frames of a value reading range over what the state can speak of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import z3

from model import symbolic as s
from model.paths import explore
from model.shapes import choose, equal
from model.symbolic import SBool, SInt, SOptional, SValue, term_of
from model.symbolic_containers import PRESENCE
from model.truth import SymbolicTruth, Truth
from reference.protocol import PROTOCOL
from reference.transition import Guard, Transition
from reference.transition import Protocol as BehaviourProtocol

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

    def is_empty(self, players: Any) -> Formula:
        """Return whether an optional tuple of players is there, and empty."""

    def dropped(self, old: Any, new: Any, body: Callable[[Any], Formula]) -> Formula:
        """Return whether `new` is `old` with items appended, and without its oldest ones for which `body` holds."""

    def is_slice(self, table: Any, player: Any, message: Any) -> Formula:
        """Return whether the actions of an input message are those that a table has for a player."""

    def enabled(self, transition: Transition, peer: Any, *args: Any) -> Formula:
        """Return whether all guards of a transition hold."""

    def truth(self, peer: Any, epoch: Any = None) -> Truth:
        """Return what really happens in an episode, the peer's present one if none is given."""


class Terms:
    """The reading on logic."""

    def __init__(self, protocol: BehaviourProtocol) -> None:
        """Speak of the transitions of `protocol`."""
        self.protocol = protocol
        self.depth = 0
        self.definitions: list[Any] = []
        """What defines the constants that `enabled` introduced."""

    def all_of(self, *formulas: Formula) -> SBool:
        return SBool(z3.And(*map(term_of, formulas)))

    def any_of(self, *formulas: Formula) -> SBool:
        return SBool(z3.Or(*map(term_of, formulas)))

    def no(self, formula: Formula) -> SBool:
        return SBool(z3.Not(term_of(formula)))

    def implies(self, premise: Formula, conclusion: Callable[[], Formula]) -> SBool:
        return SBool(z3.Implies(term_of(premise), term_of(conclusion())))

    def iff(self, left: Formula, right: Formula) -> SBool:
        return SBool(term_of(left) == term_of(right))

    def _for_all(self, sort: Any, wrap: Callable[[Any], Any], stem: str, body: Callable[[Any], Formula]) -> SBool:
        self.depth += 1
        bound = z3.Const(f"{stem}{self.depth}", sort)
        try:
            formula = term_of(body(wrap(bound)))
            return SBool(z3.ForAll([bound], formula, patterns=_triggers(formula, bound)))
        finally:
            self.depth -= 1

    def frames(self, body: Callable[[Any], Formula]) -> SBool:
        return self._for_all(s.INT, SInt, "frame", body)

    def players(self, body: Callable[[Any], Formula]) -> SBool:
        def of_player(player: Any) -> SBool:
            return SBool(z3.Implies(s.IS_PLAYER(player.term), term_of(body(player))))

        return self._for_all(s.PLAYER, SValue, "player", of_player)

    def is_player(self, player: Any) -> SBool:
        return SBool(s.IS_PLAYER(term_of(player)))

    def positions(self, sequence: Any, body: Callable[[Any], Formula]) -> SBool:
        def of_item(number: Any) -> SBool:
            inside = z3.And(sequence.head <= number.term, number.term < sequence.tail)
            return SBool(z3.Implies(inside, term_of(body(sequence.at(number.term)))))

        return self._for_all(s.INT, SInt, "position", of_item)

    def is_there(self, optional: Any) -> SBool:
        return SBool(optional.there if isinstance(optional, SOptional) else z3.BoolVal(optional is not None))

    def given(self, optional: Any, body: Callable[[Any], Formula]) -> SBool:
        if optional is None:
            return SBool(z3.BoolVal(True))
        if isinstance(optional, SOptional):
            return SBool(z3.Implies(optional.there, term_of(body(optional.value))))
        return SBool(term_of(body(optional)))

    def value_or(self, optional: Any, other: Any) -> Any:
        if isinstance(optional, SOptional):
            return choose(optional.there, optional.value, other)
        return other if optional is None else optional

    def has(self, container: Any, *index: Any) -> SBool:
        return SBool(container.here(*map(term_of, index)))

    def at(self, container: Any, *index_and_body: Any) -> SBool:
        *index, body = index_and_body
        return SBool(z3.Implies(self.has(container, *index).term, term_of(body(self.read(container, *index)))))

    def read(self, container: Any, *index: Any) -> Any:
        value = container.at(*map(term_of, index))
        return SValue(value) if z3.is_expr(value) else value

    def when(self, condition: Formula, left: Callable[[], Any], right: Callable[[], Any]) -> Any:
        return choose(term_of(condition), left(), right())

    def equal(self, left: Any, right: Any) -> SBool:
        return SBool(equal(left, right))

    def length(self, sequence: Any) -> SInt:
        return SInt(sequence.tail - sequence.head)

    def enabled(self, transition: Transition, peer: Any, *args: Any) -> SBool:
        formulas = []
        for guard in self.protocol[transition].guards:
            formula, defining, _ = guard_formula(guard, peer, args)
            formulas.append(formula)
            self.definitions.extend(defining)
        return SBool(z3.And(*formulas))

    def truth(self, peer: Any, epoch: Any = None) -> Truth:
        return SymbolicTruth(term_of(peer.epoch if epoch is None else epoch))

    def newest(self, sequence: Any, body: Callable[[Any], Formula]) -> SBool:
        return SBool(z3.And(sequence.head < sequence.tail, term_of(body(sequence.at(sequence.tail - 1)))))

    def oldest(self, sequence: Any, body: Callable[[Any], Formula]) -> SBool:
        return SBool(z3.And(sequence.head < sequence.tail, term_of(body(sequence.at(sequence.head)))))

    def last_of(self, message: Any) -> SInt:
        return SInt(message.actions.last)

    def is_empty(self, players: Any) -> SBool:
        return self.all_of(self.is_there(players), SBool(s.NO_PLAYERS))

    def dropped(self, old: Any, new: Any, body: Callable[[Any], Formula]) -> SBool:
        def survives(number: Any) -> SBool:
            i = number.term
            stays = z3.And(new.head <= i, i < new.tail, equal(new.at(i), old.at(i)))
            inside = z3.And(old.head <= i, i < old.tail)
            return SBool(z3.Implies(inside, z3.Or(stays, term_of(body(old.at(i))))))

        return self._for_all(s.INT, SInt, "position", survives)

    def is_slice(self, table: Any, player: Any, message: Any) -> SBool:
        run, player = message.actions, term_of(player)

        def same(frame: Any) -> SBool:
            f = frame.term
            value = table.at(player, f) == run.table.at(run.player, f)
            inside = z3.And(run.first <= f, f <= run.last)
            return SBool(z3.Implies(inside, z3.And(table.here(player, f), value)))

        return self.all_of(self.frames(same), SBool(run.first == term_of(message.first)))


class Values:
    """The reading on values: states of the reference."""

    def __init__(
        self,
        players: tuple[str, ...],
        last_frame: int,
        truth: Callable[[int], Truth],
        protocol: BehaviourProtocol = PROTOCOL,
    ) -> None:
        """Let frames range from −1 to `last_frame`; `truth` tells what really happens in an episode."""
        self.setting = (players, last_frame, truth, protocol)
        self.protocol = protocol
        self._players = players
        self._frames = range(-1, last_frame + 1)
        self._truth = truth

    def all_of(self, *formulas: Formula) -> Formula:
        return all(formulas)

    def any_of(self, *formulas: Formula) -> Formula:
        return any(formulas)

    def no(self, formula: Formula) -> Formula:
        return not formula

    def implies(self, premise: Formula, conclusion: Callable[[], Formula]) -> Formula:
        return not premise or bool(conclusion())

    def iff(self, left: Formula, right: Formula) -> Formula:
        return bool(left) == bool(right)

    def frames(self, body: Callable[[Any], Formula]) -> Formula:
        return all(body(frame) for frame in self._frames)

    def players(self, body: Callable[[Any], Formula]) -> Formula:
        return all(body(player) for player in self._players)

    def is_player(self, player: Any) -> Formula:
        return player in self._players

    def positions(self, sequence: Any, body: Callable[[Any], Formula]) -> Formula:
        return all(body(item) for item in sequence)

    def is_there(self, optional: Any) -> Formula:
        return optional is not None

    def given(self, optional: Any, body: Callable[[Any], Formula]) -> Formula:
        return optional is None or bool(body(optional))

    def value_or(self, optional: Any, other: Any) -> Any:
        return other if optional is None else optional

    def has(self, container: Any, *index: Any) -> Formula:
        return container.get(*index) is not None

    def at(self, container: Any, *index_and_body: Any) -> Formula:
        *index, body = index_and_body
        value = container.get(*index)
        return value is None or bool(body(value))

    def read(self, container: Any, *index: Any) -> Any:
        return container.get(*index)

    def when(self, condition: Formula, left: Callable[[], Any], right: Callable[[], Any]) -> Any:
        return left() if condition else right()

    def equal(self, left: Any, right: Any) -> Formula:
        return bool(left == right)

    def length(self, sequence: Any) -> int:
        return len(sequence)

    def truth(self, peer: Any, epoch: Any = None) -> Truth:
        return self._truth(peer.epoch if epoch is None else epoch)

    def newest(self, sequence: Any, body: Callable[[Any], Formula]) -> Formula:
        return len(sequence) > 0 and bool(body(list(sequence)[-1]))

    def oldest(self, sequence: Any, body: Callable[[Any], Formula]) -> Formula:
        return len(sequence) > 0 and bool(body(sequence.first()))

    def last_of(self, message: Any) -> int:
        return int(message.first) + len(message.actions) - 1

    def is_empty(self, players: Any) -> Formula:
        return players is not None and len(players) == 0

    def dropped(self, old: Any, new: Any, body: Callable[[Any], Formula]) -> Formula:
        before, after = list(old), list(new)
        gone = next(
            (count for count in range(len(before) + 1) if after[: len(before) - count] == before[count:]), len(before)
        )
        return all(body(item) for item in before[:gone])

    def is_slice(self, table: Any, player: Any, message: Any) -> Formula:
        return all(table.get(player, frame) == action for frame, action in enumerate(message.actions, message.first))

    def enabled(self, transition: Transition, peer: Any, *args: Any) -> Formula:
        return self.protocol[transition].refusal(peer, *args) is None


def guard_formula(guard: Guard, peer: Any, args: tuple[Any, ...]) -> tuple[Any, list[Any], list[tuple[Any, Exception]]]:
    """Return when a guard holds, what defines the constants in that formula, and when the guard raises instead."""
    holding: list[Any] = []
    defining: list[Any] = []
    failures: list[tuple[Any, Exception]] = []
    for one in explore(lambda: bool(guard.holds(peer, *args)), f"{guard.name}."):
        defining.extend(one.facts)
        if one.error is not None:
            failures.append((one.conditions, one.error))
        elif one.result:
            holding.append(z3.And(*one.conditions))
    return z3.simplify(z3.Or(*holding)), defining, failures


def _triggers(formula: Any, bound: Any) -> list[Any]:
    """Return the terms at which the solver is to look at a quantified formula: where a container is asked for a value.

    Left to itself the solver looks at every function of a frame; this is about five times as fast, and never lost.
    """
    found: dict[int, Any] = {}
    seen: set[int] = set()
    todo = [formula]
    while todo:
        term = todo.pop()
        if term.get_id() in seen or not z3.is_app(term):
            continue
        seen.add(term.get_id())
        arguments = term.children()
        if (
            term.decl().kind() == z3.Z3_OP_UNINTERPRETED
            and any(each.eq(bound) for each in arguments)
            and all(each.eq(bound) or z3.is_const(each) for each in arguments)
        ):
            found[term.get_id()] = term
        todo.extend(arguments)
    presence = [term for term in found.values() if term.decl().name().endswith(PRESENCE)]
    return presence or list(found.values())
