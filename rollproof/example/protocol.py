"""A protocol of one's own: the present one with one guard changed, one transition added, and a theorem about it.

    rollproof verify --protocol protocol.py

proves it, or shows the shortest run that goes wrong. Change something and run it again, or leave `--watch` running.
"""

from __future__ import annotations

from typing import Any

from rollproof import (
    PROTOCOL,
    Clauses,
    Formula,
    Logic,
    Peer,
    Phase,
    Player,
    Step,
    StepView,
    evolve,
    frozen,
    theorem,
    transition,
)
from rollproof.reference.guards import episode_is_open, from_a_partner

# --- a changed guard: hashes are compared only while the episode is open ----------------------------------------------

compare_hash = PROTOCOL.transitions["compare_hash"]
compare_hash = compare_hash.guarded_by(*compare_hash.guards, episode_is_open)


# --- a new transition: a partner says that it misses inputs, and is sent them as soon as possible ---------------------


@frozen
class Complaint:
    """Which partner misses something."""

    player: Player


@transition(takes=Complaint, guards=(from_a_partner,))
def hear_complaint(peer: Peer, complaint: Complaint) -> Step:
    """What this partner has not acknowledged is due to be sent again at once."""
    delivery = evolve(peer.deliveries[complaint.player], inputs_due=0)
    return evolve(peer, deliveries=peer.deliveries.set(complaint.player, delivery)), ()


# --- what is stated: a theorem of one's own, and when each of the two is possible (LI-3) ------------------------------


@theorem(of="step", trusting=False)
def complaints_are_heeded(q: Logic, step: StepView) -> Clauses:
    """After a complaint nothing holds back what that partner misses, and what it has acknowledged stays."""
    old, new = step.before.deliveries, step.after.deliveries

    def heeded() -> Formula:
        player = step.args["player"]
        return q.all_of(
            q.has(new, player),
            q.at(new, player, lambda it: it.inputs_due == 0),
            q.at(new, player, lambda it: q.at(old, player, lambda was: it.acknowledged == was.acknowledged)),
        )

    return {"due": q.implies(step.transition == hear_complaint.name, heeded)}


def when_hashes_are_compared(q: Logic, peer: Any, args: Any) -> Formula:
    """A partner's hash was heard of a frame that is canonical here and confirmed, while the episode is open."""
    player, frame = args["player"], args["frame"]
    partner = q.all_of(q.is_player(player), player != peer.config.player)
    record = peer.buffers.canonical
    return q.all_of(
        partner,
        q.implies(partner, lambda: q.has(peer.desync.heard, player, frame)),
        q.has(record, frame),
        q.at(record, frame, lambda it: q.no(it.unconfirmed)),
        peer.ending.phase < Phase.COMPLETING,
    )


def when_complaints_are_heard(q: Logic, peer: Any, args: Any) -> Formula:
    """Whenever a partner complains."""
    return q.all_of(q.is_player(args["player"]), args["player"] != peer.config.player)


CONDITIONS = {"compare_hash": when_hashes_are_compared, "hear_complaint": when_complaints_are_heard}
"""By transition. Without the first the theorem `possible_exactly_when_the_rules_say` refutes the changed guard."""

MINE = PROTOCOL.replace("mine", compare_hash).extend("mine", hear_complaint)
