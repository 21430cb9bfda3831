"""Inputs: scheduled, received into a queue, drained, stored once (protocol section 1)."""

from __future__ import annotations

from rollproof.reference.containers import Action, InputTable, Player, Sequence
from rollproof.reference.events import InputConflict, InputRejected, InputScheduled, InputStored, Mispredicted
from rollproof.reference.guards import (
    action_is_allowed,
    episode_is_open,
    from_a_partner,
    no_rollback_in_progress,
    running,
    same_epoch,
    same_session,
)
from rollproof.reference.messages import Path
from rollproof.reference.state import Inputs, MispredictionEntry, Peer, Phase, QueuedInput
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.values import evolve, frozen, given, normal, same


@frozen
class Sample:
    """What the local player does now."""

    action: Action


@guard("IN-3", "IN-10")
def local_input_is_open(peer: Peer) -> bool:
    """The frame that the local input is scheduled for has none yet."""
    return peer.inputs.known.get(peer.config.player, peer.frame + peer.config.input_delay) is None


@transition(
    "IN-5",
    "IN-7",
    "IN-10",
    takes=Sample,
    guards=(running, no_rollback_in_progress, local_input_is_open, action_is_allowed),
)
def schedule_input(peer: Peer, sample: Sample) -> Step:
    """The local input sampled at a frame is scheduled for `input_delay` frames later, for good."""
    frame, action = peer.frame + peer.config.input_delay, normal(sample.action)
    known = peer.inputs.known.set(peer.config.player, frame, action)
    return evolve(peer, inputs=evolve(peer.inputs, known=known)), (InputScheduled(frame, action),)


@frozen
class InputArrival:
    """One input of a message that has arrived."""

    player: Player
    """Whose input it is: the sender."""
    epoch: int
    path: Path
    frame: int
    action: Action
    game: str
    """The session of the message."""


@guard("IN-7")
def frame_is_not_negative(peer: Peer, arrival: InputArrival) -> bool:
    """The input is not for a negative frame."""
    return arrival.frame >= 0


@guard("IN-7")
def frame_is_within_reach(peer: Peer, arrival: InputArrival) -> bool:
    """The input is not for a frame further ahead than `max_frames_ahead`."""
    return arrival.frame <= peer.frame + peer.config.max_frames_ahead


@guard("IN-3")
def input_is_unknown(peer: Peer, arrival: InputArrival) -> bool:
    """The input is not known already."""
    return peer.inputs.known.get(arrival.player, arrival.frame) is None


@transition(
    "IN-1",
    "IN-12",
    takes=InputArrival,
    guards=(
        same_session,
        same_epoch,
        from_a_partner,
        frame_is_not_negative,
        frame_is_within_reach,
        action_is_allowed,
        episode_is_open,
        input_is_unknown,
    ),
)
def receive_input(peer: Peer, arrival: InputArrival) -> Step:
    """A remote input that arrives, at any moment, is appended to the queue of its path and does nothing else."""
    due = peer.ticks + peer.config.debug_remote_input_delay
    item = QueuedInput(arrival.player, arrival.frame, arrival.action, due)
    metrics = peer.metrics
    if arrival.path is Path.P2P:
        inputs = evolve(peer.inputs, p2p=peer.inputs.p2p.push(item))
        metrics = evolve(metrics, inputs_received_p2p=metrics.inputs_received_p2p + 1)
    else:
        inputs = evolve(peer.inputs, relay=peer.inputs.relay.push(item))
        metrics = evolve(metrics, inputs_received_relay=metrics.inputs_received_relay + 1)
    return evolve(peer, inputs=inputs, metrics=metrics), ()


@frozen
class Rejection:
    """An input that was refused."""

    player: Player
    frame: int
    reason: str
    """The name of the guard."""


@transition("IN-7", takes=Rejection)
def reject_input(peer: Peer, rejection: Rejection) -> Step:
    """An input that a guard refused is counted, and changes nothing else."""
    metrics = evolve(peer.metrics, inputs_rejected=peer.metrics.inputs_rejected + 1)
    return evolve(peer, metrics=metrics), (InputRejected(rejection.player, rejection.frame, rejection.reason),)


