"""The lemmas: what else is true of every reachable state, without which the theorems would not be inductive."""

from __future__ import annotations

from typing import Any

from rollproof.model.theorems.definitions import done, follows, reports, simulation_before
from rollproof.model.theorems.logic import Logic
from rollproof.model.theorems.property import Clauses, lemma
from rollproof.reference.state import Phase


@lemma("BUF-2", "BUF-3", trusting=False)
def counters_are_in_order(q: Logic, peer: Any) -> Clauses:
    """The promoted, confirmed and simulated frames follow each other."""
    return {
        "frame": peer.frame >= 0,
        "confirmed": q.all_of(peer.confirmed >= -1, peer.confirmed < peer.frame),
        "promoted": q.all_of(peer.buffers.promoted >= 0, peer.buffers.promoted <= peer.frame),
        "promoted is confirmed": q.implies(
            peer.ending.phase < Phase.COMPLETING, lambda: peer.buffers.promoted <= peer.confirmed + 1
        ),
        "confirmed is promoted": q.implies(
            q.no(peer.ending.phase < Phase.COMPLETING), lambda: peer.buffers.promoted > peer.confirmed
        ),
    }


@lemma("EP-1", "IN-2", trusting=False)
def parts_are_of_their_kind(q: Logic, peer: Any) -> Clauses:
    """The phase is one that there is, and no queue or log has fewer items than none."""
    phase = peer.ending.phase
    return {
        "phase": q.any_of(*(phase == each for each in Phase)),
        "p2p": q.length(peer.inputs.p2p) >= 0,
        "relay": q.length(peer.inputs.relay) >= 0,
        "rollbacks": q.length(peer.metrics.rollbacks) >= 0,
        "mispredictions": q.length(peer.metrics.mispredictions) >= 0,
    }


@lemma("RB-1", "RB-4", trusting=False)
def rollback_lies_ahead_of_promoted(q: Logic, peer: Any) -> Clauses:
    """A rollback concerns unpromoted frames only, one at a time, and is over when the wait is."""
    return {
        "pending": q.given(
            peer.rollback.pending,
            lambda target: q.all_of(
                peer.buffers.promoted <= target,
                target < peer.frame,
                q.no(q.is_there(peer.rollback.cursor)),
                peer.ending.phase < Phase.COMPLETING,
            ),
        ),
        "cursor": q.given(
            peer.rollback.cursor,
            lambda cursor: q.all_of(
                peer.confirmed < cursor, cursor <= peer.frame, peer.ending.phase < Phase.COMPLETING
            ),
        ),
    }


@lemma("IN-3", "IN-10", "IN-11")
def known_inputs_are_true(q: Logic, peer: Any) -> Clauses:
    """A known input is what its player really did in that frame of this episode."""
    truth = q.truth(peer)
    known = peer.inputs.known
    return {
        "action": q.players(
            lambda player: q.frames(
                lambda frame: q.at(known, player, frame, lambda action: action == truth.action(player, frame))
            )
        ),
    }


@lemma("IN-5", trusting=False)
def early_frames_are_known(q: Logic, peer: Any) -> Clauses:
    """Every frame below the input delay is known for every player."""
    return {
        "known": q.players(
            lambda player: q.frames(
                lambda frame: q.implies(
                    q.all_of(frame >= 0, frame < peer.config.input_delay),
                    lambda: q.has(peer.inputs.known, player, frame),
                )
            )
        )
    }


@lemma("IN-5", "IN-10", trusting=False)
def local_inputs_are_scheduled_in_order(q: Logic, peer: Any) -> Clauses:
    """The local inputs are known up to `input_delay` beyond the current frame, without a hole, and no further."""
    known, me = peer.inputs.known, peer.config.player
    newest = peer.frame + peer.config.input_delay
    return {
        "no hole": q.frames(
            lambda frame: q.implies(q.all_of(frame >= 0, frame < newest), lambda: q.has(known, me, frame))
        ),
        "no further": q.frames(lambda frame: q.implies(q.has(known, me, frame), lambda: frame <= newest)),
    }


@lemma("IN-1", "IN-7", trusting=False)
def inputs_are_of_partners(q: Logic, peer: Any) -> Clauses:
    """What is queued or known is of a player of the session and of no negative frame; what is queued, of a partner."""

    def is_of_partner(item: Any) -> Any:
        return q.all_of(q.is_player(item.player), item.player != peer.config.player, item.frame >= 0)

    return {
        "p2p": q.positions(peer.inputs.p2p, is_of_partner),
        "relay": q.positions(peer.inputs.relay, is_of_partner),
        "known": q.players(
            lambda player: q.frames(
                lambda frame: q.implies(q.has(peer.inputs.known, player, frame), lambda: frame >= 0)
            )
        ),
    }


