"""Why everything comes to its end: rankings that no step raises, and that a round of two peers lowers (LI-1, LI-2).

A frame becomes canonical, and an episode comes to its end, in rounds. In a round of a peer and a partner

1. the peer sends again the oldest input that the partner has not acknowledged, or its end, until it arrives
   (`what_is_unacknowledged_is_sent_again`, `packets_carry_what_is_needed`);
2. the partner queues it, unless it knows it (`inputs_are_accepted_as_the_rule_says`, `no_input_is_lost`), drains it in
   its next tick or poll, and tells of it in whatever it sends from then on, until that arrives;
3. the peer takes note of it (`possible_exactly_when_the_rules_say`).

Of any two peers, and whatever either does, the ranking (inputs not acknowledged; has the oldest of them arrived; is it
known) never grows, and each part of a round lowers it; so does what is said of the ends. That is stated below. Once the
inputs of a frame are known everywhere, the other theorems say that the frame becomes canonical, that the next one is
simulated, that the end is decided, and that the wait is over.

What is taken for granted: the premises of LI-1; that drivers take every internal step that is possible, of which there
are finitely many (`internal_steps_terminate`, and the contracts of `model.sessions.driving`); and induction over frames
and ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from rollproof.model.theorems.definitions import every_sent
from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, StepView, theorem
from rollproof.reference.buffers import confirm_frame, promote_frame
from rollproof.reference.episode import begin_wait, decide_end, succeed_wait, suspect_end, withdraw_end
from rollproof.reference.inputs import drain_input
from rollproof.reference.messages import AckMessage, InputMessage, Path
from rollproof.reference.rollback import begin_rollback, finish_rollback, replay_frame, simulate_frame
from rollproof.reference.state import Phase

# --- one peer, once what it needs has arrived -------------------------------------------------------------------------


def _at_rest(q: Logic, peer: Any) -> Formula:
    """No step is left that neither a message nor the clock brings about, and that a tick or poll takes."""
    steps = [
        *(q.enabled(drain_input, peer, path, 0) for path in Path),
        *(q.enabled(each, peer) for each in (begin_rollback, finish_rollback, confirm_frame, promote_frame)),
        q.enabled(replay_frame, peer, 0, True),
    ]
    return q.no(q.any_of(*steps))


@theorem("LI-1", of="consequence", trusting=False)
def known_frames_become_canonical(q: Logic, peer: Any) -> Clauses:
    """A simulated frame is canonical once all inputs up to it are known and no internal step is left."""
    ready = q.all_of(peer.ending.phase < Phase.COMPLETING, _at_rest(q, peer))
    frame = peer.buffers.promoted
    complete = q.players(lambda player: q.has(peer.inputs.known, player, frame))
    return {"canonical": q.implies(ready, lambda: q.no(q.all_of(frame < peer.frame, complete)))}


@theorem("LI-1", of="consequence", trusting=False)
def a_running_peer_goes_on(q: Logic, peer: Any) -> Clauses:
    """A running peer whose frames are all canonical simulates the next one, or has its end in sight."""
    newest = peer.frame + peer.config.input_delay
    ready = q.all_of(
        peer.ending.phase == Phase.RUNNING,
        _at_rest(q, peer),
        peer.buffers.promoted == peer.frame,
        q.has(peer.inputs.known, peer.config.player, newest),
    )
    return {
        "goes on": q.implies(
            ready, lambda: q.any_of(q.enabled(simulate_frame, peer, 0, True), q.enabled(suspect_end, peer, 0))
        )
    }


@theorem("LI-2", of="consequence", trusting=False)
def an_end_in_sight_is_decided(q: Logic, peer: Any) -> Clauses:
    """An end in sight is decided, or withdrawn, once every simulated frame is canonical and no other step is left."""
    ending = peer.ending
    undecided = q.all_of(
        q.any_of(ending.phase == Phase.SYNCING, ending.phase == Phase.WAITING),
        q.no(q.is_there(peer.rollback.cursor)),
        q.no(q.is_there(ending.own)),
        q.no(ending.alone),
    )
    ready = q.all_of(undecided, _at_rest(q, peer), peer.buffers.promoted == peer.frame)
    announced = q.value_or(ending.termination, peer.frame + 1)
    reached, over = announced <= peer.frame, peer.simulation.over
    return {
        "announced": q.implies(q.all_of(ready, reached), lambda: q.enabled(decide_end, peer, announced)),
        "over": q.implies(
            q.all_of(ready, q.no(reached), over), lambda: q.enabled(decide_end, peer, peer.simulation.steps)
        ),
        "neither": q.implies(q.all_of(undecided, q.no(reached), q.no(over)), lambda: q.enabled(withdraw_end, peer)),
    }


@theorem("LI-2", of="consequence", trusting=False)
def what_is_decided_is_completed(q: Logic, peer: Any) -> Clauses:
    """With every end known the wait begins; with every input below the termination frame known it succeeds."""
    ending, me = peer.ending, peer.config.player
    end = q.value_or(ending.termination, 0)
    ready = q.all_of(_at_rest(q, peer), q.any_of(q.is_there(ending.own), ending.alone))
    ends = q.players(lambda player: q.any_of(player == me, q.has(ending.announced, player)))
    frame = peer.confirmed + 1
    lacking = q.all_of(frame < end, q.no(q.players(lambda player: q.has(peer.inputs.known, player, frame))))
    return {
        "begins": q.implies(
            q.all_of(ready, ending.phase == Phase.SYNCING, ends), lambda: q.enabled(begin_wait, peer, 0)
        ),
        "succeeds": q.implies(
            q.all_of(ready, ending.phase == Phase.WAITING, q.no(lacking)), lambda: q.enabled(succeed_wait, peer)
        ),
    }


# --- two peers, and what is between them ------------------------------------------------------------------------------


@theorem("IN-9", "IN-10", of="product")
def nobody_knows_what_was_not_scheduled(q: Logic, sender: Any, receiver: Any, _: Any) -> Clauses:
    """A partner in the same episode has only those of a peer's inputs that this peer has scheduled."""
    player, known = sender.config.player, sender.inputs.known
    same, ahead = sender.epoch == receiver.epoch, receiver.epoch > sender.epoch

    def waiting(holds: Callable[[Any], Formula]) -> Formula:
        def one(item: Any) -> Formula:
            return q.implies(item.player == player, lambda: holds(item.frame))

        return q.all_of(q.positions(receiver.inputs.p2p, one), q.positions(receiver.inputs.relay, one))

    def kept(holds: Callable[[Any], Formula]) -> Formula:
        return q.frames(
            lambda frame: q.implies(q.has(receiver.inputs.known, player, frame), lambda: holds(frame)),
        )

    def scheduled(frame: Any) -> Formula:
        return q.has(known, player, frame)

    return {
        "known": q.implies(same, lambda: kept(scheduled)),
        "queued": q.implies(same, lambda: waiting(scheduled)),
        "known early": q.implies(ahead, lambda: kept(lambda frame: frame < sender.config.input_delay)),
        "queued early": q.implies(ahead, lambda: waiting(lambda frame: frame < sender.config.input_delay)),
    }


