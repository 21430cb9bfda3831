"""When each transition is possible: whenever the rules say so, and nothing else holds it back (LI-3).

Safety says nothing of a peer that does nothing. So the conditions under which each transition may happen are stated
here once more, by the rules and not by the guards, and are proved to be exactly what the guards ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Attempt, Clauses, theorem
from rollproof.reference.messages import Path
from rollproof.reference.state import Phase

Args = Mapping[str, Any]
"""A transition's arguments, by name."""
Condition = Callable[[Logic, Any, Args], Formula]
"""Of (logic, peer, arguments): when the transition is possible. Its docstring says it in words."""


@theorem("LI-3", of="possibility", trusting=False)
def possible_exactly_when_the_rules_say(q: Logic, attempt: Attempt) -> Clauses:
    """A transition is possible exactly when the rules say so; nothing else holds it back."""
    if attempt.transition not in CONDITIONS:
        return {}
    condition = CONDITIONS[attempt.transition](q, attempt.peer, attempt.args)
    return {attempt.transition: q.iff(attempt.possible, condition)}


def _of_partner(q: Logic, peer: Any, args: Args, holds: Callable[[], Formula] | None = None) -> Formula:
    """The player is another one of the session, and `holds`, which is asked of such players only."""
    partner = q.all_of(q.is_player(args["player"]), args["player"] != peer.config.player)
    return partner if holds is None else q.all_of(partner, q.implies(partner, holds))


def _of_this_episode(q: Logic, peer: Any, args: Args) -> Formula:
    """The message is of this session and of this episode."""
    return q.all_of(args["game"] == peer.config.game, args["epoch"] == peer.epoch)


def _replaying(q: Logic, peer: Any) -> Formula:
    return q.is_there(peer.rollback.cursor)


def _undisturbed(q: Logic, peer: Any) -> Formula:
    """No rollback is pending or in progress."""
    return q.no(q.any_of(q.is_there(peer.rollback.pending), q.is_there(peer.rollback.cursor)))


def _open(peer: Any) -> Formula:
    return peer.ending.phase < Phase.COMPLETING


def _there(q: Logic, optional: Any, body: Callable[[Any], Formula]) -> Formula:
    return q.all_of(q.is_there(optional), q.given(optional, body))


def _at(q: Logic, container: Any, *index_and_body: Any) -> Formula:
    *index, _ = index_and_body
    return q.all_of(q.has(container, *index), q.at(container, *index_and_body))


def _at_partner(q: Logic, peer: Any, args: Args, container: Any, body: Callable[[Any], Formula]) -> Formula:
    return _of_partner(q, peer, args, lambda: _at(q, container, args["player"], body))


def _reached(q: Logic, peer: Any) -> Formula:
    """The simulation is over, or an announced end has been reached."""
    return q.any_of(peer.simulation.over, _there(q, peer.ending.termination, lambda end: peer.frame >= end))


def _drained(q: Logic, peer: Any) -> Formula:
    return q.all_of(q.length(peer.inputs.p2p) == 0, q.length(peer.inputs.relay) == 0)


def _settled(q: Logic, peer: Any) -> Formula:
    """Everything that arrived is drained, rolled back, confirmed and promoted."""
    frame = peer.confirmed + 1
    complete = q.players(lambda player: q.has(peer.inputs.known, player, frame))
    return q.all_of(
        _drained(q, peer),
        _undisturbed(q, peer),
        q.no(q.all_of(frame < peer.frame, complete)),
        peer.buffers.promoted > peer.confirmed,
    )


def _too_late(q: Logic, peer: Any, args: Args) -> Formula:
    return _there(q, peer.ending.deadline, lambda deadline: args["now"] >= deadline)


def schedule_input(q: Logic, peer: Any, args: Args) -> Formula:
    """The peer ticks, no rollback is in progress, its frame has no own input, and this is an action (IN-5, IN-7)."""
    frame = peer.frame + peer.config.input_delay
    return q.all_of(
        peer.ending.phase == Phase.RUNNING,
        q.no(_replaying(q, peer)),
        q.no(q.has(peer.inputs.known, peer.config.player, frame)),
        peer.config.actions.admits(args["action"]),
    )