@lemma("IN-1", "IN-7")
def queued_inputs_are_true(q: Logic, peer: Any) -> Clauses:
    """A queued input is what its player really did in that frame of this episode."""
    truth = q.truth(peer)

    def is_true(item: Any) -> Any:
        return item.action == truth.action(item.player, item.frame)

    return {"p2p": q.positions(peer.inputs.p2p, is_true), "relay": q.positions(peer.inputs.relay, is_true)}


@lemma("IN-3", "IN-10", trusting=False)
def honest_inputs_are_true(q: Logic, peer: Any) -> Clauses:
    """An honest player's input, known or queued, is what that player really did, whatever other players say."""
    truth = q.truth(peer)

    def is_true(item: Any) -> Any:
        return q.implies(q.is_honest(item.player), lambda: item.action == truth.action(item.player, item.frame))

    def known(player: Any, frame: Any) -> Any:
        return q.at(peer.inputs.known, player, frame, lambda action: action == truth.action(player, frame))

    return {
        "known": q.players(
            lambda player: q.implies(q.is_honest(player), lambda: q.frames(lambda frame: known(player, frame)))
        ),
        "p2p": q.positions(peer.inputs.p2p, is_true),
        "relay": q.positions(peer.inputs.relay, is_true),
    }


@lemma("RB-4", "RB-5", trusting=False)
def snapshots_cover_unpromoted_frames(q: Logic, peer: Any) -> Clauses:
    """There is a snapshot of exactly those frames that may still be rolled back to."""
    return {
        "present": q.frames(
            lambda frame: q.iff(
                q.has(peer.snapshots, frame), q.all_of(peer.buffers.promoted <= frame, frame < peer.frame)
            )
        )
    }


@lemma("RB-4", "RB-5", "BUF-1", trusting=False)
def records_follow_from_snapshots(q: Logic, peer: Any) -> Clauses:
    """Each unpromoted record is what its actions yield from the snapshot before it, and leads to the next one."""

    def one(frame: Any) -> Any:
        before, after = simulation_before(q, peer, frame), simulation_before(q, peer, frame + 1)
        return q.at(
            peer.buffers.speculative,
            frame,
            lambda record: q.all_of(
                follows(q, peer, before, record.actions, record.outcome, after), reports(q, record, after)
            ),
        )

    def within(frame: Any) -> Any:
        return q.all_of(peer.buffers.promoted <= frame, frame < done(q, peer), peer.ending.phase < Phase.COMPLETED)

    return {"chain": q.frames(lambda frame: q.implies(within(frame), lambda: one(frame)))}


@lemma("BUF-6")
def simulation_after_promoted_is_lockstep(q: Logic, peer: Any) -> Clauses:
    """The simulation before the first unpromoted frame is that of the lockstep run."""
    first = peer.buffers.promoted
    return {
        "simulation": q.implies(
            peer.ending.phase < Phase.COMPLETING,
            lambda: q.equal(simulation_before(q, peer, first), q.truth(peer).simulation(first)),
        )
    }


@lemma("ME-4")
def digests_are_lockstep(q: Logic, peer: Any) -> Clauses:
    """The running hash is that of the lockstep records, and so is every partner's."""
    truth = q.truth(peer)
    canonical = peer.buffers.canonical
    return {
        "own": q.implies(
            peer.ending.phase < Phase.COMPLETING,
            lambda: peer.buffers.digest == truth.digest(peer.buffers.promoted),
        ),
        "canonical": q.frames(
            lambda frame: q.at(
                canonical,
                frame,
                lambda it: q.implies(q.no(it.unconfirmed), lambda: it.digest == truth.digest(frame + 1)),
            )
        ),
        "heard": q.players(
            lambda player: q.frames(
                lambda frame: q.at(peer.desync.heard, player, frame, lambda digest: digest == truth.digest(frame + 1))
            )
        ),
        "announced": q.given(
            peer.ending.own, lambda end: q.given(peer.ending.own_digest, lambda it: it == truth.digest(end))
        ),
    }


