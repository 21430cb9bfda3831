"""The theorems about every step of a peer."""

from __future__ import annotations

from typing import Any

from model.logic import Formula, Logic
from model.property import Clauses, StepView, theorem
from reference.events import EndDecided, InputScheduled, RollbackBegun, Sent
from reference.messages import EndMessage, HashMessage, InputMessage, Path
from reference.state import Phase


def _same_episode(step: StepView) -> bool:
    return step.transition != "reset_episode"


@theorem("BUF-4", of="step")
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


@theorem("BUF-5", of="step")
def confirmed_never_advances_during_rollback(q: Logic, step: StepView) -> Clauses:
    """The confirmed frame does not advance while a rollback is in progress."""
    return {
        "confirmed": q.implies(
            q.is_there(step.before.rollback.cursor), lambda: step.after.confirmed <= step.before.confirmed
        )
    }


@theorem("RB-5", "RB-7", of="step")
def nothing_acts_during_rollback(q: Logic, step: StepView) -> Clauses:
    """While a rollback is in progress only the replay advances: no tick, drain, confirmation, promotion, end or export."""
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
    return {name: q.implies(in_progress, lambda held=held: held) for name, held in unchanged.items()}


@theorem("RB-4", "RB-5", of="step")
def rollback_is_not_nested(q: Logic, step: StepView) -> Clauses:
    """A rollback begins only when none is in progress, at the pending frame, which lies in the past."""
    begun = [event for event in step.events if isinstance(event, RollbackBegun)]
    if not begun:
        return {}
    before, after = step.before, step.after
    return {
        "alone": q.no(q.is_there(before.rollback.cursor)),
        "target": q.given(before.rollback.pending, lambda target: begun[0].target == target),
        "past": begun[0].target < before.frame,
        "cursor": q.given(after.rollback.cursor, lambda cursor: cursor == begun[0].target),
        "records": q.frames(
            lambda frame: q.implies(
                frame >= begun[0].target,
                lambda: q.no(q.any_of(q.has(after.buffers.speculative, frame), q.has(after.buffers.canonical, frame))),
            )
        ),
    }


@theorem("RB-2", of="step")
def pending_rollback_is_never_dropped(q: Logic, step: StepView) -> Clauses:
    """A pending rollback stays, or moves to an earlier frame, until it is begun."""
    before, after = step.before, step.after
    begun = any(isinstance(event, RollbackBegun) for event in step.events)
    if begun:
        return {}
    return {
        "pending": q.given(
            before.rollback.pending,
            lambda target: q.all_of(
                q.is_there(after.rollback.pending), q.given(after.rollback.pending, lambda new: new <= target)
            ),
        )
    }


@theorem("IN-3", "IN-10", of="step")
def inputs_are_immutable(q: Logic, step: StepView) -> Clauses:
    """A known input stays known, with the same action, until the episode is reset."""
    if not _same_episode(step):
        return {}
    before, after = step.before.inputs.known, step.after.inputs.known
    return {
        "immutable": q.players(
            lambda player: q.frames(
                lambda frame: q.at(
                    before,
                    player,
                    frame,
                    lambda action: q.all_of(
                        q.has(after, player, frame), q.at(after, player, frame, lambda new: new == action)
                    ),
                )
            )
        )
    }


@theorem("IN-1", "IN-2", of="step")
def no_input_is_lost(q: Logic, step: StepView) -> Clauses:
    """An accepted input is queued; a queued input stays in its queue until it is known, or the episode is reset."""
    if not _same_episode(step):
        return {}
    before, after = step.before, step.after

    def survives(old: Any, new: Any) -> Formula:
        return q.dropped(old, new, lambda item: q.has(after.inputs.known, item.player, item.frame))

    clauses = {
        "p2p": survives(before.inputs.p2p, after.inputs.p2p),
        "relay": survives(before.inputs.relay, after.inputs.relay),
    }
    if step.transition == "receive_input":
        queue = after.inputs.p2p if step.args["path"] is Path.P2P else after.inputs.relay
        player, frame, action = (step.args[name] for name in ("player", "frame", "action"))
        clauses["accepted"] = q.newest(
            queue,
            lambda item: q.all_of(item.player == player, item.frame == frame, item.action == action),
        )
    return clauses


@theorem("BUF-6", of="step")
def canonical_is_append_only(q: Logic, step: StepView) -> Clauses:
    """A canonical record below the termination frame stays as it is until the episode is reset."""
    if not _same_episode(step):
        return {}
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

    return {"kept": q.frames(kept)}


