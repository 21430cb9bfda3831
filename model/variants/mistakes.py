"""The single mistakes of which `model.variants.variants` is made, as edits of the present protocol."""

from __future__ import annotations

from attrs import evolve as changed

from rollproof.model.variants.edits import Edit, acting, guarded, unguarded, with_more
from rollproof.reference.buffers import confirm_frame, force_promote_frame, next_frame_is_complete, promote_frame
from rollproof.reference.desync import receive_hash
from rollproof.reference.episode import (
    Clock,
    complete_episode,
    end_is_decided,
    expire_wait,
    export_episode,
    give_up_on_partners,
    receive_end,
    reset_episode,
    rows_are_canonical,
    succeed_wait,
    suspect_end,
    target_is_confirmed,
)
from rollproof.reference.events import EndDecided, InputScheduled, Sent
from rollproof.reference.guards import (
    no_rollback_in_progress,
    no_rollback_pending,
    nothing_left_to_confirm,
    queues_are_drained,
    running,
    same_epoch,
    same_session,
)
from rollproof.reference.inputs import Drain, drain_input, ignore_conflict, receive_input, schedule_input
from rollproof.reference.messages import Path
from rollproof.reference.rollback import (
    Moment,
    begin_rollback,
    begin_tick,
    finish_rollback,
    frame_is_before_the_end,
    replay_is_complete,
    simulate_frame,
    within_prediction_window,
)
from rollproof.reference.state import Peer, Phase
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.transport import Transmission, receive_ack, resend_inputs, send_inputs
from rollproof.reference.values import evolve, given

# --- inputs ---


@guard()
def never(peer: Peer) -> bool:
    """Nothing holds."""
    return False


@transition(
    "IN-10",
    takes=Moment,
    guards=(running, no_rollback_in_progress, no_rollback_pending, frame_is_before_the_end),
)
def fast_forward(peer: Peer, moment: Moment) -> Step:
    """A frame that was missed is simulated with the default action of the local player, and counts as confirmed."""
    frame, action = peer.frame, peer.config.default_action
    known = peer.inputs.known.set(peer.config.player, frame, action)
    after, events = simulate_frame.effect(evolve(peer, inputs=evolve(peer.inputs, known=known)), moment)
    return evolve(after, confirmed=frame), (InputScheduled(frame, action), *events)


REDUNDANCY_ONLY: tuple[Edit, ...] = (guarded(resend_inputs, never),)
FAST_FORWARD_INVENTS_INPUTS: tuple[Edit, ...] = (with_more(fast_forward),)
UNTAGGED_INPUTS: tuple[Edit, ...] = (unguarded(receive_input, same_epoch),)
SESSION_UNCHECKED: tuple[Edit, ...] = (
    unguarded(receive_input, same_session),
    unguarded(ignore_conflict, same_session),
    unguarded(receive_ack, same_session),
    unguarded(receive_end, same_session),
    unguarded(receive_hash, same_session),
)


@guard("IN-8")
def within_window_and_one(peer: Peer) -> bool:
    """The frame is at most one more than `prediction_window` frames beyond the confirmed one."""
    window = peer.config.prediction_window
    return window is None or peer.frame - peer.confirmed <= window + 1


WINDOW_OFF_BY_ONE: tuple[Edit, ...] = (
    guarded(simulate_frame, within_window_and_one, instead_of=within_prediction_window),
)

# --- rollback ---


def begin_and_clear(peer: Peer) -> Step:
    """A tick begins; a rollback that is pending is forgotten."""
    after, events = begin_tick.effect(peer)
    return evolve(after, rollback=evolve(after.rollback, pending=None)), events


def drain_unchecked_in_replay(peer: Peer, drain: Drain) -> Step:
    """The oldest queued input is stored; during a replay as if its frame had never been simulated."""
    if peer.rollback.cursor is None:
        return drain_input.effect(peer, drain)
    after, events = drain_input.effect(evolve(peer, frame=0), drain)
    return evolve(after, frame=peer.frame), events


