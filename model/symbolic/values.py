"""Symbolic values: stand-ins on which the reference's own code runs, and yields formulas.

Frames and times are unbounded integers. Players, actions, worlds and what worlds yield are uninterpreted sorts, so what
is proved holds for any number of players and for every game. Optional fields fork when they are read.
"""

from __future__ import annotations

from typing import Any, ClassVar

import z3

from rollproof.model.fields import field_of, fields_of, made
from rollproof.model.symbolic.formulas import FALSE, TRUE, conjunction, negation
from rollproof.model.symbolic.paths import Execution, current, refuse
from rollproof.reference.state import Phase

z3.z3.Z3_DEBUG = False  # the solver refuses what is of a wrong sort itself; asking twice costs an eighth of a proof
INT, BOOL = z3.IntSort(), z3.BoolSort()
PLAYER, ACTION, ACTIONS, JOINT, STATE, OUTCOME, TOTALS, DIGEST, TEXT, INFO = (
    z3.DeclareSort(name)
    for name in ("Player", "Action", "Actions", "Joint", "State", "Outcome", "Totals", "Digest", "Text", "Info")
)

ACTION_OF = z3.Function("action_of", JOINT, PLAYER, ACTION)
"""A player's action in a joint action."""
ADMITS = z3.Function("admits", ACTIONS, ACTION, BOOL)
"""Whether a value is an action, as the configuration says what one is."""
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


class StandIn:
    """What all stand-ins have in common: they refuse whatever they have no answer to."""

    term: Any = None
    """Its term; None if it is not one term."""

    def __init__(self, term: Any) -> None:
        """Wrap a term."""
        self.term = term

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or Execution.current is None:
            raise AttributeError(name)
        return refuse(f"a {type(self).__name__} has no `.{name}`")

    def __eq__(self, other: object) -> Any:
        if other is None or self is other:
            return self is other
        return SBool(self.term == _alike(self, other))

    def __ne__(self, other: object) -> Any:
        if other is None or self is other:
            return self is not other
        return SBool(self.term != _alike(self, other))

    def __hash__(self) -> int:
        return int(refuse(f"a {type(self).__name__} is hashed"))

    def __repr__(self) -> str:
        return object.__repr__(self) if Execution.current is None else str(refuse("a text is made of a stand-in"))

    def __format__(self, spec: str) -> str:
        return repr(self)


def _refusing(name: str) -> Any:
    return lambda self, *_: refuse(f"`{name}` of a {type(self).__name__}")


_REFUSED = (
    *("bool", "len", "iter", "next", "contains", "getitem", "call", "index", "int", "float", "complex", "bytes"),
    *("trunc", "floor", "ceil", "round", "reversed", "enter", "exit", "lt", "le", "gt", "ge", "add", "radd", "sub"),
    *("rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod", "rmod", "divmod", "rdivmod", "pow"),
    *("rpow", "lshift", "rlshift", "rshift", "rrshift", "and", "rand", "or", "ror", "xor", "rxor", "neg", "pos", "abs"),
    *("invert", "matmul", "rmatmul"),
)
for _name in _REFUSED:
    setattr(StandIn, f"__{_name}__", _refusing(f"__{_name}__"))


def _alike(one: StandIn, other: Any) -> Any:
    """Return the term of a value of the same sort as a stand-in."""
    if one.term is None:
        return refuse(f"a {type(one).__name__} is compared with a {type(other).__name__}")
    term = number_of(other) if one.term.sort() == INT and not isinstance(one, SPhase) else None
    if term is None:
        term = term_of(other) if isinstance(other, StandIn | bool | Phase) or z3.is_expr(other) else None
    if term is None or term.sort() != one.term.sort() or isinstance(one, SPhase) != isinstance(other, SPhase | Phase):
        return refuse(f"a {type(one).__name__} is compared with a {type(other).__name__}")
    return term


def number_of(value: Any) -> Any:
    """Return the integer term of an integer or a truth value, which counts as 0 or 1; None if it is neither."""
    if type(value) in (bool, int):
        return z3.IntVal(int(value))
    if isinstance(value, SBool):
        return z3.If(value.term, z3.IntVal(1), z3.IntVal(0))
    if isinstance(value, SInt):
        return value.term
    return value if z3.is_expr(value) and value.sort() == INT else None


class SBool(StandIn):
    """A truth value; as a Python bool it forks."""

    def __bool__(self) -> bool:
        return current().decide(self.term)


