"""The reading of properties on logic: formulas about a symbolic state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import z3

from rollproof.model.symbolic import values as s
from rollproof.model.symbolic.containers import PRESENCE
from rollproof.model.symbolic.formulas import FALSE, TRUE, conjunction, disjunction, implication, negation
from rollproof.model.symbolic.paths import explore
from rollproof.model.symbolic.shapes import choose, equal
from rollproof.model.symbolic.truth import SymbolicTruth
from rollproof.model.symbolic.values import SBool, SInt, SOptional, SValue, term_of
from rollproof.model.theorems.logic import Formula
from rollproof.model.theorems.truth import Truth
from rollproof.reference.transition import Guard, Protocol, Transition

IS_HONEST = z3.Function("is_honest", s.PLAYER, s.BOOL)


class Terms:
    """The reading on logic."""

    def __init__(self, protocol: Protocol) -> None:
        """Speak of the transitions of `protocol`."""
        self.protocol = protocol
        self.bound: list[Any] = []
        """The variables of the quantifiers that are being written, the outermost first."""
        self.asked: set[str] = set()
        """The transitions whose guards were asked about."""
        self.definitions: list[Any] = []
        """What defines the constants that `enabled` introduced."""

    def all_of(self, *formulas: Formula) -> SBool:
        return SBool(conjunction(map(term_of, formulas)))

    def any_of(self, *formulas: Formula) -> SBool:
        return SBool(disjunction(map(term_of, formulas)))

    def no(self, formula: Formula) -> SBool:
        return SBool(negation(term_of(formula)))

    def implies(self, premise: Formula, conclusion: Callable[[], Formula]) -> SBool:
        if premise is False:
            return SBool(TRUE)
        assumed, concluded = term_of(premise), term_of(conclusion())
        if any(each.eq(concluded) for each in (assumed, *(assumed.children() if z3.is_and(assumed) else ()))):
            return SBool(TRUE)  # it says that nothing has changed, which the solver would see less soon
        return SBool(implication(assumed, concluded))

    def iff(self, left: Formula, right: Formula) -> SBool:
        return SBool(term_of(left) == term_of(right))

    def _for_all(self, sort: Any, wrap: Callable[[Any], Any], stem: str, body: Callable[[Any], Formula]) -> SBool:
        bound = z3.Const(f"{stem}{len(self.bound) + 1}", sort)
        self.bound.append(bound)
        try:
            formula = term_of(body(wrap(bound)))
            return SBool(z3.ForAll([bound], formula, patterns=_triggers(formula, bound)))
        finally:
            self.bound.pop()

    def frames(self, body: Callable[[Any], Formula]) -> SBool:
        return self._for_all(s.INT, SInt, "frame", body)

    def players(self, body: Callable[[Any], Formula]) -> SBool:
        def of_player(player: Any) -> SBool:
            return SBool(implication(s.IS_PLAYER(player.term), term_of(body(player))))

        return self._for_all(s.PLAYER, SValue, "player", of_player)

    def is_player(self, player: Any) -> SBool:
        return SBool(s.IS_PLAYER(term_of(player)))

    def is_honest(self, player: Any) -> SBool:
        return SBool(IS_HONEST(term_of(player)))

    def positions(self, sequence: Any, body: Callable[[Any], Formula]) -> SBool:
        def of_item(number: Any) -> SBool:
            inside = conjunction((sequence.head <= number.term, number.term < sequence.tail))
            return SBool(implication(inside, term_of(body(sequence.at(number.term)))))

        return self._for_all(s.INT, SInt, "position", of_item)

    def is_there(self, optional: Any) -> SBool:
        return SBool(optional.there if isinstance(optional, SOptional) else TRUE if optional is not None else FALSE)

    def given(self, optional: Any, body: Callable[[Any], Formula]) -> SBool:
        if optional is None:
            return SBool(TRUE)
        if isinstance(optional, SOptional):
            return SBool(implication(optional.there, term_of(body(optional.value))))
        return SBool(term_of(body(optional)))

    def value_or(self, optional: Any, other: Any) -> Any:
        if isinstance(optional, SOptional):
            return choose(optional.there, optional.value, other)
        return other if optional is None else optional

    def has(self, container: Any, *index: Any) -> SBool:
        return SBool(container.here(*map(term_of, index)))

    def at(self, container: Any, *index_and_body: Any) -> SBool:
        *index, body = index_and_body
        return SBool(implication(self.has(container, *index).term, term_of(body(self.read(container, *index)))))

    def read(self, container: Any, *index: Any) -> Any:
        value = container.at(*map(term_of, index))
        return SValue(value) if z3.is_expr(value) else value

    def when(self, condition: Formula, left: Callable[[], Any], right: Callable[[], Any]) -> Any:
        return choose(term_of(condition), left(), right())

    def equal(self, left: Any, right: Any) -> SBool:
        return SBool(equal(left, right))

    def length(self, sequence: Any) -> SInt:
        return SInt(sequence.tail - sequence.head)

    def enabled(self, transition: Transition[Any], peer: Any, *args: Any) -> SBool:
        if transition.name not in self.protocol.transitions:
            return SBool(FALSE)
        formulas = []
        self.asked.add(transition.name)
        for guard in self.protocol[transition].guards:
            formula, defining, _ = guard_formula(guard, peer, transition.arguments(*args), self.bound)
            formulas.append(formula)
            self.definitions.extend(defining)
        return SBool(conjunction(formulas))

    def truth(self, peer: Any, epoch: Any = None) -> Truth:
        return SymbolicTruth(term_of(peer.epoch if epoch is None else epoch))

    def newest(self, sequence: Any, body: Callable[[Any], Formula]) -> SBool:
        return SBool(conjunction((sequence.head < sequence.tail, term_of(body(sequence.at(sequence.tail - 1))))))

    def oldest(self, sequence: Any, body: Callable[[Any], Formula]) -> SBool:
        return SBool(conjunction((sequence.head < sequence.tail, term_of(body(sequence.at(sequence.head))))))

    def last_of(self, message: Any) -> SInt:
        return SInt(message.actions.last)

    def every_action(self, message: Any, body: Callable[[Any, Any], Formula]) -> SBool:
        run = message.actions

        def one(frame: Any) -> SBool:
            inside = conjunction((run.first <= frame.term, frame.term <= run.last))
            here = run.table.here(run.player, frame.term)  # the solver looks at the table where it is asked
            action = SValue(run.table.at(run.player, frame.term))
            return SBool(implication(inside, conjunction((here, term_of(body(frame, action))))))

        return self.frames(one)

    def is_empty(self, players: Any) -> SBool:
        return self.all_of(self.is_there(players), SBool(s.NO_PLAYERS))

    def dropped(self, old: Any, new: Any, body: Callable[[Any], Formula]) -> SBool:
        def survives(number: Any) -> SBool:
            i = number.term
            stays = conjunction((new.head <= i, i < new.tail, equal(new.at(i), old.at(i))))
            inside = conjunction((old.head <= i, i < old.tail))
            return SBool(implication(inside, disjunction((stays, term_of(body(old.at(i)))))))

        return self._for_all(s.INT, SInt, "position", survives)

    def is_slice(self, table: Any, player: Any, message: Any) -> SBool:
        run, player = message.actions, term_of(player)

        def same(frame: Any) -> SBool:
            f = frame.term
            value = table.at(player, f) == run.table.at(run.player, f)
            inside = conjunction((run.first <= f, f <= run.last))
            return SBool(implication(inside, conjunction((table.here(player, f), value))))

        return self.all_of(self.frames(same), SBool(run.first == term_of(message.first)))


def guard_formula(
    guard: Guard[Any], peer: Any, args: Any, bound: Sequence[Any] = ()
) -> tuple[Any, list[Any], list[tuple[Any, Exception]]]:
    """Return when a guard holds, what defines the constants in that formula, and when the guard raises instead.

    What defines a constant is said for all values of the variables `bound`.
    """
    holding: list[Any] = []
    defining: list[Any] = []
    failures: list[tuple[Any, Exception]] = []
    for one in explore(lambda: bool(guard.holds(peer, args)), f"{guard.name}.", bound):
        defining.extend(z3.ForAll(list(bound), fact) if bound else fact for fact in one.facts)
        if one.error is not None:
            failures.append((one.conditions, one.error))
        elif one.result:
            holding.append(conjunction(one.conditions))
    return z3.simplify(disjunction(holding)), defining, failures


def _triggers(formula: Any, bound: Any) -> list[Any]:
    """Return the terms at which the solver is to look at a quantified formula: where a container is asked for a value.

    Left to itself the solver looks at every function of a frame; this is about five times as fast, and never lost.
    """
    ctx, variable = formula.ctx_ref(), bound.as_ast()
    found: dict[int, Any] = {}
    seen: set[int] = set()
    todo = [formula.as_ast()]
    while todo:  # by the solver's own functions: the wrappers of terms take most of the time here
        term = todo.pop()
        number = z3.Z3_get_ast_id(ctx, term)
        if number in seen or z3.Z3_get_ast_kind(ctx, term) != z3.Z3_APP_AST:
            continue
        seen.add(number)
        arguments = [z3.Z3_get_app_arg(ctx, term, place) for place in range(z3.Z3_get_app_num_args(ctx, term))]
        bare = [each.value for each in arguments if _is_constant(ctx, each)]
        if (
            len(bare) == len(arguments)
            and variable.value in bare
            and z3.Z3_get_decl_kind(ctx, z3.Z3_get_app_decl(ctx, term)) == z3.Z3_OP_UNINTERPRETED
        ):
            found[number] = z3.ExprRef(term, formula.ctx)
        todo.extend(arguments)
    presence = [term for term in found.values() if term.decl().name().endswith(PRESENCE)]
    return presence or list(found.values())


def _is_constant(ctx: Any, term: Any) -> bool:
    return bool(z3.Z3_get_ast_kind(ctx, term) == z3.Z3_APP_AST and z3.Z3_get_app_num_args(ctx, term) == 0)
