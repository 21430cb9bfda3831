"""Protocol section 2: rollback."""

from __future__ import annotations

from typing import Any

import pytest

from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.events import FrameConfirmed, FrameSimulated, Mispredicted, RollbackBegun, RollbackFinished
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import MispredictionEntry, Peer, Phase, RollbackEntry, new_peer
from rollproof.reference.tick import receive, tick
from rollproof.reference.values import same
from tests.bench import YOU, Bench, config, events_of, peer_after


def fresh(**settings: Any) -> Peer:
    return new_peer(config(**settings), ArithmeticWorld())


def hear(peer: Peer, first: int, *actions: int) -> Peer:
    return receive(PROTOCOL, peer, 0, Path.P2P, InputMessage("game", 0, YOU, first, actions, -1, 0))[0]


def ticked(peer: Peer, times: int) -> Peer:
    for _ in range(times):
        peer, _ = tick(PROTOCOL, peer, 0, 0)
    return peer


def test_rb_1_a_misprediction_makes_the_earliest_frame_pending() -> None:
    """RB-1: the partner's actions are 1, 2, 2, 0; all were predicted as 0."""
    bench = Bench().run("tick tick tick tick hear:2")
    assert bench.peer.rollback.pending == 2
    bench.run("hear:3")
    assert bench.peer.rollback.pending == 2, "the action of frame 3 was predicted rightly"
    bench.run("hear:1")
    assert bench.peer.rollback.pending == 1
    bench.run("hear:0")
    assert bench.peer.rollback.pending == 0


def test_rb_1_an_input_of_a_frame_to_come_makes_nothing_pending() -> None:
    """RB-1"""
    assert peer_after("tick hear:1,2").rollback.pending is None


@pytest.mark.parametrize("action", [False, 0.0, (), (0,), "0"])
def test_rb_1_a_value_that_only_looks_like_the_prediction_is_another(action: Any) -> None:
    """RB-1, BUF-6: the default 0 is predicted; in an export `false` and `0` differ."""
    bench = Bench().run("tick")
    bench.do("receive_input", YOU, 0, Path.P2P, 0, action)
    bench.do("drain_input", Path.P2P, 0)
    assert bench.peer.rollback.pending == 0
    assert not same((1, (0, "x")), (1, (action, "x")))
    assert same((1, (0, "x")), (1, (0, "x")))


def test_rb_1_what_was_used_counts_and_not_what_would_be_predicted_now() -> None:
    """RB-1: frame 2 was simulated with 0; by now 2 is known of frame 1, and 2 is the action of frame 2."""
    peer = ticked(fresh(), 3)
    peer, events = tick(PROTOCOL, hear(hear(peer, 1, 2), 2, 2), 0, 0)
    assert [event.frame for event in events_of(Mispredicted, events)] == [1, 2]


@pytest.mark.parametrize("transition", sorted(set(PROTOCOL.transitions) - {"begin_rollback"}))
def test_rb_2_no_transition_but_the_rollback_clears_a_pending_one(transition: str) -> None:
    """RB-2: tried in every phase that has one pending."""
    fired = 0
    for script in ("tick tick hear:0", "tick tick suspect_end arrive:1 hear:0", "tick tick suspect_end receive_end:2"):
        bench = Bench(config=config(max_steps=2)).run(script)
        bench.run("begin_wait hear:0 late")
        assert bench.peer.rollback.pending == 0
        numbers = {"change_link": [1, 1], "receive_ack": [0, 0], "reject_input": [3, 0], "receive_hash": [0, 0]}
        args = bench.usual(transition, numbers.get(transition, [7, 7, 7]))
        fired += bench.do(transition, *args) is None
        assert bench.peer.rollback.pending == 0
    found = PROTOCOL.transitions[transition]
    assert fired or found.refusal(bench.peer, found.arguments(*args)) is not None


def test_rb_3_a_pending_rollback_is_executed_before_the_next_frame() -> None:
    """RB-3"""
    bench = Bench().run("tick hear:0 begin_tick schedule_input")
    assert bench.do("simulate_frame", 0, True) == "no_rollback_pending"
    peer = hear(ticked(fresh(), 2), 0, 1)
    _, events = tick(PROTOCOL, peer, 0, 0)
    order = [type(event) for event in events if isinstance(event, RollbackBegun | RollbackFinished | FrameSimulated)]
    assert order == [RollbackBegun, FrameSimulated, FrameSimulated, RollbackFinished, FrameSimulated]


def test_rb_4_beginning_a_rollback_restores_the_world_and_every_counter() -> None:
    """RB-4"""
    bench = Bench().run("tick hear:0 rollback confirm")
    before_frame_1 = bench.peer.simulation
    bench.run("tick tick tick hear:1")
    assert bench.peer.simulation.steps == 4
    assert bench.do("begin_rollback") is None
    peer = bench.peer
    assert peer.simulation == before_frame_1
    assert (peer.simulation.steps, peer.confirmed) == (1, 0)
    assert list(peer.buffers.speculative) == []
    assert list(peer.buffers.canonical) == [0]
    assert (peer.rollback.pending, peer.rollback.cursor) == (None, 1)
    assert bench.steps[-1].events == (RollbackBegun(1, 4),)


