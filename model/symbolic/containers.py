"""The containers over logic. Each is a Python function from terms to formulas: `set`, `remove` and `before` wrap it.

So no theory of arrays is needed: what reaches the solver is integers and uninterpreted functions. The methods are those
of `reference.containers`; `tests/model/test_symbolic_containers.py` shows that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import z3

from rollproof.model.symbolic import values as s
from rollproof.model.symbolic.formulas import FALSE, conjunction, disjunction, implication, negation
from rollproof.model.symbolic.paths import current, refuse
from rollproof.model.symbolic.shapes import choose, make
from rollproof.model.symbolic.values import SBool, SInt, SJoint, SOptional, SPlayers, StandIn, SValue, term_of

PRESENCE = ".has"
"""How the names of the functions end that say where a container has a value."""
Here = Callable[..., Any]
"""From an index to the formula that there is a value."""
At = Callable[..., Any]
"""From an index to the value there; anything where there is none."""


class SMap(StandIn):
    """A map: `FrameMap` and `PlayerMap` by one index, `Table` by two."""

    def __init__(self, here: Here, at: At) -> None:
        """Wrap the two functions."""
        self.here = here
        self.at = at

    @classmethod
    def fresh(cls, values: str, name: str, *indices: Any) -> SMap:
        """Return an arbitrary map with values of an annotation."""
        here = z3.Function(f"{name}{PRESENCE}", *indices, s.BOOL)
        return cls(lambda *index: here(*index), lambda *index: make(values, name, *index))

    def get(self, *index: Any) -> Any:
        """Return the value, or None: forks."""
        index = tuple(map(term_of, index))
        return self.at(*index) if current().decide(self.here(*index)) else None

    def __getitem__(self, index: Any) -> Any:
        value = self.get(index)
        if value is None:
            raise KeyError("no value at this frame or player")
        return value

    def set(self, *index_and_value: Any) -> Any:
        """Return this map with one more value."""
        *index, value = index_and_value
        if value is None or isinstance(value, SOptional):
            refuse("a container is given nothing for a value")
        there = _same(tuple(map(term_of, index)))
        here, at = self.here, self.at
        return type(self)(
            lambda *i: disjunction((there(i), here(*i))),
            lambda *i: choose(there(i), value, at(*i)),
        )

    def remove(self, *index: Any) -> Any:
        """Return this map without one value."""
        there = _same(tuple(map(term_of, index)))
        here = self.here
        return type(self)(lambda *i: conjunction((negation(there(i)), here(*i))), self.at)

    def cleared(self) -> Any:
        """Return an empty map."""
        return type(self)(lambda *_: FALSE, self.at)


class SFrameMap(SMap):
    """Stands in for `FrameMap`."""

    def before(self, frame: Any) -> SFrameMap:
        """Return this map without `frame` and all later frames."""
        bound, here = term_of(frame), self.here
        return SFrameMap(lambda i: conjunction((here(i), i < bound)), self.at)


class SPlayerMap(SMap):
    """Stands in for `PlayerMap`."""

    def covers(self, players: SPlayers) -> SBool:
        """Tell whether every one of `players` has a value."""
        if not isinstance(players, SPlayers) or players.some == "human_players":
            return SBool(refuse("who is to be covered is not known"))
        player = z3.Const("p!covered", s.PLAYER)
        return SBool(z3.ForAll([player], implication(players.holds(player), self.here(player))))

    def filled(self, value: Any) -> SPlayerMap:
        """Return this map with `value` at every player it has."""
        return SPlayerMap(self.here, lambda _: value)


class STable(SMap):
    """Stands in for `Table`."""

    def get(self, *index: Any) -> Any:
        """Return the value, or None: forks."""
        _of_session(index[0])
        return super().get(*index)

    def set(self, *index_and_value: Any) -> Any:
        """Return this table with one more value."""
        _of_session(index_and_value[0])
        return super().set(*index_and_value)

    def remove(self, *index: Any) -> Any:
        """Return this table without one value."""
        _of_session(index[0])
        return super().remove(*index)


class SSequence(StandIn):
    """Stands in for `Sequence`: items from `head` to before `tail`."""

    def __init__(self, at: At, head: Any, tail: Any) -> None:
        """Wrap the function from numbers to items, and the two bounds, as terms."""
        self.at = at
        self.head = head
        self.tail = tail

    def push(self, item: Any) -> SSequence:
        """Return this sequence with one more item."""
        at, tail = self.at, self.tail
        return SSequence(lambda i: choose(i == tail, item, at(i)), self.head, tail + 1)

    def first(self) -> Any:
        """Return the oldest item, or None: forks."""
        return self.at(self.head) if current().decide(self.head < self.tail) else None

    def __bool__(self) -> bool:
        return current().decide(self.head < self.tail)

    def rest(self) -> SSequence:
        """Return this sequence without its oldest item: `KeyError` if it is empty."""
        if not self:
            raise KeyError("an empty sequence has no oldest item")
        return SSequence(self.at, self.head + 1, self.tail)

    def cleared(self) -> SSequence:
        """Return an empty sequence."""
        return SSequence(self.at, self.tail, self.tail)


class SSlice(StandIn):
    """A run of a player's inputs: what `InputTable.slice` returns."""

    def __init__(self, table: SInputTable, player: Any, first: Any, last: Any) -> None:
        """Remember what was asked for, as terms."""
        self.table, self.player, self.first, self.last = table, player, first, last