@frozen
class Round:
    """A step of one of two peers, seen as a part of a round."""

    sender: Any
    """The peer whose inputs and end are to be acknowledged."""
    receiver: Any
    sender_after: Any
    receiver_after: Any
    step: StepView
    sends: bool
    """Whether it is the sender that steps; else the receiver."""


@theorem("LI-1", "LI-2", of="round")
def a_round_brings_two_peers_nearer(q: Logic, seen: Round) -> Clauses:
    """Whatever either of two peers does, what one still owes the other never grows; each part of a round lowers it."""
    step, args = seen.step, seen.step.args
    player, partner = seen.sender.config.player, seen.receiver.config.player
    delivery = q.read(seen.sender.deliveries, partner)
    later = q.read(seen.sender_after.deliveries, partner)
    oldest = delivery.acknowledged + 1
    this_episode = q.all_of(
        seen.sender.epoch == seen.receiver.epoch,
        seen.sender_after.epoch == seen.sender.epoch,
        seen.receiver_after.epoch == seen.receiver.epoch,
    )

    def known(receiver: Any) -> Formula:
        return q.has(receiver.inputs.known, player, oldest)

    def arrived(receiver: Any) -> Formula:
        def another(item: Any) -> Formula:
            return q.no(q.all_of(item.player == player, item.frame == oldest))

        inputs = receiver.inputs
        queued = q.no(q.all_of(q.positions(inputs.p2p, another), q.positions(inputs.relay, another)))
        return q.any_of(known(receiver), queued)

    def heard(receiver: Any) -> Formula:
        return q.any_of(q.has(receiver.ending.announced, player), q.no(receiver.ending.phase < Phase.COMPLETING))

    def when(taken: bool, premise: Callable[[], Formula], conclusion: Callable[[], Formula]) -> Formula:
        return q.implies(taken, lambda: q.implies(q.all_of(this_episode, premise()), conclusion))

    def said(kind: Any, body: Callable[[Any], Formula]) -> Formula:
        def told(event: Any) -> Formula:
            return q.implies(event.to == player, lambda: body(event.message))

        return when(not seen.sends, q.all_of, lambda: every_sent(q, step, kind, told))

    acked = seen.sends and step.transition == "receive_ack"
    drained = not seen.sends and step.transition == "drain_input"
    before, after = seen.receiver, seen.receiver_after
    queue = before.inputs.relay if args.get("path") is Path.RELAY else before.inputs.p2p
    return {
        "acknowledged": when(True, q.all_of, lambda: later.acknowledged >= delivery.acknowledged),
        "arrived": when(not seen.sends, lambda: arrived(before), lambda: arrived(after)),
        "known": when(not seen.sends, lambda: known(before), lambda: known(after)),
        "arrival": when(
            not seen.sends and step.transition == "receive_input",
            lambda: q.all_of(args["player"] == player, args["frame"] == oldest),
            lambda: arrived(after),
        ),
        "drain": when(
            drained,
            lambda: q.oldest(queue, lambda item: q.all_of(item.player == player, item.frame == oldest)),
            lambda: known(after),
        ),
        "said": said(
            InputMessage | AckMessage,
            lambda message: q.implies(known(before), lambda: message.acknowledged >= oldest),
        ),
        "told": when(
            acked,
            lambda: q.all_of(args["player"] == partner, args["acknowledged"] >= oldest),
            lambda: later.acknowledged >= oldest,
        ),
        "end decided": when(
            seen.sends, lambda: q.is_there(seen.sender.ending.own), lambda: q.is_there(seen.sender_after.ending.own)
        ),
        "end heard": when(not seen.sends, lambda: heard(before), lambda: heard(after)),
        "end known": when(True, lambda: delivery.end_known, lambda: later.end_known),
        "end arrival": when(
            not seen.sends and step.transition == "receive_end",
            lambda: args["player"] == player,
            lambda: heard(after),
        ),
        "end said": said(AckMessage, lambda message: q.implies(heard(before), lambda: message.end_known)),
        "end told": when(
            acked,
            lambda: q.all_of(args["player"] == partner, args["end_known"]),
            lambda: later.end_known,
        ),
    }
