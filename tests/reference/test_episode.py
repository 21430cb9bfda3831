"""Protocol section 4: end, confirmation, export."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.digest import Digest
from rollproof.reference.events import (
    EndsDiffer,
    EndSuspected,
    EndWithdrawn,
    EpisodeCompleted,
    ForcedPromotion,
    PartnerEndMissing,
    RollbackBegun,
    Sent,
    WaitBegun,
    WaitSucceeded,
    WaitTimedOut,
)
from rollproof.reference.export import read
from rollproof.reference.messages import EndMessage, InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer, Phase, new_peer
from rollproof.reference.tick import poll, receive, tick
from tests.bench import ME, YOU, Bench, config, events_of, peer_after

WHOLE = "hear:0 tick confirm suspect_end decide_end:1 receive_end:1 begin_wait succeed_wait close"
"""An episode of one frame, from its start to its export."""


def ticked(times: int, action: int = 0, world: ArithmeticWorld | None = None, **settings: Any) -> Peer:
    peer = new_peer(config(**settings), world or ArithmeticWorld())
    for _ in range(times):
        peer, _ = tick(PROTOCOL, peer, 0, action)
    return peer


def hear(peer: Peer, first: int, *actions: int) -> Peer:
    return receive(PROTOCOL, peer, 0, Path.P2P, InputMessage("game", 0, YOU, first, actions, -1, 0))[0]


def hear_end(peer: Peer, end: int, now: int = 0) -> tuple[Peer, tuple[object, ...]]:
    return receive(PROTOCOL, peer, now, Path.P2P, EndMessage("game", 0, YOU, end, Digest("x")))


def test_ep_1_a_simulated_end_is_only_a_suspicion_and_may_be_withdrawn() -> None:
    """EP-1: the partner's second 1 is a prediction."""
    peer = hear(ticked(0, world=ArithmeticWorld(end_when=2)), 0, 1)
    peer, _ = tick(PROTOCOL, peer, 0, 0)
    peer, events = tick(PROTOCOL, peer, 0, 0)
    assert events_of(EndSuspected, events) == [EndSuspected(2)]
    assert (peer.ending.phase, peer.ending.own) == (Phase.SYNCING, None)
    assert poll(PROTOCOL, peer, 10)[0].ending.phase is Phase.SYNCING
    peer, events = poll(PROTOCOL, hear(peer, 1, 0), 20)
    assert events_of(EndWithdrawn, events) == [EndWithdrawn(2)]
    assert (peer.ending.phase, peer.ending.deadline) == (Phase.RUNNING, None)


def test_ep_1_the_end_is_decided_on_confirmed_frames() -> None:
    """EP-1"""
    bench = Bench(config=config(max_steps=2)).run("tick tick suspect_end hear:0 rollback confirm")
    assert bench.do("decide_end", 2) == "frames_below_end_are_canonical"
    bench.run("hear:1 rollback confirm")
    for wrong in (0, -1, 3):
        assert bench.do("decide_end", wrong) == "frames_below_end_are_canonical"
    assert bench.do("decide_end", 1) == "end_is_certain"
    assert bench.do("decide_end", 2) is None
    assert (bench.peer.ending.own, bench.peer.ending.termination) == (2, 2)


def test_ep_1_the_world_or_the_step_limit_ends_an_episode() -> None:
    """EP-1: whichever comes first."""
    assert ticked(5, action=1, world=ArithmeticWorld(end_when=3)).frame == 3
    assert ticked(5, max_steps=2).frame == 2
    assert ticked(5).ending.phase is Phase.RUNNING


def test_ep_2_a_decided_end_is_sent_until_it_is_acknowledged() -> None:
    """EP-2"""
    bench = Bench(config=config(max_steps=1)).run("hear:0 tick confirm suspect_end decide_end:1")
    assert bench.do("announce_end", YOU, 0, True) is None
    (sent,) = events_of(Sent, bench.steps[-1].events)
    assert sent.message == EndMessage("game", 0, ME, 1, bench.truth().digest(1))
    assert bench.do("announce_end", YOU, 99, True) == "end_is_due"
    assert bench.do("announce_end", YOU, 100, True) is None
    bench.do("receive_ack", YOU, 0, 0, True)
    assert bench.do("announce_end", YOU, 10**6, True) == "end_is_unacknowledged"


def test_ep_2_an_end_is_not_announced_before_it_is_decided() -> None:
    """EP-2"""
    assert Bench(config=config(max_steps=1)).run("tick suspect_end").do("announce_end", YOU, 0, True) == (
        "own_end_is_decided"
    )


