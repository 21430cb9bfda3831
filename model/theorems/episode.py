"""The theorems about the end of an episode and the beginning of the next."""

from __future__ import annotations

from typing import Any

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
    receive_end,
    reset_episode,
    succeed_wait,
    suspect_end,
    withdraw_end,
)
from rollproof.reference.events import (
    EndDecided,
    EndHeard,
    EndsDiffer,
    EpisodeCompleted,
    FrameConfirmed,
    FramePromoted,
    Sent,
    WaitBegun,
    WaitSucceeded,
    WaitTimedOut,
)
from rollproof.reference.inputs import drain_input
from rollproof.reference.messages import EndMessage, HashMessage, Path
from rollproof.reference.rollback import begin_rollback, finish_rollback, replay_frame
from rollproof.reference.state import Phase


@theorem("EP-2", "ME-4", of="step")
def announcements_are_true(q: Logic, step: StepView) -> Clauses:
    """A peer announces only an end that it decided, at the lockstep frame, and only hashes of lockstep records."""
    truth = q.truth(step.before)
    clauses: Clauses = {}
    for event in step.events:
        if isinstance(event, EndDecided):
            clauses["decided"] = q.all_of(q.is_there(truth.end), q.given(truth.end, lambda end: end == event.end))
        if isinstance(event, Sent) and isinstance(event.message, EndMessage):
            announced = event.message
            clauses["end"] = q.given(truth.end, lambda end: end == announced.end)
            clauses["end digest"] = announced.digest == truth.digest(announced.end)
        if isinstance(event, Sent) and isinstance(event.message, HashMessage):
            clauses["digest"] = event.message.digest == truth.digest(event.message.frame + 1)
    return clauses


@theorem("IN-11", "IN-7", of="step")
def nothing_crosses_an_episode(q: Logic, step: StepView) -> Clauses:
    """What belongs to another session or episode changes nothing; what is sent belongs to the present ones."""
    before, after = step.before, step.after
    clauses: Clauses = {}
    if "epoch" in step.args:
        clauses["received"] = step.args["epoch"] == before.epoch
    if "game" in step.args:
        clauses["session"] = step.args["game"] == before.config.game
    for event in step.events:
        if isinstance(event, Sent):
            clauses["sent"] = event.message.epoch == before.epoch
    if step.transition == "reset_episode":
        clauses |= {
            "epoch": after.epoch == before.epoch + 1,
            "frame": q.all_of(after.frame == 0, after.confirmed == -1, after.buffers.promoted == 0),
            "records": q.frames(
                lambda frame: q.no(
                    q.any_of(
                        q.has(after.buffers.canonical, frame),
                        q.has(after.buffers.speculative, frame),
                        q.has(after.snapshots, frame),
                    )
                )
            ),
            "inputs": q.players(
                lambda player: q.frames(
                    lambda frame: q.implies(
                        frame >= before.config.input_delay,
                        lambda: q.no(q.has(after.inputs.known, player, frame)),
                    )
                )
            ),
            "queues": q.all_of(q.length(after.inputs.p2p) == 0, q.length(after.inputs.relay) == 0),
            "ends": q.players(lambda player: q.no(q.has(after.ending.announced, player))),
        }
    return clauses


@theorem("EP-10", "EP-11", of="step")
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
    if "now" not in step.args:
        return {}
    now = step.args["now"]
    skips = q.any_of(config.server_authoritative, q.is_empty(config.human_players))
    confirmation = q.when(skips, lambda: 0, lambda: config.input_confirmation_timeout_ms)

    def moves(old: Phase, new: Phase) -> Formula:
        return q.all_of(before.phase == old, after.phase == new)

    def is_over(deadline: Any) -> Formula:
        return q.all_of(q.is_there(deadline), q.given(deadline, lambda at: now >= at))

    def is_set(timeout: Any) -> Formula:
        return q.all_of(q.is_there(after.deadline), q.given(after.deadline, lambda at: at == now + timeout))

    others = q.players(lambda player: q.any_of(player == step.before.config.player, q.has(after.announced, player)))
    return {
        "ends": q.implies(moves(Phase.SYNCING, Phase.WAITING), lambda: q.any_of(after.alone, others)),
        "sync": q.implies(moves(Phase.RUNNING, Phase.SYNCING), lambda: is_set(config.episode_sync_timeout_ms)),
        "wait": q.implies(moves(Phase.SYNCING, Phase.WAITING), lambda: is_set(confirmation)),
        "alone": q.implies(q.all_of(after.alone, q.no(before.alone)), lambda: is_over(before.deadline)),
        "timed out": q.implies(q.all_of(after.timed_out, q.no(before.timed_out)), lambda: is_over(before.deadline)),
    }