def receive_input(q: Logic, peer: Any, args: Args) -> Formula:
    """A partner's action of this episode, unknown, not negative, not too far ahead, while it still counts (IN-7)."""
    frame = args["frame"]
    return q.all_of(
        _of_this_episode(q, peer, args),
        _of_partner(q, peer, args, lambda: q.no(q.has(peer.inputs.known, args["player"], frame))),
        frame >= 0,
        frame <= peer.frame + peer.config.max_frames_ahead,
        peer.config.actions.admits(args["action"]),
        _open(peer),
    )


def reject_input(q: Logic, peer: Any, args: Args) -> Formula:
    """Always: whatever was refused is counted (IN-7)."""
    return q.all_of()


def ignore_conflict(q: Logic, peer: Any, args: Args) -> Formula:
    """A partner's input of a known frame of this episode, with another action (IN-3)."""
    player, frame, known = args["player"], args["frame"], peer.inputs.known

    def differs(action: Any) -> Formula:
        return q.no(action == args["action"])

    return q.all_of(
        _of_this_episode(q, peer, args), _of_partner(q, peer, args, lambda: _at(q, known, player, frame, differs))
    )


def drain_input(q: Logic, peer: Any, args: Args) -> Formula:
    """The queue has an input that was held back for long enough, no rollback is in progress, and it still counts."""
    queue = peer.inputs.p2p if args["path"] is Path.P2P else peer.inputs.relay
    free = q.any_of(peer.config.debug_remote_input_delay == 0, peer.ending.phase != Phase.RUNNING)
    return q.all_of(
        q.oldest(queue, lambda item: q.any_of(free, peer.ticks > item.due)), q.no(_replaying(q, peer)), _open(peer)
    )


def begin_tick(q: Logic, peer: Any, args: Args) -> Formula:
    """No end is in sight, and no rollback is in progress (RB-7)."""
    return q.all_of(peer.ending.phase == Phase.RUNNING, q.no(_replaying(q, peer)))


def simulate_frame(q: Logic, peer: Any, args: Args) -> Formula:
    """A running peer that no rollback, no end and no prediction window holds back, once its own input is scheduled."""
    window, newest = peer.config.prediction_window, peer.frame + peer.config.input_delay
    return q.all_of(
        peer.ending.phase == Phase.RUNNING,
        _undisturbed(q, peer),
        q.has(peer.inputs.known, peer.config.player, newest),
        q.given(window, lambda most: peer.frame - peer.confirmed <= most),
        q.no(_reached(q, peer)),
    )


def begin_rollback(q: Logic, peer: Any, args: Args) -> Formula:
    """A rollback is pending and none is in progress (RB-3)."""
    return q.all_of(q.is_there(peer.rollback.pending), q.no(_replaying(q, peer)))


def replay_frame(q: Logic, peer: Any, args: Args) -> Formula:
    """A rollback is in progress and has not reached the current frame (RB-5)."""
    return _there(q, peer.rollback.cursor, lambda cursor: cursor < peer.frame)


def finish_rollback(q: Logic, peer: Any, args: Args) -> Formula:
    """A rollback is in progress and has reached the current frame (RB-5)."""
    return _there(q, peer.rollback.cursor, lambda cursor: cursor == peer.frame)


def confirm_frame(q: Logic, peer: Any, args: Args) -> Formula:
    """The next frame is simulated and has every input, no rollback is in progress, and it still counts (BUF-2)."""
    frame = peer.confirmed + 1
    return q.all_of(
        frame < peer.frame,
        q.players(lambda player: q.has(peer.inputs.known, player, frame)),
        q.no(_replaying(q, peer)),
        _open(peer),
    )


def promote_frame(q: Logic, peer: Any, args: Args) -> Formula:
    """The next record is confirmed, and no rollback is pending or in progress (BUF-3, BUF-4)."""
    return q.all_of(peer.buffers.promoted <= peer.confirmed, _undisturbed(q, peer))


def force_promote_frame(q: Logic, peer: Any, args: Args) -> Formula:
    """The wait is over, and the next record lies below the termination frame and is not confirmed (EP-8)."""
    return q.all_of(
        peer.ending.phase == Phase.COMPLETING,
        _undisturbed(q, peer),
        peer.buffers.promoted > peer.confirmed,
        _there(q, peer.ending.termination, lambda end: peer.buffers.promoted < end),
    )


