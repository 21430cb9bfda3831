"""Confirmation and promotion (protocol section 3)."""

from __future__ import annotations

from rollproof.reference.events import FrameConfirmed, FramePromoted
from rollproof.reference.guards import completing, episode_is_open, no_rollback_in_progress, no_rollback_pending
from rollproof.reference.state import CanonicalRecord, Peer
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.values import evolve, given


@guard("BUF-2")
def next_frame_is_simulated(peer: Peer) -> bool:
    """The frame after the confirmed one has been simulated."""
    return peer.confirmed + 1 < peer.frame


@guard("BUF-2")
def next_frame_is_complete(peer: Peer) -> bool:
    """Every player's input of the frame after the confirmed one is known."""
    return peer.inputs.known.complete(peer.confirmed + 1)


@transition(
    "BUF-2",
    "BUF-5",
    guards=(next_frame_is_complete, next_frame_is_simulated, no_rollback_in_progress, episode_is_open),
)
def confirm_frame(peer: Peer) -> Step:
    """The confirmed frame advances by one."""
    frame = peer.confirmed + 1
    return evolve(peer, confirmed=frame), (FrameConfirmed(frame),)


@guard("BUF-3")
def next_record_is_confirmed(peer: Peer) -> bool:
    """The next record to promote belongs to a confirmed frame."""
    return peer.buffers.promoted <= peer.confirmed


@transition("BUF-3", "BUF-4", "BUF-8", guards=(next_record_is_confirmed, no_rollback_pending, no_rollback_in_progress))
def promote_frame(peer: Peer) -> Step:
    """The record of the lowest unpromoted frame becomes canonical; its snapshot is never needed again."""
    frame = peer.buffers.promoted
    record = peer.buffers.speculative[frame]
    digest = peer.buffers.digest.extend(record)
    buffers = evolve(
        peer.buffers,
        speculative=peer.buffers.speculative.remove(frame),
        canonical=peer.buffers.canonical.set(frame, CanonicalRecord(record, unconfirmed=False, digest=digest)),
        promoted=frame + 1,
        digest=digest,
    )
    peer = evolve(peer, buffers=buffers, snapshots=peer.snapshots.remove(frame))
    return peer, (FramePromoted(frame, forced=False),)


@guard("EP-8")
def next_record_is_unconfirmed(peer: Peer) -> bool:
    """The next record to promote belongs to a frame that is not confirmed."""
    return peer.buffers.promoted > peer.confirmed


@guard("EP-8")
def next_record_is_before_the_end(peer: Peer) -> bool:
    """The next record to promote lies below the termination frame."""
    return peer.buffers.promoted < given(peer.ending.termination)


@transition(
    "EP-8",
    "BUF-8",
    guards=(
        completing,
        no_rollback_pending,
        no_rollback_in_progress,
        next_record_is_unconfirmed,
        next_record_is_before_the_end,
    ),
)
def force_promote_frame(peer: Peer) -> Step:
    """A record that the wait could not confirm becomes canonical anyway, flagged unconfirmed."""
    frame = peer.buffers.promoted
    record = peer.buffers.speculative[frame]
    canonical = CanonicalRecord(record, unconfirmed=True, digest=peer.buffers.digest)
    buffers = evolve(
        peer.buffers,
        speculative=peer.buffers.speculative.remove(frame),
        canonical=peer.buffers.canonical.set(frame, canonical),
        promoted=frame + 1,
    )
    peer = evolve(peer, buffers=buffers, snapshots=peer.snapshots.remove(frame))
    return peer, (FramePromoted(frame, forced=True),)
