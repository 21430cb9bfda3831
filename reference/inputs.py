"""Inputs: scheduled, received into a queue, drained, stored once (protocol section 1)."""

from __future__ import annotations

from rollproof.reference.containers import Action, InputTable, Player, Sequence
from rollproof.reference.events import InputConflict, InputRejected, InputScheduled, InputStored, Mispredicted
from rollproof.reference.guards import episode_is_open, from_a_partner, no_rollback_in_progress, running, same_epoch
from rollproof.reference.messages import Path
from rollproof.reference.state import Inputs, MispredictionEntry, Peer, Phase, QueuedInput
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.values import evolve, given, same


@guard("IN-3", "IN-10")
def local_input_is_open(peer: Peer, action: Action) -> bool:
    """The frame that the local input is scheduled for has none yet."""
    return peer.inputs.known.get(peer.config.player, peer.frame + peer.config.input_delay) is None


@transition("IN-5", "IN-10", guards=(running, no_rollback_in_progress, local_input_is_open))
def schedule_input(peer: Peer, action: Action) -> Step:
    """The local input sampled at a frame is scheduled for `input_delay` frames later, for good."""
    frame = peer.frame + peer.config.input_delay
    known = peer.inputs.known.set(peer.config.player, frame, action)
    return evolve(peer, inputs=evolve(peer.inputs, known=known)), (InputScheduled(frame, action),)


@guard("IN-7")
def frame_is_not_negative(peer: Peer, player: Player, epoch: int, path: Path, frame: int, action: Action) -> bool:
    """The input is not for a negative frame."""
    return frame >= 0


@guard("IN-7")
def frame_is_within_reach(peer: Peer, player: Player, epoch: int, path: Path, frame: int, action: Action) -> bool:
    """The input is not for a frame further ahead than `max_frames_ahead`."""
    return frame <= peer.frame + peer.config.max_frames_ahead


@guard("IN-3")
def input_is_unknown(peer: Peer, player: Player, epoch: int, path: Path, frame: int, action: Action) -> bool:
    """The input is not known already."""
    return peer.inputs.known.get(player, frame) is None


@transition(
    "IN-1",
    "IN-12",
    guards=(
        same_epoch,
        from_a_partner,
        frame_is_not_negative,
        frame_is_within_reach,
        episode_is_open,
        input_is_unknown,
    ),
)
def receive_input(peer: Peer, player: Player, epoch: int, path: Path, frame: int, action: Action) -> Step:
    """A remote input that arrives, at any moment, is appended to the queue of its path and does nothing else."""
    item = QueuedInput(player, frame, action, peer.ticks + peer.config.debug_remote_input_delay)
    metrics = peer.metrics
    if path is Path.P2P:
        inputs = evolve(peer.inputs, p2p=peer.inputs.p2p.push(item))
        metrics = evolve(metrics, inputs_received_p2p=metrics.inputs_received_p2p + 1)
    else:
        inputs = evolve(peer.inputs, relay=peer.inputs.relay.push(item))
        metrics = evolve(metrics, inputs_received_relay=metrics.inputs_received_relay + 1)
    return evolve(peer, inputs=inputs, metrics=metrics), ()


@transition("IN-7")
def reject_input(peer: Peer, player: Player, frame: int, reason: str) -> Step:
    """An input that a guard refused is counted, and changes nothing else."""
    metrics = evolve(peer.metrics, inputs_rejected=peer.metrics.inputs_rejected + 1)
    return evolve(peer, metrics=metrics), (InputRejected(player, frame, reason),)


@guard("IN-3")
def input_conflicts(peer: Peer, player: Player, frame: int, action: Action) -> bool:
    """Another action is known for the same player and frame."""
    known = peer.inputs.known.get(player, frame)
    return known is not None and known != action


@transition("IN-3", guards=(from_a_partner, input_conflicts))
def ignore_conflict(peer: Peer, player: Player, frame: int, action: Action) -> Step:
    """A duplicate with another action is counted and reported; the first one stored stays."""
    metrics = evolve(peer.metrics, input_conflicts=peer.metrics.input_conflicts + 1)
    kept = peer.inputs.known.get(player, frame)
    return evolve(peer, metrics=metrics), (InputConflict(player, frame, kept, action),)


@guard("IN-2")
def queue_has_input(peer: Peer, path: Path, now: int) -> bool:
    """An input waits in the queue of the path."""
    return queue_of(peer, path).first() is not None


@guard("IN-12")
def input_is_due(peer: Peer, path: Path, now: int) -> bool:
    """The oldest queued input has been held back for long enough, or the peer no longer ticks."""
    item = queue_of(peer, path).first()
    held_back = item is not None and peer.config.debug_remote_input_delay > 0 and peer.ticks <= item.due
    return not held_back or peer.ending.phase != Phase.RUNNING


@transition(
    "IN-2", "IN-3", "RB-1", "RB-8", guards=(queue_has_input, input_is_due, no_rollback_in_progress, episode_is_open)
)
def drain_input(peer: Peer, path: Path, now: int) -> Step:
    """The oldest queued input is taken out and stored; if its frame was mispredicted, a rollback becomes pending."""
    item = given(queue_of(peer, path).first())
    inputs = peer.inputs
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
        time_ms=now,
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
    if known == item.action:
        return peer, ()
    metrics = evolve(peer.metrics, input_conflicts=peer.metrics.input_conflicts + 1)
    return evolve(peer, metrics=metrics), (InputConflict(item.player, item.frame, known, item.action),)