class SInt(StandIn):
    """An unbounded integer."""

    def __bool__(self) -> bool:
        return current().decide(self.term != 0)

    def _with(self, other: Any, operator: str) -> Any:
        number = number_of(other)
        return refuse(f"`{operator}` of an SInt and a {type(other).__name__}") if number is None else number

    def __add__(self, other: Any) -> SInt:
        return SInt(self.term + self._with(other, "+"))

    def __radd__(self, other: Any) -> SInt:
        return SInt(self._with(other, "+") + self.term)

    def __sub__(self, other: Any) -> SInt:
        return SInt(self.term - self._with(other, "-"))

    def __rsub__(self, other: Any) -> SInt:
        return SInt(self._with(other, "-") - self.term)

    def __mul__(self, other: Any) -> SInt:
        number = self._with(other, "*")
        if not z3.is_int_value(number) and not z3.is_int_value(self.term):
            refuse("two integers are multiplied of which neither is known")
        return SInt(self.term * number)

    __rmul__ = __mul__

    def _divisor(self, other: Any) -> Any:
        number = self._with(other, "//")
        if not (z3.is_int_value(number) and number.as_long() > 0):
            refuse("a division by what is not a known positive integer")
        return number

    def __floordiv__(self, other: Any) -> SInt:
        return SInt(self.term / self._divisor(other))

    def __mod__(self, other: Any) -> SInt:
        return SInt(self.term % self._divisor(other))

    def __divmod__(self, other: Any) -> tuple[SInt, SInt]:
        return self // other, self % other

    def __neg__(self) -> SInt:
        return SInt(-self.term)

    def __pos__(self) -> SInt:
        return self

    def __abs__(self) -> SInt:
        return SInt(z3.If(self.term < 0, -self.term, self.term))

    def __lt__(self, other: Any) -> SBool:
        return SBool(self.term < self._with(other, "<"))

    def __le__(self, other: Any) -> SBool:
        return SBool(self.term <= self._with(other, "<="))

    def __gt__(self, other: Any) -> SBool:
        return SBool(self.term > self._with(other, ">"))

    def __ge__(self, other: Any) -> SBool:
        return SBool(self.term >= self._with(other, ">="))


class SValue(StandIn):
    """A value of an uninterpreted sort: it can be compared, and nothing else."""


class SJoint(SValue):
    """A joint action."""

    def of(self, player: Any) -> SValue:
        """Stand in for `JointAction.of`, which raises `ValueError` if the player is not in the session."""
        if Execution.current is not None and not current().decide(IS_PLAYER(term_of(player))):
            raise ValueError("not a player of the session")
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


class SPhase(StandIn):
    """A phase, as its number in the order of phases."""

    NUMBERS: ClassVar[dict[Phase, int]] = {phase: number for number, phase in enumerate(Phase)}

    @property
    def number(self) -> SInt:
        """Stand in for `Phase.number`."""
        return SInt(self.term)

    def __lt__(self, other: Any) -> SBool:
        return SBool(self.term < _alike(self, other))

    def __gt__(self, other: Any) -> SBool:
        return SBool(self.term > _alike(self, other))


class SOptional:
    """An optional value. A symbolic part resolves it, to None or the value, when a transition reads it."""

    def __init__(self, there: Any, value: Any) -> None:
        """Wrap the formula that says whether the value is there, and the value."""
        self.there = there
        self.value = value

    def resolve(self) -> Any:
        """Fork: return the value, or None."""
        return self.value if current().decide(self.there) else None


class SPlayers(StandIn):
    """The players of the session, or some of them: the partners, or those driven by people."""

    def __init__(self, some: str = "players") -> None:
        """Stand for `players`, for the `partners` among them, or for the `human_players`."""
        super().__init__(None)
        self.some = some

    def __contains__(self, player: Any) -> bool:
        if self.some == "human_players":
            return bool(refuse("who is driven by people is not known"))
        return current().decide(self.holds(term_of(player)))

    def holds(self, player: Any) -> Any:
        """Return the formula that a player is one of them."""
        me = z3.Const(LOCAL, PLAYER)
        return IS_PLAYER(player) if self.some == "players" else conjunction((IS_PLAYER(player), player != me))

    def __eq__(self, other: object) -> Any:
        """Stand in for the comparison with the empty tuple."""
        if other is None:
            return False
        if other != () or self.some == "partners":
            return refuse(f"the {self.some} are compared with {type(other).__name__}")
        return SBool(NO_PLAYERS if self.some == "human_players" else FALSE)

    def __ne__(self, other: object) -> Any:
        equal = self == other
        return SBool(negation(equal.term)) if isinstance(equal, SBool) else not equal

    __hash__ = StandIn.__hash__


LOCAL = "peer.config.player"
"""The name of the constant that is the local player."""


class SActions(StandIn):
    """Any set of actions."""

    def admits(self, action: Any) -> SBool:
        """Stand in for `Actions.admits`."""
        return SBool(ADMITS(self.term, term_of(action)))


class SWorld(StandIn):
    """Any deterministic world."""

    def __init__(self) -> None:
        """Stand for any world."""
        super().__init__(None)

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
    if isinstance(value, StandIn) and value.term is not None:
        return value.term
    if isinstance(value, bool):
        return TRUE if value else FALSE
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
        return FALSE, absent
    if isinstance(value, SOptional):
        return value.there, z3.If(value.there, term_of(value.value), absent)
    return TRUE, term_of(value)


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

    def equal(self: Any, other: object) -> Any:
        if not isinstance(other, cls):
            return False if other is None else refuse(f"a {cls.__name__} is compared with a {type(other).__name__}")
        return all(read(self, name) == getattr(other, name) for name in fields_of(self))

    def unequal(self: Any, other: object) -> bool:
        return not equal(self, other)

    def hashed(self: Any) -> Any:
        return refuse(f"a {cls.__name__} is hashed")

    if cls not in _LAZY:
        namespace: dict[str, Any] = {"__getattribute__": read, "__copy__": copy, "__slots__": ()}
        namespace.update(__eq__=equal, __ne__=unequal, __hash__=hashed)
        if hasattr(cls, "partners"):
            namespace["partners"] = SPlayers("partners")
        _LAZY[cls] = type(f"Symbolic{cls.__name__}", (cls,), namespace)
    return _LAZY[cls]
