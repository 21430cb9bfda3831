"""The end of an episode: suspicion, decision, confirmation wait, completion, export, reset (protocol section 4)."""

from __future__ import annotations

from rollproof.reference.containers import Player
from rollproof.reference.events import (
    EndDecided,
    EndHeard,
    EndsDiffer,
    EndSuspected,
    EndWithdrawn,
    EpisodeCompleted,
    EpisodeExported,
    EpisodeReset,
    Event,
    PartnerEndMissing,
    WaitBegun,
    WaitSucceeded,
    WaitTimedOut,
)
from rollproof.reference.guards import (
    completing,
    deadline_has_passed,
    end_is_in_sight,
    episode_is_open,
    from_a_partner,
    no_rollback_in_progress,
    no_rollback_pending,
    nothing_left_to_confirm,
    queues_are_drained,
    running,
    same_epoch,
    same_session,
    syncing,
    waiting,
)
from rollproof.reference.rollback import is_before_the_end
from rollproof.reference.state import Peer, Phase, begin_episode
from rollproof.reference.transition import Step, guard, transition
from rollproof.reference.values import evolve, frozen, given

END_TOLERANCE = 5
"""How many frames two ends may lie apart without a warning (EP-2)."""


@frozen
class Clock:
    """What time it is."""

    now: int
    """In milliseconds."""


@guard("EP-1", "EP-2")
def end_is_reached(peer: Peer) -> bool:
    """The simulation is over, or a partner's end has been reached."""
    return not is_before_the_end(peer)


@transition("EP-1", "EP-9", takes=Clock, guards=(end_is_reached, running, no_rollback_in_progress, no_rollback_pending))
def suspect_end(peer: Peer, clock: Clock) -> Step:
    """The peer stops ticking: the end is in sight, perhaps only on predictions."""
    deadline = clock.now + peer.config.episode_sync_timeout_ms
    ending = evolve(peer.ending, phase=Phase.SYNCING, deadline=deadline)
    return evolve(peer, ending=ending), (EndSuspected(peer.frame),)


@guard("EP-1")
def end_was_false(peer: Peer) -> bool:
    """The simulation is no longer over, and no partner's end has been reached."""
    return is_before_the_end(peer)


@guard("EP-1")
def end_is_undecided(peer: Peer) -> bool:
    """The peer has not decided its end."""
    return peer.ending.own is None


@transition("EP-1", guards=(syncing, no_rollback_in_progress, end_is_undecided, end_was_false))
def withdraw_end(peer: Peer) -> Step:
    """A rollback has shown that the suspected end was false: the peer ticks again."""
    ending = evolve(peer.ending, phase=Phase.RUNNING, deadline=None)
    return evolve(peer, ending=ending), (EndWithdrawn(peer.frame),)


@frozen
class Decision:
    """Where the episode ends."""

    end: int
    """The termination frame."""


@guard("EP-1")
def frames_below_end_are_canonical(peer: Peer, decision: Decision) -> bool:
    """Every record below the end is canonical, hence confirmed."""
    return 1 <= decision.end <= peer.buffers.promoted


@guard("EP-1", "EP-2")
def end_is_certain(peer: Peer, decision: Decision) -> bool:
    """The episode is over after the last frame below the end and not before it; or a partner announced this end."""
    end = decision.end
    if end == peer.ending.termination and not peer.ending.alone:
        return True
    canonical = peer.buffers.canonical
    return canonical[end - 1].record.over and (end == 1 or not canonical[end - 2].record.over)


@transition(
    "EP-1",
    "EP-2",
    takes=Decision,
    guards=(
        end_is_in_sight,
        no_rollback_in_progress,
        end_is_undecided,
        frames_below_end_are_canonical,
        end_is_certain,
    ),
)
def decide_end(peer: Peer, decision: Decision) -> Step:
    """The peer decides its termination frame, on confirmed frames only."""
    end = decision.end
    ending = evolve(
        peer.ending,
        own=end,
        own_digest=peer.buffers.canonical[end - 1].digest,
        termination=_lower(peer.ending.termination, end),
    )
    return evolve(peer, ending=ending), (EndDecided(end), *_far_apart(peer, end))


@frozen
class EndArrival:
    """The end that a partner announces."""

    player: Player
    """The sender."""
    epoch: int
    end: int
    """The termination frame."""
    game: str
    """The session of the message."""


@guard("EP-2")
def end_is_new(peer: Peer, arrival: EndArrival) -> bool:
    """The partner has not announced its end before."""
    return peer.ending.announced.get(arrival.player) is None


@guard("EP-2", "IN-7")
def end_is_plausible(peer: Peer, arrival: EndArrival) -> bool:
    """The announced end is positive, and not further ahead than an input may be."""
    return 1 <= arrival.end <= peer.frame + peer.config.max_frames_ahead


@transition(
    "EP-2",
    takes=EndArrival,
    guards=(same_session, same_epoch, from_a_partner, episode_is_open, end_is_new, end_is_plausible),
)
def receive_end(peer: Peer, arrival: EndArrival) -> Step:
    """What a partner announces is recorded; the termination frame is the minimum over all peers."""
    ending = evolve(
        peer.ending,
        announced=peer.ending.announced.set(arrival.player, arrival.end),
        termination=_lower(peer.ending.termination, arrival.end),
    )
    return evolve(peer, ending=ending), (EndHeard(arrival.player, arrival.end), *_far_apart(peer, arrival.end))