@theorem("EP-2", of="step", trusting=False)
def far_ends_are_reported(q: Logic, step: StepView) -> Clauses:
    """A warning is given exactly if two ends differ by more than five frames; the termination frame is the lower."""
    new = [event.end for event in step.events if isinstance(event, EndDecided | EndHeard)]
    if not new:
        return {}
    old, end = step.before.ending.termination, new[0]
    far = q.all_of(q.is_there(old), q.given(old, lambda other: q.any_of(end > other + 5, other > end + 5)))
    warned = any(isinstance(event, EndsDiffer) for event in step.events)
    return {
        "warning": far if warned else q.no(far),
        "minimum": q.given(
            step.after.ending.termination,
            lambda lower: q.all_of(
                lower <= end,
                q.given(old, lambda other: lower <= other),
                q.any_of(lower == end, q.no(q.given(old, lambda other: lower != other))),
            ),
        ),
        "known": q.is_there(step.after.ending.termination),
    }


@theorem("EP-3", "EP-7", "EP-8", "BUF-3", of="step")
def reports_are_true(q: Logic, step: StepView) -> Clauses:
    """What a step reports of frames, targets and promotions is what it did."""
    before, after = step.before, step.after
    clauses: Clauses = {}
    for event in step.events:
        if isinstance(event, FrameConfirmed):
            clauses["confirmed"] = q.all_of(event.frame == after.confirmed, after.confirmed == before.confirmed + 1)
        if isinstance(event, FramePromoted):
            clauses["promoted"] = q.at(
                before.buffers.speculative,
                event.frame,
                lambda record: q.at(
                    after.buffers.canonical,
                    event.frame,
                    lambda it: q.all_of(q.equal(it.record, record), q.iff(it.unconfirmed, event.forced)),
                ),
            )
            clauses["moved"] = q.all_of(
                q.has(before.buffers.speculative, event.frame),
                q.has(after.buffers.canonical, event.frame),
                q.no(q.has(after.buffers.speculative, event.frame)),
            )
        if isinstance(event, WaitBegun | WaitSucceeded | WaitTimedOut):
            clauses["target"] = q.given(after.ending.termination, lambda end: event.target == end - 1)
        if isinstance(event, WaitSucceeded | WaitTimedOut):
            clauses["reached"] = event.confirmed == before.confirmed
        if isinstance(event, EpisodeCompleted):
            flagged = q.any_of(after.ending.alone, after.ending.timed_out)
            clauses["completed"] = q.all_of(
                q.iff(event.confirmed, q.no(flagged)),
                q.given(after.ending.termination, lambda end: event.termination == end),
            )
    return clauses


@theorem("EP-5", "EP-7", "EP-8", of="consequence")
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


@theorem("EP-6", of="consequence")
def confirmed_wait_succeeds(q: Logic, peer: Any) -> Clauses:
    """A wait can succeed as soon as its frames are confirmed, the own end is known, and no internal step is left."""
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


@theorem("EP-2", "IN-7", of="consequence")
def ends_are_accepted_as_the_rule_says(q: Logic, peer: Any) -> Clauses:
    """An end is accepted from a partner exactly if it is its first, is positive, and is not too far ahead."""
    furthest = peer.frame + peer.config.max_frames_ahead

    def one(player: Any, end: Any) -> Formula:
        expected = q.all_of(
            player != peer.config.player,
            end >= 1,
            end <= furthest,
            peer.ending.phase < Phase.COMPLETING,
            q.no(q.has(peer.ending.announced, player)),
        )
        return q.iff(q.enabled(receive_end, peer, player, peer.epoch, end, peer.config.game), expected)

    return {"accepted": q.players(lambda player: q.frames(lambda end: one(player, end)))}


@theorem("RB-5", "EP-7", of="step")
def internal_steps_terminate(q: Logic, step: StepView) -> Clauses:
    """No sequence of internal steps goes on for ever: each lowers a rank, and the rank has a least value."""
    if step.transition not in INTERNAL:
        return {}
    before, after = _rank(q, step.before), _rank(q, step.after)
    lower: Formula = False
    for old, new in reversed(list(zip(before, after, strict=True))):
        lower = q.any_of(new < old, q.all_of(new == old, lower))
    return {"lower": lower, "bounded": q.all_of(*(each >= 0 for each in before))}


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
