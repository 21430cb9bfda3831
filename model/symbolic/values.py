"""Symbolic values: stand-ins on which the reference's own code runs, and yields formulas.

Frames and times are unbounded integers. Players, actions, worlds and what worlds yield are uninterpreted sorts, so what
is proved holds for any number of players and for every game. Optional fields fork when they are read.
"""

from __future__ import annotations

from typing import Any, ClassVar

import z3

from rollproof.model.fields import field_of, fields_of, made
from rollproof.model.symbolic.paths import Execution, current
from rollproof.reference.state import Phase

INT, BOOL = z3.IntSort(), z3.BoolSort()
PLAYER, ACTION, JOINT, STATE, OUTCOME, TOTALS, DIGEST, TEXT, INFO = (
    z3.DeclareSort(name)
    for name in ("Player", "Action", "Joint", "State", "Outcome", "Totals", "Digest", "Text", "Info")
)

ACTION_OF = z3.Function("action_of", JOINT, PLAYER, ACTION)
"""A player's action in a joint action."""
IS_PLAYER = z3.Function("is_player", PLAYER, BOOL)
"""Whether a player is in the session."""
NO_PLAYERS = z3.Const("no_players", BOOL)
START = z3.Function("start", INT, STATE)
NEXT_STATE = z3.Function("next_state", STATE, JOINT, STATE)
OUTCOME_OF = z3.Function("outcome_of", STATE, JOINT, OUTCOME)
ENDS = z3.Function("ends", OUTCOME, BOOL)
"""Whether the episode ends with an outcome."""
ZERO = z3.Const("zero", TOTALS)
PLUS = z3.Function("plus", TOTALS, OUTCOME, TOTALS)
NO_DIGEST = z3.Const("no_digest", DIGEST)
EXTEND = z3.Function("extend", DIGEST, JOINT, BOOL, OUTCOME, INT, BOOL, DIGEST)
NO_OUTCOME = z3.Const("no_outcome", OUTCOME)


class SBool:
    """A truth value; as a Python bool it forks."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, term: Any) -> None:
        """Wrap a formula."""
        self.term = term

    def __bool__(self) -> bool:
        return current().decide(self.term)

    def __eq__(self, other: object) -> SBool:  # type: ignore[override]
        return SBool(self.term == term_of(other))

    def __ne__(self, other: object) -> SBool:  # type: ignore[override]
        return SBool(self.term != term_of(other))


class SInt:
    """An unbounded integer."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, term: Any) -> None:
        """Wrap an integer term."""
        self.term = term

    def __add__(self, other: Any) -> SInt:
        return SInt(self.term + term_of(other))

    def __radd__(self, other: Any) -> SInt:
        return SInt(term_of(other) + self.term)

    def __sub__(self, other: Any) -> SInt:
        return SInt(self.term - term_of(other))

    def __rsub__(self, other: Any) -> SInt:
        return SInt(term_of(other) - self.term)

    def __lt__(self, other: Any) -> SBool:
        return SBool(self.term < term_of(other))

    def __le__(self, other: Any) -> SBool:
        return SBool(self.term <= term_of(other))

    def __gt__(self, other: Any) -> SBool:
        return SBool(self.term > term_of(other))

    def __ge__(self, other: Any) -> SBool:
        return SBool(self.term >= term_of(other))

    def __eq__(self, other: object) -> Any:
        return False if other is None else SBool(self.term == term_of(other))

    def __ne__(self, other: object) -> Any:
        return True if other is None else SBool(self.term != term_of(other))