@frozen
class Duplicate:
    """An input that has arrived and is known already."""

    player: Player
    frame: int
    action: Action
    epoch: int
    game: str
    """The session of the message."""


@guard("IN-3")
def input_conflicts(peer: Peer, duplicate: Duplicate) -> bool:
    """Another action is known for the same player and frame."""
    known = peer.inputs.known.get(duplicate.player, duplicate.frame)
    return known is not None and not same(known, duplicate.action)


@transition("IN-3", takes=Duplicate, guards=(same_session, same_epoch, from_a_partner, input_conflicts))
def ignore_conflict(peer: Peer, duplicate: Duplicate) -> Step:
    """A duplicate with another action is counted and reported; the first one stored stays."""
    metrics = evolve(peer.metrics, input_conflicts=peer.metrics.input_conflicts + 1)
    player, frame = duplicate.player, duplicate.frame
    kept = peer.inputs.known.get(player, frame)
    return evolve(peer, metrics=metrics), (InputConflict(player, frame, kept, duplicate.action),)


@frozen
class Drain:
    """Which queue is drained, and when."""

    path: Path
    now: int
    """In milliseconds."""


@guard("IN-2")
def queue_has_input(peer: Peer, drain: Drain) -> bool:
    """An input waits in the queue of the path."""
    return queue_of(peer, drain.path).first() is not None


@guard("IN-12")
def input_is_due(peer: Peer, drain: Drain) -> bool:
    """The oldest queued input has been held back for long enough, or the peer no longer ticks."""
    item = queue_of(peer, drain.path).first()
    held_back = item is not None and peer.config.debug_remote_input_delay > 0 and peer.ticks <= item.due
    return not held_back or peer.ending.phase != Phase.RUNNING


@transition(
    "IN-2",
    "IN-3",
    "RB-1",
    "RB-8",
    takes=Drain,
    guards=(queue_has_input, input_is_due, no_rollback_in_progress, episode_is_open),
)
def drain_input(peer: Peer, drain: Drain) -> Step:
    """The oldest queued input is taken out and stored; if its frame was mispredicted, a rollback becomes pending."""
    item = given(queue_of(peer, drain.path).first())
    inputs, path = peer.inputs, drain.path
    known = inputs.known.get(item.player, item.frame)
    if known is not None:
        return _ignore_duplicate(evolve(peer, inputs=_without_first(inputs, path, inputs.known)), item, known)
    stored = InputStored(item.player, item.frame, item.action)
    peer = evolve(peer, inputs=_without_first(inputs, path, inputs.known.set(item.player, item.frame, item.action)))
    if item.frame >= peer.frame:
        return peer, (stored,)
    predicted = peer.buffers.speculative[item.frame].actions.of(item.player)
    if same(predicted, item.action):
        return peer, (stored,)
    pending = peer.rollback.pending
    pending = item.frame if pending is None else min(pending, item.frame)
    entry = MispredictionEntry(
        epoch=peer.epoch,
        frame=item.frame,
        current_frame=peer.frame,
        depth=peer.frame - item.frame,
        player=item.player,
        predicted=predicted,
        actual=item.action,
        time_ms=drain.now,
    )
    metrics = evolve(peer.metrics, mispredictions=peer.metrics.mispredictions.push(entry))
    peer = evolve(peer, rollback=evolve(peer.rollback, pending=pending), metrics=metrics)
    return peer, (stored, Mispredicted(item.player, item.frame, peer.frame, predicted, item.action))


def queue_of(peer: Peer, path: Path) -> Sequence[QueuedInput]:
    """Return the queue of one path."""
    return peer.inputs.p2p if path is Path.P2P else peer.inputs.relay


def _without_first(inputs: Inputs, path: Path, known: InputTable) -> Inputs:
    if path is Path.P2P:
        return evolve(inputs, known=known, p2p=inputs.p2p.rest())
    return evolve(inputs, known=known, relay=inputs.relay.rest())


def _ignore_duplicate(peer: Peer, item: QueuedInput, known: Action) -> Step:
    if same(known, item.action):
        return peer, ()
    metrics = evolve(peer.metrics, input_conflicts=peer.metrics.input_conflicts + 1)
    return evolve(peer, metrics=metrics), (InputConflict(item.player, item.frame, known, item.action),)
