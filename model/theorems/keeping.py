"""What a step leaves as it was: each part of the state is changed only by the transitions whose business it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.buffers import confirm_frame, force_promote_frame, promote_frame
from rollproof.reference.desync import compare_hash, receive_hash
from rollproof.reference.episode import (
    begin_wait,
    complete_episode,
    decide_end,
    expire_wait,
    give_up_on_partners,
    receive_end,
    reset_episode,
    succeed_wait,
    suspect_end,
    withdraw_end,
)
from rollproof.reference.inputs import drain_input
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.rollback import begin_rollback, begin_tick, finish_rollback, replay_frame, simulate_frame
from rollproof.reference.transition import Transition
from rollproof.reference.transport import announce_end, change_link, lose_p2p, receive_ack, resend_inputs


def is_anothers(step: StepView, *own: Transition[Any]) -> bool:
    """Tell whether a transition of the reference is none of those whose business something is.

    Of a transition that is not in the reference nothing is said here: what it must keep is said by the other theorems.
    """
    return step.transition in PROTOCOL.transitions and step.transition not in {each.name for each in own}


def same_at(q: Logic, old: Any, new: Any, *index: Any) -> Formula:
    """Return whether two containers have the same value at an index, or both none."""
    both = q.iff(q.has(old, *index), q.has(new, *index))
    return q.all_of(both, q.at(old, *index, lambda one: q.at(new, *index, lambda other: q.equal(one, other))))


@theorem("EV-1", "RB-4", "RB-5", "RB-7", of="step", trusting=False)
def simulation_is_kept(q: Logic, step: StepView) -> Clauses:
    """Frames, records, snapshots and rollbacks are changed only by what simulates, replays, confirms and promotes."""
    before, after = step.before, step.after
    simulating = (simulate_frame, replay_frame)
    promoting = (promote_frame, force_promote_frame)

    def kept(old: Any, new: Any, *own: Transition[Any]) -> Formula:
        return q.implies(is_anothers(step, reset_episode, *own), lambda: q.equal(old, new))

    def kept_map(old: Any, new: Any, *own: Transition[Any]) -> Formula:
        return q.implies(
            is_anothers(step, reset_episode, *own),
            lambda: True if old is new else q.frames(lambda frame: same_at(q, old, new, frame)),
        )

    old, new = before.buffers, after.buffers
    return {
        "frame": kept(before.frame, after.frame, simulate_frame),
        "ticks": kept(before.ticks, after.ticks, begin_tick),
        "confirmed": kept(before.confirmed, after.confirmed, confirm_frame, begin_rollback),
        "promoted": kept(old.promoted, new.promoted, *promoting, begin_rollback),
        "digest": kept(old.digest, new.digest, promote_frame),
        "simulation": kept(before.simulation, after.simulation, *simulating, begin_rollback),
        "pending": kept(before.rollback.pending, after.rollback.pending, drain_input, begin_rollback),
        "cursor": kept(before.rollback.cursor, after.rollback.cursor, begin_rollback, replay_frame, finish_rollback),
        "snapshots": kept_map(before.snapshots, after.snapshots, *simulating, *promoting),
        "speculative": kept_map(
            old.speculative, new.speculative, *simulating, *promoting, begin_rollback, complete_episode
        ),
        "canonical": kept_map(old.canonical, new.canonical, *promoting, begin_rollback, complete_episode),
    }


@theorem("EV-1", "EP-1", "EP-2", "EP-3", of="step", trusting=False)
def ending_is_kept(q: Logic, step: StepView) -> Clauses:
    """What is known of the end of the episode is changed only by what decides, hears, or waits for it."""
    old, new = step.before.ending, step.after.ending

    def kept(one: Any, other: Any, *own: Transition[Any]) -> Formula:
        return q.implies(is_anothers(step, reset_episode, *own), lambda: q.equal(one, other))

    def others(player: Any) -> Formula:
        hears = step.transition == receive_end.name
        return q.any_of(hears and player == step.args["player"], same_at(q, old.announced, new.announced, player))

    timers = (suspect_end, withdraw_end, begin_wait, give_up_on_partners, succeed_wait, expire_wait)
    return {
        "own": kept(old.own, new.own, decide_end),
        "as decided": q.implies(step.transition == decide_end.name, lambda: q.equal(new.own, step.args["end"])),
        "own hash": kept(old.own_digest, new.own_digest, decide_end),
        "termination": kept(old.termination, new.termination, decide_end, receive_end, give_up_on_partners),
        "deadline": kept(old.deadline, new.deadline, *timers),
        "alone": kept(old.alone, new.alone, give_up_on_partners),
        "timed out": kept(old.timed_out, new.timed_out, expire_wait),
        "announced": q.implies(
            old.announced is not new.announced and is_anothers(step, reset_episode), lambda: q.players(others)
        ),
        "as heard": q.implies(
            step.transition == receive_end.name,
            lambda: q.all_of(
                q.has(new.announced, step.args["player"]),
                q.at(new.announced, step.args["player"], lambda end: end == step.args["end"]),
            ),
        ),
    }


@theorem("EV-1", "IN-9", "TR-4", "ME-4", of="step", trusting=False)
def partners_are_kept_apart(q: Logic, step: StepView) -> Clauses:
    """What is known of a partner is changed only by what concerns that partner, and only as far as it concerns it."""
    before, after = step.before, step.after
    player = step.args.get("player")

    def by_player(old: Any, new: Any, *own: Transition[Any]) -> Formula:
        concerned = step.transition in {each.name for each in own}

        def one(other: Any) -> Formula:
            return q.any_of(concerned and other == player, same_at(q, old, new, other))

        kept = old is not new and is_anothers(step, reset_episode)
        return q.implies(kept, lambda: q.players(one))

    def own_delivery(body: Callable[[Any, Any], Formula], *own: Transition[Any]) -> Formula:
        return q.implies(
            step.transition in {each.name for each in own},
            lambda: q.all_of(
                q.has(after.deliveries, player),
                q.at(
                    before.deliveries,
                    player,
                    lambda old: q.at(after.deliveries, player, lambda new: body(old, new)),
                ),
            ),
        )

    def heard(other: Any, frame: Any) -> Formula:
        concerned = step.transition in (receive_hash.name, compare_hash.name)
        here = q.all_of(concerned and other == player, concerned and frame == step.args["frame"])
        return q.any_of(here, same_at(q, before.desync.heard, after.desync.heard, other, frame))

    def is_heard() -> Formula:
        index = player, step.args["frame"]
        new = after.desync.heard
        return q.all_of(q.has(new, *index), q.at(new, *index, lambda digest: digest == step.args["digest"]))

    mismatch = before.desync.first_mismatch, after.desync.first_mismatch
    return {
        "links": by_player(before.links, after.links, lose_p2p, change_link),
        "fallback": q.implies(
            step.transition == change_link.name,
            lambda: q.at(
                before.links,
                player,
                lambda old: q.at(after.links, player, lambda new: q.equal(old.fallback_frame, new.fallback_frame)),
            ),
        ),
        "deliveries": by_player(before.deliveries, after.deliveries, resend_inputs, receive_ack, announce_end),
        "what has arrived": own_delivery(
            lambda old, new: q.all_of(new.acknowledged == old.acknowledged, q.iff(new.end_known, old.end_known)),
            resend_inputs,
            announce_end,
        ),
        "when inputs are due": own_delivery(
            lambda old, new: new.inputs_due == old.inputs_due, receive_ack, announce_end
        ),
        "when the end is due": own_delivery(lambda old, new: new.end_due == old.end_due, receive_ack, resend_inputs),
        "hashes": q.implies(
            before.desync.heard is not after.desync.heard and is_anothers(step, reset_episode),
            lambda: q.players(lambda other: q.frames(lambda frame: heard(other, frame))),
        ),
        "hash": q.implies(step.transition == receive_hash.name, is_heard),
        "first mismatch": q.implies(is_anothers(step, compare_hash, reset_episode), lambda: q.equal(*mismatch)),
    }


@theorem("EV-1", "IN-11", of="step", trusting=False)
def settings_are_kept(q: Logic, step: StepView) -> Clauses:
    """A session's settings and its world never change, and an episode's number only when it ends."""
    before, after = step.before, step.after
    return {
        "config": q.equal(before.config, after.config),
        "world": q.equal(before.world, after.world),
        "epoch": q.implies(is_anothers(step, reset_episode), lambda: after.epoch == before.epoch),
    }
