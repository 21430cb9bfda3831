"""Protocol section 6: metrics and desync detection."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve, frozen

from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.session import run
from rollproof.model.sessions.setup import Settings, Setup
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.containers import JointAction
from rollproof.reference.digest import Digest
from rollproof.reference.events import HashMismatch, Sent
from rollproof.reference.export import read, session_metrics
from rollproof.reference.messages import HashMessage
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import RollbackEntry, new_peer
from rollproof.reference.tick import tick
from rollproof.reference.world import Outcome, Record, Totals
from tests.bench import ME, YOU, Bench, config, events_of, peer_after

KEYS = {
    "game", "player", "connection_type", "connections", "inputs_sent_p2p", "inputs_sent_relay",
    "inputs_received_p2p", "inputs_received_relay", "rollback_events", "rollbacks", "greatest_depth",
    "hash_mismatches", "fallback_triggered", "fallback_frame", "frames",
}  # fmt: skip
WHOLE = "hear:0 tick confirm suspect_end decide_end:1 receive_end:1 begin_wait succeed_wait close"


def test_me_1_the_session_metrics_hold_everything_required() -> None:
    """ME-1"""
    metrics = session_metrics(peer_after("tick hear:0 rollback lose_p2p", game="match"))
    assert set(metrics) >= KEYS
    assert (metrics["game"], metrics["player"]) == ("match", ME)
    assert (metrics["connection_type"], metrics["fallback_triggered"], metrics["fallback_frame"]) == ("relay", True, 1)
    assert metrics["connections"][YOU] == {"connected": False, "has_sender": True, "fallback_frame": 1}
    assert metrics["rollback_events"] == [{"epoch": 0, "target": 0, "current_frame": 1, "depth": 1}]
    assert metrics["frames"] == 1
    assert session_metrics(peer_after("tick"))["connection_type"] == "p2p"


def test_me_1_a_replayed_frame_is_not_counted_as_another_frame() -> None:
    """ME-1"""
    assert peer_after("tick tick tick hear:0 rollback").metrics.frames == 3


def test_me_2_the_count_is_the_number_of_events_and_the_depth_their_maximum() -> None:
    """ME-2"""
    metrics = peer_after("tick tick tick hear:1,0 rollback tick hear:3 rollback").metrics
    assert list(metrics.rollbacks) == [RollbackEntry(0, 0, 3, 3), RollbackEntry(0, 3, 4, 1)]
    assert metrics.greatest_depth == 3


def test_me_2_metrics_survive_a_reset() -> None:
    """ME-2, EP-11"""
    bench = Bench(config=config(max_steps=1)).run(f"{WHOLE} reset_episode tick")
    assert bench.peer.metrics.frames == 2
    assert session_metrics(bench.peer)["frames"] == 2


def test_me_3_the_export_has_the_metrics_and_the_rollback_events_of_its_episode() -> None:
    """ME-3"""
    bench = Bench(config=config(max_steps=2))
    bench.run(
        "tick tick hear:0,1 rollback confirm suspect_end decide_end:2 receive_end:2 begin_wait succeed_wait close"
    )
    first = read(bench.peer)
    assert [event["target"] for event in first.rollback_events] == [0]
    assert [entry["frame"] for entry in first.mispredictions] == [0, 1]
    assert first.metrics == session_metrics(bench.peer)
    bench.run(
        "reset_episode hear:0,1 tick tick confirm suspect_end decide_end:2 receive_end:2 begin_wait succeed_wait close"
    )
    second = read(bench.peer)
    assert second.rollback_events == second.mispredictions == ()
    assert second.metrics["rollbacks"] == 1


def test_me_4_a_hash_is_exchanged_every_interval_and_at_the_end() -> None:
    """ME-4"""
    settings = Settings(config(hash_interval=10, max_steps=35))
    result = run(Setup(settings, p2p=Faults(latency_ms=40)), PROTOCOL)
    for exports in result.exports.values():
        assert exports[0].metrics["hashes_compared"] == 4
        assert exports[0].metrics["hash_mismatches"] == 0
    peer, sent = new_peer(config(hash_interval=2, input_delay=5), ArithmeticWorld()), []
    for _ in range(6):
        peer, events = tick(PROTOCOL, peer, 0, 0)
        sent += [event.message for event in events_of(Sent, events) if isinstance(event.message, HashMessage)]
    assert [message.frame for message in sent] == [1, 3]


@frozen
class Perturbed:
    """A world that goes wrong at one frame."""

    world: ArithmeticWorld
    frame: int

    def start(self, epoch: int) -> Any:
        return self.world.start(epoch)

    def step(self, state: Any, actions: JointAction) -> tuple[Any, Outcome]:
        after, outcome = self.world.step(state, actions)
        return (after._replace(value=after.value + 1), outcome) if state.frame == self.frame else (after, outcome)


def test_me_4_a_perturbed_world_is_reported_with_the_first_frame_known_to_differ() -> None:
    """ME-4: the world is wrong at frame 3, hence rewards and infos from frame 4 on."""
    worlds = (ArithmeticWorld(), Perturbed(ArithmeticWorld(), 3))
    benches = [
        Bench(config=config(player=player, hash_interval=2, input_delay=8), world=world)
        for player, world in zip((ME, YOU), worlds, strict=True)
    ]
    for bench in benches:
        for _ in range(8):
            bench.run("begin_tick")
            bench.do("schedule_input", 0)
            bench.run("simulate_frame confirm")
    mine, yours = benches
    found = []
    for frame in (1, 3, 5, 7):
        digest = yours.peer.buffers.canonical[frame].digest
        assert mine.do("receive_hash", YOU, 0, frame, digest) is None
        assert mine.do("compare_hash", YOU, frame) is None
        found += events_of(HashMismatch, mine.steps[-1].events)
    assert found == [HashMismatch(YOU, 5), HashMismatch(YOU, 7)]
    assert mine.peer.metrics.hash_mismatches == 2
    assert mine.peer.metrics.hashes_compared == 4
    assert mine.peer.desync.first_mismatch == 5


def test_me_4_hashes_are_compared_when_both_are_there_and_once() -> None:
    """ME-4"""
    bench = Bench().run("tick")
    digest = bench.truth().digest(1)
    assert bench.do("compare_hash", YOU, 0) == "hash_was_heard"
    bench.do("receive_hash", YOU, 0, 0, digest)
    assert bench.do("compare_hash", YOU, 0) == "own_hash_is_known"
    bench.run("hear:0 rollback confirm")
    assert bench.do("compare_hash", YOU, 0) is None
    assert bench.do("compare_hash", YOU, 0) == "hash_was_heard"
    assert (bench.peer.metrics.hashes_compared, bench.peer.metrics.hash_mismatches) == (1, 0)


@pytest.mark.parametrize(
    ("player", "epoch", "frame", "guard"),
    [
        (YOU, 1, 0, "same_epoch"),
        (ME, 0, 0, "from_a_partner"),
        (YOU, 0, -1, "hash_is_plausible"),
        (YOU, 0, 1000, "hash_is_plausible"),
    ],
)
def test_me_4_a_foreign_or_impossible_hash_changes_nothing(player: str, epoch: int, frame: int, guard: str) -> None:
    """ME-4, IN-7"""
    bench = Bench().run("tick")
    before = bench.peer
    assert bench.do("receive_hash", player, epoch, frame, Digest("x")) == guard
    assert bench.peer == before


def test_me_4_a_record_promoted_by_force_has_no_hash() -> None:
    """ME-4: only confirmed records are hashed."""
    bench = Bench(config=config(max_steps=1)).run("tick suspect_end receive_end:1 begin_wait late expire_wait close")
    assert bench.do("send_hash", YOU, 0, True) == "own_hash_is_known"
    assert bench.peer.buffers.digest == Digest()


RECORD = Record(
    JointAction((ME, YOU), (1, 2)),
    Outcome({ME: 1, YOU: 2}, {ME: False}, {ME: False}, {ME: {"x": 1, "y": 2}}),
    Totals({ME: 3}),
    4,
    False,
    True,
    55,
    True,
)


@pytest.mark.parametrize(
    "other",
    [
        evolve(RECORD, actions=JointAction((ME, YOU), (2, 1))),
        evolve(RECORD, outcome=None),
        evolve(RECORD, outcome=evolve(RECORD.outcome, rewards={ME: 1, YOU: 3})),
        evolve(RECORD, outcome=evolve(RECORD.outcome, terminated={ME: True})),
        evolve(RECORD, outcome=evolve(RECORD.outcome, truncated={ME: True})),
        evolve(RECORD, outcome=evolve(RECORD.outcome, infos={ME: {"x": 1, "y": 3}})),
        evolve(RECORD, steps=5),
        evolve(RECORD, over=True),
    ],
)
def test_me_4_whatever_differs_between_records_changes_the_hash(other: Record) -> None:
    """ME-4: not blind."""
    assert Digest().extend(RECORD) != Digest().extend(other)
    assert Digest().extend(RECORD).extend(RECORD) != Digest().extend(other).extend(RECORD)


def test_me_4_what_is_local_to_a_peer_does_not_change_the_hash() -> None:
    """ME-4, EP-13: nor does the order in which a world tells things."""
    outcome = Outcome({YOU: 2, ME: 1}, {ME: False}, {ME: False}, {ME: {"y": 2, "x": 1}})
    local = evolve(RECORD, outcome=outcome, was_speculative=False, time_ms=0, focused=False)
    assert Digest().extend(RECORD) == Digest().extend(local)


def test_me_4_the_hash_is_of_values_and_not_of_the_objects_that_have_them() -> None:
    """ME-4: one object told twice is as good as two equal ones."""
    once = "contact"
    again = "".join(["con", "tact"])
    assert once is not again
    one, other = (
        evolve(RECORD, outcome=evolve(RECORD.outcome, infos={ME: {once: once}, YOU: {once: each}}))
        for each in (once, again)
    )
    assert Digest().extend(one) == Digest().extend(other)
