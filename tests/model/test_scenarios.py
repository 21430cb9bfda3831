"""The named scenarios of protocol section 8, under the present protocol and under earlier ones."""

from __future__ import annotations

import pytest

from rollproof.model.sessions import promises
from rollproof.model.sessions.scenarios import FAMILIES, PARITY, SCENARIOS, Played, named, play
from rollproof.model.sessions.session import Result
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.events import EndDecided, EndsDiffer, EndWithdrawn, RollbackBegun
from rollproof.reference.protocol import PROTOCOL

SECTION_8 = (
    "active_input_parity",
    "active_input_with_latency_100ms",
    "active_input_with_latency_200ms",
    "active_input_with_latency_500ms",
    "active_input_with_packet_loss_10pct",
    "active_input_with_packet_loss_20pct",
    "active_input_with_packet_loss_30pct",
    "idle_parity",
    "idle_parity_with_latency",
    "focus_loss_mid_episode_parity",
    "episode_completion_under_fixed_latency",
    "packet_loss_triggers_rollback",
    "aggressive_debug_delay_2",
    "aggressive_debug_delay_3",
    "aggressive_debug_delay_5",
    "confirmation_timeout",
    "end_frames_differ",
    "p2p_drops_mid_episode",
    "misprediction_at_frame_0",
    "last_input_lost",
    "burst_loss_beyond_redundancy",
    "end_message_lost",
    "three_episodes_in_a_row",
    "end_by_event_mispredicted",
    "duplicate_and_reorder",
    "three_peers",
    "four_peers",
)

ACTIVE = [name for name in SECTION_8 if name.startswith("active_input")]


def played(name: str, variant: str | None = None) -> Played:
    scenario = SCENARIOS[name]
    return play(scenario.setup, scenario.promises, VARIANTS[variant].protocol if variant else PROTOCOL)


def differing(verdict: Played) -> int:
    return sum(sum(peer.differing.values()) for peer in verdict.peers)


def at(result: Result, player: str, kind: type) -> list[int]:
    return [now for now, event in result.events[player] if type(event) is kind]


def test_every_scenario_of_the_protocol_is_there() -> None:
    assert set(SCENARIOS) >= set(SECTION_8)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_keeps_its_promises(name: str) -> None:
    verdict = played(name)
    assert verdict.broken == ()
    if SCENARIOS[name].promises_parity:
        assert differing(verdict) == 0
        assert all(peer.differing_from_lockstep == 0 and peer.unconfirmed == 0 for peer in verdict.peers)
        assert all(peer.confirmed == peer.rows > 0 for peer in verdict.peers)


@pytest.mark.parametrize("name", ACTIVE)
def test_active_input_diverges_under_the_revision_before_73(name: str) -> None:
    verdict = played(name, "phase_61")
    assert differing(verdict) > 0
    assert promises.parity in {promise for promise, _ in verdict.broken}


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("last_input_lost", "redundancy_only"),
        ("burst_loss_beyond_redundancy", "redundancy_only"),
        ("three_episodes_in_a_row", "untagged_inputs"),
        ("end_by_event_mispredicted", "end_on_predicted_state"),
        ("confirmation_timeout", "forced_rows_unflagged"),
        ("active_input_parity", "counters_not_restored"),
    ],
)
def test_a_scenario_shows_what_a_variant_does_wrong(name: str, variant: str) -> None:
    assert played(name, variant).broken


def test_most_scenarios_promise_parity() -> None:
    others = {name for name, scenario in SCENARIOS.items() if not scenario.promises_parity}
    assert others == {"confirmation_timeout", "confirmation_timeout_inputs_missing", "end_frames_differ"}
    assert all(set(scenario.promises) >= set(PARITY) for name, scenario in SCENARIOS.items() if name not in others)


def test_active_input_really_rolls_back_and_idle_input_never_does() -> None:
    assert all(peer.rollbacks > 10 for peer in played("active_input_parity").peers)
    assert all(peer.rollbacks == 0 for peer in played("idle_parity_with_latency").peers)


def test_ep_7_ep_9_a_silent_partner_is_waited_for_no_longer_than_the_timeouts() -> None:
    verdict = played("confirmation_timeout")
    config = verdict.result.settings.config
    (export,) = verdict.result.exports["a"]
    assert export.metadata["partner_end_missing"]
    assert export.metadata["confirmation_timed_out"]
    assert 0 < verdict.peers[0].unconfirmed < verdict.peers[0].rows == 120
    completed = max(row[export.columns.index("time_ms")] for row in export.rows)
    waits = config.episode_sync_timeout_ms + config.input_confirmation_timeout_ms
    assert verdict.result.ended_ms <= completed + waits + verdict.result.settings.linger_ms + 100


def test_ep_2_ends_that_differ_are_warned_of_and_the_lower_one_holds() -> None:
    result = played("end_frames_differ").result
    assert [len(result.exports[player][0].rows) for player in ("a", "b")] == [100, 100]
    assert at(result, "a", EndsDiffer)
    assert at(result, "b", EndsDiffer)


def test_rb_4_frame_0_is_rolled_back_to() -> None:
    result = played("misprediction_at_frame_0").result
    assert 0 in {event.target for _, event in result.events["a"] if isinstance(event, RollbackBegun)}


def test_ep_1_a_false_end_is_withdrawn_before_the_true_one_is_decided() -> None:
    result = played("end_by_event_mispredicted").result
    withdrawn, decided = at(result, "a", EndWithdrawn), at(result, "a", EndDecided)
    assert withdrawn
    assert withdrawn[-1] < decided[0]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_stands_for_all_of_its_forms(family: str) -> None:
    assert {scenario.name for scenario in named(family)} == {name for name in SCENARIOS if name.startswith(family)}


def test_a_scenario_is_described() -> None:
    for scenario in SCENARIOS.values():
        assert scenario.title
        assert scenario.rules
        assert all(promise.sentence.endswith(".") and promise.rules for promise in scenario.promises)
    assert named("no_such_scenario") == ()
