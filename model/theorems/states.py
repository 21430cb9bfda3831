"""The theorems about every state of a peer, and about any two peers."""

from __future__ import annotations

from typing import Any

from rollproof.model.theorems.definitions import done, is_lockstep
from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.property import Clauses, theorem
from rollproof.reference.state import Phase


@theorem("BUF-6")
def canonical_is_lockstep(q: Logic, peer: Any) -> Clauses:
    """A canonical record that is not flagged is the lockstep record: what everyone really did, and what follows."""
    return {
        "record": q.frames(
            lambda frame: q.at(
                peer.buffers.canonical,
                frame,
                lambda it: q.implies(q.no(it.unconfirmed), lambda: is_lockstep(q, peer, it.record, frame)),
            )
        )
    }


@theorem("BUF-6", "IN-3", trusting=False)
def a_lie_spoils_no_other_column(q: Logic, peer: Any) -> Clauses:
    """A canonical record that is not flagged has what each honest player really did, whatever other players say."""
    truth = q.truth(peer)

    def is_true(player: Any, frame: Any, it: Any) -> Formula:
        return q.implies(
            q.all_of(q.is_honest(player), q.no(it.unconfirmed)),
            lambda: it.record.actions.of(player) == truth.action(player, frame),
        )

    return {
        "column": q.players(
            lambda player: q.frames(
                lambda frame: q.at(peer.buffers.canonical, frame, lambda it: is_true(player, frame, it))
            )
        )
    }


@theorem("RB-1", "RB-2", "RB-6", trusting=False)
def every_misprediction_is_covered(q: Logic, peer: Any) -> Clauses:
    """A simulated frame whose record has an action now known to be wrong lies at or after the pending rollback."""
    pending = peer.rollback.pending

    def is_covered(frame: Any) -> Formula:
        return q.all_of(q.is_there(pending), q.given(pending, lambda target: target <= frame))

    def one(player: Any, frame: Any, record: Any) -> Formula:
        return q.at(
            peer.inputs.known,
            player,
            frame,
            lambda action: q.any_of(record.actions.of(player) == action, is_covered(frame)),
        )

    return {
        "covered": q.frames(
            lambda frame: q.at(
                peer.buffers.speculative, frame, lambda record: q.players(lambda player: one(player, frame, record))
            )
        )
    }


@theorem("BUF-2", trusting=False)
def confirmed_prefix_has_no_holes(q: Logic, peer: Any) -> Clauses:
    """Every frame up to the confirmed one is simulated and has every player's input."""
    return {
        "inputs": q.frames(
            lambda frame: q.implies(
                q.all_of(frame >= 0, frame <= peer.confirmed),
                lambda: q.players(lambda player: q.has(peer.inputs.known, player, frame)),
            )
        ),
        "simulated": peer.confirmed < done(q, peer),
    }


@theorem("BUF-7", trusting=False)
def buffers_are_disjoint_and_gapless(q: Logic, peer: Any) -> Clauses:
    """Every frame that is simulated and counts is in exactly one buffer, and nothing else is in either."""
    buffers = peer.buffers
    open_, closed = peer.ending.phase < Phase.COMPLETED, peer.ending.phase > Phase.COMPLETING
    last = q.value_or(peer.ending.termination, 0)

    def in_order(frame: Any) -> Formula:
        return q.all_of(
            q.iff(q.has(buffers.canonical, frame), q.all_of(frame >= 0, frame < buffers.promoted)),
            q.iff(
                q.has(buffers.speculative, frame),
                q.all_of(frame >= buffers.promoted, frame < done(q, peer)),
            ),
        )

    def complete(frame: Any) -> Formula:
        return q.all_of(
            q.iff(q.has(buffers.canonical, frame), q.all_of(frame >= 0, frame < last)),
            q.no(q.has(buffers.speculative, frame)),
        )

    return {
        "during the episode": q.implies(open_, lambda: q.frames(in_order)),
        "afterwards": q.implies(closed, lambda: q.frames(complete)),
    }


@theorem("EP-8", "BUF-8", trusting=False)
def forced_rows_are_flagged(q: Logic, peer: Any) -> Clauses:
    """A canonical record is flagged unconfirmed exactly if its frame is not confirmed."""
    return {
        "flag": q.frames(
            lambda frame: q.at(peer.buffers.canonical, frame, lambda it: q.iff(it.unconfirmed, frame > peer.confirmed))
        ),
        "only after the wait": q.implies(
            peer.ending.phase < Phase.COMPLETING,
            lambda: q.frames(lambda frame: q.at(peer.buffers.canonical, frame, lambda it: q.no(it.unconfirmed))),
        ),
    }


@theorem("EP-6", "EP-7", trusting=False)
def wait_succeeds_only_when_confirmed(q: Logic, peer: Any) -> Clauses:
    """An episode whose wait did not time out has every frame below its termination frame confirmed."""
    ending = peer.ending
    return {
        "confirmed": q.implies(
            q.all_of(ending.phase > Phase.WAITING, q.no(ending.timed_out)),
            lambda: q.given(ending.termination, lambda end: peer.confirmed >= end - 1),
        )
    }


@theorem("EP-2", "EP-6", trusting=False)
def success_has_a_decided_end(q: Logic, peer: Any) -> Clauses:
    """A peer whose wait succeeded with every end known has decided its own end, so that its partners hear of it."""
    ending = peer.ending
    return {
        "own end": q.implies(
            q.all_of(ending.phase > Phase.WAITING, q.no(ending.alone), q.no(ending.timed_out)),
            lambda: q.is_there(ending.own),
        )
    }


