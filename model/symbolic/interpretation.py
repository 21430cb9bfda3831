"""Terms of the logic evaluated on concrete states: what a formula says when its constants are a real peer's.

A constant is named after where it comes from (`peer.rollback.pending`, `arg.player`), so a concrete peer and concrete
arguments interpret it. What is asked of a value that is not there is left open by the logic, and is some value here.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import product
from typing import Any

import attrs
import z3

from rollproof.model.fields import fields_of
from rollproof.model.symbolic import values as s
from rollproof.model.symbolic.containers import SFrameMap, SInputTable, SMap, SPlayerMap, SSequence, SSlice
from rollproof.model.symbolic.values import SOptional, SPlayers, SWorld
from rollproof.model.theorems.truth import Truth
from rollproof.reference.config import Actions
from rollproof.reference.containers import FrameMap, InputTable, JointAction, PlayerMap, Sequence, Table
from rollproof.reference.digest import Digest
from rollproof.reference.state import Phase
from rollproof.reference.world import Outcome, Record, Totals

NOBODY = "nobody"
"""A player who is not in any session."""
INTRODUCED = re.compile(r"(\w+)!\d+$")
"""The names of constants that an execution introduces, with what they stand for."""
Evaluate = Callable[["Interpretation", tuple[Any, ...]], Any]
"""A compiled term: of an interpretation, and the values of bound variables, the innermost last."""


def _nothing_is_true(epoch: int) -> Truth:
    raise KeyError(f"what really happens in episode {epoch} is not known")


class Interpretation:
    """What the constants and functions of the logic mean for a peer, or parts of one, and arguments."""

    def __init__(
        self,
        players: tuple[str, ...],
        roots: Mapping[str, Any],
        *,
        world: Any = None,
        truth: Callable[[int], Truth] = _nothing_is_true,
        frames: Iterable[int] = range(-2, 12),
        honest: tuple[str, ...] | None = None,
    ) -> None:
        """Let names be looked up in `roots` by their first part, and quantifiers range over `frames` and `players`."""
        self.players = players
        self.honest = players if honest is None else honest
        self.roots = roots
        self.world = world
        self.truth = truth
        self.frames = tuple(frames)
        self.introduced: dict[str, Any] = {}
        self.universe = {s.INT: self.frames, s.PLAYER: (*players, NOBODY)}
        self._found: dict[tuple[str, tuple[Any, ...]], Any] = {}
        self.defaults = {
            s.INT: -77,
            s.BOOL: False,
            s.PLAYER: NOBODY,
            s.ACTION: "any",
            s.ACTIONS: Actions(),
            s.JOINT: JointAction(players, ("any",) * len(players)),
            s.STATE: -77,
            s.OUTCOME: Outcome(rewards={"any": -77}),
            s.TOTALS: Totals({"any": -77}),
            s.DIGEST: Digest("any"),
            s.TEXT: "any",
        }

    def value(self, term: Any, *bound: Any) -> Any:
        """Return what a term means."""
        return compiled(term)(self, bound)

    def holds(self, formulas: Iterable[Any]) -> bool:
        """Tell whether all formulas hold."""
        return all(self.value(formula) for formula in formulas)

    def function(self, name: str, sort: Any, args: tuple[Any, ...]) -> Any:
        """Return the value of an uninterpreted function; of a constant, if there are no arguments."""
        if name in self.introduced:
            meant = self.introduced[name]
            return meant(*args) if args else meant
        if name in self._known:
            return self._known[name](*args)
        if (name, args) not in self._found:
            self._found[name, args] = self._find(name, args)
        found = self._found[name, args]
        return self.defaults[sort] if found is None else found

    def _find(self, name: str, args: tuple[Any, ...]) -> Any:
        """Return the part of a peer, or the argument, that a name means; None if it is not there."""
        first, *rest = name.removesuffix("?").split(".")
        value = self.roots[first]
        for step in rest:
            if value is None:
                break
            if isinstance(value, Sequence) and step in ("head", "tail"):
                return 0 if step == "head" else len(value)
            if isinstance(value, FrameMap | PlayerMap | Table | InputTable | Sequence) and args:
                value, args = _at(value, args), ()
                if step in ("has", "at"):
                    return value is not None if step == "has" else value
                if value is None:
                    break
            value = value[step] if isinstance(value, Mapping) else getattr(value, step)
        if args and value is not None:
            value = _at(value, args)
        if name.endswith("?"):
            return value is not None
        return s.SPhase.NUMBERS[value] if isinstance(value, Phase) else value

    @cached_property
    def _known(self) -> dict[str, Callable[..., Any]]:
        def extend(digest: Digest, joint: Any, there: bool, outcome: Any, steps: int, over: bool) -> Digest:
            return digest.extend(Record(joint, outcome if there else None, Totals(), steps, over, False, 0, True))

        def ending(epoch: int) -> int:
            end = self.truth(epoch).end
            return -77 if end is None else int(end)

        def differs(joint: JointAction, epoch: int, frame: int) -> str:
            true = self.truth(epoch).joint(frame)
            return next((each for each in self.players if joint.of(each) != true.of(each)), self.players[0])

        return {
            "is_player": lambda player: player in self.players,
            "is_honest": lambda player: player in self.honest,
            "admits": lambda actions, action: actions.admits(action),
            "action_of": lambda joint, player: joint.of(player) if player in self.players else "any",
            "no_players": lambda: self.roots["peer"].config.human_players == (),
            "start": lambda epoch: self.world.start(epoch),
            "next_state": lambda state, joint: self.world.step(state, joint)[0],
            "outcome_of": lambda state, joint: self.world.step(state, joint)[1],
            "ends": lambda outcome: outcome.over,
            "zero": Totals,
            "plus": lambda totals, outcome: totals.plus(outcome),
            "no_digest": Digest,
            "extend": extend,
            "no_outcome": lambda: None,
            "true_action": lambda epoch, player, frame: (
                self.truth(epoch).joint(frame).of(player if player in self.players else self.players[0])
            ),
            "true_joint": lambda epoch, frame: self.truth(epoch).joint(frame),
            "true_state": lambda epoch, frame: self.truth(epoch).simulation(frame).state,
            "true_returns": lambda epoch, frame: self.truth(epoch).simulation(frame).returns,
            "true_digest": lambda epoch, frame: self.truth(epoch).digest(frame),
            "true_end": ending,
            "is_ending": lambda epoch: self.truth(epoch).end is not None,
            "differs": differs,
        }

    def introduce(self, formulas: Iterable[Any], known: InputTable, simulated: int) -> bool:
        """Give the constants that an execution has introduced their meaning, and tell whether `formulas` hold then.

        A joint action and the predictions in it are those of the frame `simulated`; a prefix of known inputs is what
        satisfies the formulas.
        """
        defining = [(formula, introduced(formula)) for formula in formulas]
        for names in dict.fromkeys(names for _, names in defining):
            new = names - set(self.introduced)
            wanted = [formula for formula, others in defining if others <= names | set(self.introduced)]
            frames = (simulated,) if any(kind_of(name) == "joint" for name in new) else self.frames
            if not any(self._try(new, known, frame, wanted) for frame in frames):
                return False
        return True

    def _try(self, names: Iterable[str], known: InputTable, frame: int, wanted: list[Any]) -> bool:
        meanings = {
            "contiguous": frame,
            "joint": known.joint(frame),
            "predict": lambda player: known.predict(player, frame) if player in self.players else "any",
        }
        self.introduced.update({name: meanings[kind_of(name)] for name in names})
        return self.holds(wanted)

    def mismatches(self, symbolic: Any, concrete: Any, where: str = "") -> Iterator[str]:
        """Yield where a symbolic value does not mean the concrete one."""
        if isinstance(symbolic, SOptional):
            there = self.value(symbolic.there)
            if there != (concrete is not None):
                yield f"{where}: there is {'a' if there else 'no'} value, in place of {concrete!r}"
            elif there:
                yield from self.mismatches(symbolic.value, concrete, where)
        elif isinstance(symbolic, SPlayers | SWorld):
            return
        elif isinstance(symbolic, SMap | SInputTable):
            yield from self._in_map(symbolic, concrete, where)
        elif isinstance(symbolic, SSequence):
            head, tail = self.value(symbolic.head), self.value(symbolic.tail)
            if tail - head != len(concrete):
                yield f"{where}: {tail - head} items, in place of {len(concrete)}"
            for number, item in enumerate(concrete, head):
                yield from self.mismatches(symbolic.at(z3.IntVal(number)), item, f"{where}[{number}]")
        elif isinstance(symbolic, tuple):
            if len(symbolic) != len(concrete):
                yield f"{where}: {len(symbolic)} items, in place of {concrete!r}"
            for number, (item, other) in enumerate(zip(symbolic, concrete, strict=False)):
                yield from self.mismatches(item, other, f"{where}[{number}]")
        elif isinstance(symbolic, SSlice):
            player, first, last = map(self.value, (symbolic.player, symbolic.first, symbolic.last))
            actions = tuple(self._known_action(symbolic, player, frame) for frame in range(first, last + 1))
            if actions != concrete:
                yield f"{where}: {actions}, in place of {concrete}"
        elif attrs.has(type(symbolic)) and not isinstance(symbolic, JointAction | Digest):
            kind = type(symbolic).__name__.removeprefix("Symbolic")
            if kind != type(concrete).__name__:
                yield f"{where}: a {kind}, in place of {concrete!r}"
                return
            concretes = fields_of(concrete)
            for name, value in fields_of(symbolic).items():
                yield from self.mismatches(value, concretes[name], f"{where}.{name}")
        else:
            meant = self.meaning(symbolic)
            if meant != concrete or isinstance(meant, bool) != isinstance(concrete, bool):
                yield f"{where}: {meant!r}, in place of {concrete!r}"

    def meaning(self, leaf: Any) -> Any:
        """Return what a leaf means: a symbolic value, or a plain one that the code has put there."""
        if isinstance(leaf, s.SPhase):
            return list(Phase)[self.value(leaf.term)]
        return self.value(leaf.term) if hasattr(leaf, "term") else leaf

    def _in_map(self, symbolic: Any, concrete: Any, where: str) -> Iterator[str]:
        indices: Iterable[tuple[Any, ...]]
        names: tuple[str, ...]
        if isinstance(symbolic, SFrameMap):
            indices, names = product(self.frames), ("index!frame",)
        elif isinstance(symbolic, SPlayerMap):
            indices, names = product((*self.players, NOBODY)), ("index!player",)
        else:
            indices, names = product(self.players, self.frames), ("index!player", "index!frame")
        here, at = (function(*map(_INDEX.__getitem__, names)) for function in (symbolic.here, symbolic.at))
        for index in indices:
            self.introduced.update(zip(names, index, strict=True))
            there, value = self.value(here), _at(concrete, index)
            if there != (value is not None):
                yield f"{where}{list(index)}: there is {'a' if there else 'no'} value, in place of {value!r}"
            elif there:
                leaf = s.SValue(at) if z3.is_expr(at) else at
                yield from self.mismatches(leaf, value, f"{where}{list(index)}")

    def _known_action(self, run: SSlice, player: str, frame: int) -> Any:
        self.introduced.update({"index!player": player, "index!frame": frame})
        index = tuple(_INDEX.values())
        return self.value(run.table.at(*index)) if self.value(run.table.here(*index)) else None


_INDEX = {"index!player": z3.Const("index!player", s.PLAYER), "index!frame": z3.Int("index!frame")}
"""Constants that stand for the index at which a container is asked."""


def kind_of(name: str) -> str:
    """Return what an introduced constant stands for."""
    found = INTRODUCED.search(name)
    assert found is not None
    return found.group(1)


_NAMES: dict[int, tuple[Any, frozenset[str]]] = {}


def introduced(formula: Any) -> frozenset[str]:
    """Return the names of the constants in a formula that an execution has introduced."""
    if formula.get_id() not in _NAMES:
        found, todo, seen = set(), [formula], set()
        while todo:
            term = todo.pop()
            if term.get_id() in seen:
                continue
            seen.add(term.get_id())
            if z3.is_quantifier(term):
                todo.append(term.body())
            elif z3.is_app(term):
                todo.extend(term.children())
                if term.decl().kind() == z3.Z3_OP_UNINTERPRETED and INTRODUCED.search(term.decl().name()):
                    found.add(term.decl().name())
        _NAMES[formula.get_id()] = formula, frozenset(found)
    return _NAMES[formula.get_id()][1]


def _at(container: Any, index: tuple[Any, ...]) -> Any:
    """Return the value of a container of the reference at an index, or None."""
    if isinstance(container, Sequence):
        return dict(enumerate(container)).get(index[0])
    if isinstance(container, Table | InputTable):
        players = container.players if isinstance(container, Table) else container.table.players
        return container.get(*index) if index[0] in players else None
    return container.get(*index)


_COMPILED: dict[int, tuple[Any, Evaluate]] = {}


def compiled(term: Any) -> Evaluate:
    """Return a function that evaluates a term."""
    if term.get_id() not in _COMPILED:
        _COMPILED[term.get_id()] = term, _compile(term)  # the term is kept, so that its id is not used again
    return _COMPILED[term.get_id()][1]


def _compile(term: Any) -> Evaluate:
    if z3.is_var(term):
        depth = 1 + z3.get_var_index(term)
        return lambda it, bound: bound[-depth]
    if z3.is_quantifier(term):
        return _quantified(term)
    if z3.is_int_value(term):
        number = term.as_long()
        return lambda it, bound: number
    kind, parts = term.decl().kind(), [compiled(each) for each in term.children()]
    if kind == z3.Z3_OP_UNINTERPRETED:
        name, sort = term.decl().name(), term.sort()
        return lambda it, bound: it.function(name, sort, tuple([part(it, bound) for part in parts]))
    if kind == z3.Z3_OP_ITE:
        condition, left, right = parts
        return lambda it, bound: left(it, bound) if condition(it, bound) else right(it, bound)
    if kind == z3.Z3_OP_IMPLIES:
        premise, conclusion = parts
        return lambda it, bound: not premise(it, bound) or conclusion(it, bound)
    if kind == z3.Z3_OP_AND:
        return lambda it, bound: all(part(it, bound) for part in parts)
    if kind == z3.Z3_OP_OR:
        return lambda it, bound: any(part(it, bound) for part in parts)
    if kind == z3.Z3_OP_DISTINCT:
        return lambda it, bound: len({part(it, bound) for part in parts}) == len(parts)
    function = _OPERATIONS[kind]
    return lambda it, bound: function(*[part(it, bound) for part in parts])


def _quantified(term: Any) -> Evaluate:
    assert term.is_forall()
    body, sorts = compiled(term.body()), [term.var_sort(number) for number in range(term.num_vars())]

    def evaluate(it: Interpretation, bound: tuple[Any, ...]) -> bool:
        return all(body(it, (*bound, *values)) for values in product(*(it.universe[sort] for sort in sorts)))

    return evaluate


_OPERATIONS: dict[int, Callable[..., Any]] = {
    z3.Z3_OP_TRUE: lambda: True,
    z3.Z3_OP_FALSE: lambda: False,
    z3.Z3_OP_NOT: operator.not_,
    z3.Z3_OP_EQ: operator.eq,
    z3.Z3_OP_LE: operator.le,
    z3.Z3_OP_LT: operator.lt,
    z3.Z3_OP_GE: operator.ge,
    z3.Z3_OP_GT: operator.gt,
    z3.Z3_OP_ADD: lambda *terms: sum(terms),
    z3.Z3_OP_SUB: lambda first, *others: first - sum(others),
    z3.Z3_OP_UMINUS: operator.neg,
    z3.Z3_OP_MUL: operator.mul,
    z3.Z3_OP_IDIV: operator.floordiv,
    z3.Z3_OP_MOD: operator.mod,
}
