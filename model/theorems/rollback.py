"""The theorems about rollback, confirmation and promotion, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof.model.theorems.definitions import every
from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.events import RollbackBegun


@theorem("BUF-4", of="step", trusting=False)
def never_promote_during_rollback(q: Logic, step: StepView) -> Clauses:
    """Nothing becomes canonical while a rollback is pending or in progress."""
    before, after = step.before, step.after

    def is_new(frame: Any) -> Formula:
        return q.all_of(q.has(after.buffers.canonical, frame), q.no(q.has(before.buffers.canonical, frame)))

    return {
        "pending": q.implies(q.is_there(before.rollback.pending), lambda: q.frames(lambda frame: q.no(is_new(frame)))),
        "in progress": q.implies(
            q.is_there(before.rollback.cursor), lambda: q.frames(lambda frame: q.no(is_new(frame)))
        ),
    }


@theorem("BUF-5", of="step", trusting=False)
def confirmed_never_advances_during_rollback(q: Logic, step: StepView) -> Clauses:
    """The confirmed frame does not advance while a rollback is in progress."""
    return {
        "confirmed": q.implies(
            q.is_there(step.before.rollback.cursor), lambda: step.after.confirmed <= step.before.confirmed
        )
    }


@theorem("RB-5", "RB-7", of="step", trusting=False)
def nothing_acts_during_rollback(q: Logic, step: StepView) -> Clauses:
    """While a rollback is in progress only the replay advances: no tick, drain, confirmation, promotion or end."""
    before, after = step.before, step.after
    unchanged = {
        "frame": after.frame == before.frame,
        "tick": after.ticks == before.ticks,
        "episode": after.epoch == before.epoch,
        "phase": after.ending.phase == before.ending.phase,
        "end": q.equal(after.ending.own, before.ending.own),
        "confirmed": after.confirmed == before.confirmed,
        "promoted": after.buffers.promoted == before.buffers.promoted,
        "pending": q.equal(after.rollback.pending, before.rollback.pending),
        "queues": q.all_of(
            q.length(after.inputs.p2p) >= q.length(before.inputs.p2p),
            q.length(after.inputs.relay) >= q.length(before.inputs.relay),
        ),
        "inputs": q.players(
            lambda player: q.frames(
                lambda frame: q.iff(q.has(after.inputs.known, player, frame), q.has(before.inputs.known, player, frame))
            )
        ),
    }
    in_progress = q.is_there(before.rollback.cursor)
    return {name: q.implies(in_progress, lambda: held) for name, held in unchanged.items()}


@theorem("RB-4", "RB-5", of="step", trusting=False)
def rollback_is_not_nested(q: Logic, step: StepView) -> Clauses:
    """A rollback begins only when none is in progress, at the pending frame, which lies in the past."""
    before = step.before

    def begun(body: Callable[[Any], Formula]) -> Formula:
        return every(q, step, RollbackBegun, body)

    return {
        "alone": begun(lambda _: q.no(q.is_there(before.rollback.cursor))),
        "target": begun(lambda it: q.given(before.rollback.pending, lambda target: it.target == target)),
        "past": begun(lambda it: it.target < before.frame),
    }


@theorem("RB-4", of="step", trusting=False)
def rollback_restores_the_past(q: Logic, step: StepView) -> Clauses:
    """After a rollback has begun the peer is as it was before the target, and nothing at or after it is left."""
    before, after = step.before, step.after

    def begun(body: Callable[[Any], Formula]) -> Formula:
        return every(q, step, RollbackBegun, lambda event: body(event.target))

    def is_gone(frame: Any) -> Formula:
        return q.no(q.any_of(q.has(after.buffers.speculative, frame), q.has(after.buffers.canonical, frame)))

    return {
        "simulation": begun(
            lambda target: q.at(before.snapshots, target, lambda snapshot: q.equal(after.simulation, snapshot))
        ),
        "records": begun(lambda target: q.frames(lambda frame: q.implies(frame >= target, lambda: is_gone(frame)))),
        "confirmed": begun(lambda target: after.confirmed < target),
        "promoted": begun(lambda target: after.buffers.promoted <= target),
        "pending": begun(lambda _: q.no(q.is_there(after.rollback.pending))),
        "cursor": begun(lambda target: q.equal(after.rollback.cursor, target)),
    }


@theorem("RB-2", of="step", trusting=False)
def pending_rollback_is_never_dropped(q: Logic, step: StepView) -> Clauses:
    """A pending rollback stays, or moves to an earlier frame, until it is begun."""
    before, after = step.before, step.after
    begun = any(isinstance(event, RollbackBegun) for event in step.events)

    def kept() -> Formula:
        return q.given(
            before.rollback.pending,
            lambda target: q.all_of(
                q.is_there(after.rollback.pending), q.given(after.rollback.pending, lambda new: new <= target)
            ),
        )

    return {"pending": q.implies(not begun, kept)}


@theorem("BUF-6", of="step", trusting=False)
def canonical_is_append_only(q: Logic, step: StepView) -> Clauses:
    """A canonical record below the termination frame stays as it is until the episode is reset."""
    before, after = step.before.buffers.canonical, step.after.buffers.canonical
    discards = step.transition == "complete_episode"

    def kept(frame: Any) -> Formula:
        stays = q.at(
            before,
            frame,
            lambda old: q.all_of(q.has(after, frame), q.at(after, frame, lambda new: q.equal(new, old))),
        )
        if not discards:
            return stays
        return q.given(step.after.ending.termination, lambda end: q.implies(frame < end, lambda: stays))

    return {"kept": q.implies(step.transition != "reset_episode", lambda: q.frames(kept))}
