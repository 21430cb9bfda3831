"""What a step tells: every event is in a step exactly when the step does what the event tells of (EV-1).

Events are the only way in which a peer acts, so one that is dropped, told twice, or told falsely, changes what the
program does. What a step does is seen from the states before and after it; only what a step says to a partner, and what
it says of its own arguments, is seen from which transition it is.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from rollproof.model.theorems.definitions import done, every
from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.events import (
    AckReceived,
    EndDecided,
    EndHeard,
    EndsDiffer,
    EndSuspected,
    EndWithdrawn,
    EpisodeCompleted,
    EpisodeExported,
    EpisodeReset,
    FallbackTriggered,
    ForcedPromotion,
    FrameConfirmed,
    FramePromoted,
    FrameSimulated,
    HashMismatch,
    InputConflict,
    InputRejected,
    InputScheduled,
    InputStored,
    Mispredicted,
    PartnerEndMissing,
    Promoted,
    PromotionRefused,
    RollbackBegun,
    RollbackFinished,
    Sent,
    Stalled,
    WaitBegun,
    WaitSucceeded,
    WaitTimedOut,
)
from rollproof.reference.messages import AckMessage, EndMessage, HashMessage, InputMessage, Path
from rollproof.reference.state import Phase

SAID: dict[str, type] = {
    "send_inputs": InputMessage,
    "resend_inputs": InputMessage,
    "send_ack": AckMessage,
    "announce_end": EndMessage,
    "send_hash": HashMessage,
}
"""By transition: the kind of message that it sends to its partner."""
MOVES = (*pairwise(Phase), (Phase.SYNCING, Phase.RUNNING))
"""How the phase may change within an episode: to the next one, or back from a suspicion."""
OF_DRIVERS = (Stalled, Promoted, PromotionRefused, ForcedPromotion)
"""What only the drivers tell, of many steps together."""


def told(q: Logic, step: StepView, kind: Any, when: Formula, what: Callable[[], Any]) -> Formula:
    """Return whether a step tells an event of a kind once if a formula holds, that very one; else none."""
    events = [event for event in step.events if isinstance(event, kind)]
    if not events:
        return q.implies(when, lambda: False)
    if when is False or len(events) > 1:
        return False
    return q.implies(True, lambda: q.all_of(when, q.implies(when, lambda: q.equal(events[0], what()))))


def told_of(
    q: Logic,
    step: StepView,
    kind: Any,
    changes: bool,
    everywhere: Callable[[Callable[..., Formula]], Formula],
    happens: Callable[..., Formula],
    same: Callable[..., Formula],
) -> Formula:
    """Return whether what happens at an index is told by one event, and nothing that does not happen.

    It cannot happen unless something `changes`. `everywhere` quantifies over indices; `happens` says of an index
    whether it happens there; `same` says of an event and an index whether the event tells just that.
    """
    events = [event for event in step.events if isinstance(event, kind)]
    if len(events) > changes:
        return False
    if not changes:
        return q.all_of()
    if not events:
        return everywhere(lambda *index: q.implies(happens(*index), lambda: False))
    (event,) = events
    return everywhere(lambda *index: q.iff(happens(*index), same(event, *index)))


@theorem("EV-1", "RB-4", "RB-5", "BUF-2", "BUF-3", of="step", trusting=False)
def frames_are_told(q: Logic, step: StepView) -> Clauses:
    """Each simulation, confirmation, promotion and rollback of a frame is told once, and nothing of that kind else."""
    before, after = step.before, step.after
    cursor = before.rollback.cursor
    at, promoted = q.value_or(cursor, before.frame), before.buffers.promoted
    replayed = q.is_there(cursor)

    def simulated() -> FrameSimulated:
        record = q.read(after.buffers.speculative, at)
        return FrameSimulated(at, record.actions, record.was_speculative, replayed)

    def moved() -> FramePromoted:
        return FramePromoted(promoted, q.read(after.buffers.canonical, promoted).unconfirmed)

    def kept(event: Any) -> Formula:
        old, new = before.buffers.speculative, after.buffers.canonical
        return q.all_of(
            q.has(old, event.frame),
            q.has(new, event.frame),
            q.no(q.has(after.buffers.speculative, event.frame)),
            q.at(old, event.frame, lambda record: q.at(new, event.frame, lambda it: q.equal(it.record, record))),
        )

    begins = q.all_of(q.no(replayed), q.is_there(after.rollback.cursor))
    ends = q.all_of(replayed, q.no(q.is_there(after.rollback.cursor)))
    return {
        "simulated": told(q, step, FrameSimulated, done(q, after) > done(q, before), simulated),
        "confirmed": told(
            q, step, FrameConfirmed, after.confirmed > before.confirmed, lambda: FrameConfirmed(before.confirmed + 1)
        ),
        "one by one": after.confirmed <= before.confirmed + 1,
        "promoted": told(q, step, FramePromoted, after.buffers.promoted > promoted, moved),
        "moved": every(q, step, FramePromoted, kept),
        "rollback": told(
            q,
            step,
            RollbackBegun,
            begins,
            lambda: RollbackBegun(q.value_or(before.rollback.pending, -1), before.frame),
        ),
        "end of rollback": told(q, step, RollbackFinished, ends, lambda: RollbackFinished(before.frame)),
    }


@theorem("EV-1", "IN-3", "IN-5", "IN-7", "RB-8", of="step", trusting=False)
def inputs_are_told(q: Logic, step: StepView) -> Clauses:
    """Each input that becomes known, and each that is refused, contradicted or mispredicted, is told once."""
    before, after = step.before, step.after
    me, own = before.config.player, before.frame + before.config.input_delay
    old, new = before.inputs.known, after.inputs.known
    same_episode = after.epoch == before.epoch
    drains = step.transition == "drain_input"

    def is_new(player: Any, frame: Any) -> Formula:
        return q.all_of(same_episode, q.has(new, player, frame), q.no(q.has(old, player, frame)))

    def stored(player: Any, frame: Any) -> Formula:
        return q.all_of(player != me, is_new(player, frame))

    def is_stored(event: Any, player: Any, frame: Any) -> Formula:
        here = q.all_of(event.player == player, event.frame == frame)
        return q.all_of(here, q.at(new, player, frame, lambda action: action == event.action))

    def oldest(body: Callable[[Any], Formula]) -> Formula:
        """Of the item that is drained."""
        queue = before.inputs.p2p if step.args["path"] == Path.P2P else before.inputs.relay
        return q.oldest(queue, body)

    def differs(item: Any) -> Formula:
        right = q.at(
            before.buffers.speculative,
            item.frame,
            lambda record: record.actions.of(item.player) == item.action,
        )
        return q.all_of(q.no(q.has(old, item.player, item.frame)), item.frame < before.frame, q.no(right))

    def mispredicted(event: Any) -> Formula:
        def is_it(item: Any) -> Formula:
            def is_right(record: Any) -> Formula:
                predicted = record.actions.of(item.player)
                return q.equal(event, Mispredicted(item.player, item.frame, before.frame, predicted, item.action))

            return q.all_of(differs(item), q.at(before.buffers.speculative, item.frame, is_right))

        return oldest(is_it)

    def contradicts(item: Any) -> Formula:
        return q.no(q.at(old, item.player, item.frame, lambda action: action == item.action))

    def conflict(event: Any) -> Formula:
        def is_it(item: Any) -> Formula:
            kept = q.read(old, item.player, item.frame)
            return q.equal(event, InputConflict(item.player, item.frame, kept, item.action))

        return oldest(is_it)

    def one(kind: Any, happens: Callable[[], Formula], is_it: Callable[[Any], Formula]) -> Formula:
        events = [event for event in step.events if isinstance(event, kind)]
        if not events:
            return q.implies(drains, lambda: q.no(happens()))
        return q.implies(True, lambda: is_it(events[0])) if drains and len(events) == 1 else False

    def refused() -> InputRejected:
        return InputRejected(step.args["player"], step.args["frame"], step.args["reason"])

    def contradicted() -> InputConflict:
        player, frame = step.args["player"], step.args["frame"]
        return InputConflict(player, frame, q.read(old, player, frame), step.args["action"])

    ignores = step.transition == "ignore_conflict"
    return {
        "scheduled": told(q, step, InputScheduled, is_new(me, own), lambda: InputScheduled(own, q.read(new, me, own))),
        "stored": told_of(
            q,
            step,
            InputStored,
            new is not old,
            lambda body: q.players(lambda player: q.frames(lambda frame: body(player, frame))),
            stored,
            is_stored,
        ),
        "mispredicted": one(Mispredicted, lambda: oldest(differs), mispredicted),
        "conflict": told(q, step, InputConflict, True, contradicted)
        if ignores
        else one(InputConflict, lambda: oldest(contradicts), conflict),
        "rejected": told(q, step, InputRejected, step.transition == "reject_input", refused),
    }


@theorem("EV-1", "EP-1", "EP-2", "EP-3", "EP-6", "EP-7", "EP-9", "EP-11", of="step", trusting=False)
def phases_are_told(q: Logic, step: StepView) -> Clauses:
    """Each change of phase, of the episode, and of what is known of its end is told once, as it is."""
    before, after = step.before, step.after
    old, new = before.ending, after.ending
    same_episode = after.epoch == before.epoch
    target = q.value_or(new.termination, 0) - 1

    def moves(one: Phase, other: Phase) -> Formula:
        return q.all_of(old.phase == one, new.phase == other, same_episode)

    def heard(player: Any) -> Formula:
        return q.all_of(q.has(new.announced, player), q.no(q.has(old.announced, player)))

    def is_heard(event: Any, player: Any) -> Formula:
        told_end = q.at(new.announced, player, lambda end: end == event.end)
        return q.all_of(event.player == player, told_end)

    ends = moves(Phase.WAITING, Phase.COMPLETING)
    decided = q.all_of(q.is_there(new.own), q.no(q.is_there(old.own)))
    degraded = q.any_of(new.alone, new.timed_out)
    simulation = before.simulation
    alone = q.when(simulation.over, lambda: simulation.steps, lambda: before.frame)
    earlier = q.all_of(q.is_there(old.termination), q.value_or(old.termination, 0) < alone)
    return {
        "one by one": q.any_of(new.phase == old.phase, q.no(same_episode), *(moves(*each) for each in MOVES)),
        "suspected": told(
            q, step, EndSuspected, moves(Phase.RUNNING, Phase.SYNCING), lambda: EndSuspected(before.frame)
        ),
        "withdrawn": told(
            q, step, EndWithdrawn, moves(Phase.SYNCING, Phase.RUNNING), lambda: EndWithdrawn(before.frame)
        ),
        "decided": told(q, step, EndDecided, decided, lambda: EndDecided(q.value_or(new.own, 0))),
        "heard": told_of(q, step, EndHeard, new.announced is not old.announced, q.players, heard, is_heard),
        "wait": told(
            q,
            step,
            WaitBegun,
            moves(Phase.SYNCING, Phase.WAITING),
            lambda: WaitBegun(target, q.value_or(new.deadline, 0)),
        ),
        "alone": told(
            q,
            step,
            PartnerEndMissing,
            q.all_of(new.alone, q.no(old.alone)),
            lambda: PartnerEndMissing(
                q.when(earlier, lambda: q.value_or(old.termination, 0), lambda: alone),
            ),
        ),
        "alone until": q.implies(
            q.all_of(new.alone, q.no(old.alone)),
            lambda: q.equal(new.termination, q.when(earlier, lambda: q.value_or(old.termination, 0), lambda: alone)),
        ),
        "success": told(
            q, step, WaitSucceeded, q.all_of(ends, q.no(new.timed_out)), lambda: WaitSucceeded(before.confirmed, target)
        ),
        "timeout": told(
            q, step, WaitTimedOut, q.all_of(ends, new.timed_out), lambda: WaitTimedOut(before.confirmed, target)
        ),
        "completed": told(
            q,
            step,
            EpisodeCompleted,
            moves(Phase.COMPLETING, Phase.COMPLETED),
            lambda: EpisodeCompleted(q.value_or(new.termination, 0), q.no(degraded)),
        ),
        "exported": told(
            q, step, EpisodeExported, moves(Phase.COMPLETED, Phase.EXPORTED), lambda: EpisodeExported(before.epoch)
        ),
        "reset": told(q, step, EpisodeReset, q.no(same_episode), lambda: EpisodeReset(after.epoch)),
    }


@theorem("EV-1", "TR-2", "TR-3", "TR-4", "IN-9", "ME-4", of="step", trusting=False)
def messages_are_told(q: Logic, step: StepView) -> Clauses:
    """Whoever is to hear from a peer is sent that one message; what a partner acknowledges, or contradicts, is told."""
    before, after = step.before, step.after
    sent = [event for event in step.events if isinstance(event, Sent)]
    kind = SAID.get(step.transition)
    args = step.args

    def is_right(event: Any) -> Formula:
        message, config = event.message, before.config
        header = {"game": config.game, "epoch": before.epoch, "player": config.player}
        if isinstance(message, EndMessage):
            return q.equal(message, EndMessage(**header, end=before.ending.own, digest=before.ending.own_digest))
        if isinstance(message, HashMessage):
            digest = q.read(before.buffers.canonical, args["frame"]).digest
            return q.equal(message, HashMessage(**header, frame=args["frame"], digest=digest))
        return q.all_of(*(getattr(message, name) == value for name, value in header.items()))

    def right() -> Formula:
        if [type(event.message) for event in sent] != [kind]:
            return False
        return q.all_of(*(q.all_of(event.to == args["player"], is_right(event)) for event in sent))

    def falls_back(player: Any) -> Formula:
        old, new = before.links, after.links
        return q.all_of(
            q.has(old, player),
            q.has(new, player),
            q.at(old, player, lambda link: q.no(q.is_there(link.fallback_frame))),
            q.at(new, player, lambda link: q.is_there(link.fallback_frame)),
        )

    def is_fallback(event: Any, player: Any) -> Formula:
        return q.all_of(event.player == player, event.frame == before.frame)

    def differs() -> Formula:
        player, frame = args["player"], args["frame"]
        theirs, ours = q.read(before.desync.heard, player, frame), q.read(before.buffers.canonical, frame).digest
        return q.no(theirs == ours)

    def mismatch() -> Formula:
        expected = [HashMismatch(args["player"], args["frame"])][: len(mismatches)]
        return q.all_of(q.iff(bool(mismatches), differs()), len(mismatches) <= 1, *map(q.equal, mismatches, expected))

    mismatches = [event for event in step.events if isinstance(event, HashMismatch)]
    compares = step.transition == "compare_hash"
    return {
        "sent": q.implies(kind is not None, right) if kind is not None else len(sent) == 0,
        "acknowledged": told(
            q,
            step,
            AckReceived,
            step.transition == "receive_ack",
            lambda: AckReceived(args["player"], args["acknowledged"], args["end_known"]),
        ),
        "fallback": told_of(
            q, step, FallbackTriggered, after.links is not before.links, q.players, falls_back, is_fallback
        ),
        "mismatch": q.implies(compares, mismatch) if compares else not mismatches,
        "of drivers": not any(isinstance(event, OF_DRIVERS) for event in step.events),
        "nothing else": all(isinstance(event, EVENTS) for event in step.events),
    }


EVENTS = (
    *(AckReceived, EndDecided, EndHeard, EndSuspected, EndWithdrawn, EpisodeCompleted, EpisodeExported, EpisodeReset),
    *(FallbackTriggered, FrameConfirmed, FramePromoted, FrameSimulated, HashMismatch, InputConflict, InputRejected),
    *(InputScheduled, InputStored, Mispredicted, PartnerEndMissing, RollbackBegun, RollbackFinished, Sent, WaitBegun),
    *(WaitSucceeded, WaitTimedOut, EndsDiffer),
)
"""What a step may tell."""
