"""The theorems about sending, acknowledging and the two paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rollproof.model.theorems.definitions import every, every_sent
from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.events import FallbackTriggered, Sent
from rollproof.reference.messages import AckMessage, InputMessage, Path
from rollproof.reference.state import Phase
from rollproof.reference.transport import announce_end, resend_inputs


@theorem("TR-2", of="step", trusting=False)
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


@theorem("TR-1", "TR-2", "TR-4", of="step", trusting=False)
def relay_only_as_fallback(q: Logic, step: StepView) -> Clauses:
    """A message takes the relay if and only if the peer-to-peer path is not healthy or refuses it."""
    before, after = step.before, step.after

    def takes(event: Any) -> Formula:
        direct = q.at(
            before.links,
            event.to,
            lambda link: q.all_of(
                link.connected, link.has_sender, q.no(q.is_there(link.fallback_frame)), step.args["accepts"]
            ),
        )
        return direct if event.path is Path.P2P else q.no(direct)

    return {
        "path": every(q, step, Sent, takes),
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
        ),
    }


@theorem("IN-4", "IN-9", of="step", trusting=False)
def packets_carry_what_is_needed(q: Logic, step: StepView) -> Clauses:
    """A packet carries the newest input and as many before it as configured; a re-sent one what is unacknowledged."""
    before, after = step.before, step.after
    known, me, delay = before.inputs.known, before.config.player, before.config.input_delay
    first_time = step.transition == "send_inputs"

    def first(body: Callable[[Any, Any], Formula]) -> Formula:
        return q.implies(
            first_time,
            lambda: every_sent(
                q, step, InputMessage, lambda event: body(event.message.first, q.last_of(event.message))
            ),
        )

    def again(body: Callable[[Any, Any, Any], Formula]) -> Formula:
        return q.implies(
            not first_time,
            lambda: every_sent(
                q,
                step,
                InputMessage,
                lambda event: q.at(
                    before.deliveries,
                    event.to,
                    lambda delivery: body(delivery, event.message.first, q.last_of(event.message)),
                ),
            ),
        )

    def start(run: Any) -> Any:
        return q.when(run > delay, lambda: run, lambda: delay)

    return {
        "newest": first(lambda _, last: q.all_of(q.has(known, me, last), q.no(q.has(known, me, last + 1)))),
        "redundancy": first(lambda first, last: first == start(last - before.config.redundancy + 1)),
        "oldest": again(lambda delivery, first, _: first == delivery.acknowledged + 1),
        "some": again(lambda _, first, last: last >= first),
        "most": again(
            lambda delivery, _, last: q.any_of(
                last == delivery.acknowledged + before.config.max_resent, q.no(q.has(known, me, last + 1))
            )
        ),
        "due": again(lambda delivery, *_: step.args["now"] >= delivery.inputs_due),
        "again": again(
            lambda *_: q.at(
                after.deliveries,
                step.args["player"],
                lambda delivery: delivery.inputs_due == step.args["now"] + before.config.resend_interval_ms,
            )
        ),
    }


@theorem("IN-9", "EP-2", of="step", trusting=False)
def acknowledgements_are_true(q: Logic, step: StepView) -> Clauses:
    """What a peer acknowledges it has, without a hole; and what it was once told it does not forget."""
    before, after = step.before, step.after
    known = before.inputs.known

    def acknowledged(body: Callable[[Any, Any], Formula]) -> Formula:
        return every_sent(q, step, InputMessage | AckMessage, lambda event: body(event.to, event.message.acknowledged))

    def end_is_heard(event: Any) -> Formula:
        closed = q.no(before.ending.phase < Phase.COMPLETING)
        return q.iff(event.message.end_known, q.any_of(q.has(before.ending.announced, event.to), closed))

    def delivered(body: Callable[[Any, Any], Formula]) -> Formula:
        player = step.args["player"]
        return q.at(before.deliveries, player, lambda old: q.at(after.deliveries, player, lambda new: body(old, new)))

    def kept(old: Any, new: Any) -> Formula:
        said = step.args["acknowledged"]
        return new.acknowledged == q.when(said > old.acknowledged, lambda: said, lambda: old.acknowledged)

    def end_kept(old: Any, new: Any) -> Formula:
        return q.iff(new.end_known, q.any_of(old.end_known, step.args["end_known"]))

    hears = step.transition == "receive_ack"
    return {
        "inputs": acknowledged(
            lambda sender, upto: q.frames(
                lambda frame: q.implies(q.all_of(frame >= 0, frame <= upto), lambda: q.has(known, sender, frame))
            )
        ),
        "all": acknowledged(lambda sender, upto: q.no(q.has(known, sender, upto + 1))),
        "end": every_sent(q, step, AckMessage, end_is_heard),
        "kept": q.implies(hears, lambda: delivered(kept)),
        "end kept": q.implies(hears, lambda: delivered(end_kept)),
    }


@theorem("EP-2", of="step", trusting=False)
def ends_are_announced_until_acknowledged(q: Logic, step: StepView) -> Clauses:
    """An end is announced only while the partner has not acknowledged it, and no more often than the interval says."""
    announces = step.transition == "announce_end"

    def delivery(peer: Any, body: Callable[[Any], Formula]) -> Formula:
        return q.implies(announces, lambda: q.at(peer.deliveries, step.args["player"], body))

    return {
        "open": delivery(step.before, lambda old: q.no(old.end_known)),
        "due": delivery(step.before, lambda old: step.args["now"] >= old.end_due),
        "again": delivery(
            step.after, lambda new: new.end_due == step.args["now"] + step.before.config.resend_interval_ms
        ),
    }


@theorem("TR-3", "TR-4", of="step", trusting=False)
def messages_say_where_they_come_from(q: Logic, step: StepView) -> Clauses:
    """Every message carries game and sender; an input message its time; a fallback is recorded at its frame."""
    config = step.before.config

    def lost(event: Any) -> Formula:
        return q.at(
            step.after.links,
            event.player,
            lambda link: q.all_of(q.equal(link.fallback_frame, step.before.frame), q.no(link.connected)),
        )

    def changed() -> Formula:
        connected, has_sender = step.args["connected"], step.args["has_sender"]
        return q.at(
            step.after.links,
            step.args["player"],
            lambda link: q.all_of(q.iff(link.connected, connected), q.iff(link.has_sender, has_sender)),
        )

    return {
        "game": every(q, step, Sent, lambda event: event.message.game == config.game),
        "sender": every(q, step, Sent, lambda event: event.message.player == config.player),
        "receiver": every(
            q, step, Sent, lambda event: q.all_of(event.to == step.args["player"], event.to != config.player)
        ),
        "time": every_sent(q, step, InputMessage, lambda event: event.message.time_ms == step.args["now"]),
        "fallback": every(q, step, FallbackTriggered, lost),
        "link": q.implies(step.transition == "change_link", changed),
    }


@theorem("IN-9", "EP-2", of="consequence", trusting=False)
def what_is_unacknowledged_is_sent_again(q: Logic, peer: Any) -> Clauses:
    """As long as a partner has not acknowledged an input, or the end, it is sent again whenever that is due."""
    known, me = peer.inputs.known, peer.config.player

    def inputs(player: Any, delivery: Any) -> Formula:
        again = q.enabled(resend_inputs, peer, player, delivery.inputs_due, True)
        return q.implies(q.has(known, me, delivery.acknowledged + 1), lambda: again)

    def end(player: Any, delivery: Any) -> Formula:
        again = q.enabled(announce_end, peer, player, delivery.end_due, True)
        return q.implies(q.all_of(q.is_there(peer.ending.own), q.no(delivery.end_known)), lambda: again)

    def every(one: Any) -> Formula:
        return q.players(
            lambda player: q.implies(
                player != me, lambda: q.at(peer.deliveries, player, lambda delivery: one(player, delivery))
            )
        )

    return {"inputs": every(inputs), "end": every(end)}


@theorem("IN-9", trusting=False)
def only_what_was_said_is_acknowledged(q: Logic, peer: Any) -> Clauses:
    """Whatever a partner acknowledges, it is never taken to have an input that was not scheduled."""
    return {
        "acknowledged": q.players(
            lambda player: q.at(
                peer.deliveries,
                player,
                lambda it: q.all_of(
                    it.acknowledged >= peer.config.input_delay - 1,
                    q.any_of(
                        it.acknowledged < peer.config.input_delay,
                        q.has(peer.inputs.known, peer.config.player, it.acknowledged),
                    ),
                ),
            )
        ),
    }
