"""Simulation, rollback and replay (protocol section 2)."""

from __future__ import annotations

from rollproof.reference.containers import FrameMap
from rollproof.reference.events import FrameSimulated, RollbackBegun, RollbackFinished
from rollproof.reference.guards import episode_is_open, no_rollback_in_progress, no_rollback_pending, running
from rollproof.reference.state import Peer, Rollback, RollbackEntry
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.values import evolve, frozen, given
from rollproof.reference.world import Record, Simulation, advance


@transition("RB-7", "IN-12", guards=(running, no_rollback_in_progress))
def begin_tick(peer: Peer) -> Step:
    """A tick begins; it is counted even if no frame will be simulated in it."""
    return evolve(peer, ticks=peer.ticks + 1), ()


@frozen
class Moment:
    """When a frame is simulated, and whether the peer has the focus then: both are noted in its record."""

    now: int
    """In milliseconds."""
    focused: bool


@guard("IN-5")
def local_input_is_scheduled(peer: Peer) -> bool:
    """The local input sampled at this frame has been scheduled, hence that of this frame is known."""
    return peer.inputs.known.get(peer.config.player, peer.frame + peer.config.input_delay) is not None


@guard("IN-8")
def within_prediction_window(peer: Peer) -> bool:
    """The frame is at most `prediction_window` frames beyond the confirmed one."""
    window = peer.config.prediction_window
    return window is None or peer.frame - peer.confirmed <= window


def is_before_the_end(peer: Peer) -> bool:
    """Tell whether the simulation is not over, and no partner's end lies at or before the current frame."""
    termination = peer.ending.termination
    return not peer.simulation.over and (termination is None or peer.frame < termination)


@guard("EP-1", "EP-2")
def frame_is_before_the_end(peer: Peer) -> bool:
    """The simulation is not over, and no partner's end lies at or before the frame."""
    return is_before_the_end(peer)


@transition(
    "IN-6",
    "BUF-1",
    takes=Moment,
    guards=(
        running,
        no_rollback_in_progress,
        no_rollback_pending,
        local_input_is_scheduled,
        within_prediction_window,
        frame_is_before_the_end,
    ),
)
def simulate_frame(peer: Peer, moment: Moment) -> Step:
    """The next frame is simulated with known or predicted inputs, and its record is speculative."""
    simulation, speculative, event = _simulate(peer, peer.frame, moment, replayed=False)
    after = evolve(
        peer,
        frame=peer.frame + 1,
        simulation=simulation,
        snapshots=peer.snapshots.set(peer.frame, peer.simulation),
        buffers=evolve(peer.buffers, speculative=speculative),
        metrics=evolve(peer.metrics, frames=peer.metrics.frames + 1),
    )
    return after, (event,)


@guard("RB-1")
def rollback_is_pending(peer: Peer) -> bool:
    """A rollback is pending."""
    return peer.rollback.pending is not None


@transition("RB-3", "RB-4", guards=(rollback_is_pending, no_rollback_in_progress, episode_is_open))
def begin_rollback(peer: Peer) -> Step:
    """The peer is rolled back to the state before the pending frame, with no record at or after it."""
    target = given(peer.rollback.pending)
    depth = peer.frame - target
    entry = RollbackEntry(epoch=peer.epoch, target=target, current_frame=peer.frame, depth=depth)
    metrics = evolve(
        peer.metrics,
        rollbacks=peer.metrics.rollbacks.push(entry),
        greatest_depth=max(peer.metrics.greatest_depth, depth),
    )
    buffers = evolve(
        peer.buffers,
        speculative=peer.buffers.speculative.before(target),
        canonical=peer.buffers.canonical.before(target),
        promoted=min(peer.buffers.promoted, target),
    )
    peer = evolve(
        peer,
        simulation=peer.snapshots[target],
        buffers=buffers,
        confirmed=min(peer.confirmed, target - 1),
        rollback=Rollback(pending=None, cursor=target),
        metrics=metrics,
    )
    return peer, (RollbackBegun(target, peer.frame),)


@guard("RB-5")
def rollback_in_progress(peer: Peer) -> bool:
    """A rollback is in progress."""
    return peer.rollback.cursor is not None


@guard("RB-5")
def frames_left_to_replay(peer: Peer) -> bool:
    """The replay has not reached the current frame."""
    return given(peer.rollback.cursor) < peer.frame


@transition("RB-5", "RB-6", "BUF-1", takes=Moment, guards=(rollback_in_progress, frames_left_to_replay))
def replay_frame(peer: Peer, moment: Moment) -> Step:
    """The next frame is replayed, with the inputs known by now and fresh predictions elsewhere."""
    cursor = given(peer.rollback.cursor)
    simulation, speculative, event = _simulate(peer, cursor, moment, replayed=True)
    after = evolve(
        peer,
        rollback=evolve(peer.rollback, cursor=cursor + 1),
        simulation=simulation,
        snapshots=peer.snapshots.set(cursor, peer.simulation),
        buffers=evolve(peer.buffers, speculative=speculative),
    )
    return after, (event,)


@guard("RB-5")
def replay_is_complete(peer: Peer) -> bool:
    """The replay has reached the current frame."""
    return peer.rollback.cursor == peer.frame


@transition("RB-5", guards=(rollback_in_progress, replay_is_complete))
def finish_rollback(peer: Peer) -> Step:
    """The rollback is over."""
    return evolve(peer, rollback=evolve(peer.rollback, cursor=None)), (RollbackFinished(peer.frame),)


def _simulate(
    peer: Peer, frame: int, moment: Moment, *, replayed: bool
) -> tuple[Simulation, FrameMap[Record], FrameSimulated]:
    """Return the simulation after a frame, the speculative records with that of the frame, and what happened."""
    actions = peer.inputs.known.joint(frame)
    predicted = peer.inputs.known.predicts(frame)
    simulation, outcome = advance(peer.world, peer.simulation, actions, peer.config.max_steps)
    record = Record(
        actions=actions,
        outcome=outcome,
        returns=simulation.returns,
        steps=simulation.steps,
        over=simulation.over,
        was_speculative=predicted,
        time_ms=moment.now,
        focused=moment.focused,
    )
    speculative = peer.buffers.speculative.set(frame, record)
    return simulation, speculative, FrameSimulated(frame, actions, predicted, replayed)
