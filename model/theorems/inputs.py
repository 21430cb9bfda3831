"""The theorems about inputs: how they are fixed, received, held back and kept."""

from __future__ import annotations

from typing import Any

from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.events import FrameSimulated, InputConflict, InputScheduled, Sent
from rollproof.reference.inputs import receive_input
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.rollback import simulate_frame
from rollproof.reference.state import Phase


@theorem("IN-3", "IN-10", of="step", trusting=False)
def inputs_are_immutable(q: Logic, step: StepView) -> Clauses:
    """A known input stays known, with the same action, until the episode is reset."""
    if step.transition == "reset_episode":
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
    if step.transition == "reset_episode":
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


@theorem("IN-10", "IN-4", "IN-9", of="step")
def one_value_per_player_and_frame(q: Logic, step: StepView) -> Clauses:
    """What a peer applies to itself it fixes once, and what it announces of itself is exactly that."""
    before, after = step.before, step.after
    me = before.config.player
    clauses: Clauses = {}
    for event in step.events:
        if isinstance(event, InputScheduled):
            clauses["frame"] = event.frame == before.frame + before.config.input_delay
            clauses["fixed once"] = q.no(q.has(before.inputs.known, me, event.frame))
            clauses["applied"] = q.at(after.inputs.known, me, event.frame, lambda it: it == event.action)
        if isinstance(event, Sent) and isinstance(event.message, InputMessage):
            clauses["announced"] = q.is_slice(before.inputs.known, me, event.message)
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


@theorem("IN-7", "IN-11", of="consequence")
def inputs_are_accepted_as_the_rule_says(q: Logic, peer: Any) -> Clauses:
    """An input of this episode is accepted from a partner exactly if it is unknown, not negative, and not too far."""
    me, known = peer.config.player, peer.inputs.known
    furthest = peer.frame + peer.config.max_frames_ahead

    def one(player: Any, frame: Any) -> Formula:
        action = q.truth(peer).action(player, frame)
        accepted = q.enabled(receive_input, peer, player, peer.epoch, Path.P2P, frame, action, peer.config.game)
        expected = q.all_of(
            player != me,
            frame >= 0,
            frame <= furthest,
            peer.ending.phase < Phase.COMPLETING,
            q.no(q.has(known, player, frame)),
        )
        return q.iff(accepted, expected)

    return {"accepted": q.players(lambda player: q.frames(lambda frame: one(player, frame)))}


@theorem("IN-3", of="step", trusting=False)
def conflicts_are_reported(q: Logic, step: StepView) -> Clauses:
    """A drained input that contradicts a known one is reported, whatever the partner says; any other is not."""
    if step.transition != "drain_input":
        return {}
    queue = step.before.inputs.p2p if step.args["path"] is Path.P2P else step.before.inputs.relay
    reported = any(isinstance(event, InputConflict) for event in step.events)
    known = step.before.inputs.known

    def contradicts(item: Any) -> Formula:
        return q.no(q.at(known, item.player, item.frame, lambda action: action == item.action))

    return {"conflict": q.oldest(queue, contradicts) if reported else q.no(q.oldest(queue, contradicts))}


@theorem("IN-12", of="step", trusting=False)
def held_back_inputs_wait(q: Logic, step: StepView) -> Clauses:
    """An input is held back for as many ticks as `debug_remote_input_delay` says, unless the peer no longer ticks."""
    before, after = step.before, step.after
    delay = before.config.debug_remote_input_delay
    if step.transition == "begin_tick":
        return {"ticks": after.ticks == before.ticks + 1}
    if step.transition == "receive_input":
        queue = after.inputs.p2p if step.args["path"] is Path.P2P else after.inputs.relay
        return {"due": q.newest(queue, lambda item: item.due == before.ticks + delay)}
    if step.transition == "drain_input":
        queue = before.inputs.p2p if step.args["path"] is Path.P2P else before.inputs.relay
        free = q.any_of(delay == 0, before.ending.phase != Phase.RUNNING)
        return {"waited": q.any_of(free, q.oldest(queue, lambda item: before.ticks > item.due))}
    return {}


@theorem("IN-6", "BUF-1", "BUF-8", of="step")
def simulation_uses_what_is_known(q: Logic, step: StepView) -> Clauses:
    """A frame is simulated with every known input, the own among them; its record tells if any was predicted."""
    before, after = step.before, step.after
    clauses: Clauses = {}
    for event in step.events:
        if isinstance(event, FrameSimulated):
            frame, known = event.frame, before.inputs.known
            everything = q.players(lambda player: q.has(known, player, frame))
            record = q.read(after.buffers.speculative, frame)
            clauses = {
                "frame": q.has(after.buffers.speculative, frame),
                "current": frame == q.value_or(before.rollback.cursor, before.frame),
                "known": q.players(
                    lambda player: q.at(known, player, frame, lambda it: record.actions.of(player) == it)
                ),
                "own": q.has(known, before.config.player, frame),
                "speculative": q.iff(record.was_speculative, q.no(everything)),
                "reported": q.iff(event.predicted, q.no(everything)),
                "time": record.time_ms == step.args["now"],
                "focus": q.iff(record.focused, step.args["focused"]),
            }
    return clauses


@theorem("IN-8", "RB-3", of="consequence")
def nothing_else_holds_a_frame_back(q: Logic, peer: Any) -> Clauses:
    """A running peer simulates its next frame unless a rollback, the end, or the prediction window forbids it."""
    me, newest = peer.config.player, peer.frame + peer.config.input_delay
    window, termination = peer.config.prediction_window, peer.ending.termination
    free = q.all_of(
        peer.ending.phase == Phase.RUNNING,
        q.no(q.any_of(q.is_there(peer.rollback.pending), q.is_there(peer.rollback.cursor))),
        q.has(peer.inputs.known, me, newest),
        q.given(window, lambda most: peer.frame - peer.confirmed <= most),
        q.no(peer.simulation.over),
        q.given(termination, lambda end: peer.frame < end),
    )
    return {"simulated": q.implies(free, lambda: q.enabled(simulate_frame, peer, 0, True))}
