"""The containers of the logic and those of the reference do the same: one random run of operations is applied to both.

The symbolic container begins as an unknown one. What it is made of is then looked up in a concrete container that was
filled at random, so that its formulas mean something; after each operation both must say the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import z3
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.model.symbolic import state as symbolic_state  # noqa: F401 - makes the containers known
from rollproof.model.symbolic import values as s
from rollproof.model.symbolic.interpretation import Interpretation
from rollproof.model.symbolic.paths import Explored, explore
from rollproof.model.symbolic.shapes import CONTAINERS
from rollproof.model.symbolic.values import SPlayers, SValue
from rollproof.reference.containers import FrameMap, InputTable, PlayerMap, Sequence, Table

PLAYERS = ("a", "b", "c")
FRAME = st.integers(-2, 8)
PLAYER = st.sampled_from(PLAYERS)
VALUE = st.integers(0, 3)
Operations = list[tuple[Any, ...]]
"""What to do: names of methods with their arguments."""


@frozen
class Contract:
    """How the two implementations of a container are compared."""

    empty: Any
    name: str
    """Of the unknown container: what its constants are called."""
    operations: dict[str, tuple[st.SearchStrategy[Any], ...]]
    """What returns another container, with arguments."""
    questions: dict[str, tuple[st.SearchStrategy[Any], ...]]
    """What returns something else."""

    def some(self, names: dict[str, tuple[st.SearchStrategy[Any], ...]]) -> st.SearchStrategy[tuple[Any, ...]]:
        return st.one_of([st.tuples(st.just(name), *arguments) for name, arguments in names.items()])


CONTRACTS = {
    "FrameMap": Contract(
        FrameMap(),
        "box",
        {"set": (FRAME, VALUE), "remove": (FRAME,), "before": (FRAME,), "cleared": ()},
        {"get": (FRAME,), "__getitem__": (FRAME,)},
    ),
    "PlayerMap": Contract(
        PlayerMap(),
        "box",
        {"set": (PLAYER, VALUE), "filled": (VALUE,), "cleared": ()},
        {"get": (PLAYER,), "__getitem__": (PLAYER,), "covers": (st.sampled_from([PLAYERS, PLAYERS[1:]]),)},
    ),
    "Table": Contract(
        Table(PLAYERS),
        "box",
        {"set": (PLAYER, FRAME, VALUE), "remove": (PLAYER, FRAME), "cleared": ()},
        {"get": (PLAYER, FRAME)},
    ),
    "Sequence": Contract(Sequence(), "box", {"push": (VALUE,), "rest": (), "cleared": ()}, {"first": ()}),
    "InputTable": Contract(
        InputTable(Table(PLAYERS), 2, 0, "previous"),
        "box",
        {"set": (PLAYER, st.integers(2, 8), VALUE), "cleared": ()},
        {
            "get": (PLAYER, FRAME),
            "complete": (FRAME,),
            "predicts": (FRAME,),
            "contiguous": (PLAYER,),
            "joint": (st.integers(0, 8),),
            "slice": (PLAYER, st.integers(0, 1), st.just(1)),
        },
    ),
}


def constant(value: Any) -> Any:
    """Return a symbolic argument: numbers are numbers, players and actions are constants of their sorts."""
    if isinstance(value, tuple):
        return SPlayers("players" if value == PLAYERS else "partners")
    return SValue(z3.Const(f"value.{value}", s.PLAYER)) if isinstance(value, str) else value


def symbolic_arguments(name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments of a method; the last one is an action where the method puts a value in."""
    *others, last = map(constant, arguments) if arguments else [None]
    if name in ("set", "push", "filled"):
        last = SValue(z3.Const(f"value.{arguments[-1]}", s.ACTION))
    return (*others, last) if arguments else ()


def meaning_of(concrete: Any) -> Interpretation:
    """Return the interpretation in which the unknown container is `concrete`."""
    config = {"input_delay": 2, "default_action": 0, "player": PLAYERS[0]}
    values = {**{player: player for player in PLAYERS}, **{str(number): number for number in range(4)}}
    return Interpretation(PLAYERS, {"box": concrete, "peer": {"config": config}, "value": values})


def taken(it: Interpretation, function: Callable[[], Any]) -> Explored:
    """Return the only way through a function whose conditions hold."""
    (way,) = [one for one in explore(function) if it.holds(one.conditions)]
    return way


def applied(container: Any, name: str, arguments: tuple[Any, ...]) -> Any:
    return getattr(container, name)(*arguments)