class SInputTable(StandIn):
    """Stands in for `InputTable`."""

    def __init__(self, here: Here, at: At, delay: Any, default: Any) -> None:
        """Wrap the two functions of (player, frame); frames below `delay` are among them."""
        self.here = here
        self.at = at
        self.delay = delay
        self.default = default

    def get(self, player: Any, frame: Any) -> Any:
        """Return the known action, or None: forks."""
        player, frame = _of_session(player), term_of(frame)
        return SValue(self.at(player, frame)) if current().decide(self.here(player, frame)) else None

    def set(self, player: Any, frame: Any, action: Any) -> SInputTable:
        """Return this table with one more known action."""
        there = _same((_of_session(player), term_of(frame)))
        here, at, value = self.here, self.at, term_of(action)
        return SInputTable(
            lambda p, f: disjunction((there((p, f)), here(p, f))),
            lambda p, f: z3.If(there((p, f)), value, at(p, f)),
            self.delay,
            self.default,
        )

    def predicts(self, frame: Any) -> SBool:
        """Tell whether some player's action of `frame` is unknown."""
        return SBool(negation(self.completeness(term_of(frame))))

    def complete(self, frame: Any) -> SBool:
        """Tell whether every player's action of `frame` is known."""
        return SBool(self.completeness(term_of(frame)))

    def completeness(self, frame: Any) -> Any:
        """Return the formula of `complete`."""
        player = z3.Const("p!complete", s.PLAYER)
        return z3.ForAll([player], implication(s.IS_PLAYER(player), self.here(player, frame)))

    def joint(self, frame: Any) -> SJoint:
        """Return every player's action of `frame`, known or predicted."""
        path, frame = current(), term_of(frame)
        joint = path.introduce("joint", s.JOINT)()
        player = z3.Const("p!joint", s.PLAYER)
        action = z3.If(self.here(player, frame), self.at(player, frame), self.prediction(path, player, frame))
        path.define(
            z3.ForAll([player], implication(s.IS_PLAYER(player), s.ACTION_OF(joint, player) == action),
                      patterns=[s.ACTION_OF(joint, player)])
        )  # fmt: skip
        return SJoint(joint)

    def prediction(self, path: Any, player: Any, frame: Any) -> Any:
        """Return the prediction: any function of what is known, so that the proof holds for every policy."""
        return path.introduce("predict", s.ACTION, s.PLAYER)(player)

    def contiguous(self, player: Any) -> SInt:
        """Return the highest frame such that it and every frame before it are known for `player`."""
        path, player = current(), _of_session(player)
        key = ("contiguous", id(self), player.get_id())
        if key not in path.memory:
            last = path.introduce("contiguous", s.INT)()
            frame = z3.Int("f!contiguous")
            known = z3.ForAll([frame], implication(conjunction((frame >= 0, frame <= last)), self.here(player, frame)))
            path.define(last >= -1, known, negation(self.here(player, last + 1)))
            path.memory[key] = SInt(last)
            path.memory[(*key, "kept alive")] = (self, player)
        found: SInt = path.memory[key]
        return found

    def slice(self, player: Any, first: Any, last: Any) -> SSlice:
        """Return the known actions of `player` from `first` to `last`."""
        player, first, last = _of_session(player), term_of(first), term_of(last)
        frame = z3.Int("f!slice")
        inside = conjunction((first <= frame, frame <= last))
        if not current().decide(z3.ForAll([frame], implication(inside, self.here(player, frame)))):
            raise KeyError("an input is not known")
        return SSlice(self, player, first, last)

    def cleared(self) -> SInputTable:
        """Return a table that knows only the frames below `delay`."""
        delay, default = self.delay, self.default
        return SInputTable(lambda _, f: conjunction((f >= 0, f < delay)), lambda _p, _f: default, delay, default)


def _of_session(player: Any) -> Any:
    """Return the term of a player, who must be in the session: `ValueError` otherwise, as in `Table`."""
    term = term_of(player)
    if not current().decide(s.IS_PLAYER(term)):
        raise ValueError("not a player of the session")
    return term


def _same(index: tuple[Any, ...]) -> Callable[[tuple[Any, ...]], Any]:
    return lambda other: conjunction(a == b for a, b in zip(index, other, strict=True))


def _sequence(values: str, name: str) -> SSequence:
    return SSequence(lambda i: make(values, name, i), z3.Int(f"{name}.head"), z3.Int(f"{name}.tail"))


def _inputs(_: str, name: str) -> SInputTable:
    here = z3.Function(f"{name}{PRESENCE}", s.PLAYER, s.INT, s.BOOL)
    at = z3.Function(f"{name}.at", s.PLAYER, s.INT, s.ACTION)
    delay, default = z3.Int("peer.config.input_delay"), z3.Const("peer.config.default_action", s.ACTION)
    return SInputTable(lambda p, f: here(p, f), lambda p, f: at(p, f), delay, default)


MAKERS: dict[str, Callable[[str, str], Any]] = {
    "FrameMap": lambda values, name: SFrameMap.fresh(values, name, s.INT),
    "PlayerMap": lambda values, name: SPlayerMap.fresh(values, name, s.PLAYER),
    "Table": lambda values, name: STable.fresh(values, name, s.PLAYER, s.INT),
    "Sequence": _sequence,
    "InputTable": _inputs,
}
"""By the name of the reference's container: what makes one, from the annotation of its values and a name."""
