"""Protocol section 1: inputs."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.containers import InputTable, JointAction, Table
from rollproof.reference.digest import Digest
from rollproof.reference.events import (
    FrameSimulated,
    InputConflict,
    InputRejected,
    InputScheduled,
    InputStored,
    Sent,
    Stalled,
)
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Message, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer, Phase, new_peer
from rollproof.reference.tick import is_settled, poll, receive, tick
from tests.bench import ME, YOU, Bench, config, events_of, peer_after


def fresh(**settings: Any) -> Peer:
    return new_peer(config(**settings), ArithmeticWorld())


def inputs_from_you(first: int, *actions: int, epoch: int = 0, acknowledged: int = -1) -> InputMessage:
    return InputMessage("game", epoch, YOU, first, actions, acknowledged, 0)


def heard(peer: Peer, message: Message, now: int = 0, path: Path = Path.P2P) -> Peer:
    return receive(PROTOCOL, peer, now, path, message)[0]


def ticked(peer: Peer, times: int = 1, action: int = 0) -> Peer:
    for _ in range(times):
        peer, _ = tick(PROTOCOL, peer, 0, action)
    return peer


@pytest.mark.parametrize("path", Path)
@pytest.mark.parametrize("script", ["", "tick tick", "tick tick hear:0 begin_rollback", "tick hear:0"])
def test_in_1_an_input_that_arrives_is_only_queued(path: Path, script: str) -> None:
    """IN-1: also during a replay."""
    bench = Bench().run(script)
    before = bench.peer
    assert bench.do("receive_input", YOU, 0, path, 5, 2) is None
    after = bench.peer
    queue, other = (
        (after.inputs.p2p, before.inputs.relay) if path is Path.P2P else (after.inputs.relay, after.inputs.p2p)
    )
    assert [(item.player, item.frame, item.action) for item in queue] == [(YOU, 5, 2)]
    assert len(other) == 0
    assert evolve(after, inputs=before.inputs, metrics=before.metrics) == before
    assert after.inputs.known == before.inputs.known


def test_in_2_nothing_is_drained_during_a_rollback() -> None:
    """IN-2"""
    bench = Bench().run("tick tick hear:0 begin_rollback arrive:1")
    before = bench.peer
    for _ in range(2):
        assert bench.do("drain_input", Path.P2P, 0) == "no_rollback_in_progress"
        assert bench.peer == before
        bench.run("replay_frame")
        before = bench.peer
    bench.run("finish_rollback")
    assert bench.do("drain_input", Path.P2P, 0) is None


def test_in_2_both_queues_are_drained_at_the_start_of_a_tick_and_in_the_wait() -> None:
    """IN-2: nothing queued is lost."""
    peer = heard(fresh(max_steps=2), inputs_from_you(0, 1))
    peer = heard(peer, inputs_from_you(1, 2), path=Path.RELAY)
    peer, events = tick(PROTOCOL, peer, 0, 0)
    assert [(event.frame, event.action) for event in events_of(InputStored, events)] == [(0, 1), (1, 2)]
    assert len(peer.inputs.p2p) == len(peer.inputs.relay) == 0
    assert isinstance(events[0], InputStored)
    peer = ticked(fresh(max_steps=2), 2)
    assert peer.ending.phase is Phase.SYNCING
    peer = heard(peer, inputs_from_you(0, 1, 2))
    peer, events = poll(PROTOCOL, peer, 10)
    assert len(events_of(InputStored, events)) == 2


def test_in_2_a_peer_that_ticks_does_not_drain_when_it_polls() -> None:
    """IN-2: queues are drained at the start of a tick and in the wait, never else."""
    peer = heard(ticked(fresh()), inputs_from_you(0, 1))
    assert len(poll(PROTOCOL, peer, 10)[0].inputs.p2p) == 1


def test_in_3_the_first_input_stays_and_duplicates_are_ignored() -> None:
    """IN-3"""
    peer = heard(fresh(), inputs_from_you(0, 1))
    peer = ticked(heard(peer, inputs_from_you(0, 1)))
    assert peer.inputs.known.get(YOU, 0) == 1
    assert peer.metrics.input_conflicts == peer.metrics.inputs_rejected == 0
    again, events = receive(PROTOCOL, peer, 0, Path.P2P, inputs_from_you(0, 1))
    assert evolve(again, deliveries=peer.deliveries) == peer
    assert events_of(InputConflict, events) == []


def test_in_3_a_conflicting_duplicate_is_counted_and_reported_when_it_arrives() -> None:
    """IN-3"""
    peer = ticked(heard(fresh(), inputs_from_you(0, 1)))
    again, events = receive(PROTOCOL, peer, 0, Path.P2P, inputs_from_you(0, 2))
    assert events_of(InputConflict, events) == [InputConflict(YOU, 0, 1, 2)]
    assert again.metrics.input_conflicts == 1
    assert again.inputs == peer.inputs


def test_in_3_a_conflict_between_queued_inputs_is_found_when_they_are_drained() -> None:
    """IN-3"""
    peer = heard(heard(fresh(), inputs_from_you(0, 1)), inputs_from_you(0, 2))
    peer, events = tick(PROTOCOL, peer, 0, 0)
    assert peer.inputs.known.get(YOU, 0) == 1
    assert events_of(InputConflict, events) == [InputConflict(YOU, 0, 1, 2)]
    assert peer.metrics.input_conflicts == 1


@pytest.mark.parametrize("redundancy", [1, 3, 5])
def test_in_4_a_packet_carries_the_newest_inputs(redundancy: int) -> None:
    """IN-4"""
    peer = fresh(redundancy=redundancy, input_delay=2, resend_interval_ms=60_000)
    sent = []
    for frame in range(6):
        peer, events = tick(PROTOCOL, peer, frame, frame)
        sent.append(next(event.message for event in events_of(Sent, events) if isinstance(event.message, InputMessage)))
    assert [message.first + len(message.actions) - 1 for message in sent] == [2, 3, 4, 5, 6, 7]
    assert [len(message.actions) for message in sent] == [min(n, redundancy) for n in range(1, 7)]
    assert sent[-1].actions == tuple(range(6))[-redundancy:]


def test_in_4_nothing_is_sent_before_an_input_is_scheduled() -> None:
    """IN-4"""
    bench = Bench(config=config(input_delay=3))
    assert bench.do("send_inputs", YOU, 0, True) == "has_inputs"


@given(st.integers(0, 5), st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_in_5_the_local_input_is_scheduled_for_later(delay: int, actions: list[int]) -> None:
    """IN-5: frames below the delay have the default action."""
    peer = fresh(input_delay=delay, default_action=7)
    scheduled = []
    for action in actions:
        peer, events = tick(PROTOCOL, peer, 0, action)
        scheduled += events_of(InputScheduled, events)
    assert scheduled == [InputScheduled(frame + delay, action) for frame, action in enumerate(actions)]
    for player in (ME, YOU):
        assert [peer.inputs.known.get(player, frame) for frame in range(-1, delay)] == [None, *[7] * delay]


def test_in_5_a_frame_is_not_simulated_before_the_local_input_is_scheduled() -> None:
    """IN-5"""
    assert Bench().do("simulate_frame", 0, True) == "local_input_is_scheduled"


@pytest.mark.parametrize(("mode", "expected"), [("previous", [9, 9, 5, 5, 6]), ("default", [9, 9, 9, 5, 9])])
def test_in_6_the_prediction_is_the_previous_known_action_or_the_default(mode: str, expected: list[int]) -> None:
    """IN-6"""
    table = InputTable(Table((ME, YOU)), 0, 9, mode).set(YOU, 1, 5).set(YOU, 3, 6)
    assert [table.joint(frame).of(YOU) for frame in range(5)] == [
        expected[0],
        5,
        expected[2],
        6,
        expected[4],
    ]
    assert table.predict(YOU, 0) == 9


@given(st.dictionaries(st.integers(0, 5), st.integers(0, 3), max_size=4), st.integers(0, 2))
def test_in_6_the_prediction_does_not_depend_on_the_order_of_arrival(known: dict[int, int], delay: int) -> None:
    """IN-6"""
    tables = []
    for order in permutations(known.items()):
        table = InputTable(Table((ME, YOU)), delay, 0, "previous")
        for frame, action in order:
            if frame >= delay:
                table = table.set(YOU, frame, action)
        tables.append([table.joint(frame) for frame in range(8)])
    assert all(joints == tables[0] for joints in tables)


REASONS = {
    "from_a_partner": [(ME, 0, 3), ("stranger", 0, 3), ("", 0, 3)],
    "frame_is_not_negative": [(YOU, 0, -1), (YOU, 0, -(10**12))],
    "frame_is_within_reach": [(YOU, 0, 14), (YOU, 0, 10**12)],
    "same_epoch": [(YOU, 1, 3), (YOU, -1, 3)],
}


@pytest.mark.parametrize(("reason", "args"), [(reason, args) for reason, all_ in REASONS.items() for args in all_])
def test_in_7_a_wrong_input_is_rejected_with_a_reason_and_changes_nothing_else(reason: str, args: Any) -> None:
    """IN-7"""
    player, epoch, frame = args
    bench = Bench(config=config(max_frames_ahead=10)).run("tick tick tick")
    before = bench.peer
    assert bench.do("receive_input", player, epoch, Path.P2P, frame, 1) == reason
    assert bench.peer == before
    message = InputMessage("game", epoch, player, frame, (1,), -1, 0)
    after, events = receive(PROTOCOL, before, 0, Path.P2P, message)
    assert events_of(InputRejected, events) == [InputRejected(player, frame, reason)]
    assert after.metrics.inputs_rejected == 1
    assert evolve(after, metrics=before.metrics, deliveries=before.deliveries) == before


def test_in_7_the_furthest_frame_is_accepted() -> None:
    """IN-7: `max_frames_ahead` itself is not too far."""
    bench = Bench(config=config(max_frames_ahead=10)).run("tick tick tick")
    assert bench.do("receive_input", YOU, 0, Path.P2P, 13, 1) is None


@pytest.mark.parametrize("window", [1, 2, 5])
def test_in_8_the_prediction_window_holds_simulation_back(window: int) -> None:
    """IN-8"""
    peer, stalls = fresh(prediction_window=window), 0
    for _ in range(window + 3):
        peer, events = tick(PROTOCOL, peer, 0, 0)
        stalls += len(events_of(Stalled, events))
    assert peer.frame == window
    assert stalls == 3
    assert peer.ticks == window + 3
    peer = ticked(heard(peer, inputs_from_you(0, 0)))
    assert (peer.confirmed, peer.frame) == (0, window + 1)


def test_in_8_without_a_window_nothing_is_held_back() -> None:
    """IN-8"""
    assert ticked(fresh(), 50).frame == 50


def test_in_8_a_window_in_which_nothing_could_ever_be_simulated_is_refused() -> None:
    """IN-8: with 0 not even frame 0, which nothing can confirm before it is simulated."""
    with pytest.raises(ValueError, match="prediction_window must be an integer from 1 "):
        config(prediction_window=0)


def sent_inputs(events: tuple[object, ...]) -> list[InputMessage]:
    return [event.message for event in events_of(Sent, events) if isinstance(event.message, InputMessage)]


def test_in_9_inputs_are_sent_again_until_they_are_acknowledged() -> None:
    """IN-9: by timer, the oldest first."""
    peer = ticked(fresh(resend_interval_ms=100, max_resent=4, redundancy=1), 6, action=2)
    assert sent_inputs(poll(PROTOCOL, peer, 99)[1]) == []
    peer, events = poll(PROTOCOL, peer, 100)
    assert [(message.first, message.actions) for message in sent_inputs(events)] == [(0, (2, 2, 2, 2))]
    peer = heard(peer, AckMessage("game", 0, YOU, 3, False))
    peer, events = poll(PROTOCOL, peer, 200)
    assert [(message.first, message.actions) for message in sent_inputs(events)] == [(4, (2, 2))]
    peer = heard(peer, AckMessage("game", 0, YOU, 5, False))
    assert sent_inputs(poll(PROTOCOL, peer, 300)[1]) == []


def test_in_9_an_acknowledgement_never_takes_another_back_and_is_not_of_what_was_never_sent() -> None:
    """IN-9"""
    peer = ticked(fresh(), 3)
    peer = heard(peer, AckMessage("game", 0, YOU, 1, False))
    assert heard(peer, AckMessage("game", 0, YOU, 0, False)).deliveries == peer.deliveries
    assert heard(peer, AckMessage("game", 0, YOU, 3, False)) == peer
    assert heard(peer, AckMessage("game", 0, YOU, 2, True)) == peer
    assert heard(peer, AckMessage("game", 1, YOU, 2, False)) == peer
    assert heard(peer, AckMessage("game", 0, ME, 2, False)) == peer


def test_in_9_inputs_carry_acknowledgements() -> None:
    """IN-9: of everything known without a hole."""
    peer = heard(fresh(), inputs_from_you(0, 1, 1))
    peer = heard(peer, inputs_from_you(3, 1))
    _, events = tick(PROTOCOL, peer, 0, 0)
    assert sent_inputs(events)[0].acknowledged == 1


FULL_EPISODE = "tick hear:0 rollback confirm suspect_end decide_end:1 receive_end:1 begin_wait succeed_wait close"


def test_in_9_a_peer_that_has_completed_goes_on_answering_and_sending() -> None:
    """IN-9: until its partners need nothing more."""
    peer = peer_after(FULL_EPISODE, max_steps=1)
    assert peer.ending.phase is Phase.EXPORTED
    assert not is_settled(peer)
    _, events = receive(PROTOCOL, peer, 500, Path.P2P, inputs_from_you(0, 1))
    (answer,) = events_of(Sent, events)
    assert answer.message == AckMessage("game", 0, ME, 0, True)
    peer, events = poll(PROTOCOL, peer, 500)
    assert {type(event.message) for event in events_of(Sent, events)} == {InputMessage, EndMessage}
    peer = heard(peer, AckMessage("game", 0, YOU, 0, True))
    assert is_settled(peer)
    assert events_of(Sent, poll(PROTOCOL, peer, 1000)[1]) == []


def test_in_10_the_local_input_of_a_frame_is_fixed_once() -> None:
    """IN-10: a tick that is skipped does not exchange it either."""
    bench = Bench()
    assert bench.do("schedule_input", 1) is None
    before = bench.peer
    assert bench.do("schedule_input", 2) == "local_input_is_open"
    assert bench.peer == before
    peer = fresh(prediction_window=1)
    sent = []
    for action in (1, 2, 3):
        peer, events = tick(PROTOCOL, peer, 0, action)
        sent += sent_inputs(events)
    assert peer.inputs.known.get(ME, 1) == 2
    assert {action for message in sent for action in message.actions[1 - message.first :]} == {2}


def test_in_10_a_peer_that_was_paused_catches_up_by_ordinary_ticks() -> None:
    """IN-10: nothing counts as confirmed that is not, and each frame has the input sampled for it."""
    peer = heard(fresh(), inputs_from_you(0, *range(8)))
    peer = heard(ticked(peer, 2), inputs_from_you(8, 3))
    simulated = []
    for action in range(10, 16):
        peer, events = tick(PROTOCOL, peer, 5000, action)
        simulated += events_of(FrameSimulated, events)
    assert [(event.frame, event.actions.of(ME)) for event in simulated] == [(n, 8 + n) for n in range(2, 8)]
    assert peer.confirmed == 6


FOREIGN: list[Message] = [
    inputs_from_you(0, 1, epoch=1),
    AckMessage("game", 1, YOU, 0, False),
    EndMessage("game", 1, YOU, 1, Digest("x")),
    HashMessage("game", 1, YOU, 0, Digest("x")),
]


@pytest.mark.parametrize("path", Path)
@pytest.mark.parametrize("message", FOREIGN, ids=lambda message: type(message).__name__)
def test_in_11_a_message_of_another_episode_changes_nothing(message: Message, path: Path) -> None:
    """IN-11: of whatever kind, on whatever path; a rejected input is counted."""
    for script in ("tick", FULL_EPISODE):
        for epoch in (1, -1):
            peer = peer_after(script, max_steps=1)
            after, events = receive(PROTOCOL, peer, 0, path, evolve(message, epoch=epoch))
            assert evolve(after, metrics=peer.metrics) == peer
            assert events_of(Sent, events) == []
            assert len(events) == isinstance(message, InputMessage)


def test_in_11_every_message_carries_its_episode() -> None:
    """IN-11"""
    bench = Bench(config=config(max_steps=1)).run(f"{FULL_EPISODE} reset_episode tick send_inputs send_ack")
    bench.run("hear:0 rollback confirm suspect_end decide_end:1 announce_end send_hash:0 resend_inputs")
    sent = [event.message for step in bench.steps for event in events_of(Sent, step.events)]
    assert {type(message) for message in sent} == {InputMessage, AckMessage, EndMessage, HashMessage}
    assert {message.epoch for message in sent} == {1}


@pytest.mark.parametrize("delay", [0, 1, 2, 5])
def test_in_12_an_input_is_held_back_for_so_many_frames(delay: int) -> None:
    """IN-12"""
    peer = heard(ticked(fresh(debug_remote_input_delay=delay), 3), inputs_from_you(0, 1))
    ticks = 0
    while peer.inputs.known.get(YOU, 0) is None:
        peer = ticked(peer)
        ticks += 1
    assert ticks == delay + 1


def test_in_12_nothing_is_held_back_in_the_wait() -> None:
    """IN-12: once the peer no longer ticks there are no frames to hold it back for."""
    peer = heard(ticked(fresh(max_steps=2, debug_remote_input_delay=5), 2), inputs_from_you(0, 1, 1))
    assert poll(PROTOCOL, peer, 0)[0].inputs.known.get(YOU, 1) == 1


def test_in_6_a_frame_is_simulated_with_known_and_predicted_actions() -> None:
    """IN-6"""
    peer = heard(fresh(), inputs_from_you(0, 4))
    peer, events = tick(PROTOCOL, peer, 0, 1)
    assert events_of(FrameSimulated, events) == [FrameSimulated(0, JointAction((ME, YOU), (1, 4)), False, False)]
    peer, events = tick(PROTOCOL, peer, 0, 2)
    assert events_of(FrameSimulated, events) == [FrameSimulated(1, JointAction((ME, YOU), (2, 4)), True, False)]
