"""Sessions: the network, who calls a peer, the loop, lockstep truth, reports."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof.model.sessions import lockstep
from rollproof.model.sessions.campaign import protocol_named, random_setup, run_one
from rollproof.model.sessions.network import Burst, Drop, Faults, FaultyChannel, RecordedChannel, Transits
from rollproof.model.sessions.report import differences, lockstep_differences, report, rows_of
from rollproof.model.sessions.session import run
from rollproof.model.sessions.setup import (
    CATCH_UP_INTERVAL_MS,
    Call,
    Caller,
    Habit,
    PacedCaller,
    PathLoss,
    Refusal,
    Settings,
    Setup,
)
from rollproof.model.sessions.worlds import ArithmeticWorld, WorldError
from rollproof.reference.config import Config
from rollproof.reference.containers import JointAction, Player
from rollproof.reference.digest import Digest
from rollproof.reference.events import EpisodeCompleted, FallbackTriggered, FrameSimulated, InputScheduled, InputStored
from rollproof.reference.messages import AckMessage, EndMessage, InputMessage, Path
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Step
from rollproof.reference.transport import lose_p2p
from rollproof.reference.world import Outcome, World

ACK = AckMessage("game", 0, "a", 0, end_known=False)
END = EndMessage("game", 0, "a", 10, Digest())


def session(frames: int = 60, players: tuple[str, ...] = ("a", "b"), **config: Any) -> Settings:
    return Settings(Config(players[0], players, max_steps=frames, **config))


def ticks_of(caller: Caller, count: int) -> list[Call]:
    calls = [caller.next(-CATCH_UP_INTERVAL_MS, True)]
    while len(calls) < count:
        calls.append(caller.next(calls[-1].at_ms, True))
    return calls


def fates(faults: Faults, count: int, seed: str = "seed") -> list[Transits]:
    channel = FaultyChannel(faults, seed)
    return [channel.send(number, ACK) for number in range(count)]


# --- the network ------------------------------------------------------------------------------------------------------


def test_a_channel_without_faults_delivers_everything_once() -> None:
    assert fates(Faults(latency_ms=30), 5) == [(30,)] * 5


def test_equal_seeds_give_equal_fates_and_others_do_not() -> None:
    faults = Faults(latency_ms=30, jitter_ms=50, loss=0.3)
    assert fates(faults, 50) == fates(faults, 50)
    assert fates(faults, 50) != fates(faults, 50, seed="other")


def test_loss_is_as_frequent_as_it_is_said_to_be() -> None:
    lost = fates(Faults(loss=0.3), 10_000).count(())
    assert 2700 < lost < 3300


def test_jitter_stays_within_its_bounds_and_reaches_both() -> None:
    assert {transits[0] for transits in fates(Faults(latency_ms=10, jitter_ms=3), 200)} == {10, 11, 12, 13}


def test_duplicates_arrive_twice() -> None:
    assert fates(Faults(latency_ms=5, duplicate=1.0), 2) == [(5, 5)] * 2


def test_reordered_packets_are_held_up() -> None:
    assert set(fates(Faults(latency_ms=5, reorder=0.5, reorder_ms=70), 100)) == {(5,), (75,)}


def test_a_partition_loses_what_is_sent_in_it() -> None:
    assert fates(Faults(partitions=((2, 4),)), 6) == [(0,), (0,), (), (), (0,), (0,)]


def test_bursts_lose_packets_in_a_row() -> None:
    lost = [not transits for transits in fates(Faults(burst=Burst(enter=0.05, leave=0.2)), 5000)]
    after_a_loss = [now for before, now in pairwise(lost) if before]
    assert 0.1 < sum(lost) / len(lost) < 0.3
    assert sum(after_a_loss) / len(after_a_loss) > 0.7


def test_particular_packets_are_dropped() -> None:
    inputs = InputMessage("game", 0, "a", 3, (0, 0), -1, 0)
    drops = (Drop("end", 1), Drop("input", 2, frame=4))
    channel = FaultyChannel(Faults(drops=drops), "seed")
    assert [channel.send(0, message) for message in (ACK, END, END)] == [(0,), (), (0,)]
    assert [channel.send(0, evolve(inputs, first=first)) for first in (5, 4, 3, 2, 3)] == [(0,), (), (), (0,), (0,)]


def test_packets_beyond_those_recorded_have_the_default_fate() -> None:
    channel = RecordedChannel(((7, 9), ()), 50)
    assert [channel.send(0, ACK) for _ in range(4)] == [(7, 9), (), (50,), (50,)]


@pytest.mark.parametrize("wrong", [{"loss": 1.5}, {"latency_ms": -1}, {"latency_ms": 0.5}, {"duplicate": -0.1}])
def test_impossible_faults_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Faults(**wrong)


# --- who calls a peer -------------------------------------------------------------------------------------------------


def test_a_running_peer_is_called_sixty_times_a_second() -> None:
    calls = ticks_of(PacedCaller(lambda tick: tick), 61)
    assert calls[:3] == [(0, 0, True), (16, 1, True), (33, 2, True)]
    assert calls[60] == (1000, 60, True)


def test_a_peer_that_does_not_tick_is_polled_every_10_ms() -> None:
    caller = PacedCaller(lambda tick: tick)
    assert [caller.next(now, False).at_ms for now in (100, 110)] == [110, 120]
    assert caller.next(120, False).action is None


def test_in_10_a_paused_peer_catches_up_by_ordinary_ticks() -> None:
    calls = ticks_of(PacedCaller(lambda tick: tick, ((100, 300),)), 30)
    assert not any(100 <= call.at_ms < 300 for call in calls)
    assert [call.action for call in calls] == list(range(30))
    assert [call.focused for call in calls] == [not 100 <= number * 1000 // 60 < 300 for number in range(30)]
    assert calls[-1].at_ms == 29 * 1000 // 60


def test_a_habit_holds_its_actions() -> None:
    act = Habit(change=0.1).player("seed")
    actions = [act(tick) for tick in range(2000)]
    changes = sum(one != other for one, other in pairwise(actions))
    assert 100 < changes < 250
    assert [Habit(change=0.0, script={2: 4}).player("seed")(tick) for tick in range(2)] == [0, 0]
    scripted = Habit(change=0.0, script={2: 4}).player("seed")
    assert [scripted(tick) for tick in range(5)] == [0, 0, 4, 4, 4]


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_exports_lockstep_truth_at_every_peer() -> None:
    result = run(Setup(session(players=("a", "b", "c")), p2p=Faults(latency_ms=50, loss=0.1)), PROTOCOL)
    reports = report(result)
    assert [(peer.rows, peer.confirmed, peer.unconfirmed) for peer in reports] == [(60, 60, 0)] * 3
    assert all(peer.rollbacks > 0 and peer.greatest_depth >= 3 for peer in reports)
    assert all(set(peer.differing.values()) == {0} and peer.differing_from_lockstep == 0 for peer in reports)


def test_the_same_setup_gives_the_same_result() -> None:
    setup = Setup(session(), p2p=Faults(latency_ms=50, jitter_ms=30, loss=0.2))
    assert run(setup, PROTOCOL) == run(setup, PROTOCOL)
    assert run(setup, PROTOCOL) != run(evolve(setup, seed=1), PROTOCOL)


def test_events_are_only_kept_if_asked_for() -> None:
    setup = Setup(session(), p2p=Faults(latency_ms=50))
    kept, without = run(setup, PROTOCOL), run(setup, PROTOCOL, keep_events=False)
    assert {type(event) for _, event in kept.events["a"]} >= {InputScheduled, InputStored, FrameSimulated}
    assert without.events == {"a": (), "b": ()}
    assert without.exports == kept.exports


def test_what_was_submitted_is_what_the_players_did() -> None:
    setup = Setup(session(frames=30, input_delay=2), habit=Habit(change=0.0, script={5: 3}))
    submitted = run(setup, PROTOCOL).submitted["b"][0]
    assert [submitted[frame] for frame in range(2, 32)] == [0] * 5 + [3] * 25


def test_tr_2_a_full_buffer_sends_by_way_of_the_relay() -> None:
    refusals = (Refusal("a", "b", 300, 500),)
    result = run(Setup(evolve(session(), refusals=refusals), p2p=Faults(latency_ms=20)), PROTOCOL)
    assert result.transits["a", "b", Path.RELAY]
    assert not result.transits["b", "a", Path.RELAY]
    assert not result.exports["a"][0].metrics["fallback_triggered"]


def test_tr_4_a_lost_path_falls_back_once() -> None:
    losses = (PathLoss(400, "a", "b"), PathLoss(500, "a", "b"))
    result = run(Setup(evolve(session(), path_losses=losses)), PROTOCOL)
    fallbacks = [(now, event) for now, event in result.events["a"] if isinstance(event, FallbackTriggered)]
    assert [(now, event.player) for now, event in fallbacks] == [(400, "b")]
    assert result.exports["a"][0].metrics["connection_type"] == "relay"
    assert result.exports["b"][0].metrics["connection_type"] == "p2p"


def test_a_silent_peer_does_nothing_any_more() -> None:
    result = run(Setup(evolve(session(), silent={"b": 500})), PROTOCOL)
    assert result.exports["b"] == ()
    assert max(call.at_ms for call in result.calls["b"]) < 500
    assert max(now for now, _ in result.events["b"]) <= 500
    assert result.exports["a"][0].metadata["partner_end_missing"]
    assert len(result.lockstep[0].rows) < 60
    assert not result.lockstep[0].ended


def test_ep_11_episodes_follow_each_other() -> None:
    result = run(Setup(evolve(session(frames=20), episodes=3), p2p=Faults(latency_ms=30)), PROTOCOL)
    assert [export.metadata["epoch"] for export in result.exports["a"]] == [0, 1, 2]
    assert [len(truth.rows) for truth in result.lockstep] == [20, 20, 20]
    completions = Counter(type(event) for _, event in result.events["b"])[EpisodeCompleted]
    assert completions == 3


def test_in_9_a_peer_answers_until_its_partners_have_completed() -> None:
    drops = Faults(latency_ms=20, drops=(Drop("end", 20),))
    setup = Setup(session(episode_sync_timeout_ms=5000), special={("a", "b", Path.P2P): drops})
    result = run(setup, PROTOCOL)
    assert [export.metadata["confirmed"] for export in (*result.exports["a"], *result.exports["b"])] == [True, True]
    assert result.ended_ms > 60 * 1000 / 60 + 2000


def test_a_run_that_takes_too_long_is_broken_off() -> None:
    result = run(Setup(evolve(session(frames=600), limit_ms=1000)), PROTOCOL)
    assert result.ended_ms <= 1000
    assert result.exports == {"a": (), "b": ()}


def test_a_variant_that_crashes_is_reported() -> None:
    def crash(peer: Peer, player: Player) -> Step:
        raise LookupError("lost")

    protocol = PROTOCOL.replace("crashing", evolve(lose_p2p, effect=crash))
    result = run(Setup(evolve(session(), path_losses=(PathLoss(400, "a", "b"),))), protocol)
    assert result.crashes == {"a": "LookupError: lost"}
    assert result.exports["a"] == ()
    assert result.exports["b"][0].metadata["partner_end_missing"]


class Raising:
    def start(self, epoch: int) -> int:
        return 0

    def step(self, state: int, actions: JointAction) -> tuple[int, Outcome]:
        if state == 10:
            raise RuntimeError("out of order")
        return state + 1, Outcome()


class Nonsense:
    def start(self, epoch: int) -> int:
        return 0

    def step(self, state: int, actions: JointAction) -> Any:
        return state + 1


@pytest.mark.parametrize(
    ("world", "said"), [(Raising(), "frame 10"), (Nonsense(), "must return a state and an Outcome")]
)
def test_a_world_that_fails_is_blamed_in_one_line(world: World, said: str) -> None:
    with pytest.raises(WorldError, match=said):
        run(Setup(evolve(session(), world=world)), PROTOCOL)


def test_a_wrong_override_is_refused() -> None:
    with pytest.raises(ValueError, match="max_steps"):
        run(Setup(evolve(session(), overrides={"b": {"max_steps": -1}})), PROTOCOL)


# --- truth and reports ------------------------------------------------------------------------------------------------


def test_lockstep_runs_the_world_on_what_was_submitted() -> None:
    config, world = Config("a", ("a", "b"), input_delay=1, max_steps=3), ArithmeticWorld()
    truth = lockstep.run(config, world, 0, {"a": {1: 2, 2: 3}, "b": {1: 4, 2: 0}})
    assert [(row["action.a"], row["action.b"], row["over"]) for row in truth.rows] == [
        (0, 0, False),
        (2, 4, False),
        (3, 0, True),
    ]
    assert truth.ended
    assert truth.rows[2]["return.a"] == sum(row["reward.a"] for row in truth.rows)


def test_lockstep_knows_nothing_beyond_a_missing_action() -> None:
    config = Config("a", ("a", "b"), max_steps=3)
    truth = lockstep.run(config, ArithmeticWorld(), 0, {"a": {0: 1, 1: 1, 2: 1}, "b": {0: 1, 2: 1}})
    assert len(truth.rows) == 1
    assert not truth.ended


def test_differences_count_cells() -> None:
    left = [{"x": 1, "y": 2, "unconfirmed": False}, {"x": 1, "unconfirmed": False}]
    right = [{"x": 1, "y": 3, "unconfirmed": False}]
    assert [(each.frame, each.column) for each in differences(0, left, right)] == [
        (0, "y"),
        (1, "x"),
        (1, "unconfirmed"),
    ]
    assert [each.column for each in differences(0, left, right, confirmed_only=True)] == ["y"]
    assert differences(0, left, left) == []
    assert differences(0, [{"x": 1, "unconfirmed": True}], right, confirmed_only=True) == []


def test_a_changed_cell_is_found_by_every_comparison() -> None:
    result = run(Setup(session(), p2p=Faults(latency_ms=20)), PROTOCOL)
    (export,) = result.exports["a"]
    at = export.columns.index("reward.a")
    row = list(export.rows[5])
    row[at] += 1
    changed = evolve(export, rows=(*export.rows[:5], tuple(row), *export.rows[6:]))
    result = evolve(result, exports={**result.exports, "a": (changed,)})
    first, second = report(result)
    assert (first.differing, first.differing_from_lockstep) == ({"b": 1}, 1)
    assert (second.differing, second.differing_from_lockstep) == ({"a": 1}, 0)
    assert [(each.frame, each.column) for each in lockstep_differences(result, "a")] == [(5, "reward.a")]


def test_local_columns_are_not_compared() -> None:
    result = run(Setup(session(), p2p=Faults(latency_ms=20), pauses={"b": ((300, 400),)}), PROTOCOL)
    assert {"time_ms", "focused", "was_speculative"} <= set(result.exports["a"][0].columns)
    assert not {"time_ms", "focused", "was_speculative"} & set(rows_of(result.exports["a"][0])[0])


# --- random sessions --------------------------------------------------------------------------------------------------


@pytest.mark.fuzz
@settings(max_examples=settings().max_examples // 4)
@given(st.integers(0, 10**6))
def test_every_random_session_keeps_its_promises(seed: int) -> None:
    assert run_one(seed, PROTOCOL).broken == ()


def test_random_sessions_are_not_all_alike() -> None:
    setups = [random_setup(seed) for seed in range(40)]
    assert {len(setup.settings.players) for setup in setups} == {2, 3, 4}
    assert {setup.settings.episodes for setup in setups} == {1, 2, 3}
    assert any(setup.settings.silent for setup in setups)
    assert any(setup.settings.config.prediction_window for setup in setups)
    assert random_setup(3) == random_setup(3)


def test_a_random_session_shows_what_a_variant_does_wrong() -> None:
    assert any(run_one(seed, protocol_named("phase_61")).broken for seed in range(5))