def test_rb_4_confirmed_frames_at_or_after_the_target_are_confirmed_anew() -> None:
    """RB-4: a pending rollback does not keep frames from being confirmed, only from being promoted."""
    bench = Bench().run("tick tick hear:0,1 confirm")
    assert (bench.peer.confirmed, bench.peer.buffers.promoted) == (1, 0)
    bench.run("begin_rollback")
    assert bench.peer.confirmed == -1
    bench.run("replay_frame replay_frame finish_rollback confirm")
    assert (bench.peer.confirmed, bench.peer.buffers.promoted) == (1, 2)


def test_rb_5_a_replay_uses_what_is_known_and_fresh_predictions() -> None:
    """RB-5: of the partner's actions 1, 2, 2 the second is unknown, and predicted from the first."""
    bench = Bench().run("tick tick tick hear:0 arrive:2")
    bench.do("drain_input", Path.P2P, 0)
    bench.run("rollback")
    speculative = bench.peer.buffers.speculative
    assert [speculative[frame].actions.of(YOU) for frame in range(3)] == [1, 1, 2]
    assert [speculative[frame].was_speculative for frame in range(3)] == [False, True, False]
    assert [speculative[frame].steps for frame in range(3)] == [1, 2, 3]
    assert [bench.peer.snapshots[frame].steps for frame in range(3)] == [0, 1, 2]


def test_rb_5_the_replay_ends_exactly_at_the_current_frame() -> None:
    """RB-5"""
    bench = Bench().run("tick tick hear:0 begin_rollback")
    for _ in range(2):
        assert bench.do("finish_rollback") == "replay_is_complete"
        assert bench.do("replay_frame", 0, True) is None
    assert bench.do("replay_frame", 0, True) == "frames_left_to_replay"
    assert bench.do("finish_rollback") is None
    assert bench.do("finish_rollback") == bench.do("replay_frame", 0, True) == "rollback_in_progress"


def test_rb_6_a_frame_replayed_with_a_prediction_is_still_open_to_correction() -> None:
    """RB-6"""
    bench = Bench().run("tick tick tick hear:0 rollback hear:1")
    assert bench.peer.rollback.pending == 1
    bench.run("rollback hear:2 rollback confirm")
    assert bench.wrong_rows() == []
    assert bench.peer.buffers.promoted == 3


WHILE_IN_PROGRESS = {
    "receive_input",
    "reject_input",
    "ignore_conflict",
    "receive_end",
    "receive_ack",
    "receive_hash",
    "compare_hash",
    "send_inputs",
    "resend_inputs",
    "send_ack",
    "send_hash",
    "announce_end",
    "lose_p2p",
    "change_link",
    "replay_frame",
    "finish_rollback",
}
"""What may happen during a rollback: messages come and go, and the replay."""


def test_rb_7_nothing_else_acts_while_a_rollback_is_in_progress() -> None:
    """RB-7, RB-5"""
    for name, transition in PROTOCOL.transitions.items():
        guards = {guard.name for guard in transition.guards}
        assert ("no_rollback_in_progress" in guards) == (name not in WHILE_IN_PROGRESS)
    bench = Bench(config=config(max_steps=3)).run(
        "tick tick tick suspect_end receive_end:3 begin_wait hear:0 begin_rollback"
    )
    assert bench.peer.ending.phase is Phase.WAITING
    bench.now = 10**6
    for name in set(PROTOCOL.transitions) - WHILE_IN_PROGRESS:
        before = bench.peer
        assert bench.do(name, *bench.usual(name, [0, 0, 0])) is not None
        assert bench.peer == before


def test_rb_7_a_tick_replays_from_beginning_to_end() -> None:
    """RB-7"""
    peer, _ = tick(PROTOCOL, hear(ticked(fresh(), 5), 0, 1), 0, 0)
    assert peer.rollback.cursor is None
    assert peer.rollback.pending is None


def test_rb_8_every_misprediction_is_logged() -> None:
    """RB-8"""
    bench = Bench().run("tick tick tick")
    bench.now = 77
    bench.run("hear:1")
    (step,) = [step for step in bench.steps if step.transition == "drain_input"]
    assert events_of(Mispredicted, step.events) == [Mispredicted(YOU, 1, 3, 0, 2)]
    assert list(bench.peer.metrics.mispredictions) == [MispredictionEntry(0, 1, 3, 2, YOU, 0, 2, 77)]
    bench.run("rollback")
    assert list(bench.peer.metrics.rollbacks) == [RollbackEntry(0, 1, 3, 2)]


def test_rb_8_a_right_prediction_is_not_logged() -> None:
    """RB-8"""
    peer = ticked(hear(ticked(fresh(), 3), 0, 0, 0, 0), 1)
    assert len(peer.metrics.mispredictions) == len(peer.metrics.rollbacks) == 0


def test_the_order_of_operations_in_a_tick() -> None:
    """Section 7, RB-3, EP-5: and without executing a rollback first the same tick confirms too early."""
    assert PROTOCOL.tick == (
        "begin", "drain", "schedule", "roll_back", "confirm", "promote", "simulate", "detect_end", "resend",
    )  # fmt: skip
    assert PROTOCOL.poll == ("drain", "roll_back", "confirm", "promote", "end", "resend")
    peer = hear(ticked(fresh(), 2), 0, 1)
    for protocol, first in ((PROTOCOL, RollbackBegun), (VARIANTS["phase_61"].protocol, FrameConfirmed)):
        _, events = tick(protocol, peer, 0, 0)
        assert next(type(event) for event in events if isinstance(event, RollbackBegun | FrameConfirmed)) is first
