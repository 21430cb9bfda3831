"""The search: exact counts for the present protocol, a trace for each mistake, and three results never blurred."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from attrs import evolve as changed

from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import Exhausted, LimitReached, Refuted, search, suited
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES
from rollproof.model.traces.rendering import as_text
from rollproof.model.traces.trace import story_of
from rollproof.model.variants.edits import Edit, acting
from rollproof.model.variants.variants import VARIANTS
from rollproof.proofs.necessity import HARM
from rollproof.reference.buffers import confirm_frame, force_promote_frame, promote_frame
from rollproof.reference.containers import FrameMap
from rollproof.reference.episode import Clock, Decision, begin_wait, decide_end, succeed_wait
from rollproof.reference.inputs import Drain, InputArrival, drain_input, receive_input
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import Moment, begin_rollback, finish_rollback, replay_frame, simulate_frame
from rollproof.reference.transition import Protocol, Step, guard
from rollproof.reference.values import evolve, given
from tests import long_but

EVERYTHING: list[Any] = [*(each for each in PROPERTIES.values() if not each.is_of_two), NEVER_CRASHES]
THEOREMS: list[Any] = list(HARM)

COUNTS = {
    "core": (456, 1220),
    "two values": (3262, 10992),
    "false ends": (3, 2),
    "alone": (33, 44),
    "hostile": (190, 2334),
    "strangers": (912, 9696),
    "episodes": (846, 1430),
    "delay": (868, 2640),
    "held back": (1160, 1642),
    "relayed": (409, 675),
    "counts": (1506, 4858),
    "ending": (6037, 13148),
    "beyond": (22224, 58570),
    "hashes": (4624, 39008),
    "transport": (3080, 35820),
}
"""States and transitions of the present protocol, by instance."""
LARGE = {"beyond", "ending", "hashes", "transport", "two values"}


@pytest.mark.parametrize("name", long_but(set(INSTANCES) - LARGE, INSTANCES))
def test_the_present_protocol_keeps_every_property_in_every_state(name: str) -> None:
    result = search(PROTOCOL, EVERYTHING, [INSTANCES[name]])
    assert isinstance(result, Exhausted), result
    (count,) = result.counts
    assert (count.states, count.transitions) == COUNTS[name]
    asked = (each for each in EVERYTHING if each != NEVER_CRASHES)
    assert set(result.open) == {each.name for each in asked if not INSTANCES[name].settles(each)}


def test_every_property_is_settled_by_some_instance() -> None:
    for each in PROPERTIES.values():
        assert any(instance.settles(each) for instance in INSTANCES.values())


# --- the protocol without a guard ---

GUARDS = {
    "promote_frame.no_rollback_pending": ("never_promote_during_rollback", 6),
    "promote_frame.no_rollback_in_progress": ("never_promote_during_rollback", 11),
    "confirm_frame.no_rollback_in_progress": ("confirmed_never_advances_during_rollback", 6),
    "confirm_frame.next_frame_is_complete": ("confirmed_prefix_has_no_holes", 3),
    "simulate_frame.within_prediction_window": ("window_is_enforced", 4),
    "schedule_input.local_input_is_open": ("inputs_are_immutable", 2),
    "receive_input.same_epoch": ("nothing_crosses_an_episode", 1),
    "succeed_wait.target_is_confirmed": ("wait_succeeds_only_when_confirmed", 5),
    "export_episode.completed": ("episode_goes_through_its_phases", 1),
    "lose_p2p.no_fallback_yet": ("relay_only_as_fallback", None),
    "promote_frame.next_record_is_confirmed": (NEVER_CRASHES, 1),
    "send_ack.from_a_partner": (NEVER_CRASHES, 1),
}


@pytest.mark.parametrize("name", GUARDS)
def test_a_guard_that_is_needed(name: str) -> None:
    theorem, length = GUARDS[name]
    asked: Any = PROPERTIES.get(theorem, theorem)
    result = search(PROTOCOL.without(*name.split(".")), [asked])
    assert isinstance(result, Refuted), result
    violation = result.trace.violation
    assert violation is not None
    assert violation.property == theorem
    assert length in (None, len(result.trace.steps))


def test_the_classic_race_is_found_among_all_theorems() -> None:
    result = search(PROTOCOL.without("promote_frame", "no_rollback_pending"), THEOREMS)
    assert isinstance(result, Refuted)
    assert [step.transition for step in result.trace.steps] == [
        "schedule_input",
        "receive_input",
        "simulate_frame",
        "drain_input",
        "confirm_frame",
        "promote_frame",
    ]
    violation = result.trace.violation
    assert violation is not None
    assert (violation.property, violation.clause, violation.frame) == ("never_promote_during_rollback", "pending", 0)


# --- edited effects ---


def latest_misprediction(peer: Any, drain: Drain) -> Step:
    """The `min` over the pending frames is dropped."""
    after, events = drain_input.effect(evolve(peer, rollback=evolve(peer.rollback, pending=None)), drain)
    pending = after.rollback.pending
    kept = peer.rollback.pending if pending is None else pending
    return evolve(after, rollback=evolve(after.rollback, pending=kept)), events


def confirm_two(peer: Any) -> Step:
    """One `+ 1` too many."""
    after, events = confirm_frame.effect(peer)
    return evolve(after, confirmed=after.confirmed + 1), events


def replay_in_place(peer: Any, moment: Moment) -> Step:
    """The cursor's `+ 1` is dropped."""
    after, events = replay_frame.effect(peer, moment)
    return evolve(after, rollback=peer.rollback), events