def drain_latest(peer: Peer, drain: Drain) -> Step:
    """The oldest queued input is stored; if its frame was mispredicted, that frame becomes the pending one."""
    without = evolve(peer, rollback=evolve(peer.rollback, pending=None))
    after, events = drain_input.effect(without, drain)
    if after.rollback.pending is None:
        return evolve(after, rollback=peer.rollback), events
    return after, events


def keep_returns(peer: Peer) -> Step:
    """The peer becomes as it was before the pending frame, but for the cumulative rewards."""
    after, events = begin_rollback.effect(peer)
    return evolve(after, simulation=evolve(after.simulation, returns=peer.simulation.returns)), events


def leave_canonical_alone(peer: Peer) -> Step:
    """The peer becomes as it was before the pending frame, but for the canonical buffer."""
    after, events = begin_rollback.effect(peer)
    buffers = evolve(after.buffers, canonical=peer.buffers.canonical, promoted=peer.buffers.promoted)
    return evolve(after, buffers=buffers), events


def forget_queues(peer: Peer) -> Step:
    """The peer becomes as it was before the pending frame, and what is queued is forgotten."""
    after, events = begin_rollback.effect(peer)
    inputs = evolve(after.inputs, p2p=after.inputs.p2p.cleared(), relay=after.inputs.relay.cleared())
    return evolve(after, inputs=inputs), events


def record_last_depth(peer: Peer) -> Step:
    """The peer becomes as it was before the pending frame, and the depth of this rollback is the greatest one."""
    after, events = begin_rollback.effect(peer)
    depth = peer.frame - given(peer.rollback.pending)
    return evolve(after, metrics=evolve(after.metrics, greatest_depth=depth)), events


STALE_CLEAR: tuple[Edit, ...] = (acting(begin_tick, begin_and_clear),)
STORE_UNCHECKED_IN_REPLAY: tuple[Edit, ...] = (
    unguarded(drain_input, no_rollback_in_progress),
    acting(drain_input, drain_unchecked_in_replay),
)
LATEST_MISPREDICTION_WINS: tuple[Edit, ...] = (acting(drain_input, drain_latest),)
COUNTERS_NOT_RESTORED: tuple[Edit, ...] = (acting(begin_rollback, keep_returns),)
QUEUE_LOST_IN_ROLLBACK: tuple[Edit, ...] = (acting(begin_rollback, forget_queues),)
DEPTH_OF_LAST_ROLLBACK: tuple[Edit, ...] = (acting(begin_rollback, record_last_depth),)
PARTIAL_REPLAY: tuple[Edit, ...] = (unguarded(finish_rollback, replay_is_complete),)
WAIT_INTERLEAVES_WITH_TICK: tuple[Edit, ...] = tuple(
    unguarded(each, no_rollback_in_progress)
    for each in (begin_tick, schedule_input, simulate_frame, confirm_frame, promote_frame)
)

# --- buffers ---


def promote_and_keep_snapshot(peer: Peer) -> Step:
    """The next record becomes canonical; its snapshot stays, since a rollback may still be due there."""
    after, events = promote_frame.effect(peer)
    return evolve(after, snapshots=peer.snapshots), events


def promote_unflagged(peer: Peer) -> Step:
    """A record that is not confirmed becomes canonical, and nothing tells."""
    frame = peer.buffers.promoted
    after, events = force_promote_frame.effect(peer)
    record = evolve(after.buffers.canonical[frame], unconfirmed=False)
    return evolve(after, buffers=evolve(after.buffers, canonical=after.buffers.canonical.set(frame, record))), events


CONFIRMED_JUMPS_GAP: tuple[Edit, ...] = (unguarded(confirm_frame, next_frame_is_complete),)
FORCED_ROWS_UNFLAGGED: tuple[Edit, ...] = (acting(force_promote_frame, promote_unflagged),)

