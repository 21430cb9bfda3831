"""Protocol section 3: the two buffers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.events import FramePromoted, Promoted, PromotionRefused
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import new_peer
from rollproof.reference.tick import Run, promote, receive, tick
from tests.bench import YOU, Bench, config, events_of, peer_after


def test_buf_1_a_simulated_frame_is_speculative_only() -> None:
    """BUF-1: also when all of its inputs are known."""
    peer = peer_after("hear:0 tick")
    assert list(peer.buffers.speculative) == [0]
    assert list(peer.buffers.canonical) == []
    assert not peer.buffers.speculative[0].was_speculative


def test_buf_1_a_replayed_frame_is_speculative_only() -> None:
    """BUF-1"""
    peer = peer_after("tick tick hear:0 rollback")
    assert sorted(peer.buffers.speculative) == [0, 1]
    assert list(peer.buffers.canonical) == []


def test_buf_2_the_confirmed_frame_stops_at_a_hole() -> None:
    """BUF-2"""
    bench = Bench().run("tick tick tick hear:0,2 rollback")
    assert bench.do("confirm_frame") is None
    assert bench.do("confirm_frame") == "next_frame_is_complete"
    assert bench.peer.confirmed == 0
    bench.run("hear:1 rollback confirm")
    assert bench.peer.confirmed == 2


def test_buf_2_a_frame_that_is_not_simulated_is_not_confirmed() -> None:
    """BUF-2: although every input of it is known."""
    bench = Bench(config=config(input_delay=3)).run("tick")
    assert bench.do("confirm_frame") is None
    assert bench.do("confirm_frame") == "next_frame_is_simulated"


def test_buf_3_promotion_is_reported() -> None:
    """BUF-3: how many, and up to where."""
    peer = new_peer(config(), ArithmeticWorld())
    for _ in range(3):
        peer, _ = tick(PROTOCOL, peer, 0, 0)
    peer, _ = receive(PROTOCOL, peer, 0, Path.P2P, InputMessage("game", 0, YOU, 0, (0, 0), -1, 0))
    peer, events = tick(PROTOCOL, peer, 0, 0)
    assert events_of(FramePromoted, events) == [FramePromoted(0, False), FramePromoted(1, False)]
    assert events_of(Promoted, events) == [Promoted(2, 1)]
    assert sorted(peer.buffers.canonical) == [0, 1]


@pytest.mark.parametrize(
    ("script", "guard"),
    [
        ("tick tick hear:0,1 confirm_frame", "no_rollback_pending"),
        ("hear:0 tick confirm_frame tick hear:1 begin_rollback", "no_rollback_in_progress"),
    ],
)
def test_buf_3_a_refused_promotion_is_reported_with_the_guard(script: str, guard: str) -> None:
    """BUF-3, BUF-4"""
    run = Run(PROTOCOL, peer_after(script), 0)
    promote(run)
    assert run.events == [PromotionRefused(0, guard)]
    assert run.peer == peer_after(script)


def test_buf_3_records_are_promoted_in_order_and_only_when_confirmed() -> None:
    """BUF-3"""
    bench = Bench().run("tick tick hear:0,1 rollback")
    assert bench.do("promote_frame") == "next_record_is_confirmed"
    bench.run("confirm_frame promote_frame")
    assert bench.do("promote_frame") == "next_record_is_confirmed"
    assert sorted(bench.peer.buffers.canonical) == [0]


@pytest.mark.parametrize("transition", ["promote_frame", "force_promote_frame"])
def test_buf_4_nothing_is_promoted_while_a_rollback_is_pending_or_in_progress(transition: str) -> None:
    """BUF-4: forced promotion has the same two guards."""
    guards = [guard.name for guard in PROTOCOL.transitions[transition].guards]
    assert {"no_rollback_pending", "no_rollback_in_progress"} <= set(guards)
    bench = Bench().run("tick tick hear:0,1 confirm_frame")
    before = bench.peer
    assert bench.do("promote_frame") == "no_rollback_pending"
    assert bench.peer == before


def test_buf_5_the_confirmed_frame_does_not_advance_during_a_rollback() -> None:
    """BUF-5"""
    bench = Bench().run("tick tick hear:0,1 begin_rollback")
    for _ in range(3):
        before = bench.peer
        assert bench.do("confirm_frame") == "no_rollback_in_progress"
        assert bench.peer == before
        bench.run("replay_frame")


@given(st.permutations(range(5)), st.integers(0, 5))
def test_buf_6_canonical_records_are_the_lockstep_records(order: list[int], early: int) -> None:
    """BUF-6, BUF-7: whatever the order in which inputs arrive, before or after their frames are simulated."""
    script = [f"hear:{frame} rollback confirm" for frame in order]
    script[early:early] = ["tick"] * 5
    bench = Bench().run(" ".join(script)).run("confirm")
    assert bench.peer.buffers.promoted == 5
    assert bench.broken(["canonical_is_lockstep", "canonical_is_append_only", "buffers_are_disjoint_and_gapless"]) == []
    assert bench.wrong_rows() == []


def test_buf_6_a_rollback_finds_no_canonical_record_to_remove() -> None:
    """BUF-6: the removal in RB-4 is a safety valve."""
    bench = Bench().run("tick hear:0 rollback confirm tick tick hear:2,1")
    before = bench.peer.buffers
    bench.run("begin_rollback")
    assert bench.peer.buffers.canonical == before.canonical
    assert bench.peer.buffers.promoted == before.promoted


def test_buf_7_every_simulated_frame_is_in_exactly_one_buffer() -> None:
    """BUF-7"""
    bench = Bench().run("tick tick tick tick hear:0,1 rollback confirm tick")
    canonical, speculative = set(bench.peer.buffers.canonical), set(bench.peer.buffers.speculative)
    assert canonical == {0, 1}
    assert speculative == {2, 3, 4}


def test_buf_8_a_promoted_record_remembers_how_it_came_to_be() -> None:
    """BUF-8: `was_speculative` of the last simulation; `unconfirmed` when promoted by force."""
    bench = Bench(config=config(max_steps=4)).run("hear:0 tick tick tick tick hear:3 rollback confirm")
    bench.run("suspect_end receive_end:4 begin_wait late expire_wait close")
    canonical = bench.peer.buffers.canonical
    assert [canonical[frame].unconfirmed for frame in range(4)] == [False, True, True, True]
    assert [canonical[frame].record.was_speculative for frame in range(4)] == [False, True, True, False]