@lemma("EP-1", "EP-3", "EP-9", trusting=False)
def phases_are_in_order(q: Logic, peer: Any) -> Clauses:
    """Each phase has what it needs: a deadline, a termination frame, everyone's end."""
    ending = peer.ending
    phase = ending.phase
    frame = peer.confirmed + 1
    known = peer.inputs.known
    deadlines = q.any_of(phase == Phase.SYNCING, phase == Phase.WAITING)
    decided = phase > Phase.SYNCING
    return {
        "deadline": q.iff(q.is_there(ending.deadline), deadlines),
        "termination": q.implies(decided, lambda: q.is_there(ending.termination)),
        "not negative": q.given(ending.termination, lambda end: end >= 0),
        "simulated": q.implies(decided, lambda: q.given(ending.termination, lambda end: end <= peer.frame)),
        "undecided while running": q.implies(phase == Phase.RUNNING, lambda: q.no(q.is_there(ending.own))),
        "alone": q.implies(ending.alone, lambda: decided),
        "timed out": q.implies(ending.timed_out, lambda: phase > Phase.WAITING),
        "all ends": q.implies(
            q.all_of(decided, q.no(ending.alone)),
            lambda: q.players(
                lambda player: q.implies(player != peer.config.player, lambda: q.has(ending.announced, player))
            ),
        ),
        "own": q.given(
            ending.own,
            lambda own: q.all_of(
                own <= peer.frame,
                q.is_there(ending.termination),
                q.given(ending.termination, lambda end: end <= own),
            ),
        ),
        "own hash": q.iff(q.is_there(ending.own), q.is_there(ending.own_digest)),
        "nothing arrives": q.implies(
            phase > Phase.WAITING,
            lambda: q.all_of(q.length(peer.inputs.p2p) == 0, q.length(peer.inputs.relay) == 0),
        ),
        "nothing to confirm": q.implies(
            q.all_of(phase > Phase.WAITING, frame < peer.frame),
            lambda: q.no(q.players(lambda player: q.has(known, player, frame))),
        ),
        "rows": q.implies(
            phase > Phase.COMPLETING,
            lambda: q.given(ending.termination, lambda end: end <= peer.buffers.promoted),
        ),
    }


@lemma("EP-1", "EP-2", "EP-12")
def ends_are_lockstep(q: Logic, peer: Any) -> Clauses:
    """Every end that is decided or announced is the termination frame of the lockstep run."""
    ending = peer.ending
    end = q.truth(peer).end

    def is_true(frame: Any) -> Any:
        return q.all_of(q.is_there(end), q.given(end, lambda true: true == frame))

    return {
        "own": q.given(ending.own, is_true),
        "announced": q.players(lambda player: q.at(ending.announced, player, is_true)),
        "termination": q.implies(q.no(ending.alone), lambda: q.given(ending.termination, is_true)),
    }


@lemma("EP-1", "EP-9", trusting=False)
def simulation_counts_its_steps(q: Logic, peer: Any) -> Clauses:
    """A simulation has taken at most one step for each frame before it."""
    return {
        "now": q.all_of(peer.simulation.steps >= 0, peer.simulation.steps <= done(q, peer)),
        "snapshots": q.frames(
            lambda frame: q.at(peer.snapshots, frame, lambda before: q.all_of(before.steps >= 0, before.steps <= frame))
        ),
    }


@lemma("EP-1", "LI-2", trusting=False)
def records_tell_where_the_episode_ends(q: Logic, peer: Any) -> Clauses:
    """After the last canonical record the simulation is as it says; the first record that is over is where it ends."""
    canonical, promoted = peer.buffers.canonical, peer.buffers.promoted
    before = simulation_before(q, peer, promoted)

    def one(frame: Any, it: Any) -> Any:
        end = it.record.steps
        first = q.all_of(
            end >= 1,
            end <= frame + 1,
            q.at(canonical, end - 1, lambda last: last.record.over),
            q.any_of(end == 1, q.at(canonical, end - 2, lambda other: q.no(other.record.over))),
        )
        return q.when(it.record.over, lambda: first, lambda: end == frame + 1)

    open_ = peer.ending.phase < Phase.COMPLETING
    return {
        "start": q.implies(q.all_of(open_, promoted == 0), lambda: q.all_of(q.no(before.over), before.steps == 0)),
        "last": q.implies(
            open_,
            lambda: q.at(
                canonical,
                promoted - 1,
                lambda it: q.all_of(q.iff(before.over, it.record.over), before.steps == it.record.steps),
            ),
        ),
        "first over": q.implies(
            open_, lambda: q.frames(lambda frame: q.at(canonical, frame, lambda it: one(frame, it)))
        ),
        "announced": q.implies(q.no(peer.ending.alone), lambda: q.given(peer.ending.termination, lambda end: end >= 1)),
    }


@lemma("IN-9", "TR-1", trusting=False)
def every_partner_has_a_link(q: Logic, peer: Any) -> Clauses:
    """There is a link to every partner, and an account of what it has received."""

    def partner(player: Any, holds: Any) -> Any:
        return q.implies(player != peer.config.player, lambda: holds)

    return {
        "link": q.players(lambda player: partner(player, q.has(peer.links, player))),
        "delivery": q.players(lambda player: partner(player, q.has(peer.deliveries, player))),
    }
