"""Desync detection: partners' hashes are compared with this peer's own (ME-4)."""

from __future__ import annotations

from rollproof.reference.containers import Player
from rollproof.reference.digest import Digest
from rollproof.reference.events import HashMismatch
from rollproof.reference.guards import from_a_partner, own_hash_is_known, same_epoch, same_session
from rollproof.reference.state import Peer
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.values import evolve, frozen


@frozen
class HashArrival:
    """A partner's running hash."""

    player: Player
    """The sender."""
    epoch: int
    frame: int
    """The last frame in the hash."""
    digest: Digest
    game: str
    """The session of the message."""


@guard("ME-4", "IN-7")
def hash_is_plausible(peer: Peer, arrival: HashArrival) -> bool:
    """The hash is of a frame that is not negative, and not further ahead than an input may be."""
    return 0 <= arrival.frame <= peer.frame + peer.config.max_frames_ahead


@transition("ME-4", takes=HashArrival, guards=(same_session, same_epoch, from_a_partner, hash_is_plausible))
def receive_hash(peer: Peer, arrival: HashArrival) -> Step:
    """A partner's hash is kept until this peer has its own of the same frame."""
    heard = peer.desync.heard.set(arrival.player, arrival.frame, arrival.digest)
    return evolve(peer, desync=evolve(peer.desync, heard=heard)), ()


@frozen
class Comparison:
    """Whose hash of which frame is compared with this peer's."""

    player: Player
    frame: int


@guard("ME-4")
def hash_was_heard(peer: Peer, comparison: Comparison) -> bool:
    """The partner's hash of the frame has arrived."""
    return peer.desync.heard.get(comparison.player, comparison.frame) is not None


@transition("ME-4", takes=Comparison, guards=(from_a_partner, hash_was_heard, own_hash_is_known))
def compare_hash(peer: Peer, comparison: Comparison) -> Step:
    """A partner's hash is compared with this peer's; a difference is counted and reported."""
    player, frame = comparison.player, comparison.frame
    theirs = peer.desync.heard.get(player, frame)
    ours = peer.buffers.canonical[frame].digest
    desync = evolve(peer.desync, heard=peer.desync.heard.remove(player, frame))
    metrics = evolve(peer.metrics, hashes_compared=peer.metrics.hashes_compared + 1)
    if theirs == ours:
        return evolve(peer, desync=desync, metrics=metrics), ()
    first = frame if desync.first_mismatch is None else min(desync.first_mismatch, frame)
    metrics = evolve(metrics, hash_mismatches=metrics.hash_mismatches + 1)
    peer = evolve(peer, desync=evolve(desync, first_mismatch=first), metrics=metrics)
    return peer, (HashMismatch(player, frame),)