# --- the end of an episode ---


def decide_when_simulated(peer: Peer, clock: Clock) -> Step:
    """The peer stops ticking, and the end that it has simulated is its decision."""
    after, events = suspect_end.effect(peer, clock)
    end = peer.simulation.steps if peer.simulation.over else peer.frame
    termination = after.ending.termination
    ending = evolve(
        after.ending,
        own=end,
        own_digest=after.buffers.digest,
        termination=end if termination is None else min(termination, end),
    )
    return evolve(after, ending=ending), (*events, EndDecided(end))


def complete_at_once(peer: Peer, clock: Clock) -> Step:
    """The peer stops ticking, decides its end, and waits for nothing."""
    after, events = decide_when_simulated(peer, clock)
    return evolve(after, ending=evolve(after.ending, phase=Phase.COMPLETING, deadline=None)), events


@guard("EP-6")
def target_has_all_inputs(peer: Peer) -> bool:
    """Every player's input of the last frame below the termination frame is known."""
    return peer.inputs.known.complete(given(peer.ending.termination) - 1)


@guard("BUF-4", "EP-8")
def no_rollback_pending_or_completing(peer: Peer) -> bool:
    """No rollback is pending, or the episode completes anyway."""
    return peer.rollback.pending is None or peer.ending.phase == Phase.COMPLETING


def complete_unconfirmed(peer: Peer, clock: Clock) -> Step:
    """A partner's end did not arrive: the episode completes as it is, and nothing tells."""
    after, events = give_up_on_partners.effect(peer, clock)
    ending = evolve(after.ending, phase=Phase.COMPLETING, deadline=None, alone=False)
    return evolve(after, ending=ending), events


def reset_but_inputs(peer: Peer) -> Step:
    """The next episode begins, and the inputs of the last are still known."""
    after, events = reset_episode.effect(peer)
    return evolve(after, inputs=evolve(after.inputs, known=peer.inputs.known)), events


END_ON_PREDICTED_STATE: tuple[Edit, ...] = (acting(suspect_end, decide_when_simulated),)
WAIT_CHECKS_TARGET_ONLY: tuple[Edit, ...] = (
    guarded(succeed_wait, target_has_all_inputs, instead_of=target_is_confirmed),
    unguarded(succeed_wait, end_is_decided),
)
COMPLETE_WITH_PENDING: tuple[Edit, ...] = (
    *(unguarded(each, no_rollback_pending, nothing_left_to_confirm) for each in (succeed_wait, expire_wait)),
    guarded(promote_frame, no_rollback_pending_or_completing, instead_of=no_rollback_pending),
    unguarded(force_promote_frame, no_rollback_pending),
    unguarded(complete_episode, no_rollback_pending),
)
SYNC_TIMEOUT_BYPASSES_WAIT: tuple[Edit, ...] = (
    unguarded(give_up_on_partners, queues_are_drained),
    acting(give_up_on_partners, complete_unconfirmed),
)
EXPORT_DURING_ROLLBACK: tuple[Edit, ...] = (
    unguarded(expire_wait, no_rollback_in_progress, nothing_left_to_confirm),
    unguarded(complete_episode, no_rollback_in_progress, rows_are_canonical),
    unguarded(export_episode, no_rollback_in_progress),
)
INPUTS_SURVIVE_RESET: tuple[Edit, ...] = (acting(reset_episode, reset_but_inputs),)

# --- transport ---


def send_twice(peer: Peer, to: Transmission) -> Step:
    """The newest local inputs go to a partner on the path they should take, and on the relay."""
    after, events = send_inputs.effect(peer, to)
    return after, (*events, *(changed(each, path=Path.RELAY) for each in events if isinstance(each, Sent)))


BOTH_PATHS: tuple[Edit, ...] = (acting(send_inputs, send_twice),)