def suspect_end(q: Logic, peer: Any, args: Args) -> Formula:
    """A running peer whose simulation is over, or that has reached an announced end, with no rollback due (EP-1)."""
    return q.all_of(peer.ending.phase == Phase.RUNNING, _undisturbed(q, peer), _reached(q, peer))


def withdraw_end(q: Logic, peer: Any, args: Args) -> Formula:
    """A suspected end that is neither decided nor reached any longer (EP-1)."""
    return q.all_of(
        peer.ending.phase == Phase.SYNCING,
        q.no(_replaying(q, peer)),
        q.no(q.is_there(peer.ending.own)),
        q.no(_reached(q, peer)),
    )


def decide_end(q: Logic, peer: Any, args: Args) -> Formula:
    """An end in sight below which everything is canonical, and after which the episode is over there and not before."""
    ending, end, canonical = peer.ending, args["end"], peer.buffers.canonical
    announced = q.all_of(q.no(ending.alone), _there(q, ending.termination, lambda other: other == end))
    over = _at(q, canonical, end - 1, lambda it: it.record.over)
    over_before = _at(q, canonical, end - 2, lambda it: it.record.over)
    return q.all_of(
        ending.phase > Phase.RUNNING,
        _open(peer),
        q.no(_replaying(q, peer)),
        q.no(q.is_there(ending.own)),
        end >= 1,
        end <= peer.buffers.promoted,
        q.any_of(announced, q.all_of(over, q.any_of(end == 1, q.no(over_before)))),
    )


def receive_end(q: Logic, peer: Any, args: Args) -> Formula:
    """A partner's first end of this episode, positive and not too far ahead, while it still counts (EP-2)."""
    return q.all_of(
        _of_this_episode(q, peer, args),
        _of_partner(q, peer, args, lambda: q.no(q.has(peer.ending.announced, args["player"]))),
        _open(peer),
        args["end"] >= 1,
        args["end"] <= peer.frame + peer.config.max_frames_ahead,
    )


def begin_wait(q: Logic, peer: Any, args: Args) -> Formula:
    """Every end is known, and every frame below the termination frame is simulated (EP-3)."""
    me, announced = peer.config.player, peer.ending.announced
    return q.all_of(
        peer.ending.phase == Phase.SYNCING,
        q.no(_replaying(q, peer)),
        q.players(lambda player: q.any_of(player == me, q.has(announced, player))),
        _there(q, peer.ending.termination, lambda end: end <= peer.frame),
    )


def give_up_on_partners(q: Logic, peer: Any, args: Args) -> Formula:
    """The deadline for the partners' ends has passed, and everything that arrived is drained and rolled back (EP-9)."""
    return q.all_of(
        peer.ending.phase == Phase.SYNCING, _too_late(q, peer, args), _drained(q, peer), _undisturbed(q, peer)
    )


def succeed_wait(q: Logic, peer: Any, args: Args) -> Formula:
    """The target is confirmed, the own end decided unless alone, and everything that arrived is considered (EP-6)."""
    ending = peer.ending
    return q.all_of(
        ending.phase == Phase.WAITING,
        _settled(q, peer),
        q.any_of(q.is_there(ending.own), ending.alone),
        _there(q, ending.termination, lambda end: peer.confirmed >= end - 1),
    )


def expire_wait(q: Logic, peer: Any, args: Args) -> Formula:
    """The deadline of the wait has passed, and everything that arrived is considered (EP-7)."""
    return q.all_of(peer.ending.phase == Phase.WAITING, _too_late(q, peer, args), _settled(q, peer))


def complete_episode(q: Logic, peer: Any, args: Args) -> Formula:
    """The wait is over, and every record below the termination frame is canonical (EP-8)."""
    return q.all_of(
        peer.ending.phase == Phase.COMPLETING,
        _there(q, peer.ending.termination, lambda end: peer.buffers.promoted >= end),
    )


def export_episode(q: Logic, peer: Any, args: Args) -> Formula:
    """The episode is complete and not exported (EP-10)."""
    return peer.ending.phase == Phase.COMPLETED


def reset_episode(q: Logic, peer: Any, args: Args) -> Formula:
    """The episode is exported (EP-11)."""
    return peer.ending.phase == Phase.EXPORTED


def send_inputs(q: Logic, peer: Any, args: Args) -> Formula:
    """To a partner, as soon as an own input is scheduled (IN-4)."""
    return q.all_of(_of_partner(q, peer, args), q.has(peer.inputs.known, peer.config.player, peer.config.input_delay))


