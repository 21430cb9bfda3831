"""The theorems about the end of an episode and the beginning of the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof.model.theorems.definitions import every, every_sent
from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.buffers import confirm_frame, force_promote_frame, promote_frame
from rollproof.reference.episode import (
    begin_wait,
    complete_episode,
    decide_end,
    expire_wait,
    export_episode,
    give_up_on_partners,
    reset_episode,
    succeed_wait,
    suspect_end,
    withdraw_end,
)
from rollproof.reference.events import (
    EndDecided,
    EndHeard,
    EndsDiffer,
    Sent,
)
from rollproof.reference.inputs import drain_input
from rollproof.reference.messages import EndMessage, HashMessage, Path
from rollproof.reference.rollback import begin_rollback, finish_rollback, replay_frame
from rollproof.reference.state import Phase


@theorem("EP-2", "ME-4", of="step")
def announcements_are_true(q: Logic, step: StepView) -> Clauses:
    """A peer announces only an end that it decided, at the lockstep frame, and only hashes of lockstep records."""
    truth = q.truth(step.before)

    def announced(body: Callable[[Any], Formula]) -> Formula:
        return every_sent(q, step, EndMessage, lambda event: body(event.message))

    return {
        "decided": every(q, step, EndDecided, lambda event: q.equal(truth.end, event.end)),
        "end": announced(lambda message: q.equal(truth.end, message.end)),
        "end digest": announced(lambda message: message.digest == truth.digest(message.end)),
        "digest": every_sent(
            q, step, HashMessage, lambda event: event.message.digest == truth.digest(event.message.frame + 1)
        ),
    }


@theorem("IN-11", "IN-7", of="step", trusting=False)
def nothing_crosses_an_episode(q: Logic, step: StepView) -> Clauses:
    """What belongs to another session or episode changes nothing; what is sent belongs to the present ones."""
    before, after = step.before, step.after

    def has_no_record(frame: Any) -> Formula:
        parts = (after.buffers.canonical, after.buffers.speculative, after.snapshots)
        return q.no(q.any_of(*(q.has(part, frame) for part in parts)))

    def has_no_input(player: Any, frame: Any) -> Formula:
        return q.implies(frame >= before.config.input_delay, lambda: q.no(q.has(after.inputs.known, player, frame)))

    def reset(body: Callable[[], Formula]) -> Formula:
        return q.implies(step.transition == "reset_episode", body)

    return {
        "received": q.implies("epoch" in step.args, lambda: step.args["epoch"] == before.epoch),
        "session": q.implies("game" in step.args, lambda: step.args["game"] == before.config.game),
        "sent": every(q, step, Sent, lambda event: event.message.epoch == before.epoch),
        "epoch": reset(lambda: after.epoch == before.epoch + 1),
        "frame": reset(lambda: q.all_of(after.frame == 0, after.confirmed == -1, after.buffers.promoted == 0)),
        "records": reset(lambda: q.frames(has_no_record)),
        "inputs": reset(lambda: q.players(lambda player: q.frames(lambda frame: has_no_input(player, frame)))),
        "queues": reset(lambda: q.all_of(q.length(after.inputs.p2p) == 0, q.length(after.inputs.relay) == 0)),
        "ends": reset(lambda: q.players(lambda player: q.no(q.has(after.ending.announced, player)))),
    }


@theorem("EP-10", "EP-11", of="step", trusting=False)
def episode_goes_through_its_phases(q: Logic, step: StepView) -> Clauses:
    """An episode is exported once, after it completed, and only then reset; only a suspicion is ever taken back."""
    before, after = step.before.ending.phase, step.after.ending.phase
    return {
        "export": q.implies(
            q.all_of(after == Phase.EXPORTED, before != Phase.EXPORTED), lambda: before == Phase.COMPLETED
        ),
        "reset": q.implies(step.after.epoch != step.before.epoch, lambda: before == Phase.EXPORTED),
        "in order": q.implies(
            after < before,
            lambda: q.any_of(
                q.all_of(before == Phase.SYNCING, after == Phase.RUNNING),
                q.all_of(before == Phase.EXPORTED, step.after.epoch != step.before.epoch),
            ),
        ),
    }


@theorem("EP-3", "EP-4", "EP-9", of="step", trusting=False)
def deadlines_are_set_and_kept(q: Logic, step: StepView) -> Clauses:
    """Each wait has its configured deadline from its beginning, with every end known, and gives up no earlier."""
    before, after = step.before.ending, step.after.ending
    config = step.before.config
    timed, now = "now" in step.args, step.args.get("now")
    skips = q.any_of(config.server_authoritative, q.is_empty(config.human_players))
    confirmation = q.when(skips, lambda: 0, lambda: config.input_confirmation_timeout_ms)

    def moves(old: Phase, new: Phase) -> Formula:
        return q.all_of(before.phase == old, after.phase == new)

    def is_over(deadline: Any) -> Formula:
        return q.all_of(q.is_there(deadline), q.given(deadline, lambda at: now >= at))

    def is_set(timeout: Any) -> Formula:
        return q.all_of(q.is_there(after.deadline), q.given(after.deadline, lambda at: at == now + timeout))

    def at_that(event: Formula, body: Callable[[], Formula]) -> Formula:
        return q.implies(event, lambda: q.all_of(timed, q.implies(timed, body)))

    others = q.players(lambda player: q.any_of(player == step.before.config.player, q.has(after.announced, player)))
    begins, waits = moves(Phase.RUNNING, Phase.SYNCING), moves(Phase.SYNCING, Phase.WAITING)
    return {
        "ends": q.implies(waits, lambda: q.any_of(after.alone, others)),
        "sync": at_that(begins, lambda: is_set(config.episode_sync_timeout_ms)),
        "wait": at_that(waits, lambda: is_set(confirmation)),
        "alone": at_that(q.all_of(after.alone, q.no(before.alone)), lambda: is_over(before.deadline)),
        "timed out": at_that(q.all_of(after.timed_out, q.no(before.timed_out)), lambda: is_over(before.deadline)),
    }


@theorem("EP-2", of="step", trusting=False)
def far_ends_are_reported(q: Logic, step: StepView) -> Clauses:
    """A warning is given exactly if two ends differ by more than five frames; the termination frame is the lower."""
    old, new = step.before.ending.termination, step.after.ending.termination
    other = q.value_or(old, 0)
    warnings = [event for event in step.events if isinstance(event, EndsDiffer)]
    ends = [event for event in step.events if isinstance(event, EndDecided | EndHeard)]

    def warned(event: Any) -> Formula:
        far = q.all_of(q.is_there(old), q.any_of(event.end > other + 5, other > event.end + 5))
        same = q.all_of(*(q.equal(warning, EndsDiffer(event.end, other)) for warning in warnings))
        return q.all_of(q.iff(far, bool(warnings)), same)

    def lower(event: Any) -> Formula:
        earlier = q.all_of(q.is_there(old), other < event.end)
        return q.equal(new, q.when(earlier, lambda: other, lambda: event.end))

    return {
        "warning": every(q, step, EndDecided | EndHeard, warned),
        "once": len(warnings) <= len(ends) <= 1,
        "minimum": every(q, step, EndDecided | EndHeard, lower),
    }


@theorem("EP-5", "EP-7", "EP-8", of="consequence", trusting=False)
def wait_ends_by_deadline(q: Logic, peer: Any) -> Clauses:
    """At its deadline a wait can end as soon as no internal step is left, and what is left can then be completed."""
    ending = peer.ending
    steps = [
        *(q.enabled(drain_input, peer, path, 0) for path in Path),
        *(q.enabled(each, peer) for each in (begin_rollback, finish_rollback, confirm_frame, promote_frame)),
        q.enabled(replay_frame, peer, 0, True),
    ]
    idle = q.no(q.any_of(*steps))

    def gives_up(now: Any) -> Formula:
        return q.any_of(q.enabled(give_up_on_partners, peer, now), q.enabled(begin_wait, peer, now))

    def ends(now: Any) -> Formula:
        return q.any_of(q.enabled(succeed_wait, peer), q.enabled(expire_wait, peer, now))

    return {
        "sync": q.implies(q.all_of(ending.phase == Phase.SYNCING, idle), lambda: q.given(ending.deadline, gives_up)),
        "wait": q.implies(q.all_of(ending.phase == Phase.WAITING, idle), lambda: q.given(ending.deadline, ends)),
        "completion": q.implies(
            ending.phase == Phase.COMPLETING,
            lambda: q.any_of(q.enabled(force_promote_frame, peer), q.enabled(complete_episode, peer)),
        ),
        "export": q.implies(ending.phase == Phase.COMPLETED, lambda: q.enabled(export_episode, peer)),
        "reset": q.implies(ending.phase == Phase.EXPORTED, lambda: q.enabled(reset_episode, peer)),
        "replay": q.implies(
            q.is_there(peer.rollback.cursor),
            lambda: q.any_of(q.enabled(replay_frame, peer, 0, True), q.enabled(finish_rollback, peer)),
        ),
        "rollback": q.implies(
            q.all_of(q.is_there(peer.rollback.pending), q.no(q.is_there(peer.rollback.cursor))),
            lambda: q.enabled(begin_rollback, peer),
        ),
    }


@theorem("EP-6", of="consequence", trusting=False)
def confirmed_wait_succeeds(q: Logic, peer: Any) -> Clauses:
    """A wait can succeed as soon as its frames are confirmed, its own end is known, and no internal step is left."""
    ending = peer.ending
    steps = [
        *(q.enabled(drain_input, peer, path, 0) for path in Path),
        *(q.enabled(each, peer) for each in (begin_rollback, finish_rollback, confirm_frame, promote_frame)),
        q.enabled(replay_frame, peer, 0, True),
    ]
    ready = q.all_of(
        ending.phase == Phase.WAITING,
        q.no(q.any_of(*steps)),
        q.any_of(q.is_there(ending.own), ending.alone),
        q.given(ending.termination, lambda end: peer.confirmed >= end - 1),
    )
    return {"success": q.implies(ready, lambda: q.enabled(succeed_wait, peer))}


@theorem("RB-5", "EP-7", of="step", trusting=False)
def internal_steps_terminate(q: Logic, step: StepView) -> Clauses:
    """No sequence of internal steps goes on for ever: each lowers a rank, and the rank has a least value."""

    def lower() -> Formula:
        formula: Formula = False
        for old, new in reversed(list(zip(_rank(q, step.before), _rank(q, step.after), strict=True))):
            formula = q.any_of(new < old, q.all_of(new == old, formula))
        return formula

    internal = step.transition in INTERNAL
    return {
        "lower": q.implies(internal, lower),
        "bounded": q.implies(internal, lambda: q.all_of(*(each >= 0 for each in _rank(q, step.before)))),
    }


INTERNAL = frozenset(
    each.name
    for each in (
        drain_input,
        begin_rollback,
        replay_frame,
        finish_rollback,
        confirm_frame,
        promote_frame,
        force_promote_frame,
        suspect_end,
        withdraw_end,
        decide_end,
        begin_wait,
        give_up_on_partners,
        succeed_wait,
        expire_wait,
        complete_episode,
        export_episode,
    )
)
"""The transitions that neither a message nor a tick brings about."""


def _rank(q: Logic, peer: Any) -> list[Any]:
    ending, cursor = peer.ending, peer.rollback.cursor

    def one_if(formula: Formula) -> Any:
        return q.when(formula, lambda: 1, lambda: 0)

    ended = q.any_of(
        peer.simulation.over,
        q.all_of(q.is_there(ending.termination), q.given(ending.termination, lambda end: peer.frame >= end)),
    )
    misplaced = q.any_of(
        q.all_of(ending.phase == Phase.RUNNING, ended),
        q.all_of(ending.phase == Phase.SYNCING, q.no(ended), q.no(q.is_there(ending.own))),
    )
    phases = [Phase.WAITING, Phase.COMPLETING, Phase.COMPLETED, Phase.EXPORTED]
    left: Any = 0
    for phase in phases:
        left = left + one_if(ending.phase < phase)
    return [
        q.length(peer.inputs.p2p) + q.length(peer.inputs.relay),
        one_if(q.is_there(peer.rollback.pending)),
        peer.frame - q.value_or(cursor, peer.frame),
        one_if(q.is_there(cursor)),
        peer.frame - peer.confirmed,
        peer.frame - peer.buffers.promoted,
        one_if(q.no(q.is_there(ending.own))),
        left,
        one_if(misplaced),
    ]


@theorem("EP-5", "EP-8", "IN-2", of="step", trusting=False)
def wait_considers_everything(q: Logic, step: StepView) -> Clauses:
    """When a wait ends, everything that arrived has been drained, rolled back, confirmed and promoted."""
    before, after = step.before, step.after
    frame = before.confirmed + 1
    considered = {
        "drained": q.all_of(q.length(before.inputs.p2p) == 0, q.length(before.inputs.relay) == 0),
        "pending": q.no(q.is_there(before.rollback.pending)),
        "in progress": q.no(q.is_there(before.rollback.cursor)),
        "confirmed": q.no(
            q.all_of(frame < before.frame, q.players(lambda player: q.has(before.inputs.known, player, frame)))
        ),
        "promoted": before.buffers.promoted > before.confirmed,
    }
    ends = q.all_of(before.ending.phase == Phase.WAITING, after.ending.phase == Phase.COMPLETING)
    return {name: q.implies(ends, lambda: held) for name, held in considered.items()}
