"""What a violated property found: the player, the frame and the two values at which its clause failed.

The property is read once more, on values that know what they are called and with truth values that know why.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any

from attrs import evolve, frozen

from rollproof.model.theorems.logic import Formula
from rollproof.model.theorems.property import Property, StepView
from rollproof.model.theorems.values import Values

UNDEFINED = "defined"
"""The clause that is reported when a property speaks of something that is missing."""


@frozen
class Comparison:
    """Two values that were compared, with what they are called."""

    left: str
    left_value: Any
    relation: str
    right: str
    right_value: Any
    held: bool
    """Whether the comparison held, as it should not have, or did not, as it should."""


@frozen
class Violation:
    """A clause of a property that does not hold."""

    property: str
    sentence: str
    rules: tuple[str, ...]
    clause: str
    player: str | None = None
    frame: int | None = None
    comparison: Comparison | None = None
    """What was compared, as far as the clause compares."""
    detail: str | None = None
    """What else there is to say: what was raised."""


def violated(found: Property, values: Values, *about: Any) -> str | None:
    """Return the name of the first clause that does not hold of a state, a step or two peers; or None."""
    try:
        return next((name for name, held in found.clauses(values, *about).items() if not held), None)
    except (AttributeError, LookupError, TypeError, ValueError):
        return UNDEFINED


def blame(found: Property, values: Values, *about: Any) -> Violation | None:
    """Return what is violated of a property, in detail, or None if it holds."""
    clause = violated(found, values, *about)
    if clause is None:
        return None
    violation = Violation(found.name, found.sentence, found.rules, clause)
    try:
        clauses = found.clauses(_Blaming(values), *(_named(each, alone=len(about) == 1) for each in about))
        why = _why(clauses[clause])
    except Exception as error:
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        return evolve(violation, detail=f"it speaks of something that is missing ({what})")
    return evolve(violation, player=why.player, frame=why.frame, comparison=why.comparison)


@frozen
class _Why:
    """A truth value, and what made it so."""

    held: bool
    comparison: Comparison | None = None
    player: str | None = None
    frame: int | None = None

    def __bool__(self) -> bool:
        return self.held


class _Seen:
    """A value together with what it is called. Comparing it gives a truth value that knows why."""

    def __init__(self, value: Any, name: str) -> None:
        self.value, self.name = value, name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _seen(getattr(self.value, name), f"{self.name}.{name}" if self.name else name)

    def __call__(self, *args: Any) -> Any:
        shown = ", ".join(map(_shown, args))
        get = self.name.removesuffix(".get")
        name = f"{self.name}({shown})" if get == self.name else f"{get}[{shown}]"
        value = self.value(*map(_plain, args))
        if isinstance(value, tuple):
            return tuple(_seen(each, f"{name}[{at}]") for at, each in enumerate(value))
        return _seen(value, name)

    def __iter__(self) -> Iterator[Any]:
        return (_seen(each, f"{self.name}[{at}]") for at, each in enumerate(self.value))

    def __getitem__(self, index: Any) -> Any:
        return _seen(self.value[_plain(index)], f"{self.name}[{_shown(index)}]")

    def __len__(self) -> int:
        return len(self.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> Any:
        return _compare(self, "=", other, operator.eq)

    def __ne__(self, other: object) -> Any:
        return _compare(self, "≠", other, operator.ne)

    def __lt__(self, other: Any) -> Any:
        return _compare(self, "<", other, operator.lt)

    def __le__(self, other: Any) -> Any:
        return _compare(self, "≤", other, operator.le)

    def __gt__(self, other: Any) -> Any:
        return _compare(self, ">", other, operator.gt)

    def __ge__(self, other: Any) -> Any:
        return _compare(self, "≥", other, operator.ge)

    def __add__(self, other: Any) -> Any:
        return _Seen(self.value + _plain(other), f"{self.name} + {_name(other)}")

    def __sub__(self, other: Any) -> Any:
        return _Seen(self.value - _plain(other), f"{self.name} − {_name(other)}")

    def __radd__(self, other: Any) -> Any:
        return _Seen(_plain(other) + self.value, f"{_name(other)} + {self.name}")

    def __rsub__(self, other: Any) -> Any:
        return _Seen(_plain(other) - self.value, f"{_name(other)} − {self.name}")

    def __neg__(self) -> Any:
        return _Seen(-self.value, f"−{self.name}")

    def __index__(self) -> int:
        return operator.index(self.value)


class _Blaming(Values):
    """The reading on named values."""

    def __init__(self, values: Values) -> None:
        self.__dict__.update(vars(values))

    def all_of(self, *formulas: Formula) -> Any:
        whys = list(map(_why, formulas))
        return next((why for why in whys if not why), whys[0] if whys else _Why(True))

    def any_of(self, *formulas: Formula) -> Any:
        whys = list(map(_why, formulas))
        return next((why for why in whys if why), whys[0] if whys else _Why(False))

    def no(self, formula: Formula) -> Any:
        why = _why(formula)
        return evolve(why, held=not why.held)

    def implies(self, premise: Formula, conclusion: Callable[[], Formula]) -> Any:
        return _why(conclusion()) if premise else _Why(True)

    def iff(self, left: Formula, right: Formula) -> Any:
        one, other = _why(left), _why(right)
        because = other if other.comparison is not None and (other.held or one.comparison is None) else one
        return evolve(because, held=one.held == other.held)

    def frames(self, body: Callable[[Any], Formula]) -> Any:
        for frame in self._frames:
            why = _why(body(frame))
            if not why:
                return evolve(why, frame=frame)
        return _Why(True)

    def players(self, body: Callable[[Any], Formula]) -> Any:
        for player in self._players:
            why = _why(body(player))
            if not why:
                return evolve(why, player=player)
        return _Why(True)

    def is_player(self, player: Any) -> bool:
        return bool(super().is_player(_plain(player)))

    def positions(self, sequence: Any, body: Callable[[Any], Formula]) -> Any:
        return self._each(sequence, body)

    def given(self, optional: Any, body: Callable[[Any], Formula]) -> Any:
        return _Why(True) if optional is None else _why(body(optional))

    def is_there(self, optional: Any) -> Any:
        there = optional is not None
        return _Why(there, Comparison(_name(optional), _plain(optional), "is", "there", None, there) if there else None)

    def has(self, container: Any, *index: Any) -> Any:
        value = container.get(*index)
        where = f"{_name(container)}[{', '.join(map(_shown, index))}]"
        return _Why(value is not None, Comparison(where, _plain(value), "is", "there", None, value is not None))

    def at(self, container: Any, *index_and_body: Any) -> Any:
        *index, body = index_and_body
        value = container.get(*index)
        return _Why(True) if value is None else _why(body(value))

    def equal(self, left: Any, right: Any) -> Any:
        return _compare(left, "=", right, operator.eq)

    def newest(self, sequence: Any, body: Callable[[Any], Formula]) -> Any:
        return _why(body(list(sequence)[-1])) if len(sequence) else _Why(False)

    def oldest(self, sequence: Any, body: Callable[[Any], Formula]) -> Any:
        return _why(body(next(iter(sequence)))) if len(sequence) else _Why(False)

    def dropped(self, old: Any, new: Any, body: Callable[[Any], Formula]) -> Any:
        items: list[Any] = []

        def collect(item: Any) -> bool:
            items.append(item)
            return True

        super().dropped(_plain(old), _plain(new), collect)
        return self._each((_seen(item, "the item that is gone") for item in items), body)

    def enabled(self, transition: Any, peer: Any, *args: Any) -> Any:
        if transition.name not in self.protocol.transitions:
            return _Why(
                False, Comparison(transition.name, "no transition of the protocol", "is", "possible", None, False)
            )
        refusal = self.protocol[transition].refusal(_plain(peer), transition.arguments(*map(_plain, args)))
        held = refusal is None
        told = "possible" if refusal is None else f"refused by the guard {refusal.name}"
        return _Why(held, Comparison(transition.name, told, "is", "possible", None, held))

    def truth(self, peer: Any, epoch: Any = None) -> Any:
        return _Seen(super().truth(_plain(peer), _plain(epoch)), "lockstep")

    @staticmethod
    def _each(items: Iterable[Any], body: Callable[[Any], Formula]) -> Any:
        return next((why for why in map(_why, map(body, items)) if not why), _Why(True))


def _seen(value: Any, name: str) -> Any:
    return value if value is None or isinstance(value, _Seen | _Why) else _Seen(value, name)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, _Seen) else value


def _compare(left: Any, relation: str, right: Any, holds: Callable[[Any, Any], Any]) -> _Why:
    one, other = _plain(left), _plain(right)
    held = bool(holds(one, other))
    return _Why(held, Comparison(_name(left), one, relation, _name(right), other, held))


def _why(formula: Formula) -> _Why:
    if isinstance(formula, _Why):
        return formula
    if isinstance(formula, _Seen):
        return _Why(bool(formula), Comparison(formula.name, formula.value, "is", "true", None, bool(formula)))
    return _Why(bool(formula))


def _name(value: Any) -> str:
    return value.name if isinstance(value, _Seen) else _shown(value)


def _shown(value: Any) -> str:
    value = _plain(value)
    return str(value.value) if isinstance(value, Enum) else value if isinstance(value, str) else repr(value)


def _named(about: Any, *, alone: bool) -> Any:
    if isinstance(about, StepView):
        before, after = _Seen(about.before, "before"), _Seen(about.after, "after")
        return StepView(about.transition, before, about.args, after, about.events)
    return _Seen(about, "" if alone else about.config.player)