def ready(name: str, concrete: Any) -> bool:
    """Tell whether an operation is allowed: only a sequence with an item has a rest."""
    return name != "rest" or len(concrete) > 0


def filled(contract: Contract, operations: Operations) -> Any:
    """Return the container of the reference after some operations."""
    concrete = contract.empty
    for name, *arguments in operations:
        if ready(name, concrete):
            concrete = applied(concrete, name, tuple(arguments))
    return concrete


@pytest.mark.parametrize("kind", CONTRACTS)
def test_both_containers_do_the_same(kind: str) -> None:
    contract = CONTRACTS[kind]

    @settings(max_examples=60)
    @given(
        before=st.lists(contract.some(contract.operations), max_size=6),
        after=st.lists(contract.some(contract.operations), max_size=5),
    )
    def check(before: Operations, after: Operations) -> None:
        concrete, symbolic = filled(contract, before), CONTAINERS[kind]("Action", "box")
        it = meaning_of(concrete)
        for name, *arguments in after:
            if not ready(name, concrete):
                continue
            concrete = applied(concrete, name, tuple(arguments))
            way = taken(it, partial(applied, symbolic, name, symbolic_arguments(name, tuple(arguments))))
            assert way.error is None
            symbolic = way.result
            assert list(it.mismatches(symbolic, concrete)) == []

    check()


QUESTIONS = [(kind, question) for kind, contract in CONTRACTS.items() for question in contract.questions]


@pytest.mark.parametrize(("kind", "question"), QUESTIONS)
def test_both_containers_answer_the_same(kind: str, question: str) -> None:
    contract = CONTRACTS[kind]

    @settings(max_examples=50)
    @given(
        before=st.lists(contract.some(contract.operations), max_size=10),
        after=st.lists(contract.some(contract.operations), max_size=1),
        arguments=st.tuples(*contract.questions[question]),
    )
    def check(before: Operations, after: Operations, arguments: tuple[Any, ...]) -> None:
        concrete, symbolic = filled(contract, before), CONTAINERS[kind]("Action", "box")
        it = meaning_of(concrete)
        for name, *others in after:
            if ready(name, concrete):
                concrete = applied(concrete, name, tuple(others))
                symbolic = taken(it, partial(applied, symbolic, name, symbolic_arguments(name, tuple(others)))).result
        way = taken(it, partial(applied, symbolic, question, symbolic_arguments(question, arguments)))
        try:
            answer = applied(concrete, question, arguments)
        except KeyError:
            assert isinstance(way.error, KeyError)
            return
        assert way.error is None
        assert it.introduce(way.facts, concrete, arguments[0] if question == "joint" else 0)
        assert list(it.mismatches(way.result, answer)) == []
        if question == "contiguous":
            others = [frame for frame in it.frames if _holds_at(it, way, frame)]
            assert others == [answer], "what defines it leaves no other value"

    check()


def _holds_at(it: Interpretation, way: Explored, frame: int) -> bool:
    it.introduced[way.result.term.decl().name()] = frame
    return it.holds(way.facts)


def test_what_is_known_of_a_joint_action_fixes_every_known_action() -> None:
    """Two joint actions that differ where the input is known cannot both satisfy what defines the joint action."""
    concrete = CONTRACTS["InputTable"].empty.set("a", 3, 1)
    it = meaning_of(concrete)
    way = taken(it, lambda: CONTAINERS["InputTable"]("Action", "box").joint(3))
    assert it.introduce(way.facts, concrete, 3)
    name = way.result.term.decl().name()
    right = it.introduced[name]
    for player, action, agrees in (("a", 1, True), ("a", 2, False)):
        at = PLAYERS.index(player)
        it.introduced[name] = type(right)(PLAYERS, (*right.actions[:at], action, *right.actions[at + 1 :]))
        assert it.holds(way.facts) == agrees


@pytest.mark.parametrize("kind", ["Table", "InputTable"])
def test_who_is_not_in_the_session_is_refused_by_both(kind: str) -> None:
    concrete = CONTRACTS[kind].empty
    it = meaning_of(concrete)
    it.roots["value"]["stranger"] = "stranger"
    way = taken(it, lambda: CONTAINERS[kind]("Action", "box").get(constant("stranger"), 3))
    assert isinstance(way.error, ValueError)
    with pytest.raises(ValueError, match="not in tuple"):
        Table(PLAYERS).set("stranger", 3, 1)
