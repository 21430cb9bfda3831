"""The search for runs of two peers that end differently, and for witnesses: runs to a state, or to a step."""

from __future__ import annotations

from typing import Any

import pytest

from rollproof.model.search.agreement import search_pairs
from rollproof.model.search.instances import INSTANCES, THREE_PEERS
from rollproof.model.search.search import Exhausted, LimitReached, Refuted, matches, reach, survey
from rollproof.model.theorems.properties import of_scope
from rollproof.model.variants.variants import VARIANTS
from rollproof.reference.events import InputScheduled
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Phase
from tests import long_but

PAIRS = of_scope("pair")


PAIRED = {each.name: each for each in (INSTANCES["episodes"], INSTANCES["ending"], THREE_PEERS)}


@pytest.mark.parametrize("name", long_but({"episodes"}, PAIRED))
def test_any_two_peers_of_the_present_protocol_agree(name: str) -> None:
    result = search_pairs(PROTOCOL, PAIRS, PAIRED[name])
    assert isinstance(result, Exhausted)
    assert [(count.states, count.transitions) for count in result.counts] == PAIR_COUNTS[name]


PAIR_COUNTS = {
    "episodes": [(846, 1430), (727, 1264)],
    "ending": [(6037, 13148), (4905, 11051)],
    "three peers": [(2063, 4418), (2056, 4122), (2063, 4418)],
}


PARTED = ("phase_36", "phase_61", "stale_clear", "forced_rows_unflagged", "counters_not_restored")


@pytest.mark.parametrize("name", long_but({"phase_36"}, PARTED))
def test_two_peers_of_a_variant_export_different_rows(name: str) -> None:
    protocol = VARIANTS[name].protocol
    result = search_pairs(protocol, PAIRS, INSTANCES["ending"])
    assert isinstance(result, Refuted), result
    trace = result.trace
    assert trace.violation is not None
    peers = {trace.player: trace.start, **dict(trace.others)}
    said = set()
    for step in trace.steps:
        args = dict(step.args)
        if step.transition == "receive_input":
            assert (args["player"], args["frame"], args["action"]) in said
        transition = protocol.transitions[step.transition]
        fired = transition.fire(peers[step.player], transition.arguments(*args.values()))
        assert fired == (step.after, step.events)
        peers[step.player] = step.after
        said |= {(step.player, each.frame, each.action) for each in step.events if isinstance(each, InputScheduled)}
    rows = [
        {frame: row.record.actions for frame, row in peer.buffers.canonical.entries.items()} for peer in peers.values()
    ]
    assert all(peer.ending.phase > Phase.COMPLETING for peer in peers.values())
    if trace.violation.clause == "rows" and name != "counters_not_restored":
        assert rows[0] != rows[1]


def test_pairs_that_cannot_be_joined_are_no_verdict() -> None:
    result = search_pairs(VARIANTS["end_on_predicted_state"].protocol, PAIRS, INSTANCES["ending"])
    assert isinstance(result, LimitReached)
    assert result.unjoined > 0


# --- witnesses ---


def test_a_witness_is_a_shortest_run() -> None:
    trace = reach(PROTOCOL, INSTANCES["core"], state=matches(rollback__pending=0, frame=2))
    assert not isinstance(trace, Exhausted | LimitReached)
    assert trace.end.rollback.pending == 0
    assert trace.violation is None
    assert len(trace.steps) == 6


def test_a_state_out_of_reach_is_told_apart_from_one_not_found_yet() -> None:
    never = matches(rollback__pending=0, rollback__cursor=1)
    assert isinstance(reach(PROTOCOL, INSTANCES["core"], state=never), Exhausted)
    assert isinstance(reach(PROTOCOL, INSTANCES["core"], state=never, limit=50), LimitReached)


def test_a_step_can_be_reached() -> None:
    def withdraws(step: Any) -> bool:
        return bool(step.transition == "withdraw_end")

    trace = reach(PROTOCOL, INSTANCES["ending"], step=withdraws)
    assert not isinstance(trace, Exhausted | LimitReached)
    assert trace.end.ending.phase == Phase.RUNNING


@pytest.mark.long
def test_every_transition_is_taken_and_every_guard_decides_somewhere() -> None:
    found = survey(PROTOCOL, [each for each in INSTANCES.values() if each.truthful])
    assert set(found.taken) == set(PROTOCOL.transitions) - NEVER_TAKEN
    guards = {(each.name, guard.name) for each in PROTOCOL.transitions.values() for guard in each.guards}
    assert guards - set(found.refused) == NEVER_DECIDES
    for refusal in found.refused.values():
        transition = PROTOCOL.transitions[refusal.transition]
        assert (
            transition.refusal(refusal.trace.end, transition.arguments(*(value for _, value in refusal.args)))
            is not None
        )


NEVER_TAKEN = {"ignore_conflict"}
"""Partners that keep the protocol never say two things of one frame."""
NEVER_DECIDES = {
    ("begin_rollback", "episode_is_open"),
    ("begin_rollback", "no_rollback_in_progress"),
    ("complete_episode", "no_rollback_in_progress"),
    ("complete_episode", "no_rollback_pending"),
    ("confirm_frame", "episode_is_open"),
    ("drain_input", "episode_is_open"),
    ("export_episode", "no_rollback_in_progress"),
    ("finish_rollback", "rollback_in_progress"),
    ("force_promote_frame", "next_record_is_unconfirmed"),
    ("force_promote_frame", "no_rollback_in_progress"),
    ("force_promote_frame", "no_rollback_pending"),
    ("receive_end", "end_is_plausible"),
    ("reset_episode", "no_rollback_in_progress"),
    ("withdraw_end", "end_is_undecided"),
}
"""These guards never stand alone in these instances: the proof tells which of them are redundant."""
