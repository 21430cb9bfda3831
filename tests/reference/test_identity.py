"""Two actions are the same exactly if their canonical texts are, wherever they are compared (IN-13)."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.reference.config import Config
from rollproof.reference.containers import JointAction
from rollproof.reference.digest import Digest
from rollproof.reference.events import InputConflict, InputScheduled, Mispredicted, Sent
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer, new_peer
from rollproof.reference.tick import receive, tick
from rollproof.reference.values import canonical, normal, same
from rollproof.reference.wire import decode, encode
from rollproof.reference.world import Outcome, Record, State, Totals

SENT: tuple[Any, ...] = (
    0,
    1,
    True,
    False,
    0.0,
    -0.0,
    1.0,
    1.5,
    -1,
    2**53 - 1,
    float(2**53),
    "",
    "1",
    "true",
    "1.0",
    "é",
)
"""Of every kind that a message may carry."""
ACTIONS: tuple[Any, ...] = (*SENT, (), (1,), (True,), (1.0,), ((0,), "a"), ((0.0,), "a"), ((-0.0,), "a"), (1, 1))
"""These, and values of which a world in the same process may make its actions."""
PAIRS = list(product(ACTIONS, repeat=2))


class AnyWorld:
    """A world that takes any action, and notes it."""

    def start(self, epoch: int) -> State:
        return ()

    def step(self, state: State, actions: JointAction) -> tuple[State, Outcome]:
        return (*state, actions.actions), Outcome()


def peer(**settings: Any) -> Peer:
    return new_peer(Config("a", ("a", "b"), **settings), AnyWorld())


def said(action: Any) -> InputMessage:
    """Return what a partner says who did this in frame 0."""
    events = tick(PROTOCOL, new_peer(Config("b", ("a", "b")), AnyWorld()), 0, action)[1]
    message = next(event.message for event in events if isinstance(event, Sent))
    assert isinstance(message, InputMessage)
    return message


def heard(of: Peer, action: Any, path: Path = Path.P2P) -> tuple[Peer, list[Any]]:
    """Let a peer hear an action of frame 0, and tick."""
    of, events = receive(PROTOCOL, of, 0, path, said(action))
    of, more = tick(PROTOCOL, of, 0, 0)
    return of, [*events, *more]


def is_same(one: Any, other: Any) -> bool:
    return canonical(normal(one)) == canonical(normal(other))


JSON = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


@given(JSON, JSON)
def test_the_comparison_agrees_with_the_text(one: Any, other: Any) -> None:
    assert same(normal(one), normal(other)) == is_same(one, other)
    assert same(normal(one), normal(one))


def test_an_action_is_mispredicted_exactly_if_it_is_not_the_same() -> None:
    """RB-1: frame 0 is simulated with one, which is predicted; it was the other."""
    for one, other in PAIRS:
        before = tick(PROTOCOL, peer(default_action=one), 0, 0)[0]
        after, events = heard(before, other)
        mispredicted = any(isinstance(event, Mispredicted) for event in events)
        assert mispredicted == (not is_same(one, other)), (one, other)
        used = after.buffers.canonical[0].record.actions.of("b")
        assert canonical(used) == canonical(normal(other)), (one, other)


@pytest.mark.parametrize("path", Path)
def test_a_duplicate_conflicts_exactly_if_it_is_not_the_same(path: Path) -> None:
    """IN-3: both when it arrives after the first is known, and when both wait in the queues."""
    for one, other in PAIRS:
        known, _ = heard(peer(), one)
        late, events = receive(PROTOCOL, known, 0, path, said(other))
        waiting = receive(PROTOCOL, receive(PROTOCOL, peer(), 0, Path.P2P, said(one))[0], 0, path, said(other))[0]
        drained, more = tick(PROTOCOL, waiting, 0, 0)
        for after, happened in ((late, events), (drained, more)):
            conflicts = [event for event in happened if isinstance(event, InputConflict)]
            assert len(conflicts) == after.metrics.input_conflicts == (not is_same(one, other)), (one, other)
            assert canonical(after.inputs.known.get("b", 0)) == canonical(normal(one)), (one, other)


def test_hashes_differ_exactly_if_an_action_does() -> None:
    """ME-4"""

    def digest(action: Any) -> Digest:
        return Digest().extend(Record(JointAction(("a",), (normal(action),)), None, Totals(), 1, False, False, 0, True))

    assert [pair for pair in PAIRS if (digest(pair[0]) == digest(pair[1])) != is_same(*pair)] == []


@pytest.mark.parametrize("action", SENT, ids=repr)
def test_an_action_survives_the_way_to_a_partner(action: Any) -> None:
    """IN-13: what is decoded has the text of what was sampled, in which there is no −0.0."""
    message = said(action)
    (there,) = message.actions
    decoded = decode(encode(message))
    assert isinstance(decoded, InputMessage)
    (arrived,) = decoded.actions
    assert canonical(there) == canonical(arrived) == canonical(action).replace("-0.0", "0.0")


@pytest.mark.parametrize("zero", [-0.0, (-0.0,), ((-0.0, 1),)], ids=repr)
def test_there_is_one_zero_wherever_an_action_enters(zero: Any) -> None:
    """IN-13: sampled, configured, decoded."""
    after, events = tick(PROTOCOL, peer(), 0, zero)
    (scheduled,) = [event for event in events if isinstance(event, InputScheduled)]
    for entered in (
        scheduled.action,
        after.inputs.known.get("a", 0),
        Config("a", ("a",), default_action=zero).default_action,
    ):
        assert "-0.0" not in canonical(entered)
    raw = encode(said(0.5)).replace(b"[0.5]", b"[-0.0]")
    decoded = decode(raw)
    assert isinstance(decoded, InputMessage)
    assert canonical(decoded.actions) == "[0.0]"
