"""The theorems about sending, acknowledging and the two paths."""

from __future__ import annotations

from typing import Any

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


@theorem("IN-4", "IN-9", of="step", trusting=False)
def packets_carry_what_is_needed(q: Logic, step: StepView) -> Clauses:
    """A packet carries the newest input and as many before it as configured; a re-sent one what is unacknowledged."""
    before = step.before
    clauses: Clauses = {}
    if step.transition in ("send_inputs", "resend_inputs"):
        clauses["sent"] = sum(isinstance(event, Sent) for event in step.events) == 1
    for event in step.events:
        if not (isinstance(event, Sent) and isinstance(event.message, InputMessage)):
            continue
        known, me, delay = before.inputs.known, before.config.player, before.config.input_delay
        first, last = event.message.first, q.last_of(event.message)
        if step.transition == "send_inputs":
            run = last - before.config.redundancy + 1
            clauses["newest"] = q.all_of(q.has(known, me, last), q.no(q.has(known, me, last + 1)))
            clauses["redundancy"] = first == q.when(run > delay, lambda: run, lambda: delay)
        else:
            delivery = q.read(before.deliveries, event.to)
            most = delivery.acknowledged + before.config.max_resent
            clauses["oldest"] = first == delivery.acknowledged + 1
            clauses["some"] = last >= first
            clauses["most"] = q.any_of(last == most, q.no(q.has(known, me, last + 1)))
            clauses["due"] = step.args["now"] >= delivery.inputs_due
            clauses["again"] = (
                q.read(step.after.deliveries, event.to).inputs_due
                == step.args["now"] + before.config.resend_interval_ms
            )
    return clauses


@theorem("IN-9", "EP-2", of="step", trusting=False)
def acknowledgements_are_true(q: Logic, step: StepView) -> Clauses:
    """What a peer acknowledges it has, without a hole; and what it was once told it does not forget."""
    before, after = step.before, step.after
    clauses: Clauses = {}
    for event in step.events:
        if isinstance(event, Sent) and isinstance(event.message, InputMessage | AckMessage):
            upto, sender = event.message.acknowledged, event.to
            clauses["inputs"] = q.frames(
                lambda frame: q.implies(
                    q.all_of(frame >= 0, frame <= upto), lambda: q.has(before.inputs.known, sender, frame)
                )
            )
            clauses["all"] = q.no(q.has(before.inputs.known, sender, upto + 1))
        if isinstance(event, Sent) and isinstance(event.message, AckMessage):
            closed = q.no(before.ending.phase < Phase.COMPLETING)
            heard = q.any_of(q.has(before.ending.announced, event.to), closed)
            clauses["end"] = q.iff(event.message.end_known, heard)
    if step.transition == "receive_ack":
        player = step.args["player"]
        old, new = q.read(before.deliveries, player), q.read(after.deliveries, player)
        said = step.args["acknowledged"]
        clauses["kept"] = new.acknowledged == q.when(said > old.acknowledged, lambda: said, lambda: old.acknowledged)
        clauses["end kept"] = q.iff(new.end_known, q.any_of(old.end_known, step.args["end_known"]))
    return clauses


@theorem("EP-2", of="step", trusting=False)
def ends_are_announced_until_acknowledged(q: Logic, step: StepView) -> Clauses:
    """An end is announced only while the partner has not acknowledged it, and no more often than the interval says."""
    if step.transition != "announce_end":
        return {}
    old = q.read(step.before.deliveries, step.args["player"])
    new = q.read(step.after.deliveries, step.args["player"])
    now = step.args["now"]
    return {
        "open": q.no(old.end_known),
        "due": now >= old.end_due,
        "again": new.end_due == now + step.before.config.resend_interval_ms,
    }


@theorem("TR-3", "TR-4", of="step", trusting=False)
def messages_say_where_they_come_from(q: Logic, step: StepView) -> Clauses:
    """Every message carries game and sender; an input message its time; a fallback is recorded at its frame."""
    clauses: Clauses = {}
    config = step.before.config
    for event in step.events:
        if isinstance(event, Sent):
            clauses["game"] = event.message.game == config.game
            clauses["sender"] = event.message.player == config.player
            clauses["receiver"] = q.all_of(event.to == step.args["player"], event.to != config.player)
        if isinstance(event, Sent) and isinstance(event.message, InputMessage):
            clauses["time"] = event.message.time_ms == step.args["now"]
        if isinstance(event, FallbackTriggered):
            link = q.read(step.after.links, event.player)
            clauses["fallback"] = q.all_of(
                q.is_there(link.fallback_frame),
                q.given(link.fallback_frame, lambda frame: frame == step.before.frame),
                q.no(link.connected),
                event.frame == step.before.frame,
            )
    if step.transition == "change_link":
        link = q.read(step.after.links, step.args["player"])
        clauses["link"] = q.all_of(
            q.iff(link.connected, step.args["connected"]), q.iff(link.has_sender, step.args["has_sender"])
        )
    return clauses


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