def simulate_in_place(peer: Any, moment: Moment) -> Step:
    """The frame's `+ 1` is dropped."""
    after, events = simulate_frame.effect(peer, moment)
    return evolve(after, frame=peer.frame), events


def keep_confirmed(peer: Any) -> Step:
    """`confirmed` is not lowered."""
    after, events = begin_rollback.effect(peer)
    return evolve(after, confirmed=peer.confirmed), events


def keep_records(peer: Any) -> Step:
    """The speculative buffer is not cut off."""
    after, events = begin_rollback.effect(peer)
    return evolve(after, buffers=evolve(after.buffers, speculative=peer.buffers.speculative)), events


def keep_simulation(peer: Any) -> Step:
    """The snapshot is not restored."""
    after, events = begin_rollback.effect(peer)
    return evolve(after, simulation=peer.simulation), events


def promote_a_copy(peer: Any) -> Step:
    """The record stays in the speculative buffer."""
    after, events = promote_frame.effect(peer)
    return evolve(after, buffers=evolve(after.buffers, speculative=peer.buffers.speculative)), events


def promote_into_nothing(peer: Any) -> Step:
    """The record is not written to the canonical buffer."""
    after, events = promote_frame.effect(peer)
    return evolve(after, buffers=evolve(after.buffers, canonical=FrameMap())), events


def force_unflagged(peer: Any) -> Step:
    """The flag is dropped."""
    after, events = force_promote_frame.effect(peer)
    frame = peer.buffers.promoted
    row = changed(after.buffers.canonical[frame], unconfirmed=False)
    return evolve(after, buffers=evolve(after.buffers, canonical=after.buffers.canonical.set(frame, row))), events


def decide_one_late(peer: Any, decision: Decision) -> Step:
    """One `+ 1` too many."""
    after, events = decide_end.effect(peer, decision)
    return evolve(after, ending=evolve(after.ending, own=decision.end + 1)), events


def queue_nothing(peer: Any, arrival: InputArrival) -> Step:
    """The input is not appended."""
    after, events = receive_input.effect(peer, arrival)
    return evolve(after, inputs=peer.inputs), events


def drain_and_drop(peer: Any, drain: Drain) -> Step:
    """The input is not stored."""
    after, events = drain_input.effect(peer, drain)
    return evolve(after, inputs=evolve(after.inputs, known=peer.inputs.known)), events


def crash(peer: Any, clock: Clock) -> Step:
    """A value is looked up that is not there."""
    given(peer.ending.own)
    return begin_wait.effect(peer, clock)


@guard("EP-6")
def target_is_confirmed_but_one(peer: Any) -> bool:
    """The comparison is off by one."""
    return bool(peer.confirmed >= given(peer.ending.termination) - 2)


@guard("RB-5")
def replay_is_complete_flipped(peer: Any) -> bool:
    """The comparison is flipped."""
    return bool(peer.rollback.cursor != peer.frame)


def exchanged(transition: Any, old: str, new: Any) -> Edit:
    guards = tuple(new if each.name == old else each for each in transition.guards)
    assert guards != transition.guards
    return lambda protocol: protocol.replace("edited", changed(transition, guards=guards))