def test_ep_2_the_termination_frame_is_the_minimum() -> None:
    """EP-2"""
    settings: dict[str, Any] = {"players": (ME, YOU, "c"), "max_steps": 4}
    for first, second in ((3, 2), (2, 3)):
        bench = Bench(config=config(**settings))
        bench.do("receive_end", YOU, 0, first)
        bench.do("receive_end", "c", 0, second)
        assert bench.peer.ending.termination == 2


def test_ep_2_a_peer_ticks_on_to_a_partners_end_and_not_beyond_it() -> None:
    """EP-2"""
    peer, _ = hear_end(ticked(1), 3)
    for _ in range(2):
        peer, _ = tick(PROTOCOL, peer, 0, 0)
    assert (peer.frame, peer.ending.phase) == (3, Phase.SYNCING)


@pytest.mark.parametrize(
    ("player", "epoch", "end", "guard"),
    [
        (YOU, 0, 2, "end_is_new"),
        (YOU, 0, 3, "end_is_new"),
        (YOU, 1, 3, "same_epoch"),
        (ME, 0, 3, "from_a_partner"),
        ("stranger", 0, 3, "from_a_partner"),
        ("c", 0, 0, "end_is_plausible"),
        ("c", 0, -1, "end_is_plausible"),
        ("c", 0, 14, "end_is_plausible"),
    ],
)
def test_ep_2_a_repeated_foreign_or_impossible_end_changes_nothing(
    player: str, epoch: int, end: int, guard: str
) -> None:
    """EP-2"""
    bench = Bench(config=config(players=(ME, YOU, "c"), max_frames_ahead=10)).run("tick tick tick receive_end:2")
    before = bench.peer
    assert bench.do("receive_end", player, epoch, end) == guard
    assert bench.peer == before


def test_ep_2_a_late_end_changes_nothing_and_is_answered() -> None:
    """EP-2: so that the partner stops sending it; an answer is never answered."""
    peer = peer_after(WHOLE, max_steps=1)
    after, events = hear_end(peer, 7)
    assert after == peer
    (answer,) = events_of(Sent, events)
    assert answer.message.end_known
    after, events = receive(PROTOCOL, peer, 0, Path.P2P, evolve(answer.message, player=YOU))
    assert events_of(Sent, events) == []


@pytest.mark.parametrize(("mine", "yours", "warned"), [(10, 5, False), (11, 5, True), (5, 11, True), (5, 10, False)])
def test_ep_2_ends_that_are_far_apart_are_a_warning(mine: int, yours: int, warned: bool) -> None:
    """EP-2: by more than 5 frames."""
    bench = Bench(config=config(players=(ME, YOU, "c"))).run("")
    bench.do("receive_end", YOU, 0, mine)
    bench.do("receive_end", "c", 0, yours)
    assert events_of(EndsDiffer, bench.steps[-1].events) == ([EndsDiffer(yours, mine)] if warned else [])


WAITING = "tick tick suspect_end receive_end:2 begin_wait"


@pytest.mark.parametrize("timeout", [0, 1, 500, 60_000])
def test_ep_3_the_wait_begins_when_all_ends_are_known_with_a_deadline(timeout: int) -> None:
    """EP-3"""
    bench = Bench(config=config(max_steps=2, input_confirmation_timeout_ms=timeout)).run("tick tick suspect_end")
    assert bench.do("begin_wait", 70) == "all_ends_are_known"
    bench.run("receive_end:2")
    assert bench.do("begin_wait", 70) is None
    assert bench.steps[-1].events == (WaitBegun(1, 70 + timeout),)
    assert bench.peer.ending.phase is Phase.WAITING


@pytest.mark.parametrize("wrong", [-1, True, False, 1.5, "500", None, float("nan"), [500], -(10**20)])
@pytest.mark.parametrize("name", ["input_confirmation_timeout_ms", "episode_sync_timeout_ms"])
def test_ep_3_a_timeout_is_a_non_negative_integer(name: str, wrong: Any) -> None:
    """EP-3: a bool is none; the error names the parameter."""
    with pytest.raises(ValueError, match=f"^{name} must be a non-negative integer of milliseconds, not "):
        config(**{name: wrong})


def test_ep_3_the_timeout_is_500_by_default_and_part_of_the_metadata() -> None:
    """EP-3"""
    assert config().input_confirmation_timeout_ms == 500
    assert read(peer_after(WHOLE, max_steps=1)).metadata["input_confirmation_timeout_ms"] == 500


