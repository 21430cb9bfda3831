"""How changed copies are made, and that nothing in the project changes a value in place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.session import Result, run
from rollproof.model.sessions.setup import PathLoss, Settings, Setup
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference import events, messages, state, values, world
from rollproof.reference.config import Config
from rollproof.reference.containers import FrameMap, InputTable, JointAction, PlayerMap, Sequence, Table
from rollproof.reference.digest import Digest
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Rollback, new_peer
from rollproof.reference.values import canonical, evolve, same

CHECKED = """
import attrs
import rollproof.reference.values as values
values.frozen, values.evolve = attrs.frozen, attrs.evolve
import tests.reference.test_values as tests
import rollproof.reference.state
try:
    tests.peer().frame = 1
except attrs.exceptions.FrozenInstanceError:
    print(tests.summary(tests.session()))
"""
"""A session in which attrs forbids every assignment to a field."""


def session() -> Result:
    settings = Settings(
        Config("a", ("a", "b", "c"), max_steps=90, input_delay=1, hash_interval=20),
        ArithmeticWorld(end_when=60),
        episodes=2,
        path_losses=(PathLoss(400, "a", "b"),),
    )
    return run(Setup(settings, 5, Faults(latency_ms=40, jitter_ms=60, loss=0.2), Faults(latency_ms=60)), PROTOCOL)


def summary(result: Result) -> str:
    told = [(player, len(each), [export.rows for export in each]) for player, each in result.exports.items()]
    return repr((told, result.crashes))


def peer() -> Any:
    return new_peer(Config("a", ("a", "b")), ArithmeticWorld())


def test_nothing_is_changed_in_place() -> None:
    """The same session comes out the same where an assignment is an error, and raises nothing."""
    result = session()
    assert [len(each) for each in result.exports.values()] == [2, 2, 2]
    assert not result.crashes
    root = Path(__file__).parents[2]
    checked = subprocess.run([sys.executable, "-c", CHECKED], cwd=root, capture_output=True, text=True, timeout=120)
    assert checked.stdout.strip() == summary(result), checked.stderr


def test_a_copy_has_the_changes_and_shares_the_rest() -> None:
    before = peer()
    after = evolve(before, frame=3, rollback=Rollback(pending=1))
    assert (after.frame, after.rollback) == (3, Rollback(pending=1, cursor=None))
    assert (before.frame, before.rollback) == (0, Rollback())
    same_fields = [each.name for each in attrs.fields(type(before)) if each.name not in ("frame", "rollback")]
    assert all(getattr(after, name) is getattr(before, name) for name in same_fields)


def test_a_field_that_there_is_not_is_an_error() -> None:
    wrong: dict[str, Any] = {"curser": 1}
    with pytest.raises(AttributeError, match="'Rollback' object has no attribute 'curser'"):
        evolve(Rollback(), **wrong)


def test_a_copy_is_what_attrs_makes() -> None:
    """For every part of a peer in the middle of a session, and each of its fields."""
    ours = "rollproof.reference."
    parts = [peer()]
    for part in parts:
        fields = attrs.asdict(part, recurse=False)
        for name in fields:
            copy, plain = evolve(part, **{name: 7}), attrs.evolve(part, **{name: 7})
            assert type(copy) is type(plain) is type(part)
            assert attrs.asdict(copy, recurse=False) == attrs.asdict(plain, recurse=False) == {**fields, name: 7}
        inner = [each for each in fields.values() if type(each).__module__.startswith(ours)]
        parts += [each for each in inner if attrs.has(type(each)) and type(each) is not Config]
    assert {type(each) for each in parts} >= {state.Peer, state.Inputs, state.Buffers, state.Ending, Digest, Sequence}


def test_all_parts_of_the_state_have_slots_and_are_compared_by_value() -> None:
    declared = [
        each
        for module in (events, messages, state, world)
        for each in vars(module).values()
        if isinstance(each, type) and attrs.has(each) and each is not Config
    ]
    declared += [FrameMap, PlayerMap, Sequence, JointAction, Table, InputTable, Digest]
    assert len(declared) > 50
    assert [each.__name__ for each in declared if "__dict__" in dir(each)] == []
    assert hash(Rollback(1, 2)) == hash(Rollback(1, 2)) != hash(Rollback(1, 3))
    assert values.given(0) == 0


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), ((1, 2), (1, 2.0)), ((1,), (1, 1))])
def test_actions_that_python_takes_for_equal_are_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert same(one, one)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, ()]}, '{"a":[true,null,[]],"b":1}'),
        ({"\uffff": 0, "\U00010000": 0}, '{"\\uffff":0,"\\ud800\\udc00":0}'),
        ([1, 1.0, -0.0, 0.1, 1e15], "[1,1.0,-0.0,0.1,1000000000000000.0]"),
        ([1e16, 1.5e300, 1e-4, 1.25e-5], "[1e+16,1.5e+300,0.0001,1.25e-05]"),
        ('"\\/\n\t\x01\x7fé😀', '"\\"\\\\/\\n\\t\\u0001\\u007f\\u00e9\\ud83d\\ude00"'),
        ([float("inf"), float("-inf")], "[Infinity,-Infinity]"),
        (MappingProxyType({"x": 2**70}), '{"x":1180591620717411303424}'),
    ],
)  # fmt: skip
def test_the_canonical_text_is_as_its_description_says(value: Any, text: str) -> None:
    assert canonical(value) == text


def test_what_is_no_json_value_has_no_canonical_text() -> None:
    with pytest.raises(TypeError):
        canonical(object())


def test_a_protocol_and_its_parts_are_copied_as_values_are() -> None:
    assert evolve(PROTOCOL, name="mine") == attrs.evolve(PROTOCOL, name="mine")
    transition = PROTOCOL.transitions["confirm_frame"]
    assert evolve(transition, guards=()) == transition.guarded_by()
    wrong: dict[str, Any] = {"gaurds": ()}
    with pytest.raises(TypeError, match="gaurds"):
        evolve(transition, **wrong)
