"""Every variant breaks its rule on a script on which the present protocol keeps every property."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import field, frozen

from rollproof.model.sessions.network import Drop, Faults
from rollproof.model.sessions.session import Result, run
from rollproof.model.sessions.setup import Settings, Setup
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.variants.edits import guarded, unguarded, variant, with_more
from rollproof.model.variants.variants import INAPPLICABLE, VARIANTS
from rollproof.reference.buffers import confirm_frame
from rollproof.reference.containers import Action, Player
from rollproof.reference.guards import no_rollback_pending, running
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol
from tests.bench import PROPERTIES, Bench, act_often, config, end_is_mispredicted


@frozen
class Case:
    """A script for one peer; `tests.bench` explains its words."""

    script: str
    settings: Mapping[str, Any] = field(factory=dict)
    world: ArithmeticWorld = ArithmeticWorld()
    act: Callable[[Player, int, int], Action] = act_often

    def play(self, protocol: Protocol) -> Bench:
        return Bench(protocol, config(**self.settings), self.world, self.act).run(self.script)


# The partner's action of frame 0 is 1 and its prediction 0: there is a misprediction as soon as it is heard.
CASES: dict[str, Case] = {
    "phase_36": Case("tick tick hear:0,1 confirm rollback confirm"),
    "phase_61": Case("tick tick hear:0,1 confirm rollback confirm"),
    "phase_73": Case(
        "tick hear:0 tick rollback tick suspect_end hear:1 rollback withdraw_end confirm tick tick tick hear:2,3,4"
        " rollback confirm suspect_end decide_end:5 receive_end:5 begin_wait confirm succeed_wait close",
        world=ArithmeticWorld(end_when=2),
        act=end_is_mispredicted,
    ),
    "stale_clear": Case("tick hear:0 tick rollback tick hear:1 rollback confirm"),
    "redundancy_only": Case("tick send_inputs resend_inputs hear:0 rollback"),
    "fast_forward_invents_inputs": Case("tick fast_forward hear:1 rollback confirm", {"input_delay": 1}),
    "untagged_inputs": Case(
        "tick hear:0 rollback confirm suspect_end decide_end:1 receive_end:1 begin_wait succeed_wait close"
        " reset_episode hear_from:0,0 tick confirm",
        {"max_steps": 1},
    ),
    "session_unchecked": Case("tick tick hear_other:0 rollback confirm"),
    "store_unchecked_in_replay": Case(
        "tick tick tick hear:0 begin_rollback replay_frame replay_frame hear:1 replay_frame finish_rollback"
        " drain_input rollback hear:2 rollback confirm"
    ),
    "export_during_rollback": Case(
        "tick tick tick suspect_end receive_end:3 begin_wait hear:0 begin_rollback late expire_wait close"
        " replay_frame replay_frame replay_frame finish_rollback confirm expire_wait close",
        {"max_steps": 3},
    ),
    "wait_interleaves_with_tick": Case(
        "tick tick hear:0 begin_rollback tick replay_frame replay_frame replay_frame finish_rollback hear:1 rollback"
        " confirm"
    ),
    "end_on_predicted_state": Case(
        "tick hear:0 rollback tick suspect_end announce_end hear:1 rollback withdraw_end confirm receive_end:5"
        " begin_wait succeed_wait tick tick tick hear:2,3,4 rollback confirm suspect_end decide_end:5 begin_wait"
        " succeed_wait close",
        world=ArithmeticWorld(end_when=2),
        act=end_is_mispredicted,
    ),
    "wait_checks_target_only": Case(
        "tick tick tick suspect_end hear:0,2 rollback confirm receive_end:3 begin_wait succeed_wait hear:1 rollback"
        " confirm decide_end:3 succeed_wait close",
        {"max_steps": 3},
    ),
    "complete_with_pending": Case(
        "tick tick suspect_end receive_end:2 begin_wait hear:0,1 confirm late expire_wait confirm close rollback"
        " confirm expire_wait close",
        {"max_steps": 2},
    ),
    "sync_timeout_bypasses_wait": Case(
        "tick tick suspect_end late give_up_on_partners hear:0,1 rollback confirm succeed_wait close",
        {"max_steps": 2},
    ),
    "counters_not_restored": Case("tick tick hear:0,1 rollback confirm"),
    "latest_misprediction_wins": Case("tick tick tick hear:0,1,2 rollback confirm"),
    "partial_replay": Case("tick tick hear:0,1 begin_rollback finish_rollback rollback confirm"),
    "confirmed_jumps_gap": Case("tick tick hear:1 confirm_frame rollback hear:0 rollback confirm"),
    "window_off_by_one": Case("tick tick tick tick", {"prediction_window": 2}),
    "queue_lost_in_rollback": Case("tick hear:0 arrive:1 rollback drain_input"),
    "inputs_survive_reset": Case(
        "tick hear:0 rollback confirm suspect_end decide_end:1 receive_end:1 begin_wait succeed_wait close"
        " reset_episode",
        {"max_steps": 1},
    ),
    "forced_rows_unflagged": Case(
        "tick tick suspect_end receive_end:2 begin_wait late expire_wait close", {"max_steps": 2}
    ),
    "both_paths": Case("tick send_inputs hear:0"),
    "depth_of_last_rollback": Case("tick tick hear:0 rollback hear:1 rollback"),
}
WRONG_DATA = {
    "phase_36",
    "phase_61",
    "phase_73",
    "stale_clear",
    "fast_forward_invents_inputs",
    "untagged_inputs",
    "session_unchecked",
    "store_unchecked_in_replay",
    "wait_interleaves_with_tick",
    "complete_with_pending",
    "counters_not_restored",
    "latest_misprediction_wins",
    "forced_rows_unflagged",
}
"""The variants that promote a wrong record in their case."""


@pytest.mark.parametrize("name", CASES)
def test_a_variant_violates_the_theorems_that_refute_it(name: str) -> None:
    bench = CASES[name].play(VARIANTS[name].protocol)
    broken = {each.property for each in bench.broken(VARIANTS[name].refuted_by)}
    assert broken == set(VARIANTS[name].refuted_by)
    assert bool(bench.wrong_rows()) == (name in WRONG_DATA)


@pytest.mark.parametrize("name", CASES)
def test_the_present_protocol_keeps_every_property_in_the_same_case(name: str) -> None:
    bench = CASES[name].play(PROTOCOL)
    assert bench.crash is None
    assert bench.broken() == []
    assert len(bench.steps) > 3


def test_every_variant_has_a_case() -> None:
    assert set(CASES) == set(VARIANTS)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_says_what_is_wrong(name: str) -> None:
    variant = VARIANTS[name]
    assert variant.name == variant.protocol.name == name
    assert variant.sentence.endswith(".")
    assert variant.rules
    assert set() < set(variant.refuted_by) <= set(PROPERTIES)
    assert set(variant.protocol.transitions) >= set(PROTOCOL.transitions)


def play(protocol: Protocol, faults: Faults, **settings: Any) -> Result:
    return run(Setup(Settings(config(max_steps=60, **settings)), p2p=faults, relay=Faults(latency_ms=50)), protocol)


def wrong_cells(result: Result) -> int:
    """Count the cells in which an export differs from lockstep truth (BUF-6)."""
    truth = result.lockstep[0].rows
    count = 0
    for exports in result.exports.values():
        rows = [dict(zip(exports[0].columns, row, strict=True)) for row in exports[0].rows]
        assert len(rows) == len(truth) == 60
        count += sum(row[name] != cell for row, true in zip(rows, truth, strict=True) for name, cell in true.items())
    return count


ACTIVE_INPUT = {
    "active_input_parity": Faults(latency_ms=20),
    "active_input_with_latency_100ms": Faults(latency_ms=100),
    "active_input_with_packet_loss": Faults(latency_ms=50, loss=0.1),
}


@pytest.mark.parametrize("faults", ACTIVE_INPUT.values(), ids=ACTIVE_INPUT)
def test_before_revision_73_active_input_diverges_and_after_it_does_not(faults: Faults) -> None:
    for name in ("phase_36", "phase_61"):
        assert wrong_cells(play(VARIANTS[name].protocol, faults)) > 18
    for protocol in (VARIANTS["phase_73"].protocol, PROTOCOL):
        assert wrong_cells(play(protocol, faults)) == 0


def test_with_redundancy_only_a_lost_input_is_lost_for_good() -> None:
    """IN-9: with re-sending the same session ends confirmed."""
    faults = Faults(latency_ms=50, drops=(Drop("input", 3, 30),))
    last, present = play(VARIANTS["redundancy_only"].protocol, faults), play(PROTOCOL, faults)
    assert [export[0].metadata["confirmed"] for export in last.exports.values()] == [False, False]
    assert wrong_cells(last) > 0, "at least the flags differ"
    assert [export[0].metadata["confirmed"] for export in present.exports.values()] == [True, True]
    assert wrong_cells(present) == 0


def test_a_variant_that_cannot_be_made_says_what_is_lacking() -> None:
    found = variant("x", "x.", (), (), unguarded(confirm_frame, no_rollback_pending))
    assert found.lacks == "transition 'confirm_frame' has no guard 'no_rollback_pending'"
    assert found.protocol is PROTOCOL
    other = variant("x", "x.", (), (), guarded(confirm_frame, no_rollback_pending, instead_of=running))
    assert other.lacks == "transition 'confirm_frame' has no guard 'running'"
    present = variant("x", "x.", (), (), with_more(confirm_frame))
    assert present.lacks == "a transition is named 'confirm_frame' already"
    assert not INAPPLICABLE
