"""A protocol of one's own: the present one with one guard changed, a transition and a part of the state
added, and a theorem about them.

    rollproof verify --protocol protocol.py

proves it, or shows the shortest run that goes wrong. Change something and run it again, or leave `--watch` running.
"""

from __future__ import annotations

from typing import Any

from rollproof import (
    PROTOCOL,
    Clauses,
    Extra,
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


# --- a new part of the state: whether there was a complaint in this episode -------------------------------------------


@frozen
class Heard(Extra):
    """What this protocol keeps in a peer beside what every protocol does."""

    complained: bool = False

    def cleared(self) -> Heard:
        """Return it as it is before frame 0 of an episode: nothing survives a reset."""
        return Heard()


# --- a new transition: a partner says that it misses inputs, and is sent them as soon as possible ---------------------


@frozen
class Complaint:
    """Which partner misses something."""

    player: Player


@transition(takes=Complaint, guards=(from_a_partner,))
def hear_complaint(peer: Peer, complaint: Complaint) -> Step:
    """What this partner has not acknowledged is due to be sent again at once, and the complaint is noted."""
    delivery = evolve(peer.deliveries[complaint.player], inputs_due=0)
    extra = evolve(peer.extra, complained=True)
    return evolve(peer, deliveries=peer.deliveries.set(complaint.player, delivery), extra=extra), ()


# --- what is stated: a theorem of one's own, and when each of the two is possible (LI-3) ------------------------------


@theorem(of="step", trusting=False)
def complaints_are_heeded(q: Logic, step: StepView) -> Clauses:
    """After a complaint nothing holds back what that partner misses; it is noted, until the episode is over."""
    old, new = step.before.deliveries, step.after.deliveries
    complains = step.transition == hear_complaint.name
    before, after = step.before.extra.complained, step.after.extra.complained

    def heeded() -> Formula:
        player = step.args["player"]
        return q.all_of(
            q.has(new, player),
            q.at(new, player, lambda it: it.inputs_due == 0),
            q.at(new, player, lambda it: q.at(old, player, lambda was: it.acknowledged == was.acknowledged)),
        )

    return {
        "due": q.implies(complains, heeded),
        "noted": q.implies(complains, lambda: after),
        "kept": q.implies(not complains and step.transition != "reset_episode", lambda: after == before),
    }


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

MINE = PROTOCOL.replace("mine", compare_hash).extend("mine", hear_complaint).keeping(Heard())