def resend_inputs(q: Logic, peer: Any, args: Args) -> Formula:
    """To a partner that has not acknowledged an own input, whenever that is due (IN-9)."""
    known, me = peer.inputs.known, peer.config.player

    def due(delivery: Any) -> Formula:
        return q.all_of(args["now"] >= delivery.inputs_due, q.has(known, me, delivery.acknowledged + 1))

    return _at_partner(q, peer, args, peer.deliveries, due)


def receive_ack(q: Logic, peer: Any, args: Args) -> Formula:
    """A partner acknowledges, in this episode, only what was scheduled, and only an end that was decided (IN-9)."""
    newest = peer.frame + peer.config.input_delay
    scheduled = q.any_of(
        args["acknowledged"] < newest,
        q.all_of(args["acknowledged"] == newest, q.has(peer.inputs.known, peer.config.player, newest)),
    )
    return q.all_of(
        _of_this_episode(q, peer, args),
        _of_partner(q, peer, args),
        scheduled,
        q.implies(args["end_known"], lambda: q.is_there(peer.ending.own)),
    )


def send_ack(q: Logic, peer: Any, args: Args) -> Formula:
    """To a partner, at any time (IN-9)."""
    return _of_partner(q, peer, args)


def announce_end(q: Logic, peer: Any, args: Args) -> Formula:
    """A decided end, to a partner that has not acknowledged it, whenever that is due (EP-2)."""

    def due(delivery: Any) -> Formula:
        return q.all_of(args["now"] >= delivery.end_due, q.no(delivery.end_known))

    return q.all_of(q.is_there(peer.ending.own), _at_partner(q, peer, args, peer.deliveries, due))


def send_hash(q: Logic, peer: Any, args: Args) -> Formula:
    """To a partner, of a frame that is canonical here and confirmed (ME-4)."""
    return q.all_of(
        _of_partner(q, peer, args), _at(q, peer.buffers.canonical, args["frame"], lambda it: q.no(it.unconfirmed))
    )


def lose_p2p(q: Logic, peer: Any, args: Args) -> Formula:
    """Once, of the path to a partner (TR-4)."""
    return _at_partner(q, peer, args, peer.links, lambda link: q.no(q.is_there(link.fallback_frame)))


def change_link(q: Logic, peer: Any, args: Args) -> Formula:
    """At any time, of the path to a partner (TR-1)."""
    return _of_partner(q, peer, args)


def receive_hash(q: Logic, peer: Any, args: Args) -> Formula:
    """A partner's hash of this episode, of a frame that is not negative and not too far ahead (ME-4, IN-7)."""
    return q.all_of(
        _of_this_episode(q, peer, args),
        _of_partner(q, peer, args),
        args["frame"] >= 0,
        args["frame"] <= peer.frame + peer.config.max_frames_ahead,
    )


def compare_hash(q: Logic, peer: Any, args: Args) -> Formula:
    """A partner's hash was heard of a frame that is canonical here and confirmed (ME-4)."""
    return q.all_of(
        _of_partner(q, peer, args, lambda: q.has(peer.desync.heard, args["player"], args["frame"])),
        _at(q, peer.buffers.canonical, args["frame"], lambda it: q.no(it.unconfirmed)),
    )


CONDITIONS: dict[str, Condition] = {
    each.__name__: each
    for each in (
        schedule_input,
        receive_input,
        reject_input,
        ignore_conflict,
        drain_input,
        begin_tick,
        simulate_frame,
        begin_rollback,
        replay_frame,
        finish_rollback,
        confirm_frame,
        promote_frame,
        force_promote_frame,
        suspect_end,
        withdraw_end,
        decide_end,
        receive_end,
        begin_wait,
        give_up_on_partners,
        succeed_wait,
        expire_wait,
        complete_episode,
        export_episode,
        reset_episode,
        send_inputs,
        resend_inputs,
        receive_ack,
        send_ack,
        announce_end,
        send_hash,
        lose_p2p,
        change_link,
        receive_hash,
        compare_hash,
    )
}
"""By transition, each once."""


def when(transition: str) -> str:
    """Return when a transition is possible by the rules, in words."""
    return " ".join((CONDITIONS[transition].__doc__ or "").split())