class SValue:
    """A value of an uninterpreted sort: it can be compared, and nothing else."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, term: Any) -> None:
        """Wrap a term."""
        self.term = term

    def __eq__(self, other: object) -> Any:
        return False if other is None else SBool(self.term == term_of(other))

    def __ne__(self, other: object) -> Any:
        return True if other is None else SBool(self.term != term_of(other))


class SJoint(SValue):
    """A joint action."""

    def of(self, player: Any) -> SValue:
        """Stand in for `JointAction.of`."""
        return SValue(ACTION_OF(self.term, term_of(player)))


class SOutcome(SValue):
    """What a world yielded."""

    @property
    def over(self) -> SBool:
        """Stand in for `Outcome.over`."""
        return SBool(ENDS(self.term))


class STotals(SValue):
    """Cumulative rewards."""

    def plus(self, outcome: Any) -> STotals:
        """Stand in for `Totals.plus`."""
        return STotals(PLUS(self.term, outcome.term))

    def cleared(self) -> STotals:
        """Stand in for `Totals.cleared`."""
        return STotals(ZERO)


class SDigest(SValue):
    """A running hash."""

    def extend(self, record: Any) -> SDigest:
        """Stand in for `Digest.extend`."""
        there, outcome = optional_terms(field_of(record, "outcome"), NO_OUTCOME)
        joint, steps, over = (term_of(field_of(record, name)) for name in ("actions", "steps", "over"))
        return SDigest(EXTEND(self.term, joint, there, outcome, steps, over))

    def cleared(self) -> SDigest:
        """Stand in for `Digest.cleared`."""
        return SDigest(NO_DIGEST)


class SPhase:
    """A phase, as its number in the order of phases."""

    __hash__ = None  # type: ignore[assignment]
    NUMBERS: ClassVar[dict[Phase, int]] = {phase: number for number, phase in enumerate(Phase)}

    def __init__(self, term: Any) -> None:
        """Wrap an integer term."""
        self.term = term

    @property
    def number(self) -> SInt:
        """Stand in for `Phase.number`."""
        return SInt(self.term)

    def __eq__(self, other: object) -> SBool:  # type: ignore[override]
        return SBool(self.term == term_of(other))

    def __ne__(self, other: object) -> SBool:  # type: ignore[override]
        return SBool(self.term != term_of(other))

    def __lt__(self, other: Any) -> SBool:
        return SBool(self.term < term_of(other))

    def __gt__(self, other: Any) -> SBool:
        return SBool(self.term > term_of(other))


class SOptional:
    """An optional value. A symbolic part resolves it, to None or the value, when a transition reads it."""

    def __init__(self, there: Any, value: Any) -> None:
        """Wrap the formula that says whether the value is there, and the value."""
        self.there = there
        self.value = value

    def resolve(self) -> Any:
        """Fork: return the value, or None."""
        return self.value if current().decide(self.there) else None


class SPlayers:
    """The players of the session."""

    def __contains__(self, player: Any) -> bool:
        return current().decide(IS_PLAYER(term_of(player)))

    def __eq__(self, other: object) -> Any:
        """Stand in for the comparison with the empty tuple, the only one there is."""
        return SBool(NO_PLAYERS)

    __hash__ = None  # type: ignore[assignment]


class SWorld:
    """Any deterministic world."""

    def start(self, epoch: Any) -> SValue:
        """Stand in for `World.start`."""
        return SValue(START(term_of(epoch)))

    def step(self, state: Any, actions: SJoint) -> tuple[SValue, SOutcome]:
        """Stand in for `World.step`."""
        return SValue(NEXT_STATE(state.term, actions.term)), SOutcome(OUTCOME_OF(state.term, actions.term))


def term_of(value: Any) -> Any:
    """Return the term of a symbolic value or of a Python constant.

    Raises:
        TypeError: if there is none, for instance of None.
    """
    if hasattr(value, "term"):
        return value.term
    if isinstance(value, bool):
        return z3.BoolVal(value)
    if isinstance(value, int):
        return z3.IntVal(value)
    if isinstance(value, Phase):
        return z3.IntVal(SPhase.NUMBERS[value])
    if z3.is_expr(value):
        return value
    raise TypeError(f"{value!r} has no symbolic counterpart")


def optional_terms(value: Any, absent: Any) -> tuple[Any, Any]:
    """Return whether an optional leaf is there, and its term or that of `absent`, as formulas without forking."""
    if value is None:
        return z3.BoolVal(False), absent
    if isinstance(value, SOptional):
        return value.there, z3.If(value.there, term_of(value.value), absent)
    return z3.BoolVal(True), term_of(value)


_LAZY: dict[type, type] = {}
reads: set[tuple[str, str]] = set()
"""The fields that were read of symbolic parts, by (class, field), since the set was cleared."""


def lazy(cls: type) -> type:
    """Return a subclass of a state class whose optional fields fork when they are read during an exploration."""

    def read(self: Any, name: str) -> Any:
        value = object.__getattribute__(self, name)
        reads.add((cls.__name__, name))
        return value.resolve() if isinstance(value, SOptional) and Execution.current is not None else value

    def copy(self: Any) -> Any:
        return made(type(self), **fields_of(self))

    if cls not in _LAZY:
        namespace: dict[str, Any] = {"__getattribute__": read, "__copy__": copy, "__slots__": ()}
        if hasattr(cls, "partners"):
            namespace["partners"] = SPlayers()
        _LAZY[cls] = type(f"Symbolic{cls.__name__}", (cls,), namespace)
    return _LAZY[cls]
