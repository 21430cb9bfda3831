"""The containers do what plain dicts and lists do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.reference.containers import FrameMap, InputTable, JointAction, PlayerMap, Sequence, Table
from rollproof.reference.values import evolve
from rollproof.reference.values import given as given_value

FRAME = st.integers(-2, 8)
PLAYERS = ("a", "b", "c")
PLAYER = st.sampled_from(PLAYERS)
VALUE = st.integers(0, 3)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("set"), FRAME, VALUE),
            st.tuples(st.just("remove"), FRAME),
            st.tuples(st.just("before"), FRAME),
            st.tuples(st.just("cleared")),
        ),
        max_size=12,
    )
)
def test_a_frame_map_is_a_dict(operations: list[tuple[Any, ...]]) -> None:
    ours: FrameMap[int] = FrameMap()
    plain: dict[int, int] = {}
    for name, *args in operations:
        before = ours, dict(ours.entries)
        ours = getattr(ours, name)(*args)
        assert dict(before[0].entries) == before[1], "the old map stays as it was"
        match name, args:
            case "set", [frame, value]:
                plain[frame] = value
            case "remove", [frame]:
                plain.pop(frame, None)
            case "before", [frame]:
                plain = {at: value for at, value in plain.items() if at < frame}
            case _:
                plain = {}
        assert {frame: ours[frame] for frame in ours} == plain
        assert [ours.get(frame) for frame in range(-3, 10)] == [plain.get(frame) for frame in range(-3, 10)]
        assert len(ours) == len(plain)
    with pytest.raises(KeyError):
        ours[99]


@given(st.dictionaries(PLAYER, VALUE), PLAYER, VALUE)
def test_a_player_map_is_a_dict(plain: dict[str, int], player: str, value: int) -> None:
    ours: PlayerMap[int] = PlayerMap()
    for name, each in plain.items():
        ours = ours.set(name, each)
    assert [ours.get(name) for name in PLAYERS] == [plain.get(name) for name in PLAYERS]
    assert ours.set(player, value)[player] == value
    assert ours.covers(tuple(plain))
    assert ours.covers(PLAYERS) == (set(plain) == set(PLAYERS))
    assert [ours.filled(9).get(name) for name in PLAYERS] == [9 if name in plain else None for name in PLAYERS]
    assert ours.cleared() == PlayerMap()
    with pytest.raises(KeyError):
        ours["nobody"]


@given(st.lists(st.one_of(VALUE, st.none()), max_size=20))
def test_a_sequence_is_a_queue(operations: list[int | None]) -> None:
    ours: Sequence[int] = Sequence()
    plain: list[int] = []
    for value in operations:
        if value is not None:
            ours, plain = ours.push(value), [*plain, value]
        elif plain:
            ours, plain = ours.rest(), plain[1:]
        assert list(ours) == plain
        assert ours.first() == (plain[0] if plain else None)
        assert len(ours) == len(plain)
    assert ours.cleared() == Sequence()


@given(st.lists(st.tuples(st.booleans(), PLAYER, st.integers(0, 4), VALUE), max_size=15))
def test_a_table_is_a_dict_of_pairs(operations: list[tuple[bool, str, int, int]]) -> None:
    ours: Table[int] = Table(PLAYERS)
    plain: dict[tuple[str, int], int] = {}
    for sets, player, frame, value in operations:
        if sets:
            ours, plain = ours.set(player, frame, value), {**plain, (player, frame): value}
        else:
            ours = ours.remove(player, frame)
            plain.pop((player, frame), None)
        for name in PLAYERS:
            assert [ours.get(name, at) for at in range(-1, 6)] == [plain.get((name, at)) for at in range(-1, 6)]
    assert set(ours.rows) == {frame for _, frame in plain}
    assert ours.cleared() == Table(PLAYERS)


@given(
    st.integers(0, 3),
    st.sampled_from(["previous", "default"]),
    st.lists(st.tuples(PLAYER, st.integers(0, 7), VALUE), max_size=15),
)
def test_an_input_table_is_a_dict_of_pairs_with_defaults(
    delay: int, prediction: str, operations: list[tuple[str, int, int]]
) -> None:
    """IN-5, IN-6, BUF-2"""
    ours = InputTable(Table(PLAYERS), delay, 9, prediction)
    plain = {(player, frame): 9 for player in PLAYERS for frame in range(delay)}
    for player, frame, value in operations:
        if frame >= delay and (player, frame) not in plain:
            ours = ours.set(player, frame, value)
            plain[player, frame] = value
    for player in PLAYERS:
        known = [plain.get((player, frame)) for frame in range(9)]
        assert [ours.get(player, frame) for frame in range(-1, 9)] == [None, *known]
        contiguous = known.index(None)
        assert ours.contiguous(player) == contiguous - 1
        assert ours.slice(player, 0, contiguous - 1) == tuple(known[:contiguous])
        for frame in range(9):
            below = [action for action in known[:frame] if action is not None]
            predicted = below[-1] if below and prediction == "previous" else 9
            assert ours.predict(player, frame) == predicted
            assert ours.joint(frame).of(player) == (predicted if known[frame] is None else known[frame])
    for frame in range(-1, 9):
        complete = frame >= 0 and all((player, frame) in plain for player in PLAYERS)
        assert ours.complete(frame) == complete
        assert ours.predicts(frame) != complete
    assert ours.cleared() == InputTable(Table(PLAYERS), delay, 9, prediction)


def test_a_joint_action_has_an_action_of_every_player() -> None:
    joint = JointAction(PLAYERS, (1, 2, 3))
    assert [joint.of(player) for player in PLAYERS] == [1, 2, 3]
    assert list(joint.items()) == [("a", 1), ("b", 2), ("c", 3)]


def test_a_changed_copy_leaves_the_original_as_it_was() -> None:
    one = JointAction(PLAYERS, (1, 2, 3))
    other = evolve(one, actions=(4, 5, 6))
    assert (one.actions, other.actions, other.players) == ((1, 2, 3), (4, 5, 6), PLAYERS)
    assert type(other) is JointAction


def test_a_value_that_is_given_is_returned() -> None:
    assert given_value(0) == 0
    with pytest.raises(LookupError):
        given_value(None)