@pytest.mark.parametrize(
    "settings",
    [{"input_confirmation_timeout_ms": 0}, {"server_authoritative": True}, {"human_players": ()}],
)
def test_ep_4_the_wait_is_skipped(settings: dict[str, Any]) -> None:
    """EP-4: by 0, with an authoritative server, or without a human player."""
    peer, _ = hear_end(ticked(2, max_steps=2, **settings), 2)
    peer, events = poll(PROTOCOL, peer, 10)
    assert peer.ending.phase is Phase.COMPLETED
    assert events_of(EpisodeCompleted, events) == [EpisodeCompleted(2, False)]
    waiting, _ = hear_end(ticked(2, max_steps=2), 2)
    assert poll(PROTOCOL, waiting, 10)[0].ending.phase is Phase.WAITING


def test_ep_4_a_human_player_is_waited_for() -> None:
    """EP-4"""
    peer, _ = hear_end(ticked(2, max_steps=2, human_players=(YOU,)), 2)
    assert poll(PROTOCOL, peer, 10)[0].ending.phase is Phase.WAITING


@pytest.mark.parametrize("now", [20, 499, 510, 10_000])
def test_ep_5_a_poll_drains_rolls_back_confirms_and_promotes_before_it_looks_at_the_end(now: int) -> None:
    """EP-5: also at the deadline, which lies at 510, and after it."""
    peer, _ = hear_end(ticked(2, max_steps=2), 2)
    peer, _ = poll(PROTOCOL, peer, 10)
    peer, events = poll(PROTOCOL, hear(peer, 0, 1, 2), now)
    kinds = [type(event) for event in events]
    assert kinds.index(RollbackBegun) < kinds.index(WaitSucceeded)
    assert events_of(WaitTimedOut, events) == []
    assert events_of(EpisodeCompleted, events) == [EpisodeCompleted(2, True)]
    export_ = read(peer)
    assert [row[export_.columns.index(f"action.{YOU}")] for row in export_.rows] == [1, 2]


@pytest.mark.parametrize("transition", ["succeed_wait", "expire_wait"])
@pytest.mark.parametrize(
    ("script", "guard"),
    [
        ("arrive:0", "queues_are_drained"),
        ("hear:0", "no_rollback_pending"),
        ("hear:0 begin_rollback", "no_rollback_in_progress"),
        ("hear:0 rollback", "nothing_left_to_confirm"),
    ],
)
def test_ep_5_the_wait_does_not_end_with_work_undone(transition: str, script: str, guard: str) -> None:
    """EP-5: neither early nor at the deadline."""
    bench = Bench(config=config(max_steps=2)).run(f"{WAITING} {script} late")
    before = bench.peer
    assert bench.do(transition, *bench.usual(transition, [])) == guard
    assert bench.peer == before


def test_ep_6_the_wait_succeeds_only_when_every_frame_is_confirmed() -> None:
    """EP-6: the inputs of the target frame alone are not enough."""
    bench = Bench(config=config(max_steps=3)).run("tick tick tick suspect_end receive_end:3 begin_wait")
    bench.run("hear:2 rollback confirm hear:0 rollback confirm")
    bench.peer = evolve(bench.peer, ending=evolve(bench.peer.ending, own=3))
    assert bench.peer.inputs.known.complete(2)
    assert bench.do("succeed_wait") == "target_is_confirmed"
    bench.run("hear:1 rollback confirm")
    assert bench.do("succeed_wait") is None
    assert bench.steps[-1].events == (WaitSucceeded(2, 2),)


def test_ep_6_a_peer_that_has_not_decided_its_end_goes_on_waiting() -> None:
    """EP-2, EP-6"""
    bench = Bench(config=config(max_steps=2)).run(f"{WAITING} hear:0,1 rollback confirm")
    assert bench.do("succeed_wait") == "end_is_decided"
    bench.run("decide_end:2")
    assert bench.do("succeed_wait") is None


def test_ep_7_at_the_deadline_the_episode_completes_with_a_warning() -> None:
    """EP-7, EP-8: with all of its records."""
    peer, _ = hear_end(ticked(3, max_steps=3), 3)
    peer, _ = poll(PROTOCOL, hear(peer, 0, 0), 10)
    assert poll(PROTOCOL, peer, 509)[0].ending.phase is Phase.WAITING
    peer, events = poll(PROTOCOL, peer, 510)
    assert events_of(WaitTimedOut, events) == [WaitTimedOut(0, 2)]
    assert events_of(ForcedPromotion, events) == [ForcedPromotion(2)]
    assert events_of(EpisodeCompleted, events) == [EpisodeCompleted(3, False)]
    exported = read(peer)
    assert [row[exported.columns.index("unconfirmed")] for row in exported.rows] == [False, True, True]
    assert exported.metadata["confirmation_timed_out"]
    assert not exported.metadata["confirmed"]