@theorem("IN-10", "IN-4", "IN-9", of="step")
def one_value_per_player_and_frame(q: Logic, step: StepView) -> Clauses:
    """What a peer applies to itself it fixes once, and what it announces of itself is exactly that."""
    before, after = step.before, step.after
    me = before.config.player
    clauses: Clauses = {}
    for event in step.events:
        if isinstance(event, InputScheduled):
            clauses["fixed once"] = q.no(q.has(before.inputs.known, me, event.frame))
            clauses["applied"] = q.at(after.inputs.known, me, event.frame, lambda it, e=event: it == e.action)
        if isinstance(event, Sent) and isinstance(event.message, InputMessage):
            clauses["announced"] = q.is_slice(before.inputs.known, me, event.message)
    return clauses


@theorem("EP-2", "ME-4", of="step")
def announcements_are_true(q: Logic, step: StepView) -> Clauses:
    """A peer announces only an end that it decided, at the lockstep frame, and only hashes of lockstep records."""
    truth = q.truth(step.before)
    clauses: Clauses = {}
    for event in step.events:
        if isinstance(event, EndDecided):
            clauses["decided"] = q.all_of(q.is_there(truth.end), q.given(truth.end, lambda end, e=event: end == e.end))
        if isinstance(event, Sent) and isinstance(event.message, EndMessage):
            clauses["end"] = q.given(truth.end, lambda end, e=event: end == e.message.end)
            clauses["end digest"] = event.message.digest == truth.digest(event.message.end)
        if isinstance(event, Sent) and isinstance(event.message, HashMessage):
            clauses["digest"] = event.message.digest == truth.digest(event.message.frame + 1)
    return clauses


@theorem("IN-11", "IN-7", of="step")
def nothing_crosses_an_episode(q: Logic, step: StepView) -> Clauses:
    """What belongs to another episode changes nothing, and everything that is sent belongs to the present one."""
    before, after = step.before, step.after
    clauses: Clauses = {}
    if "epoch" in step.args:
        clauses["received"] = step.args["epoch"] == before.epoch
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


@theorem("TR-2", of="step")
def one_path_per_input(q: Logic, step: StepView) -> Clauses:
    """Each transmission of inputs goes out on exactly one path, and the counter of that path counts it."""
    before, after = step.before.metrics, step.after.metrics
    sent = [event for event in step.events if isinstance(event, Sent) and isinstance(event.message, InputMessage)]
    p2p = sum(event.path is Path.P2P for event in sent)
    submitted = after.inputs_submitted - before.inputs_submitted
    return {
        "one": submitted == len(sent),
        "p2p": after.inputs_sent_p2p - before.inputs_sent_p2p == p2p,
        "relay": after.inputs_sent_relay - before.inputs_sent_relay == len(sent) - p2p,
    }


@theorem("TR-1", "TR-2", "TR-4", of="step")
def relay_only_as_fallback(q: Logic, step: StepView) -> Clauses:
    """A message takes the relay if and only if the peer-to-peer path is not healthy or refuses it."""
    before, after = step.before, step.after
    clauses: Clauses = {
        "fallback once": q.players(
            lambda player: q.at(
                before.links,
                player,
                lambda old: q.given(
                    old.fallback_frame,
                    lambda frame: q.at(
                        after.links,
                        player,
                        lambda new: q.all_of(
                            q.is_there(new.fallback_frame),
                            q.given(new.fallback_frame, lambda kept: kept == frame),
                        ),
                    ),
                ),
            )
        )
    }
    for event in step.events:
        if isinstance(event, Sent):
            direct = q.at(
                before.links,
                event.to,
                lambda link: q.all_of(
                    link.connected, link.has_sender, q.no(q.is_there(link.fallback_frame)), step.args["accepts"]
                ),
            )
            clauses["path"] = direct if event.path is Path.P2P else q.no(direct)
    return clauses


@theorem("IN-8", of="step")
def window_is_enforced(q: Logic, step: StepView) -> Clauses:
    """No frame is simulated for the first time while it is further beyond the confirmed one than the window."""
    before, after = step.before, step.after
    return {
        "window": q.implies(
            q.all_of(after.frame != before.frame, after.epoch == before.epoch),
            lambda: q.given(before.config.prediction_window, lambda window: before.frame - before.confirmed <= window),
        )
    }