@guard("EP-3")
def all_ends_are_known(peer: Peer) -> bool:
    """Every partner has announced its end."""
    return peer.ending.announced.covers(peer.config.partners)


@guard("EP-3", "EP-10")
def frames_below_termination_are_simulated(peer: Peer) -> bool:
    """The termination frame is known, and every frame below it has been simulated."""
    return peer.ending.termination is not None and peer.ending.termination <= peer.frame


@transition(
    "EP-3",
    "EP-4",
    takes=Clock,
    guards=(syncing, no_rollback_in_progress, all_ends_are_known, frames_below_termination_are_simulated),
)
def begin_wait(peer: Peer, clock: Clock) -> Step:
    """The confirmation wait begins, with its deadline."""
    deadline = clock.now + peer.config.confirmation_timeout_ms
    ending = evolve(peer.ending, phase=Phase.WAITING, deadline=deadline)
    return evolve(peer, ending=ending), (WaitBegun(given(peer.ending.termination) - 1, deadline),)


@transition(
    "EP-9",
    takes=Clock,
    guards=(syncing, deadline_has_passed, queues_are_drained, no_rollback_pending, no_rollback_in_progress),
)
def give_up_on_partners(peer: Peer, clock: Clock) -> Step:
    """A partner's end did not arrive: the peer goes on alone, with the end in sight, through the same wait."""
    end = peer.simulation.steps if peer.simulation.over else peer.frame
    termination = _lower(peer.ending.termination, end)
    deadline = clock.now + peer.config.confirmation_timeout_ms
    ending = evolve(peer.ending, phase=Phase.WAITING, deadline=deadline, termination=termination, alone=True)
    return evolve(peer, ending=ending), (PartnerEndMissing(termination), WaitBegun(termination - 1, deadline))


@guard("EP-6")
def target_is_confirmed(peer: Peer) -> bool:
    """Every frame below the termination frame is confirmed."""
    return peer.confirmed >= given(peer.ending.termination) - 1


@guard("EP-2")
def end_is_decided(peer: Peer) -> bool:
    """The peer has decided its own end, or goes on alone."""
    return peer.ending.own is not None or peer.ending.alone


@transition(
    "EP-5",
    "EP-6",
    guards=(
        waiting,
        queues_are_drained,
        no_rollback_pending,
        no_rollback_in_progress,
        nothing_left_to_confirm,
        end_is_decided,
        target_is_confirmed,
    ),
)
def succeed_wait(peer: Peer) -> Step:
    """The confirmation wait succeeds."""
    ending = evolve(peer.ending, phase=Phase.COMPLETING, deadline=None)
    return evolve(peer, ending=ending), (WaitSucceeded(peer.confirmed, given(peer.ending.termination) - 1),)


@transition(
    "EP-5",
    "EP-7",
    takes=Clock,
    guards=(
        waiting,
        deadline_has_passed,
        queues_are_drained,
        no_rollback_pending,
        no_rollback_in_progress,
        nothing_left_to_confirm,
    ),
)
def expire_wait(peer: Peer, _: Clock) -> Step:
    """The confirmation wait reaches its deadline; the episode completes anyway."""
    ending = evolve(peer.ending, phase=Phase.COMPLETING, deadline=None, timed_out=True)
    return evolve(peer, ending=ending), (WaitTimedOut(peer.confirmed, given(peer.ending.termination) - 1),)


@guard("EP-8", "EP-10")
def rows_are_canonical(peer: Peer) -> bool:
    """Every record below the termination frame is canonical."""
    return peer.buffers.promoted >= given(peer.ending.termination)


@transition("EP-8", guards=(completing, no_rollback_pending, no_rollback_in_progress, rows_are_canonical))
def complete_episode(peer: Peer) -> Step:
    """The episode completes; records at or beyond the termination frame are discarded."""
    termination = given(peer.ending.termination)
    buffers = evolve(
        peer.buffers,
        speculative=peer.buffers.speculative.cleared(),
        canonical=peer.buffers.canonical.before(termination),
    )
    confirmed = not peer.ending.alone and not peer.ending.timed_out
    peer = evolve(peer, buffers=buffers, ending=evolve(peer.ending, phase=Phase.COMPLETED))
    return peer, (EpisodeCompleted(termination, confirmed),)


@guard("EP-10")
def completed(peer: Peer) -> bool:
    """The episode is complete and has not been exported."""
    return peer.ending.phase == Phase.COMPLETED


@transition("EP-10", guards=(completed, no_rollback_in_progress))
def export_episode(peer: Peer) -> Step:
    """The canonical records are read by `reference.export`, once."""
    return evolve(peer, ending=evolve(peer.ending, phase=Phase.EXPORTED)), (EpisodeExported(peer.epoch),)


@guard("EP-10", "EP-11")
def exported(peer: Peer) -> bool:
    """The episode has been exported."""
    return peer.ending.phase == Phase.EXPORTED


@transition("EP-11", "IN-11", guards=(exported, no_rollback_in_progress))
def reset_episode(peer: Peer) -> Step:
    """The next episode begins: its epoch is higher by one, and nothing but links and metrics is left of the last."""
    epoch = peer.epoch + 1
    return begin_episode(peer, epoch), (EpisodeReset(epoch),)


def _lower(termination: int | None, end: int) -> int:
    return end if termination is None else min(termination, end)


def _far_apart(peer: Peer, end: int) -> tuple[Event, ...]:
    other = peer.ending.termination
    if other is not None and (end > other + END_TOLERANCE or end < other - END_TOLERANCE):
        return (EndsDiffer(end, other),)
    return ()