@theorem("EP-1", "EP-12", of="consequence")
def termination_is_lockstep(q: Logic, peer: Any) -> Clauses:
    """The termination frame of an episode that ended with every end known is that of the lockstep run."""
    ending = peer.ending
    true = q.truth(peer).end
    return {
        "termination": q.implies(
            q.all_of(ending.phase > Phase.WAITING, q.no(ending.alone)),
            lambda: q.given(
                ending.termination,
                lambda end: q.all_of(q.is_there(true), q.given(true, lambda frame: frame == end)),
            ),
        )
    }


@theorem("EP-10", "EP-8", of="consequence", trusting=False)
def export_is_canonical_gapless_once(q: Logic, peer: Any) -> Clauses:
    """A completed episode has exactly one canonical record for every frame below the termination frame."""
    ending = peer.ending
    closed = ending.phase > Phase.COMPLETING
    return {
        "termination": q.implies(closed, lambda: q.is_there(ending.termination)),
        "rows": q.implies(
            closed,
            lambda: q.frames(
                lambda frame: q.given(
                    ending.termination,
                    lambda end: q.iff(q.has(peer.buffers.canonical, frame), q.all_of(frame >= 0, frame < end)),
                )
            ),
        ),
        "no rollback": q.implies(
            closed, lambda: q.no(q.any_of(q.is_there(peer.rollback.pending), q.is_there(peer.rollback.cursor)))
        ),
    }


@theorem("BUF-2", "BUF-3", "IN-9", of="consequence", trusting=False)
def quiescent_peer_is_complete(q: Logic, peer: Any) -> Clauses:
    """If every input has arrived and no internal step is left to take, every simulated frame is canonical."""
    frame = peer.confirmed + 1
    nothing_to_do = q.all_of(
        peer.ending.phase < Phase.COMPLETING,
        q.no(q.is_there(peer.rollback.pending)),
        q.no(q.is_there(peer.rollback.cursor)),
        q.no(q.all_of(frame < peer.frame, q.players(lambda player: q.has(peer.inputs.known, player, frame)))),
        peer.buffers.promoted > peer.confirmed,
    )
    everything_known = q.frames(
        lambda each: q.implies(
            q.all_of(each >= 0, each < peer.frame),
            lambda: q.players(lambda player: q.has(peer.inputs.known, player, each)),
        )
    )
    return {
        "canonical": q.implies(q.all_of(nothing_to_do, everything_known), lambda: peer.buffers.promoted == peer.frame)
    }


@theorem("ME-2", "TR-2", trusting=False)
def metrics_match_events(q: Logic, peer: Any) -> Clauses:
    """Sent counters add up to inputs submitted, and the greatest depth is the maximum over the rollbacks."""
    metrics = peer.metrics
    return {
        "sent": metrics.inputs_sent_p2p + metrics.inputs_sent_relay == metrics.inputs_submitted,
        "greatest": q.positions(metrics.rollbacks, lambda entry: entry.depth <= metrics.greatest_depth),
        "reached": q.any_of(
            metrics.greatest_depth == 0,
            q.no(q.positions(metrics.rollbacks, lambda entry: entry.depth != metrics.greatest_depth)),
        ),
        "depth": q.positions(
            metrics.rollbacks,
            lambda entry: q.all_of(entry.depth > 0, entry.depth == entry.current_frame - entry.target),
        ),
        "misprediction": q.positions(
            metrics.mispredictions,
            lambda entry: q.all_of(
                entry.depth > 0,
                entry.depth == entry.current_frame - entry.frame,
                q.no(entry.predicted == entry.actual),
            ),
        ),
    }


@theorem("IN-3", "ME-4")
def no_false_alarm(q: Logic, peer: Any) -> Clauses:
    """Among peers that keep the protocol no conflict and no desync is ever reported."""
    return {
        "conflicts": peer.metrics.input_conflicts == 0,
        "mismatches": peer.metrics.hash_mismatches == 0,
        "first mismatch": q.no(q.is_there(peer.desync.first_mismatch)),
    }


@theorem("EP-13", of="pair")
def peers_agree_or_one_reports_degraded(q: Logic, peer: Any, other: Any) -> Clauses:
    """Two completed peers export the same rows; if one did not confirm, the rows that neither flags are the same."""
    closed = q.all_of(
        peer.epoch == other.epoch,
        peer.ending.phase > Phase.COMPLETING,
        other.ending.phase > Phase.COMPLETING,
    )
    confirmed = q.no(q.any_of(peer.ending.alone, peer.ending.timed_out, other.ending.alone, other.ending.timed_out))

    def same_row(frame: Any) -> Formula:
        return q.at(
            peer.buffers.canonical,
            frame,
            lambda mine: q.at(
                other.buffers.canonical,
                frame,
                lambda theirs: q.implies(
                    q.no(q.any_of(mine.unconfirmed, theirs.unconfirmed)),
                    lambda: q.all_of(
                        q.equal(mine.record.actions, theirs.record.actions),
                        q.equal(mine.record.outcome, theirs.record.outcome),
                        q.equal(mine.record.returns, theirs.record.returns),
                        mine.record.steps == theirs.record.steps,
                        q.iff(mine.record.over, theirs.record.over),
                    ),
                ),
            ),
        )

    def in_both(frame: Any) -> Formula:
        return q.all_of(
            q.iff(q.has(peer.buffers.canonical, frame), q.has(other.buffers.canonical, frame)),
            q.at(peer.buffers.canonical, frame, lambda it: q.no(it.unconfirmed)),
        )

    return {
        "rows": q.implies(closed, lambda: q.frames(same_row)),
        "length": q.implies(q.all_of(closed, confirmed), lambda: q.frames(in_both)),
    }