def test_ep_8_completion_waits_for_rollbacks_and_records() -> None:
    """EP-8"""
    bench = Bench(config=config(max_steps=2)).run(f"{WAITING} late expire_wait")
    assert bench.peer.ending.phase is Phase.COMPLETING
    assert bench.do("complete_episode") == "rows_are_canonical"
    for _ in range(2):
        assert bench.do("force_promote_frame") is None
    assert bench.do("force_promote_frame") == "next_record_is_before_the_end"
    assert bench.do("complete_episode") is None
    for name in ("complete_episode", "force_promote_frame"):
        guards = {guard.name for guard in PROTOCOL.transitions[name].guards}
        assert {"no_rollback_pending", "no_rollback_in_progress"} <= guards


def test_ep_8_a_confirmed_record_is_not_promoted_by_force() -> None:
    """EP-8"""
    bench = Bench(config=config(max_steps=2)).run(f"{WAITING} hear:0 rollback confirm late expire_wait")
    bench.peer = evolve(bench.peer, buffers=evolve(bench.peer.buffers, promoted=0))
    assert bench.do("force_promote_frame") == "next_record_is_unconfirmed"


def test_ep_8_records_at_or_beyond_the_termination_frame_are_discarded() -> None:
    """EP-8: speculative and canonical ones."""
    bench = Bench().run("hear:0,1,2 tick tick tick tick rollback confirm receive_end:2 suspect_end begin_wait")
    assert sorted(bench.peer.buffers.canonical) == [0, 1, 2]
    bench.run("decide_end:2 succeed_wait complete_episode")
    assert bench.peer.ending.phase is Phase.COMPLETED
    assert sorted(bench.peer.buffers.canonical) == [0, 1]
    assert list(bench.peer.buffers.speculative) == []


def test_ep_9_without_a_partners_end_the_peer_goes_through_the_same_wait_alone() -> None:
    """EP-9"""
    peer = hear(ticked(2, max_steps=2), 0, 1)
    assert poll(PROTOCOL, peer, 1999)[0].ending.phase is Phase.SYNCING
    peer, events = poll(PROTOCOL, peer, 2000)
    assert events_of(PartnerEndMissing, events) == [PartnerEndMissing(2)]
    assert events_of(WaitBegun, events) == [WaitBegun(1, 2500)]
    assert (peer.ending.phase, peer.ending.alone) == (Phase.WAITING, True)
    confirmed, events = poll(PROTOCOL, hear(peer, 1, 1), 2499)
    assert events_of(WaitSucceeded, events) == [WaitSucceeded(1, 1)]
    assert events_of(EpisodeCompleted, events) == [EpisodeCompleted(2, False)]
    assert read(confirmed).metadata["partner_end_missing"]
    timed_out, events = poll(PROTOCOL, peer, 2500)
    assert events_of(ForcedPromotion, events) == [ForcedPromotion(1)]
    assert timed_out.ending.timed_out


@pytest.mark.parametrize(
    ("script", "guard"),
    [
        ("", "deadline_has_passed"),
        ("arrive:0 late", "queues_are_drained"),
        ("hear:0 late", "no_rollback_pending"),
        ("hear:0 begin_rollback late", "no_rollback_in_progress"),
    ],
)
def test_ep_9_a_peer_does_not_give_up_with_work_undone(script: str, guard: str) -> None:
    """EP-9"""
    bench = Bench(config=config(max_steps=2)).run(f"tick tick suspect_end {script}")
    assert bench.do("give_up_on_partners", bench.now) == guard


def test_ep_9_a_peer_alone_announces_no_end_that_is_not_certain() -> None:
    """EP-9: frame 1 was simulated last on a prediction, by which the episode ended."""

    def act(player: str, frame: int, epoch: int) -> int:
        return 1 if (player, frame) == (YOU, 0) else 0

    bench = Bench(config=config(), world=ArithmeticWorld(end_when=2), act=act)
    bench.run("tick hear:0 rollback tick suspect_end late give_up_on_partners hear:1 rollback confirm")
    assert (bench.peer.ending.termination, bench.peer.buffers.promoted) == (2, 2)
    assert bench.do("decide_end", 2) == "end_is_certain"