EDITS: dict[str, Edit] = {
    **{
        effect.__name__: acting(transition, effect)
        for transition, effect in (
            (drain_input, latest_misprediction),
            (confirm_frame, confirm_two),
            (replay_frame, replay_in_place),
            (simulate_frame, simulate_in_place),
            (begin_rollback, keep_confirmed),
            (begin_rollback, keep_records),
            (begin_rollback, keep_simulation),
            (promote_frame, promote_a_copy),
            (promote_frame, promote_into_nothing),
            (force_promote_frame, force_unflagged),
            (decide_end, decide_one_late),
            (receive_input, queue_nothing),
            (drain_input, drain_and_drop),
            (begin_wait, crash),
        )
    },
    "target_is_confirmed_but_one": exchanged(succeed_wait, "target_is_confirmed", target_is_confirmed_but_one),
    "replay_is_complete_flipped": exchanged(finish_rollback, "replay_is_complete", replay_is_complete_flipped),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_protocol_is_refuted(name: str) -> None:
    result = search(EDITS[name](PROTOCOL), THEOREMS)
    assert isinstance(result, Refuted), result
    assert result.trace.violation is not None


@pytest.mark.parametrize("name", [name for name, each in VARIANTS.items() if each.refuted_by])
def test_a_variant_is_refuted_by_a_theorem_that_it_names(name: str) -> None:
    variant = VARIANTS[name]
    asked = [PROPERTIES[theorem] for theorem in variant.refuted_by]
    result = search(variant.protocol, asked)
    assert isinstance(result, Refuted), result
    assert result.trace.violation is not None
    assert result.trace.violation.property in variant.refuted_by


# --- results ---


def test_a_trace_is_a_run() -> None:
    protocol = VARIANTS["latest_misprediction_wins"].protocol
    result = search(protocol, THEOREMS)
    assert isinstance(result, Refuted)
    peer = result.trace.start
    for step in result.trace.steps:
        assert step.before == peer
        transition = protocol.transitions[step.transition]
        fired = transition.fire(peer, transition.arguments(*(value for _, value in step.args)))
        assert fired == (step.after, step.events)
        peer = step.after


def test_a_result_travels_between_processes() -> None:
    result = search(VARIANTS["queue_lost_in_rollback"].protocol, THEOREMS)
    assert isinstance(result, Refuted)
    assert pickle.loads(pickle.dumps(result)) == result


def test_results_are_the_same_every_time() -> None:
    protocol = VARIANTS["partial_replay"].protocol
    assert search(protocol, THEOREMS) == search(protocol, THEOREMS)


def test_a_search_that_reaches_its_limit_says_so() -> None:
    result = search(PROTOCOL, THEOREMS, [INSTANCES["core"]], limit=100)
    assert isinstance(result, LimitReached)
    (count,) = result.counts
    assert count.states == 100
    assert not count.exhausted


def test_nothing_is_found_where_nothing_is_asked() -> None:
    broken = VARIANTS["stale_clear"].protocol
    assert isinstance(search(broken, [], [INSTANCES["core"]]), Exhausted)


def test_the_violation_names_player_frame_and_values() -> None:
    result = search(VARIANTS["confirmed_jumps_gap"].protocol, [PROPERTIES["confirmed_prefix_has_no_holes"]])
    assert isinstance(result, Refuted)
    violation = result.trace.violation
    assert violation is not None
    assert (violation.clause, violation.player, violation.frame) == ("inputs", "b", 0)
    result = search(VARIANTS["window_off_by_one"].protocol, [PROPERTIES["window_is_enforced"]])
    assert isinstance(result, Refuted)
    assert result.trace.violation is not None
    compared = result.trace.violation.comparison
    assert compared is not None
    assert (compared.left_value, compared.relation, compared.right_value, compared.held) == (2, "≤", 1, False)


# --- instances ---


def test_instances_suit_what_was_changed() -> None:
    def names(protocol: Protocol) -> list[str]:
        return [instance.name for instance in suited(protocol)]

    assert names(PROTOCOL) == list(INSTANCES)
    assert names(PROTOCOL.without("reset_episode", "exported")) == ["episodes"]
    assert set(names(PROTOCOL.without("send_ack", "from_a_partner"))) == {"strangers", "hashes", "transport"}
    assert names(VARIANTS["fast_forward_invents_inputs"].protocol) == list(INSTANCES)


def test_every_transition_is_part_of_some_instance() -> None:
    covered = {name for instance in INSTANCES.values() for name in instance.transitions}
    assert covered == set(PROTOCOL.transitions)


@pytest.mark.parametrize("name", INSTANCES)
def test_truth_is_the_lockstep_run(name: str) -> None:
    instance = INSTANCES[name]
    for truths in instance.lockstep("a"):
        for truth in truths:
            if truth.end is not None:
                assert truth.simulation(truth.end).over
                assert not truth.simulation(truth.end - 1).over
            assert truth.digest(1) != truth.digest(0)


def test_a_step_that_is_held_back_names_the_guard_that_refuses() -> None:
    @guard("IN-8")
    def frame_is_early(peer: Any, _: Any) -> bool:
        """The frame is early."""
        return peer.frame < 1

    held = changed(simulate_frame, guards=(*simulate_frame.guards, frame_is_early))
    protocol = PROTOCOL.replace("held back", held)
    found = search(protocol, [PROPERTIES["possible_exactly_when_the_rules_say"]])  # LI-3
    assert isinstance(found, Refuted)
    assert "is refused by frame_is_early, though the rules" in as_text(story_of(found.trace)).plain
