"""The theorems about inputs: how they are fixed, received, held back and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof.model.theorems.definitions import every, every_sent
from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.events import FrameSimulated, InputConflict, InputScheduled
from rollproof.reference.messages import InputMessage, Path
from rollproof.reference.state import Phase


@theorem("IN-3", "IN-10", of="step", trusting=False)
def inputs_are_immutable(q: Logic, step: StepView) -> Clauses:
    """A known input stays known, with the same action, until the episode is reset."""
    before, after = step.before.inputs.known, step.after.inputs.known

    def stays(player: Any, frame: Any) -> Formula:
        return q.at(
            before,
            player,
            frame,
            lambda action: q.all_of(q.has(after, player, frame), q.at(after, player, frame, lambda new: new == action)),
        )

    everything = step.transition != "reset_episode"
    return {
        "immutable": q.implies(
            everything, lambda: q.players(lambda player: q.frames(lambda frame: stays(player, frame)))
        )
    }


@theorem("IN-7", trusting=False)
def inputs_are_actions(q: Logic, peer: Any) -> Clauses:
    """Every input that is known or queued is an action, as far as the configuration says what one is."""
    actions, inputs = peer.config.actions, peer.inputs

    def is_action(item: Any) -> Formula:
        return actions.admits(item.action)

    return {
        "p2p": q.positions(inputs.p2p, is_action),
        "relay": q.positions(inputs.relay, is_action),
        "known": q.players(lambda player: q.frames(lambda frame: q.at(inputs.known, player, frame, actions.admits))),
    }


@theorem("IN-1", "IN-2", of="step", trusting=False)
def no_input_is_lost(q: Logic, step: StepView) -> Clauses:
    """An accepted input is queued; a queued input stays in its queue until it is known, or the episode is reset."""
    before, after = step.before, step.after
    same_episode = step.transition != "reset_episode"

    def survives(old: Any, new: Any) -> Formula:
        return q.implies(
            same_episode,
            lambda: q.dropped(old, new, lambda item: q.has(after.inputs.known, item.player, item.frame)),
        )

    def accepted() -> Formula:
        queue = after.inputs.p2p if step.args["path"] is Path.P2P else after.inputs.relay
        player, frame, action = (step.args[name] for name in ("player", "frame", "action"))
        return q.newest(
            queue,
            lambda item: q.all_of(item.player == player, item.frame == frame, item.action == action),
        )

    def grows(path: Path, old: Any, new: Any) -> Formula:
        here = step.args.get("path") is path
        more = int(step.transition == "receive_input" and here) - int(step.transition == "drain_input" and here)
        return q.implies(same_episode, lambda: q.length(new) == q.length(old) + more)

    return {
        "p2p": survives(before.inputs.p2p, after.inputs.p2p),
        "relay": survives(before.inputs.relay, after.inputs.relay),
        "p2p, one by one": grows(Path.P2P, before.inputs.p2p, after.inputs.p2p),
        "relay, one by one": grows(Path.RELAY, before.inputs.relay, after.inputs.relay),
        "accepted": q.implies(step.transition == "receive_input", accepted),
    }


@theorem("IN-10", "IN-4", "IN-9", of="step", trusting=False)
def one_value_per_player_and_frame(q: Logic, step: StepView) -> Clauses:
    """What a peer applies to itself it fixes once, and what it announces of itself is exactly that."""
    before, after = step.before, step.after
    me = before.config.player

    def scheduled(body: Callable[[Any], Formula]) -> Formula:
        return every(q, step, InputScheduled, body)

    return {
        "frame": scheduled(lambda event: event.frame == before.frame + before.config.input_delay),
        "fixed once": scheduled(lambda event: q.no(q.has(before.inputs.known, me, event.frame))),
        "applied": scheduled(
            lambda event: q.at(after.inputs.known, me, event.frame, lambda action: action == event.action)
        ),
        "as sampled": scheduled(lambda event: q.all_of("action" in step.args, event.action == step.args.get("action"))),
        "announced": every_sent(
            q, step, InputMessage, lambda event: q.is_slice(before.inputs.known, me, event.message)
        ),
    }


@theorem("IN-8", of="step", trusting=False)
def window_is_enforced(q: Logic, step: StepView) -> Clauses:
    """No frame is simulated for the first time while it is further ahead of the confirmed one than the window."""
    before, after = step.before, step.after
    return {
        "window": q.implies(
            q.all_of(after.frame != before.frame, after.epoch == before.epoch),
            lambda: q.given(before.config.prediction_window, lambda window: before.frame - before.confirmed <= window),
        )
    }


@theorem("IN-3", of="step", trusting=False)
def conflicts_are_reported(q: Logic, step: StepView) -> Clauses:
    """A drained input that contradicts a known one is reported, whatever the partner says; any other is not."""
    reported = any(isinstance(event, InputConflict) for event in step.events)
    known = step.before.inputs.known

    def contradicts(item: Any) -> Formula:
        return q.no(q.at(known, item.player, item.frame, lambda action: action == item.action))

    def drained() -> Formula:
        queue = step.before.inputs.p2p if step.args["path"] is Path.P2P else step.before.inputs.relay
        return q.oldest(queue, contradicts) if reported else q.no(q.oldest(queue, contradicts))

    return {"conflict": q.implies(step.transition == "drain_input", drained)}


@theorem("IN-12", of="step", trusting=False)
def held_back_inputs_wait(q: Logic, step: StepView) -> Clauses:
    """An input is held back for as many ticks as `debug_remote_input_delay` says, unless the peer no longer ticks."""
    before, after = step.before, step.after
    delay = before.config.debug_remote_input_delay

    def queue_of(peer: Any) -> Any:
        return peer.inputs.p2p if step.args["path"] is Path.P2P else peer.inputs.relay

    def waited() -> Formula:
        free = q.any_of(delay == 0, before.ending.phase != Phase.RUNNING)
        return q.any_of(free, q.oldest(queue_of(before), lambda item: before.ticks > item.due))

    return {
        "ticks": q.implies(step.transition == "begin_tick", lambda: after.ticks == before.ticks + 1),
        "due": q.implies(
            step.transition == "receive_input",
            lambda: q.newest(queue_of(after), lambda item: item.due == before.ticks + delay),
        ),
        "waited": q.implies(step.transition == "drain_input", waited),
    }


@theorem("IN-6", "BUF-1", "BUF-8", of="step", trusting=False)
def simulation_uses_what_is_known(q: Logic, step: StepView) -> Clauses:
    """A frame is simulated with every known input, the peer's own included; its record tells if any was predicted."""
    before, after = step.before, step.after
    known = before.inputs.known

    def simulated(body: Callable[[Any], Formula]) -> Formula:
        return every(q, step, FrameSimulated, body)

    def recorded(body: Callable[[Any, Any], Formula]) -> Formula:
        return simulated(
            lambda event: q.at(after.buffers.speculative, event.frame, lambda record: body(event.frame, record))
        )

    def everything(frame: Any) -> Formula:
        return q.players(lambda player: q.has(known, player, frame))

    return {
        "frame": simulated(lambda event: q.has(after.buffers.speculative, event.frame)),
        "current": simulated(lambda event: event.frame == q.value_or(before.rollback.cursor, before.frame)),
        "known": recorded(
            lambda frame, record: q.players(
                lambda player: q.at(known, player, frame, lambda it: record.actions.of(player) == it)
            )
        ),
        "own": simulated(lambda event: q.has(known, before.config.player, event.frame)),
        "speculative": recorded(lambda frame, record: q.iff(record.was_speculative, q.no(everything(frame)))),
        "reported": simulated(lambda event: q.iff(event.predicted, q.no(everything(event.frame)))),
        "time": recorded(lambda _, record: record.time_ms == step.args["now"]),
        "focus": recorded(lambda _, record: q.iff(record.focused, step.args["focused"])),
    }
