"""The theorems about metrics and desync detection, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof.model.theorems.definitions import every
from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.events import (
    FrameSimulated,
    HashMismatch,
    InputConflict,
    InputRejected,
    Mispredicted,
    RollbackBegun,
    Sent,
)
from rollproof.reference.messages import HashMessage, Path


@theorem("ME-1", "ME-2", "RB-8", "IN-7", of="step", trusting=False)
def every_event_is_counted(q: Logic, step: StepView) -> Clauses:
    """Each metric grows by exactly as many events of its kind as a step reports, and never otherwise."""
    before, after = step.before.metrics, step.after.metrics

    def reported(*kinds: type) -> int:
        return sum(isinstance(event, kinds) for event in step.events)

    first_time = sum(isinstance(event, FrameSimulated) and not event.replayed for event in step.events)
    accepted = {path: int(step.transition == "receive_input" and step.args["path"] is path) for path in Path}
    compared = int(step.transition == "compare_hash")
    return {
        "rollbacks": q.length(after.rollbacks) == q.length(before.rollbacks) + reported(RollbackBegun),
        "mispredictions": q.length(after.mispredictions) == q.length(before.mispredictions) + reported(Mispredicted),
        "rejected": after.inputs_rejected == before.inputs_rejected + reported(InputRejected),
        "conflicts": after.input_conflicts == before.input_conflicts + reported(InputConflict),
        "mismatches": after.hash_mismatches == before.hash_mismatches + reported(HashMismatch),
        "compared": after.hashes_compared == before.hashes_compared + compared,
        "frames": after.frames == before.frames + first_time,
        "p2p": after.inputs_received_p2p == before.inputs_received_p2p + accepted[Path.P2P],
        "relay": after.inputs_received_relay == before.inputs_received_relay + accepted[Path.RELAY],
    }


@theorem("RB-8", "ME-1", of="step", trusting=False)
def log_entries_tell_what_happened(q: Logic, step: StepView) -> Clauses:
    """The log line of a misprediction or rollback holds what happened, and stays as it is."""
    before, after = step.before.metrics, step.after.metrics

    def mispredicted(event: Any) -> Formula:
        return q.newest(
            after.mispredictions,
            lambda entry: q.all_of(
                entry.epoch == step.before.epoch,
                entry.frame == event.frame,
                entry.current_frame == step.before.frame,
                entry.player == event.player,
                entry.predicted == event.predicted,
                entry.actual == event.actual,
                entry.time_ms == step.args["now"],
            ),
        )

    def rolled_back(event: Any) -> Formula:
        return q.newest(
            after.rollbacks,
            lambda entry: q.all_of(
                entry.epoch == step.before.epoch,
                entry.target == event.target,
                entry.current_frame == step.before.frame,
            ),
        )

    return {
        "misprediction": every(q, step, Mispredicted, mispredicted),
        "rollback": every(q, step, RollbackBegun, rolled_back),
        "old mispredictions": q.dropped(before.mispredictions, after.mispredictions, lambda _: False),
        "old rollbacks": q.dropped(before.rollbacks, after.rollbacks, lambda _: False),
    }


@theorem("ME-4", of="step", trusting=False)
def desync_is_not_blind(q: Logic, step: StepView) -> Clauses:
    """A hash that differs from this peer's is reported, an equal one is not, each once; the lowest is kept."""
    reported = any(isinstance(event, HashMismatch) for event in step.events)
    old, new = step.before.desync.first_mismatch, step.after.desync.first_mismatch

    def compared(body: Callable[[Any, Any], Formula]) -> Formula:
        return q.implies(step.transition == "compare_hash", lambda: body(step.args["player"], step.args["frame"]))

    def difference(player: Any, frame: Any) -> Formula:
        theirs = q.read(step.before.desync.heard, player, frame)
        ours = q.read(step.before.buffers.canonical, frame).digest
        return theirs != ours if reported else theirs == ours

    def lowest(_: Any, frame: Any) -> Formula:
        if not reported:
            return q.equal(old, new)
        earlier = q.all_of(q.is_there(old), q.value_or(old, 0) < frame)
        return q.equal(new, q.when(earlier, lambda: q.value_or(old, 0), lambda: frame))

    return {
        "difference": compared(difference),
        "once": compared(lambda player, frame: q.no(q.has(step.after.desync.heard, player, frame))),
        "first": compared(lowest),
    }


@theorem("ME-4", of="step", trusting=False)
def hashes_are_of_confirmed_records(q: Logic, step: StepView) -> Clauses:
    """A hash that is sent or compared is of a frame that is canonical and confirmed."""
    frames: list[Any] = [
        event.message.frame
        for event in step.events
        if isinstance(event, Sent) and isinstance(event.message, HashMessage)
    ]
    if step.transition == "compare_hash":
        frames.append(step.args["frame"])
    return {
        "confirmed": q.all_of(
            *(
                q.all_of(
                    q.has(step.before.buffers.canonical, frame),
                    q.at(step.before.buffers.canonical, frame, lambda it: q.no(it.unconfirmed)),
                )
                for frame in frames
            )
        )
    }
